package check

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
)

// judged hands one result a second to a judge: + passed, - failed, ! could not be
// made. It answers what came of them: G and B are changes, R asks for a repair, ~
// is a line of the log alone.
func judged(j *Judge, results string) string {
	var out strings.Builder
	for i, r := range results {
		n := j.Hear(mono.Instant(time.Duration(i)*time.Second), map[rune]checker.Result{
			'+': checker.Pass(), '-': checker.Fail("refused"), '!': checker.Hinder("no socket")}[r])
		switch {
		case n.Repair:
			out.WriteByte('R')
		case n.Changed:
			fmt.Fprint(&out, map[tracker.State]string{tracker.Good: "G", tracker.Bad: "B"}[n.Sample.State])
		case len(n.Log) > 0:
			out.WriteByte('~')
		default:
			out.WriteByte('.')
		}
	}
	return out.String()
}

func TestJudge(t *testing.T) {
	minute := strings.Repeat("+", 60)
	for _, c := range []struct {
		name          string
		fall          int
		repair        time.Duration // 0: none
		results, want string
	}{
		{"one success makes it good", 1, 0, "++", "G."},
		{"fall failures make it bad", 3, 0, "+-+---+", "G....BG"},
		{"what could not be made counts as nothing, and is told once", 1, 0, "+!!+-!", "G~..B~"},
		{"a repair that helps prevents the change", 1, 3 * time.Second, "+--+", "GR.."},
		{"a repair that does not help delays it", 1, 3 * time.Second, "+-----", "GR..B."},
		{"a repair is tried when fall failures came together", 2, 3 * time.Second, "+--+", "G.R."},
		{"a repair is tried at the start", 1, 3 * time.Second, "--+", "R.G"},
		{"a bad thing is not repaired again and again", 1, 2 * time.Second, "+--------", "GR.B....."},
		{"what needs a repair twice within a minute is bad", 1, 3 * time.Second, "+-++-", "GR..B"},
		{"after a minute it may be repaired again", 1, 3 * time.Second, "-" + minute + "-", "RG" + strings.Repeat(".", 59) + "R"},
		{"a check that cannot be made does not end a repair", 1, 3 * time.Second, "+-!!--", "GR~.B."},
	} {
		t.Run(c.name, func(t *testing.T) {
			j := &Judge{Name: "c", Counter: tracker.Counter{Rise: 1, Fall: c.fall}, Repairs: c.repair > 0, RepairTime: c.repair}
			if got := judged(j, c.results); got != c.want {
				t.Errorf("%s\n got %s\nwant %s", c.results, got, c.want)
			}
		})
	}
}

func TestJudgeSaysWhatItDoes(t *testing.T) {
	j := &Judge{Name: "web", Counter: tracker.Counter{Rise: 1, Fall: 1}, Repairs: true, RepairTime: time.Second}
	var log []string
	for i, r := range []checker.Result{checker.Pass(), checker.Fail("connection refused"), checker.Fail("connection refused"), checker.Hinder("no socket"), checker.Pass()} {
		log = append(log, j.Hear(mono.Instant(time.Duration(i)*time.Second), r).Log...)
	}
	want := `VRRP_Check(web) succeeded
VRRP_Check(web) failed (connection refused), trying to repair it
VRRP_Check(web) failed (connection refused, repaired in vain)
VRRP_Check(web) cannot be made (no socket)
VRRP_Check(web) succeeded`
	if got := strings.Join(log, "\n"); got != want {
		t.Errorf("got:\n%s\nwant:\n%s", got, want)
	}
}

func TestJudgeHasADeadlineWhileARepairIsUnderWay(t *testing.T) {
	j := &Judge{Name: "c", Counter: tracker.Counter{Rise: 1, Fall: 1}, Repairs: true, RepairTime: 5 * time.Second}
	if j.Deadline() != mono.Never {
		t.Errorf("deadline %v before a repair", j.Deadline())
	}
	j.Hear(mono.Instant(time.Second), checker.Fail("x"))
	if want := mono.Instant(6 * time.Second); j.Deadline() != want {
		t.Errorf("deadline %v, want %v", j.Deadline(), want)
	}
}
