package router

import (
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/vrrp"
)

// claim is an address that at least one MASTER wants the kernel to hold.
type claim struct {
	owner   vrrp.ID
	settled bool       // the kernel has answered
	held    bool       // with yes
	more    *[]vrrp.ID // other owners, while a reload moves it; nil: none
}

// others are the owners beside the first.
func (c *claim) others() []vrrp.ID {
	if c.more == nil {
		return nil
	}
	return *c.more
}

func (c *claim) share(others []vrrp.ID) {
	if c.more = nil; len(others) > 0 {
		c.more = &others
	}
}

// holdings are the addresses wanted at present, and who wants them.
type holdings struct {
	claims map[place]claim
	links  map[string]int32 // numbers of the links, so that keys are small
}

// place is a host.Addr in few bytes.
type place struct {
	addr [16]byte
	link int32
	bits uint8 // length of the prefix
	v6   bool
	peer bool
}

func newHoldings() holdings {
	return holdings{claims: map[place]claim{}, links: map[string]int32{}}
}

func (h *holdings) at(a host.Addr) place {
	n, known := h.links[a.Link]
	if !known {
		n = int32(len(h.links))
		h.links[a.Link] = n
	}
	return place{a.Prefix.Addr().As16(), n, uint8(a.Prefix.Bits()), a.Prefix.Addr().Is6(), a.Peer.IsValid()}
}

// of is the claim on an address; ok is false if nobody wants it.
func (h *holdings) of(a host.Addr) (c claim, ok bool) {
	c, ok = h.claims[h.at(a)]
	return c, ok
}

// take adds the claims of a router and returns how many of its addresses the
// kernel has not answered for yet. An address that is claimed already is wanted
// anew only if its options were others before.
func (h *holdings) take(id vrrp.ID, addrs []config.Address, before map[host.Addr]host.AddrOpts, d *host.Delta) (pending int32) {
	for i := range addrs {
		w := &addrs[i].Wish
		at := h.at(w.Addr)
		c, claimed := h.claims[at]
		opts, known := before[w.Addr]
		switch {
		case !claimed:
			c = claim{owner: id}
			d.Want = append(d.Want, *w)
		case known && opts != w.AddrOpts:
			c.settled = false
			d.Want = append(d.Want, *w)
		}
		if others := c.others(); c.owner != id && !slices.Contains(others, id) {
			c.share(append(others, id))
		}
		if !c.settled {
			pending++
		}
		h.claims[at] = c
	}
	return pending
}

// leave drops the claims of a router on addrs.
func (h *holdings) leave(id vrrp.ID, addrs []config.Address, d *host.Delta) {
	for i := range addrs {
		at := h.at(addrs[i].Addr)
		c, claimed := h.claims[at]
		switch {
		case !claimed:
			continue
		case c.owner != id:
			c.share(slices.DeleteFunc(c.others(), func(o vrrp.ID) bool { return o == id }))
		case c.more != nil:
			c.owner = c.others()[0]
			c.share(c.others()[1:])
		default:
			delete(h.claims, at)
			d.Drop = append(d.Drop, addrs[i].Addr)
			continue
		}
		h.claims[at] = c
	}
}

// net takes out of d the wishes that were dropped after they were made, be it in the
// same step or in an earlier one of the same turn. The other way round, what is
// dropped and then wished for has only changed its owner.
func (r *Router) net(d *host.Delta) {
	if len(d.Want) > 0 && len(d.Drop) > 0 {
		dropped := make(map[host.Addr]bool, len(d.Drop))
		for _, a := range d.Drop {
			dropped[a] = true
		}
		d.Want = slices.DeleteFunc(d.Want, func(w host.Wish) bool {
			_, claimed := r.holdings.of(w.Addr)
			return dropped[w.Addr] && !claimed && !r.quarters.lodges(w.Addr)
		})
	}
	if len(d.Gone) > 0 {
		d.Things = slices.DeleteFunc(d.Things, func(t host.Thing) bool { return len(r.things[t.String()]) == 0 })
	}
}

// settle notes the kernel's answer and returns the claim, and whether somebody
// waited for it.
func (h *holdings) settle(a host.Addr, held bool) (c claim, waited bool) {
	at := h.at(a)
	c, claimed := h.claims[at]
	if !claimed {
		return c, false
	}
	waited = !c.settled
	c.settled, c.held = true, held
	h.claims[at] = c
	return c, waited
}

// owners calls f with every owner that is a virtual router.
func (c claim) owners(f func(vrrp.ID)) {
	if c.owner != static {
		f(c.owner)
	}
	for _, id := range c.others() {
		if id != static {
			f(id)
		}
	}
}
