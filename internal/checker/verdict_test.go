package checker

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/mono"
)

// play makes a check whose probes each take a tenth of a second and end as the
// letters say: p passed, f failed, t trouble. It returns one word for each: when it
// was asked, the step if there are several, what it amounted to.
func play(r Rules, steps int, results string) string {
	var out []string
	v := NewVerdict(&r)
	due := r.First(0, 0)
	for _, c := range results {
		outcome := map[rune]Outcome{'p': Passed, 'f': Failed, 't': Trouble}[c]
		word := strings.TrimSuffix(due.String(), "00")
		if steps > 1 {
			word += fmt.Sprintf("/%d", v.Step())
		}
		turn := v.Hear(&r, steps, due, due.Add(100*time.Millisecond), Result{Outcome: outcome})
		event := [...]string{"", "=up", "=down", "=weight", "=retry", "=still", "=hindered"}[turn.Event]
		if turn.Retries > 0 {
			event += fmt.Sprint(turn.Retries)
		}
		out = append(out, word+event)
		due = turn.Next
	}
	return strings.Join(out, " ")
}

func TestVerdict(t *testing.T) {
	plain := Rules{DelayLoop: 10 * time.Second, DownLoop: 10 * time.Second, DelayBeforeRetry: time.Second, Retry: 2}
	alpha, never, quick, misc, patient := plain, plain, plain, plain, plain
	alpha.Alpha = true
	never.Retry = 0
	quick.FastRecovery = true
	misc.FromStart = true
	patient.DownLoop = 30 * time.Second
	for _, c := range []struct {
		name    string
		rules   Rules
		steps   int
		results string
		want    string
	}{
		{"the first failure is enough, whatever retry says", plain, 1, "ff", "1.0=down 11.0=still"},
		{"the first failure is enough with alpha too", alpha, 1, "fp", "1.0=down 11.0=up"},
		{"a live check needs retry failures more", plain, 1, "pfff", "1.0=up 11.0=retry1 12.1=retry2 13.2=down2"},
		{"a success between zeroes the count", plain, 1, "pffpff", "1.0=up 11.0=retry1 12.1=retry2 13.2 23.2=retry1 24.3=retry2"},
		{"a check without retries", never, 1, "pf", "1.0=up 11.0=down"},
		{"a failed check comes up on the first success", plain, 1, "ffp", "1.0=down 11.0=still 21.0=up"},
		{"no retries are counted while it is down", plain, 1, "fffpf", "1.0=down 11.0=still 21.0=still 31.0=up 41.0=retry1"},
		{"the time that a check takes does not shift the next", plain, 1, "ppp", "1.0=up 11.0 21.0"},
		{"trouble of this machine is no failure, and told once", plain, 1, "pttf", "1.0=up 11.0=hindered 21.0 31.0=retry1"},
		{"trouble is told again after a result", plain, 1, "tpt", "1.0=hindered 11.0=up 21.0=hindered"},
		{"a program is retried from its start", misc, 1, "pfp", "1.0=up 11.0=retry1 12.0"},
		{"pages are asked in turn, one for each delay_loop", plain, 2, "pppp", "1.0/0 11.0/1=up 21.0/0 31.0/1"},
		{"a page that fails is asked again", plain, 2, "ppfp", "1.0/0 11.0/1=up 21.0/0=retry1 22.1/0"},
		{"the page that failed alone is asked, then all", patient, 3, "ppppffffppppp",
			"1.0/0 11.0/1 21.0/2=up 31.0/0 41.0/1=retry1 42.1/1=retry2 43.2/1=down2 73.2/1=still 103.2/1 113.2/0 123.2/1 133.2/2=up 143.2/0"},
		{"a page that fails on the way back is asked alone", plain, 2, "fpfpp", "1.0/0=down 11.0/0 21.0/0=still 31.0/0 41.0/0"},
		{"one page that was down needs no second success", plain, 1, "fp", "1.0=down 11.0=up"},
		{"with fast_recovery the first pass is quick", quick, 3, "pppp", "1.0/0 1.1/1 1.2/2=up 11.2/0"},
		{"with fast_recovery the way back is quick", quick, 2, "fppp", "1.0/0=down 11.0/0 11.1/0 11.2/1=up"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := play(c.rules, c.steps, c.results); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.results, got, c.want)
			}
		})
	}
}

func TestFirstIsASecondAndALuckyPartOfWarmup(t *testing.T) {
	r := Rules{Warmup: 10 * time.Second}
	for luck, want := range map[float64]mono.Instant{0: mono.Instant(time.Second), 0.5: mono.Instant(6 * time.Second)} {
		if got := r.First(0, luck); got != want {
			t.Errorf("with luck %v the first time is %v, not %v", luck, got, want)
		}
	}
}

func TestAWeightThatChangesIsAnEventOnce(t *testing.T) {
	r := Rules{DelayLoop: time.Second}
	v := NewVerdict(&r)
	var events []Event
	for _, weight := range []int64{0, 5, 5, -3} {
		events = append(events, v.Hear(&r, 1, 0, 0, Result{Outcome: Passed, Weight: weight}).Event)
	}
	if want := []Event{CameUp, Reweighed, Nothing, Reweighed}; fmt.Sprint(events) != fmt.Sprint(want) {
		t.Errorf("events %v, want %v", events, want)
	}
	v.Hear(&r, 1, 0, 0, Result{})
	if v.Weight() != 0 {
		t.Errorf("a check that is down adds %d", v.Weight())
	}
}

func TestAMissedIntervalIsNotMadeUpFor(t *testing.T) {
	r := Rules{DelayLoop: time.Second}
	v := NewVerdict(&r)
	if got := v.Hear(&r, 1, 0, mono.Instant(5500*time.Millisecond), Result{Outcome: Passed}).Next; got != mono.Instant(6*time.Second) {
		t.Errorf("next at %v, not 6", got)
	}
	r.FromStart = true
	if got := v.Hear(&r, 1, 0, mono.Instant(5500*time.Millisecond), Result{Outcome: Passed}).Next; got != mono.Instant(5500*time.Millisecond) {
		t.Errorf("a program that took longer than delay_loop is next run at %v, not at once", got)
	}
}

func TestAReloadClipsTheRetriesThatWereUsed(t *testing.T) {
	old := Rules{DelayLoop: time.Second, Retry: 5}
	v := NewVerdict(&old)
	for _, o := range []Outcome{Passed, Failed, Failed, Failed} {
		v.Hear(&old, 1, 0, 0, Result{Outcome: o})
	}
	fewer := Rules{DelayLoop: time.Second, Retry: 1}
	v.Carry(&fewer, 1)
	if got := v.Hear(&fewer, 1, 0, 0, Result{}); got.Event != WentDown || got.Retries != 1 {
		t.Errorf("after the reload a failure is %+v", got)
	}
}
