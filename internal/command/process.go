package command

import (
	"errors"
	"os"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// Exit is how a program ended.
type Exit struct {
	Code   int // exit status; -1 when a signal ended it
	Signal int // 0: it exited
}

// missing is the exit status of the form `</path` when the file cannot be opened.
const missing = 2

// Process is a program under way.
type Process struct {
	PID  int // 0 for the form `</path`
	file *os.File
	done chan struct{} // closed at the end, when exit is set
	// began and count are for who counts what is run; nil: nobody does.
	began time.Time
	count func(Exit, time.Duration)

	mu    sync.Mutex
	ended bool
	exit  Exit
}

// process is one that begins now.
func (s *Starter) process(pid int) *Process {
	return &Process{PID: pid, done: make(chan struct{}), began: time.Now(), count: s.count}
}

// watch makes a Process of a started program and the descriptor that stands for
// it. The descriptor waits in the runtime's poller, so that a program that runs
// for hours keeps a goroutine and not a thread.
func (s *Starter) watch(pid, fd int) (*Process, error) {
	p := s.process(pid)
	if fd < 0 {
		go p.block()
		return p, nil
	}
	if err := unix.SetNonblock(fd, true); err != nil {
		return nil, err
	}
	p.file = os.NewFile(uintptr(fd), "pidfd")
	go p.poll()
	return p, nil
}

// open is the form `</path`: a "program" that ends with 0 when the file can be
// opened by its user, with 2 when not. It may hang like any other, on a dead
// file server for instance, and no signal reaches it then.
func (s *Starter) open(r *Runnable) *Process {
	p := s.process(0)
	go func() {
		var exit Exit
		seeing(r.Identity, func() {
			fd, err := unix.Open(r.File, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
			if err != nil {
				exit.Code = missing
				return
			}
			unix.Close(fd)
		})
		p.finish(exit)
	}()
	return p
}

// Wait returns how the program ended, once it has. It may be called by several.
func (p *Process) Wait() Exit {
	<-p.done
	return p.exit
}

// Done is closed when the program has ended.
func (p *Process) Done() <-chan struct{} { return p.done }

// Signal sends sig to the process group of the program. Once the program has
// ended nobody is signalled: its number may belong to another by then.
func (p *Process) Signal(sig syscall.Signal) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended && p.PID > 0 {
		_ = unix.Kill(-p.PID, sig)
	}
}

func (p *Process) poll() {
	defer p.file.Close()
	conn, err := p.file.SyscallConn()
	if err != nil || conn.Read(func(uintptr) bool { return p.reap(unix.WNOHANG) }) != nil {
		p.block()
	}
}

// block waits in a thread, where the kernel or the poller cannot do better.
func (p *Process) block() {
	var info unix.Siginfo
	for errors.Is(unix.Waitid(unix.P_PID, p.PID, &info, unix.WEXITED|unix.WNOWAIT, nil), unix.EINTR) {
	}
	p.reap(0)
}

// reap collects the program if it has ended. It holds the lock meanwhile, so
// that no signal is sent to a number that has just become free.
func (p *Process) reap(options int) bool {
	p.mu.Lock()
	var status unix.WaitStatus
	pid, err := unix.Wait4(p.PID, &status, options, nil)
	p.ended = pid == p.PID || err != nil && !errors.Is(err, unix.EINTR)
	ended := p.ended
	p.mu.Unlock()
	if ended {
		p.finish(exitOf(status, err))
	}
	return ended
}

func (p *Process) finish(e Exit) {
	p.exit = e
	if p.count != nil {
		p.count(e, time.Since(p.began))
	}
	close(p.done)
}

// exitOf reads a wait status. A program that somebody else waited for (err) has
// ended in a way that nobody knows, which is not a success.
func exitOf(status unix.WaitStatus, err error) Exit {
	switch {
	case err != nil:
		return Exit{Code: -1}
	case status.Signaled():
		return Exit{Code: -1, Signal: int(status.Signal())}
	}
	return Exit{Code: status.ExitStatus()}
}
