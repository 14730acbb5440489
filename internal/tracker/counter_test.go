package tracker

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Results are written + (success) and -, states G, B and ? (unknown).
func TestCounter(t *testing.T) {
	tests := []struct {
		name       string
		rise, fall int
		results    string
		want       string
	}{
		{"one success at the start is enough", 3, 3, "+", "G"},
		{"one failure at the start is enough", 3, 3, "-", "B"},
		{"no rise and no fall count as one", 0, 0, "+-+-", "GBGB"},
		{"rise one, fall one", 1, 1, "-+-", "BGB"},
		{"good stays good until fall failures in a row", 1, 3, "+---", "GGGB"},
		{"a success when good goes back to the top", 1, 3, "+--+--+---", "GGGGGGGGGB"},
		{"bad stays bad until rise successes in a row", 3, 1, "-+++", "BBBG"},
		{"a failure when bad goes back to the bottom", 3, 1, "-++-++-+++", "BBBBBBBBBG"},
		{"turning good jumps to the top", 2, 3, "-++---", "BBGGGB"},
		{"turning bad drops to the bottom", 3, 2, "+--+++", "GGBBBG"},
		{"largest values do not overflow", 1<<31 - 1, 1<<31 - 1, "+-+", "GGG"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c := Counter{Rise: tt.rise, Fall: tt.fall}
			var got string
			for _, r := range tt.results {
				was := c.State()
				if changed := c.Count(r == '+'); changed != (was != c.State()) {
					t.Errorf("after %q: changed = %v, from %v to %v", got, changed, was, c.State())
				}
				got += letter(c.State())
			}
			if got != tt.want {
				t.Errorf("%s leads to %s, want %s", tt.results, got, tt.want)
			}
		})
	}
}

func letter(s State) string {
	return map[State]string{Unknown: "?", Good: "G", Bad: "B"}[s]
}

func TestCounterIsUnknownBeforeTheFirstResult(t *testing.T) {
	if s := (&Counter{Rise: 2}).State(); s != Unknown {
		t.Errorf("state = %v, want %v", s, Unknown)
	}
}

// A carried state needs all of the new fall or rise to change.
func TestCarry(t *testing.T) {
	for _, tt := range []struct {
		from    State
		results string
		want    string
	}{
		{Good, "---", "GGB"},
		{Bad, "++", "BG"},
		{Unknown, "+", "G"},
		{Unknown, "-", "B"},
	} {
		c := Counter{Rise: 2, Fall: 3}
		c.Carry(tt.from)
		var got string
		for _, r := range tt.results {
			c.Count(r == '+')
			got += letter(c.State())
		}
		if got != tt.want {
			t.Errorf("carried %v, then %s: %s, want %s", tt.from, tt.results, got, tt.want)
		}
	}
}

func TestJudgeSpeaksAsOperatorsKnowIt(t *testing.T) {
	ok := Result{}
	code := func(n int) Result { return Result{Code: n} }
	tests := []struct {
		name    string
		rise    int
		fall    int
		results []Result
		log     []string
		samples []Sample
	}{
		{"first success", 1, 1, []Result{ok, ok},
			[]string{"VRRP_Script(S) succeeded"},
			[]Sample{{Tracker: "S", State: Good}}},
		{"first failure", 1, 1, []Result{code(3), code(3)},
			[]string{"Script `S` now returning 3", "VRRP_Script(S) failed (exited with status 3)"},
			[]Sample{{Tracker: "S", State: Bad, Why: "exited with status 3"}}},
		{"status changes are logged without a change of state", 1, 3, []Result{ok, code(1), code(2), ok},
			[]string{"VRRP_Script(S) succeeded", "Script `S` now returning 1", "Script `S` now returning 2", "Script `S` now returning 0"},
			[]Sample{{Tracker: "S", State: Good}}},
		{"a signal", 1, 1, []Result{{Code: -1, Signal: 9}},
			[]string{"VRRP_Script(S) failed (due to signal 9)"},
			[]Sample{{Tracker: "S", State: Bad, Why: "due to signal 9"}}},
		{"a timeout, even if it then exits with 0", 1, 1, []Result{{TimedOut: true}},
			[]string{"VRRP_Script(S) timed_out"},
			[]Sample{{Tracker: "S", State: Bad, Why: "timed out"}}},
		{"what cannot be executed has failed", 1, 1, []Result{{Code: -1, Error: "execute /x: no such file or directory"}},
			[]string{"VRRP_Script(S) failed (execute /x: no such file or directory)"},
			[]Sample{{Tracker: "S", State: Bad, Why: "execute /x: no such file or directory"}}},
		{"down and up", 1, 1, []Result{ok, code(1), ok},
			[]string{"VRRP_Script(S) succeeded", "Script `S` now returning 1", "VRRP_Script(S) failed (exited with status 1)",
				"Script `S` now returning 0", "VRRP_Script(S) succeeded"},
			[]Sample{{Tracker: "S", State: Good}, {Tracker: "S", State: Bad, Why: "exited with status 1"}, {Tracker: "S", State: Good}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			j := Judge{Name: "S", Counter: Counter{Rise: tt.rise, Fall: tt.fall}}
			var log []string
			var samples []Sample
			for _, r := range tt.results {
				n := j.Hear(r)
				log = append(log, n.Log...)
				if n.Changed {
					samples = append(samples, n.Sample)
				}
			}
			if diff := cmp.Diff(tt.log, log); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
			if diff := cmp.Diff(tt.samples, samples); diff != "" {
				t.Errorf("samples (-want +got):\n%s", diff)
			}
		})
	}
}
