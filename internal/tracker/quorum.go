package tracker

import (
	"time"

	"holdfast/internal/mono"
)

// NoMaximum is the Most of a Quorum that any number passes.
const NoMaximum = -1

// Quorum decides from the number of processes of one vrrp_track_process whether
// it is good. The first number counts at once; later a change must last.
type Quorum struct {
	Least, Most int           // Most may be NoMaximum
	GainDelay   time.Duration // fork_delay
	LossDelay   time.Duration // terminate_delay

	state    State
	count    int
	changing bool
	due      mono.Instant // of the change, while changing
}

// State is what the number amounts to, the delays considered.
func (q *Quorum) State() State { return q.state }

// Tally is what a Quorum counted, and whether that is well; Changing: another verdict
// waits for its delay.
type Tally struct {
	N              int
	Good, Changing bool
}

// Tally is what was counted last.
func (q *Quorum) Tally() Tally { return Tally{N: q.count, Good: q.state == Good, Changing: q.changing} }

// Deadline is when Due has something to say.
func (q *Quorum) Deadline() mono.Instant {
	if q.changing {
		return q.due
	}
	return mono.Never
}

// Count takes the present number and reports whether the state changed.
func (q *Quorum) Count(now mono.Instant, n int) (changed bool) {
	q.count = n
	want := q.verdict()
	switch {
	case q.state == Unknown:
		q.state = want
		return true
	case want == q.state:
		q.changing = false
	case !q.changing:
		q.changing, q.due = true, now.Add(q.delay(want))
	}
	return q.Due(now)
}

// Due changes the state if the number has asked for it long enough.
func (q *Quorum) Due(now mono.Instant) (changed bool) {
	if !q.changing || now.Before(q.due) {
		return false
	}
	q.state, q.changing = q.verdict(), false
	return true
}

// Carry takes over the state of an earlier quorum, as a reload does: what its
// processes amount to now must last like any other change.
func (q *Quorum) Carry(s State) { q.state = s }

func (q *Quorum) verdict() State {
	if q.count >= q.Least && (q.Most == NoMaximum || q.count <= q.Most) {
		return Good
	}
	return Bad
}

func (q *Quorum) delay(want State) time.Duration {
	if want == Good {
		return q.GainDelay
	}
	return q.LossDelay
}
