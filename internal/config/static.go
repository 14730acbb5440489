package config

import (
	"fmt"

	"holdfast/internal/conf"
)

// StaticAddress is one line of static_ipaddress: an address held from start to
// stop, whatever the roles.
type StaticAddress struct {
	Address
	// TrackGroup names the track_group whose instances follow the interface of the
	// address; empty: none.
	TrackGroup string
}

// String writes a as a file does.
func (a StaticAddress) String() string { return a.Address.String() + followed(false, a.TrackGroup) }

// staticRows are the blocks of what is held whatever the roles.
func staticRows(v *vocabulary) []keyword[builder] {
	return []keyword[builder]{
		{word: "static_ipaddress", form: body("ADDRESS lines"), opens: v.staticAddress,
			meaning: "Addresses added at start, restored when somebody removes them, and removed at stop.",
			set:     (*builder).readStaticAddresses},
		{word: "static_routes", form: body("ROUTE lines"), opens: v.staticRoute,
			meaning: "Routes added at start, restored when somebody removes them, and removed at stop.",
			set: func(b *builder, v value) {
				b.lines(v, func(n *conf.Node) {
					if r, ok := b.readRoute(b.voc.staticRoute, n); ok {
						b.cfg.StaticRoutes = append(b.cfg.StaticRoutes, r)
					}
				})
			}},
		{word: "static_rules", form: body("RULE lines"), opens: v.staticRule,
			meaning: "Policy rules added at start, restored when somebody removes them, and removed at stop.",
			set: func(b *builder, v value) {
				b.lines(v, func(n *conf.Node) {
					if r, ok := b.readRule(b.voc.staticRule, n); ok {
						b.cfg.StaticRules = append(b.cfg.StaticRules, r)
					}
				})
			}},
	}
}

// lines has each line of a block read.
func (b *builder) lines(v value, read func(*conf.Node)) {
	b.enter(v.node)
	defer b.leave()
	for _, n := range v.node.Body {
		read(n)
	}
}

// readStaticAddresses reads static_ipaddress. An address that names no
// interface goes to default_interface.
func (b *builder) readStaticAddresses(v value) {
	b.lines(v, func(n *conf.Node) {
		a, ok := b.readAddress(b.voc.staticAddress, n)
		if !ok {
			return
		}
		if a.Link == "" {
			a.Link = b.cfg.Global.DefaultLink
		}
		if a.NoTrack {
			a.group = ""
		}
		b.cfg.StaticAddresses = append(b.cfg.StaticAddresses, StaticAddress{a.Address, a.group})
	})
}

// trackGroup reports whether a track_group of this name stands above the block
// that is being read.
func (b *builder) trackGroup(name string) bool { return b.trackGroups[name] != nil }

// inGroup takes the track_group of a static address.
func (a *addressDraft) inGroup(v value) {
	if !a.b.trackGroup(v.text) {
		a.b.complain(v.at, fmt.Sprintf("there is no track_group %s above; it is ignored", v.text), "a track_group must stand above what names it")
		return
	}
	a.group = a.b.keep(v.text)
}
