// Package engine is the loop that collects events, steps a brain and has its
// effects carried out, and the reconciler that keeps the kernel as it is
// wanted. What it acts with comes in through interfaces.
package engine

import (
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/router"
)

// World is where events come from and effects go to.
type World interface {
	Now() mono.Instant
	// Ahead is how far the wall clock is ahead of Now.
	Ahead() time.Duration
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
	// held are events that wait until the next deadline has been kept; patience
	// is when they no longer do.
	held     []router.Event
	patience mono.Instant
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
	l.World.Drain(l.take)
	l.expire()
	l.release()
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

// long is an event that keeps the loop busy for a while.
type long interface{ Takes() time.Duration }

// longest is how long an event is held back at most.
const longest = 50 * time.Millisecond

// take steps the Router, unless the event takes so long that it would make the
// next deadline late: then it, and what comes after it, waits until that is kept.
func (l *Loop) take(ev router.Event) {
	switch ev.(type) {
	case router.Advert, router.Packet:
		l.step(ev)
		return
	}
	if len(l.held) == 0 {
		if !l.tight(ev) {
			l.step(ev)
			return
		}
		l.patience = l.World.Now().Add(longest)
	}
	l.held = append(l.held, ev)
}

// tight reports whether an event cannot be done before the next deadline.
func (l *Loop) tight(ev router.Event) bool {
	heavy, ok := ev.(long)
	return ok && l.Router.Deadline() < l.World.Now().Add(heavy.Takes())
}

// release steps the Router with what was held back.
func (l *Loop) release() {
	for len(l.held) > 0 {
		if l.tight(l.held[0]) && l.World.Now() < l.patience {
			return
		}
		l.step(l.held[0])
		l.held = l.held[1:]
	}
	l.held = nil
}

// step takes one event and sends at once what it asks to be sent: the packets
// of a router are valid until its next step only.
func (l *Loop) step(ev router.Event) {
	now := l.World.Now()
	if l.Router.Stamps() {
		l.Router.Wall(l.World.Ahead())
	}
	l.Router.Step(now, ev, &l.fx)
	if l.fx.Urgent() {
		l.World.Transmit(now, &l.fx)
		l.fx.Sent()
	}
}
