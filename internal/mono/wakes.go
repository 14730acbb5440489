package mono

// Wake is an instant at which somebody may have something to do.
type Wake[ID ~int32] struct {
	At Instant
	ID ID
}

func (w Wake[ID]) before(o Wake[ID]) bool { return w.At < o.At || w.At == o.At && w.ID < o.ID }

// Wakes is a 4-ary heap of at most one wake for each of many small numbers. A
// wake may be earlier than the true deadline, never later: moving a deadline to a
// later instant leaves the heap alone until the wake comes to the top. The zero
// Wakes is empty.
type Wakes[ID ~int32] struct {
	heap []Wake[ID]
	pos  []int32 // by ID: index in heap plus one; 0 is not in it
}

// Grow makes room for numbers below n without later allocation.
func (h *Wakes[ID]) Grow(n int) {
	for len(h.pos) < n {
		h.pos = append(h.pos, 0)
	}
}

// Earlier sees to it that id is woken at the latest at the given instant.
func (h *Wakes[ID]) Earlier(id ID, at Instant) {
	i := int(h.pos[id]) - 1
	if i < 0 {
		h.heap = append(h.heap, Wake[ID]{Never, id})
		i = len(h.heap) - 1
	}
	if at >= h.heap[i].At && h.pos[id] != 0 {
		return
	}
	h.up(i, Wake[ID]{at, id})
}

// Top is the first wake.
func (h *Wakes[ID]) Top() (Wake[ID], bool) {
	if len(h.heap) == 0 {
		return Wake[ID]{At: Never}, false
	}
	return h.heap[0], true
}

// First is the earliest instant at which somebody has something to do, as next says. Wakes
// that were too early for that are set right on the way.
func (h *Wakes[ID]) First(next func(ID) Instant) Instant {
	for {
		w, ok := h.Top()
		if !ok {
			return Never
		}
		at := next(w.ID)
		if at == w.At {
			return at
		}
		h.Set(w.ID, at)
	}
}

// Set moves the wake of id, if it has one, to any instant.
func (h *Wakes[ID]) Set(id ID, at Instant) {
	i := int(h.pos[id]) - 1
	if i < 0 {
		return
	}
	h.down(i, Wake[ID]{at, id})
	h.up(int(h.pos[id])-1, Wake[ID]{at, id})
}

// Remove forgets id.
func (h *Wakes[ID]) Remove(id ID) {
	i := int(h.pos[id]) - 1
	if i < 0 {
		return
	}
	h.pos[id] = 0
	last := h.heap[len(h.heap)-1]
	h.heap = h.heap[:len(h.heap)-1]
	if i == len(h.heap) {
		return
	}
	h.put(i, last)
	h.Set(last.ID, last.At)
}

func (h *Wakes[ID]) up(i int, w Wake[ID]) {
	for i > 0 {
		parent := (i - 1) / 4
		if !w.before(h.heap[parent]) {
			break
		}
		h.put(i, h.heap[parent])
		i = parent
	}
	h.put(i, w)
}

func (h *Wakes[ID]) down(i int, w Wake[ID]) {
	for {
		child := h.least(i)
		if child < 0 || !h.heap[child].before(w) {
			break
		}
		h.put(i, h.heap[child])
		i = child
	}
	h.put(i, w)
}

// least is the earliest child of i, or -1.
func (h *Wakes[ID]) least(i int) int {
	first := 4*i + 1
	if first >= len(h.heap) {
		return -1
	}
	best := first
	for c := first + 1; c < min(first+4, len(h.heap)); c++ {
		if h.heap[c].before(h.heap[best]) {
			best = c
		}
	}
	return best
}

func (h *Wakes[ID]) put(i int, w Wake[ID]) {
	h.heap[i] = w
	h.pos[w.ID] = int32(i) + 1
}
