package host

import (
	"cmp"
	"context"
	"net/netip"
	"slices"
	"strings"
)

// Shield says whether what is sent to an address, and what is sent from it, is
// dropped: the MASTER of a router that does not accept (RFC 9568 section 6.1,
// Accept_Mode) forwards for the address and answers for it, and nothing more.
type Shield uint8

// The shields. They differ for link-local addresses only, which mean something
// on one interface: it is told by its number, or by its name where it may come
// and go.
const (
	Unshielded Shield = iota
	ShieldedByIndex
	ShieldedByName
	// Unadvertised is the parent's address on a virtual MAC interface: neighbours are to
	// find it at the parent.
	Unadvertised
)

// FilterConfig is where the packet filter goes and what it is like.
type FilterConfig struct {
	Table    string
	Priority int32 // of the base chains
	Counters bool  // every rule counts its packets
}

// FilterSet is one of the sets that the rules of a table match, or several of them.
type FilterSet uint8

// The sets. A table has those that were in use once, and the rules for them.
const (
	VIPs          FilterSet = 1 << iota // vips: addresses
	LinkLocalVIPs                       // vips_link_local: address and number of the interface
	NamedVIPs                           // vips_link_local_name: address and name of the interface
	VMACs                               // vmac_map, and for IPv6 vmac_set: virtual MAC interfaces
	Parents                             // parent_link_local: address and number of the virtual MAC interface

	AllFilterSets = VIPs | LinkLocalVIPs | NamedVIPs | VMACs | Parents
)

// Element is a member of a set: what of it counts depends on the set.
type Element struct {
	Set    FilterSet
	V6     bool
	Addr   netip.Addr
	Name   string // of the interface
	Index  int    // of the interface
	Parent int    // index of the interface that a virtual MAC interface is on
}

// FilterOp is one transaction on the table of a family.
type FilterOp struct {
	FilterConfig
	V6 bool
	// Whole makes the table anew, with these Sets and the elements of Add, or
	// without Sets removes it.
	Whole    bool
	Sets     FilterSet
	Add, Del []Element
}

// FilterChange says that somebody else changed the table of a family.
type FilterChange struct {
	V6 bool
	By string // the name and number of a process, if known
}

// Firewall is the only door to the packet filter of the machine.
type Firewall interface {
	// Do carries out a transaction: all of it, or nothing and an error.
	Do(FilterOp) error
	// Watch reports what others do to the tables that Do made, until the context ends.
	Watch(ctx context.Context, report func(FilterChange)) error
	Close() error
}

// VMAC is a virtual MAC interface and its parent, by their numbers. Its IGMP or
// MLD reports belong on the parent: a switch that snoops would learn the virtual
// MAC address from them.
type VMAC struct {
	V6            bool
	Index, Parent int
}

// Filter knows what the packet filter is to hold and what was put there, and
// names the steps between them. It remembers rather than looks: a table that
// somebody else changed, or of which a transaction failed, is made anew as a
// whole, which no packet notices. Tables go by their name: at a start, what an
// earlier run left under it is replaced or removed.
type Filter struct {
	config FilterConfig
	wanted map[Addr]Shield // of shielded addresses
	links  map[string]int  // indexes
	vmacs  []VMAC
	uses   map[Element]int
	tables [2]filterTable // of IPv4 and IPv6
}

// filterTable is what was put into the kernel.
type filterTable struct {
	sets  FilterSet
	known bool // it holds this and nothing else
}

// NewFilter returns one that wants nothing and knows nothing.
func NewFilter() *Filter {
	return &Filter{wanted: map[Addr]Shield{}, links: map[string]int{}, uses: map[Element]int{}}
}

// configure takes over other settings: tables in use are made anew.
func (f *Filter) configure(c FilterConfig) []FilterOp {
	old := f.config
	f.config = c
	if old == c {
		return nil
	}
	var ops []FilterOp
	for family := range f.tables {
		t := &f.tables[family]
		if t.sets == 0 {
			continue
		}
		if old.Table != c.Table {
			ops = append(ops, FilterOp{FilterConfig: old, V6: family == 1, Whole: true})
		}
		t.known = false
		ops = append(ops, f.whole(family))
	}
	return ops
}

