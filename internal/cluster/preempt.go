package cluster

import "fmt"

// checkPreemption says what nopreempt means for both nodes together.
func (c *checker) checkPreemption(s *shared) {
	var with, without []*member
	for _, m := range s.members {
		switch {
		case m.inst.VRRP.NoPreempt:
			with = append(with, m)
		case m.has("nopreempt"):
			c.tellCancelled(s, m)
			without = append(without, m)
		default:
			without = append(without, m)
		}
	}
	if len(with) > 0 && len(without) > 0 {
		c.tellOneSided(s, with[0], without)
	}
	c.checkHeldBack(s, with)
}

// tellCancelled speaks of nopreempt that state MASTER or priority 255 undoes.
func (c *checker) tellCancelled(s *shared, m *member) {
	why := "state MASTER"
	if m.inst.VRRP.Priority == 255 {
		why = "priority 255"
	} else if !m.says("state", "MASTER") {
		return
	}
	text := why + " cancels nopreempt on " + c.name(m)
	if preferred(s) == m {
		text += fmt.Sprintf(": after a failure %s takes the addresses back from %s", c.name(m), c.names(others(s, m)))
	}
	c.advise("nopreempt-with-master", m.at("nopreempt"), text, "write state BACKUP on all nodes")
}

func (c *checker) tellOneSided(s *shared, with *member, without []*member) {
	best := preferred(s)
	if best == nil {
		return // among equals nobody preempts
	}
	if !best.inst.VRRP.NoPreempt && best.has("nopreempt") {
		return // said
	}
	text := fmt.Sprintf("nopreempt of %s is on %s and not on %s (%s): ", with.inst.VRRP.Name, c.name(with), c.names(without), without[0].at())
	if best.inst.VRRP.NoPreempt {
		text += fmt.Sprintf("%s, the preferred node, does not take the addresses back, and %s would if it had the higher priority", c.name(best), c.names(without))
	} else {
		text += fmt.Sprintf("%s has the higher priority and takes the addresses back all the same", c.name(best))
	}
	c.advise("nopreempt-on-one-node", with.at("nopreempt"), text, "write it on all nodes, or on none")
}

// checkHeldBack: who has nopreempt lets a running MASTER be, whatever its
// weights do to it.
func (c *checker) checkHeldBack(s *shared, with []*member) {
	for _, m := range with {
		own := reachOf(m)
		for _, o := range others(s, m) {
			r := reachOf(o)
			if r.weighed && r.well > own.well && r.min < own.well {
				at, _ := c.weightPlace(s, o)
				c.advise("nopreempt-against-weights", at,
					fmt.Sprintf("when the weight lowers %s on %s to %d, %s stays BACKUP all the same: nopreempt (%s) leaves a running MASTER alone",
						o.inst.VRRP.Name, c.name(o), r.min, c.name(m), m.at("nopreempt")),
					"track without weight, so that a failure means FAULT")
				return
			}
		}
	}
}
