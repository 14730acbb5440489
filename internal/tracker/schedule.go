package tracker

import (
	"time"

	"holdfast/internal/mono"
)

// The patience with a run that does not end (reference, section 8).
const (
	killAfter  = 2 * time.Second  // from TERM to KILL, and from KILL to the complaint
	retryEvery = 10 * time.Second // between further KILLs
)

// Step is what a Schedule asks for.
type Step uint8

// The steps. Skip says that the last run is still there when the next is due,
// Stuck that even KILL did not end it.
const (
	Start Step = iota
	Skip
	Terminate
	Kill
	Stuck
)

// Schedule decides when one script is started and what is done about a run that
// takes too long. Starts are at a fixed rate, counted from the first: a late
// wake-up does not shift those that follow, and starts that were missed while
// the machine slept are not made up for.
type Schedule struct {
	Interval, Timeout time.Duration

	next  mono.Instant // start
	run   phase
	limit mono.Instant // of the present phase of the run
}

// phase is how far the run that is under way has come.
type phase uint8

const (
	idle phase = iota
	running
	terminated
	killed
	stuck
)

// NewSchedule returns a schedule whose first start is due at now.
func NewSchedule(now mono.Instant, interval, timeout time.Duration) Schedule {
	return Schedule{Interval: interval, Timeout: timeout, next: now, limit: mono.Never}
}

// Deadline is when Due has something to say next.
func (s *Schedule) Deadline() mono.Instant {
	if s.run == idle {
		return s.next
	}
	return min(s.next, s.limit)
}

// Due answers what is to be done at now; call it until ok is false. A run that
// was started counts as under way until Ended.
func (s *Schedule) Due(now mono.Instant) (do Step, ok bool) {
	switch {
	case s.run != idle && !now.Before(s.limit):
		return s.press(now), true
	case !now.Before(s.next):
		return s.begin(now), true
	}
	return 0, false
}

// Ended says that the run is over and reports whether its timeout was.
func (s *Schedule) Ended() (timedOut bool) {
	timedOut = s.run >= terminated
	s.run, s.limit = idle, mono.Never
	return timedOut
}

// Adjust gives the schedule new times, as a reload does. The next start comes
// no later than one new interval from now; a run under way keeps its limit.
func (s *Schedule) Adjust(now mono.Instant, interval, timeout time.Duration) {
	s.Interval, s.Timeout = interval, timeout
	s.next = min(s.next, now.Add(interval))
}

func (s *Schedule) begin(now mono.Instant) Step {
	s.next = s.after(now)
	if s.run != idle {
		return Skip
	}
	s.run, s.limit = running, now.Add(s.Timeout)
	return Start
}

// after is the first start of the grid that lies behind now.
func (s *Schedule) after(now mono.Instant) mono.Instant {
	interval := max(s.Interval, time.Millisecond)
	missed := now.Sub(s.next) / interval
	return s.next.Add((missed + 1) * interval)
}

// press goes one step further against a run that does not end.
func (s *Schedule) press(now mono.Instant) Step {
	switch s.run {
	case running:
		s.run, s.limit = terminated, now.Add(killAfter)
		return Terminate
	case terminated:
		s.run, s.limit = killed, now.Add(killAfter)
		return Kill
	case killed:
		s.run, s.limit = stuck, now.Add(retryEvery)
		return Stuck
	}
	s.limit = now.Add(retryEvery)
	return Kill
}
