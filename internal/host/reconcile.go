package host

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"

	"holdfast/internal/index"
)

// Reconciler knows what is wanted and what the kernel was last seen to hold, and
// names the steps between them. It is level-based: whatever it missed, the next
// Observe repairs. One call costs what changed, not what exists.
//
// Its operations are to be carried out in the order given, and each is to be
// reported by Done in that order.
//
// At a start, Want comes before Observe: until the first Observe no link is
// known and wishes wait, then what an earlier run left is adopted where it is
// wanted and removed where it is not.
type Reconciler struct {
	// Shared leaves alone what carries our mark and is not wanted: another copy of
	// the daemon may want it.
	Shared bool

	links   map[string]Link
	wanted  *index.Index[Addr, *entry] // by canonical address
	onLink  map[string]set             // the same, by link
	onNet   map[Addr]set               // IPv4 with a shared subnet, by subnet
	failed  map[Addr]*entry            // wanted, refused
	lost    map[Addr]*entry            // waiting, although as far as we know their link is there
	told    map[Addr]string            // why it was refused, since it was last held
	stuck   map[Addr]bool              // unwanted, and could not be removed
	seq     int
	repairs uint64
	results []Result
	things  keeper
}

// standing is how a wanted address fares.
type standing uint8

const (
	waiting   standing = iota // for its link
	adding                    // asked for
	repairing                 // asked for again after somebody removed it
	held
	refused
	duplicate // the kernel keeps it, unusable
)

type entry struct {
	Wish // as wished for
	seq  int
	standing
	repairs int
}

// marked returns the wish with our mark, and without what is only ever seen.
func (e *entry) marked() Wish {
	w := e.Wish
	w.Protocol, w.Order, w.Shield = Protocol, 0, Unshielded
	w.Tentative, w.DADFailed, w.Secondary = false, false, false
	return w
}

// Fate is what became of an address.
type Fate uint8

// The fates. Nothing is for what no longer matters: an address that was
// dropped while it was being added, a step on the way of another.
const (
	Nothing  Fate = iota
	Held          // the kernel has it
	Repaired      // somebody removed it, it was put back
	Released      // dropped, and gone from the kernel
	Lost          // wanted, but its link is gone or down
	Failed        // wanted and refused, or unwanted and not to be removed
)

// String names the fate as log lines do.
func (f Fate) String() string {
	switch f {
	case Held:
		return "held"
	case Repaired:
		return "repaired"
	case Released:
		return "released"
	case Lost:
		return "lost"
	case Failed:
		return "failed"
	}
	return "nothing"
}

// Result tells what became of an address, or of a Thing. Both are as wished for.
type Result struct {
	Addr
	Thing Thing // nil: it is about Addr
	Fate
	Repairs int   // how often it has been put back since it is wanted
	Err     error // why, for Lost and Failed
}

// NewReconciler returns one that wants nothing and has seen nothing.
func NewReconciler() *Reconciler {
	links := map[string]Link{}
	return &Reconciler{
		links:  links,
		things: newKeeper(links),
		wanted: index.New(Addr.hash, func(e *entry) Addr { return e.Addr.Canonical() }),
		onLink: map[string]set{},
		onNet:  map[Addr]set{},
		failed: map[Addr]*entry{},
		lost:   map[Addr]*entry{},
		told:   map[Addr]string{},
		stuck:  map[Addr]bool{},
	}
}

// Want takes in what is wanted anew or no more. What is both in one Delta
// changes owner and stays. A wish for what is held already shows among the Results.
func (r *Reconciler) Want(d Delta) []Op {
	var s steps
	kept := make(map[Addr]bool, len(d.Want))
	for _, w := range d.Want {
		kept[w.Addr.Canonical()] = true
	}
	gone := r.unwant(d.Drop, kept)
	for _, w := range d.Want {
		r.want(w, &s)
	}
	for _, e := range gone {
		r.drop(e, &s)
	}
	dels, adds := r.things.want(&d)
	return slices.Concat(dels, s.ops(), adds)
}

// unwant takes all of drop out before anything is planned, so that nothing is
// put back for the sake of an address that goes in the same step.
func (r *Reconciler) unwant(drop []Addr, kept map[Addr]bool) (gone []*entry) {
	for _, a := range drop {
		a = a.Canonical()
		e, found := r.wanted.Get(a)
		if !found || kept[a] {
			continue
		}
		r.remove(a)
		gone = append(gone, e)
	}
	return gone
}

