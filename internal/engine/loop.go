// Package engine is the loop that collects events, steps a brain and has its
// effects carried out, and the reconciler that keeps the kernel as it is
// wanted. What it acts with comes in through interfaces.
package engine

import (
	"holdfast/internal/mono"
	"holdfast/internal/router"
)

// World is where events come from and effects go to.
type World interface {
	Now() mono.Instant
	// Wait returns when something may have come in, at the latest at until.
	Wait(until mono.Instant)
	// Drain hands over everything that waits, datagrams first.
	Drain(step func(router.Event))
	// Transmit sends packets; they are valid only during the call.
	Transmit(now mono.Instant, fx *router.Effects)
	// Carry carries out everything else.
	Carry(fx *router.Effects)
	// Late is told how long after its deadline the brain was stepped.
	Late(by mono.Instant)
}

// Loop owns a Router: nothing else touches it while Run runs.
type Loop struct {
	Router *router.Router
	World  World
	fx     router.Effects
}

// Run steps the Router until it has stopped. A deadline expires only after
// everything that waited in the sockets has been handed over, so that a busy
// machine does not take its own delay for a dead master.
func (l *Loop) Run() {
	for !l.Router.Stopped() {
		l.turn()
	}
}

func (l *Loop) turn() {
	l.World.Wait(l.Router.Deadline())
	l.World.Drain(l.step)
	l.expire()
	l.World.Carry(&l.fx)
	l.fx.Reset()
}

func (l *Loop) expire() {
	due, now := l.Router.Deadline(), l.World.Now()
	if due > now {
		return
	}
	l.World.Late(now - due)
	l.step(router.Expired{})
}

// step takes one event and sends at once what it asks to be sent: the packets
// of a router are valid until its next step only.
func (l *Loop) step(ev router.Event) {
	now := l.World.Now()
	l.Router.Step(now, ev, &l.fx)
	if len(l.fx.Sends) > 0 {
		l.World.Transmit(now, &l.fx)
		l.fx.Sends = l.fx.Sends[:0]
	}
}
