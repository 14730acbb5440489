// Package wire is the form of AgentX messages (RFC 2741, section 6): between an SNMP
// agent and those who answer for parts of its tree. It opens no socket.
package wire

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Type is what a message is.
type Type uint8

// The types of messages.
const (
	Open       Type = 1
	Close      Type = 2
	Register   Type = 3
	Unregister Type = 4
	Get        Type = 5
	GetNext    Type = 6
	GetBulk    Type = 7
	TestSet    Type = 8
	CommitSet  Type = 9
	UndoSet    Type = 10
	CleanupSet Type = 11
	Notify     Type = 12
	Ping       Type = 13
	Response   Type = 18
)

// The flags of the header: others are of no use here.
const (
	otherContext = 0x08
	networkOrder = 0x10
)

// Error is the code of a Response; 0: none.
type Error uint16

// The codes of SNMP and of AgentX that are given or understood.
const (
	NoError           Error = 0
	WrongType         Error = 7
	WrongValue        Error = 10
	NoCreation        Error = 11
	ResourceMissing   Error = 13
	CommitFailed      Error = 14
	UndoFailed        Error = 15
	NotWritable       Error = 17
	NotOpen           Error = 257
	DuplicateRegister Error = 263
	ParseError        Error = 266
)

// Header begins every message. Size is that of what follows.
type Header struct {
	Type                         Type
	Flags                        uint8
	Session, Transaction, Packet uint32
	Size                         uint32
}

// HeaderSize is that of a header, Largest that of the longest message that is read.
const (
	HeaderSize = 20
	Largest    = 1 << 20
)

// Binding is an object and its value.
type Binding struct {
	Name OID
	Value
}

// Range asks for the first object after Start, or from it on with Include, that comes
// before End; an empty End is none. For Get it is Start that is asked for.
type Range struct {
	Start   OID
	Include bool
	End     OID
}

// Message is one of any type: what its type does not have stays zero.
type Message struct {
	Header
	Context string // empty: the usual one

	Timeout  uint8 // Open, Register: in seconds; 0: the agent's choice
	Priority uint8 // Register
	Reason   uint8 // Close
	// Subject is who opens a session, or the subtree of a registration.
	Subject OID
	Text    string // Open: who that is, in words

	Ranges                       []Range // Get, GetNext, GetBulk
	NonRepeaters, MaxRepetitions uint16  // GetBulk

	Bindings []Binding // TestSet, Notify, Response

	UpTime uint32 // Response
	Error  Error
	Index  uint16 // of the binding that is to blame, from 1; 0: none
}

// ErrForm says that bytes are no message.
var ErrForm = errors.New("malformed AgentX message")

// ParseHeader reads a header of HeaderSize bytes.
func ParseHeader(b []byte) (h Header, err error) {
	if len(b) < HeaderSize || b[0] != 1 {
		return h, ErrForm
	}
	h.Type, h.Flags = Type(b[1]), b[2]
	order := h.order()
	h.Session, h.Transaction, h.Packet, h.Size = order.Uint32(b[4:]), order.Uint32(b[8:]), order.Uint32(b[12:]), order.Uint32(b[16:])
	if h.Size > Largest || h.Size%4 != 0 {
		return h, fmt.Errorf("%w: %d bytes", ErrForm, h.Size)
	}
	return h, nil
}

func (h *Header) order() binary.ByteOrder {
	if h.Flags&networkOrder != 0 {
		return binary.BigEndian
	}
	return binary.LittleEndian
}
