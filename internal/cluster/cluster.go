// Package cluster compares the configurations of nodes that stand by for one
// another: what keeps them from hearing each other, who is preferred, what a
// failure does. It reads no file and asks no machine.
package cluster

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// Node is one machine of the cluster with what its file says.
type Node struct {
	Name   string
	Tree   *conf.Tree
	Config *config.Config
}

// Finding is something that is wrong between the nodes. It stands in the file of
// one of them and names the places in those of others.
type Finding struct {
	conf.Diag
	Node int // index of the node in whose file it stands
}

// Check compares the nodes and foretells who is MASTER. The findings come worst
// first, and in the order of the instances. They say nothing about one file alone.
func Check(nodes []Node) ([]Finding, Forecast) {
	c := &checker{nodes: nodes, told: map[cause]*telling{}, said: map[conf.Span]bool{}}
	c.instances = pair(nodes)
	for _, s := range c.instances {
		c.checkInstance(s)
	}
	c.checkGroups()
	c.checkVirtualServers()
	c.checkServerGroups()
	return c.findings(), c.forecast()
}

// checkInstance applies the rules in the order of their consequences.
func (c *checker) checkInstance(s *shared) {
	if len(s.members) < 2 {
		c.checkAlone(s)
		return
	}
	before := c.complaints
	c.checkWire(s)
	c.checkHMAC(s)
	c.checkUnicast(s)
	heard := c.complaints == before
	c.checkAddresses(s)
	if heard { // else nobody elects anybody, and it is not true what would be said
		c.checkPriorities(s)
		c.checkWeights(s)
		c.checkPreemption(s)
	}
	c.checkTracking(s)
	c.checkNames(s)
}

// checker collects what is found.
type checker struct {
	nodes     []Node
	instances []*shared
	told      map[cause]*telling
	tellings  []*telling
	// complaints counts all that were told, those for the same cause included.
	complaints int
	holders    map[netip.Addr][]*member // by address; built when it is needed
	// said marks the peers that a finding about a source speaks of.
	said map[conf.Span]bool
}

// cause is what makes two findings one: the same rule at the same statement.
type cause struct {
	rule string
	at   conf.Span
}

// telling is a finding and how many more instances it is true for.
type telling struct {
	Finding
	name string // of the instance it speaks about
	more []string
}

// complain reports what leads to two MASTERs or to none: adverts that are dropped
// or do not arrive, members that wait for one another.
func (c *checker) complain(rule string, at place, text, fix string) {
	c.complaints++
	c.tell(conf.Complaint, rule, at, text, fix)
}

// advise reports what works until something fails, or otherwise than it reads.
func (c *checker) advise(rule string, at place, text, fix string) {
	c.tell(conf.Advice, rule, at, text, fix)
}

// tell notes a finding. What one statement does to several instances is told
// for the first of them, with the names of the others.
func (c *checker) tell(s conf.Severity, rule string, at place, text, fix string) {
	why := cause{rule, at.span}
	if t := c.told[why]; t != nil && t.name != at.name {
		if n := len(t.more); n == 0 || t.more[n-1] != at.name {
			t.more = append(t.more, at.name)
		}
		return
	}
	d := conf.Diag{Severity: s, Span: at.span, Text: text, Fix: fix, Block: at.block, Rule: rule}
	t := &telling{Finding: Finding{d, at.node}, name: at.name}
	c.told[why] = t
	c.tellings = append(c.tellings, t)
}

// sameLimit is how many findings of one rule are told in full; nobody reads the
// hundredth.
const sameLimit = 5

// findings puts what was told into order and counts what is left out.
func (c *checker) findings() []Finding {
	slices.SortStableFunc(c.tellings, func(a, b *telling) int { return cmp.Compare(a.Severity, b.Severity) })
	seen, last := map[string]int{}, map[string]int{}
	var out []Finding
	for _, t := range c.tellings {
		if seen[t.Rule]++; seen[t.Rule] > sameLimit {
			continue
		}
		last[t.Rule] = len(out)
		out = append(out, t.finding())
	}
	for rule, n := range seen {
		if n > sameLimit {
			out[last[rule]].Text += fmt.Sprintf(" (and %d more findings like this one)", n-sameLimit)
		}
	}
	return out
}

// finding is the finding with the names of the other instances it is true for.
func (t *telling) finding() Finding {
	d := t.Finding
	switch n := len(t.more); {
	case n == 0:
	case n <= 3:
		d.Text += "; the same for " + strings.Join(t.more, ", ")
	default:
		d.Text += fmt.Sprintf("; the same for %s and %d more instances", t.more[0], n-1)
	}
	return d
}

// name is that of the node a member is on.
func (c *checker) name(m *member) string { return c.nodes[m.node].Name }

// names lists nodes in words.
func (c *checker) names(members []*member) string {
	var all []string
	for _, m := range members {
		all = append(all, c.name(m))
	}
	return list(all)
}

// list joins words: "a", "a and b", "a, b and c".
func list(words []string) string {
	if len(words) < 2 {
		return strings.Join(words, "")
	}
	return strings.Join(words[:len(words)-1], ", ") + " and " + words[len(words)-1]
}