// Want takes in what addresses are wanted anew or no more. Before is to be done
// before they are added, after when they have been removed: so no packet
// reaches an address that does not accept it.
func (f *Filter) Want(d Delta) (before, after []FilterOp) {
	if d.Filter != nil {
		before = f.configure(*d.Filter)
	}
	var come, gone []Element
	kept := map[Addr]bool{}
	for i := range d.Want {
		a, s := d.Want[i].Addr.Canonical(), d.Want[i].Shield
		if s == Unshielded && len(f.wanted) == 0 {
			continue
		}
		kept[a] = true
		come, gone = f.shield(a, s, come, gone)
	}
	for _, a := range d.Drop {
		if a = a.Canonical(); !kept[a] {
			come, gone = f.shield(a, Unshielded, come, gone)
		}
	}
	return append(before, f.add(come)...), f.remove(gone)
}

// shield notes how an address is shielded from now on, and adds to the elements
// that come and go for it.
func (f *Filter) shield(a Addr, s Shield, come, gone []Element) (c, g []Element) {
	was := f.wanted[a]
	if was == s {
		return come, gone
	}
	if e, there := f.element(a, was); there {
		gone = append(gone, e)
	}
	if e, there := f.element(a, s); there {
		come = append(come, e)
	}
	f.wanted[a] = s
	if s == Unshielded {
		delete(f.wanted, a)
	}
	return come, gone
}

// element is what shields an address; there is none if the link is not there.
func (f *Filter) element(a Addr, s Shield) (e Element, there bool) {
	ip := a.Prefix.Addr()
	switch {
	case s == Unshielded:
		return e, false
	case s == Unadvertised:
		e = Element{Set: Parents, V6: true, Addr: ip, Index: f.links[a.Link]}
		return e, e.Index != 0
	case ip.Is4() || !ip.IsLinkLocalUnicast():
		return Element{Set: VIPs, V6: ip.Is6(), Addr: ip}, true
	case s == ShieldedByName:
		return Element{Set: NamedVIPs, V6: true, Addr: ip, Name: a.Link}, true
	}
	e = Element{Set: LinkLocalVIPs, V6: true, Addr: ip, Index: f.links[a.Link]}
	return e, e.Index != 0
}

// See takes in what the kernel reported: links count, for their numbers.
func (f *Filter) See(changes ...Change) (ops []FilterOp) {
	for _, c := range changes {
		switch {
		case c.Link == nil:
		case c.Gone:
			ops = append(ops, f.link(c.Link.Name, 0)...)
		default:
			ops = append(ops, f.link(c.Link.Name, c.Link.Index)...)
		}
	}
	return ops
}

// Observe takes in all links there are.
func (f *Filter) Observe(found State) (ops []FilterOp) {
	for name := range f.links {
		if _, exists := found.Links[name]; !exists {
			ops = append(ops, f.link(name, 0)...)
		}
	}
	for name, l := range found.Links {
		ops = append(ops, f.link(name, l.Index)...)
	}
	return ops
}

// link notes the number of a link, 0 when it is gone.
func (f *Filter) link(name string, index int) []FilterOp {
	if f.links[name] == index {
		return nil
	}
	gone := f.on(name)
	f.links[name] = index
	if index == 0 {
		delete(f.links, name)
	}
	return append(f.add(f.on(name)), f.remove(gone)...)
}

// on lists the elements that hang on the number of a link.
func (f *Filter) on(link string) (list []Element) {
	for a, s := range f.wanted {
		if e, there := f.element(a, s); there && a.Link == link && e.Set&(LinkLocalVIPs|Parents) != 0 {
			list = append(list, e)
		}
	}
	return list
}

// HoldVMACs takes in all virtual MAC interfaces there are.
func (f *Filter) HoldVMACs(list []VMAC) []FilterOp {
	ops := append(f.add(elements(list, f.vmacs)), f.remove(elements(f.vmacs, list))...)
	f.vmacs = slices.Clone(list)
	return ops
}

// elements are those of a that are not in b.
func elements(a, b []VMAC) (list []Element) {
	for _, v := range a {
		if !slices.Contains(b, v) {
			list = append(list, Element{Set: VMACs, V6: v.V6, Index: v.Index, Parent: v.Parent})
		}
	}
	return list
}

