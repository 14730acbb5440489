package daemon

import (
	"fmt"
	"time"

	"holdfast/internal/engine"
	"holdfast/internal/relay"
)

// trial is a configuration in force that returns to the one before by itself,
// unless it is confirmed in time. It is the router process that waits: so the
// worker may die meanwhile.
type trial struct {
	relay.Trial
	timer *time.Timer
}

// told is what the worker is told of a trial; nil without one.
func (t *trial) told() *relay.Trial {
	if t == nil {
		return nil
	}
	return &t.Trial
}

// accepted notes that the loop runs the configuration in a slot; confirm is how long
// unless it is confirmed, 0: for good.
func (w *worker) accepted(s relay.Slot, confirm time.Duration) {
	before := w.inForce.Swap(&s)
	if confirm > 0 && before != nil {
		w.begin(*before, confirm)
	}
	w.put(relay.Up{Accepted: true, Trial: w.trial.Load().told()})
}

// begin waits for the confirmation. A second trial returns to where the first began,
// and so does a reload during a trial: only a confirmation ends it.
func (w *worker) begin(back relay.Slot, confirm time.Duration) {
	if old := w.trial.Load(); old != nil {
		old.timer.Stop()
		back = old.Back
	}
	t := &trial{Trial: relay.Trial{Back: back, Until: engine.Now().Add(confirm)}}
	t.timer = time.AfterFunc(confirm, func() { w.expired(t) })
	w.trial.Store(t)
}

// confirmed ends a trial; without one there is nothing to say: it is over, and the
// worker is about to hear of it.
func (w *worker) confirmed() {
	if t := w.trial.Swap(nil); t != nil {
		t.timer.Stop()
		w.put(relay.Up{Kept: true})
	}
}

// expired goes back to the configuration before, whatever became of the worker.
func (w *worker) expired(t *trial) {
	if !w.trial.CompareAndSwap(t, nil) {
		return // confirmed at the last moment
	}
	w.say(relay.Line{Text: "The new configuration was not confirmed in time: the one before returns", Bad: true})
	back := t.Back
	err := w.router.adopt(back, func() {
		w.inForce.Store(&back)
		w.put(relay.Up{Adopt: &back})
	})
	if err != nil {
		w.say(relay.Line{Text: fmt.Sprintf("the configuration before does not return: %v", err), Bad: true})
	}
}
