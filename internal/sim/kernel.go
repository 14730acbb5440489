package sim

import (
	"maps"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
)

// kernel is what the network stack of a node holds for its daemon. It outlives
// the daemon, and not the machine.
type kernel struct {
	delay  time.Duration     // until an address that is wanted is held
	wanted map[host.Addr]int // by number of the wish
	held   map[host.Addr]bool
	wishes int
}

func newKernel(delay time.Duration) kernel {
	return kernel{delay: delay, wanted: map[host.Addr]int{}, held: map[host.Addr]bool{}}
}

func (k *kernel) holds(addrs []config.Address) bool {
	for i := range addrs {
		if !k.held[addrs[i].Addr] {
			return false
		}
	}
	return len(addrs) > 0
}

// Serves tells whether this machine answers for an address: it holds it on a link
// that works. That adverts are dropped there is nothing to its clients.
func (n *Node) Serves(a host.Addr) bool { return n.kernel.held[a] && n.ports[a.Link].works() }

// lose forgets what is on a link that is gone.
func (k *kernel) lose(link string) (lost []host.Addr) {
	for a := range k.held {
		if a.Link == link {
			lost = append(lost, a)
			delete(k.held, a)
		}
	}
	return lost
}

// furnish brings the kernel to what the daemon wants of it.
func (n *Node) furnish() {
	want := &n.out.Host
	for i := range want.Drop {
		n.drop(want.Drop[i])
	}
	for i := range want.Want {
		n.want(want.Want[i].Addr)
	}
	if n.out.HostWhole {
		n.sweep()
	}
}

func (n *Node) drop(a host.Addr) {
	delete(n.kernel.wanted, a)
	if n.kernel.held[a] {
		delete(n.kernel.held, a)
		n.showAddress(a, false)
	}
}

// want sets an address after a while, unless it is not wanted any more by then.
func (n *Node) want(a host.Addr) {
	n.kernel.wishes++
	wish := n.kernel.wishes
	n.kernel.wanted[a] = wish
	n.w.after(n.kernel.delay, func() {
		if n.kernel.wanted[a] == wish {
			n.set(a)
		}
	})
}

func (n *Node) set(a host.Addr) {
	p := n.ports[a.Link]
	if p == nil || !p.Exists {
		n.happens(router.Settled{Addr: a})
		return
	}
	if !n.kernel.held[a] {
		n.kernel.held[a] = true
		n.showAddress(a, true)
	}
	n.happens(router.Settled{Addr: a, Held: true})
}

// sweep removes what an earlier run of the daemon left and nobody wants.
func (n *Node) sweep() {
	for _, a := range n.kernel.addrs() {
		if n.kernel.wanted[a] == 0 {
			n.drop(a)
		}
	}
}

// addrs are those that are held, in an order that is always the same.
func (k *kernel) addrs() []host.Addr {
	return slices.SortedFunc(maps.Keys(k.held), func(a, b host.Addr) int { return a.Prefix.Addr().Compare(b.Prefix.Addr()) })
}

// crash is the end of a daemon: nobody wants anything, and all stays.
func (k *kernel) crash() { clear(k.wanted) }

// powerOff is the end of the machine.
func (k *kernel) powerOff() {
	clear(k.wanted)
	clear(k.held)
}

// observe is what the daemon sees when it starts.
func (n *Node) observe() host.State {
	s := host.State{Links: map[string]host.Link{}, Addrs: map[host.Addr]host.AddrOpts{}}
	for name, p := range n.ports {
		if p.Exists {
			s.Links[name] = n.seenLink(name)
			for _, a := range p.own(name) {
				s.Addrs[a] = host.AddrOpts{}
			}
		}
	}
	for a := range n.kernel.held {
		s.Addrs[a] = host.AddrOpts{Protocol: host.Protocol}
	}
	return s
}

// seenLink is an interface as a kernel reports it.
func (n *Node) seenLink(name string) host.Link {
	p := n.ports[name]
	return host.Link{Name: name, Index: p.index, Up: true, Carrier: p.Up, Multicast: true, MTU: p.MTU}
}

// own are the addresses of an interface that adverts leave with.
func (p *port) own(link string) (all []host.Addr) {
	for _, a := range append([]netip.Addr{p.Source4, p.Source6}, p.more...) {
		if a.IsValid() {
			all = append(all, host.Addr{Link: link, Prefix: single(a)})
		}
	}
	return all
}

func single(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// see tells the daemon how an interface is.
func (n *Node) see(name string) {
	p, l := n.ports[name], n.seenLink(name)
	n.happens(router.Seen{Change: host.Change{Link: &l, Gone: !p.Exists}})
	if !p.Exists {
		return
	}
	for _, a := range p.own(name) {
		n.happens(router.Seen{Change: host.Change{Addr: &host.Wish{Addr: a}}})
	}
}
