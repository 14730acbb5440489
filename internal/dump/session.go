package dump

import (
	"fmt"

	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// sessions are those of BFD.
func (p *page) sessions() {
	if len(p.Sessions) > 0 {
		p.head("BFD Topology")
	}
	for i := range p.Sessions {
		p.line(" BFD Instance = %s", p.Sessions[i].Name)
		for _, f := range fields(p.At, &p.Sessions[i]) {
			p.line("   %s = %v", f.name, f.value)
		}
	}
}

type field struct {
	name  string
	value any
}

func fields(now mono.Instant, s *status.Session) []field {
	heard := "never"
	if s.Heard != 0 {
		heard = fmt.Sprintf("%.3f s ago", now.Sub(s.Heard).Seconds())
	}
	return []field{
		{"Neighbor IP", s.Neighbour},
		{"Source IP", s.Source},
		{"Multihop", s.MultiHop},
		{"Passive", s.Passive},
		{"TTL", s.TTL},
		{"Least TTL received", s.LeastTTL},
		{"Required min RX interval", s.MinRX},
		{"Desired min TX interval", s.MinTX},
		{"Desired idle TX interval", s.IdleTX},
		{"Detection multiplier", s.Multiplier},
		{"Local state", s.State},
		{"Local diagnostic", s.Diagnostic},
		{"Local discriminator", fmt.Sprintf("0x%08x", s.Discriminator)},
		{"Remote state", s.RemoteState},
		{"Remote diagnostic", s.RemoteDiagnostic},
		{"Remote discriminator", fmt.Sprintf("0x%08x", s.RemoteDiscriminator)},
		{"TX interval", s.Interval},
		{"Detection time", s.Detection},
		{"Poll sequence", s.Polling},
		{"Last packet", heard},
	}
}
