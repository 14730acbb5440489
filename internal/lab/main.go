package lab

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/pflag"

	"holdfast/internal/fault"
	"holdfast/internal/lab/guest"
)

// The exit statuses.
const (
	survived    = 0
	notSurvived = 1
	notRun      = 2
)

// options is the command line.
type options struct {
	files   []string
	program program
	steps   []fault.Step
	whole   time.Duration
	json    bool
	plain   bool
	labFile string
	web     string
}

// Usage describes the command line.
func Usage() string {
	f, _ := flags(&options{})
	return "Usage: holdfast lab [flags] [FILE...]\n\n" +
		"Puts each configuration on a node of its own (NAME=FILE names it) in network\n" +
		"namespaces of this machine, probes every virtual address each millisecond and\n" +
		"injects faults; without a FILE, two bundled nodes share an address. On a\n" +
		"terminal it is live; otherwise it plays faults and prints the timeline and the\n" +
		"client's outages. A browser on this machine sees all nodes in one page. Needs root.\n\n" +
		"Where a file has virtual servers, each address of a real server is a node too,\n" +
		"by the name of that address: `--at 5s 'kill 10.16.8.8'`. It serves what the\n" +
		"checks expect; pages that are compared by their digest are the lab's own, whose\n" +
		"digests the nodes read in place of those in the file. A client asks each virtual\n" +
		"server twenty times a second and tells who answers. Answers that a director\n" +
		"translates go back by a virtual address on the real server's link, or, where\n" +
		"none is, by the director that holds the virtual server's address. Where the\n" +
		"running kernel has no IPVS, or no VRF for an instance in one, all of it happens\n" +
		"in User-Mode Linux (the package " + guest.Package + "), with one probe each\n" +
		"50 ms and five requests a second, and without the page for browsers.\n\n" +
		f.FlagUsages() +
		"\nFaults:\n" + indent(fault.Forms()) +
		"\nA killed node is a machine without power; a crashed one lost its daemon only.\n" +
		"Exit status: 0 every fault was survived, 1 one was not, 2 it could not be played.\n"
}

func indent(text string) string {
	return "  " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n  ") + "\n"
}

// raw are the flags that need reading after parsing.
type raw struct {
	at            []string
	program, args string
}

func flags(o *options) (*pflag.FlagSet, *raw) {
	f := pflag.NewFlagSet("lab", pflag.ContinueOnError)
	f.Usage = func() {}
	r := &raw{}
	f.StringArrayVar(&r.at, "at", nil, "a time and a `FAULT`, as in --at 5s 'kill ka67'; as often as needed")
	f.DurationVar(&o.whole, "for", 0, "how long the whole rehearsal takes (default: until 5 intervals after the last fault)")
	f.StringVar(&r.program, "program", "", "what runs on the nodes (default: this program)")
	f.StringVar(&r.args, "args", "", "its arguments, FILE being the configuration (default: run -f FILE; for keepalived: -n -l -D -f FILE)")
	f.StringVar(&o.labFile, "addresses", "", "a `FILE` with lines NODE LINK ADDRESS/LENGTH... for what cannot be guessed")
	f.StringVar(&o.web, "web", "127.0.0.1:0", "the `ADDRESS` of this machine where a browser sees the nodes; port 0: one that is free; off: nowhere")
	f.BoolVar(&o.json, "json", false, "print the timeline as JSON, one object per line")
	f.BoolVar(&o.plain, "plain", false, "no live screen, even on a terminal")
	return f, r
}

func parse(args []string) (options, error) {
	var o options
	f, r := flags(&o)
	if err := f.Parse(fault.JoinAt(args)); err != nil {
		return o, err
	}
	o.files = f.Args()
	for _, text := range r.at {
		s, err := fault.ParseStep(text)
		if err != nil {
			return o, err
		}
		o.steps = append(o.steps, s)
	}
	slices.SortStableFunc(o.steps, func(a, b fault.Step) int { return int(a.At - b.At) })
	return o, o.choose(r)
}

// choose finds the program of the nodes.
func (o *options) choose(r *raw) (err error) {
	if r.program == "" {
		o.program.path, err = os.Executable()
	} else {
		o.program.path, err = exec.LookPath(r.program)
	}
	if err != nil {
		return fmt.Errorf("program of the nodes: %w", err)
	}
	if o.program.path, err = filepath.Abs(o.program.path); err != nil {
		return err
	}
	switch {
	case r.args != "":
		o.program.args = strings.Fields(r.args)
	case filepath.Base(o.program.path) == "keepalived":
		o.program.args = []string{"-n", "-l", "-D", "-f", "FILE"}
	default:
		o.program.args = []string{"run", "-f", "FILE"}
	}
	return nil
}

