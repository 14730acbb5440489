// Package notify decides who is told what, and in which order. Telling is done
// by the sinks in the packages below it.
package notify

import (
	"context"
	"time"
)

// Message is one thing to be told: a transition of an instance or a group, or a
// signal. The words are those that keepalived hands to scripts and FIFOs.
type Message struct {
	At       time.Time
	Group    bool // GROUP instead of INSTANCE
	Name     string
	State    string // MASTER, BACKUP, FAULT, STOP, DELETED, MASTER_RX_LOWER_PRI, MASTER_PRIORITY, BACKUP_PRIORITY
	Priority int    // effective; 0 for groups
	Reason   string
}

// Sink delivers messages, in order: a script, a FIFO, a mail server.
type Sink interface {
	Deliver(ctx context.Context, m Message) error
}

// Command is a program to be run: its argument vector and the identity the
// configuration asks for. Resolving names and judging the path is for who runs it.
type Command struct {
	Line        string   // as written
	Argv        []string // split
	User, Group string   // empty: script_user, else the default
}

// Scripts are the commands of one instance or group; nil is not configured.
type Scripts struct {
	Master, Backup, Fault, Stop, Deleted *Command
	Any                                  *Command // `notify`: gets type, name, state, priority
	LowerPriority                        *Command // notify_master_rx_lower_pri
	// ReportDeleted: an instance dropped by a reload is DELETED, not FAULT.
	ReportDeleted   bool
	PriorityChanges bool
	Mail            bool
}
