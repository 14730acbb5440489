// Package tcp checks that something takes connections.
package tcp

import (
	"context"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
)

// Connect is the check of a port: a connection that comes about is a success, and
// is closed at once.
type Connect struct{}

// Probe implements checker.Probe.
func (Connect) Probe(ctx context.Context, t checker.Target) checker.Result {
	c, err := dial.Open(ctx, "tcp", t)
	if err != nil {
		return dial.Judge(err)
	}
	_ = c.Close()
	return checker.Pass()
}
