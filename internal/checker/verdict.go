package checker

import (
	"time"

	"holdfast/internal/mono"
)

// Rules are when a check is made and what its results amount to.
type Rules struct {
	DelayLoop        time.Duration
	DelayBeforeRetry time.Duration
	// DownLoop is DelayLoop for a check that is down.
	DownLoop time.Duration
	// Warmup bounds the random part of the delay before the first time.
	Warmup time.Duration
	// Retry is how many more failures a check that is up is allowed.
	Retry uint32
	// Alpha: down until the first success.
	Alpha bool
	// FastRecovery makes the next step at once while the check is not up.
	FastRecovery bool
	// FromStart counts delays from the start of the last time, not from its end,
	// and makes a check that took longer than that again at once.
	FromStart bool
}

// Event is what a result amounts to.
type Event uint8

// The events. CameUp and WentDown also follow the first result of a check that
// was taken to be up or down before it.
const (
	Nothing   Event = iota
	CameUp          // after the first result, or a recovery
	WentDown        // after the first result, or the last retry
	Reweighed       // as before, with another weight
	Retrying        // a failure that is not the last one allowed
	StillDown       // another failure
	Hindered        // this machine could not make the check
)

// Turn is what follows from a result.
type Turn struct {
	Event Event
	// Retries is how many came before a WentDown, or are behind a Retrying.
	Retries uint32
	Next    mono.Instant // when the check is made again
}

// Verdict follows one check (reference, sections 3 and 8.3). A check of several
// steps makes one each time; only when all were good in a row it is up.
type Verdict struct {
	up, ran    bool
	hindered   bool
	recovering bool // the step that failed is good again, the others are asked anew
	step       uint16
	failures   uint32 // while up
	weight     int64
}

// NewVerdict is that of a check that was never made: one failure is enough then.
func NewVerdict(r *Rules) Verdict { return Verdict{up: !r.Alpha, failures: r.Retry} }

// Up reports whether what is checked is taken to be well.
func (v *Verdict) Up() bool { return v.up }

// Ran reports whether there was a result.
func (v *Verdict) Ran() bool { return v.ran }

// Weight is what the check adds to the weight of its server.
func (v *Verdict) Weight() int64 { return v.weight }

// Step is the step that is made next.
func (v *Verdict) Step() int { return int(v.step) }

// First is when a check is made for the first time. Luck, from 0 to 1, spreads
// many of them.
func (r *Rules) First(now mono.Instant, luck float64) mono.Instant {
	return now.Add(time.Second + time.Duration(luck*float64(r.Warmup)))
}

// Carry continues after a reload by new rules, and with another number of steps.
func (v *Verdict) Carry(r *Rules, steps int) {
	if int(v.step) >= steps {
		v.step = 0
	}
	if v.ran {
		v.failures = min(v.failures, r.Retry)
		return
	}
	v.up, v.failures = !r.Alpha, r.Retry
}

// Hear takes the result of a check of so many steps that was due and has ended
// now.
func (v *Verdict) Hear(r *Rules, steps int, due, now mono.Instant, result Result) Turn {
	switch result.Outcome {
	case Trouble:
		return v.hinder(r, due, now)
	case Passed:
		v.hindered = false
		return v.pass(r, steps, due, now, result.Weight)
	}
	v.hindered = false
	return v.fail(r, due, now)
}

// hinder leaves everything as it is. It is an event once.
func (v *Verdict) hinder(r *Rules, due, now mono.Instant) Turn {
	t := Turn{Next: r.after(due, now, r.DelayLoop)}
	if !v.hindered {
		v.hindered, t.Event = true, Hindered
	}
	return t
}

func (v *Verdict) pass(r *Rules, steps int, due, now mono.Instant, weight int64) Turn {
	v.failures = 0
	if v.advance(steps) {
		t := Turn{Next: r.after(due, now, r.DelayLoop)}
		if r.FastRecovery && (!v.ran || !v.up) {
			t.Next = now
		}
		return t
	}
	return Turn{Event: v.good(weight), Next: r.after(due, now, r.DelayLoop)}
}

// advance goes to the next step and reports whether there is one. The step that
// took the check down is followed by the first.
func (v *Verdict) advance(steps int) (more bool) {
	if steps > 1 && v.ran && !v.up && !v.recovering {
		v.recovering, v.step = true, 0
		return true
	}
	v.step++
	if int(v.step) < steps {
		return true
	}
	v.step, v.recovering = 0, false
	return false
}

// good is a success of all steps.
func (v *Verdict) good(weight int64) Event {
	news, reweighed := !v.up || !v.ran, weight != v.weight
	v.up, v.ran, v.weight = true, true, weight
	switch {
	case news:
		return CameUp
	case reweighed:
		return Reweighed
	}
	return Nothing
}

func (v *Verdict) fail(r *Rules, due, now mono.Instant) Turn {
	v.recovering = false
	switch {
	case v.up && v.failures < r.Retry:
		v.failures++
		return Turn{Event: Retrying, Retries: v.failures, Next: r.retry(due, now)}
	case v.ran && !v.up:
		return Turn{Event: StillDown, Next: r.after(due, now, r.DownLoop)}
	}
	t := Turn{Event: WentDown, Next: r.after(due, now, r.DownLoop)}
	if v.ran {
		t.Retries = r.Retry
	}
	v.up, v.ran, v.weight = false, true, 0
	return t
}

func (r *Rules) retry(due, now mono.Instant) mono.Instant {
	if r.FromStart {
		return max(now, due.Add(r.DelayBeforeRetry))
	}
	return now.Add(r.DelayBeforeRetry)
}

// after is the first instant behind now that lies a whole number of intervals
// behind due: the time that a check takes does not shift those that follow, and
// what was missed is not made up for.
func (r *Rules) after(due, now mono.Instant, interval time.Duration) mono.Instant {
	interval = max(interval, time.Microsecond)
	if r.FromStart {
		return max(now, due.Add(interval))
	}
	return due.Add((now.Sub(due)/interval + 1) * interval)
}
