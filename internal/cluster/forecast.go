package cluster

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"holdfast/internal/tracker"
)

// Forecast is who is expected to be MASTER of every instance.
type Forecast struct {
	Nodes     []string `json:"nodes"`
	Instances []Fate   `json:"instances"`
	// Note says what was left out, if anything was.
	Note string `json:"note,omitempty"`
}

// Fate is what becomes of one instance, or of several of which the same is true.
type Fate struct {
	Instances []string `json:"instances"`
	// Well is the outcome when all nodes have started together and nothing fails.
	Well Outcome `json:"all_well"`
	// After has the outcome of every single failure that can concern it.
	After []After `json:"after"`
	// Orders are the orders of the nodes by priority that the weights of trackers
	// can make, the usual one first: "ka67 > ka68"; empty without weights.
	Orders []string `json:"orders,omitempty"`
}

// After is a failure and what comes of it.
type After struct {
	Failure
	Outcome
}

// Failure is one thing that fails on one node.
type Failure struct {
	Node string `json:"node"`
	// Kind is "node", "interface", "script", "file", "process" or "bfd".
	Kind string `json:"kind"`
	Name string `json:"name,omitempty"`
	// Reverse says that the tracker counts as bad when it is good.
	Reverse bool `json:"reverse,omitempty"`
}

// String is the failure in words.
func (f Failure) String() string {
	switch {
	case f.Kind == "node":
		return f.Node + " dead"
	case f.Reverse:
		return fmt.Sprintf("%s good on %s", f.Name, f.Node)
	case f.Kind == "interface":
		return fmt.Sprintf("%s down on %s", f.Name, f.Node)
	}
	return fmt.Sprintf("%s failed on %s", f.Name, f.Node)
}

// Outcome is who is MASTER in the end.
type Outcome struct {
	// Masters are the nodes; more than one means that each holds the addresses,
	// unless Either is set.
	Masters []string `json:"masters"`
	// Either says that one of Masters wins: the one with the higher interface
	// address, which the files do not tell.
	Either bool `json:"either,omitempty"`
	// Unsettled says that nodes that do everything at the same instant go on taking
	// turns: who is MASTER depends on small differences in time.
	Unsettled bool `json:"unsettled,omitempty"`
}

// String is the outcome in words.
func (o Outcome) String() string {
	switch {
	case o.Unsettled:
		return "depends on timing"
	case len(o.Masters) == 0:
		return "nobody"
	case o.Either:
		return strings.Join(o.Masters, " or ") + " (higher address)"
	case len(o.Masters) > 1:
		return list(o.Masters) + " at once"
	}
	return o.Masters[0]
}

func (o Outcome) equal(p Outcome) bool {
	return slices.Equal(o.Masters, p.Masters) && o.Either == p.Either && o.Unsettled == p.Unsettled
}

// merge is the outcome when it depends on whose address is higher.
func merge(low, high Outcome) Outcome {
	if low.equal(high) {
		return low
	}
	both := Outcome{Either: true, Unsettled: low.Unsettled || high.Unsettled}
	both.Masters = append(slices.Clone(low.Masters), high.Masters...)
	slices.Sort(both.Masters)
	both.Masters = slices.Compact(both.Masters)
	return both
}

// effortLimit is how many adverts a forecast may take: about half a second.
const effortLimit = 500_000

// forecast plays the nodes through every single failure. Instances that have
// nothing to do with one another are played apart; those that differ in nothing
// but names, numbers and addresses are played once.
func (c *checker) forecast() Forecast {
	if len(c.nodes) > nodesLimit {
		return Forecast{Note: fmt.Sprintf("more than %d nodes are not played", nodesLimit)}
	}
	f := Forecast{}
	for _, n := range c.nodes {
		f.Nodes = append(f.Nodes, n.Name)
	}
	played := map[string][]result{}
	fates := map[*shared]Fate{}
	spent, left, doubtful := 0, 0, []*shared(nil)
	for _, p := range c.parties() {
		if p.doubtful() {
			doubtful = append(doubtful, p.all...)
			continue
		}
		shape := p.shape()
		results, known := played[shape]
		if effort := p.effort(); !known && spent+effort > effortLimit {
			left += len(p.all)
			continue
		} else if !known {
			spent += effort
			results = p.play()
			played[shape] = results
		}
		p.tell(results, fates)
	}
	for _, s := range c.instances {
		if fate, ok := fates[s]; ok {
			f.Instances = append(f.Instances, fate)
		}
	}
	f.Note = note(left, doubtful)
	return f
}

