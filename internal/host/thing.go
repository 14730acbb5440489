package host

import (
	"fmt"
	"net/netip"
	"slices"
)

// Thing is what the kernel is to hold beside addresses: a *Route or a *Rule. Two
// things of one text are one.
type Thing interface {
	fmt.Stringer
	// needs are the links that have to be up for the kernel to take it.
	needs() []string
	// place is comparable, and shared by things that may be in each other's way.
	place() any
	// is reports whether found, at the same place, is what the kernel made of the thing.
	is(found Thing, links map[string]Link) bool
	// rank orders adding; removing goes the other way round.
	rank() int
}

func (r *Route) rank() int { return 0 }

func (r *Route) needs() []string {
	var links []string
	add := func(name string) {
		if name != "" && !slices.Contains(links, name) {
			links = append(links, name)
		}
	}
	add(r.VRF)
	add(r.Hop.Link)
	for i := range r.Hops {
		add(r.Hops[i].Link)
	}
	return links
}

func (r *Route) place() any { return r.Dst.Masked() }

// is compares what the kernel reports with what it was asked for: it fills in
// links, metrics and scopes that were left to it, and forgets ttl-propagate.
func (r *Route) is(found Thing, links map[string]Link) bool {
	f, ok := found.(*Route)
	if !ok {
		return false
	}
	want := r.asReported(links)
	return want.Dst == f.Dst && want.Src == f.Src && want.Type == f.Type && want.TOS == f.TOS &&
		want.Table == f.Table && want.Protocol == f.Protocol && want.Scope == f.Scope && want.Metric == f.Metric &&
		want.PrefSrc == f.PrefSrc && want.sameWays(f) && want.Expires.Given == f.Expires.Given &&
		slices.Equal(want.Metrics, f.Metrics) && want.Congestion == f.Congestion &&
		want.CongestionLocked == f.CongestionLocked && want.Preference.Value == f.Preference.Value
}

// defaultMetric6 is IP6_RT_PRIO_USER.
const defaultMetric6 = 1024

// asReported is r with what the kernel makes of it whatever its state.
func (r *Route) asReported(links map[string]Link) Route {
	want := *r
	want.Dst, want.Src = plain(r.Dst).Masked(), masked(r.Src)
	want.Scope = r.LeastScope()
	if r.VRF != "" {
		want.Table = links[r.VRF].Table
	}
	if r.V6() {
		want.Scope, want.TOS = 0, 0
		if r.Metric == 0 {
			want.Metric = defaultMetric6
		}
	}
	if len(r.Hops) > 0 {
		want.Hop = NextHop{}
	}
	if len(r.Hops) == 1 { // a list of one way is a way
		want.Hop, want.Hops = r.Hops[0], nil
		want.Hop.Weight = 0
	}
	return want
}

// masked is p without bits behind it; a prefix of everything is none.
func masked(p netip.Prefix) netip.Prefix {
	if p.Bits() <= 0 {
		return netip.Prefix{}
	}
	return plain(p).Masked()
}

// LeastScope is the scope of r, or the least one that the kernel accepts for its type.
func (r *Route) LeastScope() uint8 {
	const link, host = 253, 254
	switch {
	case r.Scope != 0 || r.V6():
		return r.Scope
	case r.Type == Local || r.Type == NAT:
		return host
	case r.Type == Broadcast || r.Type == Anycast:
		return link
	}
	return 0
}

func (r *Route) sameWays(f *Route) bool {
	if f.Type != Unicast && f.Type != Local && f.Type != Multicast && f.Type != Anycast && f.Type != Broadcast {
		return true // the kernel gives such IPv6 routes the loopback link
	}
	return r.Hop.is(&f.Hop) && slices.EqualFunc(r.Hops, f.Hops, func(a, b NextHop) bool { return a.is(&b) })
}

func (h *NextHop) is(f *NextHop) bool {
	e, found := h.Encap, f.Encap
	labels := slices.Equal(e.Labels, found.Labels)
	return h.Via == f.Via && (h.Link == "" || h.Link == f.Link) && max(h.Weight, 1) == max(f.Weight, 1) &&
		h.OnLink == f.OnLink && h.Realms == f.Realms && labels && e.Kind == found.Kind && e.ID == found.ID &&
		e.Dst == found.Dst && e.Src == found.Src && e.TOS == found.TOS && e.TTL == found.TTL && e.Locator == found.Locator
}

func (r *Rule) rank() int       { return 1 }
func (r *Rule) needs() []string { return nil }
func (r *Rule) place() any      { return r.Preference }

// is compares what the kernel reports with what it was asked for.
func (r *Rule) is(found Thing, _ map[string]Link) bool {
	f, ok := found.(*Rule)
	return ok && r.asReported() == f.asReported()
}

// asReported is r with what the kernel takes for granted left out.
func (r *Rule) asReported() Rule {
	want := *r
	want.From, want.To = whole(r.From), whole(r.To)
	if want.MarkMask == Some(^uint32(0)) || want.MarkMask == Some(0) {
		want.MarkMask = Optional{}
	}
	want.HasMark = want.Mark != 0 || want.MarkMask.Given
	return want
}

// whole is p; a prefix of everything is none.
func whole(p netip.Prefix) netip.Prefix {
	if p.Bits() <= 0 {
		return netip.Prefix{}
	}
	return p
}
