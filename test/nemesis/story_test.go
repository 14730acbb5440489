package nemesis

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// line is something that happened.
type line struct {
	at   time.Duration
	text string
}

// story tells what happened in a stretch of a record: faults, addresses, who
// speaks, and what the daemons logged.
func (f *field) story(r *Record, in Span) string {
	lines := slices.Concat(harms(r), addresses(r), speakers(r), f.logged())
	slices.SortStableFunc(lines, func(a, b line) int { return int(a.at - b.at) })
	var b strings.Builder
	for _, l := range lines {
		if l.at >= in.From && l.at <= in.To {
			fmt.Fprintf(&b, "%9.3f %s\n", l.at.Seconds(), l.text)
		}
	}
	return b.String()
}

func harms(r *Record) (lines []line) {
	for _, h := range r.Harms {
		lines = append(lines, line{h.From, fmt.Sprintf("FAULT %v of node %d", h.Kind, h.Node)},
			line{h.To, fmt.Sprintf("fault over: %v of node %d", h.Kind, h.Node)})
	}
	for _, c := range r.Calms {
		lines = append(lines, line{c.From, "CALM"}, line{c.From + r.Settle(), "all must be settled"})
	}
	return lines
}

func addresses(r *Record) (lines []line) {
	for _, h := range r.Held {
		lines = append(lines, line{h.From, fmt.Sprintf("node %d holds VRID %d", h.Node, h.VRID)},
			line{h.To, fmt.Sprintf("node %d no longer holds VRID %d", h.Node, h.VRID)})
	}
	return lines
}

// speakers are the adverts that are not like the one before.
func speakers(r *Record) (lines []line) {
	last := map[int]Advert{}
	for _, a := range r.Adverts {
		if b, ok := last[a.VRID]; !ok || b.Node != a.Node || b.Priority != a.Priority {
			lines = append(lines, line{a.At, fmt.Sprintf("node %d sends adverts of VRID %d with priority %d", a.Node, a.VRID, a.Priority)})
		}
		last[a.VRID] = a
	}
	return lines
}

func (f *field) logged() (lines []line) {
	all := regexp.MustCompile(".")
	for i, r := range f.nodes {
		for _, log := range r.logs {
			for _, l := range log.Lines(f.began, all) {
				lines = append(lines, line{l.At.Sub(f.began), fmt.Sprintf("  log of node %d: %s", i, l.Text)})
			}
		}
	}
	return lines
}
