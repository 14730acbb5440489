package daemon

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"net/netip"
	"slices"

	"holdfast/internal/bfd/udp"
	"holdfast/internal/engine"
	"holdfast/internal/lan"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
)

// adverts is an engine.Sender over the raw sockets of lan.
type adverts struct {
	sender  *lan.Sender
	packets [chunk]lan.Packet
	begin   int // of the chunk among the sends
	failed  func(int, error)
	each    func(int, error) // failedIn, made once
}

// chunk is how much is handed over at a time: enough for one system call.
const chunk = 64

func newAdverts(s *lan.Sender) *adverts {
	a := &adverts{sender: s}
	a.each = a.failedIn
	return a
}

// Send implements engine.Sender.
func (a *adverts) Send(sends []vrrp.Send, ifindex func(string) int, failed func(int, error)) {
	a.failed = failed
	link, index := "", leaving("", ifindex) // of the one before: neighbours often share it
	for a.begin = 0; a.begin < len(sends); a.begin += chunk {
		n := min(len(sends)-a.begin, chunk)
		for i := range n {
			s := &sends[a.begin+i]
			if s.Link != link {
				link, index = s.Link, leaving(s.Link, ifindex)
			}
			a.packets[i] = lan.Packet{IfIndex: index, V6: s.V6, Dst: s.Dst, Src: s.Src, HopLimit: s.HopLimit, Data: s.Data}
		}
		a.sender.Send(a.packets[:n], a.each)
	}
}

func (a *adverts) failedIn(i int, err error) { a.failed(a.begin+i, err) }

// receivers opens ports that share one set of buffers: the loop reads them in turn.
type receivers struct{ ring *lan.Ring }

// receiveBuffer, where the configuration names no size, holds more than one
// advert of each of 255 routers on a link; the kernel's default may hold fewer.
// It is a limit, not an allocation.
const receiveBuffer = 1 << 20

// open is engine.Hands.Open.
func (rs *receivers) open(p *router.Port, ifindex int) (engine.Receiver, error) {
	r, err := lan.OpenReceiver(p.Link, ifindex, p.V6, lan.Options{Groups: p.Groups, VRIDs: vrids(p), Header: p.Header, All: p.All, Buffer: cmp.Or(p.Buffer, receiveBuffer), Ring: rs.ring})
	if err != nil {
		return nil, err
	}
	return &receiver{Receiver: r, groups: slices.Clone(p.Groups)}, nil
}

// receiver is an engine.Receiver.
type receiver struct {
	*lan.Receiver
	groups []netip.Addr
}

// Listen implements engine.Receiver: new groups are joined before old ones are left.
func (r *receiver) Listen(p *router.Port) error {
	for _, g := range p.Groups {
		if err := r.Join(g); err != nil {
			return err
		}
	}
	for _, g := range r.groups {
		if !slices.Contains(p.Groups, g) {
			_ = r.Leave(g) // hearing too much does no harm
		}
	}
	r.groups = slices.Clone(p.Groups)
	return errors.Join(r.SetBuffer(cmp.Or(p.Buffer, receiveBuffer)), r.SetVRIDs(vrids(p), p.All))
}

func vrids(p *router.Port) (set lan.VRIDs) {
	for v, wanted := range p.VRIDs {
		if wanted {
			set.Add(uint8(v))
		}
	}
	return set
}

// announcements is an engine.Announcer.
type announcements struct {
	announcer *lan.Announcer
	burst     func() // called for more than a few
}

func openAnnouncements(failed func(lan.Announcement, error), burst func()) (*announcements, error) {
	a, err := lan.OpenAnnouncer(failed)
	if err != nil {
		return nil, err
	}
	go a.Run(context.Background()) // until the process ends
	return &announcements{announcer: a, burst: burst}, nil
}

// Announce implements engine.Announcer.
func (a *announcements) Announce(list []router.Announcement) {
	converted := make([]lan.Announcement, len(list))
	for i := range list {
		n := &list[i]
		converted[i] = lan.Announcement{
			ID: int32(n.ID), Link: n.Link.Name, IfIndex: n.Link.Index, MAC: n.Link.MAC, Silent: n.Link.NoARP || n.Link.Loopback,
			VIP: n.Addr, Rounds: n.Rounds, Gap: n.Gap, Reply: n.Reply, Widen: n.Widen, Clock: n.Clock,
		}
	}
	a.announcer.Announce(converted)
	if len(list) > chunk {
		a.burst()
	}
}

// Hush implements engine.Announcer.
func (a *announcements) Hush(ids []vrrp.ID) {
	converted := make([]int32, len(ids))
	for i, id := range ids {
		converted[i] = int32(id)
	}
	a.announcer.Cancel(converted...)
}

// nowhere is the index of no link. With 0 the kernel would choose one.
const nowhere = -1

// leaving is the index of the link an advert leaves by; 0 without one.
func leaving(link string, ifindex func(string) int) int {
	index := ifindex(link)
	if index == 0 && link != "" {
		return nowhere
	}
	return index
}

// talker is an engine.Talker.
type talker struct{ udp.Sockets }

// Listeners implements engine.Talker.
func (t *talker) Listeners() []engine.Listener {
	var list []engine.Listener
	for _, l := range t.Sockets.Listeners() {
		list = append(list, l)
	}
	return list
}

// chance is a bfd.Random that the system has seeded.
type chance struct{}

// Uint32 implements bfd.Random.
func (chance) Uint32() uint32 { return rand.Uint32() }
