package run_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/checker"
	"holdfast/internal/checker/run"
)

// counting is a probe that takes a while and passes from the second time on.
func counting(n *atomic.Int32, takes time.Duration) probe {
	return func(context.Context) checker.Result {
		time.Sleep(takes)
		if n.Add(1) < 2 {
			return checker.Fail("not yet")
		}
		return checker.Pass()
	}
}

func TestWhoAsksForACheckGetsOneThatBeganAfterwards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen, made := collect(), new(atomic.Int32)
		r := run.New(10, func(one checker.Report) { seen.all <- one }, seen.log)
		defer r.Close()
		slow := every(time.Hour, 1, counting(made, time.Second), checker.Target{})
		slow.Warmup = 0
		follower := &checker.Job{ID: 2, Subject: checker.Subject{Kind: checker.File, Name: "f"}}
		r.Apply([]*checker.Job{slow, follower})
		time.Sleep(1500 * time.Millisecond) // the first is under way
		start := time.Now()
		found, err := r.Recheck(t.Context(), []checker.ID{1, 2, 3})
		if err != nil || len(found) != 2 {
			t.Fatalf("found %+v, %v", found, err)
		}
		if f := found[0]; f.Made || f.Job.ID != 2 {
			t.Errorf("of the one that follows a file: %+v", f)
		}
		if f := found[1]; !f.Made || f.Result.Outcome != checker.Passed || !f.State.Up || f.State.Took != time.Second {
			t.Errorf("of the one under way: %+v", f)
		}
		if took := time.Since(start); took > 2*time.Second || made.Load() != 2 {
			t.Errorf("%d were made in %v", made.Load(), took)
		}
	})
}

func TestWhoAsksForACheckWaitsNoLongerThanHeWants(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := collect()
		r := run.New(10, func(one checker.Report) { seen.all <- one }, seen.log)
		defer r.Close()
		r.Apply([]*checker.Job{every(time.Hour, 1, probe(func(ctx context.Context) checker.Result { <-ctx.Done(); return checker.Fail("late") }), checker.Target{})})
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if found, err := r.Recheck(ctx, []checker.ID{1}); err == nil || found != nil {
			t.Errorf("found %+v, %v", found, err)
		}
		time.Sleep(10 * time.Second) // it ends with nobody to tell
	})
}

func TestAReloadThatEndsACheckEndsTheWaiting(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		seen := collect()
		r := run.New(1, func(one checker.Report) { seen.all <- one }, seen.log)
		defer r.Close()
		r.Apply([]*checker.Job{every(time.Hour, 1, probe(func(ctx context.Context) checker.Result { <-ctx.Done(); return checker.Fail("late") }), checker.Target{})})
		go func() { time.Sleep(500 * time.Millisecond); r.Apply(nil) }()
		found, err := r.Recheck(t.Context(), []checker.ID{1})
		if err != nil || len(found) != 1 || found[0].Job != nil {
			t.Errorf("found %+v, %v", found, err)
		}
	})
}
