package lan

import (
	"encoding/binary"
	"iter"
	"unsafe"

	"golang.org/x/sys/unix"
)

// mmsghdr is struct mmsghdr of recvmmsg(2): a message and how long it was.
type mmsghdr struct {
	unix.Msghdr
	n uint32
}

// sendmmsg and recvmmsg are raw system calls: their sockets never block, so
// the caller keeps its processor instead of handing it to the scheduler.
func sendmmsg(fd int, msgs []mmsghdr) (int, unix.Errno) {
	return mmsg(unix.SYS_SENDMMSG, fd, msgs)
}

func recvmmsg(fd int, msgs []mmsghdr) (int, unix.Errno) {
	return mmsg(unix.SYS_RECVMMSG, fd, msgs)
}

func mmsg(call uintptr, fd int, msgs []mmsghdr) (int, unix.Errno) {
	for {
		n, _, errno := unix.RawSyscall6(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(msgs))),
			uintptr(len(msgs)), unix.MSG_DONTWAIT, 0, 0)
		if errno != unix.EINTR {
			return int(n), errno
		}
	}
}

// slots is room for a number of messages, wired once: each header points to its
// own vector, name and control data.
type slots struct {
	msgs  []mmsghdr
	iovs  []unix.Iovec
	names []name
	ctrls [][controlSize]byte
}

// name is room for any socket address used here.
type name [unix.SizeofSockaddrInet6]byte

// controlSize holds a time stamp, an IPv6 packet info and a hop limit, with their headers.
const controlSize = 128

func newSlots(n int) *slots {
	s := &slots{
		msgs:  make([]mmsghdr, n),
		iovs:  make([]unix.Iovec, n),
		names: make([]name, n),
		ctrls: make([][controlSize]byte, n),
	}
	for i := range s.msgs {
		m := &s.msgs[i]
		m.Iov, m.Name, m.Control = &s.iovs[i], &s.names[i][0], &s.ctrls[i][0]
		m.SetIovlen(1)
	}
	return s
}

// put points message i at data.
func (s *slots) put(i int, data []byte) {
	s.iovs[i].Base = unsafe.SliceData(data)
	s.iovs[i].SetLen(len(data))
}

// appendControl appends a control message without allocating: b has the room.
func appendControl(b []byte, level, kind int, data []byte) []byte {
	start := len(b)
	b = b[:start+unix.CmsgSpace(len(data))]
	h := (*unix.Cmsghdr)(unsafe.Pointer(&b[start]))
	h.Level, h.Type = int32(level), int32(kind)
	h.SetLen(unix.CmsgLen(len(data)))
	copy(b[start+unix.CmsgLen(0):], data)
	return b
}

// control is one control message.
type control struct {
	level, kind int32
	data        []byte
}

// controls yields the control messages in b. What is cut short ends the list.
func controls(b []byte) iter.Seq[control] {
	return func(yield func(control) bool) {
		for len(b) >= unix.SizeofCmsghdr {
			n := controlLength(b)
			if n < unix.CmsgLen(0) || n > len(b) {
				return
			}
			kinds := b[unix.SizeofCmsghdr-8:]
			c := control{
				level: int32(binary.NativeEndian.Uint32(kinds)),
				kind:  int32(binary.NativeEndian.Uint32(kinds[4:])),
				data:  b[unix.CmsgLen(0):n],
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

// getMemInfo reads SO_MEMINFO (kernel 4.12), for which x/sys has no function.
func getMemInfo(fd int, info *[9]uint32) error {
	size := uint32(unsafe.Sizeof(*info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
