package checker

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/mono"
)

// silent is a probe that nobody asks.
type silent struct{}

func (silent) Probe(context.Context, Target) Result { return Pass() }

const server, service = "[192.0.2.1]:tcp:80", "[198.51.100.1]:tcp:80"

func job(id ID, loop time.Duration) *Job {
	return &Job{ID: id, Rules: Rules{DelayLoop: loop, DownLoop: loop, Warmup: loop}, Words: Words{Server: server, Service: service}, Steps: []Probe{silent{}}}
}

func half() float64 { return 0.5 }

// due lists the checks that are due.
func due(a *Agenda, now mono.Instant) (all []*Entry) {
	for e, ok := a.Due(now); ok; e, ok = a.Due(now) {
		all = append(all, e)
	}
	return all
}

func at(seconds float64) mono.Instant { return mono.Instant(seconds * float64(time.Second)) }

func TestChecksAreMadeAtTheirRates(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Second), job(2, 4*time.Second)}, half)
	var made []string
	for now := a.Deadline(); now < at(8); now = a.Deadline() {
		for _, e := range due(a, now) {
			made = append(made, fmt.Sprintf("%d@%v", e.Job.ID, now))
			a.Done(now, e, Pass())
		}
	}
	want := "1@1.500 1@2.500 2@3.000 1@3.500 1@4.500 1@5.500 1@6.500 2@7.000 1@7.500"
	if got := strings.Join(made, " "); got != want {
		t.Errorf("made %s\nwant %s", got, want)
	}
}

func TestACheckIsNotMadeTwiceAtOnce(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Second)}, half)
	first := due(a, at(2))
	if len(first) != 1 {
		t.Fatalf("%d are due", len(first))
	}
	a.Apply(at(3), []*Job{job(1, time.Second)}, half)
	if again := due(a, at(100)); len(again) != 0 {
		t.Error("a check under way is due")
	}
	a.Done(at(100), first[0], Pass())
	if again := due(a, at(101)); len(again) != 1 {
		t.Error("after it has ended it is not due again")
	}
}

func TestAReloadKeepsWhatWasFoundAndThePhase(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Second)}, half)
	a.Done(at(1.5), due(a, at(1.5))[0], Fail("refused"))
	a.Apply(at(2), []*Job{job(1, time.Second), job(2, time.Second)}, half)
	if a.Deadline() != at(2.5) {
		t.Errorf("the next is due at %v", a.Deadline())
	}
	n := a.Done(at(2.5), due(a, at(2.5))[0], Pass())
	if diff := cmp.Diff(Report{Check: 1, Up: true}, n.Report); diff != "" {
		t.Errorf("the report differs (-want +got):\n%s", diff)
	}
}

func TestAReloadBringsACheckForwardWhoseIntervalShrank(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Hour)}, half)
	a.Apply(at(2), []*Job{job(1, time.Second)}, half)
	if a.Deadline() != at(3) {
		t.Errorf("the next is due at %v, not at 3", a.Deadline())
	}
}

func TestWhatARemovedCheckFindsIsNotHeard(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Second)}, half)
	e := due(a, at(2))[0]
	a.Apply(at(2), []*Job{job(2, time.Second)}, half)
	if n := a.Done(at(3), e, Fail("refused")); n.Changed || n.Log != nil {
		t.Errorf("it says %+v", n)
	}
	if len(a.States()) != 1 || a.States()[0].Check != 2 {
		t.Errorf("known are %+v", a.States())
	}
}

func TestASuspendedCheckAsksNothingAndKeepsItsState(t *testing.T) {
	a, paused := NewAgenda(), job(1, time.Second)
	a.Apply(0, []*Job{job(1, time.Second)}, half)
	a.Done(at(1.5), due(a, at(1.5))[0], Fail("refused"))
	paused.Suspended = true
	a.Apply(at(2), []*Job{paused}, half)
	if n := len(due(a, at(60.1))); n != 0 {
		t.Errorf("%d are due", n)
	}
	a.Apply(at(60.2), []*Job{job(1, time.Second)}, half)
	if a.Deadline() != at(60.5) {
		t.Errorf("the next is due at %v: it goes on in its phase", a.Deadline())
	}
	if s := a.States()[0]; s.Up || !s.Ran || s.Reason != "refused" {
		t.Errorf("known is %+v", s)
	}
}

func TestTheAgendaKnowsHowLateItIs(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Second)}, half)
	due(a, at(1.75))
	if a.Latest != 250*time.Millisecond || a.Made != 1 {
		t.Errorf("%d made, the latest %v late", a.Made, a.Latest)
	}
}

