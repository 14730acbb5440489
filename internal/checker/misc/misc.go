// Package misc checks by running a program.
package misc

import (
	"context"
	"errors"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/internal/command"
)

// Run is the check by a program: exit status 0 is good.
type Run struct {
	Starter *command.Starter
	Program *command.Runnable
	// Dynamic: status 2 to 255 is good too and makes the weight, which is Weight
	// as configured, status - 2.
	Dynamic bool
	Weight  int
}

// Probe implements checker.Probe. A program that takes longer than ctx allows is
// ended, for which it gets two seconds; what it is aimed at it knows itself.
func (r *Run) Probe(ctx context.Context, _ checker.Target) checker.Result {
	exit, expired, err := r.Starter.Run(ctx, r.Program)
	switch {
	case scarce(err):
		return checker.Hinder("%v", err)
	case err != nil:
		return checker.Fail("%v", err)
	case expired:
		return checker.Fail(checker.TimedOut)
	case exit == command.Exit{}:
		return checker.Pass()
	case r.Dynamic && exit.Signal == 0 && exit.Code >= 2:
		return checker.Result{Outcome: checker.Passed, Weight: int64(exit.Code) - 2 - int64(r.Weight)}
	}
	return checker.Fail("%v", exit)
}

// scarce reports whether a program could not be started because this machine has
// no room for it, which says nothing of what it checks.
func scarce(err error) bool {
	for _, e := range []error{unix.EAGAIN, unix.ENOMEM, unix.EMFILE, unix.ENFILE} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}
