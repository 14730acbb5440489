package lan

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/mono"
)

// Announcement asks that the link be told where an address is: by gratuitous
// ARP for IPv4, by an unsolicited neighbour advertisement for IPv6.
type Announcement struct {
	ID      int32 // of the router that holds the address, for Cancel
	Link    string
	IfIndex int
	MAC     [6]byte
	Silent  bool // links without ARP, loopback: nothing is sent
	VIP     netip.Addr
	Rounds  int           // how often
	Gap     time.Duration // least time between two of this kind on this link; 0: none
	// Reply: the gratuitous ARP is a reply. The MASTER that is being relieved has the
	// same virtual MAC address and would answer a request, which takes the switches back.
	Reply bool
	// Widen doubles the gap with each round.
	Widen bool
	// Clock names the links that share the time of the last one; 0: each has its own.
	Clock int32
}

// queue decides which announcement is sent when. Each link has a line for each
// kind, and a line serves its addresses in turn: a round is one announcement
// for every address. What is queued already is not queued twice.
type queue struct {
	lines []*line // in the order in which they came to be
	byKey map[lineKey]*line
	turn  int // the line that is served first
	// clocks are those that several lines share.
	clocks map[clockKey]*clock
	items  map[target]*item
	limit  int // of addresses
	lost   uint64
}

type lineKey struct {
	index int
	v6    bool
}

type line struct {
	lineKey
	gap  time.Duration
	list []*item
	*clock
}

// clock is when the next announcement may be sent.
type clock struct{ free mono.Instant }

type clockKey struct {
	id int32
	v6 bool
}

type target struct {
	index int
	vip   netip.Addr
}

type item struct {
	Announcement
	left int
}

func newQueue(limit int) *queue {
	return &queue{byKey: map[lineKey]*line{}, clocks: map[clockKey]*clock{}, items: map[target]*item{}, limit: limit}
}

// add queues a. What is queued for the same address is asked for only once more
// often: the greater number of rounds counts.
func (q *queue) add(a Announcement) {
	if a.Silent || a.Rounds <= 0 || a.MAC == [6]byte{} {
		return
	}
	t := target{a.IfIndex, a.VIP}
	it, queued := q.items[t]
	if !queued && len(q.items) == q.limit {
		q.lost++
		return
	}
	l := q.line(lineKey{a.IfIndex, a.VIP.Is6()})
	l.gap = a.Gap
	q.keep(l, a.Clock)
	if queued {
		it.Announcement, it.left = a, max(it.left, a.Rounds)
		return
	}
	it = &item{Announcement: a, left: a.Rounds}
	q.items[t] = it
	l.list = append(l.list, it)
}

func (q *queue) line(k lineKey) *line {
	l, exists := q.byKey[k]
	if !exists {
		l = &line{lineKey: k, clock: &clock{}}
		q.byKey[k] = l
		q.lines = append(q.lines, l)
	}
	return l
}

// keep gives a line the clock it shares. Its own goes on until it shares one.
func (q *queue) keep(l *line, id int32) {
	if id == 0 {
		return
	}
	k := clockKey{id, l.v6}
	if q.clocks[k] == nil {
		q.clocks[k] = &clock{}
	}
	l.clock = q.clocks[k]
}

// cancel drops what routers queued that are no longer MASTER.
func (q *queue) cancel(ids []int32) {
	left := make(map[int32]bool, len(ids))
	for _, id := range ids {
		left[id] = true
	}
	for _, l := range q.lines {
		l.list = slices.DeleteFunc(l.list, func(it *item) bool {
			if left[it.ID] {
				delete(q.items, target{it.IfIndex, it.VIP})
			}
			return left[it.ID]
		})
	}
}

// due fills out with what may be sent now, and says when there is more.
func (q *queue) due(now mono.Instant, out []Announcement) (n int, next mono.Instant) {
	next = mono.Never
	for i := range q.lines {
		l := q.lines[(q.turn+i)%len(q.lines)]
		for n < len(out) && len(l.list) > 0 && !now.Before(l.free) {
			out[n] = q.pop(l, now)
			n++
		}
		if len(l.list) > 0 {
			next = min(next, l.free)
		}
	}
	q.turn++
	q.tidy(now)
	return n, next
}

// pop takes the first of a line, and puts it to the end if rounds are left.
func (q *queue) pop(l *line, now mono.Instant) Announcement {
	it := l.list[0]
	l.list = l.list[1:]
	if it.left--; it.left > 0 {
		l.list = append(l.list, it)
	} else {
		delete(q.items, target{it.IfIndex, it.VIP})
	}
	if gap := it.gap(l); gap > 0 {
		l.free = now.Add(gap)
	}
	return it.Announcement
}

// gap is how long the line rests after the item.
func (it *item) gap(l *line) time.Duration {
	const most = 16 // doublings, far from an overflow
	if !it.Widen {
		return l.gap
	}
	return l.gap << min(max(0, it.Rounds-it.left-1), most)
}

// tidy forgets lines of which nothing has to be remembered.
func (q *queue) tidy(now mono.Instant) {
	q.lines = slices.DeleteFunc(q.lines, func(l *line) bool {
		idle := len(l.list) == 0 && !now.Before(l.free)
		if idle {
			delete(q.byKey, l.lineKey)
		}
		return idle
	})
	if len(q.lines) == 0 {
		q.items = map[target]*item{} // a map that was large stays large
	}
}
