// Package run makes health checks: a hundred thousand of them, at their rates,
// with a socket for each that is under way and none for those that wait. A goroutine
// is for those only that do more than wait for their socket. When a check is made
// and what its result amounts to is decided by checker.Agenda.
package run

import (
	"context"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// The most checks that are under way, and how many files are left to others. More
// checks wait for one to end, which the timeouts of those see to.
const (
	most  = 64 << 10
	spare = 128
)

// slot is how long checks that fall due one after the other wait for each other:
// when there are many, one wake-up serves some of them.
const slot = 10 * time.Millisecond

// Room is how many checks may be under way in this process, each with a file. It
// asks the kernel for as many files as are of use, which root is given.
func Room() int {
	files := unix.Rlimit{Cur: most + spare, Max: most + spare}
	var have unix.Rlimit
	if err := unix.Getrlimit(unix.RLIMIT_NOFILE, &have); err != nil || have.Cur >= files.Cur || raise(&files) {
		return most
	}
	return max(int(have.Cur)-spare, 64) // at the worst, others get none
}

// raise sets the limit of files behind the back of package syscall, which gives
// the programs that are started the one that this process was started with.
func raise(files *unix.Rlimit) bool {
	_, _, errno := unix.RawSyscall6(unix.SYS_PRLIMIT64, 0, unix.RLIMIT_NOFILE, uintptr(unsafe.Pointer(files)), 0, 0, 0)
	return errno == 0
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
	// Of the loop alone.
	poller  *poller // nil: nothing was to be awaited yet
	crowded bool    // that there is no room was told

	mu     sync.Mutex
	agenda *checker.Agenda
	tally  map[checker.Kind]*status.Checks
	asked  map[checker.ID][]*question // nil: nobody waits for a result
}

// New returns a Runner without checks, of which at most limit are under way. It
// calls report when a check has news, and log with lines for the log; neither may
// call the Runner.
func New(limit int, report func(checker.Report), log func(string)) *Runner {
	r := &Runner{report: report, log: log, origin: time.Now(), room: make(chan struct{}, limit), wake: make(chan struct{}, 1), agenda: checker.NewAgenda(), tally: map[checker.Kind]*status.Checks{}}
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
	r.excuse()
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
	defer r.rest()
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
		timer.Reset(max(r.pause(), slot))
	}
}

// rest ends the waiting for sockets.
func (r *Runner) rest() {
	if r.poller != nil {
		r.poller.close()
	}
}

// pause is how long nothing is due.
func (r *Runner) pause() time.Duration {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.agenda.Deadline().Sub(r.now())
}

// begin begins all checks that are due, and answers false at the end of all.
func (r *Runner) begin() bool {
	for r.pause() <= 0 {
		if !r.enter() {
			return false
		}
		t := r.due()
		if t == nil {
			<-r.room
			return true
		}
		r.make(t)
	}
	return true
}

// enter waits until one more check may be under way; false: at the end of all.
func (r *Runner) enter() bool {
	select {
	case r.room <- struct{}{}:
		return true
	default:
	}
	if !r.crowded {
		r.crowded = true
		r.log(fmt.Sprintf("%d health checks are under way, and there are files for no more: others are late; raise the limit of open files (LimitNOFILE of the service)", cap(r.room)))
	}
	select {
	case r.room <- struct{}{}:
		return true
	case <-r.ctx.Done():
		return false
	}
}

// task is a check under way.
type task struct {
	entry *checker.Entry
	probe checker.Probe
	job   *checker.Job
	end   mono.Instant // of the time that it has

	// While it waits for a socket.
	step     dial.Step
	late     mono.Instant
	place    place
	watched  bool
	turn     int32
	happened uint32 // that no step has taken note of yet
}

func (r *Runner) due() *task {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := r.now()
	e, ok := r.agenda.Due(now)
	if !ok {
		return nil
	}
	return &task{entry: e, probe: e.Probe(), job: e.Job, end: now.Add(e.Job.Timeout)}
}

// make begins to ask. What is more than a socket to wait for gets a goroutine.
func (r *Runner) make(t *task) {
	asker, ok := t.probe.(dial.Asker)
	if !ok {
		r.alone(t, func(ctx context.Context) checker.Result { return t.probe.Probe(ctx, t.job.Target) })
		return
	}
	if err := r.awake(); err != nil {
		r.done(t, checker.Hinder("%v", err))
		return
	}
	r.take(t, asker.Begin(t.job.Target))
}

// awake begins to wait for sockets.
func (r *Runner) awake() (err error) {
	if r.poller != nil {
		return nil
	}
	if r.poller, err = newPoller(r.now, r.take); err == nil {
		r.ended.Go(r.poller.run)
	}
	return err
}

// take takes what comes next of a probe.
func (r *Runner) take(t *task, s dial.Step) {
	if s.Socket != nil && !s.IsAlone() {
		t.step = s
		if err := r.poller.await(t); err != nil {
			r.poller.leave(t)
			r.done(t, s.Socket.End(checker.Hinder("%v", err)).Result)
		}
		return
	}
	if s.Socket == nil {
		r.poller.leave(t)
		r.done(t, s.Result)
		return
	}
	r.poller.ignore(t)
	r.poller.leave(t)
	r.alone(t, s.Go)
}

// alone goes on with a task in a goroutine.
func (r *Runner) alone(t *task, probe func(context.Context) checker.Result) {
	r.ended.Go(func() {
		ctx, cancel := context.WithTimeout(r.ctx, t.end.Sub(r.now()))
		result := probe(ctx)
		cancel()
		r.done(t, result)
	})
}

// done takes the answer.
func (r *Runner) done(t *task, result checker.Result) {
	<-r.room
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.ctx.Err() != nil {
		return // nobody asks any more
	}
	r.count(t, result)
	defer r.reply(t, result)
	before := r.agenda.Deadline()
	r.tell(r.agenda.Done(r.now(), t.entry, result))
	if r.agenda.Deadline().Before(before) {
		r.nudge()
	}
}

// count takes the result of a check into the statistics.
func (r *Runner) count(t *task, result checker.Result) {
	c := r.tally[t.job.Kind]
	if c == nil {
		c = &status.Checks{Kind: t.job.Kind.String()}
		r.tally[t.job.Kind] = c
	}
	switch result.Outcome {
	case checker.Passed:
		c.Passed++
	case checker.Failed:
		c.Failed++
	case checker.Trouble:
		c.Hindered++
	}
	c.Count(t.job.Timeout - t.end.Sub(r.now()))
}

// Tally is how many checks of each kind were made, and how long they took.
func (r *Runner) Tally() (all []status.Checks) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(r.tally)) {
		all = append(all, *r.tally[kind])
	}
	return all
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
