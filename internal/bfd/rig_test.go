package bfd_test

import (
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/bfd/wire"
	"holdfast/internal/mono"
)

// end is one host with its sessions.
type end struct {
	set  *bfd.Set
	addr netip.Addr
	out  bfd.Out
	// told and entered are all verdicts and states so far, sent all packets.
	told    []bfd.Verdict
	entered []wire.State
	changes []bfd.Change
	sent    []sent
	deaf    bool // nothing reaches it
	frozen  bool // it does nothing
}

type sent struct {
	at mono.Instant
	wire.Packet
}

// rig is two ends and the network between them, in virtual time.
type rig struct {
	t    *testing.T
	now  mono.Instant
	a, b *end
	air  []flight
	// lose decides of each packet whether it is lost; nil: none is.
	lose func() bool
}

type flight struct {
	at   mono.Instant
	to   *end
	from netip.Addr
	data []byte
}

const travel = time.Millisecond

func newRig(t *testing.T) *rig {
	r := &rig{t: t, now: 1}
	r.a = &end{set: bfd.New(rand.New(rand.NewPCG(1, 1))), addr: netip.MustParseAddr("192.0.2.1")}
	r.b = &end{set: bfd.New(rand.New(rand.NewPCG(2, 2))), addr: netip.MustParseAddr("192.0.2.2")}
	return r
}

// plain is a session to the other end with keepalived's defaults.
func (r *rig) plain(e *end) bfd.Config {
	other := r.a
	if e == r.a {
		other = r.b
	}
	return bfd.Config{
		Name: "s", Neighbour: other.addr, MinRX: 10 * time.Millisecond, MinTX: 10 * time.Millisecond, IdleTX: time.Second,
		Multiplier: 5, TTL: 255, LeastTTL: 255,
	}
}

func (r *rig) apply(e *end, c ...bfd.Config) {
	e.set.Apply(r.now, c, &e.out)
	r.collect(e)
}

// up brings both ends up with plain sessions, changed for a if asked for.
func (r *rig) up(change ...func(*bfd.Config)) {
	r.t.Helper()
	c := r.plain(r.a)
	for _, f := range change {
		f(&c)
	}
	r.apply(r.a, c)
	r.apply(r.b, r.plain(r.b))
	r.run(5 * time.Second)
	r.states(wire.Up, wire.Up)
	r.a.forget()
	r.b.forget()
}

func (e *end) forget() { e.told, e.entered, e.changes, e.sent = nil, nil, nil, nil }

// collect takes what an end asks for.
func (r *rig) collect(e *end) {
	other := r.a
	if e == r.a {
		other = r.b
	}
	for _, s := range e.out.Sends {
		p, flaw := wire.Decode(s.Data)
		if flaw != wire.Sound {
			r.t.Fatalf("a packet with a flaw is sent: %v", flaw)
		}
		e.sent = append(e.sent, sent{r.now, p})
		if r.lose == nil || !r.lose() {
			r.air = append(r.air, flight{r.now.Add(travel), other, e.addr, append([]byte(nil), s.Data...)})
		}
	}
	for _, c := range e.out.Changes {
		e.entered = append(e.entered, c.To)
		e.changes = append(e.changes, c)
	}
	e.told = append(e.told, e.out.Verdicts...)
	e.out = bfd.Out{}
}

// run lets time pass.
func (r *rig) run(d time.Duration) {
	until := r.now.Add(d)
	for {
		next := until
		for _, e := range []*end{r.a, r.b} {
			if !e.frozen {
				next = min(next, e.set.Deadline())
			}
		}
		for _, f := range r.air {
			if !f.to.frozen {
				next = min(next, f.at)
			}
		}
		r.now = max(r.now, next)
		r.deliver()
		for _, e := range []*end{r.a, r.b} {
			if !e.frozen && e.set.Deadline() <= r.now {
				e.set.Expire(r.now, &e.out)
				r.collect(e)
			}
		}
		if r.now >= until {
			return
		}
	}
}

func (r *rig) deliver() {
	var later []flight
	air := r.air
	r.air = nil
	for _, f := range air {
		switch {
		case f.at > r.now || f.to.frozen:
			later = append(later, f)
		case !f.to.deaf:
			r.hand(f.to, bfd.Datagram{Data: f.data, Src: f.from, Dst: f.to.addr, TTL: 255})
		}
	}
	r.air = append(later, r.air...)
}

func (r *rig) hand(e *end, d bfd.Datagram) []bfd.Note {
	e.set.Receive(r.now, &d, &e.out)
	notes := e.out.Notes
	r.collect(e)
	return notes
}

func (e *end) view() bfd.View {
	list := e.set.Views()
	if len(list) != 1 {
		panic("not one session")
	}
	return list[0]
}

func (r *rig) states(a, b wire.State) {
	r.t.Helper()
	if x, y := r.a.view().State, r.b.view().State; x != a || y != b {
		r.t.Fatalf("at %v the ends are %v and %v, want %v and %v", r.now, x, y, a, b)
	}
}
