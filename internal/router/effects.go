package router

import (
	"net/netip"
	"time"

	"holdfast/internal/bfd"
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
	// BFD holds the packets, transitions and notes of BFD sessions, and what they say
	// of their neighbours; Followed what that means to whom.
	BFD      bfd.Out
	Followed []Followed
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
	// Reply makes the gratuitous ARP a reply, which nobody answers.
	Reply bool
	// Widen doubles the gap with each round.
	Widen bool
	// Clock numbers the garp_group whose links share the pauses; 0: none.
	Clock int32
}

// Reset empties e and keeps its memory for the next turn, unless a burst has
// made it large.
func (e *Effects) Reset() {
	e.Changes, e.Announces = emptied(e.Changes), emptied(e.Announces)
	e.Signals, e.Notes = emptied(e.Signals), emptied(e.Notes)
	e.Announcements, e.Hush = emptied(e.Announcements), emptied(e.Hush)
	e.Host.Want, e.Host.Drop = emptied(e.Host.Want), emptied(e.Host.Drop)
	e.Host.Things, e.Host.Gone, e.Host.Hush = emptied(e.Host.Things), emptied(e.Host.Gone), emptied(e.Host.Hush)
	e.BFD.Changes, e.BFD.Verdicts, e.BFD.Notes = emptied(e.BFD.Changes), emptied(e.BFD.Verdicts), emptied(e.BFD.Notes)
	e.Followed = emptied(e.Followed)
	e.Sent()
	e.Host.Filter, e.Host.Devices, e.HostWhole, e.Ports = nil, nil, false, false
}

// Urgent reports whether there are packets to send. They are valid until the next
// step only.
func (e *Effects) Urgent() bool { return len(e.Sends)+len(e.BFD.Sends) > 0 || e.BFD.Sockets }

// Sent forgets what was urgent.
func (e *Effects) Sent() {
	e.Sends, e.BFD.Sends, e.BFD.Sockets = emptied(e.Sends), emptied(e.BFD.Sends), false
}

// emptied is s without its elements.
func emptied[T any](s []T) []T {
	const usual = 256
	if cap(s) > usual {
		return nil
	}
	return s[:0]
}
