package command

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/test/need"
	"holdfast/test/wait"
)

func starter(t *testing.T, limits ...Limit) *Starter {
	t.Helper()
	s := NewStarter(limits...)
	t.Cleanup(s.Close)
	return s
}

// script makes a runnable of shell text, run as user.
func script(t *testing.T, user, text string) *Runnable {
	t.Helper()
	return resolved(t, put(t, trusted(t)+"/script.sh", "#!/bin/sh\n"+text, 0o755), user)
}

func resolved(t *testing.T, file, user string) *Runnable {
	t.Helper()
	r, problems := Resolve(Command{Line: file, Argv: []string{file}, User: user}, Policy{})
	if r == nil {
		t.Fatalf("resolve %s: %v", file, problems)
	}
	return r
}

// finish waits for a program, but not for ever.
func finish(t *testing.T, p *Process) Exit {
	t.Helper()
	select {
	case <-p.Done():
		return p.Wait()
	case <-time.After(10 * time.Second):
		p.Signal(syscall.SIGKILL)
		t.Fatal("the program does not end")
		return Exit{}
	}
}

func start(t *testing.T, s *Starter, r *Runnable, extra ...string) *Process {
	t.Helper()
	p, err := s.Start(r, extra...)
	must(t, err)
	return p
}

func read(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(name)
	must(t, err)
	return strings.TrimSpace(string(text))
}

func TestExitIsReported(t *testing.T) {
	s := starter(t)
	for _, tt := range []struct {
		text string
		want Exit
	}{
		{"exit 0", Exit{}},
		{"exit 7", Exit{Code: 7}},
		{"kill -9 $$", Exit{Code: -1, Signal: 9}},
	} {
		if got := finish(t, start(t, s, script(t, "", tt.text))); got != tt.want {
			t.Errorf("%s: %+v, want %+v", tt.text, got, tt.want)
		}
	}
}

func TestArgumentsReachTheProgramUnchanged(t *testing.T) {
	s := starter(t)
	out := filepath.Join(t.TempDir(), "out")
	r := script(t, "", `out=$1; shift; printf '<%s>' "$@" >"$out"`)
	r.Argv = append(r.Argv, out, "b c", "$HOME", "it's", "")
	finish(t, start(t, s, r, "INSTANCE", "VI 1"))
	if got, want := read(t, out), "<b c><$HOME><it's><><INSTANCE><VI 1>"; got != want {
		t.Errorf("arguments %s, want %s", got, want)
	}
}

func TestAFileWithoutFirstLineIsRunByShell(t *testing.T) {
	s := starter(t)
	dir := trusted(t)
	file := put(t, dir+"/it's a script", `printf '<%s>' "$@" >"$1"; exit 3`, 0o755)
	if got := finish(t, start(t, s, resolved(t, file, ""), dir+"/out", "a 'b' $c")); got != (Exit{Code: 3}) {
		t.Errorf("exit %+v, want status 3", got)
	}
	if got, want := read(t, dir+"/out"), "<"+dir+"/out><a 'b' $c>"; got != want {
		t.Errorf("arguments %s, want %s", got, want)
	}
}

func TestWhatCannotBeExecutedIsAnError(t *testing.T) {
	s := starter(t)
	dir := trusted(t)
	for _, tt := range []struct {
		name, file, want string
	}{
		{"vanished", dir + "/gone", "execute " + dir + "/gone: no such file or directory"},
		{"bad interpreter", put(t, dir+"/bad", "#!/no/such/shell\n", 0o755), "execute " + dir + "/bad: the interpreter of its first line does not exist: no such file or directory"},
		{"no longer executable", put(t, dir+"/plain", shebang, 0o644), "execute " + dir + "/plain: permission denied"},
	} {
		_, err := s.Start(&Runnable{File: tt.file, Argv: []string{tt.file}, Identity: mine()})
		if err == nil || err.Error() != tt.want {
			t.Errorf("%s: error %v, want %s", tt.name, err, tt.want)
		}
	}
}

func mine() Identity { return Identity{UID: uint32(os.Geteuid()), GID: uint32(os.Getegid())} }

