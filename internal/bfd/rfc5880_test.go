package bfd_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/bfd/wire"
)

func Test62TheHandshakeHasThreeSteps(t *testing.T) {
	r := newRig(t)
	r.apply(r.a, r.plain(r.a))
	r.run(3 * time.Second)
	r.apply(r.b, r.plain(r.b))
	r.run(2 * time.Second)
	r.states(wire.Up, wire.Up)
	if want := []wire.State{wire.Init, wire.Up}; !slices.Equal(r.b.entered, want) && !slices.Equal(r.a.entered, want) {
		t.Errorf("a went through %v, b through %v", r.a.entered, r.b.entered)
	}
	if want := []bfd.Verdict{{Name: "s"}, {Name: "s", Up: true}}; !slices.Equal(r.a.told, want) {
		t.Errorf("told %v, want %v", r.a.told, want)
	}
}

func Test684SilenceForTheDetectionTimeIsDown(t *testing.T) {
	r := newRig(t)
	r.up()
	r.lose = func() bool { return true }
	r.run(38 * time.Millisecond) // the last packet may be 9 ms old, and one is on its way
	r.states(wire.Up, wire.Up)
	r.run(20 * time.Millisecond)
	r.states(wire.Down, wire.Down)
	c := r.a.changes[0]
	if c.Local != wire.DetectionExpired || c.Silence < 50*time.Millisecond || c.Overdue != c.Silence-50*time.Millisecond {
		t.Errorf("%+v", c)
	}
	if v := r.a.view(); v.Yours != 0 {
		t.Errorf("it still knows the other end as %d", v.Yours)
	}
}

func Test684DetectionIsTheMultiplierOfTheOtherEndTimesTheSlowerInterval(t *testing.T) {
	for _, c := range []struct {
		name         string
		rx, tx       time.Duration // of a
		multiplier   uint8
		wantA, wantB time.Duration
	}{
		{"equal", 10 * time.Millisecond, 10 * time.Millisecond, 5, 50 * time.Millisecond, 50 * time.Millisecond},
		{"a takes them slowly", 40 * time.Millisecond, 10 * time.Millisecond, 5, 200 * time.Millisecond, 50 * time.Millisecond},
		{"a sends slowly", 10 * time.Millisecond, 30 * time.Millisecond, 3, 50 * time.Millisecond, 90 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.up(func(o *bfd.Config) { o.MinRX, o.MinTX, o.Multiplier = c.rx, c.tx, c.multiplier })
			if a, b := r.a.view().Detection, r.b.view().Detection; a != c.wantA || b != c.wantB {
				t.Errorf("a %v, b %v; want %v, %v", a, b, c.wantA, c.wantB)
			}
		})
	}
}

func Test687EveryIntervalIsTenToTwentyFivePercentShorter(t *testing.T) {
	r := newRig(t)
	r.up()
	r.run(2 * time.Second)
	shortest, longest := time.Hour, time.Duration(0)
	for i := 1; i < len(r.a.sent); i++ {
		d := r.a.sent[i].at.Sub(r.a.sent[i-1].at)
		shortest, longest = min(shortest, d), max(longest, d)
	}
	if shortest < 7500*time.Microsecond || longest > 9*time.Millisecond || longest-shortest < 800*time.Microsecond {
		t.Errorf("between %v and %v", shortest, longest)
	}
}

func Test683UntilBothAreUpPacketsGoSlowly(t *testing.T) {
	r := newRig(t)
	r.apply(r.a, r.plain(r.a))
	r.run(10 * time.Second)
	if n := len(r.a.sent); n < 11 || n > 14 {
		t.Errorf("%d packets in ten seconds", n)
	}
	if p := r.a.sent[0]; p.DesiredMinTx != time.Second || p.State != wire.Down || p.Yours != 0 {
		t.Errorf("%+v", p)
	}
}

