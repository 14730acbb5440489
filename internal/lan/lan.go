// Package lan moves VRRP adverts, gratuitous ARP and neighbour advertisements
// between this machine and its links. It judges no packet and decides no role.
//
// Sender and Receiver are built for a loop that polls file descriptors itself:
// non-blocking, many packets to a system call, no allocation once they are open.
package lan

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// MaxAdvert is the largest advert there is: VRRPv3 with 255 IPv6 addresses, or
// VRRPv2 with as many IPv4 addresses, full IP header, and password and trailer or
// authentication header.
const MaxAdvert = 8 + 255*16 + 28

// explain wraps err with what was attempted and, where it is known, the fix.
func explain(attempt string, err error) error {
	if err == nil {
		return nil
	}
	if fix := fixFor(err); fix != "" {
		return fmt.Errorf("%s: %w: %s", attempt, err, fix)
	}
	return fmt.Errorf("%s: %w", attempt, err)
}

func fixFor(err error) string {
	switch {
	case errors.Is(err, unix.EPERM), errors.Is(err, unix.EACCES):
		return "needs CAP_NET_RAW"
	case errors.Is(err, unix.ENODEV), errors.Is(err, unix.ENXIO):
		return "there is no such link"
	case errors.Is(err, unix.ENETDOWN):
		return "the link is down"
	}
	return ""
}

// option is one setsockopt with an integer.
type option struct {
	level, name, value int
}

func setOptions(fd int, list []option) error {
	for _, o := range list {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			return fmt.Errorf("socket option %d of level %d: %w", o.name, o.level, err)
		}
	}
	return nil
}

// setBuffer sets a buffer size beyond the limit of the system if permitted.
func setBuffer(fd, force, plain, bytes int) error {
	if unix.SetsockoptInt(fd, unix.SOL_SOCKET, force, bytes) == nil {
		return nil
	}
	return unix.SetsockoptInt(fd, unix.SOL_SOCKET, plain, bytes)
}