// note says what was not played and why.
func note(left int, doubtful []*shared) string {
	var parts []string
	if len(doubtful) > 0 {
		parts = append(parts, instances(doubtful)+": no forecast, as two nodes send from one address")
	}
	if left > 0 {
		parts = append(parts, fmt.Sprintf("%d instances: no forecast, as it would take too long", left))
	}
	return strings.Join(parts, "\n")
}

// doubtful tells whether two nodes claim one address: who hears whom then
// depends on which of them has it.
func (p *party) doubtful() bool {
	return slices.ContainsFunc(p.kinds, func(s *shared) bool {
		seen := map[string]bool{}
		for _, m := range s.members {
			if a := m.inst.VRRP.Source; a.IsValid() {
				if seen[a.String()] {
					return true
				}
				seen[a.String()] = true
			}
		}
		return false
	})
}

// party is instances that sync groups bind together, directly or through one
// another: nothing outside concerns them.
type party struct {
	c   *checker
	all []*shared
	// kinds has one of each kind of instance, kind the index of each one's kind:
	// those that are equal in everything that counts share a fate.
	kinds []*shared
	kind  map[*shared]int
	// things are the failures that can concern the party.
	things   []Failure
	groupsOn [][]*synced // by node
}

// parties divides the instances.
func (c *checker) parties() []*party {
	up := map[*shared]*shared{}
	root := func(s *shared) *shared {
		for up[s] != nil {
			s = up[s]
		}
		return s
	}
	groups := c.groups()
	for _, g := range groups {
		for _, s := range g.has[min(1, len(g.has)):] {
			if a, b := root(g.has[0]), root(s); a != b {
				up[b] = a
			}
		}
	}
	at := map[*shared]*party{}
	var all []*party
	for _, s := range c.instances {
		r := root(s)
		if at[r] == nil {
			at[r] = &party{c: c, groupsOn: make([][]*synced, len(c.nodes))}
			all = append(all, at[r])
		}
		at[r].all = append(at[r].all, s)
	}
	for _, g := range groups {
		if len(g.has) > 0 {
			p := at[root(g.has[0])]
			p.groupsOn[g.node] = append(p.groupsOn[g.node], g)
		}
	}
	for _, p := range all {
		p.sort()
	}
	return all
}

// sort finds the kinds of instances and what can fail.
func (p *party) sort() {
	p.kind = map[*shared]int{}
	seen := map[string]int{}
	in := p.memberships()
	for _, s := range p.all {
		text := p.portrait(s, in[s], func(_ int, name string) string { return name })
		i, known := seen[text]
		if !known {
			i = len(p.kinds)
			seen[text] = i
			p.kinds = append(p.kinds, s)
		}
		p.kind[s] = i
	}
	p.listFailures()
}

// memberships tells of every instance in which groups it is, node by node.
func (p *party) memberships() map[*shared]string {
	in := map[*shared]string{}
	for node, groups := range p.groupsOn {
		for i, g := range groups {
			for _, s := range g.has {
				in[s] += fmt.Sprintf("%d/%d ", node, i)
			}
		}
	}
	return in
}

// portrait is everything about an instance that can matter to its fate. thing
// gives what it depends on a name.
func (p *party) portrait(s *shared, groups string, thing func(node int, name string) string) string {
	var b strings.Builder
	b.WriteString(groups)
	for _, m := range s.members {
		r := m.inst.VRRP
		same := "same"
		if r.VRID != s.members[0].inst.VRRP.VRID {
			same = "other"
		}
		link := "none"
		if r.Link != "" {
			link = thing(m.node, "interface "+r.Link)
		}
		r.Name, r.Link, r.VRID, r.VIPs = "", "", 0, nil
		fmt.Fprintf(&b, "%d %s %s %v %+v %s %v\n", m.node, same, link, m.source, r, header(m), m.peerless())
		if m.inst.HMAC != nil {
			// The secrets: which ones are equal matters.
			for _, k := range m.inst.HMAC.Keys {
				fmt.Fprintf(&b, "%d %q %q ", k.ID, string(k.Secret), k.File)
			}
			fmt.Fprintf(&b, "%d %d\n", m.inst.HMAC.Active, m.inst.HMAC.Mode)
		}
		for _, t := range followed(m) {
			fmt.Fprintf(&b, "%v %s %d %v\n", t.Kind, thing(m.node, trackName(&t)), t.Weight, t.Reverse)
		}
	}
	return b.String()
}