func TestProgramsRunAsTheirUser(t *testing.T) {
	need.Root(t, "other owners and identities")
	s := starter(t)
	dir := trusted(t)
	chmod(t, dir, 0o777)
	for _, tt := range []struct {
		user, group string
		policy      Policy
		want        string
	}{
		{"nobody", "", Policy{}, "65534 65534 65534"},
		{"nobody", "daemon", Policy{}, "65534 1 1"},
		{"root", "", Policy{}, "0 0 " + ownGroups(t)},
	} {
		file := put(t, dir+"/id.sh", "#!/bin/sh\necho $(id -u) $(id -g) $(id -G) >"+dir+"/out-$1\n", 0o755)
		r, problems := Resolve(Command{Line: file, Argv: []string{file, tt.user + tt.group}, User: tt.user, Group: tt.group}, tt.policy)
		if r == nil {
			t.Fatal(problems)
		}
		finish(t, start(t, s, r))
		if got := read(t, dir+"/out-"+tt.user+tt.group); got != tt.want {
			t.Errorf("%s %s: runs as %q, want %q", tt.user, tt.group, got, tt.want)
		}
	}
}

func ownGroups(t *testing.T) string {
	out, err := exec.Command("id", "-G").Output()
	must(t, err)
	return strings.TrimSpace(string(out))
}

// withGroups does something on a thread that sees more lines in /etc/group than
// there are. The thread, and its view of the files, end with its goroutine.
func withGroups(t *testing.T, lines string, do func()) {
	t.Helper()
	file := put(t, t.TempDir()+"/group", read(t, "/etc/group")+"\n"+lines, 0o644)
	seen := make(chan error)
	go func() {
		runtime.LockOSThread() // never unlocked, on purpose
		err := unix.Unshare(unix.CLONE_NEWNS)
		if err == nil {
			err = errors.Join(unix.Mount("", "/", "", unix.MS_REC|unix.MS_PRIVATE, ""), unix.Mount(file, "/etc/group", "", unix.MS_BIND, ""))
		}
		if err == nil {
			do()
		}
		seen <- err
	}()
	must(t, <-seen)
}

// A colon before the group and set_supplementary_groups both ask for all groups
// of the user.
func TestSupplementaryGroupsOnRequest(t *testing.T) {
	need.Root(t, "other owners and identities")
	s := starter(t)
	dir := trusted(t)
	chmod(t, dir, 0o777)
	file := put(t, dir+"/id.sh", "#!/bin/sh\nid -G >"+dir+"/$1\n", 0o755)
	for _, tt := range []struct {
		name    string
		command Command
		policy  Policy
		want    string
	}{
		{"nobody asks", Command{User: "nobody"}, Policy{}, "65534"},
		{"a colon", Command{User: "nobody", Supplementary: true}, Policy{}, "65534 4242 4343"},
		{"a colon and a group", Command{User: "nobody", Group: "daemon", Supplementary: true}, Policy{}, "1 4242 4343 65534"},
		{"set_supplementary_groups", Command{User: "nobody", Group: "daemon"}, Policy{SupplementaryGroups: true}, "1 4242 4343 65534"},
		{"script_user with a colon", Command{}, Policy{User: "nobody", Supplementary: true}, "65534 4242 4343"},
		{"script_user has nothing to say about another", Command{User: "nobody"}, Policy{User: "nobody", Supplementary: true}, "65534"},
		{"script_user and set_supplementary_groups", Command{}, Policy{User: "nobody", SupplementaryGroups: true}, "65534 4242 4343"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			out := strings.ReplaceAll(tt.name, " ", "-")
			tt.command.Argv = []string{file, out}
			var r *Runnable
			withGroups(t, "one:x:4242:nobody\ntwo:x:4343:root,nobody\n", func() { r, _ = Resolve(tt.command, tt.policy) })
			if r == nil {
				t.Fatal("disabled")
			}
			finish(t, start(t, s, r))
			if got := read(t, dir+"/"+out); got != tt.want {
				t.Errorf("groups %q, want %q", got, tt.want)
			}
		})
	}
}

// Commands that differ in nothing else have groups of their own all the same.
func TestOneResolverTellsSupplementaryGroupsApart(t *testing.T) {
	need.Root(t, "other owners and identities")
	file := put(t, trusted(t)+"/x.sh", shebang, 0o755)
	r := NewResolver(Policy{})
	var without, with *Runnable
	withGroups(t, "one:x:4242:nobody\n", func() {
		c := Command{Argv: []string{file}, User: "nobody"}
		without, _ = r.Resolve(c)
		c.Supplementary = true
		with, _ = r.Resolve(c)
	})
	if without == nil || with == nil || without.Groups != nil || !slices.Equal(with.Groups, []uint32{4242}) || with.Equal(without) {
		t.Errorf("without: %+v, with: %+v; want group 4242 in the second only", without, with)
	}
}

