package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"slices"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/host"
	"holdfast/internal/ipvs"
	"holdfast/internal/relay"
)

// IPVS is the kernel's table of virtual servers.
type IPVS interface {
	Observe(mine func(ipvs.Key) bool) (ipvs.Table, error)
	Each(mine func(ipvs.Key) bool, take func(ipvs.Key, ipvs.Pool)) error
	Do([]ipvs.Op) []error
	Flush() error
	Timeouts() (ipvs.Timeouts, error)
	SetTimeouts(ipvs.Timeouts) error
	Daemons() ([]ipvs.Daemon, error)
	StartDaemon(ipvs.Daemon) error
	StopDaemon(ipvs.Role) error
	Statistics() ([]ipvs.Usage, error)
	Close() error
}

// glance is how often the table is looked at, for the kernel reports no changes. A
// large one is looked at less often: it is to take no more than a fiftieth of the time. Of
// two looks the shorter one counts: the other had to wait for somebody else.
// reopenEvery is how often a kernel without IPVS is asked again.
const (
	glance      = 2 * time.Second
	thrift      = 50
	reopenEvery = 30 * time.Second
)

// tables keeps the kernel's table as it is wanted.
type tables struct {
	open func(context.Context) (IPVS, error)
	say  func(relay.Line)
	keep func(ipvs.Legacy) // stores what is in the kernel because of us

	kernel IPVS // nil: not open
	begun  bool // what was found there has been compared with what is wanted
	order  BalanceOrder
	marks  *marking
	marked []host.Marked // of the configuration in force
	shares map[ipvs.Share]uint32
	rec    *ipvs.Reconciler
	kept   ipvs.Legacy
	found  ipvs.Table    // by left, for the first look
	took   time.Duration // by the last look
	// told are the repairs that were spoken of, and troubles what else was.
	told     uint64
	troubles map[string]string
}

// obey takes over what a configuration wants beside the services.
func (t *tables) obey(o BalanceOrder) {
	o.Flush = o.Flush && !t.begun
	t.order = o
	if t.begun {
		t.settle()
	}
}

// want carries out what a step asks for. What is in the kernel because of us is written
// down before it is there, and until it is gone.
func (t *tables) want(ctx context.Context, e *balancer.Effects) {
	var ops []ipvs.Op
	if e.Table != nil {
		ops, t.marked, t.shares = t.rec.Want(e.Table), e.Marked, e.Shares
		t.remember()
	}
	for k, p := range e.Pools {
		ops = append(ops, t.rec.WantPool(k, &p)...)
	}
	switch {
	case t.begun:
		t.do(slices.Values(ops))
		if e.Table != nil {
			t.mark(ctx)
		}
	case e.Table != nil:
		t.begin(ctx)
	}
	if e.Table != nil {
		t.remember()
	}
}

// opened reports whether there is a table to speak to.
func (t *tables) opened(ctx context.Context) bool {
	if t.kernel != nil {
		return true
	}
	k, err := t.open(ctx)
	t.complain("real servers are checked, and nothing is balanced", err)
	if err == nil {
		t.kernel = k
	}
	return err == nil
}

// left is what an earlier run left in the kernel.
func (t *tables) left(ctx context.Context) ipvs.Table {
	if t.begun || t.order.Flush || len(t.kept.Services) == 0 || !t.opened(ctx) {
		return nil
	}
	found, err := t.kernel.Observe(t.rec.Mine)
	t.complain("look for what is left", err)
	t.found = found
	return found
}

// begin opens the table if it is needed, and compares what it finds there.
func (t *tables) begin(ctx context.Context) {
	if len(t.order.Config.Virtual) == 0 && len(t.order.Daemons) == 0 && t.kept.Empty() || !t.opened(ctx) {
		return
	}
	if t.order.Flush {
		t.complain("lvs_flush", t.kernel.Flush())
	}
	t.begun = true
	t.settle()
	t.observe()
	t.mark(ctx)
}

// mark has the packets of groups marked, once there are services for the marks.
func (t *tables) mark(ctx context.Context) { t.marks.want(ctx, t.order.Marks, t.marked) }

// look compares the kernel with what is wanted, and answers when to do so again.
func (t *tables) look(ctx context.Context) time.Duration {
	if !t.begun {
		if t.order.Config != nil {
			t.begin(ctx)
		}
		return reopenEvery
	}
	start := time.Now()
	t.observe()
	t.synchronise()
	t.marks.do(ctx, t.marks.marks.Retry())
	if n := t.repairs(); n > t.told {
		t.speak(fmt.Sprintf("somebody else changed what is ours: put back (%d so far)", n))
		t.told = n
	}
	before := t.took
	t.took = time.Since(start)
	return max(glance, thrift*min(before, t.took))
}