func Test65APollLastsUntilItIsAnswered(t *testing.T) {
	r := newRig(t)
	r.up()
	if r.a.view().Polling || r.b.view().Polling {
		t.Fatal("the poll of going up was not answered")
	}
	c := r.plain(r.a)
	c.MinRX = 50 * time.Millisecond
	r.lose = func() bool { return true }
	r.apply(r.a, c)
	r.run(20 * time.Millisecond)
	if p := r.a.sent[len(r.a.sent)-1]; !p.Poll || p.RequiredMinRx != 50*time.Millisecond {
		t.Fatalf("%+v", p)
	}
	r.lose = nil
	r.run(100 * time.Millisecond)
	if r.a.view().Polling {
		t.Error("it still polls")
	}
	if got := r.b.view().Interval; got != 50*time.Millisecond {
		t.Errorf("the other end sends every %v", got)
	}
	if r.a.view().State != wire.Up || len(r.a.changes) != 0 {
		t.Errorf("the change took it down: %v", r.a.changes)
	}
}

func Test686AReceivedPollIsAnsweredAtOnce(t *testing.T) {
	r := newRig(t)
	r.up()
	v := r.b.view()
	poll := wire.Packet{State: wire.Up, Poll: true, Multiplier: 5, Mine: r.a.view().Mine, Yours: v.Mine, DesiredMinTx: 10 * time.Millisecond, RequiredMinRx: 10 * time.Millisecond}
	before := len(r.b.sent)
	r.hand(r.b, bfd.Datagram{Data: poll.Append(nil), Src: r.a.addr, Dst: r.b.addr, TTL: 255})
	if len(r.b.sent) != before+1 || !r.b.sent[before].Final || r.b.sent[before].Poll {
		t.Errorf("%+v", r.b.sent[before:])
	}
}

func Test681LeavingUpTakesANewDiscriminator(t *testing.T) {
	r := newRig(t)
	r.up()
	was := r.a.view().Mine
	r.lose = func() bool { return true }
	r.run(time.Second)
	if now := r.a.view().Mine; now == was || now == 0 {
		t.Errorf("%d before, %d now", was, now)
	}
}

func Test681OneDetectionTimeAfterGoingDownTheRestIsForgotten(t *testing.T) {
	r := newRig(t)
	r.up()
	r.lose = func() bool { return true }
	r.run(time.Second)
	if v := r.a.view(); v.RemoteState != wire.Down || v.Detection != 0 {
		t.Errorf("remote %v, detection %v", v.RemoteState, v.Detection)
	}
}

func Test62AnEndThatComesBackUpIsHeardAgain(t *testing.T) {
	r := newRig(t)
	r.up()
	r.lose = func() bool { return true }
	r.run(time.Second)
	r.lose = nil
	r.run(5 * time.Second)
	r.states(wire.Up, wire.Up)
	if want := []bfd.Verdict{{Name: "s"}, {Name: "s", Up: true}}; !slices.Equal(r.a.told, want) {
		t.Errorf("told %v", r.a.told)
	}
}

func Test62AnEndThatGoesDownTakesTheOtherWithIt(t *testing.T) {
	r := newRig(t)
	r.up()
	r.a.deaf = true
	r.run(60 * time.Millisecond)
	if r.b.changes[0].To != wire.Down || r.b.changes[0].Local != wire.NeighbourDown || r.b.changes[0].Remote != wire.DetectionExpired {
		t.Errorf("%+v", r.b.changes)
	}
}

func Test686AdminDownOfTheOtherEndIsNoFailure(t *testing.T) {
	r := newRig(t)
	r.up()
	r.b.set.NoSocket(r.now, "s", &r.b.out)
	r.collect(r.b)
	v := r.a.view()
	p := wire.Packet{State: wire.AdminDown, Multiplier: 5, Mine: v.Yours, Yours: v.Mine, DesiredMinTx: time.Second}
	r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255})
	if r.a.view().State != wire.Down || len(r.a.told) != 0 {
		t.Errorf("state %v, told %v", r.a.view().State, r.a.told)
	}
}