func TestSubjects(t *testing.T) {
	follow := func(s Subject) *Job {
		return &Job{ID: 1, Words: Words{Kind: s.Kind, Server: server, What: s.Name}, Subject: s}
	}
	for _, c := range []struct {
		name    string
		subject Subject
		up      bool
		value   int
		want    Report
	}{
		{"a session that is up", Subject{Kind: BFD, Name: "x"}, true, 0, Report{Up: true}},
		{"a session that is down", Subject{Kind: BFD, Name: "x"}, false, 0, Report{Reason: "the session is not up"}},
		{"a number with a weight", Subject{Kind: File, Name: "x", Weight: 3}, false, 7, Report{Up: true, Weight: 21}},
		{"a number with a weight, reversed", Subject{Kind: File, Name: "x", Weight: 3, Reverse: true}, false, 7, Report{Up: true, Weight: -21}},
		{"a number that weighs as much as failing", Subject{Kind: File, Name: "x", Weight: -1 << 20}, false, 1 << 12, Report{Reason: "x says 4096"}},
		{"without a weight 0 is good", Subject{Kind: File, Name: "x"}, false, 0, Report{Up: true}},
		{"without a weight another number is not", Subject{Kind: File, Name: "x"}, false, 1, Report{Reason: "x says 1"}},
		{"without a weight, reversed, 0 is not good", Subject{Kind: File, Name: "x", Reverse: true}, false, 0, Report{Reason: "x says 0"}},
		{"without a weight, reversed, another number is", Subject{Kind: File, Name: "x", Reverse: true}, false, 1, Report{Up: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			c.want.Check, c.want.First = 1, true
			a := NewAgenda()
			a.Apply(0, []*Job{follow(c.subject)}, half)
			news := a.Hear(0, c.subject.Kind, "x", c.up, c.value)
			if diff := cmp.Diff(c.want, news[0].Report); diff != "" {
				t.Errorf("the report differs (-want +got):\n%s", diff)
			}
			later := NewAgenda()
			later.Hear(0, c.subject.Kind, "x", c.up, c.value)
			if news := later.Apply(0, []*Job{follow(c.subject)}, half); len(news) != 1 || news[0].Report.Up != c.want.Up {
				t.Errorf("who begins to follow later is told %+v", news)
			}
			if again := a.Hear(0, c.subject.Kind, "x", c.up, c.value); again[0].Changed || again[0].Log != nil {
				t.Errorf("the same again is news: %+v", again)
			}
		})
	}
}

// Many checks that come and go: whatever happens, each that stays is made once in
// each interval.
func TestNoCheckIsForgotten(t *testing.T) {
	const loop, checks = 10, 200
	r := rand.New(rand.NewPCG(1, 2))
	a := NewAgenda()
	present, last := map[ID]bool{}, map[ID]mono.Instant{}
	var under []*Entry
	for now := at(0); now < at(600); now = now.Add(500 * time.Millisecond) {
		if r.IntN(10) == 0 {
			id := ID(r.IntN(checks))
			present[id] = !present[id]
			var jobs []*Job
			for id, is := range present {
				if is {
					jobs = append(jobs, job(id, loop*time.Second))
				}
			}
			last[id] = now
			a.Apply(now, jobs, r.Float64)
		}
		for _, e := range under {
			a.Done(now, e, Result{Outcome: Outcome(r.IntN(3))})
		}
		under = due(a, now)
		for _, e := range under {
			last[e.Job.ID] = now
		}
		for id, is := range present {
			if wait := now.Sub(last[id]); is && wait > (loop+2)*time.Second {
				t.Fatalf("at %v check %d was not made for %v", now, id, wait)
			}
		}
	}
}

func TestAHastenedCheckIsMadeNow(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Minute)}, half)
	a.Done(at(31), due(a, at(31))[0], Pass())
	if !a.Hasten(at(40), 1) {
		t.Fatal("it cannot be hastened")
	}
	a.Done(at(40), due(a, at(40))[0], Pass())
	if a.Deadline() != at(100) {
		t.Errorf("the next is due at %v, not a minute later", a.Deadline())
	}
}

func TestAHastenedCheckUnderWayIsMadeOnceMore(t *testing.T) {
	a := NewAgenda()
	a.Apply(0, []*Job{job(1, time.Minute)}, half)
	e := due(a, at(31))[0]
	a.Hasten(at(32), 1)
	if n := len(due(a, at(32))); n != 0 {
		t.Fatal("it is made twice at once")
	}
	a.Done(at(33), e, Pass())
	a.Done(at(33), due(a, at(33))[0], Pass())
	if a.Deadline() != at(93) {
		t.Errorf("the next is due at %v: once more was enough", a.Deadline())
	}
}

func TestWhatNobodyAsksIsNotHastened(t *testing.T) {
	a, paused := NewAgenda(), job(1, time.Second)
	paused.Suspended = true
	a.Apply(0, []*Job{paused, {ID: 2, Subject: Subject{Kind: File, Name: "f"}}}, half)
	for _, id := range []ID{1, 2, 3} {
		if a.Hasten(at(1), id) {
			t.Errorf("check %d is hastened", id)
		}
	}
}
