package main

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"holdfast/bench/census"
	"holdfast/bench/subject"
	"holdfast/internal/lab/netns"
)

// director is a node with an IPVS that a program fills.
type director struct {
	node    *netns.Node
	program subject.Program
	census  *census.Census
	d       *subject.Daemon
	tell    func(name, unit string, value float64) error
}

// stint is what is measured with one farm, in a kernel of its own.
type stint struct {
	name    string // of the measurement
	what    string // as the table has it
	measure func(*director, context.Context, farm) error
	farm    farm
}

func stints() []stint {
	return []stint{
		{"table", "1000 x 10 servers", (*director).table, farm{virtual: 1000, real: 10, delay: 6}},
		{"tables", "5000 x 20 servers", (*director).table, farm{virtual: 5000, real: 20, delay: 6}},
		{"watched", "1000 x 10 servers with TCP_CHECK", (*director).renewed, farm{virtual: 1000, real: 10, delay: 60, check: tcpCheck}},
		{"watched", "5000 x 20 servers with TCP_CHECK", (*director).watched, farm{virtual: 5000, real: 20, delay: 60, check: tcpCheck}},
		{"checks", "TCP_CHECK", (*director).checked, farm{virtual: 100, real: 10, delay: 1, check: tcpCheck}},
		{"checks", "HTTP_GET", (*director).checked, farm{virtual: 100, real: 10, delay: 1, check: httpCheck}},
	}
}

// measureServers measures what is asked of virtual servers with one program and
// one farm.
func measureServers(ctx context.Context, p subject.Program, s stint, tell func(name, unit string, value float64) error) error {
	g := &director{program: p, tell: func(name, unit string, value float64) error { return tell(s.what+": "+name, unit, value) }}
	if err := g.with(func() error { return s.measure(g, ctx, s.farm) }); err != nil {
		return fmt.Errorf("%s: %w", s.what, err)
	}
	return nil
}

// with builds the node around a measurement.
func (g *director) with(measure func() error) (err error) {
	world, err := netns.New()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, world.Close()) }()
	if g.node, err = world.Node("director"); err != nil {
		return err
	}
	// Every address of a farm is this node itself, so that every server answers.
	if err := ipBatch(g.node, "route add local 172.16.0.0/12 dev lo\n"); err != nil {
		return err
	}
	if err := g.node.Do(func() (err error) { g.census, err = census.Open(); return err }); err != nil {
		return err
	}
	defer g.census.Close()
	return measure()
}

// table measures the life of a table whose servers are not checked.
func (g *director) table(ctx context.Context, f farm) error {
	if err := g.begin(ctx, f, tableWhole); err != nil {
		return err
	}
	defer func() { g.d.Kill() }()
	if err := g.weigh(ctx, tableMemory); err != nil {
		return err
	}
	if err := g.reloads(ctx, f); err != nil {
		return err
	}
	g.d.Kill()
	// One server more than the table holds shows when the whole of it was dealt with.
	f.more = true
	if err := g.begin(ctx, f, tableAgain); err != nil {
		return err
	}
	return g.stop(ctx)
}

// begin starts the program and waits until the kernel holds as much as wanted.
func (g *director) begin(ctx context.Context, f farm, what string) (err error) {
	if g.d, err = subject.Start(g.node, g.program, f.text()); err != nil {
		return err
	}
	took, err := g.await(ctx, g.d.Started, f.count())
	if err != nil {
		return fmt.Errorf("%s: %w\n%s", what, err, g.ending())
	}
	return g.tell(what, "ms", ms(took))
}

// await waits until the kernel holds as much as wanted. To ask takes the one processor from
// the program: that is to be no more than a tenth of it.
func (g *director) await(ctx context.Context, since time.Time, want census.Count) (time.Duration, error) {
	for {
		begin := time.Now()
		got, err := g.census.Count()
		if err == nil && got == want {
			return time.Since(since), nil
		}
		if e := errors.Join(err, pause(ctx, max(5*time.Millisecond, 10*time.Since(begin)))); e != nil {
			return 0, fmt.Errorf("the table holds %+v, not %+v: %w", got, want, e)
		}
	}
}

// ending is the end of the program's log.
func (g *director) ending() string {
	text := g.d.Log.Text()
	return text[max(0, len(text)-2000):]
}

func (g *director) weigh(ctx context.Context, what string) error {
	if err := pause(ctx, 5*time.Second); err != nil {
		return err
	}
	u, err := g.d.Usage()
	if err != nil {
		return err
	}
	return g.tell(what, "MiB", float64(u.RSS)/1024)
}