// shape is the portrait of the whole party in which names are numbers, so that
// parties that differ in names only have the same one.
func (p *party) shape() string {
	numbers := map[string]int{}
	in := p.memberships()
	var b strings.Builder
	for _, s := range p.kinds {
		b.WriteString(p.portrait(s, in[s], func(node int, name string) string {
			k := fmt.Sprint(node, " ", name)
			if _, known := numbers[k]; !known {
				numbers[k] = len(numbers)
			}
			return fmt.Sprint(numbers[k])
		}))
	}
	return b.String()
}

// followed is what an instance tracks, the devices of its addresses included. What
// only keeps a BACKUP from believing a silence changes nothing where all is heard.
func followed(m *member) []tracker.Track {
	tracks := slices.DeleteFunc(slices.Clone(m.inst.Tracks), func(t tracker.Track) bool { return t.Hold })
	for i := range m.inst.Addrs {
		a := &m.inst.Addrs[i]
		t := tracker.Track{Kind: tracker.Interface, Name: a.Link}
		if a.Link != m.inst.VRRP.Link && !a.NoTrack && !slices.ContainsFunc(tracks, func(o tracker.Track) bool {
			return o.Kind == t.Kind && o.Name == t.Name
		}) {
			tracks = append(tracks, t)
		}
	}
	return tracks
}

// trackName is the name of a watched thing for the play. A reversed one fails
// when the plain one does not.
func trackName(t *tracker.Track) string { return failureOf("", t).id() }

// failureOf is the failure of a tracked thing.
func failureOf(node string, t *tracker.Track) Failure {
	kind := t.Kind.String()
	if t.Kind == tracker.BFD {
		kind = "bfd"
	}
	return Failure{Node: node, Kind: kind, Name: t.Name, Reverse: t.Reverse}
}

// id is the failure without its node.
func (f Failure) id() string {
	if f.Reverse {
		return f.Kind + " " + f.Name + " reverse"
	}
	return f.Kind + " " + f.Name
}

// listFailures lists each node, its interfaces and what it tracks. A file with a
// weight is left out: what it will say is not known.
func (p *party) listFailures() {
	for node, n := range p.c.nodes {
		if !slices.ContainsFunc(p.kinds, func(s *shared) bool { return s.on(node) != nil }) {
			continue
		}
		p.things = append(p.things, Failure{Node: n.Name, Kind: "node"})
		var found []Failure
		for _, s := range p.kinds {
			if m := s.on(node); m != nil {
				found = append(found, failures(n.Name, m)...)
			}
		}
		slices.SortStableFunc(found, func(a, b Failure) int {
			return cmp.Compare(b2i(a.Kind != "interface"), b2i(b.Kind != "interface"))
		})
		for _, f := range found {
			if !slices.Contains(p.things, f) {
				p.things = append(p.things, f)
			}
		}
	}
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

func failures(node string, m *member) (all []Failure) {
	if m.inst.VRRP.Link != "" {
		all = append(all, Failure{Node: node, Kind: "interface", Name: m.inst.VRRP.Link})
	}
	for _, t := range followed(m) {
		if t.Kind == tracker.File && t.Weight != 0 {
			continue
		}
		all = append(all, failureOf(node, &t))
	}
	return all
}

// tell turns what was played into the fates of the instances.
func (p *party) tell(results []result, fates map[*shared]Fate) {
	for _, s := range p.all {
		k := p.kind[s]
		fate := Fate{Instances: []string{s.name()}, Well: p.outcome(results[0][k])}
		for i, f := range p.things {
			fate.After = append(fate.After, After{f, p.outcome(results[i+1][k])})
		}
		fate.Orders = p.c.orders(s)
		fates[s] = fate
	}
}

// outcome names the nodes of a verdict.
func (p *party) outcome(v verdict) Outcome {
	o := Outcome{Masters: []string{}, Either: v.either, Unsettled: v.unsettled}
	for node, n := range p.c.nodes {
		if v.masters&(1<<node) != 0 {
			o.Masters = append(o.Masters, n.Name)
		}
	}
	return o
}
