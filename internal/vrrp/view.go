package vrrp

import (
	"iter"
	"net/netip"
	"time"

	"holdfast/internal/mono"
)

// View is what can be seen of a router at one instant.
type View struct {
	ID     ID
	Config *Config // belongs to the Set, not to be changed
	Role   Role
	Since  mono.Instant // of the role
	Reason string       // for the role
	// Want is what the router would be if it had no sync group.
	Want     Role
	Group    string // sync group; empty without one
	Priority uint8  // effective
	Source   netip.Addr

	// Master is who was last heard advertising for this router, with what
	// priority and when; the zero Addr if nobody was.
	Master         netip.Addr
	MasterPriority uint8
	Heard          mono.Instant
	// Interval is the master's: learnt in BACKUP with version 3, else own.
	Interval time.Duration
	// Down is how long a BACKUP waits for a silent master.
	Down time.Duration

	// Deadline is the end of the down timer in BACKUP, the next advert in
	// MASTER; Never otherwise.
	Deadline mono.Instant
	// PreemptAt is the end of a running preempt delay; 0: none runs.
	PreemptAt mono.Instant
	// LastAdvert is when a MASTER last sent one; 0: never.
	LastAdvert mono.Instant
	// Announced: the host holds the addresses and they are announced.
	Announced bool
	// Leaving: stopping, and waiting for the successor to be heard.
	Leaving bool
	// Lent: it has handed over and preempts nobody; Modest: it stands back for everybody.
	Lent, Modest bool

	Stats Stats
	// Trailers counts what auth_hmac dropped; nil: without.
	Trailers *TrailerStats
}

// View shows a router; the zero View is shown for an ID that is not in use.
func (s *Set) View(id ID) View {
	if int(id) >= len(s.routers) || id < 0 || s.routers[id] == nil {
		return View{}
	}
	return s.routers[id].view()
}

func (r *router) view() View {
	v := View{
		ID: r.id, Config: r.cfg, Role: r.role, Since: r.since, Reason: r.reason,
		Want: r.want(), Priority: r.effective, Source: r.source,
		Master: r.master, MasterPriority: r.masterPriority, Heard: r.heard,
		Interval: r.interval, Down: r.down(),
		Deadline: r.timer, PreemptAt: r.preempt, LastAdvert: r.sent,
		Announced: r.held, Leaving: r.mode == leaving, Lent: r.lent, Modest: r.modest, Stats: r.stats,
	}
	if r.role == Backup && r.outlook == preempting || r.mode == leaving && r.heard != 0 {
		v.Master, v.MasterPriority = r.rival, r.rivalPriority
	}
	if r.seal != nil {
		v.Trailers = &r.seal.stats
	}
	if r.group != nil {
		v.Group = r.group.name
	}
	return v
}

func (r *router) want() Role {
	switch {
	case r.faults != 0:
		return Fault
	case r.role == Fault: // pulled by the group
		return Backup
	case r.wants:
		return Master
	}
	return r.role
}

// All yields the routers by ascending ID.
func (s *Set) All() iter.Seq[ID] {
	return func(yield func(ID) bool) {
		for id, r := range s.routers {
			if r != nil && !yield(ID(id)) {
				return
			}
		}
	}
}

// GroupView is what can be seen of a sync group.
type GroupView struct {
	Name    string
	Role    Role
	Members []ID
}

// Groups shows the sync groups in the order configured.
func (s *Set) Groups() []GroupView {
	views := make([]GroupView, 0, len(s.groups))
	for _, g := range s.groups {
		v := GroupView{Name: g.name, Role: g.role}
		for _, m := range g.members {
			v.Members = append(v.Members, m.id)
		}
		views = append(views, v)
	}
	return views
}

// ClearStats sets the counters of all routers to zero.
func (s *Set) ClearStats() {
	for id := range s.All() {
		s.routers[id].stats = Stats{}
		if g := s.routers[id].seal; g != nil {
			g.stats = TrailerStats{}
		}
	}
}
