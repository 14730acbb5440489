package process

import (
	"encoding/binary"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/tracker"
	"holdfast/test/need"
)

// rig is a Watcher with what it reports, and programs that nobody else runs.
type rig struct {
	*testing.T
	*Watcher
	program string // a copy of sleep of a name of its own
	news    chan tracker.Sample
	said    chan string
}

func newRig(t *testing.T) *rig {
	t.Helper()
	need.Root(t, "the process connector")
	r := &rig{T: t, news: make(chan tracker.Sample, 100), said: make(chan string, 100)}
	r.Watcher = New(func(s tracker.Sample) { r.news <- s }, func(s string) { r.said <- s })
	t.Cleanup(r.Close)
	sleep, err := os.ReadFile("/bin/sleep")
	r.must(err)
	r.program = filepath.Join(t.TempDir(), "hf"+filepath.Base(t.TempDir())+time.Now().Format("150405.000"))
	r.must(os.WriteFile(r.program, sleep, 0o755))
	return r
}

func (r *rig) must(err error) {
	r.Helper()
	if err != nil {
		r.Fatal(err)
	}
}

// run starts the program; what comes back ends it and waits for it.
func (r *rig) run(args ...string) (end func()) {
	r.Helper()
	cmd := exec.Command(r.program, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // what it starts ends with it
	r.must(cmd.Start())
	end = func() { _ = syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL); _ = cmd.Wait() }
	r.Cleanup(end)
	return end
}

func (r *rig) spec() Spec {
	return Spec{Name: "P", Program: tracker.Program{Path: r.program}, Quorum: tracker.Quorum{Least: 1, Most: tracker.NoMaximum}}
}

func (r *rig) reports(want tracker.State) {
	r.Helper()
	select {
	case got := <-r.news:
		if w := sample("P", want); got != w {
			r.Fatalf("reported %+v, want %+v", got, w)
		}
	case <-time.After(5 * time.Second):
		r.Fatalf("%v is not reported", want)
	}
}

func (r *rig) says(want string) {
	r.Helper()
	if got := <-r.said; got != want {
		r.Errorf("said %q, want %q", got, want)
	}
}

func TestProcessesAreCountedAtTheStartAndAsTheyComeAndGo(t *testing.T) {
	r := newRig(t)
	end := r.run("60")
	r.Apply([]Spec{r.spec()}, Buffer{})
	r.reports(tracker.Good)
	end()
	r.reports(tracker.Bad)
	r.says("Quorum lost for tracked process P")
	r.run("60")
	r.reports(tracker.Good)
	r.says("Quorum gained for tracked process P")
}

func TestWhereTheConnectorIsNotThereProcIsLookedAt(t *testing.T) {
	r := newRig(t)
	r.source = newPoll(20 * time.Millisecond)
	go r.Watcher.run(r.source)
	r.Apply([]Spec{r.spec()}, Buffer{})
	r.reports(tracker.Bad)
	end := r.run("60")
	r.reports(tracker.Good)
	end()
	r.reports(tracker.Bad)
}

func TestParametersAreComparedWithTheCommandLine(t *testing.T) {
	r := newRig(t)
	s := r.spec()
	s.Program = tracker.Program{Path: r.program, FullCommand: true, Params: []string{"61"}, Match: tracker.MatchAll}
	r.run("60")
	r.Apply([]Spec{s}, Buffer{})
	r.reports(tracker.Bad)
	r.run("61")
	r.reports(tracker.Good)
}

func TestAChildIsCountedFromItsForkOn(t *testing.T) {
	r := newRig(t)
	shell, err := os.ReadFile("/bin/sh")
	r.must(err)
	r.must(os.WriteFile(r.program, shell, 0o755))
	s := r.spec()
	s.Quorum.Least = 2
	r.Apply([]Spec{s}, Buffer{})
	r.reports(tracker.Bad)
	pipe := filepath.Join(r.TempDir(), "pipe")
	r.must(unix.Mkfifo(pipe, 0o600))
	end, err := os.OpenFile(pipe, os.O_RDWR, 0)
	r.must(err)
	defer end.Close()
	r.run("-c", "(read x <"+pipe+") & wait") // a child that runs no other program
	r.reports(tracker.Good)
}

func TestTheDelaysPostponeGainAndLoss(t *testing.T) {
	r := newRig(t)
	s := r.spec()
	s.Quorum.GainDelay, s.Quorum.LossDelay = 200*time.Millisecond, 300*time.Millisecond
	r.Apply([]Spec{s}, Buffer{})
	r.reports(tracker.Bad)
	begin := time.Now()
	end := r.run("60")
	r.reports(tracker.Good)
	if took := time.Since(begin); took < 200*time.Millisecond {
		t.Errorf("gained after %v, want 200 ms at least", took)
	}
	begin = time.Now()
	end()
	r.reports(tracker.Bad)
	if took := time.Since(begin); took < 300*time.Millisecond {
		t.Errorf("lost after %v, want 300 ms at least", took)
	}
}

// lossy is a source that loses what it would have told.
type lossy struct{ lost chan struct{} }

func (l lossy) wait(time.Time) ([]event, error) {
	if _, open := <-l.lost; !open {
		return nil, os.ErrClosed
	}
	return nil, errRescan
}
func (l lossy) wake()  {}
func (l lossy) close() { close(l.lost) }

