// Package check watches things by asking them: it makes the probes of vrrp_check
// at a fixed rate, and runs nothing for it but a repair. What results amount to
// is decided by Judge, when to ask by tracker.Schedule.
package check

import (
	"context"
	"hash/crc32"
	"sync"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/command"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
)

// Spec is one vrrp_check.
type Spec struct {
	Name string
	// Asks is what is asked, in words. While they stay the same, a reload keeps
	// the results.
	Asks              string
	Probe             checker.Probe
	Target            checker.Target
	Elsewhere         bool // an answer of this machine is none
	Interval, Timeout time.Duration
	Rise, Fall        int
	Repair            *command.Runnable // nil: none
	RepairTime        time.Duration
}

// Run runs a repair, for no longer than ctx allows.
type Run func(ctx context.Context, r *command.Runnable) error

// Watcher makes the checks of a configuration, each in a goroutine of its own.
type Watcher struct {
	run    Run
	report func(tracker.Sample)
	log    func(string)
	origin time.Time

	mu     sync.Mutex
	checks map[string]*watch
	states map[string]tracker.State
}

// New returns a Watcher without checks. It calls report when a check turns good
// or bad, and log with lines for the log; neither may call the Watcher.
func New(run Run, report func(tracker.Sample), log func(string)) *Watcher {
	return &Watcher{run: run, report: report, log: log, origin: time.Now(), checks: map[string]*watch{}, states: map[string]tracker.State{}}
}

// Apply makes specs the checks that are made. One that asks the same as before
// keeps its results. One that asks something else is taken to be what it was
// until its first result: a reload in itself is no reason for a fault.
func (w *Watcher) Apply(specs []Spec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	named := map[string]bool{}
	for i := range specs {
		named[specs[i].Name] = true
		w.apply(&specs[i])
	}
	for name := range w.checks {
		if !named[name] {
			w.drop(name)
			delete(w.states, name)
		}
	}
}

// Close ends all checks, and a repair under way.
func (w *Watcher) Close() { w.Apply(nil) }

func (w *Watcher) apply(s *Spec) {
	if old := w.checks[s.Name]; old != nil && old.asks == s.Asks {
		old.renew(s)
		return
	}
	w.drop(s.Name)
	ctx, cancel := context.WithCancel(context.Background())
	one := &watch{Watcher: w, asks: s.Asks, cancel: cancel, news: make(chan *Spec, 1), spec: s,
		judge:    Judge{Name: s.Name, Counter: tracker.Counter{Rise: s.Rise, Fall: s.Fall}, Repairs: s.Repair != nil, RepairTime: s.RepairTime},
		schedule: tracker.NewSchedule(w.phase(s), s.Interval, s.Timeout)}
	w.checks[s.Name] = one
	go one.watch(ctx)
}

// phase is a start in the past from which the first question is asked at once and
// the second at an instant of the interval that is the check's own, so that many
// checks do not all ask at the same moment.
func (w *Watcher) phase(s *Spec) mono.Instant {
	part := time.Duration(float64(s.Interval) * float64(crc32.ChecksumIEEE([]byte(s.Name))) / (1 << 32))
	return w.now().Add(part - s.Interval)
}

func (w *Watcher) drop(name string) {
	if old := w.checks[name]; old != nil {
		old.cancel()
		delete(w.checks, name)
	}
}

func (w *Watcher) now() mono.Instant { return mono.Instant(time.Since(w.origin)) }

// watch is one check. All but asks, cancel and news belongs to its goroutine.
type watch struct {
	*Watcher
	asks   string
	cancel context.CancelFunc
	news   chan *Spec // what a reload changed

	spec     *Spec
	judge    Judge
	schedule tracker.Schedule
}

// renew hands the newest specification over; one that was not taken yet is
// replaced.
func (w *watch) renew(s *Spec) {
	select {
	case <-w.news:
	default:
	}
	w.news <- s
}

func (w *watch) watch(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case s := <-w.news:
			w.adjust(s)
		case <-timer.C:
		}
		w.act(ctx)
		timer.Reset(min(w.schedule.Deadline(), w.judge.Deadline()).Sub(w.now()))
	}
}

// act asks if it is time to. Questions that were missed meanwhile are not made up
// for.
func (w *watch) act(ctx context.Context) {
	due := !w.now().Before(w.judge.Deadline())
	for _, ok := w.schedule.Due(w.now()); ok; _, ok = w.schedule.Due(w.now()) {
		w.schedule.Ended()
		due = true
	}
	if due {
		w.ask(ctx)
	}
}

// ask makes one probe, and a repair if it is for that.
func (w *watch) ask(ctx context.Context) {
	r := w.probe(ctx)
	if !w.hear(ctx, r) {
		return
	}
	w.repair(ctx)
	w.hear(ctx, w.probe(ctx))
}

func (w *watch) probe(ctx context.Context) checker.Result {
	ctx, cancel := context.WithTimeout(ctx, w.spec.Timeout)
	defer cancel()
	if w.spec.Elsewhere && here(w.spec.Target) {
		return checker.Fail("%s is an address of this machine", w.spec.Target.Addr)
	}
	return w.spec.Probe.Probe(ctx, w.spec.Target)
}

// hear reports what a result amounts to, and whether a repair is to be tried.
func (w *watch) hear(ctx context.Context, r checker.Result) (repair bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if ctx.Err() != nil {
		return false // nobody asks any more
	}
	news := w.judge.Hear(w.now(), r)
	for _, line := range news.Log {
		w.log(line)
	}
	if news.Changed && w.states[w.judge.Name] != news.Sample.State {
		w.states[w.judge.Name] = news.Sample.State
		w.report(news.Sample)
	}
	return news.Repair
}

// repair runs the command. Whether it helped is for the next probes to say.
func (w *watch) repair(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, w.spec.RepairTime)
	defer cancel()
	if err := w.run(limited, w.spec.Repair); err != nil && ctx.Err() == nil {
		w.log("VRRP_Check(" + w.judge.Name + ") repair: " + err.Error())
	}
}

func (w *watch) adjust(s *Spec) {
	w.spec = s
	w.judge.Repairs, w.judge.RepairTime = s.Repair != nil, s.RepairTime
	if s.Rise != w.judge.Rise || s.Fall != w.judge.Fall {
		w.judge.Rise, w.judge.Fall = s.Rise, s.Fall
		w.judge.Carry(w.judge.State())
	}
	if s.Interval != w.schedule.Interval {
		w.schedule.Adjust(w.now(), s.Interval, s.Timeout)
	}
}
