package check

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/command"
	"holdfast/internal/tracker"
)

// subject is something whose health is set by hand.
type subject struct {
	mu     sync.Mutex
	bad    bool
	hangs  bool
	asked  []time.Duration // when, since begun
	begun  time.Time
	repair func(*subject)
	runs   int
}

func (s *subject) Probe(ctx context.Context, _ checker.Target) checker.Result {
	s.mu.Lock()
	s.asked = append(s.asked, time.Since(s.begun))
	bad, hangs := s.bad, s.hangs
	s.mu.Unlock()
	if hangs {
		<-ctx.Done()
		return checker.Fail("no answer in time")
	}
	if bad {
		return checker.Fail("refused")
	}
	return checker.Pass()
}

func (s *subject) set(bad bool) {
	s.mu.Lock()
	s.bad = bad
	s.mu.Unlock()
}

func (s *subject) run(_ context.Context, r *command.Runnable) error {
	s.runs++
	if s.repair != nil {
		s.repair(s)
		return nil
	}
	return errors.New(r.Line + " exited with status 1")
}

// stage is a Watcher in virtual time.
type stage struct {
	*Watcher
	subject *subject
	said    []string // samples
	lines   []string
}

func newStage() *stage {
	s := &stage{subject: &subject{begun: time.Now()}}
	begun := time.Now()
	s.Watcher = New(s.subject.run, func(m tracker.Sample) {
		s.said = append(s.said, fmt.Sprintf("%v %s %s", time.Since(begun), m.Tracker, m.State))
	}, func(line string) { s.lines = append(s.lines, line) })
	return s
}

func (s *stage) spec(name string) Spec {
	return Spec{Name: name, Asks: "subject", Probe: s.subject, Interval: 2 * time.Second, Timeout: time.Second, Rise: 1, Fall: 1}
}

func (s *stage) expect(t *testing.T, want ...string) {
	t.Helper()
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !slices.Equal(s.said, want) {
		t.Errorf("reported %q, want %q; log %q", s.said, want, s.lines)
	}
}

func TestACheckAsksAtOnceAndThenAtAFixedRateWithAPhaseOfItsOwn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.Apply([]Spec{s.spec("web")})
		time.Sleep(9 * time.Second)
		s.Close()
		s.expect(t, "0s web good")
		asked := s.subject.asked
		if len(asked) < 5 || asked[0] != 0 || asked[1] <= 0 || asked[1] >= 2*time.Second {
			t.Fatalf("asked at %v", asked)
		}
		for i := range asked[2:] {
			if gap := asked[i+2] - asked[i+1]; gap < 1999*time.Millisecond || gap > 2001*time.Millisecond {
				t.Errorf("asked at %v: a gap of %v", asked, gap)
			}
		}
	})
}

func TestManyChecksDoNotAskAtTheSameMoment(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		var specs []Spec
		for i := range 100 {
			specs = append(specs, s.spec(fmt.Sprint("check", i)))
		}
		s.Apply(specs)
		time.Sleep(2500 * time.Millisecond)
		s.Close()
		synctest.Wait()
		tenths := map[time.Duration]int{}
		for _, at := range s.subject.asked[100:200] {
			tenths[at/(200*time.Millisecond)]++
		}
		if len(tenths) != 10 {
			t.Errorf("asked in %d tenths of the interval: %v", len(tenths), tenths)
		}
	})
}

func TestAHangingProbeFailsAtItsTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.subject.hangs = true
		s.Apply([]Spec{s.spec("web")})
		time.Sleep(1500 * time.Millisecond)
		s.expect(t, "1s web bad")
		s.Close()
	})
}

func TestAReloadKeepsTheResultsOfWhatAsksTheSame(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.Apply([]Spec{s.spec("web")})
		time.Sleep(time.Second)
		next := s.spec("web")
		next.Fall, next.Interval = 2, time.Second
		s.Apply([]Spec{next})
		s.subject.set(true)
		time.Sleep(5 * time.Second)
		s.Close()
		synctest.Wait()
		if len(s.said) != 2 || !strings.HasSuffix(s.said[1], "web bad") {
			t.Errorf("reported %q", s.said)
		}
	})
}

func TestAReloadThatAsksSomethingElseReportsOnlyWhatIsNew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.Apply([]Spec{s.spec("web")})
		time.Sleep(time.Second)
		next := s.spec("web")
		next.Asks = "another"
		s.Apply([]Spec{next})
		time.Sleep(time.Second)
		s.expect(t, "0s web good")
		s.Close()
	})
}

func TestADroppedCheckAsksNoMoreAndIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.Apply([]Spec{s.spec("web")})
		time.Sleep(time.Second)
		s.Apply(nil)
		synctest.Wait()
		n := len(s.subject.asked)
		time.Sleep(10 * time.Second)
		if len(s.subject.asked) != n {
			t.Errorf("asked %d times more", len(s.subject.asked)-n)
		}
		s.Apply([]Spec{s.spec("web")})
		s.expect(t, "0s web good", "11s web good")
		s.Close()
	})
}

func TestARepairThatHelpsKeepsTheCheckGood(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		s.subject.repair = func(s *subject) { s.set(false) }
		spec := s.spec("web")
		spec.Repair, spec.RepairTime = &command.Runnable{Line: "restart web"}, 5*time.Second
		s.Apply([]Spec{spec})
		time.Sleep(time.Second)
		s.subject.set(true)
		time.Sleep(10 * time.Second)
		s.expect(t, "0s web good")
		if s.subject.runs != 1 {
			t.Errorf("repaired %d times", s.subject.runs)
		}
		s.Close()
	})
}

func TestARepairInVainIsTriedOnceAndTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStage()
		spec := s.spec("web")
		spec.Repair, spec.RepairTime = &command.Runnable{Line: "restart web"}, 5*time.Second
		s.subject.set(true)
		s.Apply([]Spec{spec})
		time.Sleep(30 * time.Second)
		s.expect(t, "5s web bad")
		if s.subject.runs != 1 || !slices.Contains(s.lines, "VRRP_Check(web) repair: restart web exited with status 1") {
			t.Errorf("repaired %d times; log %q", s.subject.runs, s.lines)
		}
		s.Close()
	})
}
