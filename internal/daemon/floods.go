package daemon

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"holdfast/internal/vrrp"
)

// The limits of lines of one kind: so many in a while. What is left out is counted, and said in a
// line when the while is over.
const (
	floodMost  = 20
	floodWhile = 10 * time.Second
	// floodKinds is of how many kinds lines are counted at a time; others pass.
	floodKinds = 1024
)

// floods keeps what others can bring about - packets, programs, a kernel that refuses - from
// filling the log. Transitions, acts and what becomes of configurations do not pass here: each
// is told.
type floods struct {
	log *slog.Logger

	mu    sync.Mutex
	kinds map[any]*flood // of the while that runs; nil: none does
}

// noteKey is what the notes of one kind about one thing have in common. Other lines are of one
// kind if they are the same.
type noteKey struct {
	kind vrrp.NoteKind
	name string
}

// flood is what came of a kind.
type flood struct {
	told, left int
	level      slog.Level
	last       string
}

// pass reports whether a line is to be told.
func (f *floods) pass(kind any, level slog.Level, text string) bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.kinds == nil {
		f.kinds = map[any]*flood{}
		time.AfterFunc(floodWhile, f.end)
	}
	one := f.kinds[kind]
	if one == nil && len(f.kinds) >= floodKinds {
		return true
	}
	if one == nil {
		one = &flood{}
		f.kinds[kind] = one
	}
	if one.told < floodMost {
		one.told++
		return true
	}
	one.left++
	one.level, one.last = level, text
	return false
}

// end says what was left out.
func (f *floods) end() {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, one := range f.kinds {
		if one.left > 0 {
			f.log.Log(context.Background(), one.level, fmt.Sprintf("%s … %d more", one.last, one.left))
		}
	}
	f.kinds = nil
}
