package dial

import (
	"context"
	"fmt"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
)

// Asker is a probe that goes on step by step: whoever makes many of them awaits
// their sockets in one place.
type Asker interface {
	// Begin says what comes first.
	Begin(t checker.Target) Step
}

// Step is what comes next of a probe: its verdict, or a wait for its socket, or
// work that takes a goroutine of its own.
type Step struct {
	Result   checker.Result
	Socket   *Socket       // nil: the probe has ended, with Result
	Patience time.Duration // for this wait; 0: all the time that the probe has
	writable bool          // or readable
	then     func(error) Step
	alone    func(*Conn) checker.Result
}

// End is the end of a probe without a socket.
func End(r checker.Result) Step { return Step{Result: r} }

// End is the end of a probe, and of its socket.
func (s *Socket) End(r checker.Result) Step {
	s.Close()
	return End(r)
}

// Connected waits until a connection has come about. Then is told why it has not,
// in plain words that name the target.
func (s *Socket) Connected(then func(error) Step) Step {
	return Step{Socket: s, Patience: s.target.Patience, writable: true, then: func(err error) Step {
		if err != nil {
			err = fmt.Errorf("connect to %s: %w", s.target, err)
		}
		return then(err)
	}}
}

// Readable waits until there is something to read, an error or the end. Then is
// told ErrLate if that does not come.
func (s *Socket) Readable(patience time.Duration, then func(error) Step) Step {
	return Step{Socket: s, Patience: patience, then: then}
}

// Alone goes on in a goroutine, which may wait, and ends with that.
func (s *Socket) Alone(then func(*Conn) checker.Result) Step { return Step{Socket: s, alone: then} }

// IsAlone reports whether the step is one that takes a goroutine.
func (s *Step) IsAlone() bool { return s.alone != nil }

// Events are those of epoll that a wait is for.
func (s *Step) Events() uint32 {
	if s.writable {
		return unix.EPOLLOUT | unix.EPOLLERR | unix.EPOLLHUP
	}
	return unix.EPOLLIN | unix.EPOLLERR | unix.EPOLLHUP
}

// Happened goes on after events.
func (s *Step) Happened(events uint32) Step {
	if s.writable && events&(unix.EPOLLERR|unix.EPOLLHUP) != 0 {
		return s.then(s.Socket.Err())
	}
	return s.then(nil)
}

// Late goes on when what was waited for has not come in time.
func (s *Step) Late() Step { return s.then(ErrLate) }

// Go makes the step that takes a goroutine, in the one that calls it.
func (s *Step) Go(ctx context.Context) checker.Result {
	c := Bound(ctx, s.Socket.stream())
	defer c.Close()
	return s.alone(c)
}

// Do makes a probe in the goroutine that calls it.
func Do(ctx context.Context, a Asker, t checker.Target) checker.Result {
	s := a.Begin(t)
	for s.Socket != nil {
		if s.alone != nil {
			return s.Go(ctx)
		}
		s = s.wait(ctx)
	}
	return s.Result
}

// wait waits with the help of the Go runtime.
func (s *Step) wait(ctx context.Context) Step {
	c := Bound(ctx, s.Socket.stream())
	c.Patient(s.Patience)
	err := s.look(c)
	c.release()
	_ = c.SetDeadline(time.Time{}) // the next step has its own
	if err != nil {
		return s.Late()
	}
	if s.writable {
		return s.then(s.Socket.Err())
	}
	return s.then(nil)
}

// look comes back when the socket is ready, at once if it is.
func (s *Step) look(c *Conn) error {
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	ready := func(fd uintptr) bool {
		n, _ := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: int16(s.Events())}}, 0)
		return n > 0
	}
	if s.writable {
		return raw.Write(ready)
	}
	return raw.Read(ready)
}
