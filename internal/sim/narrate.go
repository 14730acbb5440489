package sim

import (
	"fmt"

	"holdfast/internal/host"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
)

// narrate puts what is asked for beside transitions into the timeline.
func (n *Node) narrate() {
	for _, note := range n.out.Notes {
		n.w.tell(n, n.w.Show.Notes, note.String())
	}
	if !n.w.Show.Announcements {
		return
	}
	var last router.Announcement
	for _, a := range n.out.Announcements { // those of one router stand together
		if a.ID != last.ID || a.Rounds != last.Rounds {
			n.w.tell(n, true, fmt.Sprintf("announces %s %d times", n.name(a.ID), a.Rounds))
		}
		last = a
	}
}

func (n *Node) showAdvert(s *vrrp.Send) {
	if n.w.Show.Adverts {
		n.w.tell(n, true, fmt.Sprintf("advert %s priority %d to %s", n.name(s.ID), s.Priority, s.Dst))
	}
}

func (n *Node) showAddress(a host.Addr, held bool) {
	verb := "gave up"
	if held {
		verb = "holds"
	}
	n.w.tell(n, n.w.Show.Addresses, fmt.Sprintf("%s %s on %s", verb, a.Prefix.Addr(), a.Link))
}
