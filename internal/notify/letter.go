package notify

import "time"

// Letter is the mail about one message.
type Letter struct {
	At            time.Time
	Subject, Text string // Text is one line, without its end
}

// Letter words the mail about m as a router called routerID sends it. Signals
// are not mailed, nor is a deleted group: ok is false.
func (m Message) Letter(routerID string) (l Letter, ok bool) {
	about, title, text := "", m.State, "=> "+m.Reason+" <="
	switch m.Kind {
	case Instance:
		about = "VRRP Instance " + m.Name
		title, text = m.instanceWords()
	case Group:
		about = "VRRP Group " + m.Name
		title, text = m.groupWords()
	case VirtualServer:
		about = "Virtualserver " + m.Name
	case RealServer:
		about = "Realserver " + m.Name + " of virtual server " + m.Of
	}
	return Letter{At: m.At, Subject: "[" + routerID + "] " + about + " - " + title, Text: text}, title != ""
}

func (m Message) instanceWords() (title, text string) {
	switch m.State {
	case Master:
		return "Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="
	case Backup:
		return "Entering BACKUP state", "=> VRRP Instance is no longer owning VRRP VIPs <="
	case Fault:
		return "Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <="
	case Stop:
		return "Stopping", "=> VRRP Instance stopping <="
	case Deleted:
		return "Deleted", "=> VRRP Deleted at reload <="
	}
	return "", ""
}

func (m Message) groupWords() (title, text string) {
	switch m.State {
	case Master, Backup, Fault:
		return "Entering " + m.State + " state", "=> All VRRP group instances are now in " + m.State + " state <="
	case Stop:
		return "Stopping", "=> All VRRP group instances are now stopping <="
	}
	return "", ""
}

// Mailbook remembers the state that each instance and group was last mailed in,
// over reloads too. Of servers everything is news. The zero value is empty.
type Mailbook struct {
	last map[Key]string
}

// Due reports whether m is news to who reads the mail, and takes it as mailed
// if so: the state differs from the last mailed one. noFault is
// no_email_faults; a fault that was kept back counts as never told.
func (b *Mailbook) Due(m Message, noFault bool) bool {
	if m.Kind == VirtualServer || m.Kind == RealServer {
		return true
	}
	if m.State == Fault && noFault || b.last[m.Key()] == m.State {
		return false
	}
	if b.last == nil {
		b.last = map[Key]string{}
	}
	b.last[m.Key()] = m.State
	return true
}

// Forget drops what is remembered of k, which is no longer configured.
func (b *Mailbook) Forget(k Key) { delete(b.last, k) }