func (r *Reconciler) want(w Wish, s *steps) {
	a := w.Addr.Canonical()
	e, found := r.wanted.Get(a)
	delete(r.stuck, a)
	if !found {
		e = r.insert(a, w)
		r.start(e, adding, s)
		return
	}
	diff := compare(e.AddrOpts, w.AddrOpts, w.Link, w.V6())
	w.Secondary = e.Secondary
	e.Wish = w
	if e.standing != held {
		r.start(e, adding, s)
		return
	}
	r.adjust(e, diff, s)
	r.tell(e, Held, nil)
}

// adjust brings a held address to the options it is wished with.
func (r *Reconciler) adjust(e *entry, diff difference, s *steps) {
	switch diff {
	case milder:
		s.change = append(s.change, Op{Verb: ChangeAddr, Wish: e.marked()})
	case thorough:
		s.add = append(s.add, e)
		s.cleared(e, r.onNet[e.Addr.Canonical().subnet()])
	}
}

// start asks for an address, or lets it wait for its link: a device of ours is to be up
// first, or the address would be announced into nothing. A duplicate goes first, so that
// the kernel looks again whether it is one.
func (r *Reconciler) start(e *entry, as standing, s *steps) {
	a := e.Addr.Canonical()
	delete(r.failed, a)
	delete(r.lost, a)
	was := e.standing
	e.standing = waiting
	if l, exists := r.links[e.Link]; !exists || l.coming() {
		return
	}
	if was == duplicate {
		s.clear = append(s.clear, Op{Verb: DelAddr, Wish: Wish{Addr: e.Addr}})
	}
	e.standing = as
	s.add = append(s.add, e)
}

func (r *Reconciler) drop(e *entry, s *steps) {
	a := e.Addr.Canonical()
	if _, exists := r.links[e.Link]; !exists || e.standing == waiting || e.standing == refused {
		r.tell(e, Released, nil)
		return
	}
	w := e.Wish
	w.Order = e.seq
	s.dropped(w, r.onNet[a.subnet()])
	if e.V6() {
		s.makeWay(a)
	}
}

// makeWay moves a removal before the adds when the same IPv6 address is wanted
// with another prefix length: to the kernel the two are one.
func (s *steps) makeWay(a Addr) {
	last := len(s.del) - 1
	for _, e := range s.add {
		if e.Link == a.Link && e.Prefix.Addr() == a.Prefix.Addr() {
			s.clear = append(s.clear, Op{Verb: DelAddr, Wish: Wish{Addr: s.del[last].Addr}})
			s.del = s.del[:last]
			return
		}
	}
}

// Observe takes in everything the kernel holds, at the start and after reports
// were lost. It adopts what equals a wish, marked or not, adds what is missing,
// and removes what carries our mark and nobody wants, unless the kernel is shared.
func (r *Reconciler) Observe(found State) []Op {
	var s steps
	r.replaceLinks(found.Links)
	have := make(map[Addr]AddrOpts, len(found.Addrs))
	for a, o := range found.Addrs {
		have[a.Canonical()] = o
	}
	for _, e := range slices.SortedFunc(r.wanted.Values(), earlier) {
		o, there := have[e.Addr.Canonical()]
		r.settle(e, o, there, &s)
	}
	dels, adds := r.things.observe(found.Things)
	if r.Shared {
		return slices.Concat(s.ops(), adds)
	}
	r.sweep(have, &s)
	return slices.Concat(dels, s.ops(), adds)
}

func (r *Reconciler) replaceLinks(links map[string]Link) {
	for name, old := range r.links {
		if now, exists := links[name]; !exists || now.Index != old.Index {
			r.linkGone(name)
		}
	}
	for name, l := range links {
		r.links[name] = l
	}
}

// settle compares one wish with what was found of it.
func (r *Reconciler) settle(e *entry, found AddrOpts, there bool, s *steps) {
	switch {
	case there:
		e.Secondary = found.Secondary
		r.adjust(e, compare(found, e.AddrOpts, e.Link, e.V6()), s)
		r.hold(e, found)
	case e.standing == held || e.standing == repairing:
		r.start(e, repairing, s)
	default:
		r.start(e, adding, s)
	}
}

// hold notes that the kernel has the address; news only if it had it not before.
func (r *Reconciler) hold(e *entry, found AddrOpts) {
	delete(r.failed, e.Addr.Canonical())
	delete(r.lost, e.Addr.Canonical())
	as, fate, why := held, Held, error(nil)
	if found.DADFailed {
		as, fate, why = duplicate, Failed, errDuplicate
	}
	if e.standing == as {
		return
	}
	e.standing = as
	r.tell(e, fate, why)
}

