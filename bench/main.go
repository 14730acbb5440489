// Command bench compares holdfast with the keepalived of the machine: what a
// client loses when a node dies, stops or restarts, what thousands of virtual
// routers cost, and how both stand load, reloads and floods of bad packets. Each
// measurement runs both programs in turn, in network namespaces of its own, and
// the table shows medians beside what is asked of holdfast. It needs root.
package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"runtime"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/subject"
	"holdfast/internal/lab/guest"
)

// page is where -write puts the table, below the root of the module.
const page = "doc/benchmarks.md"

// bench is one invocation of this command.
type bench struct {
	programs [2]subject.Program // keepalived first
	rounds   int
	only     []string // names of measurements; empty: all
	alone    bool     // without keepalived
	table    table
}

func main() {
	if guest.Inside() {
		guest.Serve(invoke)
	}
	os.Exit(invoke())
}

// invoke does what the command line says and returns the exit status.
func invoke() int {
	ctx, stop := signal.NotifyContext(context.Background(), unix.SIGINT, unix.SIGTERM)
	defer stop()
	if err := start(ctx, os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		return 1
	}
	return 0
}

// start measures, or is one of the processes that it needs: the one that accounts
// for a program, the one inside a kernel with IPVS, and the one that makes checks.
func start(ctx context.Context, args []string) error {
	switch {
	case len(args) > 1 && args[0] == subject.CostWord:
		return subject.Account(args[1:])
	case len(args) == 3 && args[0] == paceWord:
		return makeChecks(args[1], args[2])
	case len(args) == 5 && args[0] == insideWord:
		return inside(ctx, args[1:])
	}
	return run(ctx, args)
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("bench", flag.ExitOnError)
	only := flags.String("run", "", "comma-separated measurements: "+strings.Join(names(), ", ")+" (default: all)")
	rounds := flags.Int("n", 5, "rounds of each measurement")
	write := flags.Bool("write", false, "write the table into "+page)
	alone := flags.Bool("alone", false, "measure without keepalived, for figures that are held to a limit or only looked at")
	second := flags.String("subject", "", "program to compare with keepalived: a holdfast binary, or the word keepalived (default: build holdfast)")
	flags.Parse(args)
	dir, err := os.MkdirTemp("", "holdfast-bench")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	b := &bench{rounds: *rounds, only: split(*only), alone: *alone}
	if err := b.prepare(ctx, *second, dir); err != nil {
		return err
	}
	return b.compare(ctx, *write)
}

func split(list string) []string {
	return strings.FieldsFunc(list, func(r rune) bool { return r == ',' })
}

func (b *bench) prepare(ctx context.Context, second, dir string) (err error) {
	for _, name := range b.only {
		if !slices.Contains(names(), name) {
			return fmt.Errorf("no measurement is called %q; there are: %s", name, strings.Join(names(), ", "))
		}
	}
	if os.Geteuid() != 0 {
		return errors.New("needs root, for network namespaces")
	}
	if b.programs[0], err = subject.Keepalived(); err != nil {
		return err
	}
	b.programs[1], err = choose(ctx, second, b.programs[0], dir)
	return err
}

func choose(ctx context.Context, second string, keepalived subject.Program, dir string) (subject.Program, error) {
	switch second {
	case "":
		return subject.Build(ctx, dir)
	case keepalived.Name:
		return keepalived, nil
	}
	return subject.Holdfast(second), nil
}

// measurement is something that one run of one program is measured by.
type measurement struct {
	// names are what -run calls it; several share one set-up.
	names []string
	// least is how many rounds it wants at any rate; 0: as many as asked for.
	least int
	do    func(b *bench, ctx context.Context, program int) error
}

