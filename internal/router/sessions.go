package router

import (
	"fmt"

	"holdfast/internal/bfd"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
)

// Packet is a BFD packet that came in.
type Packet struct{ *bfd.Datagram }

// NoSocket says that a BFD session has no socket.
type NoSocket struct{ Name string }

func (Packet) event()   {}
func (NoSocket) event() {}

// Followed says that a BFD session which an instance follows came up or went down.
type Followed struct {
	Instance, Session string
	Up                bool
}

// String is keepalived's line.
func (f Followed) String() string {
	state := "DOWN"
	if f.Up {
		state = "UP"
	}
	return fmt.Sprintf("VRRP_Instance(%s) Tracked BFD instance %s is %s", f.Instance, f.Session, state)
}

// Paths are what the sockets of BFD are to be.
func (r *Router) Paths() []bfd.Path { return r.sessions.Paths() }

// packet takes a BFD packet in.
func (r *Router) packet(now mono.Instant, d *bfd.Datagram, out *Effects) {
	first := len(out.BFD.Verdicts)
	r.sessions.Receive(now, d, &out.BFD)
	r.believe(now, first, out)
}

func (r *Router) noSocket(now mono.Instant, name string, out *Effects) {
	first := len(out.BFD.Verdicts)
	r.sessions.NoSocket(now, name, &out.BFD)
	r.believe(now, first, out)
}

// appeared lets sessions that wait for an address of this machine try it.
func (r *Router) appeared(now mono.Instant, c host.Change, out *Effects) {
	if c.Addr != nil && !c.Gone {
		r.sessions.Appeared(now, c.Addr.Prefix.Addr(), &out.BFD)
	}
}

// expire does what is due of everything.
func (r *Router) expire(now mono.Instant, out *Effects) {
	r.set.Expire(now, &out.Out)
	first := len(out.BFD.Verdicts)
	r.sessions.Expire(now, &out.BFD)
	r.believe(now, first, out)
}

// believe tells those who follow a session what became of it.
func (r *Router) believe(now mono.Instant, first int, out *Effects) {
	for _, v := range out.BFD.Verdicts[first:] {
		for _, id := range r.watch.judged(v) {
			out.Followed = append(out.Followed, Followed{r.Name(id), v.Name, v.Up})
			r.weigh(now, id, out)
		}
	}
}

// Verdicts are what those who follow sessions are to believe of all of them.
func (r *Router) Verdicts() []bfd.Verdict {
	var list []bfd.Verdict
	for _, v := range r.sessions.Views() {
		list = append(list, bfd.Verdict{Name: v.Name, Up: r.watch.known(tracker.BFD, v.Name).State == tracker.Good})
	}
	return list
}

// converse makes the BFD sessions those of a configuration, before the virtual
// routers that follow them: those are born knowing how they are.
func (r *Router) converse(now mono.Instant, c *Reload, out *Effects) {
	if len(c.Sessions) == 0 && r.sessions.Empty() {
		return
	}
	first := len(out.BFD.Verdicts)
	r.sessions.Apply(now, c.Sessions, &out.BFD)
	for _, v := range out.BFD.Verdicts[first:] {
		r.watch.judged(v)
	}
}

// sample is what trackers make of a verdict.
func sample(v bfd.Verdict) tracker.Sample {
	s := tracker.Sample{Kind: tracker.BFD, Tracker: v.Name, State: tracker.Bad}
	if v.Up {
		s.State = tracker.Good
	}
	return s
}
