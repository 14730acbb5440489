package bfd_test

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/bfd/wire"
)

// keepalived's behaviour beyond the RFC, section by section.

func TestSectionOneAStartTellsDownAndSpeaksAtOnce(t *testing.T) {
	r := newRig(t)
	passive := r.plain(r.a)
	passive.Name, passive.Passive, passive.Neighbour = "quiet", true, netip.MustParseAddr("192.0.2.3")
	r.apply(r.a, r.plain(r.a), passive)
	r.run(0)
	if want := []bfd.Verdict{{Name: "s"}, {Name: "quiet"}}; !slices.Equal(r.a.told, want) {
		t.Errorf("told %v, want %v", r.a.told, want)
	}
	if len(r.a.sent) != 1 || r.a.sent[0].at != 1 {
		t.Errorf("sent %+v, want one packet of the session that is not passive", r.a.sent)
	}
}

func TestSectionFourWhatAPacketSays(t *testing.T) {
	r := newRig(t)
	c := r.plain(r.a)
	c.MinRX, c.MinTX, c.IdleTX, c.Multiplier = 30*time.Millisecond, 20*time.Millisecond, 2*time.Second, 7
	r.apply(r.a, c)
	r.run(0)
	want := wire.Packet{State: wire.Down, Multiplier: 7, Mine: r.a.view().Mine, DesiredMinTx: 2 * time.Second, RequiredMinRx: 30 * time.Millisecond}
	if got := r.a.sent[0].Packet; got != want || got.Mine == 0 {
		t.Errorf("down: %+v, want %+v", got, want)
	}
	r.apply(r.b, r.plain(r.b))
	r.run(10 * time.Second)
	want.State, want.Yours, want.DesiredMinTx = wire.Up, r.b.view().Mine, 20*time.Millisecond
	if got := r.a.sent[len(r.a.sent)-1].Packet; got != want {
		t.Errorf("up: %+v, want %+v", got, want)
	}
}

// said is a packet of the other end to a, which is up.
func (r *rig) said(change func(*wire.Packet)) {
	v := r.a.view()
	p := wire.Packet{State: wire.Up, Multiplier: 5, Mine: v.Yours, Yours: v.Mine, DesiredMinTx: 10 * time.Millisecond, RequiredMinRx: 10 * time.Millisecond}
	change(&p)
	r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255})
}

func TestSectionSixIntervalsOfAnEndThatIsUpChangeByAPollOnly(t *testing.T) {
	for _, c := range []struct {
		name                string
		poll, final         bool
		interval, detection time.Duration
	}{
		{"neither", false, false, 10 * time.Millisecond, 30 * time.Millisecond},
		{"a poll", true, false, 40 * time.Millisecond, 150 * time.Millisecond},
		{"a final", false, true, 40 * time.Millisecond, 150 * time.Millisecond},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t)
			r.up()
			r.said(func(p *wire.Packet) {
				p.Poll, p.Final, p.Multiplier, p.DesiredMinTx, p.RequiredMinRx = c.poll, c.final, 3, 50*time.Millisecond, 40*time.Millisecond
			})
			if v := r.a.view(); v.Interval != c.interval || v.Detection != c.detection {
				t.Errorf("interval %v and detection %v, want %v and %v: the multiplier counts at once", v.Interval, v.Detection, c.interval, c.detection)
			}
		})
	}
}

func TestSectionSixWhoTakesPacketsInNoTimeIsSentThemAllTheSame(t *testing.T) {
	r := newRig(t)
	r.up()
	r.said(func(p *wire.Packet) { p.Poll, p.RequiredMinRx, p.Multiplier = true, 0, 255 })
	r.a.deaf = true
	r.a.forget()
	r.run(100 * time.Millisecond)
	if n := len(r.a.sent); n < 10 {
		t.Errorf("%d packets in 100 ms", n)
	}
}

func TestSectionSixAShorterIntervalHoldsAtOnce(t *testing.T) {
	r := newRig(t)
	r.up()
	r.said(func(p *wire.Packet) { p.Poll, p.RequiredMinRx, p.Multiplier = true, time.Second, 255 })
	r.a.deaf = true
	r.run(300 * time.Millisecond)
	r.said(func(p *wire.Packet) { p.Poll, p.Multiplier = true, 255 })
	r.a.forget()
	r.run(12 * time.Millisecond)
	if len(r.a.sent) == 0 {
		t.Error("it waits for the end of the interval that is no more")
	}
}