func TestAfterAnOverrunAllProcessesAreLookedAtAnew(t *testing.T) {
	r := newRig(t)
	l := lossy{make(chan struct{})}
	r.source = l
	go r.Watcher.run(l)
	r.Apply([]Spec{r.spec()}, Buffer{})
	r.reports(tracker.Bad)
	r.run("60")
	l.lost <- struct{}{}
	r.reports(tracker.Good)
}

func TestAConnectorThatOverrunsSaysSo(t *testing.T) {
	newRig(t)
	c, err := dial(Buffer{Size: 1}) // the kernel makes 2 kB of it
	if err != nil {
		t.Fatal(err)
	}
	defer c.close()
	for range 50 {
		_ = exec.Command("/bin/true").Run()
	}
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); {
		if _, err := c.wait(end); errors.Is(err, errRescan) {
			return
		}
	}
	t.Error("no overrun is told")
}

func TestTheBufferOfTheConnectorIsAsConfigured(t *testing.T) {
	newRig(t)
	for _, c := range []struct {
		name string
		room Buffer
		want int
	}{
		{"up to rmem_max", Buffer{Size: 100_000}, 200_000},
		{"beyond it by force", Buffer{Size: 50_000_000, Force: true}, 100_000_000},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := dial(c.room)
			if err != nil {
				t.Fatal(err)
			}
			defer s.close()
			if got, err := unix.GetsockoptInt(int(s.file.Fd()), unix.SOL_SOCKET, unix.SO_RCVBUF); err != nil || got != c.want {
				t.Errorf("the buffer has %d bytes, %v; want %d", got, err, c.want)
			}
		})
	}
}

func TestAReloadKeepsWhatIsKnown(t *testing.T) {
	r := newRig(t)
	end := r.run("60")
	s := r.spec()
	if got := r.Preview([]Spec{s}); !reflect.DeepEqual(got, []tracker.Sample{sample("P", tracker.Good)}) {
		t.Errorf("before it is watched: %v", got)
	}
	r.Apply([]Spec{s}, Buffer{})
	r.reports(tracker.Good)
	if got := r.Preview([]Spec{s}); got != nil {
		t.Errorf("while it is watched: %v", got)
	}
	s.Quorum.Least, s.Quorum.LossDelay = 2, 100*time.Millisecond
	r.Apply([]Spec{s}, Buffer{})
	r.reports(tracker.Bad)
	s.Quorum.Least = 1
	r.Apply([]Spec{s}, Buffer{})
	r.reports(tracker.Good)
	end()
	r.reports(tracker.Bad)
	r.Close()
	if r.source != nil {
		t.Error("the connector is kept although nothing is tracked")
	}
}

func TestParseStatOfAnyName(t *testing.T) {
	for _, c := range []struct {
		name, stat, want string
		alive            bool
	}{
		{"plain", "12 (sshd) S 1 12", "sshd", true},
		{"with parentheses and blanks", "12 (a) S (b) R 1 12", "a) S (b", true},
		{"a zombie", "12 (sshd) Z 1 12", "sshd", false},
		{"dead", "12 (sshd) X 1 12", "sshd", false},
		{"nothing", "", "", false},
		{"cut", "12 (sshd)", "", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if name, alive := parseStat([]byte(c.stat)); name != c.want || alive != c.alive {
				t.Errorf("%q, %v; want %q, %v", name, alive, c.want, c.alive)
			}
		})
	}
}

// datagram is one of the process connector.
func datagram(what uint32, words ...uint32) []byte {
	b := make([]byte, smallest)
	binary.NativeEndian.PutUint32(b[unix.SizeofNlMsghdr:], cnIdxProc)
	binary.NativeEndian.PutUint32(b[smallest-eventHeader:], what)
	for _, w := range words {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return b
}

func TestParseDatagrams(t *testing.T) {
	for _, c := range []struct {
		name string
		b    []byte
		want []event
	}{
		{"a fork", datagram(forkEvent, 11, 10, 20, 20), []event{{born, 20, 10}}},
		{"a new thread", datagram(forkEvent, 10, 10, 11, 10), nil},
		{"an exec", datagram(execEvent, 20, 20), []event{{kind: became, pid: 20}}},
		{"a new name", datagram(commEvent, 20, 20, 0, 0, 0, 0), []event{{kind: became, pid: 20}}},
		{"a new name of a thread", datagram(commEvent, 21, 20, 0, 0, 0, 0), nil},
		{"an end", datagram(exitEvent, 20, 20, 0, 17), []event{{kind: gone, pid: 20}}},
		{"the end of a thread", datagram(exitEvent, 21, 20, 0, 17), nil},
		{"another event", datagram(4, 20, 20), nil},
		{"a fork cut short", datagram(forkEvent, 11, 10), nil},
		{"nothing", nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := parse(c.b); !reflect.DeepEqual(got, c.want) {
				t.Errorf("%v, want %v", got, c.want)
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add(datagram(forkEvent, 11, 10, 20, 20))
	f.Add(datagram(exitEvent, 20, 20, 0, 17))
	f.Fuzz(func(t *testing.T, b []byte) {
		for _, e := range parse(b) {
			if e.pid == 0 {
				t.Errorf("an event of nobody: %+v", e)
			}
		}
	})
}
