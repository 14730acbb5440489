package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/command"
	"holdfast/internal/tracker"
	"holdfast/test/play"
)

// world is one that watchers work in.
type world struct{ *play.World }

func newWorld() world { return world{play.New()} }

func (w world) start(r *command.Runnable) (Process, error) {
	a, err := w.Start(r.File)
	if err != nil {
		return nil, err
	}
	return a, nil
}

func (w world) watcher() *Watcher {
	return New(w.start, func(s tracker.Sample) {
		w.Note("%s", strings.TrimSpace(fmt.Sprintf("%s %s is %v %s", s.Kind, s.Tracker, s.State, s.Why)))
	},
		func(line string) { w.Note("%s", line) })
}

func spec(name, file string, interval, timeout time.Duration) Spec {
	return Spec{Name: name, Command: &command.Runnable{File: file, Argv: []string{file}}, Interval: interval, Timeout: timeout, Rise: 1, Fall: 1}
}

func TestAScriptThatFailsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.Set("/chk", play.Part{Takes: 100 * time.Millisecond})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", time.Second, time.Second)})
		time.Sleep(500 * time.Millisecond)
		w.Set("/chk", play.Part{Takes: 200 * time.Millisecond, Exit: command.Exit{Code: 1}})
		time.Sleep(time.Second)
		w.Set("/chk", play.Part{Exit: command.Exit{}})
		time.Sleep(time.Second)
		watcher.Close()
		w.Check(t, `
0.000 run /chk
0.100 VRRP_Script(chk) succeeded
0.100 script chk is good
1.000 run /chk
1.200 Script `+"`chk`"+` now returning 1
1.200 VRRP_Script(chk) failed (exited with status 1)
1.200 script chk is bad exited with status 1
2.000 run /chk
2.000 Script `+"`chk`"+` now returning 0
2.000 VRRP_Script(chk) succeeded
2.000 script chk is good`)
	})
}

func TestARunThatHangsIsEndedAndCountsAsFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.Set("/chk", play.Part{Takes: play.Never, Ignores: []syscall.Signal{syscall.SIGTERM}})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", 2*time.Second, time.Second)})
		time.Sleep(3500 * time.Millisecond)
		watcher.Close()
		w.Check(t, `
0.000 run /chk
1.000 terminated to /chk
2.000 Track script chk is already running, expect idle - skipping run
3.000 killed to /chk
3.000 VRRP_Script(chk) timed_out
3.000 script chk is bad timed out`)
	})
}

// A check that waits for a dead disk for ever has failed, although it never ends.
func TestARunThatCannotBeKilledCountsOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		both := []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}
		w.Set("/chk", play.Part{Takes: 20 * time.Second, Exit: command.Exit{}, Ignores: both})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", 30*time.Second, time.Second)})
		time.Sleep(21 * time.Second)
		watcher.Close()
		w.Check(t, `
0.000 run /chk
1.000 terminated to /chk
3.000 killed to /chk
5.000 Track script chk does not end although killed, trying again every 10 seconds
5.000 VRRP_Script(chk) timed_out
5.000 script chk is bad timed out
15.000 killed to /chk`)
	})
}

func TestWhatCannotBeExecutedFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.Set("/chk", play.Part{Refuses: errors.New("execute /chk: no such file or directory")})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", time.Second, time.Second)})
		time.Sleep(1500 * time.Millisecond)
		watcher.Close()
		w.Check(t, `
0.000 run /chk
0.000 VRRP_Script(chk) failed (execute /chk: no such file or directory)
0.000 script chk is bad execute /chk: no such file or directory
1.000 run /chk`)
	})
}

func TestInitFailIsBadUntilTheFirstResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.Set("/chk", play.Part{Takes: 300 * time.Millisecond})
		watcher := w.watcher()
		s := spec("chk", "/chk", time.Second, time.Second)
		s.InitFail = true
		watcher.Apply([]Spec{s})
		time.Sleep(500 * time.Millisecond)
		watcher.Close()
		synctest.Wait()
		w.Check(t, `
0.000 script chk is bad init_fail
0.000 run /chk
0.300 VRRP_Script(chk) succeeded
0.300 script chk is good`)
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.Set("/same", play.Part{Takes: 800 * time.Millisecond})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("same", "/same", time.Second, time.Second), spec("other", "/a", time.Second, time.Second)})
		time.Sleep(1500 * time.Millisecond)
		w.Record()

		w.Set("/b", play.Part{Exit: command.Exit{Code: 2}, Takes: 100 * time.Millisecond})
		longer := spec("same", "/same", 5*time.Second, 5*time.Second)
		longer.Fall = 2
		watcher.Apply([]Spec{longer, spec("other", "/b", time.Minute, time.Second), spec("new", "/c", time.Minute, time.Second)})
		synctest.Wait()
		if diff := cmp.Diff([]tracker.Sample{
			{Tracker: "new", State: tracker.Good}, {Tracker: "other", State: tracker.Good}, {Tracker: "same", State: tracker.Good},
		}, watcher.Samples()); diff != "" {
			t.Errorf("right after the reload (-want +got):\n%s", diff)
		}
		time.Sleep(6 * time.Second)
		watcher.Apply([]Spec{spec("new", "/c", time.Minute, time.Second)})
		time.Sleep(time.Minute)
		watcher.Close()
		lines := w.Record()
		sortSameInstant(lines)
		play.Compare(t, lines, `
1.500 VRRP_Script(new) succeeded
1.500 VRRP_Script(same) considered successful on reload
1.500 run /b
1.500 run /c
1.500 script new is good
1.600 Script `+"`other`"+` now returning 2
1.600 VRRP_Script(other) failed (exited with status 2)
1.600 script other is bad exited with status 2
2.000 run /same
7.000 run /same
7.500 VRRP_Script(new) considered successful on reload
7.500 terminated to /same
61.500 run /c`)
	})
}

// sortSameInstant orders lines of one instant by their text: different scripts
// are different goroutines.
func sortSameInstant(lines []string) {
	for i := range lines {
		for j := i; j > 0 && lines[j][:6] == lines[j-1][:6] && lines[j] < lines[j-1]; j-- {
			lines[j], lines[j-1] = lines[j-1], lines[j]
		}
	}
}

// With real programs: a script follows the file it looks at.
func TestRealScript(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "chk.sh")
	if err := os.WriteFile(file, []byte("#!/bin/sh\ntest ! -e "+dir+"/down\n"), 0o700); err != nil {
		t.Fatal(err)
	}
	run, problems := command.Resolve(command.Command{Line: file, Argv: []string{file}}, command.Policy{})
	if run == nil {
		t.Fatal(problems)
	}
	starter := command.NewStarter()
	defer starter.Close()
	samples := make(chan tracker.Sample, 10)
	watcher := New(With(starter), func(s tracker.Sample) { samples <- s }, func(string) {})
	defer watcher.Close()
	watcher.Apply([]Spec{{Name: "chk", Command: run, Interval: 20 * time.Millisecond, Timeout: time.Second, Rise: 2, Fall: 2}})
	expect(t, samples, tracker.Good)
	if err := os.WriteFile(dir+"/down", nil, 0o600); err != nil {
		t.Fatal(err)
	}
	expect(t, samples, tracker.Bad)
	if err := os.Remove(dir + "/down"); err != nil {
		t.Fatal(err)
	}
	expect(t, samples, tracker.Good)
}

func expect(t *testing.T, samples <-chan tracker.Sample, want tracker.State) {
	t.Helper()
	select {
	case s := <-samples:
		if s.Tracker != "chk" || s.State != want {
			t.Fatalf("sample %+v, want chk %v", s, want)
		}
	case <-time.After(10 * time.Second):
		t.Fatalf("no sample, want %v", want)
	}
}
