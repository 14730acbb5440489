package check

import (
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
)

// again is the shortest time between two repairs. What needs one more often is
// not well, and another machine does better.
const again = time.Minute

// Judge follows one check: it counts results, decides when a repair is worth a
// try, and finds the words for the log.
type Judge struct {
	Name string
	tracker.Counter
	Repairs    bool // there is a repair
	RepairTime time.Duration

	repaired bool
	lastTry  mono.Instant
	until    mono.Instant // failures do not count before; 0: they do
	trouble  string       // of this machine, as it was told last
}

// News is what a Judge has to say about a result.
type News struct {
	Sample  tracker.Sample
	Changed bool // the state changed, Sample is to be reported
	Repair  bool // the repair is to be run, now
	Log     []string
}

// Deadline is when a repair must have helped; Never while none is under way.
func (j *Judge) Deadline() mono.Instant {
	if j.until == 0 {
		return mono.Never
	}
	return j.until
}

// Hear takes the result of one probe.
func (j *Judge) Hear(now mono.Instant, r checker.Result) News {
	switch r.Outcome {
	case checker.Trouble:
		return j.hindered(r)
	case checker.Passed:
		j.trouble, j.until = "", 0
		return j.count(true, r)
	}
	j.trouble = ""
	switch {
	case now.Before(j.until):
		return News{} // the repair has time yet
	case j.until != 0:
		return j.inVain(r)
	case j.tries(now):
		return j.try(now, r)
	}
	return j.count(false, r)
}

// hindered says once what prevents the check; a check that was not made says
// nothing about what is checked.
func (j *Judge) hindered(r checker.Result) News {
	if r.Why == j.trouble {
		return News{}
	}
	j.trouble = r.Why
	return News{Log: []string{j.line() + "cannot be made (" + r.Why + ")"}}
}

// tries reports whether this failure would turn the check bad, and a repair may
// prevent it.
func (j *Judge) tries(now mono.Instant) bool {
	if !j.Repairs || j.State() == tracker.Bad || j.repaired && now.Sub(j.lastTry) < again {
		return false
	}
	next := j.Counter
	return next.Count(false) && next.State() == tracker.Bad
}

func (j *Judge) try(now mono.Instant, r checker.Result) News {
	j.repaired, j.lastTry, j.until = true, now, now.Add(j.RepairTime)
	return News{Repair: true, Log: []string{j.line() + "failed (" + r.Why + "), trying to repair it"}}
}

// inVain is the failure after a repair. The one before it was not counted.
func (j *Judge) inVain(r checker.Result) News {
	j.until = 0
	r.Why += ", repaired in vain"
	return j.count(false, r)
}

func (j *Judge) count(success bool, r checker.Result) News {
	if !j.Count(success) {
		return News{}
	}
	n := News{Changed: true, Sample: tracker.Sample{Kind: tracker.Check, Tracker: j.Name, State: j.State(), Why: r.Why}}
	if success {
		n.Log = []string{j.line() + "succeeded"}
		return n
	}
	n.Log = []string{j.line() + "failed (" + r.Why + ")"}
	return n
}

func (j *Judge) line() string { return "VRRP_Check(" + j.Name + ") " }
