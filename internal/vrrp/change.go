package vrrp

import "holdfast/internal/mono"

// atStart is the reason of a router's first role.
const atStart = "init"

// change is the only place that sets a role. It drops what belongs to the old
// one: announcements, complaints, the memory of oversleeping.
func (s *Set) change(now mono.Instant, r *router, to Role, reason string) {
	from := r.role
	if reason != s.reason {
		s.reason = reason
	}
	if from == Master && to != Stopped {
		r.stats.ReleaseMaster++
	}
	r.role, r.since, r.reason = to, now, s.reason
	r.mode, r.complained = advertising, 0
	r.held, r.burst, r.refresh, r.again = false, 0, 0, 0
	if from == Master && r.header != nil && r.header.spent {
		r.header.sequence, r.header.spent = 0, false
	}
	s.out.Changes = append(s.out.Changes, Change{
		At: now, ID: r.id, Name: r.cfg.Name, From: from, To: to,
		Priority: r.effective, Reason: s.reason, Silent: r.quietly(from, to),
	})
}

// quietly says that a transition is told to scripts but not logged: a script whose
// very first result is bad, and the end of a router that held nothing.
func (r *router) quietly(from, to Role) bool {
	switch to {
	case Fault:
		return from == Initial && r.waited
	case Stopped, Deleted:
		return from != Master
	}
	return false
}

// String names the role as notify scripts and log lines do.
func (r Role) String() string {
	switch r {
	case Initial:
		return "INIT"
	case Backup:
		return "BACKUP"
	case Master:
		return "MASTER"
	case Fault:
		return "FAULT"
	case Deleted:
		return "DELETED"
	case Stopped:
		return "STOP"
	}
	return "UNKNOWN"
}

// String is keepalived's line for the transition, with the reason in parentheses.
// At start keepalived writes (init), and so the plain reason "init" is not repeated.
func (c Change) String() string {
	if c.Group {
		return "VRRP_Group(" + c.Name + ") Syncing instances to " + c.To.String() + " state" + parentheses(c.Reason)
	}
	line := "(" + c.Name + ") "
	switch {
	case c.To == Stopped || c.To == Deleted:
		return line + "removing VIPs." + parentheses(c.Reason)
	case c.From == Initial && c.To != Master && c.Reason != atStart:
		return line + "Entering " + c.To.String() + " STATE (init)" + parentheses(c.Reason)
	}
	return line + "Entering " + c.To.String() + " STATE" + parentheses(c.Reason)
}

func parentheses(reason string) string {
	if reason == "" {
		return ""
	}
	return " (" + reason + ")"
}
