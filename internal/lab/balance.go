package lab

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/lab/service"
)

// ServicePlan is one address and port of a virtual server.
type ServicePlan struct {
	Addr     netip.Addr
	Port     uint16 // 0: every port
	Protocol string
	Servers  []RealPlan
	// Slowest is how long the checks may take to see that a server is gone.
	Slowest time.Duration
}

// RealPlan is one real server of a virtual server.
type RealPlan struct {
	Addr       netip.Addr
	Port       uint16
	Forwarding config.Forwarding
	Checks     []*config.Check
}

// anyPort is what is asked, and served, where every port is balanced.
const anyPort = 80

// target is what the client asks.
func (s *ServicePlan) target() service.Target {
	return service.Target{At: netip.AddrPortFrom(s.Addr, cmp.Or(s.Port, anyPort)), Protocol: cmp.Or(s.Protocol, "TCP"), Mail: s.mail()}
}

func (s *ServicePlan) mail() bool {
	return slices.ContainsFunc(s.Servers, func(r RealPlan) bool { return r.mail() })
}

func (r *RealPlan) mail() bool {
	return slices.ContainsFunc(r.Checks, func(c *config.Check) bool { return c.Kind == config.CheckSMTP })
}

// takeServers lists what a configuration balances. What the lab cannot ask for is
// noted.
func (n *NodePlan) takeServers(cfg *config.Config) {
	groups := map[string]*config.ServerGroup{}
	for i := range cfg.ServerGroups {
		groups[cfg.ServerGroups[i].Name] = &cfg.ServerGroups[i]
	}
	for i := range cfg.VirtualServers {
		v := &cfg.VirtualServers[i]
		switch g := groups[v.Group]; {
		case v.Mark != 0:
			n.note("the virtual server of fwmark %d is not asked: what has that mark is not in the file", v.Mark)
		case g != nil:
			n.takeGroup(v, g)
		case v.Addr.IsValid():
			n.takeService(v, v.Addr, v.Port)
		}
	}
}

// takeGroup asks the ends of each range.
func (n *NodePlan) takeGroup(v *config.VirtualServer, g *config.ServerGroup) {
	for _, e := range g.Entries {
		if !e.From.IsValid() {
			n.note("fwmark %d of the group %s is not asked: what has that mark is not in the file", e.Mark, g.Name)
			continue
		}
		n.takeService(v, e.From, e.Port)
		if e.To.IsValid() && e.To != e.From {
			n.takeService(v, e.To, e.Port)
		}
	}
}

func (n *NodePlan) takeService(v *config.VirtualServer, addr netip.Addr, port uint16) {
	s := ServicePlan{Addr: addr, Port: port, Protocol: v.Protocol}
	if s.Protocol != "TCP" && s.Protocol != "UDP" && s.Protocol != "" {
		n.note("%s of %s is not asked: the lab speaks TCP and UDP", s.Protocol, addr)
		return
	}
	for i := range v.RealServers {
		r := &v.RealServers[i]
		s.Servers = append(s.Servers, RealPlan{r.Addr, cmp.Or(r.Port, port, anyPort), r.Forwarding, r.Checks})
		s.Slowest = max(s.Slowest, slowest(r.Checks))
		n.takeCheckPrograms(r.Checks)
	}
	if v.Sorry != nil {
		s.Servers = append(s.Servers, RealPlan{v.Sorry.Addr, cmp.Or(v.Sorry.Port, port, anyPort), v.Sorry.Forwarding, nil})
	}
	n.Services = append(n.Services, s)
}

// slowest is the longest that one of the checks may take to fail for good.
func slowest(checks []*config.Check) (longest time.Duration) {
	for _, c := range checks {
		tries := time.Duration(c.Retry)
		longest = max(longest, c.DelayLoop+tries*c.DelayBeforeRetry+(tries+1)*c.Probe.Timeout)
	}
	return longest
}

func (n *NodePlan) takeCheckPrograms(checks []*config.Check) {
	for _, c := range checks {
		if c.Kind == config.CheckMisc && len(c.Misc.Command.Argv) > 0 && strings.HasPrefix(c.Misc.Command.Argv[0], "/") {
			n.Programs = append(n.Programs, c.Misc.Command.Argv[0])
		}
	}
}

func (n *NodePlan) note(format string, args ...any) {
	n.Notes = append(n.Notes, fmt.Sprintf(format, args...))
}

func (n *NodePlan) noteOnce(format string, args ...any) {
	n.note(format, args...)
	slices.Sort(n.Notes)
	n.Notes = slices.Compact(n.Notes)
}

// chooseTargets lists the services that the client asks, each once.
func (p *Plan) chooseTargets() {
	chosen := map[service.Target]bool{}
	for _, n := range p.Nodes {
		for i := range n.Services {
			s := &n.Services[i]
			if t := s.target(); !chosen[t] && slices.ContainsFunc(s.Servers, p.plays) {
				chosen[t] = true
				p.Asked = append(p.Asked, t)
			}
		}
	}
}

// plays reports whether there is a node for a real server.
func (p *Plan) plays(r RealPlan) bool { return p.Node(r.Addr.String()) != nil }
