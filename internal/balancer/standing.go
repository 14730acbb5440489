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

// findingID is whose finding it is.
type findingID struct {
	orderID
	check int
}

// memory is a Standing, to be looked up.
type memory struct {
	lost     map[string]bool
	findings map[findingID]Finding
}

// Standing is how the servers stand now.
func (b *Balancer) Standing() (s Standing) {
	for _, v := range b.virtual {
		if !v.Up {
			s.Lost = append(s.Lost, v.unique())
		}
		for _, r := range v.reals {
			for i, c := range r.checks {
				if !c.up || c.weight != 0 {
					s.Findings = append(s.Findings, Finding{v.unique(), r.At, i, !c.up, !c.ran, c.weight})
				}
			}
		}
	}
	return s
}

func (s *Standing) memory() *memory {
	m := &memory{map[string]bool{}, map[findingID]Finding{}}
	for _, name := range s.Lost {
		m.lost[name] = true
	}
	for _, f := range s.Findings {
		m.findings[findingID{orderID{f.Virtual, f.Real}, f.Check}] = f
	}
	return m
}

// unique is a name that no other virtual server has.
func (v *virtual) unique() string { return fmt.Sprintf("%s/%d/%t", v.name, v.number, v.key.V6) }

// remember takes up where the other worker was.
func (r *real) remember(m *memory) {
	for i, c := range r.checks {
		f := m.findings[findingID{orderID{r.of.unique(), r.At}, i}]
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
