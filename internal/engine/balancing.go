package engine

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/checker"
	"holdfast/internal/host"
	"holdfast/internal/ipvs"
	"holdfast/internal/notify"
	"holdfast/internal/relay"
	"holdfast/internal/status"
)

// BalanceOrder is what a configuration wants of real servers and of IPVS.
type BalanceOrder struct {
	Config   *balancer.Config
	Timeouts ipvs.Timeouts // of connections; 0 leaves one as it was
	Daemons  []ipvs.Daemon // of synchronisation
	// Marks is where the packets of groups are marked; without a Table they are not.
	Marks host.FilterConfig
	// Flush empties the table first, FlushAtStop at the end: also of what others made.
	Flush, FlushAtStop bool
}

// Balancing owns a Balancer: it steps it with what happens, and passes on what
// follows from it. The kernel's table is kept as it is wanted.
type Balancing struct {
	// Keep stores the orders of people, ahead of what follows from them.
	Keep func([]balancer.Order)
	// Stand stores how the servers stand, for a worker in place of this one; nil: nobody does.
	Stand func(balancer.Standing)
	// Tell tells scripts, pipes and people, Check says which checks are to run.
	Tell  func([]notify.Delivery)
	Check func([]balancer.Check)
	// Rest is called when the whole table has been gone through.
	Rest func()
	// Turned tells managers of networks; nil: there are none.
	Turned func([]balancer.Turn)

	brain  *balancer.Balancer
	inbox  *Mailbox[func(context.Context)]
	kick   <-chan struct{}
	tables tables
	effect balancer.Effects
	ended  bool

	stands bool      // and it is not stored yet
	rests  time.Time // until then it is not stored
	stored *time.Timer
}

// NewBalancing returns one without virtual servers, that opens the kernel's table when there
// is something to put into it. Log lines go to say.
func NewBalancing(open func(context.Context) (IPVS, error), say func(relay.Line)) *Balancing {
	b := &Balancing{brain: balancer.New(), tables: tables{open: open, say: say, rec: ipvs.NewReconciler(), marks: newMarking(), troubles: map[string]string{}, keep: func(ipvs.Legacy) {}}}
	b.tables.marks.complain = b.tables.complain
	b.stored = time.NewTimer(0) // at which there is nothing to store
	b.inbox, b.kick = NewMailbox[func(context.Context)]()
	return b
}

// Inherit takes over what an earlier run left in the kernel. From now on keep stores
// what is there because of us, ahead of each change.
func (b *Balancing) Inherit(left ipvs.Legacy, keep func(ipvs.Legacy)) {
	b.tables.kept, b.tables.keep = left, keep
	b.tables.rec.Inherit(left.Services...)
	b.tables.marks.marks.Inherit(left.Table)
	b.brain.Remark(left.Shares)
}

// Mark names the door to the marks of packets, for those who want some.
func (b *Balancing) Mark(open func() (host.Marker, error)) { b.tables.marks.open = open }

// Step takes in what happened. It does not wait.
func (b *Balancing) Step(ev balancer.Event) {
	b.inbox.Put(func(context.Context) { b.brain.Step(Now(), ev, &b.effect) })
}

// Order takes a configuration over. It does not wait.
func (b *Balancing) Order(o BalanceOrder) {
	b.inbox.Put(func(ctx context.Context) {
		b.tables.obey(o)
		b.brain.Adopt(b.tables.left(ctx))
		b.brain.Reload(Now(), o.Config, &b.effect)
	})
}

// Synchronise changes which daemons of synchronisation are to run. It does not wait.
func (b *Balancing) Synchronise(daemons []ipvs.Daemon) {
	b.inbox.Put(func(context.Context) {
		b.tables.order.Daemons = daemons
		b.tables.synchronise()
	})
}

