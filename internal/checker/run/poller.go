package run

import (
	"errors"
	"fmt"
	"os"
	"sync"
	"syscall"
	"time"

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
	p.late.Earlier(t.place, at) // never early: moved when it comes to the top
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

// watch lets epoll tell of one event.
func (p *poller) watch(t *task) error {
	how := unix.EPOLL_CTL_MOD
	if !t.watched {
		how, t.watched = unix.EPOLL_CTL_ADD, true
	}
	event := unix.EpollEvent{Events: t.step.Events() | unix.EPOLLONESHOT, Fd: int32(t.place)}
	if err := unix.EpollCtl(p.fd, how, t.step.Socket.FD(), &event); err != nil {
		return fmt.Errorf("await a connection: %w", err)
	}
	return nil
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
			e := &p.events[i]
			if t := p.at(place(e.Fd)); t != nil {
				p.next(t, t.step.Happened(e.Events))
			}
		}
		for t := p.expired(); t != nil; t = p.expired() {
			// A program that is just being started may hold the socket for a moment
			// longer: it is not to be heard of again.
			_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, t.step.Socket.FD(), nil)
			t.watched = false
			p.next(t, t.step.Late())
		}
	}
	p.drop()
	_ = p.file.Close()
}

func (p *poller) at(n place) *task {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.tasks[n]
}

// wait fills events; false: the poller is closed.
func (p *poller) wait() bool {
	if !p.rearm() {
		return false
	}
	p.count = 0
	err := p.conn.Read(func(uintptr) bool {
		p.count, _ = unix.EpollWait(p.fd, p.events[:], 0) // interrupted: again
		p.count = max(p.count, 0)
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