func (t *tables) repairs() uint64 { return t.rec.Repairs() + t.marks.repairs }

func (t *tables) observe() {
	look := t.rec.Look()
	err := t.each(look.Found)
	t.complain("look for changes", err)
	if err == nil {
		t.do(look.Steps())
	}
}

// each passes on what is there. What was read for left is not read again at once.
func (t *tables) each(take func(ipvs.Key, ipvs.Pool)) error {
	if t.found == nil {
		return t.kernel.Each(t.rec.Mine, take)
	}
	for k, p := range t.found {
		take(k, p)
	}
	t.found = nil
	return nil
}

// read is all that the kernel holds, also what others made.
func (t *tables) read() (h balancer.Held) {
	h.Repairs = t.repairs()
	if t.kernel == nil {
		return h
	}
	var bad, worse error
	h.Table, bad = t.kernel.Observe(nil)
	h.Usage, worse = t.kernel.Statistics()
	t.complain("read the table", errors.Join(bad, worse))
	return h
}

// portion is how many operations there are at a time, or as many as the last service needs.
const portion = 1000

// do carries out operations.
func (t *tables) do(ops iter.Seq[ipvs.Op]) {
	var some []ipvs.Op
	for op := range ops {
		if len(some) >= portion && op.Verb == ipvs.AddService {
			t.carry(some)
			some = some[:0]
		}
		some = append(some, op)
	}
	t.carry(some)
}

// carry carries out operations, and those that take the place of some of them. Somebody
// who is always faster is answered at the next look.
func (t *tables) carry(ops []ipvs.Op) {
	for range 3 {
		if len(ops) == 0 {
			return
		}
		var news []ipvs.Failure
		ops, news = t.rec.Done(ops, t.kernel.Do(ops))
		for _, f := range news {
			t.speak(f.Report().Error())
		}
	}
}

// complain speaks of trouble, once while it lasts.
func (t *tables) complain(about string, err error) {
	if err == nil {
		delete(t.troubles, about)
		return
	}
	if t.troubles[about] != err.Error() {
		t.troubles[about] = err.Error()
		t.speak(about + ": " + err.Error())
	}
}

func (t *tables) speak(text string) { t.say(relay.Line{Text: "IPVS: " + text, Bad: true}) }

func (t *tables) remember() {
	now := ipvs.Legacy{Services: t.rec.Ours(), Before: t.kept.Before, Roles: t.kept.Roles, Table: t.marks.marks.InUse(), Shares: t.shares}
	if len(t.marked) > 0 {
		now.Table = t.order.Marks.Table
	}
	if !now.Equal(t.kept) {
		t.kept = now
		t.keep(now)
	}
}

// settle sets what is no part of the table.
func (t *tables) settle() {
	t.time()
	t.synchronise()
}

// time sets the timeouts of connections, and gives them back when nothing is asked for.
func (t *tables) time() {
	want, before := t.order.Timeouts, t.kept.Before
	none := ipvs.Timeouts{}
	if want == none && before == none {
		return
	}
	if before == none {
		var err error
		before, err = t.kernel.Timeouts()
		if t.complain("lvs_timeouts", err); err != nil {
			return
		}
	}
	t.kept.Before = before
	t.keep(t.kept)
	t.complain("lvs_timeouts", t.kernel.SetTimeouts(want.Over(before)))
	if want == none {
		t.kept.Before = none
		t.keep(t.kept)
	}
}

// synchronise starts and stops daemons of synchronisation.
func (t *tables) synchronise() {
	if !t.begun || len(t.order.Daemons) == 0 && len(t.kept.Roles) == 0 {
		return
	}
	have, err := t.kernel.Daemons()
	if err != nil {
		t.complain("lvs_sync_daemon", err)
		return
	}
	stop, start := ipvs.PlanDaemons(have, t.order.Daemons, t.kept.Roles)
	if roles := ipvs.RolesOf(t.order.Daemons); !slices.Equal(roles, t.kept.Roles) {
		t.kept.Roles = roles
		t.keep(t.kept)
	}
	for _, r := range stop {
		err = errors.Join(err, t.kernel.StopDaemon(r))
	}
	for _, d := range start {
		err = errors.Join(err, t.kernel.StartDaemon(d))
	}
	t.complain("lvs_sync_daemon", err)
}

// empty is lvs_flush_on_stop: everything goes at once, also what others made.
func (t *tables) empty() {
	if t.begun && t.order.FlushAtStop {
		t.complain("lvs_flush_on_stop", t.kernel.Flush())
	}
}

// close gives back what is no part of the table, which is empty by now.
func (t *tables) close() {
	if !t.begun {
		return
	}
	t.order = BalanceOrder{Config: &balancer.Config{}}
	t.settle()
	t.marks.close()
	_ = t.kernel.Close()
	t.kernel, t.begun = nil, false
}
