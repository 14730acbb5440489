package notify

import "slices"

// Queue keeps deliveries until their programs can be run: those of one instance
// or group strictly one after the other, those of different ones side by side,
// up to Parallel. Who has nothing waiting and nothing running takes no memory.
//
// Nothing is lost while fewer than Depth wait for one name. Beyond that the
// oldest that waits gives way, signals before transitions, so that what is told
// stays in order and ends with the truth.
type Queue struct {
	Parallel int // names at a time; 0: 64
	Depth    int // waiting for one name; 0: 64

	lines map[Key]*line
	ready []Key // have something waiting and nothing running, longest first
	busy  int
	count int
}

// line is what waits for one name.
type line struct {
	waiting []Delivery
	running bool
	overdue bool // what runs takes too long and no longer counts as busy
	flooded bool // something gave way since it was last empty
}

// Pushed is what became of the queue by one more delivery.
type Pushed struct {
	Lost  bool // an older delivery gave way
	First bool // it is the first since the name had nothing waiting
	// Blocked: what runs for this name is overdue and now holds this delivery up.
	Blocked bool
}

const (
	defaultParallel = 64
	defaultDepth    = 64
)

// Push adds d.
func (q *Queue) Push(d Delivery) Pushed {
	l := q.line(d.Key())
	if !l.running && len(l.waiting) == 0 {
		q.ready = append(q.ready, d.Key())
	}
	p := l.makeRoom(q.depth())
	if !p.Lost {
		q.count++
	}
	l.waiting = append(l.waiting, d)
	p.Blocked = l.overdue
	return p
}

// Next returns a delivery whose programs are to be run now; its name counts as
// running until Done.
func (q *Queue) Next() (d Delivery, ok bool) {
	if len(q.ready) == 0 || q.busy >= q.parallel() {
		return Delivery{}, false
	}
	k := q.ready[0]
	if q.ready = q.ready[1:]; len(q.ready) == 0 {
		q.ready = nil
	}
	l := q.lines[k]
	d = l.waiting[0]
	l.waiting = slices.Delete(l.waiting, 0, 1)
	l.running = true
	q.busy++
	q.count--
	return d, true
}

// Done says that the programs of the delivery that ran for k have ended.
func (q *Queue) Done(k Key) {
	l := q.lines[k]
	if !l.overdue {
		q.busy--
	}
	l.running, l.overdue = false, false
	if len(l.waiting) == 0 {
		q.forget(k)
		return
	}
	q.ready = append(q.ready, k)
}

// Overdue says that what runs for k has had all the time it should need, and
// answers whether it is to be ended because something waits for it. If not, it
// may go on (keepalived sets notify scripts no limit, and some really work for
// minutes), but no longer counts against Parallel.
func (q *Queue) Overdue(k Key) (end bool) {
	l := q.lines[k]
	if len(l.waiting) > 0 {
		return true
	}
	if !l.overdue {
		l.overdue = true
		q.busy--
	}
	return false
}

// Waiting is the number of deliveries that have not been started.
func (q *Queue) Waiting() int { return q.count }

// Clear drops all that waits and returns how much it was. What runs goes on.
func (q *Queue) Clear() (lost int) {
	lost = q.count
	q.ready, q.count = nil, 0
	for k, l := range q.lines {
		if l.waiting = nil; !l.running {
			q.forget(k)
		}
	}
	return lost
}

// Idle reports whether nothing waits and nothing runs.
func (q *Queue) Idle() bool { return len(q.lines) == 0 }

// forget drops k. The last one takes the table along, which is large after
// thousands of instances changed state together.
func (q *Queue) forget(k Key) {
	if delete(q.lines, k); len(q.lines) == 0 {
		q.lines = nil
	}
}

func (q *Queue) line(k Key) *line {
	l, ok := q.lines[k]
	if !ok {
		if q.lines == nil {
			q.lines = map[Key]*line{}
		}
		l = &line{}
		q.lines[k] = l
	}
	return l
}

// makeRoom drops the oldest signal, or without one the oldest delivery, when
// depth are waiting.
func (l *line) makeRoom(depth int) (p Pushed) {
	if len(l.waiting) == 0 {
		l.flooded = false
	}
	if len(l.waiting) < depth {
		return p
	}
	i := max(0, slices.IndexFunc(l.waiting, func(d Delivery) bool { return d.State == LowerHeard }))
	l.waiting = slices.Delete(l.waiting, i, i+1)
	p = Pushed{Lost: true, First: !l.flooded}
	l.flooded = true
	return p
}

func (q *Queue) parallel() int {
	if q.Parallel > 0 {
		return q.Parallel
	}
	return defaultParallel
}

func (q *Queue) depth() int {
	if q.Depth > 0 {
		return q.Depth
	}
	return defaultDepth
}
