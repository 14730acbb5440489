package engine

import (
	"errors"
	"fmt"
	"os"
	"syscall"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
)

// Now is the machine's instant: nanoseconds since boot, suspension included,
// so that a frozen virtual machine sees how long it was away.
func Now() mono.Instant {
	var ts unix.Timespec
	// Raw, as are all calls of the loop: an announced system call wakes the
	// monitor of the Go runtime, which costs more than the call.
	_, _, _ = unix.RawSyscall(unix.SYS_CLOCK_GETTIME, unix.CLOCK_BOOTTIME, uintptr(unsafe.Pointer(&ts)), 0)
	return mono.Instant(ts.Nano())
}

// poller waits for file descriptors and a deadline. It is an epoll descriptor
// that contains the sockets and a timer of the kernel, and is itself waited for
// by the Go runtime: while the loop waits no thread is busy, and it wakes with
// the precision of the kernel, not with the millisecond of the runtime's timers.
type poller struct {
	fd    int
	timer int // timerfd
	wake  int // eventfd: somebody put something into the inbox
	conn  syscall.RawConn
	file  *os.File // keeps fd open
	ready [64]unix.EpollEvent
	count int
	look  func(uintptr) bool // p.looked, made once
}

func newPoller() (*poller, error) {
	p := &poller{}
	for _, step := range []func() error{p.openEpoll, p.openTimer, p.openWake} {
		if err := step(); err != nil {
			return nil, err
		}
	}
	p.look = p.looked
	return p, nil
}

func (p *poller) openEpoll() (err error) {
	if p.fd, err = unix.EpollCreate1(unix.EPOLL_CLOEXEC); err != nil {
		return fmt.Errorf("create epoll: %w", err)
	}
	if err := unix.SetNonblock(p.fd, true); err != nil { // says to package os that it can be waited for
		return fmt.Errorf("make epoll non-blocking: %w", err)
	}
	p.file = os.NewFile(uintptr(p.fd), "epoll")
	if p.conn, err = p.file.SyscallConn(); err != nil {
		return fmt.Errorf("wait for epoll: %w", err)
	}
	return nil
}

func (p *poller) openTimer() (err error) {
	if p.timer, err = unix.TimerfdCreate(unix.CLOCK_BOOTTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK); err != nil {
		return fmt.Errorf("create timer: %w", err)
	}
	return p.add(p.timer, unix.EPOLLET) // once for each expiry, whether read or not
}

func (p *poller) openWake() (err error) {
	if p.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		return fmt.Errorf("create eventfd: %w", err)
	}
	return p.add(p.wake, 0)
}

// add watches a descriptor. Its number comes back in ready.
func (p *poller) add(fd int, how uint32) error {
	ev := unix.EpollEvent{Events: unix.EPOLLIN | how, Fd: int32(fd)}
	if err := unix.EpollCtl(p.fd, unix.EPOLL_CTL_ADD, fd, &ev); err != nil {
		return fmt.Errorf("watch descriptor %d: %w", fd, err)
	}
	return nil
}

// watch is add for a descriptor that may be watched already.
func (p *poller) watch(fd int) error {
	if err := p.add(fd, 0); !errors.Is(err, unix.EEXIST) {
		return err
	}
	return nil
}

// forget watches a descriptor no more.
func (p *poller) forget(fd int) {
	_ = unix.EpollCtl(p.fd, unix.EPOLL_CTL_DEL, fd, nil) // not watched: all the better
}

// knock wakes the poller from another goroutine.
func (p *poller) knock() {
	one := [8]byte{1}
	_, _ = unix.Write(p.wake, one[:]) // full: it is awake already
}

// hush takes note of all knocks.
func (p *poller) hush() {
	var n [8]byte
	_, _, _ = unix.RawSyscall(unix.SYS_READ, uintptr(p.wake), uintptr(unsafe.Pointer(&n)), 8)
}

// wait returns when something is ready, at the latest at until.
func (p *poller) wait(until mono.Instant) {
	p.arm(until)
	if err := p.conn.Read(p.look); err != nil {
		panic("engine: wait for epoll: " + err.Error())
	}
}

// arm sets the timer, which also takes back an earlier expiry.
func (p *poller) arm(until mono.Instant) {
	var at unix.ItimerSpec // zero: never
	if until != mono.Never {
		at.Value = unix.NsecToTimespec(max(1, int64(until)))
	}
	_, _, errno := unix.RawSyscall6(unix.SYS_TIMERFD_SETTIME, uintptr(p.timer), unix.TFD_TIMER_ABSTIME, uintptr(unsafe.Pointer(&at)), 0, 0, 0)
	if errno != 0 {
		panic("engine: set timer: " + errno.Error())
	}
}

// looked is called by the runtime before it waits and after each wake-up.
func (p *poller) looked(uintptr) bool {
	p.poll()
	return p.count > 0
}

// poll fills ready with what is ready now.
func (p *poller) poll() {
	n, _, errno := unix.RawSyscall6(unix.SYS_EPOLL_PWAIT, uintptr(p.fd), uintptr(unsafe.Pointer(&p.ready[0])), uintptr(len(p.ready)), 0, 0, 0)
	if errno != 0 {
		if !errors.Is(errno, unix.EINTR) {
			panic("engine: epoll: " + errno.Error())
		}
		n = 0
	}
	p.count = int(n)
}

// pause waits without looking at anything.
func (p *poller) pause(d time.Duration) {
	ts := unix.NsecToTimespec(int64(d))
	_, _, _ = unix.RawSyscall(unix.SYS_NANOSLEEP, uintptr(unsafe.Pointer(&ts)), 0, 0) // interrupted: a shorter pause
}

func (p *poller) close() {
	_ = unix.Close(p.wake)
	_ = unix.Close(p.timer)
	_ = p.file.Close()
}
