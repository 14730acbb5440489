package balancer

import (
	"holdfast/internal/checker"
	"holdfast/internal/config"
	"holdfast/internal/mono"
)

// check is one check of a real server.
type check struct {
	id     checker.ID
	of     *real
	config *config.Check
	up     bool
	ran    bool
	weight int64 // what it adds to that of its server
	// since is when it came to stand as it does; what it found last is for the status.
	since mono.Instant
	found checker.Report
}

// checked takes in what a check found.
func (b *Balancer) checked(now mono.Instant, ev Checked, out *Effects) {
	c := b.checks[ev.Check]
	if c == nil {
		return // a reload has ended it meanwhile
	}
	out.Stands = out.Stands || c.up != ev.Up || !c.up && !c.ran || c.weight != ev.Weight
	b.weigh(c, ev, out)
	first, changed, alive := !c.ran, c.up != ev.Up, c.of.Alive
	if c.ran, c.up, c.found = true, ev.Up, ev.Report; first || changed {
		c.since = now
	}
	switch {
	case changed:
		b.settle(c.of, out)
		if !b.config.NoCheckMail || alive != c.of.Alive {
			out.mailReal(c.of, c.of.Alive, c.words())
		}
	case first && !ev.Up:
		b.stillborn(c, out)
	}
}

// stillborn tells of a check that was down from the start and stays so. Of pages keepalived
// tells nothing then, and of programs alone it sends mail.
func (b *Balancer) stillborn(c *check, out *Effects) {
	if c.config.Kind == config.CheckHTTP || c.config.Kind == config.CheckSSL {
		return
	}
	out.tellReal(c.of, false)
	if c.config.Kind == config.CheckMisc && !b.config.NoCheckMail {
		out.mailReal(c.of, false, c.words())
	}
}

// settle lets a real server live or not, as its checks say now.
func (b *Balancer) settle(r *real, out *Effects) {
	alive := r.failed() == 0
	if alive == r.Alive {
		return
	}
	r.Alive = alive
	out.changed(r)
	b.review(r.of, false, out)
	b.put(r.of, out)
}

// weigh takes in what a check adds to the weight of its server.
func (b *Balancer) weigh(c *check, ev Checked, out *Effects) {
	if ev.Weight == c.weight {
		return
	}
	r, before := c.of, c.of.Effective()
	r.Extra += ev.Weight - c.weight
	c.weight = ev.Weight
	if r.Effective() == before {
		return
	}
	out.reweighed(r, before)
	b.review(r.of, false, out)
	b.put(r.of, out)
}