// add puts elements in. A table that lacks the set, or of which it is not known
// what it holds, is made anew.
func (f *Filter) add(list []Element) (ops []FilterOp) {
	var news [2][]Element
	for _, e := range list {
		f.uses[e]++
		if f.uses[e] == 1 {
			news[family(e.V6)] = append(news[family(e.V6)], e)
		}
	}
	for i, list := range news {
		if len(list) > 0 {
			ops = append(ops, f.extend(i, list))
		}
	}
	return ops
}

func (f *Filter) extend(family int, list []Element) FilterOp {
	t, sets := &f.tables[family], FilterSet(0)
	for _, e := range list {
		sets |= e.Set
	}
	if t.known && sets&^t.sets == 0 {
		return FilterOp{FilterConfig: f.config, V6: family == 1, Sets: t.sets, Add: sorted(list)}
	}
	t.sets |= sets
	return f.whole(family)
}

// remove takes elements out that nothing else needs. The sets stay: the next
// change of roles then is one of elements only.
func (f *Filter) remove(list []Element) (ops []FilterOp) {
	var gone [2][]Element
	for _, e := range list {
		f.uses[e]--
		if f.uses[e] <= 0 {
			delete(f.uses, e)
			gone[family(e.V6)] = append(gone[family(e.V6)], e)
		}
	}
	for i, list := range gone {
		if len(list) == 0 {
			continue
		}
		ops = append(ops, FilterOp{FilterConfig: f.config, V6: i == 1, Sets: f.tables[i].sets, Del: sorted(list)})
	}
	return ops
}

// whole makes the table of a family anew.
func (f *Filter) whole(i int) FilterOp {
	op := FilterOp{FilterConfig: f.config, V6: i == 1, Whole: true, Sets: f.tables[i].sets}
	for e := range f.uses {
		if family(e.V6) == i {
			op.Add = append(op.Add, e)
		}
	}
	op.Add = sorted(op.Add)
	return op
}

// Sweep removes, after a start, the tables that an earlier run left and that
// nothing here needs.
func (f *Filter) Sweep() (ops []FilterOp) {
	for i, t := range f.tables {
		if !t.known && t.sets == 0 {
			ops = append(ops, f.whole(i))
		}
	}
	return ops
}

// Done takes in what came of a transaction. What failed is for Retry, except a
// removal: it fails where there is no packet filter.
func (f *Filter) Done(op FilterOp, err error) {
	if op.Table == f.config.Table {
		f.tables[family(op.V6)].known = err == nil || op.Sets == 0
	}
}

// Changed makes a table anew that somebody else changed.
func (f *Filter) Changed(c FilterChange) []FilterOp {
	i := family(c.V6)
	if f.tables[i].sets == 0 {
		return nil
	}
	f.tables[i].known = false
	return []FilterOp{f.whole(i)}
}

// Retry makes those tables anew of which a transaction failed.
func (f *Filter) Retry() (ops []FilterOp) {
	for i, t := range f.tables {
		if !t.known && t.sets != 0 {
			ops = append(ops, f.whole(i))
		}
	}
	return ops
}

// Close removes the tables, at the end, unless they still shield something:
// addresses that are to stay keep their shield.
func (f *Filter) Close() (ops []FilterOp) {
	for i := range f.tables {
		if f.tables[i].sets == 0 || len(f.whole(i).Add) > 0 {
			continue
		}
		f.tables[i] = filterTable{}
		ops = append(ops, f.whole(i))
	}
	return ops
}

func family(v6 bool) int {
	if v6 {
		return 1
	}
	return 0
}

func sorted(list []Element) []Element {
	slices.SortFunc(list, func(a, b Element) int {
		return cmp.Or(cmp.Compare(a.Set, b.Set), a.Addr.Compare(b.Addr), strings.Compare(a.Name, b.Name),
			cmp.Compare(a.Index, b.Index), cmp.Compare(a.Parent, b.Parent))
	})
	return list
}

// Each lists the sets in s.
func (s FilterSet) Each() []FilterSet {
	return slices.DeleteFunc([]FilterSet{VIPs, LinkLocalVIPs, NamedVIPs, VMACs, Parents}, func(one FilterSet) bool { return s&one == 0 })
}
