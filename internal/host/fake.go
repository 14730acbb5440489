package host

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"sync"
)

// Fake is a small network stack for tests. It keeps the rules of the real one
// that plans depend on: one IPv6 address per link whatever its prefix length,
// secondaries that go with their primary, IPv6 addresses that go when a link
// goes down, an index that is never used twice. It prints itself as `ip addr` does.
type Fake struct {
	mu      sync.Mutex
	links   map[string]Link
	addrs   []Wish // in the order of `ip addr`
	things  []Thing
	known   map[Addr]bool
	index   int
	ops     []Op
	refuse  func(Op) error
	promote bool
	unsent  []Change
	news    chan struct{}
	shaped  []LinkOp
	sysctls Settings
}

var _ Kernel = (*Fake)(nil)

// NewFake returns a network stack with links, each with an index of its own
// unless given. A Link{Name: "eth0", Up: true, Carrier: true} is enough.
func NewFake(links ...Link) *Fake {
	f := &Fake{links: map[string]Link{}, known: map[Addr]bool{}, sysctls: Settings{}, news: make(chan struct{}, 1)}
	for _, l := range links {
		f.SetLink(l)
	}
	return f
}

// Load makes an empty stack hold what was found in another, without reports.
func (f *Fake) Load(s State) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.links, f.addrs, f.things = maps.Clone(s.Links), inOrder(s.Addrs), slices.Clone(s.Things)
	for _, l := range s.Links {
		f.index = max(f.index, l.Index)
	}
	for _, w := range f.addrs {
		f.known[w.Addr.identity()] = true
	}
}

// SetLink creates a link or changes what it is like. A link that goes down
// loses its IPv6 addresses.
func (f *Fake) SetLink(l Link) {
	f.mu.Lock()
	defer f.mu.Unlock()
	old, exists := f.links[l.Name]
	l.Index, l.MTU = cmp.Or(l.Index, old.Index, f.index+1), cmp.Or(l.MTU, 1500)
	f.index = max(f.index, l.Index)
	if exists && old.Index != l.Index {
		f.forget(old)
	}
	f.links[l.Name] = l
	f.report(Change{Link: &l})
	if !l.Up {
		f.lose(func(w Wish) bool { return w.Link == l.Name && w.V6() })
		f.flush(l.Name)
	}
}

// flush removes the routes of a link without a word, as the kernel does for IPv4.
func (f *Fake) flush(link string) {
	f.things = slices.DeleteFunc(f.things, func(t Thing) bool { return slices.Contains(t.needs(), link) })
}

// DelLink removes a link with its addresses.
func (f *Fake) DelLink(name string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.forget(f.links[name])
}

// forget reports as the kernel does: down, addresses gone, link gone.
func (f *Fake) forget(l Link) {
	down := l
	down.Up, down.Carrier = false, false
	f.report(Change{Link: &down})
	f.lose(func(w Wish) bool { return w.Link == l.Name })
	f.flush(l.Name)
	delete(f.links, l.Name)
	f.report(Change{Link: &down, Gone: true})
}

// Add is somebody else adding an address.
func (f *Fake) Add(w Wish) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.add(w)
}

// Del is somebody else removing an address.
func (f *Fake) Del(a Addr) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.del(a)
}

// Refuse lets every operation of Do fail for which why returns an error. Nil
// refuses nothing.
func (f *Fake) Refuse(why func(Op) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.refuse = why
}

// Promote is the sysctl promote_secondaries.
func (f *Fake) Promote(on bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.promote = on
}

// Overflow loses the reports that nobody took yet, as a full socket does.
func (f *Fake) Overflow() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.unsent = nil
	f.report(Change{Resync: true})
}

// Ops returns and forgets what Do was asked for.
func (f *Fake) Ops() []Op {
	f.mu.Lock()
	defer f.mu.Unlock()
	ops := f.ops
	f.ops = nil
	return ops
}

