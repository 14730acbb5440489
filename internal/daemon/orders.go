package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"holdfast/internal/api"
	"holdfast/internal/balancer"
	"holdfast/internal/relay"
)

// ordersFile is where stands what people want of real servers beside the configuration.
type ordersFile string

func (f ordersFile) read() (list []balancer.Order, err error) {
	text, err := os.ReadFile(string(f))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &list)
	}
	if err != nil {
		return nil, fmt.Errorf("read the orders for real servers: %w", err)
	}
	return list, nil
}

// write replaces the file as a whole, or removes it when there are none.
func (f ordersFile) write(list []balancer.Order) error {
	if len(list) == 0 {
		if err := os.Remove(string(f)); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(list)
	if err != nil {
		return fmt.Errorf("keep the orders for real servers: %w", err)
	}
	next := string(f) + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("keep the orders for real servers: %w", err)
	}
	return os.Rename(next, string(f))
}

// recall is what an earlier run, or another worker, has kept.
func (b *balance) recall() []balancer.Order {
	list, err := b.orders.read()
	if err != nil {
		b.say(relay.Line{Text: err.Error(), Bad: true})
	}
	return list
}

func (b *balance) remember(list []balancer.Order) {
	if err := b.orders.write(list); err != nil {
		b.say(relay.Line{Text: err.Error(), Bad: true})
	}
}

var errNoServers = errors.New("there are no virtual servers")

func wishOf(o api.ServerOrder) balancer.Wish {
	w := balancer.Wish{Real: o.Server, Of: o.Of, Drain: o.Drain, Force: o.Force}
	if o.Weight != nil {
		weight := int32(*o.Weight)
		w.Weight = &weight
	}
	return w
}

// Serve implements api.Control.
func (c control) Serve(ctx context.Context, o api.ServerOrder) error {
	failed, err := ask(ctx, c, func() <-chan error {
		answer := make(chan error, 1)
		if c.w.balance.loop == nil {
			answer <- errNoServers
			return answer
		}
		c.w.balance.loop.Wish(wishOf(o), func(err error) { answer <- err })
		return answer
	})
	return firstOf(err, failed)
}
