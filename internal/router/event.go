package router

import (
	"holdfast/internal/host"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp/wire"
)

// Event is what can happen to a Router. The set is closed.
type Event interface{ event() }

// Advert is a datagram that came in on a port.
type Advert struct{ *wire.Datagram }

// Hearing says which of the Ports are not open: who listens there hears nothing.
type Hearing struct{ Deaf []Ear }

// Expired says that the Deadline has come, after everything that waited in the
// sockets has been handed over.
type Expired struct{}

// Observed is everything the kernel holds: at the start, and after reports
// were lost.
type Observed struct{ host.State }

// Seen is one report of the kernel about a link, or about an address that
// nobody here wants.
type Seen struct{ host.Change }

// Settled says what became of a wanted address, or of a Thing: the kernel holds
// it, or refuses it.
type Settled struct {
	Addr  host.Addr
	Thing host.Thing // nil: it is about Addr
	Held  bool
	// Repaired: it was there, somebody took it away, it has been put back.
	Repaired bool
}

// Moored says that a device was made or set right again after somebody harmed it.
type Moored struct{ Name string }

// Sampled is news from a tracker.
type Sampled struct{ tracker.Sample }

// Repeat announces the addresses of an instance once more, if it holds them.
type Repeat struct{ Name string }

// HandOver asks instances that are MASTER to let others take their place; Back lets those that
// have done so take part in elections again as they are configured to.
type HandOver struct {
	Names []string
	Back  bool
}

// Maintain has all instances hand over, and stand back for everybody, while On.
type Maintain struct{ On bool }

// Stop gives everything up in good order.
type Stop struct{}

func (Hearing) event()  {}
func (Advert) event()   {}
func (Expired) event()  {}
func (Observed) event() {}
func (Seen) event()     {}
func (Settled) event()  {}
func (Moored) event()   {}
func (Sampled) event()  {}
func (Reload) event()   {}
func (Repeat) event()   {}
func (HandOver) event() {}
func (Maintain) event() {}
func (Stop) event()     {}
