// Package wire reads and writes BFD control packets (RFC 5880, section 4.1), the
// form without authentication. What a packet means is for package bfd.
package wire

import (
	"encoding/binary"
	"time"
)

// Size is the length in bytes of a control packet without authentication.
const Size = 24

// State is the state of a session as one end sees it (RFC 5880, section 4.1).
type State uint8

// The states, by their numbers on the wire.
const (
	AdminDown State = iota
	Down
	Init
	Up
)

// String is the name that keepalived's log uses.
func (s State) String() string {
	switch s {
	case AdminDown:
		return "AdminDown"
	case Down:
		return "Down"
	case Init:
		return "Init"
	}
	return "Up"
}

// Diagnostic is why a session last left the state Up (RFC 5880, section 4.1).
type Diagnostic uint8

// The diagnostics that are used here.
const (
	NoDiagnostic     Diagnostic = 0
	DetectionExpired Diagnostic = 1
	NeighbourDown    Diagnostic = 3
	// lastDiagnostic is the last one that the RFC gives a meaning.
	lastDiagnostic Diagnostic = 8
)

// String is what RFC 5880 calls it.
func (d Diagnostic) String() string {
	switch d {
	case NoDiagnostic:
		return "No Diagnostic"
	case DetectionExpired:
		return "Control Detection Time Expired"
	case 2:
		return "Echo Function Failed"
	case NeighbourDown:
		return "Neighbor Signaled Session Down"
	case 4:
		return "Forwarding Plane Reset"
	case 5:
		return "Path Down"
	case 6:
		return "Concatenated Path Down"
	case 7:
		return "Administratively Down"
	case lastDiagnostic:
		return "Reverse Concatenated Path Down"
	}
	return "Reserved"
}

// Packet is one control packet. Intervals have the resolution of a microsecond
// and are at most 4294.967295 s.
type Packet struct {
	Diagnostic  Diagnostic
	State       State
	Poll, Final bool
	// Auth says that authentication follows, which is not done here.
	Auth   bool
	Demand bool
	// Multiplier times the interval without a packet means that the sender is gone.
	Multiplier uint8
	// Mine is the sender's number for the session, Yours the receiver's; 0: not known.
	Mine, Yours   uint32
	DesiredMinTx  time.Duration
	RequiredMinRx time.Duration
	// RequiredMinEchoRx is 0 when echo packets are not answered.
	RequiredMinEchoRx time.Duration
}

// Bits of the second byte.
const (
	poll       = 1 << 5
	final      = 1 << 4
	auth       = 1 << 2
	demand     = 1 << 1
	multipoint = 1 << 0
)

const version = 1

// Append puts the packet behind b.
func (p *Packet) Append(b []byte) []byte {
	b = append(b, version<<5|byte(p.Diagnostic), byte(p.State)<<6|p.flags(), p.Multiplier, Size)
	b = binary.BigEndian.AppendUint32(b, p.Mine)
	b = binary.BigEndian.AppendUint32(b, p.Yours)
	for _, d := range [...]time.Duration{p.DesiredMinTx, p.RequiredMinRx, p.RequiredMinEchoRx} {
		b = binary.BigEndian.AppendUint32(b, uint32(d.Microseconds()))
	}
	return b
}

func (p *Packet) flags() byte {
	var f byte
	for _, bit := range [...]struct {
		set  bool
		mask byte
	}{{p.Poll, poll}, {p.Final, final}, {p.Auth, auth}, {p.Demand, demand}} {
		if bit.set {
			f |= bit.mask
		}
	}
	return f
}

// Flaw is why a packet is not heeded; Sound is none.
type Flaw uint8

// The flaws that a packet shows by itself, in the order of the checks of RFC
// 5880, section 6.8.6.
const (
	Sound Flaw = iota
	Short
	WrongLength
	WrongVersion
	NoMultiplier
	Multipoint
	NoDiscriminator
	NoYours
	PollAndFinal
	UnknownDiagnostic
	// Flaws is how many there are, Sound included.
	Flaws
)

// String says what is wrong, for a log line.
func (f Flaw) String() string {
	switch f {
	case Sound:
		return "sound"
	case Short:
		return "shorter than 24 bytes"
	case WrongLength:
		return "its length field is not its length"
	case WrongVersion:
		return "not version 1"
	case NoMultiplier:
		return "its detection multiplier is 0"
	case Multipoint:
		return "the multipoint bit is set"
	case NoDiscriminator:
		return "its sender has no discriminator"
	case NoYours:
		return "it names no session in a state that needs one"
	case PollAndFinal:
		return "poll and final together"
	}
	return "its diagnostic is unknown"
}

// Decode reads a datagram. A packet with a flaw is not to be heeded.
func Decode(b []byte) (Packet, Flaw) {
	if len(b) < Size {
		return Packet{}, Short
	}
	p := Packet{
		Diagnostic: Diagnostic(b[0] & 0x1f), State: State(b[1] >> 6),
		Poll: b[1]&poll != 0, Final: b[1]&final != 0, Auth: b[1]&auth != 0, Demand: b[1]&demand != 0,
		Multiplier: b[2],
		Mine:       binary.BigEndian.Uint32(b[4:]), Yours: binary.BigEndian.Uint32(b[8:]),
		DesiredMinTx: microseconds(b[12:]), RequiredMinRx: microseconds(b[16:]), RequiredMinEchoRx: microseconds(b[20:]),
	}
	return p, p.flaw(b)
}

func microseconds(b []byte) time.Duration {
	return time.Duration(binary.BigEndian.Uint32(b)) * time.Microsecond
}

func (p *Packet) flaw(b []byte) Flaw {
	switch {
	case int(b[3]) != len(b):
		return WrongLength
	case b[0]>>5 != version:
		return WrongVersion
	case p.Multiplier == 0:
		return NoMultiplier
	case b[1]&multipoint != 0:
		return Multipoint
	case p.Mine == 0:
		return NoDiscriminator
	case p.Yours == 0 && p.State != Down && p.State != AdminDown:
		return NoYours
	case p.Poll && p.Final:
		return PollAndFinal
	case p.Diagnostic > lastDiagnostic:
		return UnknownDiagnostic
	}
	return Sound
}
