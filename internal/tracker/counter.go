package tracker

import "strconv"

// Counter turns the successes and failures of one script into good and bad:
// it takes Rise successes to turn good, Fall failures to turn bad, and a single
// result of either kind to leave Unknown. The zero values of Rise and Fall
// count as 1.
//
// The count runs from 0 to Rise+Fall-1 and is good from Rise on. It starts at
// Rise-1 and jumps to the end of its half whenever the half is entered, so
// that results which alternate never add up to a change.
type Counter struct {
	Rise, Fall int

	state State
	count int64
}

// State is what the results so far amount to.
func (c *Counter) State() State { return c.state }

// Count takes one result and reports whether the state changed.
func (c *Counter) Count(success bool) (changed bool) {
	was := c.state
	if c.state == Unknown {
		c.count = c.rise() - 1
	}
	if success {
		c.succeed()
	} else {
		c.fail()
	}
	c.state = c.half()
	return c.state != was
}

// Carry takes over the state of an earlier counter, as a reload does: it
// continues from the far end of the same half, whatever rise and fall are now.
func (c *Counter) Carry(s State) {
	c.state = s
	switch s {
	case Good:
		c.count = c.top()
	case Bad:
		c.count = 0
	}
}

func (c *Counter) succeed() {
	c.count++
	if c.count >= c.rise() {
		c.count = c.top()
	}
}

func (c *Counter) fail() {
	c.count--
	if c.count < c.rise() {
		c.count = 0
	}
}

func (c *Counter) half() State {
	if c.count >= c.rise() {
		return Good
	}
	return Bad
}

// rise, fall and top are 64 bit because both words go up to 2147483647.
func (c *Counter) rise() int64 { return max(1, int64(c.Rise)) }
func (c *Counter) top() int64  { return c.rise() + max(1, int64(c.Fall)) - 1 }

// Result is how one run of a script ended.
type Result struct {
	Code     int    // exit status, 0 is success; -1 when there is none
	Signal   int    // the signal that ended it; 0: it exited
	TimedOut bool   // it was ended because of its timeout
	Error    string // it could not be run at all, and why; else empty
}

// Success reports whether the run counts as one: only a plain exit 0 does.
// A command that could not be executed is a failure. keepalived counts it as
// success, which keeps a node MASTER behind a check that never ran; that is a
// defect and is not kept.
func (r Result) Success() bool {
	return r.Code == 0 && r.Signal == 0 && !r.TimedOut && r.Error == ""
}

// Why says in words how the run failed; empty for a success.
func (r Result) Why() string {
	switch {
	case r.Error != "":
		return r.Error
	case r.TimedOut:
		return "timed out"
	case r.Signal != 0:
		return "due to signal " + strconv.Itoa(r.Signal)
	case r.Code != 0:
		return "exited with status " + strconv.Itoa(r.Code)
	}
	return ""
}

// Judge follows one vrrp_script: it counts its results and finds the words for
// the log that operators match on.
type Judge struct {
	Name string
	Counter
	code int // the last exit status; scripts are taken to have returned 0 before
}

// News is what a Judge has to say about a result.
type News struct {
	Sample  Sample
	Changed bool     // the state changed, Sample is to be reported
	Log     []string // in order; usually empty
}

// Hear takes the result of one run.
func (j *Judge) Hear(r Result) News {
	n := News{Log: j.codeChange(r)}
	n.Changed = j.Count(r.Success())
	if !n.Changed {
		return n
	}
	n.Sample = Sample{Kind: Script, Tracker: j.Name, State: j.State(), Why: r.Why()}
	n.Log = append(n.Log, j.verdict(r))
	return n
}

func (j *Judge) codeChange(r Result) []string {
	if r.Code == j.code || r.Signal != 0 || r.TimedOut || r.Error != "" {
		return nil
	}
	j.code = r.Code
	return []string{"Script `" + j.Name + "` now returning " + strconv.Itoa(r.Code)}
}

func (j *Judge) verdict(r Result) string {
	name := "VRRP_Script(" + j.Name + ") "
	switch {
	case r.Success():
		return name + "succeeded"
	case r.TimedOut:
		return name + "timed_out"
	}
	return name + "failed (" + r.Why() + ")"
}
