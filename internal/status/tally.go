package status

import (
	"slices"
	"strings"
)

// Tally counts changes of roles, instance by instance. The zero value is empty.
type Tally struct {
	rows  []row // by name
	kinds []kind
}

type row struct {
	name   string
	counts []count
}

// kind is what is counted, by its place in a Tally.
type kind struct{ to, cause string }

type count struct {
	n    uint32
	kind uint8
}

// Know says which instances there are: what was counted of others is forgotten. Their names
// are kept in one piece, for those that come with messages, here and there in memory, would
// each keep a page of it from being given back.
func (t *Tally) Know(names []string) {
	names = slices.Compact(slices.Sorted(slices.Values(names)))
	all := strings.Join(names, "")
	rows := make([]row, len(names))
	for i, name := range names {
		rows[i].name, all = all[:len(name)], all[len(name):]
		if at, found := t.find(name); found {
			rows[i].counts = t.rows[at].counts
		}
	}
	t.rows = rows
}

// Add counts a change of the role of an instance.
func (t *Tally) Add(instance, to, reason string) {
	at, found := t.find(instance)
	if !found {
		t.rows = slices.Insert(t.rows, at, row{name: strings.Clone(instance)})
	}
	r, k := &t.rows[at], t.kind(to, Cause(to, reason))
	i := slices.IndexFunc(r.counts, func(c count) bool { return c.kind == k })
	if i < 0 {
		i, r.counts = len(r.counts), append(r.counts, count{kind: k})
	}
	r.counts[i].n++
}

// List is all that was counted.
func (t *Tally) List() []Transition {
	all := make([]Transition, 0, 2*len(t.rows))
	for _, r := range t.rows {
		for _, c := range r.counts {
			k := t.kinds[c.kind]
			all = append(all, Transition{Instance: r.name, To: k.to, Cause: k.cause, N: uint64(c.n)})
		}
	}
	return all
}

func (t *Tally) find(name string) (at int, found bool) {
	return slices.BinarySearchFunc(t.rows, name, func(r row, name string) int { return strings.Compare(r.name, name) })
}

// kind finds a kind, or adds it: there are not more than roles times causes.
func (t *Tally) kind(to, cause string) uint8 {
	k := kind{to, cause}
	at := slices.Index(t.kinds, k)
	if at < 0 {
		at, t.kinds = len(t.kinds), append(t.kinds, k)
	}
	return uint8(at)
}
