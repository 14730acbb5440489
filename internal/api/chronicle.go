package api

import (
	"context"
	"sync"

	"holdfast/internal/status"
)

// Chronicle is a journal that goroutines share, each at its own pace: nobody who writes
// waits for somebody who reads. The zero value is empty.
type Chronicle struct {
	mu     sync.Mutex
	events status.Journal
	more   chan struct{} // closed at the next event; nil: nobody waits
}

// Add takes an event in.
func (c *Chronicle) Add(e status.Event) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.events.Add(e)
	if c.more != nil {
		close(c.more)
		c.more = nil
	}
}

// Events lists what came after an event; wait: it waits until there is something.
func (c *Chronicle) Events(ctx context.Context, after uint64, wait bool) ([]status.Event, error) {
	for {
		list, more := c.look(after)
		if len(list) > 0 || !wait {
			return list, nil
		}
		select {
		case <-more:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (c *Chronicle) look(after uint64) (list []status.Event, more <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.more == nil {
		c.more = make(chan struct{})
	}
	return c.events.After(after), c.more
}

// Last is the number of the latest event; 0: there was none.
func (c *Chronicle) Last() uint64 {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.events.Last()
}
