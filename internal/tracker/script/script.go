// Package script watches things by running the programs of vrrp_script again
// and again. When a program is due and what its results amount to is decided by
// package tracker, how it is run by package command.
package script

import (
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast/internal/command"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
)

// killAfter is the time between TERM and KILL for a run that nobody wants any more.
const killAfter = 2 * time.Second

// Spec is one vrrp_script.
type Spec struct {
	Name     string
	Command  *command.Runnable
	Interval time.Duration // between starts
	Timeout  time.Duration // of one run
	Rise     int           // successes in a row to turn good
	Fall     int           // failures in a row to turn bad
	// InitFail takes the script as bad until its first result. The word is
	// documented like this; in keepalived 2.4.3 it has no effect.
	InitFail bool
}

// Process is a program under way.
type Process interface {
	Done() <-chan struct{}
	Wait() command.Exit
	Signal(syscall.Signal)
	End(patience time.Duration) (command.Exit, bool)
}

// Start starts a program.
type Start func(*command.Runnable) (Process, error)

// With starts programs by s.
func With(s *command.Starter) Start {
	return func(r *command.Runnable) (Process, error) { return s.Start(r) }
}

// Watcher runs the scripts of a configuration, each in a goroutine of its own.
type Watcher struct {
	start  Start
	report func(tracker.Sample)
	log    func(string)
	origin time.Time

	mu      sync.Mutex
	scripts map[string]*watch
	samples map[string]tracker.Sample
}

// New returns a Watcher without scripts. It calls report when a script turns
// good or bad, and log with lines for the log; neither may call the Watcher.
func New(start Start, report func(tracker.Sample), log func(string)) *Watcher {
	return &Watcher{start: start, report: report, log: log, origin: time.Now(),
		scripts: map[string]*watch{}, samples: map[string]tracker.Sample{}}
}

// Apply makes specs the scripts that are watched. A script whose command and
// user stay the same keeps its results, and a run that is under way goes on.
// One whose command changed starts anew, and is taken to be what it was until
// its first result: a reload in itself is no reason for a fault. Others are
// started at once, or ended.
func (w *Watcher) Apply(specs []Spec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	named := map[string]bool{}
	for _, s := range specs {
		named[s.Name] = true
		w.apply(s)
	}
	for name := range w.scripts {
		if !named[name] {
			w.drop(name)
			delete(w.samples, name)
		}
	}
}

// Samples are the latest of all scripts that had a result, ordered by name: for
// a router process that has just been started and has heard none.
func (w *Watcher) Samples() []tracker.Sample {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.SortedFunc(maps.Values(w.samples), func(a, b tracker.Sample) int {
		return strings.Compare(a.Tracker, b.Tracker)
	})
}

// Phases says what each script does at present, by name.
func (w *Watcher) Phases() map[string]tracker.Phase {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[string]tracker.Phase, len(w.scripts))
	for name, one := range w.scripts {
		all[name] = tracker.Phase(one.phase.Load())
	}
	return all
}

// Close ends all scripts. Runs under way get TERM now and KILL later.
func (w *Watcher) Close() { w.Apply(nil) }

func (w *Watcher) apply(s Spec) {
	old := w.scripts[s.Name]
	if old != nil && old.spec.Load().Command.Equal(s.Command) {
		old.renew(s)
		w.considered(s.Name)
		return
	}
	w.drop(s.Name)
	now := w.now()
	one := &watch{Watcher: w, quit: make(chan struct{}), changed: make(chan struct{}, 1),
		judge:    tracker.Judge{Name: s.Name, Counter: tracker.Counter{Rise: s.Rise, Fall: s.Fall}},
		schedule: tracker.NewSchedule(now, s.Interval, s.Timeout)}
	one.spec.Store(&s)
	w.scripts[s.Name] = one
	if s.InitFail && old == nil {
		w.publish(tracker.Sample{Kind: tracker.Script, Tracker: s.Name, State: tracker.Bad, Why: "init_fail"})
	}
	go one.run()
}

// considered logs the result that a script keeps over a reload.
func (w *Watcher) considered(name string) {
	switch w.samples[name].State {
	case tracker.Good:
		w.log("VRRP_Script(" + name + ") considered successful on reload")
	case tracker.Bad:
		w.log("VRRP_Script(" + name + ") considered unsuccessful on reload")
	}
}

