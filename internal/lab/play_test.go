package lab

import (
	"testing"
	"time"

	"holdfast/internal/lab/netns"
)

func TestWhatIsLostBelongsToTheFaultBefore(t *testing.T) {
	start := time.Unix(1000, 0)
	at := func(ms int) time.Time { return start.Add(time.Duration(ms) * time.Millisecond) }
	trial := trial{at: at(1000), until: at(2000)}
	for name, row := range map[string]struct {
		span    netns.Span
		lost    int
		answers bool
	}{
		"before it":                {netns.Span{From: at(500), To: at(600), Lost: 1}, 0, true},
		"under way when it came":   {netns.Span{From: at(950), To: at(1300), Lost: 3}, 3, true},
		"after it":                 {netns.Span{From: at(1100), To: at(1300), Lost: 2}, 2, true},
		"to the end":               {netns.Span{From: at(1100), Lost: 9}, 9, false},
		"beyond the next":          {netns.Span{From: at(1100), To: at(2100), Lost: 9}, 9, false},
		"under way at the next":    {netns.Span{From: at(1950), To: at(2300), Lost: 3}, 0, true},
		"of the next fault itself": {netns.Span{From: at(2100), Lost: 3}, 0, true},
	} {
		g := target{"v", []netns.Span{row.span}, 100 * time.Millisecond}
		if _, lost, answers := g.during(trial); lost != row.lost || answers != row.answers {
			t.Errorf("%s: lost %d, answers %v; want %d, %v", name, lost, answers, row.lost, row.answers)
		}
	}
}