func TestTheProgramsSurroundings(t *testing.T) {
	t.Setenv("LD_PRELOAD", "")
	t.Setenv("LD_LIBRARY_PATH", "/nowhere")
	t.Setenv("IFS", "x")
	t.Setenv("KEPT", "as is")
	leak, err := os.Open("/")
	must(t, err)
	defer leak.Close()
	// As a descriptor that systemd or a parent handed down.
	if _, err := unix.FcntlInt(leak.Fd(), unix.F_SETFD, 0); err != nil {
		t.Fatal(err)
	}
	s := starter(t, Limit{Resource: unix.RLIMIT_CORE, Cur: 4096, Max: 8192})
	dir := t.TempDir()
	finish(t, start(t, s, script(t, "", `cd `+dir+`
env >env
readlink /proc/self/fd/0 /proc/self/fd/1 >fds 2>&1; ls /proc/$$/fd >open
sleep 0.05 # the limits are set from outside
ulimit -S -c >core
cat /proc/$$/stat >stat`)))
	env := read(t, dir+"/env")
	for _, name := range []string{"LD_PRELOAD=", "LD_LIBRARY_PATH=", "IFS="} {
		if strings.Contains("\n"+env, "\n"+name) {
			t.Errorf("environment has %s", name)
		}
	}
	if !strings.Contains(env, "KEPT=as is") {
		t.Error("environment has lost KEPT")
	}
	if got := read(t, dir+"/fds"); !strings.HasPrefix(got, "/dev/null\n") {
		t.Errorf("standard input is %q", got)
	}
	if open := strings.Fields(read(t, dir+"/open")); slices.Contains(open, fmt.Sprint(leak.Fd())) || !slices.Contains(open, "0") {
		t.Errorf("of %d and standard input, these are handed down: %v", leak.Fd(), open)
	}
	if got := read(t, dir+"/core"); got != "8" { // blocks of 512 bytes
		t.Errorf("core limit %s, want 8 blocks", got)
	}
	if fields := strings.Fields(read(t, dir+"/stat")); fields[4] != fields[0] {
		t.Errorf("process group %s of process %s: want its own", fields[4], fields[0])
	}
}

// Whoever starts the daemon may have it ignore signals that the runtime leaves alone.
func TestProgramsIgnoreNothing(t *testing.T) {
	for _, sig := range []uintptr{uintptr(unix.SIGTSTP), 32} {
		ignore := [8]uintptr{1}
		if _, _, errno := unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&ignore)), 0, 8, 0, 0); errno != 0 {
			t.Fatal(errno)
		}
	}
	out := filepath.Join(t.TempDir(), "out")
	r := script(t, "", `grep -E '^Sig(Ign|Blk)' /proc/self/status >$1`)
	r.Argv = append(r.Argv, out)
	finish(t, start(t, starter(t), r))
	if got, want := read(t, out), "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000"; got != want {
		t.Errorf("a program finds\n%s\nwant\n%s", got, want)
	}
}

// The daemon may run with real-time priority or a niceness of its own; its
// programs must not. The test runs itself once more in such a process.
func TestProgramsAreScheduledNormally(t *testing.T) {
	need.Root(t, "other owners and identities")
	if os.Getenv("HOLDFAST_TEST_SCHEDULED") != "" {
		showSchedule(t)
		return
	}
	for _, wrap := range [][]string{{"nice", "-n", "-10"}, {"chrt", "-r", "5"}} {
		if err := exec.Command(wrap[0], append(wrap[1:], "true")...).Run(); err != nil {
			t.Logf("%s is refused here: %v", wrap, err)
			continue
		}
		cmd := exec.Command(wrap[0], append(wrap[1:], os.Args[0], "-test.run=^"+t.Name()+"$", "-test.v")...)
		cmd.Env = append(os.Environ(), "HOLDFAST_TEST_SCHEDULED=1")
		out, err := cmd.CombinedOutput()
		if err != nil || !strings.Contains(string(out), "nice 0, policy 0") {
			t.Errorf("%v: %v\n%s", wrap, err, out)
		}
	}
}

func showSchedule(t *testing.T) {
	out := filepath.Join(t.TempDir(), "out")
	finish(t, start(t, starter(t), script(t, "", "cat /proc/$$/stat >"+out)))
	fields := strings.Fields(read(t, out))
	fmt.Printf("nice %s, policy %s\n", fields[18], fields[40])
}