// Main is the command `holdfast lab`. With live set, in and out are a terminal.
// It ends on SIGINT and SIGTERM, in every case with nothing left behind.
func Main(ctx context.Context, args []string, in *os.File, out, errs io.Writer, live bool) int {
	o, err := parse(args)
	if errors.Is(err, pflag.ErrHelp) {
		fmt.Fprint(out, Usage())
		return survived
	}
	if err != nil {
		fmt.Fprintf(errs, "holdfast lab: %v; `holdfast lab --help` says more\n", err)
		return notRun
	}
	status, err := o.start(ctx, args, seat{in, out, errs, live && !o.plain && !o.json && len(o.steps) == 0})
	if err != nil && !errors.Is(err, context.Canceled) {
		fmt.Fprintf(errs, "holdfast lab: %v\n", err)
	}
	return status
}

// seat is where the person sits who plays.
type seat struct {
	in        *os.File
	out, errs io.Writer
	live      bool // in and out are a terminal, and to be used as one
}

// start plays on this kernel, or on one that has what the files need.
func (o *options) start(ctx context.Context, args []string, s seat) (status int, err error) {
	plan, err := o.prepare()
	if err != nil {
		return notRun, err
	}
	if !guest.Inside() {
		if lacking := plan.lacking(); len(lacking) > 0 {
			return elsewhere(ctx, args, plan, lacking, s)
		}
	}
	becomeRealTime()
	ctx, cancel := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	defer cancel()
	return o.run(ctx, plan, s)
}

// prepare reads everything before anything is built.
func (o *options) prepare() (*Plan, error) {
	given, err := readLabFile(o.labFile)
	if err != nil {
		return nil, err
	}
	nodes, err := o.read()
	if err != nil {
		return nil, err
	}
	plan, err := MakePlan(nodes, given)
	if err != nil {
		return nil, err
	}
	for _, s := range o.steps {
		if err := plan.Check(s.Fault); err != nil {
			return nil, err
		}
	}
	return plan, nil
}

func (o *options) read() (nodes []*NodePlan, err error) {
	if len(o.files) == 0 {
		return readExample()
	}
	for _, file := range o.files {
		n, err := readNode(file)
		if err != nil {
			return nil, err
		}
		nodes = append(nodes, n)
	}
	return nodes, nil
}

func (o *options) run(ctx context.Context, plan *Plan, s seat) (status int, err error) {
	line := &timeline{start: time.Now()}
	if !s.live {
		line.tell(printer(s.out, o.json))
	}
	l, err := build(plan, o.program, line)
	defer func() { err = errors.Join(err, l.close()) }()
	if err != nil {
		return notRun, err
	}
	if err := o.open(ctx, l); err != nil {
		return notRun, err
	}
	if l.url != "" && !s.live {
		fmt.Fprintf(s.errs, "%s shows the nodes in a browser\n", l.url)
	}
	line.start = time.Now()
	if err := l.startAll(); err != nil {
		return notRun, err
	}
	if s.live {
		return survived, l.live(ctx, s.in, s.out)
	}
	return o.perform(ctx, l, s.out, s.errs)
}

// perform plays without a terminal.
func (o *options) perform(ctx context.Context, l *lab, out, errs io.Writer) (int, error) {
	var err error
	if len(o.steps) == 0 && o.whole == 0 {
		err = l.rehearse(ctx)
	} else {
		err = l.play(ctx, o.steps, o.length(l))
	}
	if err != nil {
		l.printLogs(errs)
		return notRun, err
	}
	if l.report(out, o.json) {
		return survived, nil
	}
	l.printLogs(errs)
	return notSurvived, nil
}

// length is how long the steps play.
func (o *options) length(l *lab) time.Duration {
	if o.whole > 0 || len(o.steps) == 0 {
		return o.whole
	}
	return o.steps[len(o.steps)-1].At + l.patience()
}

// printLogs shows the end of every daemon's log.
func (l *lab) printLogs(w io.Writer) {
	for _, m := range l.directors() {
		fmt.Fprintf(w, "\nlog of %s:\n%s\n", m.plan.Name, strings.Join(m.log.Tail(), "\n"))
	}
}
