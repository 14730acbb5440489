package service

import (
	"slices"
	"time"

	"holdfast/internal/lab/netns"
)

// Nobody stands among those who answer for requests that were lost.
const Nobody = ""

// answer is the end of a request that was sent at an instant.
type answer struct {
	server string
	sent   time.Time
}

// tally is what became of the requests to one target. They are judged in the order
// in which they were sent, though answers come in another.
type tally struct {
	known  map[int]answer // by the number of the request
	next   int            // the first request that is not judged
	judged int
	lost   int
	by     map[string]int // how many each has answered
	latest map[string]int // the number of what each answered last
	spans  []netns.Span
	open   bool // the last span has no end yet
	now    []string
}

func newTally() *tally {
	return &tally{known: map[int]answer{}, by: map[string]int{}, latest: map[string]int{}}
}

// take learns who answered a request, and reports whether others answer than did.
func (t *tally) take(number int, a answer) (changed bool) {
	t.known[number] = a
	for a, ok := t.known[t.next]; ok; a, ok = t.known[t.next] {
		delete(t.known, t.next)
		t.judge(a.server, a.sent)
		t.next++
	}
	before := t.now
	t.now = t.present()
	return !slices.Equal(before, t.now)
}

func (t *tally) judge(server string, at time.Time) {
	t.judged++
	t.by[server]++
	t.latest[server] = t.judged
	switch {
	case server == Nobody:
		t.lost++
		t.lose(at)
	case t.open:
		t.open = false
		t.spans[len(t.spans)-1].To = at
	}
}

func (t *tally) lose(at time.Time) {
	if !t.open {
		t.open = true
		t.spans = append(t.spans, netns.Span{From: at})
	}
	t.spans[len(t.spans)-1].Lost++
}

// rounds is how often all others may answer before somebody counts as gone.
const rounds = 6

// present are those who answer at present, in order.
func (t *tally) present() (names []string) {
	for name, latest := range t.latest {
		if t.judged-latest <= rounds*len(t.latest) {
			names = append(names, name)
		} else {
			delete(t.latest, name)
		}
	}
	slices.Sort(names)
	return names
}