func (w *Watcher) drop(name string) {
	if old := w.scripts[name]; old != nil {
		close(old.quit)
		delete(w.scripts, name)
	}
}

// publish reports a sample unless it is no news.
func (w *Watcher) publish(s tracker.Sample) {
	if w.samples[s.Tracker].State != s.State {
		w.samples[s.Tracker] = s
		w.report(s)
	}
}

func (w *Watcher) now() mono.Instant { return mono.Instant(time.Since(w.origin)) }

// watch is one script. All but spec, changed and quit belongs to its goroutine.
type watch struct {
	*Watcher
	spec    atomic.Pointer[Spec]
	changed chan struct{} // spec is a new one
	quit    chan struct{}
	phase   atomic.Uint32 // a tracker.Phase

	judge    tracker.Judge
	schedule tracker.Schedule
	process  Process         // nil: none runs
	done     <-chan struct{} // of process
	counted  bool            // the run that hangs has been counted as a failure
}

func (w *watch) renew(s Spec) {
	w.spec.Store(&s)
	select {
	case w.changed <- struct{}{}:
	default:
	}
}

func (w *watch) run() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-w.quit:
			w.abandon()
			return
		case <-w.changed:
			w.adjust(w.spec.Load())
		case <-w.done:
			w.ended()
		case <-timer.C:
		}
		w.act()
		timer.Reset(w.schedule.Deadline().Sub(w.now()))
	}
}

// act does all that is due.
func (w *watch) act() {
	for do, ok := w.schedule.Due(w.now()); ok; do, ok = w.schedule.Due(w.now()) {
		w.do(do)
	}
}

func (w *watch) do(step tracker.Step) {
	switch step {
	case tracker.Start:
		w.begin()
	case tracker.Skip:
		w.log("Track script " + w.judge.Name + " is already running, expect idle - skipping run")
	case tracker.Terminate:
		w.phase.Store(uint32(tracker.Terminating))
		w.process.Signal(syscall.SIGTERM)
	case tracker.Kill:
		w.phase.Store(uint32(tracker.Killing))
		w.process.Signal(syscall.SIGKILL)
	case tracker.Stuck:
		w.stuck()
	}
}

func (w *watch) begin() {
	p, err := w.start(w.spec.Load().Command)
	if err != nil {
		w.schedule.Ended()
		w.hear(tracker.Result{Code: -1, Error: err.Error()})
		return
	}
	w.process, w.done, w.counted = p, p.Done(), false
	w.phase.Store(uint32(tracker.Running))
}

func (w *watch) ended() {
	exit := w.process.Wait()
	late := w.schedule.Ended()
	w.process, w.done = nil, nil
	w.phase.Store(uint32(tracker.Idle))
	if !w.counted {
		w.hear(tracker.Result{Code: exit.Code, Signal: exit.Signal, TimedOut: late})
	}
}

// stuck is a run that even KILL does not end: it waits in the kernel, for a dead
// disk or file server. keepalived counts a run when its process has ended, which
// here is never; such a check has failed, and waiting longer would keep the
// addresses on the node that is in trouble.
func (w *watch) stuck() {
	w.log("Track script " + w.judge.Name + " does not end although killed, trying again every 10 seconds")
	w.counted = true
	w.hear(tracker.Result{Code: -1, TimedOut: true})
}

func (w *watch) hear(r tracker.Result) {
	news := w.judge.Hear(r)
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.scripts[w.judge.Name] != w {
		return
	}
	for _, line := range news.Log {
		w.log(line)
	}
	if news.Changed {
		w.publish(news.Sample)
	}
}

func (w *watch) adjust(s *Spec) {
	if s.Rise != w.judge.Rise || s.Fall != w.judge.Fall {
		w.judge.Rise, w.judge.Fall = s.Rise, s.Fall
		w.judge.Carry(w.judge.State())
	}
	if s.Interval != w.schedule.Interval || s.Timeout != w.schedule.Timeout {
		w.schedule.Adjust(w.now(), s.Interval, s.Timeout)
	}
}

// abandon ends the run under way.
func (w *watch) abandon() {
	if w.process != nil {
		w.process.End(killAfter)
	}
}
