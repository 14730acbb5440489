package script

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/command"
	"holdfast/internal/tracker"
)

// world is a machine on which programs are played: it records what is done and
// reported, with the time.
type world struct {
	mu    sync.Mutex
	began time.Time
	lines []string
	plays map[string]play // by the name of the file
}

// play says how a program behaves.
type play struct {
	takes   time.Duration
	exit    command.Exit
	refuses error // cannot be started
	ignores []syscall.Signal
}

// actor is a program under way.
type actor struct {
	*world
	name string
	play play
	done chan struct{}
	once sync.Once
	exit command.Exit
}

func newWorld() *world { return &world{began: time.Now(), plays: map[string]play{}} }

func (w *world) note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%.3f ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

func (w *world) set(name string, p play) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.plays[name] = p
}

func (w *world) start(r *command.Runnable) (Process, error) {
	w.mu.Lock()
	p := w.plays[r.File]
	w.mu.Unlock()
	w.note("run %s", r.File)
	if p.refuses != nil {
		return nil, p.refuses
	}
	a := &actor{world: w, name: r.File, play: p, done: make(chan struct{})}
	if p.takes >= 0 {
		time.AfterFunc(p.takes, func() { a.end(p.exit) })
	}
	return a, nil
}

func (a *actor) end(e command.Exit) { a.once.Do(func() { a.exit = e; close(a.done) }) }

func (a *actor) Done() <-chan struct{} { return a.done }
func (a *actor) Wait() command.Exit    { <-a.done; return a.exit }

func (a *actor) Signal(s syscall.Signal) {
	a.note("%v to %s", s, a.name)
	for _, i := range a.play.ignores {
		if i == s {
			return
		}
	}
	a.end(command.Exit{Code: -1, Signal: int(s)})
}

func (a *actor) End(patience time.Duration) (command.Exit, bool) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		a.Signal(s)
		select {
		case <-a.done:
			return a.exit, true
		case <-time.After(patience):
		}
	}
	return command.Exit{}, false
}

func (w *world) watcher() *Watcher {
	return New(w.start, func(s tracker.Sample) {
		w.note("%s", strings.TrimSpace(fmt.Sprintf("%s %s is %v %s", s.Kind, s.Tracker, s.State, s.Why)))
	},
		func(line string) { w.note("%s", line) })
}

func spec(name, file string, interval, timeout time.Duration) Spec {
	return Spec{Name: name, Command: &command.Runnable{File: file, Argv: []string{file}}, Interval: interval, Timeout: timeout, Rise: 1, Fall: 1}
}

const never = -1

// check compares the record with a transcript.
func (w *world) check(t *testing.T, want string) {
	t.Helper()
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(want), "\n"), w.lines); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

func TestAScriptThatFailsAndRecovers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.set("/chk", play{takes: 100 * time.Millisecond})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", time.Second, time.Second)})
		time.Sleep(500 * time.Millisecond)
		w.set("/chk", play{takes: 200 * time.Millisecond, exit: command.Exit{Code: 1}})
		time.Sleep(time.Second)
		w.set("/chk", play{exit: command.Exit{}})
		time.Sleep(time.Second)
		watcher.Close()
		w.check(t, `
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
		w.set("/chk", play{takes: never, ignores: []syscall.Signal{syscall.SIGTERM}})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", 2*time.Second, time.Second)})
		time.Sleep(3500 * time.Millisecond)
		watcher.Close()
		w.check(t, `
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
		w.set("/chk", play{takes: 20 * time.Second, exit: command.Exit{}, ignores: both})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", 30*time.Second, time.Second)})
		time.Sleep(21 * time.Second)
		watcher.Close()
		w.check(t, `
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
		w.set("/chk", play{refuses: errors.New("execute /chk: no such file or directory")})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("chk", "/chk", time.Second, time.Second)})
		time.Sleep(1500 * time.Millisecond)
		watcher.Close()
		w.check(t, `
0.000 run /chk
0.000 VRRP_Script(chk) failed (execute /chk: no such file or directory)
0.000 script chk is bad execute /chk: no such file or directory
1.000 run /chk`)
	})
}

func TestInitFailIsBadUntilTheFirstResult(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.set("/chk", play{takes: 300 * time.Millisecond})
		watcher := w.watcher()
		s := spec("chk", "/chk", time.Second, time.Second)
		s.InitFail = true
		watcher.Apply([]Spec{s})
		time.Sleep(500 * time.Millisecond)
		watcher.Close()
		synctest.Wait()
		w.check(t, `
0.000 script chk is bad init_fail
0.000 run /chk
0.300 VRRP_Script(chk) succeeded
0.300 script chk is good`)
	})
}

func TestReload(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		w.set("/same", play{takes: 800 * time.Millisecond})
		watcher := w.watcher()
		watcher.Apply([]Spec{spec("same", "/same", time.Second, time.Second), spec("other", "/a", time.Second, time.Second)})
		time.Sleep(1500 * time.Millisecond)
		w.mu.Lock()
		w.lines = nil
		w.mu.Unlock()

		w.set("/b", play{exit: command.Exit{Code: 2}, takes: 100 * time.Millisecond})
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
		w.mu.Lock()
		sortSameInstant(w.lines)
		w.mu.Unlock()
		w.check(t, `
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
