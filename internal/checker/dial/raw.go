package dial

import (
	"encoding/binary"
	"errors"
	"net"
	"net/netip"
	"unsafe"

	"golang.org/x/sys/unix"
)

// The system calls of a probe are raw: its sockets never block, and a call that is
// announced may cost the Go runtime a thread for each of a thousand checks a second.

func move(call uintptr, fd int, p []byte) (int, error) {
	for {
		n, _, errno := unix.RawSyscall(call, uintptr(fd), uintptr(unsafe.Pointer(unsafe.SliceData(p))), uintptr(len(p)))
		switch errno {
		case 0:
			return int(n), nil
		case unix.EAGAIN:
			return 0, ErrNothing
		case unix.EINTR:
		default:
			return 0, errno
		}
	}
}

// connect begins to connect, which goes on after it came back.
func connect(fd int, to netip.Addr, port uint16) error {
	var errno unix.Errno
	if to.Is4() {
		at := unix.RawSockaddrInet4{Family: unix.AF_INET, Port: wired(port), Addr: to.As4()}
		_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&at)), unix.SizeofSockaddrInet4)
	} else {
		at := unix.RawSockaddrInet6{Family: unix.AF_INET6, Port: wired(port), Addr: to.As16(), Scope_id: scope(to)}
		_, _, errno = unix.RawSyscall(unix.SYS_CONNECT, uintptr(fd), uintptr(unsafe.Pointer(&at)), unix.SizeofSockaddrInet6)
	}
	if errno == 0 || errors.Is(errno, unix.EINPROGRESS) {
		return nil
	}
	return errno
}

// wired is a port as it stands in packets.
func wired(port uint16) uint16 {
	return binary.NativeEndian.Uint16([]byte{byte(port >> 8), byte(port)})
}

// scope is the index of the link that an address is on; 0: it is on no certain one.
func scope(a netip.Addr) uint32 {
	if a.Zone() == "" {
		return 0
	}
	link, err := net.InterfaceByName(a.Zone())
	if err != nil {
		return 0
	}
	return uint32(link.Index)
}