func Test61APassiveEndSpeaksWhenSpokenTo(t *testing.T) {
	r := newRig(t)
	c := r.plain(r.a)
	c.Passive = true
	r.apply(r.a, c)
	r.run(5 * time.Second)
	if len(r.a.sent) != 0 {
		t.Fatalf("%d packets", len(r.a.sent))
	}
	r.apply(r.b, r.plain(r.b))
	r.run(3 * time.Second)
	r.states(wire.Up, wire.Up)
	r.b.deaf, r.lose = true, func() bool { return true }
	r.run(time.Second)
	before := len(r.a.sent)
	r.run(5 * time.Second)
	if len(r.a.sent) != before {
		t.Errorf("%d packets after it went down", len(r.a.sent)-before)
	}
}

func Test66DemandEndsThePeriodicPackets(t *testing.T) {
	r := newRig(t)
	r.up()
	v := r.a.view()
	p := wire.Packet{State: wire.Up, Demand: true, Multiplier: 200, Mine: v.Yours, Yours: v.Mine, DesiredMinTx: 10 * time.Millisecond, RequiredMinRx: 10 * time.Millisecond}
	r.a.deaf = true
	r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255})
	r.a.forget()
	r.run(300 * time.Millisecond)
	if len(r.a.sent) != 0 {
		t.Errorf("%d packets", len(r.a.sent))
	}
	p.Demand = false
	r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255})
	r.run(30 * time.Millisecond)
	if len(r.a.sent) < 3 {
		t.Errorf("%d packets after the demand ended", len(r.a.sent))
	}
}

func Test686WhatIsNotHeeded(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*bfd.Datagram, *wire.Packet)
		want   bfd.NoteKind
	}{
		{"a flaw of its own", func(_ *bfd.Datagram, p *wire.Packet) { p.Multiplier = 0 }, bfd.Bogus},
		{"a number that nobody has", func(_ *bfd.Datagram, p *wire.Packet) { p.Yours = 1 }, bfd.Stranger},
		{"no number, unknown address", func(d *bfd.Datagram, p *wire.Packet) {
			p.Yours, p.State, d.Src = 0, wire.Down, netip.MustParseAddr("192.0.2.9")
		}, bfd.Stranger},
		{"no number, the other port", func(d *bfd.Datagram, p *wire.Packet) { p.Yours, p.State, d.MultiHop = 0, wire.Down, true }, bfd.Stranger},
		{"came from afar", func(d *bfd.Datagram, _ *wire.Packet) { d.TTL = 254 }, bfd.FarAway},
		{"authenticated", func(_ *bfd.Datagram, p *wire.Packet) { p.Auth = true }, bfd.Authenticated},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.up()
			v := r.a.view()
			p := wire.Packet{State: wire.Down, Multiplier: 5, Mine: v.Yours, Yours: v.Mine}
			d := bfd.Datagram{Src: r.b.addr, Dst: r.a.addr, TTL: 255}
			c.change(&d, &p)
			d.Data = p.Append(nil)
			notes := r.hand(r.a, d)
			if len(notes) != 1 || notes[0].Kind != c.want {
				t.Errorf("%+v", notes)
			}
			if after := r.a.view(); after != v {
				t.Errorf("%+v\nwas %+v", after, v)
			}
		})
	}
}

// keepalived compares neither source nor port once the number is known.
func Test686TheNumberAloneFindsTheSession(t *testing.T) {
	r := newRig(t)
	r.up()
	v := r.a.view()
	p := wire.Packet{State: wire.Down, Multiplier: 5, Mine: v.Yours, Yours: v.Mine}
	r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: netip.MustParseAddr("198.51.100.7"), Dst: r.a.addr, TTL: 255})
	if got := r.a.view().State; got != wire.Down {
		t.Errorf("%v", got)
	}
}

