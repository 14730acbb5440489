package bfd_test

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/bfd/wire"
	"holdfast/internal/mono"
)

func Test683ALongerIntervalHoldsWhenThePollIsAnswered(t *testing.T) {
	r := newRig(t)
	r.up()
	c := r.plain(r.a)
	c.MinTX = 100 * time.Millisecond
	r.lose = func() bool { return true }
	r.apply(r.a, c)
	r.run(20 * time.Millisecond)
	if got := r.a.view().Interval; got != 10*time.Millisecond {
		t.Errorf("the other end does not know it yet, and packets go every %v", got)
	}
	r.lose = nil
	r.run(2 * time.Second)
	if a, b := r.a.view(), r.b.view(); a.Interval != c.MinTX || b.Detection != 5*c.MinTX {
		t.Errorf("packets every %v, the other end waits %v", a.Interval, b.Detection)
	}
	if len(r.a.changes)+len(r.b.changes) != 0 {
		t.Errorf("the change took it down: %+v %+v", r.a.changes, r.b.changes)
	}
}

func Test683AShorterIntervalOfTheirsHoldsWhenThePollIsAnswered(t *testing.T) {
	r := newRig(t)
	r.up(func(c *bfd.Config) { c.MinRX = 100 * time.Millisecond })
	r.lose = func() bool { return true }
	r.apply(r.a, r.plain(r.a))
	r.run(20 * time.Millisecond)
	if got := r.a.view().Detection; got != 500*time.Millisecond {
		t.Errorf("the other end still sends every 100 ms, and %v of silence are the end", got)
	}
	r.lose = nil
	r.run(2 * time.Second)
	if got := r.a.view().Detection; got != 50*time.Millisecond || len(r.a.changes)+len(r.b.changes) != 0 {
		t.Errorf("detection %v, changes %+v %+v", got, r.a.changes, r.b.changes)
	}
}

func Test684DetectionCountsFromWhenThePacketCame(t *testing.T) {
	r := newRig(t)
	r.up()
	v := r.a.view()
	p := wire.Packet{State: wire.Up, Multiplier: 5, Mine: v.Yours, Yours: v.Mine, DesiredMinTx: 10 * time.Millisecond, RequiredMinRx: 10 * time.Millisecond}
	came := r.now.Add(5 * time.Millisecond)
	r.now = r.now.Add(25 * time.Millisecond) // it was read late
	r.hand(r.a, bfd.Datagram{Data: p.Append(nil), Src: r.b.addr, Dst: r.a.addr, TTL: 255, At: came})
	if got := r.a.view().Heard; got != came {
		t.Errorf("heard at %v, want %v", got, came)
	}
	for r.a.view().State == wire.Up {
		r.now = r.a.set.Deadline()
		r.a.set.Expire(r.now, &r.a.out)
		r.collect(r.a)
	}
	if want := came.Add(50 * time.Millisecond); r.now != want {
		t.Errorf("down at %v, want %v", r.now, want)
	}
}

// Packets leave at a fixed rate: a loop that is always late by a millisecond does
// not send less.
func TestLatenessDoesNotAddUp(t *testing.T) {
	set := bfd.New(rand.New(rand.NewPCG(3, 3)))
	var out bfd.Out
	set.Apply(0, []bfd.Config{{Name: "s", Neighbour: netip.MustParseAddr("192.0.2.2"), MinRX: time.Second, MinTX: time.Second, IdleTX: 8 * time.Millisecond, Multiplier: 3}}, &out)
	const packets = 2000
	var now mono.Instant
	for range packets {
		now = set.Deadline().Add(time.Millisecond)
		set.Expire(now, &out)
	}
	if mean := time.Duration(now) / packets; len(out.Sends) != packets || mean < 6500*time.Microsecond || mean > 6900*time.Microsecond {
		t.Errorf("%d packets, one every %v; want 8 ms less 10 to 22 percent", len(out.Sends), mean)
	}
}

func TestSectionThreeASocketIsTriedAgainEveryMinute(t *testing.T) {
	r := newRig(t)
	r.apply(r.a, r.plain(r.a))
	for range 3 {
		r.a.set.NoSocket(r.now, "s", &r.a.out)
		r.collect(r.a)
		r.run(59 * time.Second)
		if got := r.a.view().State; got != wire.AdminDown || len(r.a.set.Paths()) != 0 {
			t.Fatalf("tried again too early: %v", got)
		}
		r.run(time.Second)
		if got := r.a.view().State; got != wire.Down || len(r.a.set.Paths()) != 1 {
			t.Fatalf("after a minute: %v", got)
		}
	}
	want := []wire.State{wire.AdminDown, wire.Down, wire.AdminDown, wire.Down, wire.AdminDown, wire.Down}
	if !slices.Equal(r.a.entered, want) {
		t.Errorf("entered %v", r.a.entered)
	}
}

