package vrrp

import "holdfast/internal/mono"

// wake is an instant at which a router may have something to do.
type wake struct {
	at mono.Instant
	id ID
}

func (w wake) before(o wake) bool { return w.at < o.at || w.at == o.at && w.id < o.id }

// wakes is a 4-ary heap of at most one wake per router. A wake may be earlier
// than the router's true deadline, never later: hearing an advert moves a number
// in the router and leaves the heap alone until the wake comes to the top.
type wakes struct {
	heap []wake
	pos  []int32 // by ID: index in heap plus one; 0 is not in it
}

// grow makes room for routers up to n without later allocation.
func (h *wakes) grow(n int) {
	for len(h.pos) < n {
		h.pos = append(h.pos, 0)
	}
}

// earlier sees to it that id is woken at the latest at the given instant.
func (h *wakes) earlier(id ID, at mono.Instant) {
	i := int(h.pos[id]) - 1
	if i < 0 {
		h.heap = append(h.heap, wake{mono.Never, id})
		i = len(h.heap) - 1
	}
	if at >= h.heap[i].at && h.pos[id] != 0 {
		return
	}
	h.up(i, wake{at, id})
}

// top is the first wake.
func (h *wakes) top() (wake, bool) {
	if len(h.heap) == 0 {
		return wake{at: mono.Never}, false
	}
	return h.heap[0], true
}

// set moves the wake of id, if it has one, to any instant.
func (h *wakes) set(id ID, at mono.Instant) {
	i := int(h.pos[id]) - 1
	if i < 0 {
		return
	}
	h.down(i, wake{at, id})
	h.up(int(h.pos[id])-1, wake{at, id})
}

// remove forgets id.
func (h *wakes) remove(id ID) {
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
	h.set(last.id, last.at)
}

func (h *wakes) up(i int, w wake) {
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

func (h *wakes) down(i int, w wake) {
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
func (h *wakes) least(i int) int {
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

func (h *wakes) put(i int, w wake) {
	h.heap[i] = w
	h.pos[w.id] = int32(i) + 1
}
