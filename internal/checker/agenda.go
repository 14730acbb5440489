package checker

import (
	"math"
	"time"

	"holdfast/internal/mono"
)

// ID names a check as long as it asks the same, over reloads too.
type ID uint32

// Job is one check of a real server: what is asked, when, and how it is told.
type Job struct {
	ID ID
	Rules
	Words
	// Steps are asked in turn, one each time; none: the check follows Subject.
	Steps   []Probe
	Target  Target
	Timeout time.Duration // of one step
	Subject Subject
	// Suspended: nothing is asked, and what was found stays.
	Suspended bool
}

// Subject is what a check follows that somebody else watches.
type Subject struct {
	Kind Kind // BFD or File; zero: nothing
	Name string
	// Weight is what the number of a file is multiplied with, the negative of it
	// with Reverse; 0: another number than 0 is a failure, or 0 with Reverse.
	Weight  int
	Reverse bool
}

// Report is news of one check.
type Report struct {
	Check ID
	Up    bool
	// First: there was no result before.
	First bool
	// Weight is what the check adds to the weight of its server.
	Weight int64
	Reason string // why it is down; empty when it is up
	Took   time.Duration
}

// State is what is known of one check.
type State struct {
	Check   ID
	Up, Ran bool
	Weight  int64
	Reason  string // of the last failure; empty after a success
	Took    time.Duration
}

// News is what follows from a result.
type News struct {
	Report  Report
	Changed bool // Report is to be reported
	Log     []string
}

// slot numbers the entries of an agenda.
type slot int32

// fact is what was heard of a subject last.
type fact struct {
	up    bool
	value int
}

// Entry is a check of an agenda.
type Entry struct {
	Job     *Job
	verdict Verdict
	slot    slot
	gone    bool
	running bool
	again   bool         // it is to be made once more as soon as it has ended
	due     mono.Instant // of the time under way, or the next
	began   mono.Instant
	took    time.Duration
	reason  string
}

// Probe is what is asked now.
func (e *Entry) Probe() Probe { return e.Job.Steps[e.verdict.Step()] }

// Agenda decides which checks are made when, and what becomes of their results.
type Agenda struct {
	entries []*Entry // by slot
	free    []slot
	byID    map[ID]*Entry
	wakes   mono.Wakes[slot]
	// Who follows a subject, and what is known of it: by Kind and Name alone.
	follow map[Subject][]*Entry
	facts  map[Subject]fact
	// Latest is the longest time that a check began after it was due.
	Latest time.Duration
	Made   uint64 // checks begun
}

// NewAgenda returns an empty one.
func NewAgenda() *Agenda {
	return &Agenda{byID: map[ID]*Entry{}, follow: map[Subject][]*Entry{}, facts: map[Subject]fact{}}
}

// Apply makes jobs the checks that are made. Those that were there go on as they
// are; luck, a number from 0 to 1, is asked for each that is new.
func (a *Agenda) Apply(now mono.Instant, jobs []*Job, luck func() float64) (all []News) {
	stays := make(map[ID]bool, len(jobs))
	for _, j := range jobs {
		stays[j.ID] = true
	}
	for id, e := range a.byID {
		if !stays[id] {
			a.drop(e)
		}
	}
	clear(a.follow)
	for _, j := range jobs {
		all = a.apply(all, now, j, luck)
	}
	return all
}

func (a *Agenda) apply(all []News, now mono.Instant, j *Job, luck func() float64) []News {
	e := a.byID[j.ID]
	if e != nil {
		e.due = min(e.due, now.Add(j.DelayLoop))
	} else {
		e = a.add(j)
		e.due = j.First(now, luck())
	}
	e.Job = j
	e.verdict.Carry(&j.Rules, len(j.Steps))
	if len(j.Steps) == 0 {
		return a.attach(all, now, e)
	}
	if !e.running {
		a.wake(e)
	}
	return all
}

// attach lets a check follow its subject, of which something may be known.
func (a *Agenda) attach(all []News, now mono.Instant, e *Entry) []News {
	to := Subject{Kind: e.Job.Subject.Kind, Name: e.Job.Subject.Name}
	a.follow[to] = append(a.follow[to], e)
	if f, ok := a.facts[to]; ok {
		all = append(all, e.follow(now, f))
	}
	return all
}

func (a *Agenda) add(j *Job) *Entry {
	e := &Entry{Job: j, verdict: NewVerdict(&j.Rules), slot: slot(len(a.entries))}
	if n := len(a.free); n > 0 {
		e.slot, a.free = a.free[n-1], a.free[:n-1]
		a.entries[e.slot] = e
	} else {
		a.entries = append(a.entries, e)
		a.wakes.Grow(len(a.entries))
	}
	a.byID[j.ID] = e
	return e
}

// drop forgets a check. What it is about to find is not heard any more.
func (a *Agenda) drop(e *Entry) {
	delete(a.byID, e.Job.ID)
	a.wakes.Remove(e.slot)
	a.entries[e.slot] = nil
	a.free = append(a.free, e.slot)
	e.gone = true
}

func (a *Agenda) wake(e *Entry) {
	a.wakes.Remove(e.slot)
	a.wakes.Earlier(e.slot, e.due)
}