func TestSectionFiveAFloodOfBogusPacketsMakesOneNoteASecond(t *testing.T) {
	r := newRig(t)
	r.up()
	notes := 0
	for range 1000 {
		r.now = r.now.Add(2 * time.Millisecond)
		for _, n := range r.hand(r.a, bfd.Datagram{Data: []byte("noise"), Src: r.b.addr, Dst: r.a.addr, TTL: 255}) {
			if notes++; notes == 2 && n.String() != "Discarding bogus packet from 192.0.2.2 (shorter than 24 bytes); 499 more before" {
				t.Errorf("%q", n.String())
			}
		}
	}
	if got := r.a.set.Dropped()[bfd.Bogus]; notes != 2 || got != 1000 {
		t.Errorf("%d notes in two seconds, %d packets counted", notes, got)
	}
}

func TestSectionTenTheLinesOfATransition(t *testing.T) {
	for _, c := range []struct {
		name   string
		change bfd.Change
		want   []string
		detail bool
	}{
		{"going up", bfd.Change{Name: "s", From: wire.Init, To: wire.Up}, []string{"(s) Entering Up state"}, false},
		{"a silence", bfd.Change{Name: "s", From: wire.Up, To: wire.Down, Local: wire.DetectionExpired, Silence: 51 * time.Millisecond, Overdue: 12 * time.Microsecond},
			[]string{"(s) Expired after 51 ms (12 usec overdue)",
				"(s) Entering Down state (Local diagnostic - Control Detection Time Expired, Remote diagnostic - No Diagnostic)"}, false},
		{"the other end went down", bfd.Change{Name: "s", From: wire.Up, To: wire.Down, Local: wire.NeighbourDown, Remote: wire.DetectionExpired},
			[]string{"(s) Entering Down state (Local diagnostic - Neighbor Signaled Session Down, Remote diagnostic - Control Detection Time Expired)"}, false},
		{"coming up", bfd.Change{Name: "s", From: wire.Down, To: wire.Init},
			[]string{"(s) Entering Init state (Local diagnostic - No Diagnostic, Remote diagnostic - No Diagnostic)"}, true},
		{"no socket", bfd.Change{Name: "s", From: wire.Down, To: wire.AdminDown}, []string{"(s) Entering AdminDown state"}, false},
	} {
		if got := c.change.Lines(); !slices.Equal(got, c.want) || c.change.Detail() != c.detail {
			t.Errorf("%s: %q, detail %v", c.name, got, c.change.Detail())
		}
	}
}

func TestSectionTenTheLinesOfNotes(t *testing.T) {
	from := netip.MustParseAddr("192.0.2.9")
	for _, c := range []struct {
		note bfd.Note
		want string
	}{
		{bfd.Note{Kind: bfd.Stranger, From: from}, "Discarding packet from 192.0.2.9 (session is not found)"},
		{bfd.Note{Kind: bfd.FarAway, Name: "s", From: from, TTL: 63, Least: 255}, "(s) Packet from 192.0.2.9: ttl(63) < 255 - discarding"},
		{bfd.Note{Kind: bfd.Authenticated, Name: "s", From: from}, "(s) Discarding packet from 192.0.2.9 (authentication is not supported)"},
		{bfd.Note{Kind: bfd.PollStarted, Name: "s"}, "(s) Starting poll sequence"},
		{bfd.Note{Kind: bfd.DetectionChanged, Name: "s", Now: 50 * time.Millisecond, Was: 5 * time.Second}, "(s) Detection time is 50000 us (was 5000000 us)"},
	} {
		if got := c.note.String(); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
}

func TestSectionNineAReloadTriesForASocketAtOnce(t *testing.T) {
	r := newRig(t)
	r.apply(r.a, r.plain(r.a))
	r.a.set.NoSocket(r.now, "s", &r.a.out)
	r.apply(r.a, r.plain(r.a))
	if len(r.a.set.Paths()) != 1 {
		t.Error("it still waits")
	}
}
