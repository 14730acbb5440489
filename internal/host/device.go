package host

import "fmt"

// Device is a link that is to exist: a private macvlan with a virtual MAC address.
type Device struct {
	Name   string
	Parent string // the link below
	MAC    [6]byte
	// V6: for a virtual router of IPv6. Dual: IPv6 addresses go on it although it is
	// for one of IPv4.
	V6, Dual bool
	Group    Optional // of links; absent: its parent's
}

// DeviceAlias marks the links that are ours. A start deletes those that nobody
// wants any more.
const DeviceAlias = "holdfast"

// String prints d as `ip link` does.
func (d Device) String() string { return d.Name + "@" + d.Parent }

// LinkVerb is what a LinkOp does.
type LinkVerb uint8

// The verbs. MakeLink leaves the link down, so that its sysctls are set before it
// says the first word; MendLink brings it up and all that it has to what is wanted.
// HushLink forgets the neighbours of the link: the kernel asks those whom it spoke to
// whether they are still there, seconds after the address that it spoke from has
// gone, and switches take the virtual MAC address of the question to be here.
const (
	MakeLink LinkVerb = iota
	MendLink
	DropLink
	HushLink
)

// LinkOp is one change of the links. DropLink and HushLink need the name alone.
type LinkOp struct {
	Verb LinkVerb
	Device
	InGroup uint32 // the group it is to be in
	VRF     int    // index of the VRF it is to be in; 0: none
}

// String prints op as the `ip` command that does the same.
func (op LinkOp) String() string {
	switch op.Verb {
	case MakeLink:
		return fmt.Sprintf("ip link add %s link %s address %s group %d type macvlan mode private", op.Name, op.Parent, op.mac(), op.InGroup)
	case MendLink:
		return fmt.Sprintf("ip link set %s address %s group %d alias %s up", op.Name, op.mac(), op.InGroup, DeviceAlias)
	case HushLink:
		return "ip neigh flush dev " + op.Name
	}
	return "ip link del " + op.Name
}

func (d Device) mac() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", d.MAC[0], d.MAC[1], d.MAC[2], d.MAC[3], d.MAC[4], d.MAC[5])
}

// Is reports whether a link is this device, whatever its name: a macvlan of the
// same MAC address on the same parent.
func (d Device) Is(l, parent Link) bool {
	return l.Kind == "macvlan" && l.Private && l.Parent == parent.Index && l.MAC == d.MAC
}
