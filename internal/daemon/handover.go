package daemon

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/relay"
	"holdfast/internal/status"
)

// HandOver implements api.Control.
func (c control) HandOver(ctx context.Context, instances []string) ([]api.HandedOver, error) {
	s, err := c.w.snapshots.anew(ctx)
	if err != nil {
		return nil, err
	}
	if len(instances) == 0 {
		instances = masters(s)
	}
	for _, name := range instances {
		if v := s.Instance(name); v == nil {
			return nil, noInstance(name)
		} else if v.Role != "MASTER" {
			return nil, fmt.Errorf("instance %s is %s: only a MASTER can hand over; ask the node that is, `holdfast status` names it", name, v.Role)
		}
	}
	return c.yield(ctx, s, instances, &relay.Down{HandOver: instances})
}

func noInstance(name string) error {
	return fmt.Errorf("there is no instance %q; `holdfast status` lists them", name)
}

// TakeBack implements api.Control.
func (c control) TakeBack(ctx context.Context, instances []string) error {
	s, err := c.w.snapshots.anew(ctx)
	if err != nil {
		return err
	}
	for _, name := range instances {
		if s.Instance(name) == nil {
			return noInstance(name)
		}
	}
	if len(instances) == 0 {
		for i := range s.Router.Instances {
			instances = append(instances, s.Router.Instances[i].Name)
		}
	}
	c.w.send(&relay.Down{TakeBack: instances})
	return nil
}

// Maintain implements api.Control. The file is there before the router knows, and until it does.
func (c control) Maintain(ctx context.Context, on bool) ([]api.HandedOver, error) {
	s, err := c.w.snapshots.anew(ctx)
	if err != nil {
		return nil, err
	}
	path := c.w.opts.MaintenanceFile()
	if !on {
		c.w.send(&relay.Down{Maintain: relay.MaintenanceOff})
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, fmt.Errorf("end the maintenance: %w", err)
		}
		return []api.HandedOver{}, nil
	}
	if err := os.WriteFile(path, nil, 0o600); err != nil {
		return nil, fmt.Errorf("begin the maintenance: %w", err)
	}
	return c.yield(ctx, s, masters(s), &relay.Down{Maintain: relay.MaintenanceOn})
}

// masters are the names of those that are MASTER.
func masters(s *status.Snapshot) (names []string) {
	for i := range s.Router.Instances {
		if v := &s.Router.Instances[i]; v.Role == "MASTER" {
			names = append(names, v.Name)
		}
	}
	return names
}

// yield sends the wish and waits until each instance has another role, or the time is over
// after which a MASTER goes on whom nobody relieves.
func (c control) yield(ctx context.Context, s *status.Snapshot, instances []string, wish *relay.Down) ([]api.HandedOver, error) {
	ctx, cancel := context.WithTimeout(ctx, longest(s, instances))
	defer cancel()
	start, seq := time.Now(), c.w.journal.Last()
	c.w.send(wish)
	left := map[string]status.Event{}
	for len(left) < len(instances) {
		list, err := c.w.journal.Events(ctx, seq, true)
		if err != nil {
			break // the time is over
		}
		for _, e := range list {
			if seq = e.Seq; e.Kind == status.RoleEvent && slices.Contains(instances, e.Name) {
				left[e.Name] = e
			}
		}
	}
	all := []api.HandedOver{}
	for _, name := range instances {
		all = append(all, became(name, left, start))
	}
	return all, nil
}

// became is what became of an instance, by the event of its change.
func became(name string, left map[string]status.Event, start time.Time) api.HandedOver {
	e, changed := left[name]
	if !changed {
		return api.HandedOver{Instance: name, Role: "MASTER", Took: time.Since(start), Reason: "nobody took over"}
	}
	h := api.HandedOver{Instance: name, Role: e.To, Took: e.Time.Sub(start), Reason: e.Reason}
	if _, by, ok := strings.Cut(e.Reason, "handed over to "); ok {
		h.By = by
	}
	return h
}

// longest is how long a MASTER waits for a successor: the skew of the weakest one and an
// interval, and what it takes to hear of it here.
func longest(s *status.Snapshot, instances []string) time.Duration {
	wait := time.Duration(0)
	for _, name := range instances {
		interval := s.Instance(name).Interval
		wait = max(wait, interval+max(interval, time.Second))
	}
	return wait + time.Second
}
