package engine

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/relay"
	"holdfast/internal/router"
)

// HostOrder is what the router wants of the host from now on.
type HostOrder struct {
	host.Delta
	// Whole says that nothing else is wanted: what an earlier run left can be
	// told from what is needed.
	Whole bool
}

// Hosting keeps the kernel as it is wanted: it carries out the steps between
// what is wanted and what is held, watches, and puts back what goes missing. It
// runs beside the loop, which never waits for it.
type Hosting struct {
	Kernel host.Kernel
	// Tell hands events to the loop, Say log lines to whoever writes them.
	Tell func(router.Event)
	Say  func(relay.Line)
	// Keep stores what sysctls were before they were set, against a crash.
	Keep func(host.Settings)

	orders  *Mailbox[HostOrder]
	ordered <-chan struct{}
	changes *Mailbox[host.Change]
	changed <-chan struct{}
	rec     *host.Reconciler
	// filtering shields the addresses.
	filtering filtering
	fleet     *host.Fleet
	tuner     host.Tuner
	checked   int         // ticks since the sysctls were looked at
	blind     bool        // reports were lost, and looking at everything failed
	first     *host.State // observed, and not yet compared with an order
	seen      []host.Change
	remarks   remarks
}

// retry is how often what the kernel refused is asked for again.
const retry = time.Second

// NewHosting returns one that has not begun.
func NewHosting(k host.Kernel, tell func(router.Event), say func(relay.Line)) *Hosting {
	h := &Hosting{Kernel: k, Tell: tell, Say: say, filtering: newFiltering(say), remarks: remarks{}, rec: host.NewReconciler(), fleet: host.NewFleet(), Keep: func(host.Settings) {}}
	h.orders, h.ordered = NewMailbox[HostOrder]()
	h.changes, h.changed = NewMailbox[host.Change]()
	return h
}

// Shield names the packet filter that shields addresses; it is opened when it is
// first needed. Without one they are not shielded.
func (h *Hosting) Shield(open func() (host.Firewall, error)) { h.filtering.open = open }

// Share says what the mark of this copy of the daemon is. If that has a name, others
// have marked things here as well: what is not wanted by this one stays, but for its
// devices.
func (h *Hosting) Share(mark string) { h.rec.Shared, h.fleet.Mark = mark != host.DeviceAlias, mark }

// Order takes what is wanted on. It does not wait.
func (h *Hosting) Order(o HostOrder) { h.orders.Put(o) }

// Begin observes the kernel for the first time and tells the loop, so that the
// first configuration finds the links as they are. Watching begins before
// looking: nothing is missed in between.
func (h *Hosting) Begin(ctx context.Context) error {
	watching := make(chan error, 1)
	go func() { watching <- h.Kernel.Watch(ctx, h.changes.Put) }()
	state, err := h.Kernel.Observe()
	if err != nil {
		return fmt.Errorf("observe the kernel: %w", err)
	}
	h.first = &state
	h.Tell(router.Observed{State: state})
	return nil
}

// Run works until the context ends; what was ordered before is done first.
func (h *Hosting) Run(ctx context.Context) {
	tick := time.NewTicker(retry)
	defer tick.Stop()
	for {
		select {
		case <-h.ordered:
			h.orders.Take(func(o HostOrder) { h.obey(ctx, o) })
		case <-h.changed:
			h.notice(ctx)
		case <-h.filtering.changed:
			h.filtering.notice(ctx)
		case <-tick.C:
			h.again(ctx)
		case <-ctx.Done():
			h.orders.Take(func(o HostOrder) { h.obey(ctx, o) })
			h.filtering.close(ctx)
			return
		}
	}
}

// again asks for what was refused.
func (h *Hosting) again(ctx context.Context) {
	if h.blind {
		h.resync(ctx)
	}
	h.do(h.rec.Retry())
	h.filtering.do(ctx, h.filtering.filter.Retry())
	h.look(ctx)
	h.remarks.remind(h.Say)
}

// obey shields addresses before it adds them, and uncovers them when it has
// removed them.
func (h *Hosting) obey(ctx context.Context, o HostOrder) {
	if o.Whole && h.first != nil {
		h.filtering.filter.Observe(*h.first) // nothing hangs on the links yet
	}
	before, after := h.filtering.filter.Want(o.Delta)
	h.filtering.do(ctx, before)
	h.do(h.rec.Want(o.Delta))
	if o.Whole && h.first != nil {
		h.first.Mark(o.Drop)
		h.do(h.rec.Observe(*h.first))
		h.shape(ctx, h.fleet.Observe(h.first.Links))
		h.first = nil
		after = append(after, h.filtering.filter.Sweep()...)
	}
	h.filtering.do(ctx, after)
	if o.Promote != nil {
		h.tuner.Promote = *o.Promote
	}
	if o.Devices != nil {
		h.shape(ctx, h.fleet.Want(*o.Devices))
	}
	if o.Devices != nil || o.Promote != nil {
		h.tune()
	}
	h.build(h.fleet.Hush(o.Hush))
}

