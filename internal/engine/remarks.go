package engine

import "holdfast/internal/relay"

// repairs keeps the log readable while somebody fights for what is ours, perhaps a
// thousand times a second: of each thing the first repair is told at once, and then
// the latest at each tick. The lines count, so that none that is left out is missed.
type repairs map[string]string // what was repaired → the line that waits; empty: none

// tell says a line about a thing, or lets it wait for the tick.
func (r repairs) tell(say func(relay.Line), thing, line string) {
	if _, told := r[thing]; told {
		r[thing] = line
		return
	}
	r[thing] = ""
	say(relay.Line{Text: line, Bad: true})
}

// remind is the tick: it says what waits, and forgets what has been left in peace.
func (r repairs) remind(say func(relay.Line)) {
	for thing, line := range r {
		if line == "" {
			delete(r, thing)
			continue
		}
		r[thing] = ""
		say(relay.Line{Text: line, Bad: true})
	}
}
