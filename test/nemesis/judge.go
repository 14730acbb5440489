package nemesis

import (
	"fmt"
	"slices"
	"time"
)

// Span is a stretch of a record; instants are told from its beginning.
type Span struct{ From, To time.Duration }

// Length is how long a span lasts.
func (s Span) Length() time.Duration { return s.To - s.From }

// overlap is what two spans have in common; its length is negative if nothing.
func (s Span) overlap(o Span) Span { return Span{max(s.From, o.From), min(s.To, o.To)} }

// Held is a stretch for which the kernel of a node held the address of a router.
type Held struct {
	Node, VRID int
	Span
}

// Routing is what a kernel held at an instant of the routes and rules of a router.
type Routing struct {
	At           time.Duration
	Node, VRID   int
	Routes, Rule bool
}

// Advert is one packet on the wire.
type Advert struct {
	At         time.Duration
	Node, VRID int
	Priority   uint8
}

// Harm is a fault as it really happened: its span ends when the harm was undone.
type Harm struct {
	Fault
	Span
}

// Record is all that was seen of one cluster.
type Record struct {
	Routers  int
	Interval time.Duration
	V2       bool
	Held     []Held
	Routing  []Routing // at the end of calms
	Adverts  []Advert  // in the order of their instants
	Harms    []Harm
	Calms    []Span // from the end of a round's last fault to the next round
	Lates    []Span // for which a program that only sleeps was waked too late, measured
}

const (
	// starting is what a program that is started may take until it listens.
	starting = 500 * time.Millisecond
	// slack is what kernel, loop and reconciler take.
	slack = 50 * time.Millisecond
)

// late is how late the machine was at worst in a span or shortly before it.
func (r *Record) late(in Span) (worst time.Duration) {
	near := Span{in.From - time.Second, in.To + slack}
	for _, l := range r.Lates {
		if l.overlap(near).Length() > 0 {
			worst = max(worst, l.Length())
		}
	}
	return worst
}

// Settle is how long after the last fault there must be one master.
func (r *Record) Settle() time.Duration {
	skew := r.Interval
	if r.V2 {
		skew = time.Second
	}
	return 4*r.Interval + skew + starting
}

// Twice is how long two masters that hear one another may both go on.
func (r *Record) Twice() time.Duration {
	skew := r.Interval
	if r.V2 {
		skew = time.Second
	}
	return r.Interval + skew + slack
}

// Violation is a promise that the record breaks.
type Violation struct {
	Rule string
	At   time.Duration
	Text string
}

// The rules.
const (
	OneHolder = "one holder after the faults"
	OneSpeaks = "only holders speak after the faults"
	Cadence   = "adverts in time after the faults"
	NotTwice  = "never two masters who hear one another"
	Routed    = "routes and rules are with the address after the faults"
)

// Rules are all rules.
func Rules() []string { return []string{OneHolder, OneSpeaks, Cadence, NotTwice, Routed} }

// Judge says what a record violates.
func Judge(r *Record) []Violation {
	var found []Violation
	for vrid := 1; vrid <= r.Routers; vrid++ {
		for _, calm := range r.Calms {
			settled := Span{calm.From + r.Settle() + r.late(calm), calm.To}
			found = append(found, r.judgeHolders(vrid, settled)...)
			found = append(found, r.judgeAdverts(vrid, settled)...)
		}
		found = append(found, r.judgeTwice(vrid)...)
	}
	found = append(found, r.judgeRouting()...)
	slices.SortStableFunc(found, func(a, b Violation) int { return int(a.At - b.At) })
	return found
}

// judgeHolders walks along the instants at which somebody got or lost the
// address: handing over may take a moment, all else is one holder.
func (r *Record) judgeHolders(vrid int, in Span) []Violation {
	cuts := []time.Duration{in.From, in.To}
	for _, h := range r.Held {
		for _, at := range []time.Duration{h.From, h.To} {
			if h.VRID == vrid && at > in.From && at < in.To {
				cuts = append(cuts, at)
			}
		}
	}
	slices.Sort(cuts)
	var since time.Duration = -1
	for i, at := range cuts[:len(cuts)-1] {
		holders := r.holders(vrid, at)
		if len(holders) == 1 {
			since = -1
			continue
		}
		if since < 0 {
			since = at
		}
		if cuts[i+1]-since > slack+r.late(Span{since, cuts[i+1]}) {
			return []Violation{{OneHolder, since, fmt.Sprintf("VRID %d is held by nodes %v", vrid, holders)}}
		}
	}
	return nil
}