// sweep removes what an earlier run left and nobody wants.
func (r *Reconciler) sweep(have map[Addr]AddrOpts, s *steps) {
	for a, o := range have {
		if _, wanted := r.wanted.Get(a); wanted || o.Protocol != Protocol {
			continue
		}
		s.dropped(Wish{a, o}, r.onNet[a.subnet()])
		if a.V6() {
			s.makeWay(a)
		}
	}
}

// See takes in what the kernel reported and answers with what sets it right. It
// is best given all reports that wait: then addresses that went together come
// back in the order wished for. A Resync is the caller's to answer, by Observe.
func (r *Reconciler) See(changes ...Change) []Op {
	var s steps
	for _, c := range changes {
		switch {
		case c.Link != nil && c.Gone:
			r.linkGone(c.Link.Name)
		case c.Link != nil:
			r.linkSeen(*c.Link, &s)
		case c.Addr != nil && c.Gone:
			r.addrGone(c.Addr.Addr.Canonical(), &s)
		case c.Addr != nil:
			r.addrSeen(c.Addr)
		}
	}
	s.add = r.stillMissing(s.add)
	return append(s.ops(), r.things.see(changes)...)
}

// stillMissing leaves out what a later report of the same call took back.
func (r *Reconciler) stillMissing(entries []*entry) []*entry {
	rest := entries[:0]
	for _, e := range entries {
		if e.standing == adding || e.standing == repairing {
			rest = append(rest, e)
		}
	}
	return rest
}

func (r *Reconciler) linkGone(name string) {
	delete(r.links, name)
	for _, e := range r.onLink[name].inTurn() {
		delete(r.lost, e.Addr.Canonical())
		r.lose(e, fmt.Errorf("%s: %w", name, ErrNoLink))
	}
	for a := range r.stuck {
		if a.Link == name {
			delete(r.stuck, a)
		}
	}
}

// lose lets an address wait for its link.
func (r *Reconciler) lose(e *entry, why error) {
	was := e.standing
	e.standing = waiting
	delete(r.failed, e.Addr.Canonical())
	if was == held || was == repairing || was == duplicate {
		r.tell(e, Lost, why)
	}
}

// miss has Retry look after an address that waits for a link which is there: that
// what it waits for is reported is not to be relied on.
func (r *Reconciler) miss(e *entry) {
	if _, exists := r.links[e.Link]; exists {
		r.lost[e.Addr.Canonical()] = e
	}
}

// linkSeen puts back what is missing when a link appears or comes up. A link
// with another index is another link, with none of our addresses.
func (r *Reconciler) linkSeen(l Link, s *steps) {
	old, known := r.links[l.Name]
	if known && old.Index != l.Index {
		r.linkGone(l.Name)
		known = false
	}
	r.links[l.Name] = l
	if known && (old.Up || !l.Up) {
		return
	}
	for e := range r.onLink[l.Name] {
		if e.standing == waiting || e.standing == refused {
			r.start(e, adding, s)
		}
	}
}

// addrGone puts an address back at once, except on a link that is down: there
// the kernel took it (IPv6) or is about to remove the link, and it waits.
func (r *Reconciler) addrGone(a Addr, s *steps) {
	delete(r.stuck, a)
	e, wanted := r.wanted.Get(a)
	if !wanted {
		return
	}
	l, exists := r.links[a.Link]
	if !exists || !l.Up {
		r.lose(e, fmt.Errorf("%s is down", a.Link))
		r.miss(e)
		return
	}
	r.start(e, repairing, s)
}

func (r *Reconciler) addrSeen(w *Wish) {
	e, wanted := r.wanted.Get(w.Addr.Canonical())
	if !wanted {
		return
	}
	e.Secondary = w.Secondary
	if (e.standing == adding || e.standing == repairing) && !w.DADFailed {
		return // Done says so
	}
	r.hold(e, w.AddrOpts)
}

var errDuplicate = errors.New("duplicate address detected: another host on the link has it")

// Done takes in what came of an operation.
func (r *Reconciler) Done(op Op, err error) Result {
	if op.Thing != nil {
		return r.things.done(op, err)
	}
	a := op.Addr.Canonical()
	e, wanted := r.wanted.Get(a)
	switch {
	case op.Verb == DelAddr && wanted:
		return Result{Addr: e.Addr} // on the way to an add
	case op.Verb == DelAddr:
		return r.removed(op.Addr, err)
	case !wanted:
		return Result{Addr: op.Addr}
	case err == nil || errors.Is(err, ErrExists):
		return r.added(e, err == nil)
	}
	return r.refuse(e, err)
}