func TestSectionSixWhatStartsAPoll(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(*bfd.Config)
		want   bool
	}{
		{"min_rx", func(c *bfd.Config) { c.MinRX *= 2 }, true},
		{"min_tx", func(c *bfd.Config) { c.MinTX *= 2 }, true},
		{"idle_tx", func(c *bfd.Config) { c.IdleTX *= 2 }, false},
		{"multiplier", func(c *bfd.Config) { c.Multiplier++ }, false},
		{"nothing", func(*bfd.Config) {}, false},
	} {
		r := newRig(t)
		r.up()
		changed := r.plain(r.a)
		c.change(&changed)
		r.apply(r.a, changed)
		if got := r.a.view().Polling; got != c.want {
			t.Errorf("a reload that changes %s: polls %v", c.name, got)
		}
	}
	for _, idle := range []time.Duration{time.Second, 2 * time.Second} {
		r := newRig(t)
		c := r.plain(r.a)
		c.IdleTX, c.MinTX = idle, time.Second
		r.apply(r.a, c)
		r.apply(r.b, r.plain(r.b))
		r.run(10 * time.Second)
		polled := slices.ContainsFunc(r.a.sent, func(s sent) bool { return s.Poll })
		if polled != (idle != c.MinTX) {
			t.Errorf("going up with idle_tx %v and min_tx %v: polled %v", idle, c.MinTX, polled)
		}
	}
}

func TestSectionSixAFinalMakesAnOutstandingPollSuperfluous(t *testing.T) {
	r := newRig(t)
	r.up()
	r.lose = func() bool { return true }
	c := r.plain(r.a)
	c.MinRX = 20 * time.Millisecond
	r.apply(r.a, c)
	r.said(func(p *wire.Packet) { p.Poll = true })
	if last := r.a.sent[len(r.a.sent)-1]; r.a.view().Polling || !last.Final || last.RequiredMinRx != c.MinRX {
		t.Errorf("polling %v, sent %+v", r.a.view().Polling, last)
	}
}

// Every state meets every state of the other end. Only going up and coming down from
// there is told, and a neighbour that goes on purpose is not.
func TestSectionSevenEveryTransition(t *testing.T) {
	none, signalled := wire.NoDiagnostic, wire.NeighbourDown
	for _, c := range []struct {
		from, heard, to wire.State
		why             wire.Diagnostic
		told            []bfd.Verdict
	}{
		{wire.Down, wire.AdminDown, wire.Down, none, nil},
		{wire.Down, wire.Down, wire.Init, none, nil},
		{wire.Down, wire.Init, wire.Up, none, []bfd.Verdict{{Name: "s", Up: true}}},
		{wire.Down, wire.Up, wire.Down, none, nil},
		{wire.Init, wire.AdminDown, wire.Down, signalled, nil},
		{wire.Init, wire.Down, wire.Init, none, nil},
		{wire.Init, wire.Init, wire.Up, none, []bfd.Verdict{{Name: "s", Up: true}}},
		{wire.Init, wire.Up, wire.Up, none, []bfd.Verdict{{Name: "s", Up: true}}},
		{wire.Up, wire.AdminDown, wire.Down, signalled, nil},
		{wire.Up, wire.Down, wire.Down, signalled, []bfd.Verdict{{Name: "s"}}},
		{wire.Up, wire.Init, wire.Up, none, nil},
		{wire.Up, wire.Up, wire.Up, none, nil},
	} {
		t.Run(fmt.Sprintf("%v hears %v", c.from, c.heard), func(t *testing.T) {
			r := newRig(t)
			r.apply(r.a, r.plain(r.a))
			hear := func(s wire.State) {
				p := wire.Packet{State: s, Multiplier: 5, Mine: 9, Yours: r.a.view().Mine, DesiredMinTx: time.Second, RequiredMinRx: time.Second}
				r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255})
			}
			if c.from != wire.Down {
				hear(wire.Down)
			}
			if c.from == wire.Up {
				hear(wire.Up)
			}
			r.a.forget()
			hear(c.heard)
			if v := r.a.view(); v.State != c.to || v.Local != c.why || !slices.Equal(r.a.told, c.told) {
				t.Errorf("%v (%v), told %v; want %v (%v), %v", v.State, v.Local, r.a.told, c.to, c.why, c.told)
			}
		})
	}
}

