package simulate

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/mono"
)

// service watches which addresses are served, by whom, and for how long by nobody.
type service struct {
	p      *play
	vips   []*vip
	trials []trial
}

// vip is an address that the files name.
type vip struct {
	addr  string
	at    []held // where nodes would hold it
	since mono.Instant
	by    string // nodes that serve it now; empty: nobody
	// out is how long it was served by nobody since the last fault.
	out time.Duration
	// first: it has been served at all.
	first bool
}

// held is an address on a node.
type held struct {
	node int
	host.Addr
}

// trial is a fault and what it cost.
type trial struct {
	fault   string
	at      mono.Instant
	outage  time.Duration
	address string // that was out longest
	silent  []string
	doubled []string
}

func newService(p *play) *service {
	s := &service{p: p}
	for i := range p.nodes {
		s.watch(i)
	}
	return s
}

// watch takes in the addresses of a node.
func (s *service) watch(node int) {
	c := s.p.nodes[node].Config
	for i := range c.Instances {
		for j := range c.Instances[i].Addrs {
			s.add(held{node, c.Instances[i].Addrs[j].Addr})
		}
	}
}

func (s *service) add(h held) {
	name := h.Prefix.Addr().String()
	i := slices.IndexFunc(s.vips, func(v *vip) bool { return v.addr == name })
	if i < 0 {
		i = len(s.vips)
		s.vips = append(s.vips, &vip{addr: name})
	}
	if v := s.vips[i]; !slices.Contains(v.at, h) {
		v.at = append(v.at, h)
	}
}

// look is called whenever something has happened.
func (s *service) look() {
	for _, v := range s.vips {
		by := s.servers(v)
		if by == v.by {
			continue
		}
		s.pass(v)
		v.by, v.since = by, s.p.world.Now()
		v.first = v.first || by != ""
	}
}

// pass adds the time since the last change to the outage.
func (s *service) pass(v *vip) {
	if v.by == "" && v.first {
		v.out += s.p.world.Now().Sub(v.since)
	}
	v.since = s.p.world.Now()
}

func (s *service) servers(v *vip) string {
	var names []string
	for _, h := range v.at {
		n := s.p.world.Node(s.p.nodes[h.node].Name)
		if n.Serves(h.Addr) && !slices.Contains(names, n.Name) {
			names = append(names, n.Name)
		}
	}
	return strings.Join(names, " and ")
}

// begin starts to measure what a fault costs.
func (s *service) begin(fault string) {
	s.measure()
	s.trials = append(s.trials, trial{fault: fault, at: s.p.world.Now()})
}

// end measures the last fault.
func (s *service) end() { s.measure() }

func (s *service) measure() {
	for _, v := range s.vips {
		s.pass(v)
	}
	if n := len(s.trials); n > 0 {
		s.judge(&s.trials[n-1])
	}
	for _, v := range s.vips {
		v.out = 0
	}
}

func (s *service) judge(t *trial) {
	for _, v := range s.vips {
		if v.out > t.outage {
			t.outage, t.address = v.out, v.addr
		}
		switch {
		case v.by == "" && v.first:
			t.silent = append(t.silent, v.addr)
		case strings.Contains(v.by, " and "):
			t.doubled = append(t.doubled, v.addr)
		}
	}
}

func (s *service) survived() bool {
	return !slices.ContainsFunc(s.trials, func(t trial) bool { return len(t.silent) > 0 })
}

// sentence says what clients noticed.
func (t *trial) sentence() string {
	switch {
	case len(t.silent) > 0:
		return "nobody serves " + some(t.silent) + " any more"
	case len(t.doubled) > 0:
		return "two nodes hold " + some(t.doubled)
	case t.outage == 0:
		return "clients notice nothing"
	}
	return "clients are without " + t.address
}

// some names three of a list.
func some(list []string) string {
	if n := len(list); n > 3 {
		return fmt.Sprintf("%s and %d more", strings.Join(list[:3], ", "), n-3)
	}
	return strings.Join(list, ", ")
}

// holders lists the addresses and who serves them in the end, together where it
// is the same.
func (s *service) holders() [][2]string {
	var all [][2]string
	for _, v := range s.vips {
		by := cmp.Or(v.by, "nobody")
		i := slices.IndexFunc(all, func(l [2]string) bool { return l[1] == by })
		if i < 0 {
			all = append(all, [2]string{v.addr, by})
			continue
		}
		all[i][0] += ", " + v.addr
	}
	return all
}
