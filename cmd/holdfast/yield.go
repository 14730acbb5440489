package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"holdfast/internal/api"
	"holdfast/internal/checker"
	"holdfast/internal/checker/ping"
	holdfast "holdfast/internal/status"
)

// The commands by which a node hands over: handover and maintenance.

// stayed is the exit status if nobody took over.
const stayed = 2

func handoverCommand() *cobra.Command {
	var l looking
	var all, back bool
	c := &cobra.Command{
		Use:   "handover INSTANCE...",
		Short: "Planned move of mastership: the old master answers until it is relieved, and lost probes are printed",
		Long: "Has instances of the running daemon that are MASTER, each with its sync group, hand over to whoever comes next. The\n" +
			"old MASTER goes on answering until its successor is heard; if nobody comes it stays MASTER, and nothing is lost. An\n" +
			"instance that has handed over does not preempt its successor: it takes over again when that is gone, or as it is\n" +
			"configured after `holdfast handover --back INSTANCE`.\n\n" +
			"The addresses are pinged from here meanwhile, and what was lost is printed. With --node NAME=SOCKET|URL the others are\n" +
			"asked first: nothing is done unless one of them is a healthy BACKUP of each instance.\n\n" +
			"Exit status: 0 all have handed over, 2 somebody stayed MASTER, 1 the daemon did not answer or refused.",
		RunE: func(c *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return errors.New("handover: name instances, or --all")
			}
			if back {
				return l.Client.TakeBack(c.Context(), args)
			}
			return l.yield(c.Context(), c.OutOrStdout(), args, func(ctx context.Context) ([]api.HandedOver, error) { return l.Client.HandOver(ctx, args) })
		},
	}
	c.Flags().BoolVar(&all, "all", false, "all instances that are MASTER")
	c.Flags().BoolVar(&back, "back", false, "take part in elections again as configured, after a hand-over")
	return l.flags(c)
}

func maintenanceCommand() *cobra.Command {
	var l looking
	c := &cobra.Command{
		Use:   "maintenance [on|off]",
		Short: "Take the node out of service for a while: all instances hand over, and stand back for everybody",
		Long: "`on` has every instance hand over as `holdfast handover` does, and stand back with priority 1 until `off`, also over\n" +
			"reloads and restarts, but not over a reboot. If there is nobody else it takes over still: maintenance never leaves an\n" +
			"address without a master. Without either it says whether the node is under maintenance.\n\n" +
			"Exit status: 0 done, 2 somebody stayed MASTER, 1 the daemon did not answer.",
		Args:      cobra.MatchAll(cobra.MaximumNArgs(1), cobra.OnlyValidArgs),
		ValidArgs: []string{"on", "off"},
		RunE: func(c *cobra.Command, args []string) error {
			switch {
			case len(args) == 0:
				return l.maintained(c.Context(), c.OutOrStdout())
			case args[0] == "off":
				_, err := l.Client.Maintain(c.Context(), false)
				return err
			}
			return l.yield(c.Context(), c.OutOrStdout(), nil, func(ctx context.Context) ([]api.HandedOver, error) { return l.Client.Maintain(ctx, true) })
		},
	}
	return l.flags(c)
}

// maintained says whether the node is under maintenance.
func (l *looking) maintained(ctx context.Context, out io.Writer) error {
	s, err := l.Client.Snapshot(ctx)
	if err != nil {
		return err
	}
	on := slices.ContainsFunc(s.Router.Instances, func(v holdfast.Instance) bool { return v.Modest })
	if l.asJSON {
		return json.NewEncoder(out).Encode(map[string]bool{"maintenance": on})
	}
	_, err = fmt.Fprintln(out, map[bool]string{true: "on", false: "off"}[on])
	return err
}

// yield hands over while the addresses are probed; no names: all that are MASTER.
func (l *looking) yield(ctx context.Context, out io.Writer, names []string, do func(context.Context) ([]api.HandedOver, error)) error {
	s, err := l.Client.Snapshot(ctx)
	if err != nil {
		return err
	}
	if err := l.successors(ctx, s, names); err != nil {
		return err
	}
	p := probe(ctx, addressesOf(s, names))
	all, err := do(ctx)
	if err == nil {
		time.Sleep(settling)
	}
	losses := p.end()
	if err != nil {
		return err
	}
	return l.report(out, all, losses)
}

// settling is how long addresses are probed after the hand-over.
const settling = time.Second