// Deadline is when Due has something to say.
func (a *Agenda) Deadline() mono.Instant {
	w, _ := a.wakes.Top()
	return w.At
}

// Due is a check that is to be made now; call it until there is none. It counts
// as under way until Done.
func (a *Agenda) Due(now mono.Instant) (*Entry, bool) {
	for {
		w, ok := a.wakes.Top()
		if !ok || now.Before(w.At) {
			return nil, false
		}
		e := a.entries[w.ID]
		if e.Job.Suspended {
			e.due = e.Job.after(e.due, now, e.Job.DelayLoop)
			a.wakes.Set(e.slot, e.due)
			continue
		}
		a.wakes.Remove(e.slot)
		a.begin(e, now)
		return e, true
	}
}

// Hasten makes a check that waits for its time due now; one that is under way is made again
// as soon as it has ended. It answers false for what nobody asks: a check that is suspended,
// follows a subject, or is gone.
func (a *Agenda) Hasten(now mono.Instant, id ID) bool {
	e := a.byID[id]
	if e == nil || e.Job.Suspended || len(e.Job.Steps) == 0 {
		return false
	}
	if e.again = e.running; !e.running {
		e.due = now
		a.wake(e)
	}
	return true
}

// State is what is known of one check.
func (a *Agenda) State(id ID) (State, bool) {
	e := a.byID[id]
	if e == nil {
		return State{}, false
	}
	return e.state(), true
}

// Job is what a check asks; nil: there is no such check.
func (a *Agenda) Job(id ID) *Job {
	if e := a.byID[id]; e != nil {
		return e.Job
	}
	return nil
}

func (a *Agenda) begin(e *Entry, now mono.Instant) {
	e.running, e.began = true, now
	a.Made++
	a.Latest = max(a.Latest, now.Sub(e.due))
}

// Done takes what a check found.
func (a *Agenda) Done(now mono.Instant, e *Entry, r Result) News {
	e.running = false
	if e.gone {
		return News{}
	}
	e.took = now.Sub(e.began)
	n, next := e.hear(now, r)
	if e.again {
		e.again, next = false, now
	}
	e.due = next
	a.wake(e)
	return n
}

// Hear takes what is known of a subject: whether a session is up, the number in a
// file.
func (a *Agenda) Hear(now mono.Instant, kind Kind, name string, up bool, value int) (all []News) {
	of, f := Subject{Kind: kind, Name: name}, fact{up, value}
	a.facts[of] = f
	for _, e := range a.follow[of] {
		all = append(all, e.follow(now, f))
	}
	return all
}

// follow takes what became of the subject of a check.
func (e *Entry) follow(now mono.Instant, f fact) News {
	r := Fail("the session is not up")
	switch {
	case e.Job.Subject.Kind == File:
		r = e.Job.Subject.weigh(f.value)
	case f.up:
		r = Pass()
	}
	n, _ := e.hear(now, r)
	return n
}

// weigh is what the number of a file amounts to (reference, section 5).
func (s *Subject) weigh(value int) Result {
	if s.Weight == 0 {
		if (value != 0) != s.Reverse {
			return Fail("%s says %d", s.Name, value)
		}
		return Pass()
	}
	weight := int64(value) * int64(s.Weight)
	if s.Reverse {
		weight = -weight
	}
	if weight <= math.MinInt32 {
		return Fail("%s says %d", s.Name, value)
	}
	return Result{Outcome: Passed, Weight: weight}
}

// praiser is a probe that has a line for the log when it passes while the check
// is not up.
type praiser interface{ Praise(server string) string }

// hear makes news of a result, and says when the next is due.
func (e *Entry) hear(now mono.Instant, r Result) (News, mono.Instant) {
	var n News
	was := e.verdict
	if r.Outcome == Passed && !(was.up && was.ran) && len(e.Job.Steps) > 0 {
		if p, ok := e.Probe().(praiser); ok {
			n.Log = append(n.Log, p.Praise(e.Job.Server))
		}
	}
	t := e.verdict.Hear(&e.Job.Rules, len(e.Job.Steps), e.due, now, r)
	if r.Outcome != Trouble {
		e.reason = r.Why
	}
	if line := e.Job.Line(t, &e.Job.Rules, r); line != "" {
		n.Log = append(n.Log, line)
	}
	n.Changed = t.Event == CameUp || t.Event == WentDown || t.Event == Reweighed
	n.Report = e.report(!was.ran)
	return n, t.Next
}

func (e *Entry) report(first bool) Report {
	return Report{Check: e.Job.ID, Up: e.verdict.up, First: first, Weight: e.verdict.weight, Reason: e.reason, Took: e.took}
}

// States is what is known of all checks, in no order.
func (a *Agenda) States() []State {
	all := make([]State, 0, len(a.byID))
	for _, e := range a.byID {
		all = append(all, e.state())
	}
	return all
}

func (e *Entry) state() State {
	return State{Check: e.Job.ID, Up: e.verdict.up, Ran: e.verdict.ran, Weight: e.verdict.weight, Reason: e.reason, Took: e.took}
}
