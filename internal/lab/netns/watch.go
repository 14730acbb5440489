package netns

import (
	"encoding/binary"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// AddrChange is an address that the kernel of a node got or lost.
type AddrChange struct {
	At    time.Time
	Addr  netip.Addr
	Index int // of the link
	Held  bool
}

// WatchAddrs reports every change of the node's addresses until the file it
// returns is closed. It sees what the kernel holds, whatever a daemon says of it.
func (n *Node) WatchAddrs(report func(AddrChange)) (*os.File, error) {
	var fd int
	err := n.Do(func() (err error) {
		fd, err = openAddrEvents()
		return err
	})
	if err != nil {
		return nil, err
	}
	f := os.NewFile(uintptr(fd), "netlink of "+n.Name)
	go readAddrs(f, report)
	return f, nil
}

func openAddrEvents() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return -1, os.NewSyscallError("netlink socket", err)
	}
	groups := uint32(1<<(unix.RTNLGRP_IPV4_IFADDR-1) | 1<<(unix.RTNLGRP_IPV6_IFADDR-1))
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: groups}); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("netlink bind", err)
	}
	unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 8<<20)
	return fd, nil
}

func readAddrs(f *os.File, report func(AddrChange)) {
	buf := make([]byte, 1<<16)
	for {
		n, err := f.Read(buf)
		if err != nil {
			return
		}
		at := time.Now()
		messages, err := syscall.ParseNetlinkMessage(buf[:n])
		if err != nil {
			continue
		}
		for i := range messages {
			if c, ok := decodeAddr(&messages[i]); ok {
				c.At = at
				report(c)
			}
		}
	}
}

// decodeAddr reads RTM_NEWADDR and RTM_DELADDR (rtnetlink(7)). IFA_LOCAL is the
// address; where there is none, as in IPv6, IFA_ADDRESS is.
func decodeAddr(m *syscall.NetlinkMessage) (AddrChange, bool) {
	if (m.Header.Type != unix.RTM_NEWADDR && m.Header.Type != unix.RTM_DELADDR) || len(m.Data) < unix.SizeofIfAddrmsg {
		return AddrChange{}, false
	}
	attrs, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return AddrChange{}, false
	}
	c := AddrChange{Held: m.Header.Type == unix.RTM_NEWADDR, Index: int(binary.NativeEndian.Uint32(m.Data[4:8]))}
	for _, a := range attrs {
		got, ok := netip.AddrFromSlice(a.Value)
		if ok && (a.Attr.Type == unix.IFA_LOCAL || (a.Attr.Type == unix.IFA_ADDRESS && !c.Addr.IsValid())) {
			c.Addr = got
		}
	}
	return c, c.Addr.IsValid()
}
