// Package kernel looks at and changes what package realserver decides on: switches
// of the kernel, devices and addresses.
package kernel

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"slices"
	"strings"

	nl "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/realserver"
)

// Kernel is that of this machine. It implements realserver.Machine.
type Kernel struct{ conn *nl.Conn }

// Open connects to the kernel.
func Open() (*Kernel, error) {
	c, err := nl.Dial(unix.NETLINK_ROUTE, nil)
	if err != nil {
		return nil, fmt.Errorf("open netlink: %w", err)
	}
	return &Kernel{c}, nil
}

// Close ends the connection.
func (k *Kernel) Close() error { return k.conn.Close() }

// Read implements realserver.Machine.
func (k *Kernel) Read(n realserver.Need) (string, error) {
	if n.Kind == realserver.Switch {
		return readSwitch(n.Where)
	}
	link, err := net.InterfaceByName(n.Where)
	if err != nil { // the library has no error of its own for what does not exist
		return realserver.Absent, nil
	}
	held := true
	switch n.Kind {
	case realserver.Up:
		held = link.Flags&net.FlagUp != 0
	case realserver.Address:
		held, err = has(link, n.What)
	}
	if !held || err != nil {
		return realserver.Absent, err
	}
	return n.What, nil
}

func readSwitch(name string) (string, error) {
	b, err := os.ReadFile(filepath.Join("/proc/sys/net", name))
	if errors.Is(err, os.ErrNotExist) {
		return realserver.Absent, nil
	}
	return strings.TrimSpace(string(b)), err
}

func has(link *net.Interface, address string) (bool, error) {
	all, err := link.Addrs()
	return slices.ContainsFunc(all, func(a net.Addr) bool { return a.String() == address }), err
}

// Set implements realserver.Machine.
func (k *Kernel) Set(n realserver.Need, value string) error {
	if n.Kind == realserver.Switch {
		return os.WriteFile(filepath.Join("/proc/sys/net", n.Where), []byte(value), 0)
	}
	there := value != realserver.Absent
	if n.Kind == realserver.Device && there {
		return k.make(n.Where, n.What)
	}
	link, err := net.InterfaceByName(n.Where)
	if err != nil {
		return err
	}
	switch n.Kind {
	case realserver.Device:
		return k.do(unix.RTM_DELLINK, 0, linkMessage(link.Index, 0, 0))
	case realserver.Up:
		var flags uint32
		if there {
			flags = unix.IFF_UP
		}
		return k.do(unix.RTM_NEWLINK, 0, linkMessage(link.Index, flags, unix.IFF_UP))
	}
	return k.address(link.Index, n.What, there)
}

// make creates a device that takes packets from and to everywhere. Where the module
// was not loaded yet, loading it makes a device of that name.
func (k *Kernel) make(name, kind string) error {
	e := nl.NewAttributeEncoder()
	e.String(unix.IFLA_IFNAME, name)
	e.Nested(unix.IFLA_LINKINFO, func(info *nl.AttributeEncoder) error {
		info.String(unix.IFLA_INFO_KIND, kind)
		return nil
	})
	attributes, err := e.Encode()
	if err != nil {
		return err
	}
	err = k.do(unix.RTM_NEWLINK, nl.Create|nl.Excl, append(linkMessage(0, 0, 0), attributes...))
	if errors.Is(err, unix.EEXIST) {
		return nil
	}
	return err
}

func (k *Kernel) address(index int, text string, there bool) error {
	p, err := netip.ParsePrefix(text)
	if err != nil {
		return err
	}
	family, flags, kind := uint8(unix.AF_INET), uint8(0), uint16(unix.RTM_DELADDR)
	if p.Addr().Is6() {
		family, flags = unix.AF_INET6, unix.IFA_F_NODAD
	}
	var how nl.HeaderFlags
	if there {
		kind, how = unix.RTM_NEWADDR, nl.Create|nl.Replace
	}
	b := binary.NativeEndian.AppendUint32([]byte{family, uint8(p.Bits()), flags, unix.RT_SCOPE_UNIVERSE}, uint32(index))
	e := nl.NewAttributeEncoder()
	e.Bytes(unix.IFA_LOCAL, p.Addr().AsSlice())
	e.Bytes(unix.IFA_ADDRESS, p.Addr().AsSlice())
	attributes, err := e.Encode()
	if err != nil {
		return err
	}
	return k.do(kind, how, append(b, attributes...))
}

// linkMessage is the head of a message about a link.
func linkMessage(index int, flags, change uint32) []byte {
	b := binary.NativeEndian.AppendUint32(make([]byte, 4), uint32(index))
	b = binary.NativeEndian.AppendUint32(b, flags)
	return binary.NativeEndian.AppendUint32(b, change)
}

func (k *Kernel) do(kind uint16, flags nl.HeaderFlags, data []byte) error {
	_, err := k.conn.Execute(nl.Message{Header: nl.Header{Type: nl.HeaderType(kind), Flags: nl.Request | nl.Acknowledge | flags}, Data: data})
	return err
}
