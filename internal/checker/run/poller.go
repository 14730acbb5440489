package run

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker/dial"
	"holdfast/internal/mono"
)

// poller awaits the sockets of all probes under way in one goroutine, which itself
// is awaited by the Go runtime: no thread is kept. A socket costs what the kernel
// has of it and an entry here.
type poller struct {
	now  func() mono.Instant
	next func(*task, dial.Step) // takes what comes next of a task
	fd   int
	file *os.File // fd, as the Go runtime knows it
	conn syscall.RawConn

	mu    sync.Mutex
	tasks []*task // by place
	free  []place
	late  mono.Wakes[place]
	armed mono.Instant // when the goroutine looks for what is late
	turn  int32        // numbers the tasks
	ended bool

	events [256]unix.EpollEvent
	count  int
}

// place is the number of a task that waits.
type place int32

// newPoller returns one that waits for nothing yet. It hands what comes next of a
// task to next.
func newPoller(now func() mono.Instant, next func(*task, dial.Step)) (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err == nil {
		err = unix.SetNonblock(fd, true) // says to package os that it can be waited for
	}
	if err != nil {
		return nil, fmt.Errorf("await connections: %w", err)
	}
	p := &poller{now: now, next: next, fd: fd, file: os.NewFile(uintptr(fd), "epoll"), armed: mono.Never}
	p.conn, err = p.file.SyscallConn()
	return p, err
}

// await goes on with a task when its socket is ready, or too late for that.
func (p *poller) await(t *task) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if t.place == 0 {
		p.admit(t)
	}
	at := t.end
	if t.step.Patience != 0 {
		at = min(at, p.now().Add(t.step.Patience))
	}
	p.late.Earlier(t.place, at) // one that is too early is moved when it comes to the top
	t.late = at
	if at < p.armed {
		p.arm(at)
	}
	return p.watch(t)
}

// admit gives a task a place; 0 is nobody's.
func (p *poller) admit(t *task) {
	if n := len(p.free); n > 0 {
		t.place, p.free = p.free[n-1], p.free[:n-1]
		p.tasks[t.place] = t
		return
	}
	if len(p.tasks) == 0 {
		p.tasks = append(p.tasks, nil)
	}
	t.place = place(len(p.tasks))
	p.tasks = append(p.tasks, t)
	p.late.Grow(len(p.tasks))
}

// watch lets epoll tell of the socket whenever something happens to it: there is
// no need to say again what is waited for. What connects is to be read next.
func (p *poller) watch(t *task) error {
	if t.watched {
		return nil
	}
	t.watched = true
	p.turn++
	t.turn = p.turn
	event := unix.EpollEvent{Events: t.step.Events() | unix.EPOLLIN | unix.EPOLLET, Fd: int32(t.place), Pad: t.turn}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, t.step.Socket.FD(), &event); err != nil {
		return fmt.Errorf("await a connection: %w", err)
	}
	return nil
}

// ignore ends that.
func (p *poller) ignore(t *task) {
	if t.watched {
		t.watched = false
		_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, t.step.Socket.FD(), nil)
	}
}

// leave forgets a task, which goes on elsewhere or has ended.
func (p *poller) leave(t *task) {
	if t.place == 0 {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.late.Remove(t.place)
	p.tasks[t.place] = nil
	p.free = append(p.free, t.place)
	t.place = 0
}

// run goes on with tasks until close.
func (p *poller) run() {
	for p.wait() {
		for i := range p.count {
			if t := p.heed(&p.events[i]); t != nil {
				p.goOn(t)
			}
		}
		for t := p.expired(); t != nil; t = p.expired() {
			p.next(t, t.step.Late())
		}
	}
	p.drop()
	_ = p.file.Close()
}

// heed notes what happened to a task; nil: there is none any more, but somebody
// else, a program that is just being started, still has its socket.
func (p *poller) heed(e *unix.EpollEvent) *task {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.tasks[e.Fd]
	if t == nil || t.turn != e.Pad {
		return nil
	}
	t.happened |= e.Events
	return t
}

// goOn goes on with a task as far as what happened reaches.
func (p *poller) goOn(t *task) {
	for t.place != 0 {
		now := t.happened & t.step.Events()
		if now == 0 {
			return
		}
		t.happened &^= t.step.Events()
		p.next(t, t.step.Happened(now))
	}
}

// wait fills events; false: the poller is closed.
func (p *poller) wait() bool {
	if !p.rearm() {
		return false
	}
	p.count = 0
	err := p.conn.Read(func(uintptr) bool {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.events[0])), uintptr(len(p.events)), 0, 0, 0)
		if errno == 0 { // else interrupted: again
			p.count = int(n)
		}
		return p.count > 0
	})
	return err == nil || errors.Is(err, os.ErrDeadlineExceeded)
}

// rearm makes wait come back for what is late first; false: it is not to wait.
func (p *poller) rearm() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	first, _ := p.late.Top()
	p.arm(first.At)
	return !p.ended
}

// arm makes wait come back at an instant, at the latest.
func (p *poller) arm(at mono.Instant) {
	if p.ended {
		return
	}
	p.armed = at
	var deadline time.Time // none
	if at != mono.Never {
		deadline = time.Now().Add(at.Sub(p.now()))
	}
	_ = p.file.SetReadDeadline(deadline)
}

// expired is a task that is late; nil: there is none.
func (p *poller) expired() *task {
	p.mu.Lock()
	defer p.mu.Unlock()
	for now := p.now(); ; {
		first, ok := p.late.Top()
		if !ok || now.Before(first.At) {
			return nil
		}
		t := p.tasks[first.ID]
		if !now.Before(t.late) {
			p.late.Remove(first.ID)
			return t
		}
		p.late.Set(first.ID, t.late)
	}
}

// close ends it all; what is under way has no result.
func (p *poller) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
	_ = p.file.SetReadDeadline(time.Unix(1, 0))
}

func (p *poller) drop() {
	for _, t := range p.tasks {
		if t != nil {
			t.step.Socket.Close()
		}
	}
}
