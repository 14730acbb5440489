package engine

import "holdfast/internal/relay"

// remarks keeps the log readable while somebody fights for what is ours or plays with
// what is not, perhaps a thousand times a second: of each thing the first line is told
// at once, and then the latest at each tick. Lines about repairs count, so that none
// that is left out is missed.
type remarks map[string]relay.Line // about what → the line that waits; without text: none

// tell says a line about a thing, or lets it wait for the tick.
func (r remarks) tell(say func(relay.Line), thing string, line relay.Line) {
	if _, told := r[thing]; told {
		r[thing] = line
		return
	}
	r[thing] = relay.Line{}
	say(line)
}

// repair is tell for what was put back.
func (r remarks) repair(say func(relay.Line), thing, text string) {
	r.tell(say, thing, relay.Line{Text: text, Bad: true})
}

// remind is the tick: it says what waits, and forgets what has been left in peace.
func (r remarks) remind(say func(relay.Line)) {
	for thing, line := range r {
		if line.Text == "" {
			delete(r, thing)
			continue
		}
		r[thing] = relay.Line{}
		say(line)
	}
}
