package show

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/cli"
	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// Daemon answers the API for a node, without one: its time goes on, and its connections go up and down.
type Daemon struct {
	// Chronicle is what happens.
	api.Chronicle

	mu    sync.Mutex
	seen  *status.Snapshot
	began time.Time
	acts  []string
	mute  bool
}

var _ api.Control = (*Daemon)(nil)

// NewDaemon is that of a node with what has happened.
func NewDaemon(seen *status.Snapshot, past []status.Event) *Daemon {
	d := &Daemon{seen: seen, began: time.Now()}
	for _, e := range past {
		d.Add(e)
	}
	return d
}

// Answer answers on a socket until the test ends.
func (d *Daemon) Answer(t testing.TB) api.Client {
	t.Helper()
	return answer(t, &api.Server{Control: d})
}

// AnswerGate answers as it does to the gate that lets other machines in, which is to be part of the test.
func (d *Daemon) AnswerGate(t testing.TB) api.Client {
	t.Helper()
	s := &api.Server{Control: d}
	s.Trust(os.Getpid())
	return answer(t, s)
}

func answer(t testing.TB, s *api.Server) api.Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := api.Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s.Why, s.MetricsType, s.Metrics = cli.Why, "text/plain", func(io.Writer, *status.Snapshot) error { return nil }
	go func() { _ = s.Serve(l) }() // until it is closed
	t.Cleanup(func() { _ = l.Close() })
	return api.Client{Socket: path}
}

// Change changes what is to be seen.
func (d *Daemon) Change(f func(*status.Snapshot)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	f(d.seen)
}

// Mute has it refuse to be looked at, or no more.
func (d *Daemon) Mute(on bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.mute = on
}

// Acts are what was asked for.
func (d *Daemon) Acts() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return strings.Join(d.acts, "\n")
}

func (d *Daemon) acted(format string, args ...any) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.acts = append(d.acts, fmt.Sprintf(format, args...))
}

// Snapshot implements api.Control.
func (d *Daemon) Snapshot(context.Context) (*status.Snapshot, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.mute {
		return nil, errors.New("nobody is there")
	}
	s, r := *d.seen, *d.seen.Router
	passed := time.Since(d.began)
	s.Time, s.At = s.Time.Add(passed), s.At+mono.Instant(passed)
	r.At, s.Router = s.At, &r
	r.Instances = slices.Clone(d.seen.Router.Instances)
	for i := range r.Instances {
		if v := &r.Instances[i]; v.Heard != 0 {
			v.Heard += mono.Instant(passed.Truncate(time.Second))
		}
	}
	s.Balanced = swell(s.Balanced, s.At, passed)
	return &s, nil
}

// swell has the rates go up and down.
func swell(b *status.Balanced, at mono.Instant, passed time.Duration) *status.Balanced {
	if b == nil {
		return nil
	}
	part := func(n uint64, phase float64) uint64 {
		return uint64(float64(n) * (0.8 + 0.2*math.Sin(passed.Seconds()/3+phase)))
	}
	now := &status.Balanced{At: at, Repairs: b.Repairs}
	for i, s := range b.Services {
		s.Counters.ConnRate = part(s.Counters.ConnRate, float64(i))
		s.Destinations = append([]status.Destination(nil), s.Destinations...)
		for j := range s.Destinations {
			c := &s.Destinations[j].Counters
			c.ConnRate = part(c.ConnRate, float64(i+j))
		}
		now.Services = append(now.Services, s)
	}
	return now
}

// Balanced implements api.Control.
func (d *Daemon) Balanced(ctx context.Context) (*status.Balanced, error) {
	s, err := d.Snapshot(ctx)
	if err != nil {
		return nil, err
	}
	return s.Balanced, nil
}

// HandOver implements api.Control.
func (d *Daemon) HandOver(_ context.Context, names []string) (list []api.HandedOver, err error) {
	d.acted("handover %s", strings.Join(names, " "))
	for _, name := range names {
		list = append(list, api.HandedOver{Instance: name, Role: "BACKUP", By: "192.0.2.2", Took: 12 * time.Millisecond})
	}
	return list, nil
}

// TakeBack implements api.Control.
func (d *Daemon) TakeBack(_ context.Context, names []string) error {
	d.acted("takeback %s", strings.Join(names, " "))
	return nil
}

// Maintain implements api.Control.
func (d *Daemon) Maintain(_ context.Context, on bool) ([]api.HandedOver, error) {
	d.acted("maintenance %t", on)
	return []api.HandedOver{}, nil
}

// Serve implements api.Control.
func (d *Daemon) Serve(_ context.Context, o api.ServerOrder) error {
	d.acted("server %s drain %t", o.Server, o.Drain)
	return nil
}

// Recheck implements api.Control.
func (d *Daemon) Recheck(_ context.Context, server netip.AddrPort, _ string) ([]api.Rechecked, error) {
	d.acted("recheck %s", server)
	return []api.Rechecked{{Server: server.String(), Virtual: "192.0.2.100:443", Kind: "TCP_CHECK", Result: "failed", Reason: "connection refused"}}, nil
}

// Reload implements api.Control.
func (d *Daemon) Reload(context.Context, time.Duration) (*api.Reloaded, error) {
	return nil, errors.New("there is no file")
}

// Keep implements api.Control.
func (d *Daemon) Keep(context.Context) error { return errors.New("nothing is on trial") }

// Plan implements api.Control.
func (d *Daemon) Plan(context.Context, string) (*api.Plan, error) {
	return nil, errors.New("there is no file")
}