// Changes returns and forgets the reports that Watch has not delivered.
func (f *Fake) Changes() []Change {
	f.mu.Lock()
	defer f.mu.Unlock()
	list := f.unsent
	f.unsent = nil
	return list
}

// Observe implements Kernel.
func (f *Fake) Observe() (State, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	s := State{Links: maps.Clone(f.links), Addrs: make(map[Addr]AddrOpts, len(f.addrs)), Things: slices.Clone(f.things)}
	for i, w := range f.addrs {
		w.Order = i
		s.Addrs[w.Addr] = w.AddrOpts
	}
	return s, nil
}

// Do implements Kernel.
func (f *Fake) Do(ops []Op) []error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.ops = append(f.ops, ops...)
	errs := make([]error, len(ops))
	for i, op := range ops {
		if errs[i] = f.do(op); errs[i] != nil {
			errs[i] = fmt.Errorf("%s: %w", op, errs[i])
		}
	}
	return errs
}

// Shape implements Kernel.
func (f *Fake) Shape(ops []LinkOp) []error {
	f.mu.Lock()
	f.shaped = append(f.shaped, ops...)
	f.mu.Unlock()
	errs := make([]error, len(ops))
	for i, op := range ops {
		errs[i] = f.shape(op)
	}
	return errs
}

func (f *Fake) shape(op LinkOp) error {
	f.mu.Lock()
	l, exists := f.links[op.Name]
	parent, grounded := f.links[op.Parent]
	f.mu.Unlock()
	switch {
	case op.Verb == HushLink:
		return nil
	case op.Verb == DropLink && !exists, op.Verb == MendLink && !exists, op.Verb == MakeLink && !grounded:
		return ErrNoLink
	case op.Verb == DropLink:
		f.DelLink(op.Name)
		return nil
	case op.Verb == MakeLink && exists:
		return ErrExists
	case op.Verb == MakeLink:
		l = Link{Name: op.Name, Kind: "macvlan", Private: true, Parent: parent.Index, MAC: op.MAC, Group: op.InGroup}
		if op.IPVLAN != NoIPVLAN {
			l.Kind, l.Private, l.MAC, l.IPVLAN = "ipvlan", false, parent.MAC, op.IPVLAN
		}
		f.SetLink(l)
		return nil
	}
	l.Group, l.Master, l.Alias, l.Up, l.Carrier = op.InGroup, op.VRF, op.Mark, true, parent.Carrier
	if op.IPVLAN == NoIPVLAN {
		l.MAC = op.MAC
	}
	f.SetLink(l)
	return nil
}

// Shaped returns and forgets what Shape was asked for.
func (f *Fake) Shaped() []LinkOp {
	f.mu.Lock()
	defer f.mu.Unlock()
	ops := f.shaped
	f.shaped = nil
	return ops
}

// Setting implements Kernel. What was never set does not exist.
func (f *Fake) Setting(s Sysctl) (string, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if value, there := f.sysctls[s]; there {
		return value, nil
	}
	return "", ErrMissing
}

// Set implements Kernel.
func (f *Fake) Set(s Sysctl, value string) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.sysctls[s] = value
	return nil
}

func (f *Fake) do(op Op) error {
	if f.refuse != nil {
		if err := f.refuse(op); err != nil {
			return err
		}
	}
	switch op.Verb {
	case AddAddr:
		return f.add(op.Wish)
	case ChangeAddr:
		return f.change(op.Wish)
	case AddThing:
		return f.addThing(op.Thing)
	case DelThing:
		return f.delThing(op.Thing)
	}
	return f.del(op.Addr)
}

func (f *Fake) add(w Wish) error {
	w.Addr = w.Addr.Canonical()
	if _, exists := f.links[w.Link]; !exists {
		return ErrNoLink
	}
	if f.find(w.Addr) >= 0 {
		return ErrExists
	}
	w.Secondary = !w.V6() && !w.Prefix.IsSingleIP() && slices.ContainsFunc(f.addrs, w.Addr.secondaryTo)
	f.addrs = append(f.addrs, w)
	f.known[w.Addr.identity()] = true
	f.report(Change{Addr: &w})
	return nil
}

