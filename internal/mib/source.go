package mib

import (
	"time"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/dump"
	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// Source is what trees are drawn from: the picture that dumps are made of, and what
// only these tables show.
type Source struct {
	*dump.Source
	Servers Servers
	Version string // of the program
	// Past is what was heard of instances, by name.
	Past map[string]Past
	// Begun is when the answering began.
	Begun mono.Instant
}

// Past is what a snapshot does not tell of an instance.
type Past struct {
	// Left is when it left its first state; 0: not seen.
	Left mono.Instant
	// Flaw is what was wrong with the last advert that could not be used, as
	// VRRPV3-MIB numbers it; 0: nothing.
	Flaw int
}

// Parts says which MIBs are served.
type Parts struct{ Global, VRRP, Checker, RFC2787, RFC6527 bool }

// Roots are where the parts are in the tree.
func (p Parts) Roots() (list []wire.OID) {
	for _, r := range []struct {
		on bool
		at wire.OID
	}{
		{p.Global, keepalived(1)}, {p.VRRP, keepalived(2)}, {p.Checker, keepalived(3)}, {p.RFC2787, rfc2787()}, {p.RFC6527, rfc6527()},
	} {
		if r.on {
			list = append(list, r.at)
		}
	}
	return list
}

// Root is what the subagent calls itself.
func Root() wire.OID { return keepalived() }

// Draw draws the parts.
func Draw(s *Source, p Parts) *Tree {
	d := newDrawing(s)
	for _, part := range []struct {
		on   bool
		draw func()
	}{
		{p.Global, d.global}, {p.VRRP, d.vrrp}, {p.Checker, d.checker}, {p.RFC2787, d.version2}, {p.RFC6527, d.version3},
	} {
		if part.on {
			part.draw()
		}
	}
	return d.tree.sorted()
}

// drawing is a tree in the making.
type drawing struct {
	*Source
	tree      *Tree
	instances []dump.Instance
	links     map[string]*status.Link
}

func newDrawing(s *Source) *drawing {
	d := &drawing{Source: s, tree: &Tree{}, instances: s.List(), links: map[string]*status.Link{}}
	for i := range s.Links {
		d.links[s.Links[i].Name] = &s.Links[i]
	}
	return d
}

// index is the number of an interface; 0: there is none of that name.
func (d *drawing) index(link string) int {
	if l := d.links[link]; l != nil {
		return l.Index
	}
	return 0
}

// vrrp draws what KEEPALIVED-MIB has about instances.
func (d *drawing) vrrp() {
	d.groups()
	d.instanceTable()
	d.tracking()
	d.addresses()
	d.routes()
	d.rules()
	d.trackers()
}

// hundredths are those of a second.
func hundredths(t time.Duration) int64 { return int64(t / (10 * time.Millisecond)) }
