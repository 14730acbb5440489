package host

import (
	"fmt"
	"strings"
)

// Device is a link that is to exist: a private macvlan with a virtual MAC address, or
// an ipvlan, which has its parent's.
type Device struct {
	Name   string
	Parent string // the link below
	MAC    [6]byte
	IPVLAN IPVLAN // what kind of ipvlan; NoIPVLAN: it is a macvlan
	// V6: for a virtual router of IPv6. Dual: IPv6 addresses go on it although it is
	// for one of IPv4.
	V6, Dual bool
	Group    Optional // of links; absent: its parent's
}

// IPVLAN is how the ipvlans of mode L2 of one parent reach each other.
type IPVLAN uint8

// The kinds, of which a parent has one at a time.
const (
	NoIPVLAN IPVLAN = iota
	IPVLANBridge
	IPVLANPrivate
	IPVLANVEPA
)

// String is what `ip link` calls it.
func (v IPVLAN) String() string { return []string{"none", "bridge", "private", "vepa"}[v] }

// DeviceAlias marks the links that are ours. A start deletes those that nobody
// wants any more.
const DeviceAlias = "holdfast"

// Mark is the mark of a copy of the daemon that has a name, among others in the same
// network namespace; the one without has DeviceAlias.
func Mark(copy string) string {
	if copy == "" {
		return DeviceAlias
	}
	return DeviceAlias + ":" + copy
}

// ofNamedCopy reports whether an alias is the mark of a copy with a name.
func ofNamedCopy(alias string) bool { return strings.HasPrefix(alias, DeviceAlias+":") }

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
	Mark    string // for MendLink: whose it is
}

// String prints op as the `ip` command that does the same.
func (op LinkOp) String() string {
	switch op.Verb {
	case MakeLink:
		return fmt.Sprintf("ip link add %s link %s%s group %d type %s", op.Name, op.Parent, op.address(), op.InGroup, op.kind())
	case MendLink:
		return fmt.Sprintf("ip link set %s%s group %d alias %s up", op.Name, op.address(), op.InGroup, op.Mark)
	case HushLink:
		return "ip neigh flush dev " + op.Name
	}
	return "ip link del " + op.Name
}

func (d Device) kind() string {
	if d.IPVLAN != NoIPVLAN {
		return "ipvlan mode l2 " + d.IPVLAN.String()
	}
	return "macvlan mode private"
}

// address is what there is to say of the MAC address.
func (d Device) address() string {
	if d.IPVLAN != NoIPVLAN {
		return ""
	}
	return fmt.Sprintf(" address %02x:%02x:%02x:%02x:%02x:%02x", d.MAC[0], d.MAC[1], d.MAC[2], d.MAC[3], d.MAC[4], d.MAC[5])
}

// Is reports whether a link is this device: a macvlan of the same MAC address on the
// same parent, whatever its name, or an ipvlan of this name.
func (d Device) Is(l, parent Link) bool {
	if d.IPVLAN != NoIPVLAN {
		return d.alike(l, parent) && l.Name == d.Name
	}
	return d.alike(l, parent) && l.MAC == d.MAC
}

// alike reports whether a link is of the kind of d, on its parent.
func (d Device) alike(l, parent Link) bool {
	if d.IPVLAN != NoIPVLAN {
		return l.IPVLAN == d.IPVLAN && l.Parent == parent.Index
	}
	return l.Kind == "macvlan" && l.Private && l.Parent == parent.Index
}

// wears reports whether a link has the MAC address that d is to have.
func (d Device) wears(l Link) bool { return d.IPVLAN != NoIPVLAN || l.MAC == d.MAC }

// coming reports whether a link looks like a device of ours that is not up yet: it
// gets its mark with the step that brings it up.
func (l Link) coming() bool {
	return !l.Up && (l.Kind == "macvlan" || l.Kind == "ipvlan")
}
