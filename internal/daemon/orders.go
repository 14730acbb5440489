package daemon

import (
	"context"
	"errors"

	"holdfast/internal/api"
	"holdfast/internal/balancer"
	"holdfast/internal/relay"
)

// recall is what an earlier run, or another worker, has kept.
func (b *balance) recall() []balancer.Order {
	list, err := b.papers.orders.read()
	b.complain(err)
	return list
}

func (b *balance) remember(list []balancer.Order) {
	b.complain(b.papers.orders.write(list, len(list) == 0))
}

// stand keeps how the servers stand, for another worker.
func (b *balance) stand(s balancer.Standing) {
	b.complain(b.papers.standing.write(s, len(s.Lost)+len(s.Findings) == 0))
}

// resume goes on where the worker before was.
func (b *balance) resume() {
	s, err := b.papers.standing.read()
	if b.complain(err); err == nil {
		b.loop.Resume(s)
	}
}

func (b *balance) complain(err error) {
	if err != nil {
		b.say(relay.Line{Text: err.Error(), Bad: true})
	}
}

var errNoServers = errors.New("there are no virtual servers: write a virtual_server into the configuration and reload it")

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