func (f *Fake) change(w Wish) error {
	i := f.find(w.Addr.Canonical())
	if i < 0 {
		return f.add(w)
	}
	w.Addr, w.Secondary = f.addrs[i].Addr, f.addrs[i].Secondary
	f.addrs[i] = w
	f.report(Change{Addr: &w})
	return nil
}

// addThing knows of the reasons for a refusal only links.
func (f *Fake) addThing(t Thing) error {
	for _, name := range t.needs() {
		if l, exists := f.links[name]; !exists || !l.Up {
			return ErrNoLink
		}
	}
	if f.thing(t) >= 0 {
		return ErrExists
	}
	f.things = append(f.things, t)
	return nil
}

func (f *Fake) delThing(t Thing) error {
	i := f.thing(t)
	if i < 0 {
		return ErrMissing
	}
	f.things = slices.Delete(f.things, i, i+1)
	f.report(Change{Gone: true, Thing: t})
	return nil
}

func (f *Fake) thing(t Thing) int {
	return slices.IndexFunc(f.things, func(o Thing) bool { return o.String() == t.String() })
}

// DelThing is somebody else removing a route or a rule.
func (f *Fake) DelThing(t Thing) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.delThing(t)
}

// find looks an address up.
func (f *Fake) find(a Addr) int {
	if !f.known[a.identity()] {
		return -1
	}
	return slices.IndexFunc(f.addrs, func(w Wish) bool { return w.Addr.identity() == a.identity() })
}

// identity is what the kernel tells addresses apart by: IPv6 by the address alone.
func (a Addr) identity() Addr {
	if !a.V6() {
		return a
	}
	return Addr{Link: a.Link, Prefix: netip.PrefixFrom(a.Prefix.Addr(), 128)}
}

func (f *Fake) del(a Addr) error {
	a = a.Canonical()
	if _, exists := f.links[a.Link]; !exists {
		return ErrNoLink
	}
	i := f.find(a)
	if i < 0 || f.addrs[i].Prefix != a.Prefix {
		return ErrMissing
	}
	gone := f.addrs[i]
	if !gone.V6() && !gone.Secondary {
		f.primaryGone(gone)
	}
	f.lose(func(w Wish) bool { return w.Addr == gone.Addr })
	return nil
}

// primaryGone takes the secondaries of a primary along, or promotes the first.
func (f *Fake) primaryGone(primary Wish) {
	secondary := func(w Wish) bool { return w.Addr != primary.Addr && primary.Addr.secondaryTo(w) }
	if !f.promote {
		f.lose(secondary)
		return
	}
	if i := slices.IndexFunc(f.addrs, secondary); i >= 0 {
		f.addrs[i].Secondary = false
		promoted := f.addrs[i]
		f.report(Change{Addr: &promoted})
	}
}

// secondaryTo reports whether a and w share link and subnet.
func (a Addr) secondaryTo(w Wish) bool { return !w.V6() && a.subnet() == w.Addr.subnet() }

func (f *Fake) lose(which func(Wish) bool) {
	for _, w := range f.addrs {
		if which(w) {
			f.report(Change{Gone: true, Addr: &w})
			delete(f.known, w.Addr.identity())
		}
	}
	f.addrs = slices.DeleteFunc(f.addrs, which)
}

func (f *Fake) report(c Change) {
	f.unsent = append(f.unsent, c)
	select {
	case f.news <- struct{}{}:
	default:
	}
}

// Watch implements Kernel. Reports from before the call are delivered too.
func (f *Fake) Watch(ctx context.Context, report func(Change)) error {
	for {
		for _, c := range f.Changes() {
			report(c)
		}
		select {
		case <-ctx.Done():
			return nil
		case <-f.news:
		}
	}
}

// String prints what the stack holds.
func (f *Fake) String() string {
	s, _ := f.Observe()
	return s.String()
}