// Stop gives everything up, or leaves the table as it is, and ends Run. It
// waits until that is done, or ctx ends.
func (b *Balancing) Stop(ctx context.Context, leave bool) {
	done := make(chan struct{})
	b.inbox.Put(func(context.Context) {
		defer close(done)
		b.ended = true
		if !leave {
			b.tables.empty()
			b.tables.want(ctx, &balancer.Effects{Table: ipvs.Table{}}) // before a word is said: there is not much time
			b.brain.Stop(Now(), &b.effect)
			b.pass(ctx)
			b.tables.close()
		}
	})
	select {
	case <-done:
	case <-ctx.Done():
	}
}

// Recall takes over the orders that an earlier run kept, before the first configuration.
func (b *Balancing) Recall(list []balancer.Order) { b.brain.Recall(list) }

// Resume takes over how the servers stood when another worker died, before the first configuration.
func (b *Balancing) Resume(s balancer.Standing) { b.brain.Resume(s) }

// Wish obeys somebody, and has answer called with what came of it. It does not wait.
func (b *Balancing) Wish(w balancer.Wish, answer func(error)) {
	b.inbox.Put(func(context.Context) { answer(b.brain.Wish(w, &b.effect)) })
}

// ChecksOf has answer called with the checks of a real server, or of all of a virtual one. It
// does not wait.
func (b *Balancing) ChecksOf(at netip.AddrPort, of string, answer func([]checker.ID, error)) {
	b.inbox.Put(func(context.Context) { answer(b.brain.ChecksOf(at, of)) })
}

// Ask has answer called with the state of everything. It does not wait.
func (b *Balancing) Ask(answer func(*status.Balanced)) {
	b.inbox.Put(func(context.Context) { answer(b.brain.Status(Now(), b.tables.read())) })
}

// AskVirtual has answer called with the state of the virtual servers. It does not wait.
func (b *Balancing) AskVirtual(answer func([]status.VirtualServer)) {
	b.inbox.Put(func(context.Context) { answer(b.brain.Virtual(b.tables.read())) })
}

// Draw has take called with a picture of all virtual servers. It does not wait.
func (b *Balancing) Draw(take func([]balancer.Picture)) {
	b.inbox.Put(func(context.Context) { take(b.brain.Picture()) })
}

// Run works until Stop or the end of ctx.
func (b *Balancing) Run(ctx context.Context) {
	tick := time.NewTimer(glance)
	defer tick.Stop()
	defer b.stored.Stop()
	for !b.ended {
		select {
		case <-b.kick:
			b.inbox.Take(func(do func(context.Context)) { do(ctx) })
			b.pass(ctx)
		case <-tick.C:
			tick.Reset(b.tables.look(ctx))
		case <-b.stored.C:
			b.store()
		case <-b.tables.marks.changed:
			b.tables.marks.notice(ctx)
		case <-ctx.Done():
			return
		}
	}
}

// atOnce is how many lines are logged together.
const atOnce = 1000

// pass passes on what follows from what happened. The table comes first: it waits for no log.
func (b *Balancing) pass(ctx context.Context) {
	e := b.effect
	b.effect = balancer.Effects{}
	if e.Orders && b.Keep != nil {
		b.Keep(b.brain.Orders())
	}
	b.tables.want(ctx, &e)
	for lines := range slices.Chunk(e.Lines, atOnce) {
		b.tables.say(relay.Line{Text: strings.Join(lines, "\n")})
	}
	if len(e.Tell) > 0 {
		b.Tell(e.Tell)
	}
	if len(e.Turns) > 0 && b.Turned != nil {
		b.Turned(e.Turns)
	}
	if e.Checks {
		b.Check(b.brain.Checks())
	}
	if b.stands = b.stands || e.Stands; b.stands {
		b.store()
	}
	if e.Table != nil {
		b.Rest()
	}
}

// store stores how the servers stand. Where many are down, it takes no more than a fiftieth of the time.
func (b *Balancing) store() {
	now := time.Now()
	switch {
	case b.Stand == nil:
	case now.Before(b.rests):
		b.stored.Reset(b.rests.Sub(now))
		return
	case b.stands:
		b.Stand(b.brain.Standing())
		b.rests = now.Add(thrift * time.Since(now))
	}
	b.stands = false
}
