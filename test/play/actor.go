package play

import (
	"slices"
	"sync"
	"syscall"
	"time"

	"holdfast/internal/command"
)

// Actor is a program under way.
type Actor struct {
	world *World
	name  string
	part  Part
	done  chan struct{}
	once  sync.Once
	exit  command.Exit
}

func (a *Actor) end(e command.Exit) {
	a.once.Do(func() {
		if a.world.Ends {
			a.world.Note("end %s", a.name)
		}
		a.exit = e
		close(a.done)
	})
}

// Done is closed when it has ended.
func (a *Actor) Done() <-chan struct{} { return a.done }

// Wait waits for the end.
func (a *Actor) Wait() command.Exit { <-a.done; return a.exit }

// Signal sends it a signal.
func (a *Actor) Signal(s syscall.Signal) {
	a.world.Note("%v to %s", s, a.name)
	if !slices.Contains(a.part.Ignores, s) {
		a.end(command.Exit{Code: -1, Signal: int(s)})
	}
}

// End ends it as command.Process does, by force if need be.
func (a *Actor) End(patience time.Duration) (command.Exit, bool) {
	for _, s := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		a.Signal(s)
		select {
		case <-a.done:
			return a.exit, true
		case <-time.After(patience):
		}
	}
	return command.Exit{}, false
}
