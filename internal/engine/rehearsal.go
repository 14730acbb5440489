package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/relay"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
)

// Rehearsal is a daemon on a machine that is only played: a Router, the Hosting
// that carries out what it wants, a kernel and a packet filter in memory, and no
// time but that which is let pass. What a reload would do is found by doing it here.
type Rehearsal struct {
	Router *router.Router
	Kernel *host.Fake
	Wall   *host.FakeFirewall
	Now    mono.Instant
	// Setting reads a sysctl that was not set here; nil: there is none.
	Setting func(host.Sysctl) (string, error)
	// Sent, if set, is given every packet; it is valid during the call only.
	Sent func(*vrrp.Send)
	Deeds

	hosting *Hosting
	inbox   []router.Event
	fx      router.Effects
}

// Deeds are what a Rehearsal did.
type Deeds struct {
	Ops       []string // of the kernel, as the commands that do the same
	Changes   []vrrp.Change
	Sends     int
	Announces int
	Lines     []string // of the log
}

// NewRehearsal starts a Router on a machine in a certain state, that remembers of an
// earlier run what past says.
func NewRehearsal(now mono.Instant, s host.State, past func(vrrp.Key) (vrrp.Memory, bool)) *Rehearsal {
	r := &Rehearsal{Router: router.New(past, rand.New(rand.NewPCG(0, 0))), Kernel: host.NewFake(), Wall: host.NewFakeFirewall(), Now: now}
	r.Kernel.Load(s)
	r.hosting = NewHosting(stagehand{r.Kernel, r}, r.hear, r.log)
	r.hosting.filtering.wall = stageWall{r.Wall, r}
	r.hosting.first = &s
	r.Step(router.Observed{State: s})
	return r
}

// Share is that of Hosting.
func (r *Rehearsal) Share(mark string) { r.hosting.Share(mark) }

func (r *Rehearsal) hear(ev router.Event) { r.inbox = append(r.inbox, ev) }

func (r *Rehearsal) log(l relay.Line) { r.Lines = append(r.Lines, l.Text) }

func (r *Rehearsal) did(op fmt.Stringer) { r.Ops = append(r.Ops, op.String()) }

// turns bounds how often the kernel and the Router answer each other.
const turns = 1000

// Step lets something happen, and everything that follows from it at once.
func (r *Rehearsal) Step(ev router.Event) {
	r.hear(ev)
	for range turns {
		if len(r.inbox) == 0 {
			return
		}
		next := r.inbox[0]
		r.inbox = r.inbox[1:]
		r.Router.Step(r.Now, next, &r.fx)
		r.carry()
	}
	r.inbox = nil
}

// carry carries out what the Router asked for, and takes the kernel's reports.
func (r *Rehearsal) carry() {
	for i := range r.fx.Sends {
		if r.Sends++; r.Sent != nil {
			r.Sent(&r.fx.Sends[i])
		}
	}
	r.Changes = append(r.Changes, r.fx.Changes...)
	r.Sends += len(r.fx.BFD.Sends)
	r.Announces += len(r.fx.Announcements)
	if !r.fx.Host.Empty() || r.fx.HostWhole {
		r.hosting.obey(context.Background(), HostOrder{Delta: r.fx.Host.Clone(), Whole: r.fx.HostWhole})
	}
	r.fx.Reset()
	r.heed()
}

// heed lets the Hosting take what the kernel reports.
func (r *Rehearsal) heed() {
	for range turns {
		list := r.Kernel.Changes()
		if len(list) == 0 {
			return
		}
		for _, c := range list {
			r.hosting.changes.Put(c)
		}
		r.hosting.notice(context.Background())
	}
}

// Run lets time pass.
func (r *Rehearsal) Run(d time.Duration) {
	end := r.Now.Add(d)
	for r.Router.Deadline() <= end {
		r.Now = max(r.Now, r.Router.Deadline())
		r.Step(router.Expired{})
	}
	r.Now = end
	r.hosting.again(context.Background())
	r.heed()
}

// Forget begins a new list of deeds.
func (r *Rehearsal) Forget() { r.Deeds = Deeds{} }

// stagehand is the kernel of a Rehearsal, which writes down what it is asked for.
type stagehand struct {
	*host.Fake
	r *Rehearsal
}

// Do implements host.Kernel.
func (s stagehand) Do(ops []host.Op) []error {
	for _, op := range ops {
		s.r.did(op)
	}
	return s.Fake.Do(ops)
}

// Shape implements host.Kernel.
func (s stagehand) Shape(ops []host.LinkOp) []error {
	for _, op := range ops {
		s.r.did(op)
	}
	return s.Fake.Shape(ops)
}

// Setting implements host.Kernel.
func (s stagehand) Setting(c host.Sysctl) (string, error) {
	value, err := s.Fake.Setting(c)
	if err != nil && s.r.Setting != nil {
		return s.r.Setting(c)
	}
	return value, err
}

// Set implements host.Kernel.
func (s stagehand) Set(c host.Sysctl, value string) error {
	s.r.Ops = append(s.r.Ops, fmt.Sprintf("sysctl -w %s=%s", c.Path(), value))
	return s.Fake.Set(c, value)
}

// stageWall is the packet filter of a Rehearsal.
type stageWall struct {
	*host.FakeFirewall
	r *Rehearsal
}

// Do implements host.Firewall.
func (s stageWall) Do(op host.FilterOp) error {
	s.r.Ops = append(s.r.Ops, "nft "+op.String())
	return s.FakeFirewall.Do(op)
}
