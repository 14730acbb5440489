package cluster

import (
	"slices"
	"strings"

	"holdfast/internal/tracker"
)

// A tracker is well when it changes nothing for the worse: good, or with
// reverse bad. So a reversed weight of 10 does what a plain one of -10 does.

// change is what a tracker does to the priority when it is well and when it is
// not. Weight 0 means FAULT and moves no priority.
func change(t tracker.Track) (well, failed int) {
	w := t.Weight
	if t.Reverse {
		w = -w
	}
	if w > 0 {
		return w, 0
	}
	return 0, w
}

// reach is the priorities that an instance can have while it is not in FAULT.
type reach struct {
	well     int // with all trackers well
	min, max int
	can      [256]bool
	weighed  bool // some tracker has a weight
}

// manyTrackers is from where on every priority between the extremes is taken to
// be possible.
const manyTrackers = 32

// reachOf adds up every choice of trackers. A file weighs what it says, which
// may be anything.
func reachOf(m *member) reach {
	base := int(m.inst.VRRP.Priority)
	if base == 255 {
		return fixed(255)
	}
	s := sums{base: base, low: base, high: base, well: base}
	for _, t := range m.inst.Tracks {
		s.add(t)
	}
	return s.reach()
}

func fixed(p int) reach {
	r := reach{well: p, min: p, max: p}
	r.can[p] = true
	return r
}

// sums are the totals that subsets of trackers make.
type sums struct {
	base, low, high, well int
	steps                 []int // by how much a failure lowers the total
	any                   bool  // a file can make any total
}

func (s *sums) add(t tracker.Track) {
	if t.Weight == 0 {
		return
	}
	if t.Kind == tracker.File {
		s.any = true
		return
	}
	well, failed := change(t)
	s.well += well
	s.low, s.high = s.low+failed, s.high+well
	s.steps = append(s.steps, well-failed)
}

func (s *sums) reach() reach {
	r := reach{well: limited(s.well), weighed: s.any || len(s.steps) > 0}
	if s.any {
		s.low, s.high = 1, 254
	}
	r.min, r.max = limited(s.low), limited(s.high)
	if s.any || len(s.steps) > manyTrackers {
		for p := r.min; p <= r.max; p++ {
			r.can[p] = true
		}
		return r
	}
	for below, can := range s.drops() {
		if can {
			r.can[limited(s.high-below)] = true
		}
	}
	return r
}

// drops marks by how much the total can be below its highest.
func (s *sums) drops() []bool {
	can := make([]bool, s.high-s.low+1)
	can[0] = true
	for _, step := range s.steps {
		for i := len(can) - 1; i >= step; i-- {
			can[i] = can[i] || can[i-step]
		}
	}
	return can
}

// limited is a total as the priority that it makes.
func limited(total int) int { return min(max(total, 1), 254) }

// order says which of two instances can have the higher priority, all choices of
// trackers on both nodes considered.
type order struct{ first, equal, second bool }

func compare(a, b reach) (o order) {
	o.first, o.second = a.max > b.min, b.max > a.min
	for p := range a.can {
		o.equal = o.equal || a.can[p] && b.can[p]
	}
	return o
}

// firsts lists which members can be ahead of all others.
func firsts(all []reach) (can []int) {
	for i, r := range all {
		ahead := true
		for j, o := range all {
			ahead = ahead && (i == j || r.max > o.min)
		}
		if ahead {
			can = append(can, i)
		}
	}
	return can
}

// ordersLimit is how many choices of priorities are looked at.
const ordersLimit = 20_000

// orders lists the orders of the nodes that the weights of an instance can make,
// the one with all trackers well first; none without weights. Where there are too
// many choices only those of the lowest, the highest and the usual priority of
// each node are looked at.
func (c *checker) orders(s *shared) []string {
	values, choices, weighed := make([][]int, len(s.members)), 1, false
	for i, m := range s.members {
		r := reachOf(m)
		weighed = weighed || r.weighed
		values[i] = r.values()
		choices = min(choices*len(values[i]), ordersLimit+1)
	}
	if !weighed || len(s.members) < 2 {
		return nil
	}
	if choices > ordersLimit {
		for i, m := range s.members {
			r := reachOf(m)
			values[i] = []int{r.well, r.min, r.max}
		}
	}
	return c.walk(s, values)
}

// values are the priorities that can be, the usual one first.
func (r reach) values() []int {
	all := []int{r.well}
	for p, can := range r.can {
		if can && p != r.well {
			all = append(all, p)
		}
	}
	return all
}

// walk goes through all choices of one value for each member.
func (c *checker) walk(s *shared, values [][]int) (orders []string) {
	seen := map[string]bool{}
	at := make([]int, len(values))
	for {
		if o := c.inOrder(s, values, at); !seen[o] {
			seen[o] = true
			orders = append(orders, o)
		}
		i := 0
		for i < len(at) && at[i]+1 == len(values[i]) {
			at[i] = 0
			i++
		}
		if i == len(at) {
			return orders
		}
		at[i]++
	}
}

// inOrder writes one choice: "ka67 > ka68", "ka67 = ka68".
func (c *checker) inOrder(s *shared, values [][]int, at []int) string {
	by := make([]int, len(at))
	for i := range by {
		by[i] = i
	}
	slices.SortStableFunc(by, func(a, b int) int { return values[b][at[b]] - values[a][at[a]] })
	var b strings.Builder
	for n, i := range by {
		if n > 0 {
			sign := " > "
			if before := by[n-1]; values[before][at[before]] == values[i][at[i]] {
				sign = " = "
			}
			b.WriteString(sign)
		}
		b.WriteString(c.name(s.members[i]))
	}
	return b.String()
}
