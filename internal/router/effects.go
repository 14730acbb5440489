package router

import (
	"net/netip"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/vrrp"
)

// Effects is what one or more steps ask of the world: appended to by the
// Router, carried out and emptied by the loop.
type Effects struct {
	// Out holds the packets to send, and the transitions, signals and notes to
	// tell. Its Announces have become Announcements when Step returns.
	vrrp.Out
	Announcements []Announcement
	// Hush names routers whose queued announcements are void.
	Hush []vrrp.ID
	Host host.Delta
	// HostWhole says that Host is the whole wanted state: what else carries our
	// mark is left over from an earlier run.
	HostWhole bool
	// Ports says that the answer of Router.Ports may have changed.
	Ports bool
}

// Announcement asks for rounds of gratuitous ARP (IPv4) or unsolicited
// neighbour advertisements (IPv6) for one address.
type Announcement struct {
	ID     vrrp.ID
	Link   host.Link
	Addr   netip.Addr
	Rounds int
	// Gap is the least time between two of one kind on one link; 0: none.
	Gap time.Duration
}

// Reset empties e and keeps its memory.
func (e *Effects) Reset() {
	e.Out.Reset()
	e.Announcements, e.Hush = e.Announcements[:0], e.Hush[:0]
	e.Host.Want, e.Host.Drop = e.Host.Want[:0], e.Host.Drop[:0]
	e.HostWhole, e.Ports = false, false
}
