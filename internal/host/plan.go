package host

import (
	"cmp"
	"slices"
	"strings"
)

// Plan lists the changes that lead from have to want. What is in have and
// carries neither our mark nor a wish stays. The order of the wishes is that of
// their field Order.
func Plan(have, want State) []Op {
	r := NewReconciler()
	r.Want(Delta{Want: inOrder(want.Addrs)})
	return r.Observe(have)
}

func inOrder(addrs map[Addr]AddrOpts) []Wish {
	list := make([]Wish, 0, len(addrs))
	for a, o := range addrs {
		list = append(list, Wish{a, o})
	}
	slices.SortFunc(list, compareWishes)
	return list
}

func compareWishes(a, b Wish) int {
	return cmp.Or(cmp.Compare(a.Order, b.Order), compareAddrs(a.Addr, b.Addr))
}

func compareAddrs(a, b Addr) int {
	return cmp.Or(strings.Compare(a.Link, b.Link), a.Prefix.Addr().Compare(b.Prefix.Addr()),
		cmp.Compare(a.Prefix.Bits(), b.Prefix.Bits()), a.Peer.Addr().Compare(b.Peer.Addr()))
}

// steps collects what is to be done and puts it in the order the kernel needs.
type steps struct {
	clear  []Op     // stands in the way of an add: same identity, other options
	change []Op     // in place
	add    []*entry // in the order wished for, so that a primary precedes its secondaries
	del    []Wish   // the other way round, so that no primary takes a secondary along
	again  []*entry // what such a removal may take along all the same
}

// dropped notes that an address is to go after the adds; net are the wanted
// addresses of its subnet, which the kernel may take along with a primary.
func (s *steps) dropped(w Wish, net set) {
	s.del = append(s.del, w)
	if w.V6() || w.Secondary {
		return
	}
	for e := range net {
		if e.standing != waiting && e.standing != refused {
			s.again = append(s.again, e)
		}
	}
}

// cleared notes that an address is to go before the adds.
func (s *steps) cleared(e *entry, net set) {
	s.clear = append(s.clear, Op{Verb: DelAddr, Wish: Wish{Addr: e.Addr}})
	if e.V6() || e.Secondary {
		return
	}
	for other := range net {
		if other.standing == held {
			s.add = append(s.add, other)
		}
	}
}

func (s *steps) ops() []Op {
	ops := slices.Concat(s.clear, s.change)
	ops = appendAdds(ops, s.add)
	slices.SortStableFunc(s.del, func(a, b Wish) int { return compareWishes(b, a) })
	for _, w := range s.del {
		ops = append(ops, Op{Verb: DelAddr, Wish: Wish{Addr: w.Addr}})
	}
	return appendAdds(ops, s.again)
}

func appendAdds(ops []Op, entries []*entry) []Op {
	slices.SortFunc(entries, earlier)
	for _, e := range slices.Compact(entries) {
		ops = append(ops, Op{Verb: AddAddr, Wish: e.marked()})
	}
	return ops
}

// difference is how a found address differs from the wish for it.
type difference uint8

const (
	same     difference = iota
	milder              // the kernel can change it in place
	thorough            // it has to go and come again
)

// compare looks only at what the family knows. IPv4 replaces lifetimes, IPv6
// lifetimes and flags (inet_rtm_newaddr, inet6_addr_modify).
func compare(found, want AddrOpts, link string, v6 bool) difference {
	switch {
	case found.AutoJoin != want.AutoJoin:
		return thorough
	case !v6 && (found.Broadcast != want.Broadcast || found.Scope != want.Scope ||
		labelOf(found, link) != labelOf(want, link) || found.NoPrefixRoute != want.NoPrefixRoute):
		return thorough
	case v6 && (found.NoDAD != want.NoDAD || found.Home != want.Home ||
		found.ManageTemp != want.ManageTemp || found.NoPrefixRoute != want.NoPrefixRoute):
		return milder
	case lifetime(found.Preferred) != lifetime(want.Preferred) && lasts(want.Preferred):
		return milder
	}
	return same
}

// labelOf fills in the label an IPv4 address has without one.
func labelOf(o AddrOpts, link string) string { return cmp.Or(o.Label, link) }

// A finite lifetime runs down, so that what is found of it says nothing.
func lasts(seconds uint32) bool { return seconds == 0 || seconds == Forever }

func lifetime(seconds uint32) bool { return seconds == Forever }
