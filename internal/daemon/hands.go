package daemon

import (
	"time"

	"holdfast/internal/engine"
	"holdfast/internal/lan"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
)

// adverts is an engine.Sender over the raw sockets of lan.
type adverts struct {
	sender  *lan.Sender
	packets []lan.Packet
}

// Send implements engine.Sender.
func (a *adverts) Send(sends []vrrp.Send, ifindex func(string) int, failed func(int, error)) {
	a.packets = a.packets[:0]
	for i := range sends {
		s := &sends[i]
		a.packets = append(a.packets, lan.Packet{IfIndex: ifindex(s.Link), V6: s.V6, Dst: s.Dst, Src: s.Src, HopLimit: s.HopLimit, Data: s.Data})
	}
	a.sender.Send(a.packets, failed)
}