// measurements lists everything in the order of the table.
func measurements() []measurement {
	return slices.Concat([]measurement{
		{names: []string{"check"}, do: (*bench).check},
		{names: []string{"outage"}, do: (*bench).outages},
		{names: []string{"failback"}, do: (*bench).failBack},
		{names: []string{"restart"}, do: (*bench).restarts},
		{names: []string{"start", "cost", "reload"}, do: manyOf(1000)},
		{names: []string{"start", "cost", "reload", "takeover"}, do: manyOf(4000)},
		{names: []string{"busy"}, least: 10, do: (*bench).busy},
		{names: []string{"strain"}, do: strainOf(4000, time.Second)},
		{names: []string{"strain"}, do: strainOf(100, 10*time.Millisecond)},
		{names: []string{"scrape"}, do: (*bench).scrape},
		{names: []string{"flood"}, do: (*bench).flood},
		{names: []string{"watch"}, do: (*bench).watch},
		{names: []string{"bfd"}, do: (*bench).bfd},
		{names: []string{"pace"}, do: (*bench).pace},
		{names: []string{"pace", "beside"}, do: (*bench).beside},
	}, ofServers())
}

func ofServers() (all []measurement) {
	for i, s := range stints() {
		all = append(all, measurement{names: []string{"servers", s.name}, do: serversOf(i)})
	}
	return all
}

func manyOf(routers int) func(*bench, context.Context, int) error {
	return func(b *bench, ctx context.Context, program int) error { return b.many(ctx, routers, program) }
}

func names() []string {
	var all []string
	for _, m := range measurements() {
		for _, name := range m.names {
			if !slices.Contains(all, name) {
				all = append(all, name)
			}
		}
	}
	return all
}

func (b *bench) wants(name string) bool { return len(b.only) == 0 || slices.Contains(b.only, name) }

// compare runs what was asked for, prints the table and says what failed.
func (b *bench) compare(ctx context.Context, write bool) error {
	for _, m := range measurements() {
		if slices.ContainsFunc(m.names, b.wants) {
			b.rotate(ctx, m)
		}
	}
	b.table.print(os.Stdout)
	if write {
		if err := b.writePage(page); err != nil {
			return err
		}
	}
	if n := b.table.failed(); n > 0 {
		return fmt.Errorf("%d figures miss what is asked", n)
	}
	return ctx.Err()
}

// rotate runs a measurement with both programs in turn, round after round. A
// run that cannot be made is reported and leaves the others standing.
func (b *bench) rotate(ctx context.Context, m measurement) {
	for round := range max(b.rounds, min(m.least, 2*b.rounds)) {
		for program, p := range b.programs {
			if ctx.Err() != nil {
				return
			}
			if b.alone && program == 0 {
				continue
			}
			start := time.Now()
			err := m.do(b, ctx, program)
			fmt.Fprintf(os.Stderr, "%s, round %d, %s: %.0f s\n", strings.Join(m.names, "+"), round+1, p.Name, time.Since(start).Seconds())
			if err != nil {
				b.table.broken = append(b.table.broken, fmt.Sprintf("%s, round %d, %s: %v", strings.Join(m.names, "+"), round+1, p.Name, err))
				fmt.Fprintln(os.Stderr, "  failed:", err)
			}
		}
	}
}

// record puts one figure of one run into the table.
func (b *bench) record(program int, name, unit string, limit bound, value float64) {
	fmt.Fprintf(os.Stderr, "  %s: %s %s\n", name, figure(value), unit)
	b.table.add(program, name, unit, limit, value)
}

// finish takes something down and reports what goes wrong: a recording with
// holes, for example, makes figures doubtful.
func (b *bench) finish(close func() error) {
	if err := close(); err != nil {
		b.table.broken = append(b.table.broken, err.Error())
		fmt.Fprintln(os.Stderr, "  clean up:", err)
	}
}

// pause sleeps, unless the context ends first.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-time.After(d):
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func ms(d time.Duration) float64 { return float64(d) / 1e6 }

// writePage writes doc/benchmarks.md.
func (b *bench) writePage(path string) error {
	var page, table bytes.Buffer
	b.table.markdown(&table)
	fmt.Fprintf(&page, pageText(), b.machine(), table.String())
	return os.WriteFile(path, page.Bytes(), 0o644)
}

// machine describes where and when the figures were taken.
func (b *bench) machine() string {
	var u unix.Utsname
	unix.Uname(&u)
	return fmt.Sprintf("%s; Linux %s, %d processors, %s; %s; %s; %d rounds.",
		time.Now().Format("2 January 2006"), unix.ByteSliceToString(u.Release[:]), runtime.NumCPU(), runtime.Version(),
		b.programs[0].Version, b.programs[1].Version, b.rounds)
}