// notice takes in all reports that wait, together.
func (h *Hosting) notice(ctx context.Context) {
	resync := false
	h.seen = h.seen[:0]
	h.changes.Take(func(c host.Change) {
		resync = resync || c.Resync
		h.seen = append(h.seen, c)
	})
	for _, c := range h.seen {
		h.pass(c)
	}
	if h.first != nil {
		h.refresh()
		return
	}
	if resync {
		h.resync(ctx)
		return
	}
	h.filtering.do(ctx, h.filtering.filter.See(h.seen...))
	h.do(h.rec.See(h.seen...))
	h.shape(ctx, h.fleet.See(h.seen...))
	if slices.ContainsFunc(h.seen, h.promotes) {
		h.tune()
	}
	if len(h.seen) > usual {
		h.seen = nil // a burst is over
	}
}

// usual is how many reports at a time are no burst.
const usual = 256

// refresh looks again while nothing has been ordered yet.
func (h *Hosting) refresh() {
	if state, err := h.Kernel.Observe(); err == nil {
		h.first = &state
	}
}

// resync observes everything anew after reports were lost, if need be at the next tick.
func (h *Hosting) resync(ctx context.Context) {
	state, err := h.Kernel.Observe()
	if h.blind = err != nil; h.blind {
		h.Say(relay.Line{Text: fmt.Sprintf("observe the kernel after lost reports: %v", err), Bad: true})
		return
	}
	h.Tell(router.Observed{State: state})
	h.filtering.do(ctx, h.filtering.filter.Observe(state))
	h.do(h.rec.Observe(state))
	h.shape(ctx, h.fleet.Observe(state.Links))
}

// pass tells the loop about links, and about addresses that are not ours.
func (h *Hosting) pass(c host.Change) {
	switch {
	case c.Link != nil:
		h.Tell(router.Seen{Change: c})
	case c.Addr != nil && c.Addr.Protocol != host.Protocol && !h.rec.Wants(c.Addr.Addr):
		h.Tell(router.Seen{Change: c})
		h.remarks.tell(h.Say, "other "+c.Addr.Link+" "+c.Addr.Prefix.String(), relay.Line{Text: assigned(c), Detail: true})
	}
}

func assigned(c host.Change) string {
	verb := "Assigned"
	if c.Gone {
		verb = "Deassigned"
	}
	return fmt.Sprintf("%s address %s for interface %s", verb, c.Addr.Prefix.Addr(), c.Addr.Link)
}

// do passes on what became known, carries out the steps that follow from it,
// and passes on what came of them.
func (h *Hosting) do(ops []host.Op) {
	h.reportAll(h.rec.Results())
	if len(ops) == 0 {
		return
	}
	errs := h.Kernel.Do(ops)
	for i, op := range ops {
		h.report(h.rec.Done(op, errs[i]))
	}
	h.reportAll(h.rec.Results())
}

func (h *Hosting) reportAll(list []host.Result) {
	for _, r := range list {
		h.report(r)
	}
}

func (h *Hosting) report(r host.Result) {
	if r.Thing != nil {
		h.reportThing(r)
		return
	}
	switch r.Fate {
	case host.Held:
		h.Tell(router.Settled{Addr: r.Addr, Held: true})
	case host.Repaired:
		h.Tell(router.Settled{Addr: r.Addr, Held: true, Repaired: true})
		h.remarks.repair(h.Say, r.Addr.Link+" "+r.Addr.Prefix.String(), fmt.Sprintf("Netlink reflector reports IP %s removed from %s by somebody else: put back (%d so far)", show(r.Addr.Prefix), r.Link, r.Repairs))
	case host.Failed:
		h.Tell(router.Settled{Addr: r.Addr})
		h.Say(relay.Line{Text: fmt.Sprintf("address %s on %s: %v", show(r.Addr.Prefix), r.Link, r.Err), Bad: true})
	case host.Lost:
		h.Say(relay.Line{Text: fmt.Sprintf("address %s is not there: %v", show(r.Addr.Prefix), r.Err), Bad: true})
	}
}

// reportThing tells the loop of repairs only: nothing waits for a route or a rule.
func (h *Hosting) reportThing(r host.Result) {
	what := host.Kind(r.Thing) + " " + r.Thing.String()
	switch r.Fate {
	case host.Repaired:
		h.Tell(router.Settled{Thing: r.Thing, Held: true, Repaired: true})
		h.remarks.repair(h.Say, what, fmt.Sprintf("Restoring deleted %s (%d so far)", what, r.Repairs))
	case host.Failed:
		h.Say(relay.Line{Text: fmt.Sprintf("%v", r.Err), Bad: true})
	case host.Lost:
		h.Say(relay.Line{Text: fmt.Sprintf("%s is not there: %v", what, r.Err), Bad: true})
	}
}

// show leaves the length of a host address out, as keepalived's lines do.
func show(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}
