package link

import (
	"fmt"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Ask asks the kernel's driver of an interface.
func Ask(link string, m Method) (up bool, err error) {
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, fmt.Errorf("open a socket to ask %s: %w", link, err)
	}
	defer func() { _ = unix.Close(fd) }()
	switch m {
	case MII:
		return transceiver(fd, link)
	case Ethtool:
		return ethtool(fd, link)
	}
	return flags(fd, link)
}

// media is struct mii_ioctl_data within struct ifreq (linux/mii.h).
type media struct {
	name                   [unix.IFNAMSIZ]byte
	phy, register, in, out uint16
	_                      [16]byte
}

// The register of the transceiver that says how the link is, and the bit for "there is
// one" (IEEE 802.3 section 22.2.4.2).
const (
	statusRegister = 1
	linkBit        = 1 << 2
)

// transceiver reads the register twice: a loss is kept in it until it was read.
func transceiver(fd int, link string) (up bool, err error) {
	var req media
	copy(req.name[:], link)
	if err := ioctl(fd, unix.SIOCGMIIPHY, unsafe.Pointer(&req)); err != nil {
		return false, fmt.Errorf("ask %s for its transceiver: %w", link, err)
	}
	for range 2 {
		req.register = statusRegister
		if err := ioctl(fd, unix.SIOCGMIIREG, unsafe.Pointer(&req)); err != nil {
			return false, fmt.Errorf("ask the transceiver of %s: %w", link, err)
		}
	}
	return req.out&linkBit != 0, nil
}

// value is struct ethtool_value (linux/ethtool.h), and ethtoolRequest struct ifreq
// with its address.
type value struct{ command, data uint32 }

type ethtoolRequest struct {
	name [unix.IFNAMSIZ]byte
	data unsafe.Pointer
	_    [16]byte
}

func ethtool(fd int, link string) (up bool, err error) {
	v := value{command: unix.ETHTOOL_GLINK}
	req := ethtoolRequest{data: unsafe.Pointer(&v)}
	copy(req.name[:], link)
	if err := ioctl(fd, unix.SIOCETHTOOL, unsafe.Pointer(&req)); err != nil {
		return false, fmt.Errorf("ask %s by ethtool: %w", link, err)
	}
	return v.data != 0, nil
}

func flags(fd int, link string) (up bool, err error) {
	req, err := unix.NewIfreq(link)
	if err == nil {
		err = unix.IoctlIfreq(fd, unix.SIOCGIFFLAGS, req)
	}
	if err != nil {
		return false, fmt.Errorf("ask %s for its flags: %w", link, err)
	}
	const wanted = unix.IFF_UP | unix.IFF_RUNNING
	return req.Uint16()&wanted == wanted, nil
}

func ioctl(fd int, request uint, argument unsafe.Pointer) error {
	_, _, failed := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), uintptr(request), uintptr(argument))
	if failed != 0 {
		return failed
	}
	return nil
}
