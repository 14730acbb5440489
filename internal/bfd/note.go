package bfd

import (
	"fmt"
	"net/netip"
	"time"

	"holdfast/internal/bfd/wire"
	"holdfast/internal/mono"
)

// Change is a transition of a session.
type Change struct {
	Session  ID
	Name     string
	From, To wire.State
	// Local is our reason, Remote what the other end last said of its own.
	Local, Remote wire.Diagnostic
	// Silence is how long nothing was heard, Overdue how much of it is more than
	// the detection time, when that is the reason.
	Silence, Overdue time.Duration
}

// Detail says that the line is for a detailed log only.
func (c *Change) Detail() bool { return c.To == wire.Init || c.To == wire.Down && c.From != wire.Up }

// Lines are keepalived's.
func (c *Change) Lines() []string {
	var lines []string
	if c.Silence > 0 {
		lines = append(lines, fmt.Sprintf("(%s) Expired after %d ms (%d usec overdue)", c.Name, c.Silence.Milliseconds(), c.Overdue.Microseconds()))
	}
	text := fmt.Sprintf("(%s) Entering %s state", c.Name, c.To)
	if c.To == wire.Init || c.To == wire.Down {
		text += fmt.Sprintf(" (Local diagnostic - %s, Remote diagnostic - %s)", c.Local, c.Remote)
	}
	return append(lines, text)
}

// Note is something worth a line in a detailed log.
type Note struct {
	Kind NoteKind
	Name string // of the session; empty when none was found
	// Flaw is why a packet was dropped, for Bogus; From its sender.
	Flaw wire.Flaw
	From netip.Addr
	// More is how many were dropped since the note before, without one of their own.
	More int
	// TTL and Least belong to FarAway; Now and Was to DetectionChanged.
	TTL, Least uint8
	Now, Was   time.Duration
}

// NoteKind says what a Note is about.
type NoteKind uint8

// The kinds. The first of them are why packets are dropped.
const (
	Bogus NoteKind = iota
	Stranger
	FarAway
	Authenticated
	PollStarted
	DetectionChanged
)

// Kinds is how many reasons there are to drop a packet.
const Kinds = Authenticated + 1

// String is the reason to drop a packet, as counters have it.
func (k NoteKind) String() string {
	switch k {
	case Bogus:
		return "bogus"
	case Stranger:
		return "no session"
	case FarAway:
		return "TTL too low"
	}
	return "authenticated"
}

// String is keepalived's line.
func (n *Note) String() string {
	if n.More > 0 {
		return fmt.Sprintf("%s; %d more before", n.text(), n.More)
	}
	return n.text()
}

func (n *Note) text() string {
	switch n.Kind {
	case Bogus:
		return fmt.Sprintf("Discarding bogus packet from %s (%s)", n.From, n.Flaw)
	case Stranger:
		return fmt.Sprintf("Discarding packet from %s (session is not found)", n.From)
	case FarAway:
		return fmt.Sprintf("(%s) Packet from %s: ttl(%d) < %d - discarding", n.Name, n.From, n.TTL, n.Least)
	case Authenticated:
		return fmt.Sprintf("(%s) Discarding packet from %s (authentication is not supported)", n.Name, n.From)
	case PollStarted:
		return fmt.Sprintf("(%s) Starting poll sequence", n.Name)
	}
	return fmt.Sprintf("(%s) Detection time is %d us (was %d us)", n.Name, n.Now.Microseconds(), n.Was.Microseconds())
}

func (s *Set) note(n Note) { s.out.Notes = append(s.out.Notes, n) }

// discard counts a packet that is not heeded. A flood of them makes one note a second.
func (s *Set) discard(now mono.Instant, n Note) {
	s.dropped[n.Kind]++
	if now < s.mutedTo {
		s.muted++
		return
	}
	n.More = s.muted
	s.muted, s.mutedTo = 0, now.Add(time.Second)
	s.note(n)
}

// Dropped counts the packets that were not heeded, by their reason.
func (s *Set) Dropped() [Kinds]uint64 { return s.dropped }
