package process

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"sync/atomic"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// connector is a socket of the kernel's process connector (linux/cn_proc.h).
type connector struct {
	file  *os.File
	woken atomic.Bool
	buf   [4096]byte
}

const (
	cnIdxProc, cnValProc = 1, 1
	listen               = 1 // PROC_CN_MCAST_LISTEN

	// Events, as types and as bits of the mask.
	answerEvent = 0
	forkEvent   = 1 << 0
	execEvent   = 1 << 1
	commEvent   = 1 << 9
	exitEvent   = 1 << 31

	messageHeader = 20 // struct cn_msg
	eventHeader   = 16 // what, cpu, timestamp
	smallest      = unix.SizeofNlMsghdr + messageHeader + eventHeader
)

// dial listens to births, deaths and new names of processes.
func dial(room Buffer) (*connector, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_CONNECTOR)
	if err != nil {
		return nil, fmt.Errorf("open the process connector (it is there only in the machine's own network namespace): %w", err)
	}
	c := &connector{file: os.NewFile(uintptr(fd), "process connector")}
	if err := errors.Join(subscribe(fd, room), c.answer()); err != nil {
		c.close()
		return nil, fmt.Errorf("listen to the process connector: %w", err)
	}
	return c, nil
}

// answer waits for the word of the kernel that it will tell: to those who have a
// process namespace of their own it tells nothing, and does not say so.
func (c *connector) answer() error {
	if err := c.file.SetReadDeadline(time.Now().Add(time.Second)); err != nil {
		return err
	}
	for {
		n, err := c.file.Read(c.buf[:])
		if err != nil && !errors.Is(err, unix.ENOBUFS) {
			return err
		}
		if b := c.buf[:max(n, 0)]; len(b) >= smallest+4 && what(b) == answerEvent {
			return failure(word(b, 0))
		}
	}
}

func failure(errno int) error {
	if errno != 0 {
		return syscall.Errno(errno)
	}
	return nil
}

// subscribe asks for all events, and then for those of interest: kernels before
// 6.6 know no mask and ignore the second request.
func subscribe(fd int, room Buffer) error {
	if err := enlarge(fd, room); err != nil {
		return err
	}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: cnIdxProc}); err != nil {
		return err
	}
	if err := send(fd, listen); err != nil {
		return err
	}
	return send(fd, listen, forkEvent|execEvent|commEvent|exitEvent)
}

func enlarge(fd int, room Buffer) error {
	option := unix.SO_RCVBUF
	if room.Force {
		option = unix.SO_RCVBUFFORCE
	}
	if room.Size == 0 {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, room.Size)
}

// send sends one request to the process connector.
func send(fd int, words ...uint32) error {
	size := unix.SizeofNlMsghdr + messageHeader + 4*len(words)
	b := binary.NativeEndian.AppendUint32(nil, uint32(size))
	b = binary.NativeEndian.AppendUint16(b, unix.NLMSG_DONE)
	b = append(b, make([]byte, 10)...) // flags, sequence, port
	b = binary.NativeEndian.AppendUint32(b, cnIdxProc)
	b = binary.NativeEndian.AppendUint32(b, cnValProc)
	b = append(b, make([]byte, 8)...) // sequence, acknowledgement
	b = binary.NativeEndian.AppendUint16(b, uint16(4*len(words)))
	b = append(b, 0, 0) // flags
	for _, w := range words {
		b = binary.NativeEndian.AppendUint32(b, w)
	}
	return unix.Sendto(fd, b, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// wait implements source.
func (c *connector) wait(until time.Time) ([]event, error) {
	if err := c.file.SetReadDeadline(until); err != nil {
		return nil, err
	}
	if c.woken.Swap(false) { // before the deadline was set
		return nil, nil
	}
	n, err := c.file.Read(c.buf[:])
	switch {
	case errors.Is(err, os.ErrDeadlineExceeded):
		return nil, nil
	case errors.Is(err, unix.ENOBUFS):
		return nil, errRescan
	case err != nil:
		return nil, err
	}
	return parse(c.buf[:n]), nil
}

func (c *connector) wake() {
	c.woken.Store(true)
	_ = c.file.SetReadDeadline(time.Unix(1, 0))
}

func (c *connector) close() { _ = c.file.Close() }

// parse takes the event out of a datagram. What concerns a thread that is not the
// first of its process is none.
func parse(b []byte) []event {
	if len(b) < smallest+8 || binary.NativeEndian.Uint32(b[unix.SizeofNlMsghdr:]) != cnIdxProc {
		return nil
	}
	var e event
	process := word(b, 1)
	switch what(b) {
	case forkEvent: // the parent's thread and process, the child's thread and process
		e, process = event{born, word(b, 2), word(b, 1)}, word(b, 3)
	case execEvent, commEvent:
		e = event{kind: became, pid: word(b, 0)}
	case exitEvent:
		e = event{kind: gone, pid: word(b, 0)}
	}
	if e.pid == 0 || e.pid != process {
		return nil
	}
	return []event{e}
}

// what is the type of the event in a datagram, word a number of its data.
func what(b []byte) uint32 { return binary.NativeEndian.Uint32(b[smallest-eventHeader:]) }

func word(b []byte, i int) int {
	if data := b[smallest:]; len(data) >= 4*i+4 {
		return int(int32(binary.NativeEndian.Uint32(data[4*i:])))
	}
	return 0
}
