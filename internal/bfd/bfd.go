// Package bfd is the session machine of Bidirectional Forwarding Detection (RFC
// 5880 in asynchronous mode, 5881, 5883) as keepalived has it. It is given
// packets, instants and configurations and answers with what is to be sent and
// what became of the sessions. It opens no socket and reads no clock.
package bfd

import (
	"net/netip"
	"time"

	"holdfast/internal/bfd/wire"
	"holdfast/internal/mono"
)

// Config is one bfd_instance.
type Config struct {
	Name string
	// Source is the own address; the zero Addr leaves it to the kernel.
	Source, Neighbour netip.Addr
	// MinRX is the shortest interval in which packets are taken, MinTX that in
	// which they are sent when the session is up, IdleTX while it is not.
	MinRX, MinTX, IdleTX time.Duration
	// Multiplier is how many packets must be missing for the other end to believe
	// that this one is gone, 1..255.
	Multiplier uint8
	// Passive sends nothing until something was heard.
	Passive bool
	// TTL is the TTL or hop limit of what is sent, 1..255; LeastTTL what must be left
	// of that of what is received; 0: anything.
	TTL, LeastTTL uint8
	// MultiHop uses UDP port 4784 in place of 3784 (RFC 5883).
	MultiHop bool
}

// key is what packets are told apart by before their sender knows our number.
type key struct {
	local, remote netip.Addr
	multiHop      bool
}

func (c *Config) key() key { return key{c.Source, c.Neighbour, c.MultiHop} }

// ID numbers sessions from 0; a number is used again after its session is gone.
type ID int32

// Datagram is a packet as it was received.
type Datagram struct {
	Data     []byte
	Src, Dst netip.Addr
	// MultiHop says that it came to port 4784, not 3784.
	MultiHop bool
	// TTL is the hop count that it came with; -1: not known.
	TTL int
	// At is when it came; 0: at the instant of the call.
	At mono.Instant
}

// Send is a packet to be sent from the socket of a session. Data is valid until
// the next call.
type Send struct {
	Session ID
	Data    []byte
}

// Verdict is what trackers and checkers are told of a session.
type Verdict struct {
	Name string
	Up   bool
}

// Out collects what a call asks for. It is appended to; the caller empties it.
type Out struct {
	Sends    []Send
	Changes  []Change
	Verdicts []Verdict
	Notes    []Note
	// Sockets asks for the sockets to be those of Paths: some may have to be opened,
	// closed, or tried again. It comes before Sends.
	Sockets bool
}

// Path is what the sockets of a session are made of.
type Path struct {
	Session           ID
	Name              string
	Source, Neighbour netip.Addr
	TTL               uint8
	MultiHop          bool
}

// Set is all sessions. It is an ordinary value without locks: one goroutine
// calls it.
type Set struct {
	sessions []*session // by ID; nil is free
	byName   map[string]ID
	byKey    map[key]ID
	byNumber map[uint32]ID // by local discriminator
	wakes    mono.Wakes[ID]
	random   Random
	out      *Out
	arena    []byte // what Sends point into, until the next call
	dropped  [Kinds]uint64
	muted    int          // packets dropped since the last note about one
	mutedTo  mono.Instant // until when no note says so
}

// Random answers a number that nobody can foretell: for discriminators and jitter.
type Random interface{ Uint32() uint32 }

// New returns a Set without sessions.
func New(r Random) *Set {
	return &Set{byName: map[string]ID{}, byKey: map[key]ID{}, byNumber: map[uint32]ID{}, random: r}
}

// begin is the first thing every call does.
func (s *Set) begin(out *Out) {
	s.out = out
	s.arena = s.arena[:0]
}

// Apply makes the sessions those of a configuration. They are known by their
// names: one that stays keeps its state, its numbers and its timers. Every
// session then tells its state once.
func (s *Set) Apply(now mono.Instant, want []Config, out *Out) {
	s.begin(out)
	named := make(map[string]bool, len(want))
	for i := range want {
		named[want[i].Name] = true
	}
	for _, one := range s.sessions {
		if one != nil && !named[one.Name] {
			s.drop(one)
		}
	}
	clear(s.byKey)
	for i := range want {
		s.adopt(now, want[i])
	}
	for i := range want {
		s.tell(s.sessions[s.byName[want[i].Name]])
	}
	out.Sockets = true
}

func (s *Set) drop(one *session) {
	delete(s.byName, one.Name)
	delete(s.byNumber, one.mine)
	s.wakes.Remove(one.id)
	s.sessions[one.id] = nil
}

// adopt takes one session over, or makes it.
func (s *Set) adopt(now mono.Instant, c Config) {
	id, known := s.byName[c.Name]
	if !known {
		id = s.add(now, c)
	} else {
		s.sessions[id].change(now, s, c)
	}
	s.byKey[c.key()] = id
	s.arm(s.sessions[id])
}

