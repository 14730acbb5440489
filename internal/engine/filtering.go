package engine

import (
	"cmp"
	"context"
	"fmt"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/relay"
)

// filtering keeps the packet filter as it is wanted, as part of a Hosting.
type filtering struct {
	open    func() (host.Firewall, error) // nil: there is none
	say     func(relay.Line)
	filter  *host.Filter
	wall    host.Firewall // nil: nothing is in use
	watched bool
	changes *Mailbox[host.FilterChange]
	changed <-chan struct{}
	trouble [2]string // by family: told, and not over yet
	repairs int
	told    time.Time // when a repair was last told
}

func newFiltering(say func(relay.Line)) filtering {
	f := filtering{say: say, filter: host.NewFilter()}
	f.changes, f.changed = NewMailbox[host.FilterChange]()
	return f
}

// ready opens the packet filter, and watches it once there is something to watch.
func (f *filtering) ready(ctx context.Context, op host.FilterOp) (err error) {
	if f.wall == nil {
		if f.wall, err = f.open(); err != nil {
			f.wall = nil
			return err
		}
	}
	if op.Sets != 0 && !f.watched {
		f.watched = true
		go f.watch(ctx, f.wall)
	}
	return nil
}

func (f *filtering) watch(ctx context.Context, wall host.Firewall) {
	if err := wall.Watch(ctx, f.changes.Put); err != nil {
		f.say(relay.Line{Text: err.Error(), Bad: true})
	}
}

// rest closes what was opened only to look for leftovers.
func (f *filtering) rest() {
	if f.wall != nil && !f.watched {
		_ = f.wall.Close()
		f.wall = nil
	}
}

// do carries out transactions. When elements cannot be changed somebody was at
// the table: it is made anew at once.
func (f *filtering) do(ctx context.Context, ops []host.FilterOp) {
	defer f.rest()
	again := false
	for _, op := range ops {
		err := f.transact(ctx, op)
		f.filter.Done(op, err)
		again = again || err != nil && !op.Whole
		f.complain(op, err)
	}
	if again {
		f.do(ctx, f.filter.Retry())
	}
}

func (f *filtering) transact(ctx context.Context, op host.FilterOp) error {
	if f.open == nil {
		return nil
	}
	if err := f.ready(ctx, op); err != nil {
		return err
	}
	return f.wall.Do(op)
}

// complain tells a trouble once, and when it is over.
func (f *filtering) complain(op host.FilterOp, err error) {
	if !op.Whole || op.Sets == 0 {
		return // elements are tried again as a whole; a removal fails where there is no filter
	}
	told := &f.trouble[family(op.V6)]
	switch {
	case err == nil && *told != "":
		*told = ""
		f.say(relay.Line{Text: fmt.Sprintf("the nftables table %s %s is in place", host.FamilyName(op.V6), op.Table)})
	case err != nil && *told != err.Error():
		*told = err.Error()
		f.say(relay.Line{Text: *told, Bad: true})
	}
}

func family(v6 bool) int {
	if v6 {
		return 1
	}
	return 0
}

// notice puts right what others changed: what they did in one go, in one go.
func (f *filtering) notice(ctx context.Context) {
	var last [2]*host.FilterChange
	f.changes.Take(func(c host.FilterChange) { last[family(c.V6)] = &c })
	for _, c := range last {
		if c == nil {
			continue
		}
		ops := f.filter.Changed(*c)
		f.do(ctx, ops)
		for _, op := range ops {
			f.repaired(op, c.By)
		}
	}
}

// repairGap is how often repairs are told at most; the next line has the number.
const repairGap = 10 * time.Second

func (f *filtering) repaired(op host.FilterOp, by string) {
	f.repairs++
	now := time.Now()
	if !f.told.IsZero() && now.Sub(f.told) < repairGap {
		return
	}
	f.told = now
	f.say(relay.Line{Text: fmt.Sprintf("the nftables table %s %s was changed by %s: put back (%d so far)",
		host.FamilyName(op.V6), op.Table, cmp.Or(by, "somebody else"), f.repairs), Bad: true})
}

// close removes the tables, unless addresses stay that they shield.
func (f *filtering) close(ctx context.Context) {
	f.do(ctx, f.filter.Close())
	if f.wall != nil {
		_ = f.wall.Close()
	}
}
