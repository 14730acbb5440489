package mono_test

import (
	"math/rand/v2"
	"testing"

	"holdfast/internal/mono"
)

// Whatever is done, the top is the earliest wake of all, and ties go by number.
func TestWakesComeInOrder(t *testing.T) {
	type id int32
	const n = 50
	r := rand.New(rand.NewPCG(1, 2))
	var h mono.Wakes[id]
	h.Grow(n)
	model := map[id]mono.Instant{}
	for step := range 20_000 {
		who, at := id(r.IntN(n)), mono.Instant(r.IntN(100))
		old, known := model[who]
		switch r.IntN(3) {
		case 0:
			h.Earlier(who, at)
			if !known || at < old {
				model[who] = at
			}
		case 1:
			h.Set(who, at)
			if known {
				model[who] = at
			}
		case 2:
			h.Remove(who)
			delete(model, who)
		}
		got, ok := h.Top()
		if ok != (len(model) > 0) {
			t.Fatalf("step %d: something is on top: %v, wakes: %d", step, ok, len(model))
		}
		for other, when := range model {
			if when < got.At || when == got.At && other < got.ID {
				t.Fatalf("step %d: %v is on top, %d at %v is earlier", step, got, other, when)
			}
		}
	}
}

func TestTheFirstIsWhoHasSomethingToDoAndNotWhoIsWokenTooEarly(t *testing.T) {
	type id int32
	var h mono.Wakes[id]
	h.Grow(3)
	due := []mono.Instant{30, 20, mono.Never}
	next := func(who id) mono.Instant { return due[who] }
	if at := h.First(next); at != mono.Never {
		t.Errorf("nobody is to be woken at %v", at)
	}
	for who, early := range []mono.Instant{5, 15, 10} {
		h.Earlier(id(who), early)
	}
	if at := h.First(next); at != 20 {
		t.Errorf("the first is woken at %v, want 20", at)
	}
	if top, ok := h.Top(); !ok || top.At != 20 || top.ID != 1 {
		t.Errorf("%v is on top", top)
	}
}
