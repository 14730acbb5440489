package balancer

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"holdfast/internal/checker"
	"holdfast/internal/lvs"
)

// Order is what somebody wants of a real server in place of what its configuration says. It is
// obeyed over reloads, as long as there is such a server.
type Order struct {
	Virtual string         `json:"virtual"` // the name of the virtual server
	Real    netip.AddrPort `json:"real"`
	// Drained: it gets no new connections, and those that it has go on. Else Weight is in
	// place of the configured one.
	Drained bool  `json:"drained,omitempty"`
	Weight  int32 `json:"weight,omitempty"`
}

// Wish is an Order for the servers that somebody names.
type Wish struct {
	Real netip.AddrPort
	// Of names virtual servers, by name, address and port, mark or group; empty: all.
	Of string
	// Drain or Weight; neither: as it is configured.
	Drain  bool
	Weight *int32
	// Force: also if a virtual server loses its quorum by it.
	Force bool
}

// ChecksOf are the checks of a real server, or without one of all real servers of a virtual one.
func (b *Balancer) ChecksOf(at netip.AddrPort, of string) (ids []checker.ID, err error) {
	found := b.named(Wish{Real: at, Of: of})
	if len(found) == 0 {
		return nil, nobody(at, of)
	}
	for _, r := range found {
		for _, c := range r.checks {
			ids = append(ids, c.id)
		}
	}
	return ids, nil
}

// nobody is the error for names that nothing has.
func nobody(at netip.AddrPort, of string) error {
	if !at.IsValid() {
		return fmt.Errorf("there is no virtual server %s with real servers; `holdfast ipvs` lists them", of)
	}
	return fmt.Errorf("there is no real server %s%s; `holdfast ipvs` lists them", at, behind(of))
}

// orderID is whose order it is.
type orderID struct {
	virtual string
	real    netip.AddrPort
}

// Recall takes in the orders of an earlier run, before the first Reload.
func (b *Balancer) Recall(list []Order) {
	for _, o := range list {
		b.orders[orderID{o.Virtual, o.Real}] = o
	}
}

// Orders lists the orders that are obeyed.
func (b *Balancer) Orders() []Order {
	var list []Order
	for _, o := range b.orders {
		list = append(list, o)
	}
	slices.SortFunc(list, func(a, b Order) int { return cmp.Or(cmp.Compare(a.Virtual, b.Virtual), a.Real.Compare(b.Real)) })
	return list
}

// Wish obeys somebody, or says why not: then nothing is changed.
func (b *Balancer) Wish(w Wish, out *Effects) error {
	found := b.named(w)
	if len(found) == 0 {
		return nobody(w.Real, w.Of)
	}
	for _, r := range found {
		if err := r.spared(w); err != nil {
			return err
		}
	}
	for _, r := range found {
		id := orderID{r.of.name, r.At}
		if w.Drain || w.Weight != nil {
			b.orders[id] = w.order(r)
		} else {
			delete(b.orders, id)
		}
		b.reweigh(r, out)
	}
	out.Orders = true
	return nil
}

func behind(of string) string {
	if of == "" {
		return ""
	}
	return " of " + of
}

func (w *Wish) order(r *real) Order {
	o := Order{Virtual: r.of.name, Real: r.At, Drained: w.Drain}
	if w.Weight != nil {
		o.Weight = *w.Weight
	}
	return o
}

// named are the real servers that somebody means.
func (b *Balancer) named(w Wish) (found []*real) {
	for _, v := range b.virtual {
		if w.Of != "" && !v.called(w.Of) {
			continue
		}
		for _, r := range v.reals {
			if r.At == w.Real || !w.Real.IsValid() {
				found = append(found, r)
			}
		}
	}
	return found
}

// called tells whether a virtual server goes by a name.
func (v *virtual) called(name string) bool {
	k := v.identity.key
	return name == v.name || v.group != "" && name == v.group || v.group == "" && (k.Mark == 0 && name == k.At.String() || k.Mark != 0 && strings.TrimPrefix(name, "FWM ") == fmt.Sprint(k.Mark))
}

// spared refuses what would lose a quorum that is there.
func (r *real) spared(w Wish) error {
	v := r.of
	if w.Force || !v.Up || !r.Alive || !w.Drain && w.Weight == nil {
		return nil
	}
	next := r.Server
	w.order(r).shape(&next, int32(r.config.Weight))
	left := v.Sum() - uint64(r.Effective()) + uint64(next.Effective())
	if left > 0 && int64(left) >= v.Threshold() {
		return nil
	}
	return fmt.Errorf("virtual server %s would lose its quorum: a weight of %d would be left of %d that it needs; force it if that is meant", v.name, left, max(v.Threshold(), 1))
}

// reweigh makes a real server weigh what it is to weigh now.
func (b *Balancer) reweigh(r *real, out *Effects) {
	before := r.Effective()
	b.obey(r)
	if r.Effective() == before {
		return
	}
	out.reweighed(r, before)
	b.review(r.of, false, out)
	b.put(r.of, out)
}

// obey applies the order for a real server, if there is one.
func (b *Balancer) obey(r *real) {
	r.Weight, r.Drained = int32(r.config.Weight), false
	if o, ordered := b.orders[orderID{r.of.name, r.At}]; ordered {
		o.shape(&r.Server, int32(r.config.Weight))
	}
}

// shape is what an order makes of a server.
func (o Order) shape(s *lvs.Server, configured int32) {
	s.Drained, s.Weight = o.Drained, o.Weight
	if o.Drained {
		s.Weight = configured
	}
}

// forget drops orders for servers that a reload has taken away.
func (b *Balancer) forget(out *Effects) {
	there := map[orderID]bool{}
	for _, v := range b.virtual {
		for _, r := range v.reals {
			there[orderID{v.name, r.At}] = true
		}
	}
	for id := range b.orders {
		if !there[id] {
			delete(b.orders, id)
			out.Orders = true
		}
	}
}

// orderWords are how the status speaks of an order; empty: there is none.
func (b *Balancer) orderWords(r *real) string {
	o, ordered := b.orders[orderID{r.of.name, r.At}]
	switch {
	case !ordered:
		return ""
	case o.Drained:
		return "drained"
	}
	return fmt.Sprintf("weight %d", o.Weight)
}