func (s *Set) add(now mono.Instant, c Config) ID {
	id := s.freeID()
	one := &session{Config: c, id: id, state: wire.Down, sendAt: mono.Never, expireAt: mono.Never, forgetAt: mono.Never, retryAt: mono.Never}
	one.remote.reset()
	one.settle()
	s.sessions[id] = one
	s.byName[c.Name] = id
	s.renumber(one)
	s.wakes.Grow(len(s.sessions))
	s.wakes.Earlier(id, mono.Never)
	one.interval = c.IdleTX
	if !c.Passive {
		one.sendAt = now
	}
	return id
}

func (s *Set) freeID() ID {
	for i, one := range s.sessions {
		if one == nil {
			return ID(i)
		}
	}
	s.sessions = append(s.sessions, nil)
	return ID(len(s.sessions) - 1)
}

// renumber gives a session a discriminator that no other has.
func (s *Set) renumber(one *session) {
	delete(s.byNumber, one.mine)
	for one.mine = 0; one.mine == 0; {
		n := s.random.Uint32()
		if _, taken := s.byNumber[n]; !taken {
			one.mine = n
		}
	}
	s.byNumber[one.mine] = one.id
}

// Expire does everything that is due. All packets that arrived before now must
// have been handed to Receive. What may leave a little early leaves in company:
// many sessions share a wake-up.
func (s *Set) Expire(now mono.Instant, out *Out) {
	s.begin(out)
	for {
		w, ok := s.wakes.Top()
		if !ok {
			return
		}
		one := s.sessions[w.ID]
		if w.At > now && !one.ready(now) {
			return
		}
		one.expire(now, s)
		s.wakes.Set(w.ID, one.next())
	}
}

// Deadline is when Expire wants to be called; Never when nothing is to come.
func (s *Set) Deadline() mono.Instant {
	return s.wakes.First(func(id ID) mono.Instant { return s.sessions[id].next() })
}

// arm sees to it that a session is woken in time.
func (s *Set) arm(one *session) { s.wakes.Earlier(one.id, one.next()) }

// NoSocket says that a session has no socket. It is AdminDown until one is tried
// again: after a minute, or when something makes success likely.
func (s *Set) NoSocket(now mono.Instant, name string, out *Out) {
	s.begin(out)
	id, known := s.byName[name]
	if !known {
		return
	}
	one := s.sessions[id]
	if one.state != wire.AdminDown {
		s.enter(now, one, wire.AdminDown, wire.NoDiagnostic)
	}
	one.retryAt = now.Add(patience)
	s.arm(one)
}

// patience is how long a session waits before its socket is tried again, haste how
// long at least when packets come for it.
const (
	patience = time.Minute
	haste    = 10 * time.Second
)

// Appeared says that this machine has an address: a session from there that has
// no socket need not wait any longer.
func (s *Set) Appeared(now mono.Instant, a netip.Addr, out *Out) {
	s.begin(out)
	for _, one := range s.sessions {
		if one != nil && one.Source == a && one.state == wire.AdminDown {
			s.revive(now, one)
			s.arm(one)
		}
	}
}

// revive begins anew, with another try for a socket.
func (s *Set) revive(now mono.Instant, one *session) {
	one.retryAt = mono.Never
	s.out.Sockets = true
	s.enter(now, one, wire.Down, wire.NoDiagnostic)
}

// Paths lists what the sessions need sockets for. Those without one are left out
// while they wait.
func (s *Set) Paths() []Path {
	var list []Path
	for _, one := range s.sessions {
		if one != nil && one.state != wire.AdminDown {
			list = append(list, Path{one.id, one.Name, one.Source, one.Neighbour, one.TTL, one.MultiHop})
		}
	}
	return list
}

// View is what there is to show of a session.
type View struct {
	Config
	State         wire.State
	Local, Remote wire.Diagnostic
	// Mine and Yours are the discriminators; RemoteState what the other end says.
	Mine, Yours uint32
	RemoteState wire.State
	// Interval is from packet to packet before jitter; Detection how long a
	// silence ends the session. Heard is when the last packet came; 0: never.
	Interval, Detection time.Duration
	Heard               mono.Instant
	Polling             bool
}

// Empty reports whether there are no sessions.
func (s *Set) Empty() bool { return len(s.byName) == 0 }

// Views shows all sessions.
func (s *Set) Views() []View {
	var list []View
	for _, one := range s.sessions {
		if one != nil {
			list = append(list, one.view())
		}
	}
	return list
}

func (one *session) view() View {
	return View{
		Config: one.Config, State: one.state, Local: one.why, Remote: one.remote.why, Mine: one.mine, Yours: one.remote.number,
		RemoteState: one.remote.state, Interval: one.interval, Detection: one.detection(), Heard: one.heard, Polling: one.polling,
	}
}

func (s *Set) tell(one *session) {
	s.out.Verdicts = append(s.out.Verdicts, Verdict{one.Name, one.state == wire.Up})
}
