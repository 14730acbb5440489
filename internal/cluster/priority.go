package cluster

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/tracker"
)

// ranks sorts the members by their priority with all trackers well, highest
// first; equal ones stay in the order of the nodes.
func ranks(s *shared) []*member {
	sorted := slices.Clone(s.members)
	slices.SortStableFunc(sorted, func(a, b *member) int { return b.well() - a.well() })
	return sorted
}

func (m *member) well() int { return reachOf(m).well }

// preferred is the member with the highest priority when all is well; nil when
// several have it.
func preferred(s *shared) *member {
	sorted := ranks(s)
	if len(sorted) > 1 && sorted[0].well() == sorted[1].well() {
		return nil
	}
	return sorted[0]
}

// checkPriorities says who is preferred, where the files say it badly.
func (c *checker) checkPriorities(s *shared) {
	sorted := ranks(s)
	if c.checkOwners(s) {
		return
	}
	if sorted[0].well() == sorted[1].well() {
		c.tellEqual(s, sorted)
		c.checkStates(s, nil)
		return
	}
	c.checkStates(s, sorted[0])
	c.checkBase(s, sorted)
}

// checkOwners speaks of priority 255. It reports whether two have it.
func (c *checker) checkOwners(s *shared) bool {
	var owners []*member
	for _, m := range s.members {
		if m.inst.VRRP.Priority == 255 {
			owners = append(owners, m)
		}
	}
	switch {
	case len(owners) == 0:
		return false
	case len(owners) > 1:
		m, o := owners[1], owners[0]
		end := "the one with the lower address gives way"
		if m.inst.VRRP.OwnerIgnoreAdverts && o.inst.VRRP.OwnerIgnoreAdverts {
			end = "under owner_ignore_adverts neither gives way, and both are MASTER"
		}
		c.complain("two-owners", m.at("priority", "state"),
			fmt.Sprintf("%s has priority 255 on %s and on %s (%s): 255 says that the addresses are the node's own, and only one node can own them; %s",
				m.inst.VRRP.Name, c.name(m), c.name(o), o.at("priority", "state"), end),
			"write priorities below 255, different ones")
		return true
	}
	m, does := owners[0], "no weight lowers it"
	if m.inst.VRRP.StartMaster && !m.grouped {
		does = "it takes them at once when it starts, without listening, and " + does
	}
	c.advise("owner-of-shared-address", m.at("priority", "state"),
		fmt.Sprintf("priority 255 makes %s the owner of addresses that %s can hold too: %s", c.name(m), c.names(others(s, m)), does),
		"write a priority below 255")
	return false
}

func others(s *shared, m *member) []*member {
	return slices.DeleteFunc(slices.Clone(s.members), func(o *member) bool { return o == m })
}

// tellEqual speaks of the highest priority that several nodes have.
func (c *checker) tellEqual(s *shared, sorted []*member) {
	top := slices.DeleteFunc(slices.Clone(sorted), func(m *member) bool { return m.well() != sorted[0].well() })
	m, o := top[len(top)-1], top[0]
	c.advise("equal-priorities", m.at("priority"),
		fmt.Sprintf("%s has the same priority on %s: %s. %s; a running MASTER is not disturbed",
			m.inst.VRRP.Name, c.names(top), c.sumsOf(m, o), c.winner(top)),
		"write a higher priority on the node that is to be MASTER")
}

// sumsOf tells the priorities of some members and where they come from.
func (c *checker) sumsOf(m, o *member) string {
	return fmt.Sprintf("%s here, %s on %s (%s)", sum(m), sum(o), c.name(o), o.at("priority"))
}

// sum is a priority with the weights that apply when all is well: "150 + 50 = 200".
func sum(m *member) string {
	text, weights := strconv.Itoa(int(m.inst.VRRP.Priority)), false
	for _, t := range m.inst.Tracks {
		if well, _ := change(t); well != 0 && t.Kind != tracker.File {
			text, weights = text+fmt.Sprintf(" + %d", well), true
		}
	}
	if weights {
		text += fmt.Sprintf(" = %d", m.well())
	}
	return text
}

