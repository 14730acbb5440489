package tracker

import (
	"fmt"
	"strings"
)

// Standing is what all trackers of one instance say together. Its fields are
// those of vrrp.Standing, so that one converts into the other.
type Standing struct {
	Sum     int    // of the weights that apply
	Faults  int    // trackers that demand FAULT
	Pending bool   // an unweighted tracker has no result yet
	Held    bool   // a tracker says that the master lives although it is silent
	Reason  string // the faults; without any, what is waited for; else the weights that apply
}

// Limits of what one track_file contributes (reference, section 8): a product
// of FileFault or less is a fault, one above FileMost counts as FileMost.
const (
	FileFault = -254
	FileMost  = 253
)

// Weigh adds up what tracks say, given the state and, for files, the value of
// each watched thing.
//
// A positive weight is added while the thing is good, a negative one while it
// is bad, and reverse negates what is added. Weight 0 makes a bad thing a
// fault, with reverse a good one. What is unknown adds nothing; without a
// weight it leaves the standing pending.
func Weigh(tracks []Track, known func(Kind, string) (State, int)) Standing {
	var w weighing
	for _, t := range tracks {
		state, value := known(t.Kind, t.Name)
		w.add(t, state, value)
	}
	return w.standing()
}

// weighing is a standing in the making.
type weighing struct {
	Standing
	faults, waits, weights []string
}

func (w *weighing) add(t Track, state State, value int) {
	switch {
	case state == Unknown && t.Weight == 0:
		w.waits = append(w.waits, fmt.Sprintf("%s %s", t.Kind, t.Name))
	case state == Unknown:
	case t.Hold:
		w.Held = w.Held || state == Good
	case t.Kind == File:
		w.addFile(t, value)
	case t.Weight == 0:
		w.demand(t, (state == Bad) != t.Reverse)
	case (t.Weight > 0) == (state == Good):
		w.weigh(t, t.signed(t.Weight))
	}
}

// addFile judges a file by its value: the state says only that it is known.
func (w *weighing) addFile(t Track, value int) {
	switch {
	case t.Demands(value):
		w.demand(t, true)
	case t.Weight != 0:
		w.weigh(t, int(min(t.product(value), FileMost)))
	}
}

// Demands tells whether a file of that value is a fault.
func (t Track) Demands(value int) bool {
	if t.Weight == 0 {
		return (value != 0) != t.Reverse
	}
	return t.product(value) <= FileFault
}

// product is the value of a file, of which 32 bits count, times the weight.
func (t Track) product(value int) int64 { return int64(t.signed(t.Weight)) * int64(int32(value)) }

func (w *weighing) demand(t Track, fault bool) {
	if fault {
		w.Faults++
		w.faults = append(w.faults, fmt.Sprintf("%s %s %s", t.Kind, t.Name, t.fault()))
	}
}

func (w *weighing) weigh(t Track, by int) {
	if by != 0 {
		w.Sum += by
		w.weights = append(w.weights, fmt.Sprintf("%s %s %+d", t.Kind, t.Name, by))
	}
}

func (w *weighing) standing() Standing {
	w.Pending = len(w.waits) > 0
	switch {
	case w.Faults > 0:
		w.Reason = strings.Join(w.faults, ", ")
	case w.Pending:
		w.Reason = "waiting for " + strings.Join(w.waits, ", ")
	default:
		w.Reason = strings.Join(w.weights, ", ")
	}
	return w.Standing
}

func (t Track) signed(n int) int {
	if t.Reverse {
		return -n
	}
	return n
}

// fault says what is wrong with the thing when t makes it a fault.
func (t Track) fault() string {
	switch {
	case t.Kind == File:
		return "demands a fault"
	case t.Reverse && t.Weight == 0:
		return "is good (reverse)"
	case t.Kind == Script, t.Kind == Check:
		return "failed"
	case t.Kind == Process:
		return "lost its quorum"
	case t.Kind == Address:
		return "not configured"
	}
	return "is down"
}