// holders are the nodes that hold an address from an instant on.
func (r *Record) holders(vrid int, at time.Duration) (nodes []int) {
	for _, h := range r.Held {
		if h.VRID == vrid && h.From <= at && at < h.To {
			nodes = append(nodes, h.Node)
		}
	}
	return nodes
}

func (r *Record) judgeAdverts(vrid int, in Span) (found []Violation) {
	last := in.From
	for _, a := range r.Adverts {
		if a.VRID != vrid || a.At < in.From || a.At > in.To {
			continue
		}
		if a.Priority > 0 && !r.holdsAround(a, slack+r.late(Span{a.At, a.At})) {
			found = append(found, Violation{OneSpeaks, a.At, fmt.Sprintf("node %d sends an advert of VRID %d, held by %v", a.Node, vrid, r.holders(vrid, a.At))})
		}
		found = append(found, r.judgeGap(vrid, Span{last, a.At})...)
		last = a.At
	}
	return append(found, r.judgeGap(vrid, Span{last, in.To})...)
}

func (r *Record) judgeGap(vrid int, gap Span) []Violation {
	if gap.Length() <= r.Interval+slack+r.late(gap) {
		return nil
	}
	return []Violation{{Cadence, gap.From, fmt.Sprintf("no advert of VRID %d for %v", vrid, gap.Length())}}
}

func (r *Record) holdsAround(a Advert, around time.Duration) bool {
	return slices.ContainsFunc(r.Held, func(h Held) bool {
		return h.VRID == a.VRID && h.Node == a.Node && h.From-around <= a.At && a.At <= h.To+around
	})
}

// judgeTwice looks for two nodes that hold the same address while nothing keeps
// them from hearing one another.
func (r *Record) judgeTwice(vrid int) (found []Violation) {
	for i, a := range r.Held {
		for _, b := range r.Held[i+1:] {
			if a.VRID != vrid || b.VRID != vrid || a.Node == b.Node {
				continue
			}
			for _, s := range r.undisturbed(a.overlap(b.Span), a.Node, b.Node) {
				if s.Length() > r.Twice()+r.late(s) {
					found = append(found, Violation{NotTwice, s.From, fmt.Sprintf("nodes %d and %d both hold VRID %d for %v", a.Node, b.Node, vrid, s.Length())})
				}
			}
		}
	}
	return found
}

// judgeRouting compares who holds routes and rules with who holds the address.
func (r *Record) judgeRouting() (found []Violation) {
	for _, x := range r.Routing {
		holds := slices.Contains(r.holders(x.VRID, x.At), x.Node)
		if (x.Routes != holds || x.Rule != holds) && r.late(Span{x.At, x.At}) < slack {
			found = append(found, Violation{Routed, x.At, fmt.Sprintf("node %d holds the address of VRID %d: %v, the route: %v, the rule: %v", x.Node, x.VRID, holds, x.Routes, x.Rule)})
		}
	}
	return found
}

// undisturbed is what is left of a span without the harms of two nodes.
func (r *Record) undisturbed(s Span, a, b int) []Span {
	left := []Span{s}
	for _, h := range r.Harms {
		if h.Node != a && h.Node != b {
			continue
		}
		var next []Span
		for _, l := range left {
			next = append(next, l.without(shadow(h))...)
		}
		left = next
	}
	return left
}

// shadow is the harm, and what a program that is started takes.
func shadow(h Harm) Span {
	if k := h.Kind; k == Kill || k == Stop || k == Recreate {
		return Span{h.From, h.To + starting}
	}
	return h.Span
}

func (s Span) without(o Span) (left []Span) {
	for _, part := range []Span{{s.From, min(s.To, o.From)}, {max(s.From, o.To), s.To}} {
		if part.Length() > 0 {
			left = append(left, part)
		}
	}
	return left
}

// Silence is how long, of a record, routers were without adverts, and the longest
// stretch: what was more than an interval since the advert before.
func (r *Record) Silence() (total, longest time.Duration) {
	last := map[int]time.Duration{}
	for _, a := range r.Adverts {
		if before, ok := last[a.VRID]; ok {
			gap := max(0, a.At-before-r.Interval-slack)
			total, longest = total+gap, max(longest, gap)
		}
		last[a.VRID] = a.At
	}
	return total, longest
}
