package host

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
)

// keeper is the part of a Reconciler for things. Whether the kernel has one is
// found out by asking for it again: what is there already answers ErrExists, and
// nothing changes. So the kernel may lose routes without a word, as it does when
// an address or a link goes.
type keeper struct {
	links   map[string]Link // the Reconciler's
	wanted  map[string]*kept
	at      map[any][]*kept // by place
	stuck   map[string]Thing
	seq     int
	repairs uint64
	results []Result
}

// kept is a wanted thing. Of the standings it knows waiting, adding, repairing,
// held and refused.
type kept struct {
	Thing
	text string
	seq  int
	standing
	repairs int
	why     string // what was said of it last when it was refused
}

func newKeeper(links map[string]Link) keeper {
	return keeper{links: links, wanted: map[string]*kept{}, at: map[any][]*kept{}, stuck: map[string]Thing{}}
}

// want takes in what is wanted anew or no more. What is dropped goes before the
// addresses go, what is added comes after they came.
func (k *keeper) want(d *Delta) (dels, adds []Op) {
	keep := make(map[string]bool, len(d.Things))
	for _, t := range d.Things {
		keep[t.String()] = true
	}
	var gone []Thing
	for _, t := range d.Gone {
		e := k.wanted[t.String()]
		if e == nil || keep[e.text] {
			continue
		}
		if k.forget(e); e.standing != refused {
			gone = append(gone, e.Thing)
		}
	}
	var list []*kept
	for _, t := range d.Things {
		if e := k.insert(t); e.standing != held && k.start(e, adding) {
			list = append(list, e)
		}
	}
	return removal(gone), asking(list)
}

func (k *keeper) insert(t Thing) *kept {
	text := t.String()
	delete(k.stuck, text)
	if e := k.wanted[text]; e != nil {
		return e
	}
	k.seq++
	e := &kept{Thing: t, text: text, seq: k.seq}
	k.wanted[text] = e
	k.at[t.place()] = append(k.at[t.place()], e)
	return e
}

func (k *keeper) forget(e *kept) {
	delete(k.wanted, e.text)
	at := e.place()
	k.at[at] = slices.DeleteFunc(k.at[at], func(o *kept) bool { return o == e })
	if len(k.at[at]) == 0 {
		delete(k.at, at)
	}
}

// start reports whether a thing can be asked for; else it waits for its links.
func (k *keeper) start(e *kept, as standing) bool {
	e.standing = waiting
	for _, name := range e.needs() {
		if l, exists := k.links[name]; !exists || !l.Up {
			return false
		}
	}
	e.standing = as
	return true
}

// observe removes what an earlier run left and nobody wants, and asks for
// everything that is wanted.
func (k *keeper) observe(found []Thing) (dels, adds []Op) {
	left := slices.DeleteFunc(slices.Clone(found), k.explains)
	return removal(left), k.ask(func(*kept) bool { return true })
}

// explains reports whether a found thing is what was asked for.
func (k *keeper) explains(found Thing) bool {
	return slices.ContainsFunc(k.at[found.place()], func(e *kept) bool { return e.is(found, k.links) })
}

// ask asks for some of what is wanted. What was held is repaired by it, if it is
// not there any more.
func (k *keeper) ask(which func(*kept) bool) []Op {
	var list []*kept
	for _, e := range k.wanted {
		if !which(e) {
			continue
		}
		as := adding
		if e.standing == held || e.standing == repairing {
			as = repairing
		}
		if k.start(e, as) {
			list = append(list, e)
		}
	}
	return asking(list)
}

// see takes in reports, of which the links are known to the Reconciler already.
func (k *keeper) see(changes []Change) []Op {
	if len(k.wanted) == 0 {
		return nil
	}
	touched := map[*kept]bool{}
	for _, c := range changes {
		switch {
		case c.Link != nil:
			k.linkSeen(c, touched)
		case c.Addr != nil:
			k.addrSeen(c, touched)
		case c.Thing != nil && c.Gone:
			for _, e := range k.at[c.Thing.place()] {
				touched[e] = true
			}
		}
	}
	if len(touched) == 0 {
		return nil
	}
	return k.ask(func(e *kept) bool { return touched[e] })
}

