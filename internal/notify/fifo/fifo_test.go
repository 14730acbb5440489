package fifo

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/command"
	"holdfast/internal/notify"
	"holdfast/test/need"
	"holdfast/test/wait"
)

// journal is a log that tests read.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) log(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines, "\n")
}

func open(t *testing.T, spec Spec) (*FIFO, *journal) {
	t.Helper()
	j := &journal{}
	starter := command.NewStarter()
	t.Cleanup(starter.Close)
	f, err := Open(spec, starter, j.log)
	if err != nil {
		t.Fatal(err)
	}
	return f, j
}

func mine(path string) Spec {
	return Spec{Path: path, UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())}
}

func message(name, state string, priority int) notify.Message {
	return notify.Message{Name: name, State: state, Priority: priority}
}

func TestAReaderGetsTheLinesAndThenTheEnd(t *testing.T) {
	f, j := open(t, mine(filepath.Join(t.TempDir(), "fifo")))
	reader, err := os.Open(f.Spec().Path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	for _, m := range []notify.Message{
		message("VI 1", notify.Master, 150),
		{Kind: notify.Group, Name: "VG", State: notify.Master, Priority: 9},
		message("VI 1", notify.MasterPriority, 140),
	} {
		if err := f.Deliver(context.Background(), m); err != nil {
			t.Fatal(err)
		}
	}
	f.Close()
	var got strings.Builder
	if _, err := bufio.NewReader(reader).WriteTo(&got); err != nil {
		t.Fatal(err)
	}
	want := "INSTANCE \"VI 1\" MASTER 150\nGROUP \"VG\" MASTER 0\nINSTANCE \"VI 1\" MASTER_PRIORITY 140\n"
	if got.String() != want {
		t.Errorf("read %q, want %q", got.String(), want)
	}
	if j.String() != "" {
		t.Errorf("logged: %s", j)
	}
}

func TestACreatedPipeHasItsOwnerAndModeAndIsRemoved(t *testing.T) {
	need.Root(t, "another owner")
	old := unix.Umask(0o177)
	defer unix.Umask(old)
	path := filepath.Join(t.TempDir(), "fifo")
	f, _ := open(t, Spec{Path: path, UID: 65534, GID: 1})
	var st unix.Stat_t
	if err := unix.Lstat(path, &st); err != nil {
		t.Fatal(err)
	}
	if st.Mode != unix.S_IFIFO|0o644 || st.Uid != 65534 || st.Gid != 1 {
		t.Errorf("mode %o, owner %d:%d; want a FIFO with 644, 65534:1", st.Mode, st.Uid, st.Gid)
	}
	f.Close()
	if err := unix.Lstat(path, &st); err != unix.ENOENT {
		t.Errorf("after Close: %v, want it gone", err)
	}
}

func TestAPipeThatWasThereStays(t *testing.T) {
	path := filepath.Join(t.TempDir(), "fifo")
	if err := unix.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	f, _ := open(t, mine(path))
	f.Close()
	if _, err := os.Stat(path); err != nil {
		t.Errorf("after Close: %v", err)
	}
}

func TestWhatIsNoPipeOfOursIsRefused(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(dir+"/plain", []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(dir+"/real", 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("real", dir+"/link"); err != nil {
		t.Fatal(err)
	}
	if err := unix.Mkfifo(dir+"/foreign", 0o666); err != nil {
		t.Fatal(err)
	}
	foreign := os.Chown(dir+"/foreign", 1, 1) == nil
	for _, tt := range []struct {
		name, want string
		skip       bool
	}{
		{"/plain", "exists and is not a FIFO", false},
		{"/link", "too many levels of symbolic links", false},
		{"/foreign", "is owned by uid 1", !foreign},
		{"/no/fifo", "create FIFO " + dir + "/no/fifo: no such file or directory", false},
	} {
		if tt.skip {
			continue
		}
		f, err := Open(mine(dir+tt.name), nil, (&journal{}).log)
		if err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s: %v, %v; want an error with %q", tt.name, f, err, tt.want)
		}
	}
	if text, _ := os.ReadFile(dir + "/plain"); string(text) != "precious" {
		t.Errorf("the file holds %q", text)
	}
}

// Nobody reads: writing never waits, what does not fit is counted, and logged
// once until there is room again.
func TestAFullPipe(t *testing.T) {
	f, j := open(t, mine(filepath.Join(t.TempDir(), "fifo")))
	defer f.Close()
	line := strings.Repeat("x", 999) + "\n"
	const lines = 2000
	began := time.Now()
	for range lines {
		if err := f.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	if d := time.Since(began); d > 5*time.Second {
		t.Errorf("writing took %v", d)
	}
	lost := f.Lost()
	if lost == 0 || lost >= lines {
		t.Errorf("lost %d of %d lines, want some", lost, lines)
	}
	if n := strings.Count(j.String(), "is full"); n != 1 {
		t.Errorf("logged %d times, want once:\n%s", n, j)
	}
	drainWhole(t, f, line, lines-int(lost))
	if err := f.Write("last\n"); err != nil || f.Lost() != lost {
		t.Errorf("with room again: %v, lost %d", err, f.Lost())
	}
}

// drainWhole reads what is in the pipe: whole lines only.
func drainWhole(t *testing.T, f *FIFO, line string, want int) {
	t.Helper()
	fd, err := unix.Open(f.Spec().Path, unix.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	var got strings.Builder
	buf := make([]byte, 1<<16)
	for {
		n, err := unix.Read(fd, buf)
		if n <= 0 || err != nil {
			break
		}
		got.Write(buf[:n])
	}
	if got.String() != strings.Repeat(line, want) {
		t.Errorf("the pipe holds %d bytes, want %d whole lines", got.Len(), want)
	}
}

func TestAfterCloseNothingIsWritten(t *testing.T) {
	f, _ := open(t, mine(filepath.Join(t.TempDir(), "fifo")))
	f.Close()
	if err := f.Deliver(context.Background(), message("VI", notify.Master, 1)); err == nil {
		t.Error("a closed FIFO takes lines")
	}
}

func reader(t *testing.T, text string) *command.Runnable {
	t.Helper()
	file := filepath.Join(t.TempDir(), "reader.sh")
	if err := os.WriteFile(file, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	r, problems := command.Resolve(command.Command{Line: file + " arg", Argv: []string{file, "arg"}}, command.Policy{})
	if r == nil {
		t.Fatal(problems)
	}
	return r
}

// The reader gets the path as its last argument, all lines in order, and time
// to read the last of them before it has to end.
func TestReaderScript(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	spec := mine(filepath.Join(t.TempDir(), "fifo"))
	spec.Reader = reader(t, `exec <"$2"; while read -r line; do echo "$1 $line"; done >`+out)
	f, j := open(t, spec)
	var want strings.Builder
	for n := range 1000 {
		fmt.Fprintf(&want, "arg INSTANCE \"VI\" MASTER %d\n", n)
		if err := f.Deliver(t.Context(), message("VI", notify.Master, n)); err != nil {
			t.Fatal(err)
		}
	}
	// It has to have the pipe open by then; later it would wait for a writer.
	wait.For(t, 10*time.Second, "the reader is there", func() bool { _, err := os.Stat(out); return err == nil })
	f.Close()
	got, err := os.ReadFile(out)
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want.String() {
		t.Errorf("the reader got %d bytes, want %d: ...%q", len(got), want.Len(), got[max(0, len(got)-60):])
	}
	if j.String() != "" {
		t.Errorf("logged: %s", j)
	}
}

func TestAReaderThatStaysIsEnded(t *testing.T) {
	pid := filepath.Join(t.TempDir(), "pid")
	spec := mine(filepath.Join(t.TempDir(), "fifo"))
	spec.Reader = reader(t, "echo $$ >"+pid+"; exec sleep 1000")
	f, _ := open(t, spec)
	wait.For(t, 10*time.Second, "the reader runs", func() bool { text, _ := os.ReadFile(pid); return len(text) > 1 })
	f.Close()
	select {
	case <-f.reader.Done():
	default:
		t.Error("the reader still runs after Close")
	}
}

func TestTheEndOfAReaderIsLogged(t *testing.T) {
	spec := mine(filepath.Join(t.TempDir(), "fifo"))
	spec.Reader = reader(t, "exit 3")
	f, j := open(t, spec)
	defer f.Close()
	wait.For(t, 10*time.Second, "it is logged", func() bool { return strings.Contains(j.String(), "ended (exited with status 3)") })
}

func TestSpecEqual(t *testing.T) {
	a := Spec{Path: "/f", Reader: &command.Runnable{File: "/r", Argv: []string{"/r"}}}
	b := Spec{Path: "/f", Reader: &command.Runnable{File: "/r", Argv: []string{"/r"}}}
	other := Spec{Path: "/f", Reader: &command.Runnable{File: "/r", Argv: []string{"/r", "x"}}}
	for _, tt := range []struct {
		a, b Spec
		want bool
	}{
		{a, b, true}, {a, other, false}, {a, Spec{Path: "/f"}, false}, {Spec{Path: "/f"}, a, false},
		{Spec{Path: "/f"}, Spec{Path: "/f"}, true}, {Spec{Path: "/f"}, Spec{Path: "/f", UID: 1}, false},
	} {
		if got := tt.a.Equal(tt.b); got != tt.want {
			t.Errorf("%+v, %+v: %v, want %v", tt.a, tt.b, got, tt.want)
		}
	}
}

func TestRenewLeavesAnUnchangedPipeAlone(t *testing.T) {
	starter := command.NewStarter()
	defer starter.Close()
	spec, other := mine(filepath.Join(t.TempDir(), "fifo")), mine(filepath.Join(t.TempDir(), "other"))
	renew := func(old *FIFO, s *Spec) *FIFO {
		t.Helper()
		f, err := Renew(old, s, starter, (&journal{}).log)
		if err != nil {
			t.Fatal(err)
		}
		return f
	}
	first := renew(nil, &spec)
	if err := first.Write("unread\n"); err != nil {
		t.Fatal(err)
	}
	if again := renew(first, &spec); again != first {
		t.Error("an unchanged pipe is opened anew")
	}
	drainWhole(t, first, "unread\n", 1)
	second := renew(first, &other)
	if _, err := os.Stat(spec.Path); err == nil {
		t.Error("the old pipe is still there")
	}
	if none := renew(second, nil); none != nil {
		t.Errorf("without a spec: %v", none)
	}
	if _, err := os.Stat(other.Path); err == nil {
		t.Error("the pipe that is no longer configured is still there")
	}
}
