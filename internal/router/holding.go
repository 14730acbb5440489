package router

import (
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/vrrp"
)

// claim is an address that at least one MASTER wants the kernel to hold.
type claim struct {
	opts    host.AddrOpts
	owners  []vrrp.ID
	settled bool // the kernel has answered
	held    bool // with yes
}

// holdings are the addresses wanted at present, and who wants them. Two routers
// may want one address for the length of a reload that moves it.
type holdings map[host.Addr]*claim

// take adds the claims of a router and returns how many of its addresses the
// kernel has not answered for yet.
func (h holdings) take(id vrrp.ID, addrs []config.Address, d *host.Delta) (pending int) {
	for i := range addrs {
		w := &addrs[i].Wish
		c := h[w.Addr]
		if c == nil {
			c = &claim{}
			h[w.Addr] = c
		}
		if len(c.owners) == 0 || c.opts != w.AddrOpts {
			c.opts, c.settled = w.AddrOpts, false
			d.Want = append(d.Want, *w)
		}
		if !slices.Contains(c.owners, id) {
			c.owners = append(c.owners, id)
		}
		if !c.settled {
			pending++
		}
	}
	return pending
}

// leave drops the claims of a router on addrs.
func (h holdings) leave(id vrrp.ID, addrs []config.Address, d *host.Delta) {
	for i := range addrs {
		a := addrs[i].Addr
		c := h[a]
		if c == nil {
			continue
		}
		c.owners = slices.DeleteFunc(c.owners, func(o vrrp.ID) bool { return o == id })
		if len(c.owners) == 0 {
			delete(h, a)
			d.Drop = append(d.Drop, a)
		}
	}
}

// settle notes the kernel's answer and returns the owners that waited for it.
func (h holdings) settle(a host.Addr, held bool) []vrrp.ID {
	c := h[a]
	if c == nil {
		return nil
	}
	waited := !c.settled
	c.settled, c.held = true, held
	if !waited {
		return nil
	}
	return c.owners
}
