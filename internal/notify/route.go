package notify

import "strconv"

// Run is one program to be run for a message.
type Run struct {
	Command *Command
	Args    []string // appended to the command's own
}

// Delivery is all that one message leads to. The runs are done one after the
// other; the line and the mail do not wait for them.
type Delivery struct {
	Message
	Runs []Run
	Line bool // to the FIFOs: notify_fifo, then vrrp_notify_fifo
	Mail bool // if it is news, see Mailbook
	// Hooks are the webhooks that are called, beside those that are told of everything; nil: none.
	Hooks *Hooks
}

// Route decides what m leads to when s is configured; nil is nothing configured.
// The order is that of keepalived: the script of the state, `notify`, the
// FIFOs, mail.
func (s *Scripts) Route(m Message) Delivery {
	if s == nil {
		s = &Scripts{}
	}
	if m.State == Deleted && !s.ReportDeleted {
		m.State = Fault
	}
	d := Delivery{Message: m, Hooks: s.Hooks}
	switch m.State {
	case LowerHeard:
		d.Line = true
		d.run(s.LowerPriority)
	case MasterPriority, BackupPriority:
		d.Line = s.PriorityChanges
	default:
		d.Line, d.Mail = true, s.Mail
		d.run(s.of(m.State))
		d.run(s.Any, m.Args()...)
	}
	return d
}

// of is the script for one state.
func (s *Scripts) of(state string) *Command {
	switch state {
	case Master:
		return s.Master
	case Backup:
		return s.Backup
	case Fault:
		return s.Fault
	case Stop:
		return s.Stop
	case Deleted:
		return s.Deleted
	}
	return nil
}

func (d *Delivery) run(c *Command, args ...string) {
	if c != nil {
		d.Runs = append(d.Runs, Run{Command: c, Args: args})
	}
}

// Args are the four words that a `notify` script gets after its own: the type,
// the name, the state, and the priority, which is 0 for groups.
func (m Message) Args() []string {
	return []string{m.kind(), m.Name, m.State, m.priority()}
}

// Line is m as a FIFO tells it, newline included. What follows the newline of a
// server's line is in keepalived's too: readers skip it.
func (m Message) Line() string {
	switch m.Kind {
	case VirtualServer:
		return "VS " + m.Name + " " + m.State + "\n\x00"
	case RealServer:
		return "RS " + m.Name + " " + m.Of + " " + m.State + "\n\x00"
	}
	return m.kind() + ` "` + m.Name + `" ` + m.State + " " + m.priority() + "\n"
}

func (m Message) kind() string {
	if m.Kind == Group {
		return "GROUP"
	}
	return "INSTANCE"
}

func (m Message) priority() string {
	if m.Kind == Group {
		return "0"
	}
	return strconv.Itoa(m.Priority)
}
