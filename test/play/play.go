// Package play is for tests of what starts programs: these are played in virtual time.
package play

import (
	"fmt"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/command"
)

// Never is how long a program takes that does not end by itself.
const Never = -1

// Part says how a program behaves.
type Part struct {
	Takes   time.Duration
	Exit    command.Exit
	Refuses error // cannot be started
	Ignores []syscall.Signal
}

// World is a machine on which programs are played: it records what is done and reported,
// with the time.
type World struct {
	// Ends: ends of programs are recorded, too.
	Ends bool

	mu    sync.Mutex
	began time.Time
	parts map[string]Part
	lines []string
}

// New returns a World without programs: those of which nothing is said end well, at once.
func New() *World { return &World{began: time.Now(), parts: map[string]Part{}} }

// Set says how a program behaves that is started from now on.
func (w *World) Set(name string, p Part) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.parts[name] = p
}

// Note records something.
func (w *World) Note(format string, args ...any) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.lines = append(w.lines, fmt.Sprintf("%.3f ", time.Since(w.began).Seconds())+fmt.Sprintf(format, args...))
}

// Record is what was recorded since the last time that it was asked for, when all has come
// to rest.
func (w *World) Record() []string {
	synctest.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	lines := w.lines
	w.lines = nil
	return lines
}

// Check compares the Record with a transcript.
func (w *World) Check(t *testing.T, want string) {
	t.Helper()
	Compare(t, w.Record(), want)
}

// Compare compares lines with a transcript.
func Compare(t *testing.T, lines []string, want string) {
	t.Helper()
	if diff := cmp.Diff(strings.Split(strings.TrimSpace(want), "\n"), lines); diff != "" {
		t.Errorf("record (-want +got):\n%s", diff)
	}
}

// Start starts a program with arguments.
func (w *World) Start(name string, args ...string) (*Actor, error) {
	w.mu.Lock()
	p := w.parts[name]
	w.mu.Unlock()
	w.Note("run %s", strings.Join(append([]string{name}, args...), " "))
	if p.Refuses != nil {
		return nil, p.Refuses
	}
	a := &Actor{world: w, name: name, part: p, done: make(chan struct{})}
	if p.Takes >= 0 {
		time.AfterFunc(p.Takes, func() { a.end(p.Exit) })
	}
	return a, nil
}
