// Package notify decides who is told what, and in which order. Telling is done
// by the sinks in the packages below it.
package notify

import (
	"context"
	"slices"
	"time"
)

// Kind is what a message speaks of.
type Kind uint8

// The kinds.
const (
	Instance Kind = iota
	Group         // a sync group
	VirtualServer
	RealServer
)

// Message is one thing to be told: a transition of an instance, a group or a
// server, or a signal. The words are those that keepalived hands to scripts and FIFOs.
type Message struct {
	At       time.Time
	Kind     Kind
	Name     string
	Of       string // the virtual server of a real one
	State    string // one of the words below
	Priority int    // effective; of instances only
	Reason   string
}

// The words that a Message's State can be. The first five are told to all who
// asked, the others are signals beside the transitions.
const (
	Master  = "MASTER"
	Backup  = "BACKUP"
	Fault   = "FAULT"
	Stop    = "STOP"
	Deleted = "DELETED"

	LowerHeard     = "MASTER_RX_LOWER_PRI"
	MasterPriority = "MASTER_PRIORITY"
	BackupPriority = "BACKUP_PRIORITY"

	Up   = "UP" // the last two are those of servers
	Down = "DOWN"
)

// Key is whose messages are kept in order.
type Key struct {
	Kind     Kind
	Name, Of string
}

// Key is what m speaks of.
func (m Message) Key() Key { return Key{m.Kind, m.Name, m.Of} }

// String is how logs call it.
func (k Key) String() string {
	switch k.Kind {
	case Group:
		return "VRRP_Group(" + k.Name + ")"
	case VirtualServer:
		return "VS " + k.Name
	case RealServer:
		return "service " + k.Name + " of VS " + k.Of
	}
	return "(" + k.Name + ")"
}

// Sink delivers messages, in order: a FIFO, a mail server. Deliver does not
// block: what takes time is queued behind it, within bounds.
type Sink interface {
	Deliver(ctx context.Context, m Message) error
}

// Command is a program to be run: its argument vector and the identity the
// configuration asks for. Resolving names and judging the path is for who runs it.
type Command struct {
	Line        string   // as written
	Argv        []string // split
	User, Group string   // empty: script_user, else the default
	// Supplementary: the user's other groups too (a group written with a colon before it).
	Supplementary bool
}

// Scripts are the commands of one instance or group; nil is not configured.
type Scripts struct {
	Master, Backup, Fault, Stop, Deleted *Command
	Any                                  *Command // `notify`: gets type, name, state, priority
	LowerPriority                        *Command // notify_master_rx_lower_pri
	// Hooks are the webhooks that are called; nil: none.
	Hooks *Hooks
	// ReportDeleted: an instance dropped by a reload is DELETED, not FAULT.
	ReportDeleted bool
	// PriorityChanges writes changes of the effective priority to the FIFOs.
	PriorityChanges bool
	// Mail sends state changes by mail.
	Mail bool
}

// Commands lists the commands that are configured.
func (s *Scripts) Commands() []*Command {
	all := []*Command{s.Master, s.Backup, s.Fault, s.Stop, s.Deleted, s.Any, s.LowerPriority}
	return slices.DeleteFunc(all, func(c *Command) bool { return c == nil })
}
