package process

import (
	"os"
	"time"
)

// poll is the source where there is no connector.
type poll struct {
	every  time.Duration
	woken  chan struct{}
	closed chan struct{}
}

func newPoll(every time.Duration) *poll {
	return &poll{every: every, woken: make(chan struct{}, 1), closed: make(chan struct{})}
}

// wait implements source.
func (p *poll) wait(until time.Time) ([]event, error) {
	patience := p.every
	if left := time.Until(until); !until.IsZero() {
		patience = min(patience, left)
	}
	t := time.NewTimer(patience)
	defer t.Stop()
	select {
	case <-p.closed:
		return nil, os.ErrClosed
	case <-p.woken:
		return nil, nil
	case <-t.C:
		return nil, errRescan
	}
}

func (p *poll) wake() {
	select {
	case p.woken <- struct{}{}:
	default:
	}
}

func (p *poll) close() { close(p.closed) }