func TestSignalReachesTheWholeGroup(t *testing.T) {
	s := starter(t)
	dir := t.TempDir()
	p := start(t, s, script(t, "", "sleep 1000 & echo $! >"+dir+"/pid; wait"))
	wait.For(t, 10*time.Second, "the child runs", func() bool {
		text, err := os.ReadFile(dir + "/pid")
		return err == nil && len(text) > 1
	})
	child, _ := strconv.Atoi(read(t, dir+"/pid"))
	p.Signal(syscall.SIGTERM)
	if got := finish(t, p); got != (Exit{Code: -1, Signal: 15}) {
		t.Errorf("exit %+v, want signal 15", got)
	}
	wait.For(t, 10*time.Second, "the child has ended", func() bool { return gone(child) })
	p.Signal(syscall.SIGKILL) // harmless: nobody is there any more
}

func gone(pid int) bool {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	return err != nil || strings.Contains(string(stat), ") Z ")
}

func TestRunEndsWithItsContext(t *testing.T) {
	s := starter(t)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	exit, expired, err := s.Run(ctx, script(t, "", "sleep 1000"))
	if err != nil || !expired || exit.Signal != 15 {
		t.Errorf("Run = %+v, %v, %v; want signal 15, expired", exit, expired, err)
	}
	if exit, expired, err = s.Run(t.Context(), script(t, "", "exit 4")); err != nil || expired || exit.Code != 4 {
		t.Errorf("Run = %+v, %v, %v; want status 4", exit, expired, err)
	}
}

func TestEndKillsWhatIgnoresTERM(t *testing.T) {
	s := starter(t)
	ready := filepath.Join(t.TempDir(), "ready")
	p := start(t, s, script(t, "", "trap '' TERM; : >"+ready+"; while :; do sleep 1; done"))
	wait.For(t, 10*time.Second, "the trap is set", func() bool { _, err := os.Stat(ready); return err == nil })
	exit, ok := p.End(100 * time.Millisecond)
	if !ok || exit.Signal != 9 {
		t.Errorf("End = %+v, %v; want signal 9", exit, ok)
	}
}

// A program ends with the daemon: its parent-death signal belongs to the thread
// of the Starter, which ends with it.
func TestCloseEndsPrograms(t *testing.T) {
	users := []string{""}
	if os.Geteuid() == 0 {
		users = append(users, "nobody")
	}
	for _, user := range users {
		s := NewStarter()
		p := start(t, s, script(t, user, "exec sleep 1000"))
		s.Close()
		if got := finish(t, p); got.Signal != 15 {
			t.Errorf("as %q: exit %+v, want signal 15", user, got)
		}
		if _, err := s.Start(script(t, "", "exit 0")); err == nil {
			t.Error("a closed Starter starts programs")
		}
	}
}

func TestOpensForm(t *testing.T) {
	need.Root(t, "other owners and identities")
	s := starter(t)
	dir := trusted(t)
	put(t, dir+"/all", "", 0o644)
	put(t, dir+"/secret", "", 0o600)
	for _, tt := range []struct {
		file, user string
		want       int
	}{
		{"/all", "root", 0}, {"/all", "nobody", 0},
		{"/secret", "root", 0}, {"/secret", "nobody", 2},
		{"/missing", "root", 2},
	} {
		r, problems := Resolve(Command{Line: "<" + dir + tt.file, Argv: []string{"<" + dir + tt.file}, User: tt.user}, Policy{Security: true})
		if r == nil {
			t.Fatal(problems)
		}
		if got := finish(t, start(t, s, r)); got != (Exit{Code: tt.want}) {
			t.Errorf("%s as %s: %+v, want status %d", tt.file, tt.user, got, tt.want)
		}
	}
}

// Waiting is done by the poller: a hundred programs do not make a hundred threads.
func TestWaitingTakesNoThreads(t *testing.T) {
	s := starter(t)
	r := resolved(t, "/bin/sleep", "")
	r.Argv = []string{"sleep", "1000"}
	before := threads(t)
	var all []*Process
	for range 100 {
		all = append(all, start(t, s, r))
	}
	if more := threads(t) - before; more > 20 {
		t.Errorf("%d more threads for 100 programs", more)
	}
	for _, p := range all {
		p.Signal(syscall.SIGTERM)
	}
	for _, p := range all {
		finish(t, p)
	}
}

func threads(t *testing.T) int {
	entries, err := os.ReadDir("/proc/self/task")
	must(t, err)
	return len(entries)
}