// linkSeen lets what needs a link wait for it, or end its waiting.
func (k *keeper) linkSeen(c Change, touched map[*kept]bool) {
	up := c.Link.Up && !c.Gone
	for _, e := range k.wanted {
		switch needed := slices.Contains(e.needs(), c.Link.Name); {
		case needed && !up:
			k.lose(e, fmt.Errorf("%s is down", c.Link.Name))
			delete(touched, e)
		case needed && e.standing != held, up && e.standing == refused:
			touched[e] = true
		}
	}
}

func (k *keeper) lose(e *kept, why error) {
	was := e.standing
	e.standing = waiting
	if was == held || was == repairing {
		k.results = append(k.results, Result{Thing: e.Thing, Fate: Lost, Err: why})
	}
}

// addrSeen looks after routes that the kernel removes silently with an address,
// and tries again what may have been refused for the lack of one.
func (k *keeper) addrSeen(c Change, touched map[*kept]bool) {
	for _, e := range k.wanted {
		r, isRoute := e.Thing.(*Route)
		switch {
		case !c.Gone && e.standing == refused:
			touched[e] = true
		case c.Gone && isRoute && e.standing == held && r.dependsOn(c.Addr):
			touched[e] = true
		}
	}
}

// dependsOn reports whether the route may go with the address.
func (r *Route) dependsOn(w *Wish) bool {
	links := r.needs()
	return r.PrefSrc == w.Prefix.Addr() || len(links) == 0 || slices.Contains(links, w.Link)
}

// done takes in what came of an operation.
func (k *keeper) done(op Op, err error) Result {
	text := op.Thing.String()
	e := k.wanted[text]
	switch {
	case op.Verb == DelThing && e != nil:
		return Result{Thing: op.Thing} // wanted again meanwhile
	case op.Verb == DelThing:
		return k.removed(op.Thing, text, err)
	case e == nil || e.standing == waiting:
		return Result{Thing: op.Thing}
	case err == nil || errors.Is(err, ErrExists):
		return k.added(e, err == nil)
	}
	return k.refuse(e, err)
}

func (k *keeper) removed(t Thing, text string, err error) Result {
	if err == nil || errors.Is(err, ErrMissing) || errors.Is(err, ErrNoLink) {
		delete(k.stuck, text)
		return Result{Thing: t, Fate: Released}
	}
	_, told := k.stuck[text]
	k.stuck[text] = t
	if told {
		return Result{Thing: t}
	}
	return Result{Thing: t, Fate: Failed, Err: err}
}

func (k *keeper) added(e *kept, new bool) Result {
	was := e.standing
	e.standing, e.why = held, ""
	switch {
	case was == repairing && !new:
		return Result{Thing: e.Thing} // it was there all the time
	case was != repairing:
		return Result{Thing: e.Thing, Fate: Held, Repairs: e.repairs}
	}
	e.repairs++
	k.repairs++
	return Result{Thing: e.Thing, Fate: Repaired, Repairs: e.repairs}
}

// refuse says once why, however often it is tried.
func (k *keeper) refuse(e *kept, err error) Result {
	e.standing = refused
	if e.why == err.Error() {
		return Result{Thing: e.Thing}
	}
	e.why = err.Error()
	return Result{Thing: e.Thing, Fate: Failed, Err: err}
}

// retry asks again for all that failed.
func (k *keeper) retry() (dels, adds []Op) {
	for _, t := range k.stuck {
		dels = append(dels, Op{Verb: DelThing, Thing: t})
	}
	return dels, k.ask(func(e *kept) bool { return e.standing == refused })
}

// asking lists the operations that add, in the order in which they were wished
// for, by rank.
func asking(list []*kept) []Op {
	slices.SortFunc(list, func(a, b *kept) int { return cmp.Or(cmp.Compare(a.rank(), b.rank()), cmp.Compare(a.seq, b.seq)) })
	ops := make([]Op, 0, len(list))
	for _, e := range list {
		ops = append(ops, Op{Verb: AddThing, Thing: e.Thing})
	}
	return ops
}

// removal lists the operations that remove, the other way round.
func removal(things []Thing) []Op {
	slices.Reverse(things)
	slices.SortStableFunc(things, func(a, b Thing) int { return cmp.Compare(b.rank(), a.rank()) })
	ops := make([]Op, 0, len(things))
	for _, t := range things {
		ops = append(ops, Op{Verb: DelThing, Thing: t})
	}
	return ops
}
