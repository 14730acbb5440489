package check

import (
	"net"
	"net/netip"

	"holdfast/internal/checker"
)

// here reports whether a target is this machine: what it sends there leaves from
// the very address. Nothing is sent to find out.
func here(t checker.Target) bool {
	c, err := net.DialUDP("udp", nil, net.UDPAddrFromAddrPort(netip.AddrPortFrom(t.Addr, 9)))
	if err != nil {
		return false
	}
	defer c.Close()
	return c.LocalAddr().(*net.UDPAddr).AddrPort().Addr().Unmap() == t.Addr
}
