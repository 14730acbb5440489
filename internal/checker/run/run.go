// Package run makes health checks: a hundred thousand of them, at their rates,
// with a goroutine and a socket for each that is under way and none for those that
// wait. When a check is made and what its result amounts to is decided by
// checker.Agenda.
package run

import (
	"context"
	"math/rand/v2"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/internal/mono"
)

// The most checks that are under way, and how many files are left to others. More
// checks wait for one to end, which the timeouts of those see to.
const (
	most  = 64 << 10
	spare = 512
)

// Room is how many checks may be under way in this process, each with a file.
func Room() int {
	var files unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &files); err != nil || files.Cur > most+spare {
		return most
	}
	return max(int(files.Cur)-spare, 64)
}

// Runner makes the checks of a configuration.
type Runner struct {
	report func(checker.Report)
	log    func(string)
	origin time.Time
	room   chan struct{}
	ctx    context.Context
	stop   context.CancelFunc
	wake   chan struct{}
	ended  sync.WaitGroup

	mu     sync.Mutex
	agenda *checker.Agenda
}

// New returns a Runner without checks, of which at most limit are under way. It
// calls report when a check has news, and log with lines for the log; neither may
// call the Runner.
func New(limit int, report func(checker.Report), log func(string)) *Runner {
	r := &Runner{report: report, log: log, origin: time.Now(), room: make(chan struct{}, limit), wake: make(chan struct{}, 1), agenda: checker.NewAgenda()}
	r.ctx, r.stop = context.WithCancel(context.Background())
	r.ended.Go(r.loop)
	return r
}

// Apply makes jobs the checks that are made; checks that were made before keep
// what was found. Jobs must not change afterwards.
func (r *Runner) Apply(jobs []*checker.Job) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.agenda.Apply(r.now(), jobs, rand.Float64) {
		r.tell(n)
	}
	r.nudge()
}

// Session tells the checks that follow a BFD session whether it is up.
func (r *Runner) Session(name string, up bool) { r.hear(checker.BFD, name, up, 0) }

// File tells the checks that follow a file the number in it.
func (r *Runner) File(name string, value int) { r.hear(checker.File, name, false, value) }

func (r *Runner) hear(kind checker.Kind, name string, up bool, value int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, n := range r.agenda.Hear(r.now(), kind, name, up, value) {
		r.tell(n)
	}
}

// States is what is known of all checks, in no order.
func (r *Runner) States() []checker.State {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agenda.States()
}

// Pace is how many checks were begun, and the longest time that one was begun
// after it was due.
func (r *Runner) Pace() (made uint64, latest time.Duration) {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agenda.Made, r.agenda.Latest
}

// Close ends all checks and waits for those under way.
func (r *Runner) Close() {
	r.stop()
	r.ended.Wait()
}

func (r *Runner) now() mono.Instant { return mono.Instant(time.Since(r.origin)) }

// nudge makes the loop look at the agenda again.
func (r *Runner) nudge() {
	select {
	case r.wake <- struct{}{}:
	default:
	}
}

// loop begins what is due.
func (r *Runner) loop() {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-r.ctx.Done():
			return
		case <-r.wake:
		case <-timer.C:
		}
		if !r.begin() {
			return
		}
		timer.Reset(r.pause())
	}
}

// pause is how long nothing is due.
func (r *Runner) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agenda.Deadline().Sub(r.now())
}

// begin makes all checks that are due, and answers false at the end of all.
func (r *Runner) begin() bool {
	for {
		select {
		case r.room <- struct{}{}:
		case <-r.ctx.Done():
			return false
		}
		e, ok := r.due()
		if !ok {
			<-r.room
			return true
		}
		r.ended.Go(func() { r.make(e) })
	}
}

func (r *Runner) due() (task, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	e, ok := r.agenda.Due(r.now())
	if !ok {
		return task{}, false
	}
	return task{e, e.Probe(), e.Job}, true
}

// task is a check under way.
type task struct {
	entry *checker.Entry
	probe checker.Probe
	job   *checker.Job
}

// make asks, and takes the answer.
func (r *Runner) make(t task) {
	ctx, cancel := context.WithTimeout(r.ctx, t.job.Timeout)
	result := t.probe.Probe(ctx, t.job.Target)
	cancel()
	<-r.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return // nobody asks any more
	}
	before := r.agenda.Deadline()
	r.tell(r.agenda.Done(r.now(), t.entry, result))
	if r.agenda.Deadline().Before(before) {
		r.nudge()
	}
}

// tell passes news on.
func (r *Runner) tell(n checker.News) {
	for _, line := range n.Log {
		r.log(line)
	}
	if n.Changed {
		r.report(n.Report)
	}
}
