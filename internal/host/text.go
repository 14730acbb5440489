package host

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// String prints s as `ip addr` does, without lines of hardware and lifetimes.
func (s State) String() string {
	links := slices.SortedFunc(maps.Values(s.Links), func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	addrs := inOrder(s.Addrs)
	var b strings.Builder
	for _, l := range links {
		fmt.Fprintf(&b, "%d: %s: <%s> mtu %d\n", l.Index, l.Name, strings.Join(l.flags(), ","), l.MTU)
		for _, w := range addrs {
			if w.Link == l.Name {
				fmt.Fprintf(&b, "    %s\n", w.found())
			}
		}
	}
	return b.String()
}

// flags are in the order of `ip link`.
func (l Link) flags() []string {
	var list words
	list.when(l.Up && !l.Carrier, "NO-CARRIER")
	list.when(l.Loopback, "LOOPBACK")
	list.when(l.PointToPoint, "POINTOPOINT")
	list.when(l.Multicast, "MULTICAST")
	list.when(l.NoARP, "NOARP")
	list.when(l.Up, "UP")
	list.when(l.Carrier, "LOWER_UP")
	return list
}

type words []string

func (w *words) when(holds bool, word ...string) {
	if holds {
		*w = append(*w, word...)
	}
}

// found prints a line of `ip addr`.
func (w Wish) found() string {
	line := words{"inet", w.Prefix.String()}
	if w.V6() {
		line[0] = "inet6"
	}
	if w.Peer.IsValid() {
		line = append(words{line[0]}, w.Prefix.Addr().String(), "peer", w.Peer.String())
	}
	line.when(w.Broadcast.IsValid(), "brd", w.Broadcast.String())
	line = append(line, "scope", scope(w.Scope))
	line.when(w.Secondary, "secondary")
	line.when(w.NoDAD, "nodad")
	line.when(w.DADFailed, "dadfailed")
	line.when(w.Home, "home")
	line.when(w.Preferred == 0, "deprecated")
	line.when(w.Tentative, "tentative")
	line.when(w.ManageTemp, "mngtmpaddr")
	line.when(w.NoPrefixRoute, "noprefixroute")
	line.when(w.AutoJoin, "autojoin")
	line.when(w.Protocol != 0, "proto", fmt.Sprint(w.Protocol))
	line.when(!w.V6(), cmp.Or(w.Label, w.Link))
	return strings.Join(line, " ")
}

// flags are the words of `ip addr add`.
func (w Wish) flags() []string {
	var list words
	list.when(w.Home, "home")
	list.when(w.NoDAD, "nodad")
	list.when(w.ManageTemp, "mngtmpaddr")
	list.when(w.NoPrefixRoute, "noprefixroute")
	list.when(w.AutoJoin, "autojoin")
	return list
}

func scope(n uint8) string {
	switch n {
	case 0:
		return "global"
	case 200:
		return "site"
	case 253:
		return "link"
	case 254:
		return "host"
	case 255:
		return "nowhere"
	}
	return fmt.Sprint(n)
}

// String prints a as the arguments of `ip addr del`.
func (a Addr) String() string {
	if a.Peer.IsValid() {
		return fmt.Sprintf("%s peer %s dev %s", a.Prefix.Addr(), a.Peer, a.Link)
	}
	return fmt.Sprintf("%s dev %s", a.Prefix, a.Link)
}

// String prints op as the `ip` command that does the same.
func (op Op) String() string {
	switch op.Verb {
	case AddAddr:
		return "ip addr add " + op.Wish.String()
	case ChangeAddr:
		return "ip addr change " + op.Wish.String()
	case AddThing:
		return command(op.Thing, "add")
	case DelThing:
		return command(op.Thing, "del")
	}
	return "ip addr del " + op.Addr.String()
}

func command(t Thing, verb string) string { return Kind(t) + " " + verb + " " + t.String() }

// Kind is what people call the kind of a thing.
func Kind(t Thing) string {
	if _, isRule := t.(*Rule); isRule {
		return "rule"
	}
	return "route"
}

// String prints w as the arguments of `ip addr add`.
func (w Wish) String() string {
	line := words{w.Addr.String()}
	line.when(w.Broadcast.IsValid(), "broadcast", w.Broadcast.String())
	line.when(w.Label != "", "label", w.Label)
	line.when(w.Scope != 0, "scope", scope(w.Scope))
	line = append(line, w.flags()...)
	line.when(w.Preferred != Forever, "preferred_lft", fmt.Sprint(w.Preferred))
	line.when(w.Protocol != 0, "proto", fmt.Sprint(w.Protocol))
	return strings.Join(line, " ")
}

// String prints a result as log lines show it.
func (r Result) String() string {
	if r.Thing != nil {
		return r.told(Kind(r.Thing) + " " + r.Thing.String())
	}
	return r.told(r.Addr.String())
}

func (r Result) told(what string) string {
	if r.Err != nil {
		return fmt.Sprintf("%s: %s: %v", what, r.Fate, r.Err)
	}
	if r.Fate == Repaired {
		return fmt.Sprintf("%s: repaired (%d)", what, r.Repairs)
	}
	return fmt.Sprintf("%s: %s", what, r.Fate)
}
