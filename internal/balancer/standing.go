package balancer

import (
	"fmt"
	"net/netip"
)

// Standing is what was found out and told of servers, for a worker that goes on in place of
// another. What is as one hopes is left out: that a check finds nothing wrong, and that a
// quorum is there.
type Standing struct {
	Lost     []string  `json:"lost,omitempty"` // virtual servers without their quorum
	Findings []Finding `json:"findings,omitempty"`
}

// Finding is what a check has found out.
type Finding struct {
	Virtual string         `json:"virtual"`
	Real    netip.AddrPort `json:"real"`
	Check   int            `json:"check,omitempty"` // which of those of its server
	Down    bool           `json:"down,omitempty"`
	New     bool           `json:"new,omitempty"` // it was not made yet, and counts as failed
	Weight  int64          `json:"weight,omitempty"`
}

// stood is how a virtual server stood.
type stood struct {
	lost     bool
	findings map[place]Finding
}

// place is that of a check.
type place struct {
	real  netip.AddrPort
	check int
}

// Standing is how the servers stand now.
func (b *Balancer) Standing() (s Standing) {
	for _, v := range b.virtual {
		name := v.unique()
		if !v.Up {
			s.Lost = append(s.Lost, name)
		}
		for _, r := range v.reals {
			for i, c := range r.checks {
				if !c.up || c.weight != 0 {
					s.Findings = append(s.Findings, Finding{name, r.At, i, !c.up, !c.ran, c.weight})
				}
			}
		}
	}
	return s
}

// byVirtual is the Standing of each virtual server of which there is something to say.
func (s *Standing) byVirtual() map[string]stood {
	all := map[string]stood{}
	for _, name := range s.Lost {
		all[name] = stood{lost: true}
	}
	for _, f := range s.Findings {
		one := all[f.Virtual]
		if one.findings == nil {
			one.findings = map[place]Finding{}
		}
		one.findings[place{f.Real, f.Check}] = f
		all[f.Virtual] = one
	}
	return all
}

// unique is a name that no other virtual server has.
func (v *virtual) unique() string { return fmt.Sprintf("%s/%d/%t", v.name, v.number, v.key.V6) }

// remember takes up where the other worker was.
func (r *real) remember(s *stood) {
	for i, c := range r.checks {
		f := s.findings[place{r.At, i}]
		c.up, c.ran, c.weight = !f.Down, !f.New, f.Weight
	}
	r.weighUp()
}

// weighUp adds up what the checks add to the weight.
func (r *real) weighUp() {
	r.Extra = 0
	for _, c := range r.checks {
		r.Extra += c.weight
	}
}
