package engine

import (
	"errors"
	"fmt"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
)

// Now is the machine's instant: nanoseconds since boot, suspension included,
// so that a frozen virtual machine sees how long it was away.
func Now() mono.Instant {
	var ts unix.Timespec
	_ = unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts) // cannot fail for this clock
	return mono.Instant(ts.Nano())
}

// nap is the longest wait that keeps the processor of the Go scheduler: giving
// it away and taking it back costs more than the waiting.
const nap = 20 * time.Millisecond

// poller waits for file descriptors and a deadline with one system call.
type poller struct {
	fd    int
	wake  int // eventfd: somebody put something into the inbox
	ready [64]unix.EpollEvent
	count int
}

func newPoller() (*poller, error) {
	fd, err := unix.EpollCreate1(unix.EPOLL_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("create epoll: %w", err)
	}
	wake, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("create eventfd: %w", err)
	}
	p := &poller{fd: fd, wake: wake}
	return p, p.add(wake)
}

// add watches a descriptor. Its number comes back in ready.
func (p *poller) add(fd int) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN, Fd: int32(fd)}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, err)
	}
	return nil
}

// knock wakes the poller from another goroutine.
func (p *poller) knock() {
	one := [8]byte{1}
	_, _ = unix.Write(p.wake, one[:]) // full: it is awake already
}

// hush takes note of all knocks.
func (p *poller) hush() {
	var n [8]byte
	_, _ = unix.Read(p.wake, n[:]) // empty: nothing to note
}

// wait fills ready. Being interrupted counts as nothing ready: the caller
// looks at the clock in any case.
func (p *poller) wait(timeout time.Duration) {
	ts := unix.NsecToTimespec(max(0, int64(timeout)))
	tsp := &ts
	if timeout < 0 {
		tsp = nil
	}
	n, errno := p.epoll(tsp, timeout >= 0 && timeout < nap)
	if errno != 0 {
		if !errors.Is(errno, unix.EINTR) {
			panic("engine: epoll_pwait2: " + errno.Error())
		}
		n = 0
	}
	p.count = int(n)
}

// epoll waits on the thread that runs the loop. Short waits keep the
// scheduler's processor (a raw system call); the signal with which the runtime
// preempts a thread interrupts them, so that they hold up no collection.
func (p *poller) epoll(ts *unix.Timespec, short bool) (uintptr, unix.Errno) {
	events, limit := uintptr(unsafe.Pointer(&p.ready[0])), uintptr(len(p.ready))
	if short {
		n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), events, limit, uintptr(unsafe.Pointer(ts)), 0, 0)
		return n, errno
	}
	n, _, errno := unix.Syscall6(unix.SYS_EPOLL_PWAIT2, uintptr(p.fd), events, limit, uintptr(unsafe.Pointer(ts)), 0, 0)
	return n, errno
}

func (p *poller) close() {
	_ = unix.Close(p.wake)
	_ = unix.Close(p.fd)
}
