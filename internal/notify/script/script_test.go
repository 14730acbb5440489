package script

import (
	"context"
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
	"holdfast/internal/notify"
	"holdfast/test/play"
)

// world is one whose log is part of its record.
type world struct{ *play.World }

func newWorld() world {
	w := world{play.New()}
	w.Ends = true
	return w
}

func (w world) log(line string) { w.Note("log %s", line) }

func (w world) start(r *command.Runnable, extra ...string) (Process, error) {
	a, err := w.Start(filepath.Base(r.File), extra...)
	if err != nil {
		return nil, err
	}
	return a, nil
}

// sink records what it is told.
type sink struct {
	world
	name string
	fail error
}

func (s sink) Deliver(_ context.Context, m notify.Message) error {
	s.Note("%s %s", s.name, strings.TrimSpace(m.Line()))
	return s.fail
}

// scripts makes files that can be resolved, and commands that name them.
func scripts(t *testing.T, names ...string) map[string]*notify.Command {
	t.Helper()
	dir, all := t.TempDir(), map[string]*notify.Command{}
	for _, n := range names {
		file := filepath.Join(dir, n)
		if err := os.WriteFile(file, []byte("#!/bin/sh\n"), 0o700); err != nil {
			t.Fatal(err)
		}
		all[n] = &notify.Command{Line: n, Argv: []string{file}}
	}
	return all
}

func vi(state string, priority int) notify.Message {
	return notify.Message{Name: "VI", State: state, Priority: priority}
}

// dispatcher tells about VI with scripts named after their keywords.
func dispatcher(t *testing.T, w world, s *notify.Scripts, sinks ...notify.Sink) *Dispatcher {
	t.Helper()
	d := New(w.start, w.log)
	setup := Setup{Routes: map[notify.Key]*notify.Scripts{{Name: "VI"}: s}, Resolver: command.NewResolver(command.Policy{}), FIFOs: sinks}
	for _, p := range d.Apply(setup) {
		t.Log(p)
	}
	return d
}

func TestOneTransition(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "master", "any")
		w.Set("master", play.Part{Takes: time.Second, Exit: command.Exit{Code: 3}})
		d := New(w.start, w.log)
		d.Apply(Setup{
			Routes:   map[notify.Key]*notify.Scripts{{Name: "VI"}: {Master: c["master"], Any: c["any"], Mail: true}},
			Resolver: command.NewResolver(command.Policy{}),
			FIFOs:    []notify.Sink{sink{w, "global", nil}, sink{w, "vrrp", errors.New("closed")}},
			Mail:     sink{w, "mail", nil},
		})
		d.Tell(vi(notify.Master, 150))
		time.Sleep(2 * time.Second)
		play.Compare(t, runsFirst(w.Record()), `
0.000 run master
0.000 global INSTANCE "VI" MASTER 150
0.000 vrrp INSTANCE "VI" MASTER 150
0.000 log (VI) MASTER not told: closed
0.000 mail INSTANCE "VI" MASTER 150
1.000 end master
1.000 log (VI) MASTER script 'master' exited with status 3
1.000 run any INSTANCE VI MASTER 150
1.000 end any`)
	})
}

// runsFirst puts the start of the first script before what its own goroutine
// races with.
func runsFirst(lines []string) []string {
	for i, l := range lines {
		if strings.HasPrefix(l, "0.000 run ") {
			return append([]string{l}, append(append([]string{}, lines[:i]...), lines[i+1:]...)...)
		}
	}
	return lines
}

func TestScriptsOfOneInstanceNeverOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "master", "backup")
		w.Set("master", play.Part{Takes: 3 * time.Second})
		w.Set("backup", play.Part{Takes: time.Second})
		d := dispatcher(t, w, &notify.Scripts{Master: c["master"], Backup: c["backup"]})
		d.Tell(vi(notify.Backup, 1))
		d.Tell(vi(notify.Master, 1))
		d.Tell(vi(notify.Backup, 1))
		time.Sleep(time.Minute)
		w.Check(t, `
0.000 run backup
1.000 end backup
1.000 run master
4.000 end master
4.000 run backup
5.000 end backup`)
	})
}

