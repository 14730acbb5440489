// Package mmsg moves many messages in one system call, without allocating, and
// tells what the kernel says of each: where it came from, with what options, and
// when. It opens no socket and knows nothing of what the messages mean.
package mmsg

import (
	"encoding/binary"
	"iter"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Message is struct mmsghdr of recvmmsg(2): a message and how long it was.
type Message struct {
	unix.Msghdr
	Len uint32
}

// Send and Receive are raw system calls: their sockets never block, so
// the caller keeps its processor instead of handing it to the scheduler.
func Send(fd int, msgs []Message) (int, unix.Errno) {
	return mmsg(unix.SYS_SENDMMSG, fd, msgs)
}

// Receive takes what waits, at most as much as there is room for.
func Receive(fd int, msgs []Message) (int, unix.Errno) {
	return mmsg(unix.SYS_RECVMMSG, fd, msgs)
}

func mmsg(call uintptr, fd int, msgs []Message) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(msgs))),
			uintptr(len(msgs)), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// Slots is room for a number of messages, wired once: each header points to its
// own vector, name and control data.
type Slots struct {
	Msgs  []Message
	Names []Name
	Ctrls [][ControlSize]byte
	iovs  []unix.Iovec
}

// Name is room for any socket address used here.
type Name [unix.SizeofSockaddrInet6]byte

// ControlSize holds a time stamp, an IPv6 packet info and a hop limit, with their headers.
const ControlSize = 128

// NewSlots returns room for n messages.
func NewSlots(n int) *Slots {
	s := &Slots{
		Msgs:  make([]Message, n),
		Names: make([]Name, n),
		Ctrls: make([][ControlSize]byte, n),
		iovs:  make([]unix.Iovec, n),
	}
	for i := range s.Msgs {
		m := &s.Msgs[i]
		m.Iov, m.Name, m.Control = &s.iovs[i], &s.Names[i][0], &s.Ctrls[i][0]
		m.SetIovlen(1)
	}
	return s
}

// Put points message i at data.
func (s *Slots) Put(i int, data []byte) {
	s.iovs[i].Base = unsafe.SliceData(data)
	s.iovs[i].SetLen(len(data))
}

// Prepare resets what receiving overwrote in the first n messages.
func (s *Slots) Prepare(n int) {
	for i := range n {
		m := &s.Msgs[i]
		m.Namelen, m.Flags = uint32(len(Name{})), 0
		m.SetControllen(ControlSize)
	}
}

// Controls yields the control messages that came with message i.
func (s *Slots) Controls(i int) iter.Seq[Control] {
	return Controls(s.Ctrls[i][:min(s.Msgs[i].Controllen, ControlSize)])
}

// AppendControl appends a control message without allocating: b has the room.
func AppendControl(b []byte, level, kind int, data []byte) []byte {
	start := len(b)
	b = b[:start+unix.CmsgSpace(len(data))]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[start]))
	h.Level, h.Type = int32(level), int32(kind)
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[start+unix.CmsgLen(0):], data)
	return b
}

// Control is one control message.
type Control struct {
	Level, Kind int32
	Data        []byte
}

// Controls yields the control messages in b. What is cut short ends the list.
func Controls(b []byte) iter.Seq[Control] {
	return func(yield func(Control) bool) {
		for len(b) >= unix.SizeofCmsghdr {
			n := controlLength(b)
			if n < unix.CmsgLen(0) || n > len(b) {
				return
			}
			kinds := b[unix.SizeofCmsghdr-8:]
			c := Control{
				Level: int32(binary.NativeEndian.Uint32(kinds)),
				Kind:  int32(binary.NativeEndian.Uint32(kinds[4:])),
				Data:  b[unix.CmsgLen(0):n],
			}
			if !yield(c) {
				return
			}
			b = b[min(unix.CmsgSpace(n-unix.CmsgLen(0)), len(b)):]
		}
	}
}

// controlLength reads the length of a control message: a size_t.
func controlLength(b []byte) int {
	var n uint64
	if unix.SizeofCmsghdr == 16 {
		n = binary.NativeEndian.Uint64(b)
	} else {
		n = uint64(binary.NativeEndian.Uint32(b))
	}
	return int(min(n, uint64(len(b))+1))
}
