package daemon

import (
	"maps"
	"slices"
	"sync"
	"time"

	"holdfast/internal/command"
	"holdfast/internal/status"
)

// tally counts the programs that are run, by kind.
type tally struct {
	mu    sync.Mutex
	kinds map[string]*status.Scripts
}

// of counts programs of a kind.
func (t *tally) of(kind string) func(command.Exit, time.Duration) {
	return func(e command.Exit, took time.Duration) {
		t.mu.Lock()
		defer t.mu.Unlock()
		if t.kinds == nil {
			t.kinds = map[string]*status.Scripts{}
		}
		s := t.kinds[kind]
		if s == nil {
			s = &status.Scripts{Kind: kind}
			t.kinds[kind] = s
		}
		if s.Count(took); e == (command.Exit{}) {
			s.Passed++
		} else {
			s.Failed++
		}
	}
}

// all are the counts, in the order of the kinds.
func (t *tally) all() (list []status.Scripts) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, kind := range slices.Sorted(maps.Keys(t.kinds)) {
		list = append(list, *t.kinds[kind])
	}
	return list
}