func TestAHungScript(t *testing.T) {
	setup := func(t *testing.T, stubborn play.Part) (world, *Dispatcher) {
		w := newWorld()
		c := scripts(t, "master", "backup")
		w.Set("master", stubborn)
		return w, dispatcher(t, w, &notify.Scripts{Master: c["master"], Backup: c["backup"]})
	}
	t.Run("is left alone while nothing waits for it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, d := setup(t, play.Part{Takes: 5 * time.Minute})
			d.Tell(vi(notify.Master, 1))
			time.Sleep(10 * time.Minute)
			w.Check(t, `
0.000 run master
60.000 log (VI) MASTER script 'master' still running after 1m0s
300.000 end master`)
		})
	})
	t.Run("is ended when the next message comes", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, d := setup(t, play.Part{Takes: play.Never})
			d.Tell(vi(notify.Master, 1))
			time.Sleep(90 * time.Second)
			d.Tell(vi(notify.Backup, 1))
			time.Sleep(time.Second)
			w.Check(t, `
0.000 run master
60.000 log (VI) MASTER script 'master' still running after 1m0s
90.000 log (VI) MASTER script 'master' takes too long, terminating it
90.000 terminated to master
90.000 end master
90.000 log (VI) MASTER script 'master' due to signal 15
90.000 run backup
90.000 end backup`)
		})
	})
	t.Run("is ended after a minute when something waits, by force if need be", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, d := setup(t, play.Part{Takes: play.Never, Ignores: []syscall.Signal{syscall.SIGTERM}})
			d.Tell(vi(notify.Master, 1))
			d.Tell(vi(notify.Backup, 1))
			time.Sleep(2 * time.Minute)
			w.Check(t, `
0.000 run master
60.000 log (VI) MASTER script 'master' takes too long, terminating it
60.000 terminated to master
62.000 killed to master
62.000 end master
62.000 log (VI) MASTER script 'master' due to signal 9
62.000 run backup
62.000 end backup`)
		})
	})
	t.Run("is left behind when nothing ends it", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w, d := setup(t, play.Part{Takes: play.Never, Ignores: []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL}})
			d.Tell(vi(notify.Master, 1))
			d.Tell(vi(notify.Backup, 1))
			time.Sleep(2 * time.Minute)
			w.Check(t, `
0.000 run master
60.000 log (VI) MASTER script 'master' takes too long, terminating it
60.000 terminated to master
62.000 killed to master
64.000 log (VI) MASTER script 'master' cannot be killed, left behind
64.000 run backup
64.000 end backup`)
		})
	})
}

func TestStopScriptsHaveOneSecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "stop")
		w.Set("stop", play.Part{Takes: play.Never})
		d := dispatcher(t, w, &notify.Scripts{Stop: c["stop"]})
		d.Tell(vi(notify.Stop, 1))
		d.Close(t.Context())
		w.Check(t, `
0.000 run stop
1.000 log (VI) STOP script 'stop' takes too long, terminating it
1.000 terminated to stop
1.000 end stop
1.000 log (VI) STOP script 'stop' due to signal 15`)
	})
}

// What waits before the stop is run first, each for a second at most.
func TestStopComesAfterWhatWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "master", "backup", "stop")
		w.Set("master", play.Part{Takes: play.Never})
		w.Set("backup", play.Part{Takes: 500 * time.Millisecond})
		d := dispatcher(t, w, &notify.Scripts{Master: c["master"], Backup: c["backup"], Stop: c["stop"]})
		d.Tell(vi(notify.Master, 1))
		d.Tell(vi(notify.Backup, 1))
		time.Sleep(10 * time.Second)
		d.Tell(vi(notify.Stop, 1))
		d.Close(t.Context())
		w.Check(t, `
0.000 run master
11.000 log (VI) MASTER script 'master' takes too long, terminating it
11.000 terminated to master
11.000 end master
11.000 log (VI) MASTER script 'master' due to signal 15
11.000 run backup
11.500 end backup
11.500 run stop
11.500 end stop`)
	})
}

func TestCloseGivesUpWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "master", "stop")
		w.Set("master", play.Part{Takes: 700 * time.Millisecond})
		d := dispatcher(t, w, &notify.Scripts{Master: c["master"], Stop: c["stop"]})
		for range 5 {
			d.Tell(vi(notify.Master, 1))
		}
		d.Tell(vi(notify.Stop, 1))
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		d.Close(ctx)
		w.Check(t, `
0.000 run master
0.700 end master
0.700 run master
1.000 log stopping with 1 notify scripts still running and 4 messages not told to scripts
1.000 log (VI) MASTER script 'master' takes too long, terminating it
1.000 terminated to master
1.000 end master
1.000 log (VI) MASTER script 'master' due to signal 15`)
		if d.Lost() != 4 {
			t.Errorf("lost %d, want 4", d.Lost())
		}
	})
}

func TestCloseWithNothingToDoReturnsAtOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		New(newWorld().start, func(string) {}).Close(t.Context())
		if time.Since(began) != 0 {
			t.Errorf("took %v", time.Since(began))
		}
	})
}

