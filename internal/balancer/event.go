package balancer

import (
	"net/netip"

	"holdfast/internal/checker"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/ipvs"
	"holdfast/internal/lvs"
	"holdfast/internal/notify"
)

// Event is what can happen to a Balancer. The set is closed.
type Event interface{ event() }

// Checked is news of a check: its first result, and each after which it stands or
// weighs differently.
type Checked struct{ checker.Report }

// Addressed says which addresses are on this machine.
type Addressed struct{ Here map[netip.Addr]bool }

func (Checked) event()   {}
func (Addressed) event() {}

// Check is a check that is to run. One that keeps its ID keeps what it has found
// out, however often and how patiently it asks from now on.
type Check struct {
	ID     checker.ID
	Config *config.Check
	// Virtual and Real are the names of its servers, as log lines have them.
	Virtual, Real string
	// At is where its real server is, Weight what that is configured to weigh.
	At     netip.AddrPort
	Weight int
	// Suspended: it keeps what it has found out, and asks nobody.
	Suspended bool
}

// Turn is a change of a real server, or of the quorum of a virtual server when Real is nil.
type Turn struct {
	Virtual *config.VirtualServer
	Real    *config.RealServer
	Up      bool
	Ends    bool // the quorum is given up at the stop
	Servers []*lvs.Server
	Gone    int // of those that live, at the stop
}

// Alive counts the real servers that live.
func (t *Turn) Alive() (n int) {
	for _, s := range t.Servers {
		if s.Alive {
			n++
		}
	}
	return n - t.Gone
}

// Effects is what a step asks of the world, appended to by the Balancer and
// emptied by the loop.
type Effects struct {
	Lines []string // of the log
	Tell  []notify.Delivery
	// Turns are the same as Tell has, for managers of networks, who are told more.
	Turns []Turn
	// Table is all that the kernel is to hold, after a reload and a stop; nil: as
	// before, but for Pools.
	Table ipvs.Table
	Pools map[ipvs.Key]ipvs.Pool
	// Orders says that Balancer.Orders answers something new.
	Orders bool
	// Stands says that Balancer.Standing may answer something new.
	Stands bool
	// Marked comes with Table: what packets are to be marked with, and Shares who has
	// which of the marks.
	Marked []host.Marked
	Shares map[ipvs.Share]uint32
	// Checks says that Balancer.Checks answers something new.
	Checks bool
}
