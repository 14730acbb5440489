package command

import (
	"errors"
	"fmt"
	"math"
	"os"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Limit is a resource limit that programs get instead of the daemon's own.
type Limit struct {
	Resource int // RLIMIT_CORE and the like
	Cur, Max uint64
}

// Starter starts programs. All of them are started by one thread that lives as
// long as the Starter and has the normal scheduling policy at nice 0, whatever
// the daemon has: programs inherit both, and the parent-death signal belongs to
// a thread, not to a process.
type Starter struct {
	env    []string
	limits []Limit
	jobs   chan func()
	closed chan struct{}
	count  func(Exit, time.Duration) // nil: nobody counts
}

// Counted is s, for programs that are counted: how they ended, and how long they took. One
// that could not be started ended with -1.
func (s *Starter) Counted(count func(Exit, time.Duration)) *Starter {
	c := *s
	c.count = count
	return &c
}

var errClosed = errors.New("the daemon is stopping")

// NewStarter returns a Starter whose programs get the daemon's environment less
// what loads foreign code into them, and limits. The soft limit of open files
// needs no entry: the Go runtime, which raised it, puts the original back.
func NewStarter(limits ...Limit) *Starter {
	s := &Starter{env: environment(os.Environ()), limits: limits, jobs: make(chan func()), closed: make(chan struct{})}
	go s.serve()
	return s
}

// Close ends the thread of s and, with SIGTERM, the programs that still run.
// Nothing can be started afterwards. It is called once.
func (s *Starter) Close() { close(s.closed) }

func (s *Starter) serve() {
	runtime.LockOSThread() // never unlocked: the thread ends with this goroutine
	ordinary()
	secludeDescriptors()
	heedSignals()
	for {
		select {
		case job := <-s.jobs:
			job()
		case <-s.closed:
			return
		}
	}
}

// ordinary gives the calling thread normal scheduling. Where the daemon may not
// (a niceness below its own without the right), programs inherit what it has.
func ordinary() {
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, 0)
}

// secludeDescriptors keeps descriptors that the daemon was itself started with
// from its programs; those opened later are close-on-exec from the start.
// Before Linux 5.11 there is no such call, and they leak as they always did.
func secludeDescriptors() {
	_ = unix.CloseRange(3, math.MaxUint32, unix.CLOSE_RANGE_CLOEXEC)
}

// heedSignals has programs begin as keepalived's do, whoever started the daemon: nothing is
// ignored and nothing blocked. What the runtime catches is reset for programs anyway, but it
// leaves some signals as it finds them: those of job control and of the C library, of which
// posix_spawn has whatever it starts ignore number 32.
func heedSignals() {
	const ignored, last, size = 1, 64, 8
	for sig := uintptr(1); sig <= last; sig++ {
		var now, normal [8]uintptr // begins with the handler; all zero is the default
		_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, 0, uintptr(unsafe.Pointer(&now)), size, 0, 0)
		if now[0] == ignored {
			_, _, _ = unix.RawSyscall6(unix.SYS_RT_SIGACTION, sig, uintptr(unsafe.Pointer(&normal)), 0, size, 0, 0)
		}
	}
	_ = unix.PthreadSigmask(unix.SIG_SETMASK, &unix.Sigset_t{}, nil)
}

// environment is env without the variables that change what a shell or the
// dynamic loader of a program does.
func environment(env []string) []string {
	return slices.DeleteFunc(slices.Clone(env), func(v string) bool {
		name, _, _ := strings.Cut(v, "=")
		return name == "IFS" || name == "LD_PRELOAD" || name == "LD_LIBRARY_PATH"
	})
}

// Start runs r with extra arguments appended, in a process group of its own and
// with /dev/null as its standard files. The error says what could not be
// executed and why.
func (s *Starter) Start(r *Runnable, extra ...string) (*Process, error) {
	if r.Opens {
		return s.open(r), nil
	}
	argv := slices.Concat(r.Argv, extra)
	p, err := s.start(r, r.File, argv)
	if errors.Is(err, unix.ENOEXEC) {
		p, err = s.start(r, "/bin/sh", []string{"sh", "-c", quoted(r.File, argv[1:])})
	}
	if err != nil && s.count != nil {
		s.count(Exit{Code: -1}, 0)
	}
	return p, err
}

func (s *Starter) start(r *Runnable, file string, argv []string) (p *Process, err error) {
	done := make(chan struct{})
	job := func() {
		defer close(done)
		p, err = s.fork(r, file, argv)
	}
	select {
	case s.jobs <- job:
		<-done
	case <-s.closed:
		return nil, errClosed
	}
	if err != nil {
		return nil, fmt.Errorf("execute %s: %w", file, reason(file, err))
	}
	return p, nil
}

func (s *Starter) fork(r *Runnable, file string, argv []string) (*Process, error) {
	null, err := os.OpenFile(os.DevNull, os.O_RDWR, 0)
	if err != nil {
		return nil, err
	}
	defer null.Close()
	fd := -1
	pid, err := syscall.ForkExec(file, argv, &syscall.ProcAttr{
		Env:   s.env,
		Files: []uintptr{null.Fd(), null.Fd(), null.Fd()},
		Sys: &syscall.SysProcAttr{
			Setpgid:    true,
			Pdeathsig:  syscall.SIGTERM,
			PidFD:      &fd,
			Credential: r.credential(),
		},
	})
	if err != nil {
		return nil, err
	}
	s.limit(pid)
	return s.watch(pid, fd)
}

// credential is what has to change; a daemon that is not root and runs its
// scripts as itself has no right to change even that.
func (r *Runnable) credential() *syscall.Credential {
	if r.UID == uint32(os.Geteuid()) && r.GID == uint32(os.Getegid()) && r.Groups == nil {
		return nil
	}
	return &syscall.Credential{Uid: r.UID, Gid: r.GID, Groups: r.Groups}
}

// limit sets the limits of a program that has just been started. A limit cannot
// be set between fork and exec from outside, so its first instructions may run
// before; none of the limits matters to those.
func (s *Starter) limit(pid int) {
	for _, l := range s.limits {
		_ = unix.Prlimit(pid, l.Resource, &unix.Rlimit{Cur: l.Cur, Max: l.Max}, nil)
	}
}

// quoted is a command line for sh that means exactly these words.
func quoted(file string, args []string) string {
	var line strings.Builder
	for i, word := range append([]string{file}, args...) {
		if i > 0 {
			line.WriteByte(' ')
		}
		line.WriteString("'" + strings.ReplaceAll(word, "'", `'\''`) + "'")
	}
	return line.String()
}

// reason puts into words what the kernel means when it cannot find the
// interpreter of a file that is there.
func reason(file string, err error) error {
	if errors.Is(err, unix.ENOENT) && unix.Access(file, unix.F_OK) == nil {
		return fmt.Errorf("the interpreter of its first line does not exist: %w", err)
	}
	return err
}

// setGroups changes the supplementary groups of the calling thread alone; the
// wrapper of the library changes those of the process.
func setGroups(groups []uint32) {
	_, _, _ = unix.RawSyscall(unix.SYS_SETGROUPS, uintptr(len(groups)), uintptr(unsafe.Pointer(unsafe.SliceData(groups))), 0)
}
