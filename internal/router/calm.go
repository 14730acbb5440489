package router

import (
	"time"

	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
)

// calm lets the loss of a link, or its return, count only when it has lasted
// (interface_up_down_delays). A link that is deleted is lost at once.
type calm struct {
	config.LinkDelay
	up  bool         // what counts
	due mono.Instant // when what is, and differs, is to count; 0: nothing differs
}

// see takes in how the link is.
func (c *calm) see(now mono.Instant, up bool) {
	wait := c.Down
	if up {
		wait = c.Up
	}
	switch {
	case up == c.up:
		c.due = 0
	case c.due == 0 && wait > 0:
		c.due = now.Add(wait)
	case c.due <= now:
		c.up, c.due = up, 0
	}
}

// works says whether the link counts as one that works.
func (l *link) works() bool {
	if l.calm != nil && l.exists {
		return l.calm.up
	}
	return l.live()
}

// look takes in how the link is, where its changes are to last.
func (l *link) look(now mono.Instant) {
	switch {
	case l.calm == nil:
	case l.exists:
		l.calm.see(now, l.live())
	default:
		l.calm.up, l.calm.due = false, 0
	}
}

// delay makes delays those that are configured. What counts at present goes on
// counting.
func (ls *links) delay(delays []config.LinkDelay) {
	before := map[*link]*calm{}
	for _, l := range ls.calm {
		before[l], l.calm = l.calm, nil
	}
	ls.calm = nil
	for _, d := range delays {
		l := ls.get(d.Link)
		l.calm = &calm{LinkDelay: d, up: l.exists && l.live()}
		if c := before[l]; c != nil {
			l.calm.up, l.calm.due = c.up, c.due
		}
		ls.calm = append(ls.calm, l)
	}
}

// deadline is when a change that has lasted is to count.
func (ls *links) deadline() mono.Instant {
	at := mono.Never
	for _, l := range ls.calm {
		if due := l.calm.due; due != 0 && due < at {
			at = due
		}
	}
	return at
}

// delays are those configured, cut so that a master that lost its link gives up
// before its backups do.
func (c *Config) delays() []config.LinkDelay {
	var cut []config.LinkDelay
	for _, d := range c.LinkDelays {
		for i := range c.Routers {
			if v := &c.Routers[i]; v.Link == d.Link {
				most := patience(v)
				d.Down, d.Up = min(d.Down, most), min(d.Up, most)
			}
		}
		if d.Down > 0 || d.Up > 0 {
			cut = append(cut, d)
		}
	}
	return cut
}

// patience is how long a router may know nothing of its link.
func patience(v *vrrp.Config) time.Duration {
	if v.DownAdverts <= 1 {
		return 0
	}
	return time.Duration(v.DownAdverts-1)*v.Interval - v.Interval/256
}
