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
func (c Connect) Probe(ctx context.Context, t checker.Target) checker.Result {
	return dial.Do(ctx, c, t)
}

// Begin implements dial.Asker.
func (Connect) Begin(t checker.Target) dial.Step {
	s, err := dial.Stream(t)
	if err != nil {
		return dial.End(dial.Judge(err))
	}
	return s.Connected(func(err error) dial.Step {
		if err != nil {
			return s.End(dial.Judge(err))
		}
		return s.End(checker.Pass())
	})
}
