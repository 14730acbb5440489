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