func TestSectionSevenSilenceEndsInitAsItEndsUp(t *testing.T) {
	r := newRig(t)
	r.apply(r.a, r.plain(r.a))
	p := wire.Packet{State: wire.Down, Multiplier: 3, Mine: 9, DesiredMinTx: time.Second, RequiredMinRx: time.Second}
	r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255})
	mine := r.a.view().Mine
	r.a.forget()
	r.run(2999 * time.Millisecond)
	if got := r.a.view().State; got != wire.Init {
		t.Fatalf("%v before the detection time", got)
	}
	r.run(2 * time.Millisecond)
	v := r.a.view()
	if v.State != wire.Down || v.Local != wire.DetectionExpired || v.Yours != 0 || v.Mine != mine || len(r.a.told) != 0 {
		t.Errorf("%+v, told %v; the discriminator is kept, and nothing is told", v, r.a.told)
	}
}

func TestSectionSevenGoingUpClearsTheDiagnostic(t *testing.T) {
	r := newRig(t)
	r.up()
	r.lose = func() bool { return true }
	r.run(time.Second)
	if got := r.a.view().Local; got != wire.DetectionExpired {
		t.Fatalf("%v", got)
	}
	r.lose = nil
	r.run(5 * time.Second)
	if got := r.a.view().Local; got != wire.NoDiagnostic {
		t.Errorf("%v", got)
	}
}

func TestSectionNineAnotherNeighbourTakesOverTheState(t *testing.T) {
	r := newRig(t)
	r.up()
	was := r.a.view()
	c := r.plain(r.a)
	c.Neighbour, c.Source = netip.MustParseAddr("192.0.2.77"), netip.MustParseAddr("192.0.2.1")
	r.apply(r.a, c)
	now := r.a.view()
	if now.State != wire.Up || now.Mine != was.Mine || now.Yours != was.Yours || now.Detection != was.Detection {
		t.Errorf("%+v\nwas %+v", now, was)
	}
	if p := r.a.set.Paths(); p[0].Neighbour != c.Neighbour || p[0].Source != c.Source {
		t.Errorf("sent to %+v", p)
	}
}

func TestSectionNinePendingTimersGoOn(t *testing.T) {
	r := newRig(t)
	r.up()
	r.lose = func() bool { return true }
	r.run(30 * time.Millisecond)
	for range 5 { // a reload must not put off the end of a silent neighbour
		r.apply(r.a, r.plain(r.a))
		r.run(4 * time.Millisecond)
	}
	r.run(10 * time.Millisecond)
	if got := r.a.view().State; got != wire.Down {
		t.Errorf("%v 60 ms after the last packet", got)
	}
}

func TestSectionNineOneSessionMoreOrLessTouchesNoOther(t *testing.T) {
	r := newRig(t)
	r.up()
	was := r.a.view()
	other := r.plain(r.a)
	other.Name, other.Neighbour = "other", netip.MustParseAddr("192.0.2.3")
	r.apply(r.a, other, r.plain(r.a))
	if got := r.a.set.Views()[0]; got != was {
		t.Errorf("%+v\nwas %+v", got, was)
	}
	r.a.forget()
	r.apply(r.a, r.plain(r.a))
	if got := r.a.view(); got != was || len(r.a.entered) != 0 {
		t.Errorf("%+v\nwas %+v; entered %v", got, was, r.a.entered)
	}
}

func TestSectionFourDiscriminatorsDiffer(t *testing.T) {
	set := bfd.New(rand.New(rand.NewPCG(1, 1)))
	var list []bfd.Config
	for i := range 200 {
		list = append(list, bfd.Config{Name: fmt.Sprint(i), Neighbour: netip.AddrFrom4([4]byte{192, 0, 2, byte(i)}), MinRX: time.Second, MinTX: time.Second, IdleTX: time.Second, Multiplier: 3})
	}
	set.Apply(1, list, &bfd.Out{})
	seen := map[uint32]bool{0: true}
	for _, v := range set.Views() {
		if seen[v.Mine] {
			t.Errorf("%d is taken", v.Mine)
		}
		seen[v.Mine] = true
	}
	if len(seen) != 1+len(list) {
		t.Errorf("%d sessions have one", len(seen)-1)
	}
}
