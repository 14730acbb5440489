package tracker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/mono"
)

// transcript runs a schedule until the end in virtual time. A run takes as long
// as took says for the n-th one; obeys is the step that ends it at once, if it
// is still there then.
func transcript(s *Schedule, until time.Duration, took func(n int) time.Duration, obeys Step) string {
	var out strings.Builder
	names := map[Step]string{Start: "start", Skip: "skip", Terminate: "term", Kill: "kill", Stuck: "stuck"}
	ends, runs := mono.Never, 0
	for {
		now := min(s.Deadline(), ends)
		if now.After(mono.Instant(until)) {
			return out.String()
		}
		if now == ends {
			fmt.Fprintf(&out, "%v end timedOut=%v\n", now, s.Ended())
			ends = mono.Never
		}
		for do, ok := s.Due(now); ok; do, ok = s.Due(now) {
			fmt.Fprintf(&out, "%v %s\n", now, names[do])
			switch {
			case do == Start:
				ends = now.Add(took(runs))
				runs++
			case do == obeys && do != Skip:
				ends = now
			}
		}
	}
}

const forever = 1000 * time.Hour

func TestSchedule(t *testing.T) {
	always := func(d time.Duration) func(int) time.Duration { return func(int) time.Duration { return d } }
	tests := []struct {
		name              string
		interval, timeout time.Duration
		until             time.Duration
		took              func(int) time.Duration
		obeys             Step
		want              string
	}{
		{"starts at once and then at a fixed rate, however long a run takes", time.Second, time.Second, 2500 * time.Millisecond,
			func(n int) time.Duration { return time.Duration(n*100) * time.Millisecond }, Skip, `
0.000 start
0.000 end timedOut=false
1.000 start
1.100 end timedOut=false
2.000 start
2.200 end timedOut=false
`},
		{"a run longer than the interval makes starts be skipped", time.Second, 10 * time.Second, 4 * time.Second,
			always(2500 * time.Millisecond), Skip, `
0.000 start
1.000 skip
2.000 skip
2.500 end timedOut=false
3.000 start
4.000 skip
`},
		{"TERM at the timeout, and the next start as usual", 2 * time.Second, time.Second, 2 * time.Second,
			always(forever), Terminate, `
0.000 start
1.000 term
1.000 end timedOut=true
2.000 start
`},
		{"a timeout that is the interval skips that start", time.Second, time.Second, time.Second,
			always(forever), Terminate, `
0.000 start
1.000 term
1.000 skip
1.000 end timedOut=true
`},
		{"KILL two seconds after TERM", 10 * time.Second, time.Second, 9 * time.Second,
			always(forever), Kill, `
0.000 start
1.000 term
3.000 kill
3.000 end timedOut=true
`},
		{"what survives KILL is complained of and killed every ten seconds", 60 * time.Second, time.Second, 40 * time.Second,
			always(forever), Skip, `
0.000 start
1.000 term
3.000 kill
5.000 stuck
15.000 kill
25.000 kill
35.000 kill
`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := NewSchedule(0, tt.interval, tt.timeout)
			got := transcript(&s, tt.until, tt.took, tt.obeys)
			if want := strings.TrimPrefix(tt.want, "\n"); got != want {
				t.Errorf("got:\n%swant:\n%s", got, want)
			}
		})
	}
}

func TestScheduleAfterASleepStartsOnceAndKeepsItsGrid(t *testing.T) {
	s := NewSchedule(0, time.Second, time.Second)
	s.Due(0)
	s.Ended()
	late := mono.Instant(7300 * time.Millisecond)
	if do, ok := s.Due(late); do != Start || !ok {
		t.Fatalf("after the sleep: %v %v, want a start", do, ok)
	}
	s.Ended()
	if do, ok := s.Due(late); ok {
		t.Errorf("a missed start is made up for: %v", do)
	}
	if want := mono.Instant(8 * time.Second); s.Deadline() != want {
		t.Errorf("next start at %v, want %v", s.Deadline(), want)
	}
}

func TestAdjust(t *testing.T) {
	s := NewSchedule(0, 10*time.Second, time.Second)
	s.Due(0)
	s.Ended()
	now := mono.Instant(time.Second)
	s.Adjust(now, 2*time.Second, time.Second)
	if want := mono.Instant(3 * time.Second); s.Deadline() != want {
		t.Errorf("shorter: next start at %v, want %v", s.Deadline(), want)
	}
	s.Adjust(now, time.Minute, time.Second)
	if want := mono.Instant(3 * time.Second); s.Deadline() != want {
		t.Errorf("longer: next start at %v, want %v: one that is due soon is not put off", s.Deadline(), want)
	}
}