// reloads measures reloads, eleven in all: the memory after the last is compared
// with that after the first.
func (g *director) reloads(ctx context.Context, f farm) error {
	if err := g.reloadSame(ctx, f.text()); err != nil {
		return err
	}
	first, err := g.rested(ctx)
	if err != nil {
		return err
	}
	for i := range 10 {
		f.more = !f.more
		took, err := g.reload(ctx, f)
		if err == nil && i == 0 {
			err = g.tell(tableOne, "ms", ms(took))
		}
		if err != nil {
			return err
		}
	}
	last, err := g.rested(ctx)
	if err != nil {
		return err
	}
	return g.tell(tableGrowth, "", float64(last)/float64(first))
}

// reloadSame measures a reload of the same file, which ends when the log says so.
func (g *director) reloadSame(ctx context.Context, text string) error {
	at, err := g.d.Reload(text)
	if err != nil {
		return err
	}
	line, err := g.d.Log.Wait(ctx, at, reloaded())
	if err != nil {
		return fmt.Errorf("%w\n%s", err, g.ending())
	}
	return g.tell(tableSame, "ms", ms(line.At.Sub(at)))
}

// reload measures one that ends when the kernel holds as much as wanted.
func (g *director) reload(ctx context.Context, f farm) (time.Duration, error) {
	at, err := g.d.Reload(f.text())
	if err != nil {
		return 0, err
	}
	return g.await(ctx, at, f.count())
}

// rested is the resident memory, in KiB, some seconds after a burst of work.
func (g *director) rested(ctx context.Context) (int, error) {
	if err := pause(ctx, 5*time.Second); err != nil {
		return 0, err
	}
	u, err := g.d.Usage()
	return u.RSS, err
}

// stop measures how long it takes to end, and what it leaves.
func (g *director) stop(ctx context.Context) error {
	at := time.Now()
	if err := errors.Join(g.d.Terminate(), g.d.Wait(ctx)); err != nil {
		return err
	}
	took := time.Since(at)
	left, err := g.census.Count()
	if err != nil {
		return err
	}
	return errors.Join(g.tell(tableGone, "ms", ms(took)), g.tell(tableLeft, "", float64(left.Services)))
}

// watched weighs a program that checks all servers of a table.
func (g *director) watched(ctx context.Context, f farm) error {
	return g.inhabited(ctx, f, func() error { return g.weigh(ctx, tableMemory) })
}

// renewed has a program that checks all servers of a table reload.
func (g *director) renewed(ctx context.Context, f farm) error {
	return g.inhabited(ctx, f, func() error {
		if err := errors.Join(g.weigh(ctx, tableMemory), g.reloadSame(ctx, f.text())); err != nil {
			return err
		}
		f.more = true
		took, err := g.reload(ctx, f)
		return errors.Join(err, g.tell(tableOne, "ms", ms(took)))
	})
}

// inhabited measures with servers that answer, once the table is whole.
func (g *director) inhabited(ctx context.Context, f farm, measure func() error) error {
	servers, err := openInn(g.node, 80, f.check, func(int) {})
	if err != nil {
		return err
	}
	defer servers.close()
	if err := g.begin(ctx, f, tableWhole); err != nil {
		return err
	}
	defer func() { g.d.Kill() }()
	return measure()
}

// checked measures what a thousand checks a second cost, and whether they are made.
func (g *director) checked(ctx context.Context, f farm) error {
	var answered atomic.Int64
	servers, err := openInn(g.node, 80, f.check, func(int) { answered.Add(1) })
	if err != nil {
		return err
	}
	defer servers.close()
	if g.d, err = subject.Start(g.node, g.program, f.text()); err != nil {
		return err
	}
	defer func() { g.d.Kill() }()
	if _, err := g.await(ctx, g.d.Started, f.count()); err != nil {
		return fmt.Errorf("%w\n%s", err, g.ending())
	}
	return errors.Join(pause(ctx, 5*time.Second), g.count(ctx, &answered))
}

func (g *director) count(ctx context.Context, answered *atomic.Int64) error {
	before, err := g.d.CPU()
	if err != nil {
		return err
	}
	from, since := answered.Load(), time.Now()
	if err := pause(ctx, 15*time.Second); err != nil {
		return err
	}
	after, err := g.d.CPU()
	if err != nil {
		return err
	}
	made := float64(answered.Load() - from)
	return errors.Join(g.tell(checkKept, "", made/time.Since(since).Seconds()), g.tell(checkCost, "us", float64((after-before).Microseconds())/max(made, 1)))
}
