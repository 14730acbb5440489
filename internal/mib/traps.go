package mib

import (
	"holdfast/internal/agentx/wire"
	"holdfast/internal/balancer"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/vrrp"
)

// Trap is a notification.
type Trap struct {
	Name wire.OID
	With []wire.Binding
}

// Speaker words notifications that need no more than a configuration.
type Speaker struct {
	RouterID string
	// Masters are the instances that begin as such.
	Masters map[string]bool
}

// Change is what KEEPALIVED-MIB has for a transition.
func (s *Speaker) Change(c *vrrp.Change) Trap {
	if c.Group {
		return Trap{keepalived(2, 10, 0, 1), []wire.Binding{
			{Name: keepalived(2, 1, 1, 2), Value: wire.Text(c.Name)},
			{Name: keepalived(2, 1, 1, 3), Value: state(c.To.String())},
			s.signed(),
		}}
	}
	return Trap{keepalived(2, 10, 0, 2), []wire.Binding{
		{Name: keepalived(2, 3, 1, 2), Value: wire.Text(c.Name)},
		{Name: keepalived(2, 3, 1, 4), Value: state(c.To.String())},
		{Name: keepalived(2, 3, 1, 5), Value: initial(s.Masters[c.Name])},
		s.signed(),
	}}
}

// Turn is what KEEPALIVED-MIB has for a change of a real server, or of a quorum.
func (s *Speaker) Turn(t *balancer.Turn) Trap {
	v := func(column uint32, value wire.Value) wire.Binding {
		return wire.Binding{Name: keepalived(3, 3, 1, column), Value: value}
	}
	list := append([]wire.Binding{v(2, wire.Int(kind(t.Virtual)))}, identified(t.Virtual, v)...)
	protocol := 2
	if t.Virtual.Protocol == "TCP" {
		protocol = 1
	}
	list = append(list, v(8, wire.Int(protocol)))
	if t.Real == nil {
		list = append(list, v(23, quorum(t)), v(22, wire.Gauge(t.Virtual.Quorum)))
	}
	list = append(list, v(21, wire.Gauge(t.Alive())), v(20, wire.Gauge(len(t.Virtual.RealServers))), s.signed())
	if t.Real == nil {
		return Trap{keepalived(3, 5, 0, 2), list}
	}
	return Trap{keepalived(3, 5, 0, 1), append(realServer(t), list...)}
}

func realServer(t *balancer.Turn) []wire.Binding {
	r := func(column uint32, value wire.Value) wire.Binding {
		return wire.Binding{Name: keepalived(3, 4, 1, column), Value: value}
	}
	return []wire.Binding{r(3, family(t.Real.Addr)), r(4, addr(t.Real.Addr)), r(5, wire.Gauge(t.Real.Port)), r(6, yes(t.Up))}
}

// identified says which virtual server it is.
func identified(s *config.VirtualServer, v func(uint32, wire.Value) wire.Binding) []wire.Binding {
	switch kind(s) {
	case 1:
		return []wire.Binding{v(4, wire.Gauge(s.Mark))}
	case 3:
		return []wire.Binding{v(3, wire.Text(s.Group))}
	}
	return []wire.Binding{v(5, family(s.Addr)), v(6, addr(s.Addr)), v(7, wire.Gauge(s.Port))}
}

// quorum is met(1), notMet(2) or shutdown(3).
func quorum(t *balancer.Turn) wire.Value {
	if t.Ends {
		return wire.Int(3)
	}
	return yes(t.Up)
}

// signed says of whom a notification comes.
func (s *Speaker) signed() wire.Binding {
	return wire.Binding{Name: keepalived(1, 2, 0), Value: wire.Text(s.RouterID)}
}

// NewMaster is what the MIBs of the RFCs have for an instance that became MASTER.
func NewMaster(s *Source, p Parts, c *vrrp.Change) (list []Trap) {
	d := newDrawing(s)
	for n := range d.instances {
		i := &d.instances[n]
		if i.Now.Name != c.Name || len(i.Config.VIPs) == 0 {
			continue
		}
		switch index := d.rfcIndex(i); {
		case i.Now.Version == 2 && p.RFC2787:
			list = append(list, Trap{rfc2787(0, 1), []wire.Binding{{Name: rfc2787(1, 3, 1, 7).Append(index...), Value: wire.IPv4(i.Now.Source)}}})
		case i.Now.Version == 3 && p.RFC6527:
			list = append(list, d.newMaster(i, index.Append(inetType(i)), c.Reason))
		}
	}
	return list
}

func (d *drawing) newMaster(i *dump.Instance, index wire.OID, reason string) Trap {
	return Trap{rfc6527(0, 1), []wire.Binding{
		{Name: rfc6527(1, 1, 1, 1, 3).Append(index...), Value: whole(i, i.Now.Source)},
		{Name: rfc6527(1, 2, 5, 1, 2).Append(index...), Value: wire.Int(becameMaster(vrrp.Master.String(), reason))},
	}}
}

// Complaint is what the MIBs of the RFCs have for an advert that could not be used.
func Complaint(p Parts, n *vrrp.Note) (list []Trap) {
	if kind := authError(n.Kind); kind != 0 && p.RFC2787 {
		list = append(list, Trap{rfc2787(0, 2), []wire.Binding{
			{Name: rfc2787(1, 5, 0), Value: wire.IPv4(n.Addr)},
			{Name: rfc2787(1, 6, 0), Value: wire.Int(kind)},
		}})
	}
	if kind := Flaw(n.Kind); kind != 0 && p.RFC6527 {
		list = append(list, Trap{rfc6527(0, 2), []wire.Binding{{Name: rfc6527(1, 2, 5, 1, 6), Value: wire.Int(kind)}}})
	}
	return list
}

// authError is authTypeMismatch(2) or authFailure(3); 0: it is about something else.
func authError(k vrrp.NoteKind) int {
	switch k {
	case vrrp.NoteAuthType:
		return 2
	case vrrp.NotePassword, vrrp.NoteHeader, vrrp.NoteSequence:
		return 3
	}
	return 0
}

// Flaw is ipTtlError(1), versionError(2) or checksumError(3), vrIdError(4); 0: it is
// about something else.
func Flaw(k vrrp.NoteKind) int {
	switch k {
	case vrrp.NoteTTL, vrrp.NoteUnicastTTL:
		return 1
	case vrrp.NoteVersion:
		return 2
	case vrrp.NoteChecksum:
		return 3
	case vrrp.NoteUnknownVRID:
		return 4
	}
	return 0
}
