package relay

import (
	"holdfast/internal/host"
	"holdfast/internal/router"
)

// pointer codes what is not there for most.
func pointer[T any](c *coder, p **T, each func(*coder, *T)) {
	there := *p != nil
	flag(c, &there)
	if !there {
		return
	}
	if *p == nil {
		*p = new(T)
	}
	each(c, *p)
}

func routing(c *coder, r *router.Routing) {
	list(c, &r.Routes, route)
	list(c, &r.Rules, rule)
}

func route(c *coder, r *host.Route) {
	prefix(c, &r.Dst)
	prefix(c, &r.Src)
	number(c, &r.Type)
	number(c, &r.TOS)
	number(c, &r.Table)
	c.text(&r.VRF)
	number(c, &r.Protocol)
	number(c, &r.Scope)
	number(c, &r.Metric)
	addr(c, &r.PrefSrc)
	nextHop(c, &r.Hop)
	list(c, &r.Hops, nextHop)
	list(c, &r.Metrics, metric)
	c.text(&r.Congestion)
	flag(c, &r.CongestionLocked)
	for _, o := range []*host.Optional{&r.Expires, &r.Preference, &r.TTLPropagate} {
		optional(c, o)
	}
	number(c, &r.Placement)
}

func optional(c *coder, o *host.Optional) {
	flag(c, &o.Given)
	number(c, &o.Value)
}

func metric(c *coder, m *host.Metric) {
	number(c, &m.Kind)
	number(c, &m.Value)
	flag(c, &m.Locked)
}

func nextHop(c *coder, h *host.NextHop) {
	addr(c, &h.Via)
	c.text(&h.Link)
	number(c, &h.Weight)
	flag(c, &h.OnLink)
	realms(c, &h.Realms)
	encap(c, &h.Encap)
}

func realms(c *coder, r *host.Realms) {
	number(c, &r.From)
	number(c, &r.To)
}

func encap(c *coder, e *host.Encap) {
	number(c, &e.Kind)
	c.word(&e.ID)
	addr(c, &e.Dst)
	addr(c, &e.Src)
	number(c, &e.TOS)
	number(c, &e.TTL)
	number(c, &e.Flags)
	list(c, &e.Labels, func(c *coder, l *uint32) { number(c, l) })
	c.word(&e.Locator)
}

func rule(c *coder, r *host.Rule) {
	for _, b := range []*bool{&r.V6, &r.Invert, &r.HasMark, &r.HasUIDs, &r.L3MDev} {
		flag(c, b)
	}
	prefix(c, &r.From)
	prefix(c, &r.To)
	for _, n := range []*uint32{&r.Preference, &r.Mark, &r.Table, &r.Goto} {
		number(c, n)
	}
	number(c, &r.TOS)
	number(c, &r.IPProto)
	number(c, &r.Protocol)
	number(c, &r.Action)
	c.text(&r.In)
	c.text(&r.Out)
	c.word(&r.TunnelID)
	for _, p := range []*host.Range{&r.UIDs, &r.SPort, &r.DPort} {
		number(c, &p.From)
		number(c, &p.To)
	}
	realms(c, &r.Realms)
	for _, o := range []*host.Optional{&r.MarkMask, &r.SuppressPrefix, &r.SuppressGroup} {
		optional(c, o)
	}
}