// successors asks the other nodes whether somebody is there to take over.
func (l *looking) successors(ctx context.Context, s *holdfast.Snapshot, names []string) error {
	if len(l.nodes) == 0 {
		return nil
	}
	others, clients, err := l.clients()
	if err != nil {
		return err
	}
	var seen []*holdfast.Snapshot
	for i := range clients {
		o, err := clients[i].Snapshot(ctx)
		if err != nil {
			return fmt.Errorf("%s: %w", others[i], err)
		}
		seen = append(seen, o)
	}
	for i := range s.Router.Instances {
		v := &s.Router.Instances[i]
		if v.Role == "MASTER" && (len(names) == 0 || slices.Contains(names, v.Name)) && !slices.ContainsFunc(seen, func(o *holdfast.Snapshot) bool { return succeeds(o, v) }) {
			return fmt.Errorf("no healthy BACKUP for %s (VRID %d) on %s: nothing is done; without --node the others are not asked", v.Name, v.VRID, strings.Join(others, ", "))
		}
	}
	return nil
}

// succeeds tells whether a node has a healthy BACKUP for an instance of another.
func succeeds(o *holdfast.Snapshot, v *holdfast.Instance) bool {
	return slices.ContainsFunc(o.Router.Instances, func(b holdfast.Instance) bool {
		return b.VRID == v.VRID && b.V6 == v.V6 && b.Role == "BACKUP" && b.Faults == 0 && !b.Modest && slices.Equal(b.Addrs, v.Addrs)
	})
}

func addressesOf(s *holdfast.Snapshot, names []string) (list []netip.Addr) {
	for i := range s.Router.Instances {
		v := &s.Router.Instances[i]
		if v.Role != "MASTER" || len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		for _, p := range v.Addrs {
			list = append(list, p.Addr())
		}
	}
	return list[:min(len(list), probed)]
}

// probed is how many addresses are pinged at most, every, and how long one may take to answer.
const (
	probed   = 16
	every    = 20 * time.Millisecond
	answered = 500 * time.Millisecond
)

// probing pings addresses until it is ended.
type probing struct {
	stop context.CancelFunc
	ends sync.WaitGroup
	mu   sync.Mutex
	of   map[netip.Addr]*loss
}

// loss is what became of the probes of an address.
type loss struct{ sent, lost int }

func probe(ctx context.Context, list []netip.Addr) *probing {
	ctx, stop := context.WithCancel(ctx)
	p := &probing{stop: stop, of: map[netip.Addr]*loss{}}
	for _, a := range list {
		p.of[a] = &loss{}
		p.ends.Go(func() { p.one(ctx, a) })
	}
	time.Sleep(2 * every) // each was probed before anything is done
	return p
}

// one pings an address at its rate, whether answers come or not.
func (p *probing) one(ctx context.Context, a netip.Addr) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for ctx.Err() == nil {
		p.ends.Go(func() { p.ping(ctx, a) })
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

func (p *probing) ping(ctx context.Context, a netip.Addr) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), answered)
	defer cancel()
	r := ping.Echo{}.Probe(ctx, checker.Target{Addr: a})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.of[a].sent++
	if r.Outcome != checker.Passed {
		p.of[a].lost++
	}
}

// end waits for the last answers.
func (p *probing) end() map[netip.Addr]*loss {
	p.stop()
	p.ends.Wait()
	return p.of
}

// report prints what became of instances and of probes.
func (l *looking) report(out io.Writer, all []api.HandedOver, losses map[netip.Addr]*loss) error {
	status := 0
	for i := range all {
		if all[i].Role == "MASTER" {
			status = stayed
		}
	}
	if l.asJSON {
		probes := map[string]map[string]int{}
		for a, p := range losses {
			probes[a.String()] = map[string]int{"sent": p.sent, "lost": p.lost}
		}
		return errors.Join(json.NewEncoder(out).Encode(map[string]any{"instances": all, "probes": probes}), exit(status))
	}
	for i := range all {
		h := &all[i]
		fmt.Fprintf(out, "%s: %s after %s (%s)\n", h.Instance, h.Role, h.Took.Round(time.Millisecond), h.Reason)
	}
	for a, p := range losses {
		if p.lost == p.sent {
			fmt.Fprintf(out, "%s does not answer pings: what was lost is not known\n", a)
			continue
		}
		fmt.Fprintf(out, "%s: %d of %d probes lost\n", a, p.lost, p.sent)
	}
	if len(all) == 0 {
		fmt.Fprintln(os.Stderr, "no instance was MASTER")
	}
	return exit(status)
}