func TestLeastTTL(t *testing.T) {
	for _, c := range []struct {
		name   string
		least  uint8
		ttl    int
		heeded bool
	}{
		{"a neighbour on the link", 255, 255, true},
		{"a router in between", 255, 254, false},
		{"three hops are allowed", 252, 252, true},
		{"a fourth is not", 252, 251, false},
		{"no check", 0, 1, true},
		{"the kernel does not tell", 255, -1, true},
	} {
		r := newRig(t)
		r.up(func(o *bfd.Config) { o.LeastTTL = c.least })
		v := r.a.view()
		p := wire.Packet{State: wire.Down, Multiplier: 5, Mine: v.Yours, Yours: v.Mine}
		r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: c.ttl})
		if got := r.a.view().State == wire.Down; got != c.heeded {
			t.Errorf("%s: heeded: %v", c.name, got)
		}
	}
}

func TestAReloadKeepsTheSessionAndTellsItsState(t *testing.T) {
	r := newRig(t)
	r.up()
	was := r.a.view()
	r.apply(r.a, r.plain(r.a))
	if got := r.a.view(); got != was {
		t.Errorf("%+v\nwas %+v", got, was)
	}
	if want := []bfd.Verdict{{Name: "s", Up: true}}; !slices.Equal(r.a.told, want) {
		t.Errorf("told %v", r.a.told)
	}
	r.run(time.Second)
	r.states(wire.Up, wire.Up)
	r.apply(r.a)
	if len(r.a.set.Views()) != 0 {
		t.Error("a session that is gone from the file is still there")
	}
}

func TestWithoutASocketASessionIsAdminDown(t *testing.T) {
	r := newRig(t)
	r.up()
	r.a.set.NoSocket(r.now, "s", &r.a.out)
	r.collect(r.a)
	r.a.forget()
	r.a.deaf = true
	r.run(50 * time.Second)
	if len(r.a.sent) != 0 || r.a.view().State != wire.AdminDown {
		t.Errorf("%d packets in state %v", len(r.a.sent), r.a.view().State)
	}
	r.a.deaf = false
	r.run(20 * time.Second)
	r.states(wire.Up, wire.Up)
}

// An end that was stopped for longer than the detection time reads what waits
// before it lets anything expire.
func TestAPauseIsNotTakenForSilence(t *testing.T) {
	r := newRig(t)
	r.up()
	r.a.frozen = true
	r.run(40 * time.Millisecond)
	r.a.frozen = false
	r.run(time.Second)
	r.states(wire.Up, wire.Up)
	if len(r.a.changes) != 0 {
		t.Errorf("%+v", r.a.changes)
	}
}

func TestAfterAnyLossBothEndsComeUp(t *testing.T) {
	for seed := range uint64(300) {
		r := newRig(t)
		random := rand.New(rand.NewPCG(seed, 7))
		r.lose = func() bool { return random.IntN(100) < 60 }
		r.apply(r.a, r.plain(r.a))
		r.apply(r.b, r.plain(r.b))
		for range 20 {
			r.run(time.Duration(random.IntN(1000)) * time.Millisecond)
			if random.IntN(10) == 0 {
				r.apply(r.a, r.plain(r.a))
			}
			r.a.deaf, r.b.deaf = random.IntN(4) == 0, random.IntN(4) == 0
		}
		r.lose, r.a.deaf, r.b.deaf = nil, false, false
		r.run(10 * time.Second)
		r.states(wire.Up, wire.Up)
	}
}

func TestTheSteadyStateAllocatesNothing(t *testing.T) {
	r := newRig(t)
	r.up()
	v := r.a.view()
	p := wire.Packet{State: wire.Up, Multiplier: 5, Mine: v.Yours, Yours: v.Mine, DesiredMinTx: 10 * time.Millisecond, RequiredMinRx: 10 * time.Millisecond}
	d := bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255}
	out := bfd.Out{Sends: make([]bfd.Send, 0, 8)}
	if n := testing.AllocsPerRun(1000, func() {
		r.now = r.a.set.Deadline()
		r.a.set.Receive(r.now, &d, &out)
		r.a.set.Expire(r.now, &out)
		out.Sends = out.Sends[:0]
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}
