package engine

import (
	"context"
	"slices"
	"time"

	"holdfast/internal/router"
)

// ears holds the sockets that adverts come in by. It opens, adjusts and closes them away
// from the loop: joining and leaving a group waits for a lock of the kernel that everybody
// takes who makes or removes links, at times for seconds.
type ears struct {
	open    func(port *router.Port, ifindex int) (Receiver, error)
	trouble func(string)
	opened  *Mailbox[opened] // what came of orders

	orders  *Mailbox[order]
	ordered <-chan struct{}
	ports   []port
	told    map[router.Ear]string // what is wrong with those that cannot be opened
}

// order says which ports there are to be; serial is one more each time.
type order struct {
	serial uint64
	want   []port
}

// opened are all ports that are open for an order.
type opened struct {
	serial uint64
	ports  []port
}

// port is a Receiver and what it was opened for.
type port struct {
	router.Port
	ifindex  int
	receiver Receiver
}

// is reports whether two ports are the same socket, however it is adjusted.
func (p *port) is(o *port) bool { return p.Ear == o.Ear && p.ifindex == o.ifindex }

// alike reports whether nothing has to be done to make the one the other.
func alike(p, o port) bool {
	return p.is(&o) && p.VRIDs == o.VRIDs && p.All == o.All && p.Buffer == o.Buffer && slices.Equal(p.Groups, o.Groups)
}

func newEars(h *Hands, done *Mailbox[opened]) *ears {
	e := &ears{open: h.Open, opened: done, told: map[router.Ear]string{}}
	e.trouble = func(text string) { h.Tell(Told{Trouble: text}) }
	e.orders, e.ordered = NewMailbox[order]()
	return e
}

// run serves orders until ctx ends. What cannot be opened is tried again.
func (e *ears) run(ctx context.Context) {
	var last order
	again := time.NewTicker(retry)
	defer again.Stop()
	for {
		select {
		case <-e.ordered:
			e.orders.Take(func(o order) { last = o })
			e.told = map[router.Ear]string{}
		case <-again.C:
			if len(e.told) == 0 {
				continue
			}
		case <-ctx.Done():
			discard(e.ports)
			return
		}
		e.serve(last.want)
		e.opened.Put(opened{last.serial, slices.Clone(e.ports)})
	}
}

// serve makes the ports those that are wanted, as far as it can.
func (e *ears) serve(want []port) {
	old := e.ports
	e.ports = make([]port, 0, len(want))
	for i := range want {
		p, err := e.reuse(old, &want[i])
		if p.receiver != nil {
			e.ports = append(e.ports, p)
		}
		e.complain(want[i].Ear, err)
	}
	discard(old)
}

// discard closes ports whose links or routers are gone.
func discard(ports []port) {
	for i := range ports {
		if r := ports[i].receiver; r != nil {
			_ = r.Close()
		}
	}
}

// reuse takes an open port over, or opens one.
func (e *ears) reuse(old []port, want *port) (port, error) {
	at := slices.IndexFunc(old, func(o port) bool { return o.receiver != nil && o.is(want) })
	if at < 0 {
		r, err := e.open(&want.Port, want.ifindex)
		return port{want.Port, want.ifindex, r}, err
	}
	p := old[at]
	old[at].receiver = nil
	if alike(p, *want) {
		return p, nil
	}
	err := p.receiver.Listen(&want.Port)
	if err == nil {
		p.Port = want.Port
	}
	return p, err
}

// complain says once what is wrong.
func (e *ears) complain(about router.Ear, err error) {
	if err == nil {
		delete(e.told, about)
		return
	}
	if e.told[about] != err.Error() {
		e.told[about] = err.Error()
		e.trouble(err.Error())
	}
}
