package command

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// patience is the time between TERM and KILL (reference, section 8).
const patience = 2 * time.Second

// Run runs r to its end. When ctx ends first, its process group gets TERM and
// two seconds later KILL; expired then says so. The error says that the program
// could not be executed.
func (s *Starter) Run(ctx context.Context, r *Runnable, extra ...string) (exit Exit, expired bool, err error) {
	p, err := s.Start(r, extra...)
	if err != nil {
		return Exit{Code: -1}, false, err
	}
	select {
	case <-p.Done():
		return p.Wait(), false, nil
	case <-ctx.Done():
		exit, _ := p.End(patience)
		return exit, true, nil
	}
}

// End makes the program end: TERM to its group, KILL after patience. It returns
// how the program ended; ok is false when even KILL had no effect for as long
// again, because it hangs in the kernel.
func (p *Process) End(patience time.Duration) (e Exit, ok bool) {
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		p.Signal(sig)
		select {
		case <-p.Done():
			return p.Wait(), true
		case <-time.After(patience):
		}
	}
	return Exit{Code: -1, Signal: int(syscall.SIGKILL)}, false
}

// String is how logs tell of an end.
func (e Exit) String() string {
	if e.Signal != 0 {
		return fmt.Sprintf("due to signal %d", e.Signal)
	}
	return fmt.Sprintf("exited with status %d", e.Code)
}
