package udp

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"unsafe"

	"golang.org/x/sys/unix"
)

// address is a socket address as the kernel takes it.
type address struct {
	raw  [unix.SizeofSockaddrInet6]byte
	size uint32
}

func sockaddr(a netip.Addr, port uint16) address {
	var at address
	binary.NativeEndian.PutUint16(at.raw[:], uint16(family(a)))
	binary.BigEndian.PutUint16(at.raw[2:], port)
	if a.Is4() {
		ip := a.As4()
		copy(at.raw[4:], ip[:])
		at.size = unix.SizeofSockaddrInet4
		return at
	}
	ip := a.As16()
	copy(at.raw[8:], ip[:])
	at.size = unix.SizeofSockaddrInet6
	return at
}

func (at *address) bind(fd int) unix.Errno {
	_, _, errno := unix.RawSyscall(unix.SYS_BIND, uintptr(fd), uintptr(unsafe.Pointer(&at.raw)), uintptr(at.size))
	return errno
}

func family(a netip.Addr) int {
	if a.Is4() {
		return unix.AF_INET
	}
	return unix.AF_INET6
}

// unspecified is any address of the family of a.
func unspecified(a netip.Addr) netip.Addr {
	if a.Is4() {
		return netip.IPv4Unspecified()
	}
	return netip.IPv6Unspecified()
}

// option is one setsockopt with an integer.
type option struct{ level, name, value int }

func setOptions(fd int, list []option) error {
	for _, o := range list {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("socket option %d of level %d: %w", o.name, o.level, err)
		}
	}
	return nil
}

// deafen keeps everything out of a socket that only sends.
func deafen(fd int) error {
	nothing := unix.SockFilter{Code: unix.BPF_RET | unix.BPF_K}
	if err := unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: 1, Filter: &nothing}); err != nil {
		return fmt.Errorf("receive nothing: %w", err)
	}
	return nil
}

// ports is a range of ports to send from, both ends included.
type ports struct{ first, last uint16 }

// rfcPorts are those of RFC 5881, section 4.
func rfcPorts() ports { return ports{49152, 65535} }

// usualPorts are those of the RFC, as far as this machine gives them to programs that
// do not choose, if those are enough.
func usualPorts() ports {
	const enough = 1024
	text, err := os.ReadFile("/proc/sys/net/ipv4/ip_local_port_range")
	if err != nil {
		return rfcPorts()
	}
	var here ports
	if n, _ := fmt.Sscan(string(text), &here.first, &here.last); n != 2 {
		return rfcPorts()
	}
	both := ports{max(rfcPorts().first, here.first), min(rfcPorts().last, here.last)}
	if both.last < both.first || both.last-both.first+1 < enough {
		return rfcPorts()
	}
	return both
}
