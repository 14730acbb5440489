package daemon

import (
	"cmp"
	"context"
	"os"
	"runtime"
	"sync"
	"time"

	"holdfast/internal/engine"
	"holdfast/internal/relay"
	"holdfast/internal/status"
)

// The picture is as old as this at most when somebody looks, and a hundredth of the
// time is spent on it at most: a hundred programs that ask cost what one does.
const (
	freshFor = 250 * time.Millisecond
	sparing  = 100
)

// pictures lets all who ask at about the same time see the same.
type pictures[T any] struct {
	take func(context.Context) (T, error)

	mu    sync.Mutex
	last  T
	until time.Time     // last is fresh
	under chan struct{} // closed when the one under way is there; nil: none is
	err   error         // of the last try
}

// look is the latest, if it is fresh, or a new one.
func (p *pictures[T]) look(ctx context.Context) (T, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if time.Now().Before(p.until) {
		return p.last, nil
	}
	return p.join(ctx)
}

// anew is one that was begun after it was asked for.
func (p *pictures[T]) anew(ctx context.Context) (T, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.under != nil {
		if last, err := p.join(ctx); err != nil {
			return last, err
		}
	}
	return p.join(ctx)
}

// join waits for the one under way, or begins one. The lock is held, but not meanwhile.
func (p *pictures[T]) join(ctx context.Context) (none T, err error) {
	if p.under == nil {
		p.under = make(chan struct{})
		go p.make(p.under)
	}
	done := p.under
	p.mu.Unlock()
	select {
	case <-done:
	case <-ctx.Done():
		err = ctx.Err()
	}
	p.mu.Lock()
	if err = cmp.Or(err, p.err); err != nil {
		return none, err
	}
	return p.last, nil
}

// takes is how long a picture may take to be made.
const takes = 20 * time.Second

// make belongs to nobody who waits: one who gives up does not spoil it for the others.
func (p *pictures[T]) make(done chan struct{}) {
	ctx, cancel := context.WithTimeout(context.Background(), takes)
	defer cancel()
	start := time.Now()
	made, err := p.take(ctx)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.err = err; err == nil {
		p.last, p.until = made, time.Now().Add(max(freshFor, sparing*time.Since(start)/4))
	}
	p.under = nil
	close(done)
}

// chronicle is what the worker knows of itself. It belongs to its loop.
type chronicle struct{ status.Worker }

// taken notes that a configuration is in force now.
func (c *chronicle) taken() {
	c.Loaded = time.Now()
	c.Reloads.Taken++
}

// state is how this process stands.
func (w *workerProcess) state() status.Worker {
	s := w.chronicle.Worker
	s.File = w.opts.Config()
	s.Transitions, s.Checks = w.journal.transitions(), w.balance.runner.Tally()
	s.Scripts, s.Hooks = w.scripts.all(), w.teller.caller.Tally()
	if w.trial != nil {
		until := onWall(w.trial.Until)
		s.Trial = &until
	}
	return s
}

// snapshot asks everybody at the same time.
func (c control) snapshot(ctx context.Context) (*status.Snapshot, error) {
	balanced := make(chan *status.Balanced, 1)
	go func() {
		b, _ := c.w.balances.look(ctx) // nil without an answer in time
		balanced <- b
	}()
	worker := make(chan status.Worker, 1)
	router, err := ask(ctx, c, func() <-chan *status.Router {
		worker <- c.w.state()
		c.w.send(&relay.Down{Ask: true})
		return c.w.waiting.status.join()
	})
	if err != nil {
		return nil, err
	}
	node, _ := os.Hostname()
	return &status.Snapshot{
		Form: status.Form, Node: node, Build: status.Build{Version: c.w.opts.Version, Go: runtime.Version()},
		At: engine.Now(), Time: time.Now(), Router: router, Balanced: <-balanced, Worker: <-worker,
	}, nil
}

// balanced asks the balancer.
func (c control) balanced(ctx context.Context) (*status.Balanced, error) {
	return ask(ctx, c, func() <-chan *status.Balanced {
		answer := make(chan *status.Balanced, 1)
		c.w.balance.ask(func(s *status.Balanced) { answer <- s })
		return answer
	})
}