func TestTheLastWordOfADeletedInstance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "deleted")
		d := dispatcher(t, w, &notify.Scripts{Deleted: c["deleted"], ReportDeleted: true})
		empty := Setup{Resolver: command.NewResolver(command.Policy{})}
		d.Apply(empty)
		d.Tell(vi(notify.Deleted, 0))
		w.Check(t, `
0.000 run deleted
0.000 end deleted`)
		d.Apply(empty)
		d.Tell(vi(notify.Deleted, 0))
		if more := w.Record(); len(more) != 0 {
			t.Errorf("after one more reload: %v", more)
		}
	})
}

func TestDisabledAndFailingScripts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "any")
		w.Set("any", play.Part{Refuses: errors.New("execute any: exec format error")})
		d := New(w.start, w.log)
		problems := d.Apply(Setup{
			Routes: map[notify.Key]*notify.Scripts{
				{Name: "VI"}:                     {Master: &notify.Command{Line: "/no/such", Argv: []string{"/no/such"}}, Any: c["any"]},
				{Name: "VI", Kind: notify.Group}: {Master: &notify.Command{Line: "/no/such", Argv: []string{"/no/such"}}},
			},
			Resolver: command.NewResolver(command.Policy{}),
		})
		if len(problems) != 1 || problems[0].Severity != command.Disabled || problems[0].Path != "/no" {
			t.Errorf("problems %v, want /no, once", problems)
		}
		d.Tell(vi(notify.Master, 1))
		w.Check(t, `
0.000 run any INSTANCE VI MASTER 1
0.000 log (VI) MASTER script 'any' execute any: exec format error`)
	})
}

func TestAFloodIsCountedAndLoggedOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "any")
		w.Set("any", play.Part{Takes: time.Second})
		d := dispatcher(t, w, &notify.Scripts{Any: c["any"]})
		for n := range 100 {
			d.Tell(vi(notify.Master, n))
		}
		time.Sleep(2 * time.Minute)
		if d.Lost() != 35 {
			t.Errorf("lost %d, want 35 of 100: one runs, 64 wait", d.Lost())
		}
		logged, last := 0, ""
		for _, l := range w.Record() {
			if strings.Contains(l, "too slow") {
				logged++
			}
			if strings.Contains(l, " run ") {
				last = l
			}
		}
		if logged != 1 || !strings.HasSuffix(last, "MASTER 99") {
			t.Errorf("logged %d times, last %q; want once, and the last message told", logged, last)
		}
	})
}

func TestRepeatWritesLinesOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		c := scripts(t, "any")
		d := dispatcher(t, w, &notify.Scripts{Any: c["any"], Mail: true}, sink{w, "global", nil})
		d.Repeat(vi(notify.Master, 100))
		w.Check(t, `0.000 global INSTANCE "VI" MASTER 100`)
	})
}

// A thousand transitions of fifty instances, with real scripts that take their
// time: each instance's arrive whole, in order, and one at a time.
func TestOrderUnderLoad(t *testing.T) {
	const instances, transitions = 50, 20
	dir := t.TempDir()
	file := filepath.Join(dir, "notify.sh")
	text := "#!/bin/sh\necho $3 $4 >>" + dir + "/$2\ncase $4 in *5) sleep 0.02;; esac\necho end >>" + dir + "/$2\n"
	if err := os.WriteFile(file, []byte(text), 0o700); err != nil {
		t.Fatal(err)
	}
	starter := command.NewStarter()
	defer starter.Close()
	d := New(With(starter), func(line string) { t.Error(line) })
	routes := map[notify.Key]*notify.Scripts{}
	for i := range instances {
		routes[notify.Key{Name: fmt.Sprintf("VI_%d", i)}] = &notify.Scripts{Any: &notify.Command{Line: file, Argv: []string{file}}}
	}
	d.Apply(Setup{Routes: routes, Resolver: command.NewResolver(command.Policy{})})
	states := []string{notify.Backup, notify.Master, notify.Fault}
	var want strings.Builder
	for n := range transitions {
		fmt.Fprintf(&want, "%s %d\nend\n", states[n%3], n)
		for i := range instances {
			d.Tell(notify.Message{Name: fmt.Sprintf("VI_%d", i), State: states[n%3], Priority: n})
		}
	}
	for idle := false; !idle; time.Sleep(10 * time.Millisecond) { // Close would hurry them
		d.mu.Lock()
		idle = d.queue.Idle()
		d.mu.Unlock()
	}
	d.Close(t.Context())
	for i := range instances {
		got, err := os.ReadFile(fmt.Sprintf("%s/VI_%d", dir, i))
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(want.String(), string(got)); diff != "" {
			t.Fatalf("VI_%d (-want +got):\n%s", i, diff)
		}
	}
}