// winner is who wins among equals: the highest address, where the files tell it,
// unless a sync group has a say.
func (c *checker) winner(top []*member) string {
	if slices.ContainsFunc(top, func(m *member) bool { return m.grouped }) {
		return "The other members of its sync group decide"
	}
	best := top[0]
	for _, m := range top {
		if !m.source.IsValid() {
			return "Started together, the node with the higher interface address wins"
		}
		if best.source.Less(m.source) {
			best = m
		}
	}
	return fmt.Sprintf("Started together, the node with the higher address wins, %s with %s", c.name(best), best.source)
}

// checkStates compares the words MASTER with the priorities; preferred is nil
// when the priorities are equal.
func (c *checker) checkStates(s *shared, preferred *member) {
	var masters []*member
	for _, m := range s.members {
		if m.inst.VRRP.Priority != 255 && m.says("state", "MASTER") {
			masters = append(masters, m)
		}
	}
	if len(masters) == 0 {
		return
	}
	m := masters[len(masters)-1]
	switch {
	case len(masters) > 1:
		c.advise("both-master", m.at("state"),
			fmt.Sprintf("%s has state MASTER on %s (%s): %s", m.inst.VRRP.Name, c.names(masters), masters[0].at("state"), c.deciding(preferred)),
			"write MASTER on one node at most, and BACKUP on the others")
	case preferred != nil && preferred != m:
		c.advise("master-is-lower", m.at("state"),
			fmt.Sprintf("%s has state MASTER on %s and the lower priority there, %s; %s (%s) has %s and is preferred: the priority decides, not the state",
				m.inst.VRRP.Name, c.name(m), sum(m), c.name(preferred), preferred.at("priority"), sum(preferred)),
			"give the MASTER the highest priority")
	}
}

func (c *checker) deciding(preferred *member) string {
	if preferred == nil {
		return "the state decides nothing, and the priorities are equal"
	}
	return fmt.Sprintf("the state decides nothing, the priority does, and %s has the highest, %s", c.name(preferred), sum(preferred))
}

// checkBase speaks of weights that turn the order of the priorities round as
// long as all is well.
func (c *checker) checkBase(s *shared, sorted []*member) {
	first := sorted[0]
	for _, m := range s.members {
		if m.inst.VRRP.Priority > first.inst.VRRP.Priority {
			o := compare(reachOf(m), reachOf(first))
			when := "with all well"
			if !o.first {
				when = "whatever fails"
			}
			c.advise("weights-turn-order", first.at("priority"),
				fmt.Sprintf("%s has priority %d on %s (%s) and %d here, and yet %s is ahead %s: %s against %s", m.inst.VRRP.Name,
					m.inst.VRRP.Priority, c.name(m), m.at("priority"), first.inst.VRRP.Priority, c.name(first), when, sum(first), sum(m)),
				"write the highest priority on the node that is to be MASTER, and negative weights")
			return
		}
	}
}

// checkWeights finds trackers whose weights cannot change who is ahead.
func (c *checker) checkWeights(s *shared) {
	all := make([]reach, len(s.members))
	weighed := false
	for i, m := range s.members {
		all[i] = reachOf(m)
		weighed = weighed || all[i].weighed
	}
	can := firsts(all)
	if !weighed || len(can) != 1 {
		return
	}
	first := s.members[can[0]]
	if preferred(s) != first {
		return // equal at first, which was said: either may be MASTER
	}
	rival := c.rival(s, first)
	at, t := c.weightPlace(s, first)
	text := fmt.Sprintf("the weights can never move %s from %s: it has priority %s, and %s at most %d (%s)",
		first.inst.VRRP.Name, c.name(first), span(reachOf(first)), c.name(rival), reachOf(rival).max, rival.at("priority"))
	if reachOf(first).min == reachOf(rival).max {
		text += "; a running MASTER is not disturbed by an equal priority"
	}
	c.advise("weight-too-small", at, text, c.enough(first, rival, t))
}