// removed keeps in mind what could not be removed, for Retry.
func (r *Reconciler) removed(a Addr, err error) Result {
	if err == nil || errors.Is(err, ErrMissing) || errors.Is(err, ErrNoLink) {
		delete(r.stuck, a)
		return Result{Addr: a, Fate: Released}
	}
	r.stuck[a] = true
	return Result{Addr: a, Fate: Failed, Err: err}
}

// added counts as a repair only what had really gone: the report of our own
// removal can arrive after the next add.
func (r *Reconciler) added(e *entry, new bool) Result {
	was := e.standing
	if was == waiting { // its link went meanwhile
		return Result{Addr: e.Addr}
	}
	e.standing = held
	delete(r.failed, e.Addr.Canonical())
	delete(r.told, e.Addr.Canonical())
	if was != repairing || !new {
		return r.result(e, Held, nil)
	}
	e.repairs++
	r.repairs++
	return r.result(e, Repaired, nil)
}

// refuse lets an address without link wait for it; the rest is for Retry, and told
// once, however often it is tried.
func (r *Reconciler) refuse(e *entry, err error) Result {
	if errors.Is(err, ErrNoLink) {
		e.standing = waiting
		r.miss(e)
		return r.result(e, Lost, err)
	}
	e.standing = refused
	a := e.Addr.Canonical()
	r.failed[a] = e
	if r.told[a] == err.Error() {
		return Result{Addr: e.Addr}
	}
	r.told[a] = err.Error()
	return r.result(e, Failed, err)
}

// Retry asks again for all that failed, or waits for a link that is up. It costs nothing when nothing did.
func (r *Reconciler) Retry() []Op {
	var s steps
	for _, e := range r.failed {
		r.start(e, adding, &s)
	}
	for _, e := range r.lost {
		if r.links[e.Link].Up {
			r.start(e, adding, &s)
		}
	}
	for a := range r.stuck {
		s.del = append(s.del, Wish{Addr: a})
	}
	dels, adds := r.things.retry()
	return slices.Concat(dels, s.ops(), adds)
}

// Results returns what came to be known without an operation of its own, since
// the last call: adopted, lost, found to be a duplicate. The slice is the
// caller's. What it tells happened before the operations returned with it.
func (r *Reconciler) Results() []Result {
	list := append(r.results, r.things.results...)
	r.results, r.things.results = nil, nil
	return list
}

// Holds reports whether a is wanted and held.
func (r *Reconciler) Holds(a Addr) bool {
	e, wanted := r.wanted.Get(a.Canonical())
	return wanted && e.standing == held
}

// Wants reports whether a is wanted, held or not.
func (r *Reconciler) Wants(a Addr) bool {
	_, wanted := r.wanted.Get(a.Canonical())
	return wanted
}

// Repairs counts how often anything was put back.
func (r *Reconciler) Repairs() uint64 { return r.repairs + r.things.repairs }

func (r *Reconciler) tell(e *entry, f Fate, err error) {
	r.results = append(r.results, r.result(e, f, err))
}

func (r *Reconciler) result(e *entry, f Fate, err error) Result {
	return Result{Addr: e.Addr, Fate: f, Repairs: e.repairs, Err: err}
}

func (r *Reconciler) insert(a Addr, w Wish) *entry {
	r.seq++
	w.Secondary = false
	e := &entry{Wish: w, seq: r.seq}
	r.wanted.Put(e)
	add(r.onLink, a.Link, e)
	if !a.V6() && !a.Prefix.IsSingleIP() {
		add(r.onNet, a.subnet(), e)
	}
	return e
}

func (r *Reconciler) remove(a Addr) {
	e, _ := r.wanted.Get(a)
	r.wanted.Delete(a)
	delete(r.failed, a)
	delete(r.lost, a)
	delete(r.told, a)
	take(r.onLink, a.Link, e)
	take(r.onNet, a.subnet(), e)
}

// set is a number of entries; it keeps no second copy of their addresses.
type set map[*entry]struct{}

// inTurn returns entries in the order in which they were wished for.
func (s set) inTurn() []*entry { return slices.SortedFunc(maps.Keys(s), earlier) }

func earlier(a, b *entry) int { return cmp.Compare(a.seq, b.seq) }

func add[K comparable](index map[K]set, k K, e *entry) {
	if index[k] == nil {
		index[k] = set{}
	}
	index[k][e] = struct{}{}
}

func take[K comparable](index map[K]set, k K, e *entry) {
	delete(index[k], e)
	if len(index[k]) == 0 {
		delete(index, k)
	}
}