// rival is the member that comes nearest to the first.
func (c *checker) rival(s *shared, first *member) *member {
	var best *member
	for _, m := range others(s, first) {
		if best == nil || reachOf(m).max > reachOf(best).max {
			best = m
		}
	}
	return best
}

func span(r reach) string {
	if r.min == r.max {
		return strconv.Itoa(r.min)
	}
	return fmt.Sprintf("%d to %d", r.min, r.max)
}

// weightPlace is where the weight stands that should have moved the first: its
// own, else that of another member; on the line that tracks, or in the script.
func (c *checker) weightPlace(s *shared, first *member) (place, *tracker.Track) {
	for _, m := range append([]*member{first}, others(s, first)...) {
		for i := range m.inst.Tracks {
			if t := &m.inst.Tracks[i]; t.Weight != 0 {
				return m.trackPlace(t), t
			}
		}
	}
	return first.at(), nil
}

// trackPlace is the weight of a tracked thing, or else the line that tracks it.
func (m *member) trackPlace(t *tracker.Track) place {
	line := m.trackLine(t)
	if t.Weight == 0 {
		return line
	}
	for _, n := range m.tree.Nodes {
		if slices.Contains(definitions(t.Kind), n.Keyword.Text) && len(n.Args) > 0 && n.Args[0].Text == t.Name {
			if w := statement(n, "weight"); w != nil && !strings.Contains(m.trackText(t), "weight") {
				return place{w.Span(), n.Title(), m.inst.VRRP.Name, m.node}
			}
		}
	}
	return line
}

// trackText is what stands behind the name on the line that tracks.
func (m *member) trackText(t *tracker.Track) string {
	if n := statement(statement(m.block, trackWord(t.Kind)), t.Name); n != nil {
		return n.Raw
	}
	return ""
}

// trackLine is the line that tracks, in the instance or in its sync group.
func (m *member) trackLine(t *tracker.Track) place {
	word := trackWord(t.Kind)
	if statement(statement(m.block, word), t.Name) != nil {
		return m.inside(word, t.Name)
	}
	for _, n := range m.tree.Nodes {
		if n.Keyword.Text != "vrrp_sync_group" || !hasMember(n, m.inst.VRRP.Name) {
			continue
		}
		if line := statement(statement(n, word), t.Name); line != nil {
			return place{line.Span(), n.Title(), m.inst.VRRP.Name, m.node}
		}
	}
	return m.at()
}

// definitions are the blocks that define what can be tracked.
func definitions(k tracker.Kind) []string {
	switch k {
	case tracker.Script:
		return []string{"vrrp_script"}
	case tracker.File:
		return []string{"vrrp_track_file", "track_file"}
	case tracker.Process:
		return []string{"vrrp_track_process"}
	case tracker.BFD:
		return []string{"bfd_instance"}
	case tracker.Check:
		return []string{"vrrp_check"}
	}
	return nil
}

func trackWord(k tracker.Kind) string {
	if k == tracker.BFD {
		return "track_bfd"
	}
	return "track_" + k.String()
}

// enough says what would be a sufficient change.
func (c *checker) enough(first, rival *member, t *tracker.Track) string {
	lacks := reachOf(first).min - reachOf(rival).max + 1
	plain := fmt.Sprintf("the priorities are too far apart by %d: bring them closer, or enlarge the weights", lacks)
	if t == nil || t.Kind == tracker.File || first.inst.VRRP.Priority == 255 {
		return plain
	}
	if _, failed := change(*t); failed < 0 && !t.Reverse && limited(int(first.inst.VRRP.Priority)+failed-lacks) > 1 && weights(first) == 1 {
		return fmt.Sprintf("weight %d or stronger is enough", t.Weight-lacks)
	}
	return plain
}

// weights counts the trackers of a member that have one.
func weights(m *member) (n int) {
	for _, t := range m.inst.Tracks {
		if t.Weight != 0 {
			n++
		}
	}
	return n
}
