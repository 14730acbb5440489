package lan

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/internal/mono"
)

func announcement(id int32, index int, vip string, rounds int, gap time.Duration) Announcement {
	return Announcement{ID: id, IfIndex: index, MAC: [6]byte{2}, VIP: netip.MustParseAddr(vip), Rounds: rounds, Gap: gap}
}

// drain runs the queue in virtual time until it is empty, or until end.
func drain(q *queue, now, end mono.Instant, out []Announcement) (log []string) {
	for now <= end {
		n, next := q.due(now, out)
		for _, a := range out[:n] {
			log = append(log, fmt.Sprintf("%s link %d %s", now, a.IfIndex, a.VIP))
		}
		if next == mono.Never {
			return log
		}
		now = max(next, now)
	}
	return log
}

func lines(s string) (list []string) {
	for line := range strings.Lines(strings.TrimSpace(s)) {
		list = append(list, strings.TrimSpace(line))
	}
	return list
}

const whole = mono.Instant(time.Hour)

func TestRoundsGoOverAllAddresses(t *testing.T) {
	q := newQueue(100)
	q.add(announcement(1, 2, "10.0.0.1", 2, 0))
	q.add(announcement(1, 2, "10.0.0.2", 2, 0))
	q.add(announcement(1, 2, "10.0.0.3", 1, 0))
	want := lines(`
		0.000 link 2 10.0.0.1
		0.000 link 2 10.0.0.2
		0.000 link 2 10.0.0.3
		0.000 link 2 10.0.0.1
		0.000 link 2 10.0.0.2`)
	if d := cmp.Diff(want, drain(q, 0, whole, make([]Announcement, 2))); d != "" {
		t.Error(d)
	}
}

// Links and kinds have their own pace.
func TestPacing(t *testing.T) {
	q := newQueue(100)
	for _, vip := range []string{"10.0.0.1", "10.0.0.2"} {
		q.add(announcement(1, 2, vip, 2, 100*time.Millisecond))
		q.add(announcement(1, 3, vip, 1, 0))
	}
	q.add(announcement(1, 2, "fe80::1", 2, 150*time.Millisecond))
	want := lines(`
		0.000 link 2 10.0.0.1
		0.000 link 3 10.0.0.1
		0.000 link 3 10.0.0.2
		0.000 link 2 fe80::1
		0.100 link 2 10.0.0.2
		0.150 link 2 fe80::1
		0.200 link 2 10.0.0.1
		0.300 link 2 10.0.0.2`)
	if d := cmp.Diff(want, drain(q, 0, whole, make([]Announcement, 10))); d != "" {
		t.Error(d)
	}
}

// The gap holds across an empty queue.
// The rounds of a new MASTER with a virtual MAC address.
func TestTheGapWidensWithEachRound(t *testing.T) {
	q := newQueue(100)
	for _, vip := range []string{"10.0.0.1", "10.0.0.2"} {
		a := announcement(1, 2, vip, 3, time.Millisecond)
		a.Widen = true
		q.add(a)
	}
	want := lines(`
		0.000 link 2 10.0.0.1
		0.001 link 2 10.0.0.2
		0.002 link 2 10.0.0.1
		0.004 link 2 10.0.0.2
		0.006 link 2 10.0.0.1
		0.010 link 2 10.0.0.2`)
	if d := cmp.Diff(want, drain(q, 0, whole, make([]Announcement, 2))); d != "" {
		t.Error(d)
	}
}

func TestAGapOutlastsTheQueue(t *testing.T) {
	q := newQueue(100)
	gap := 100 * time.Millisecond
	q.add(announcement(1, 2, "10.0.0.1", 1, gap))
	got := drain(q, 0, whole, make([]Announcement, 10))
	q.add(announcement(1, 2, "10.0.0.2", 1, gap))
	got = append(got, drain(q, mono.Instant(30*time.Millisecond), whole, make([]Announcement, 10))...)
	if d := cmp.Diff(lines("0.000 link 2 10.0.0.1\n0.100 link 2 10.0.0.2"), got); d != "" {
		t.Error(d)
	}
	q.due(whole, nil)
	if len(q.lines)+len(q.byKey)+len(q.items) != 0 {
		t.Errorf("something is remembered for ever: %+v", q)
	}
}

func TestWhatIsQueuedIsNotQueuedTwice(t *testing.T) {
	q := newQueue(100)
	q.add(announcement(1, 2, "10.0.0.1", 5, 0))
	q.add(announcement(1, 2, "10.0.0.1", 3, 0))
	if n := len(drain(q, 0, whole, make([]Announcement, 10))); n != 5 {
		t.Errorf("5 and 3 rounds make %d", n)
	}
	q.add(announcement(1, 2, "10.0.0.1", 1, 0))
	q.add(announcement(1, 2, "10.0.0.1", 3, 0))
	if n := len(drain(q, 0, whole, make([]Announcement, 10))); n != 3 {
		t.Errorf("1 and 3 rounds make %d", n)
	}
}

func TestCancelledIsGone(t *testing.T) {
	q := newQueue(100)
	q.add(announcement(1, 2, "10.0.0.1", 5, 0))
	q.add(announcement(2, 2, "10.0.0.2", 1, 0))
	q.add(announcement(3, 3, "fe80::3", 5, 0))
	q.due(0, make([]Announcement, 1))
	q.cancel([]int32{1, 3})
	if d := cmp.Diff(lines("0.000 link 2 10.0.0.2"), drain(q, 0, whole, make([]Announcement, 10))); d != "" {
		t.Error(d)
	}
	if len(q.items) != 0 {
		t.Errorf("still known: %v", q.items)
	}
}

func TestTheQueueHasABound(t *testing.T) {
	q := newQueue(2)
	for i := range 4 {
		q.add(announcement(1, 2, fmt.Sprintf("10.0.0.%d", i), 1, 0))
	}
	q.add(announcement(1, 2, "10.0.0.0", 2, 0)) // known already
	if n := len(drain(q, 0, whole, make([]Announcement, 10))); n != 3 || q.lost != 2 {
		t.Errorf("%d sent, %d lost", n, q.lost)
	}
}

func TestNothingIsSaidWhereNobodyListens(t *testing.T) {
	q := newQueue(10)
	silent, nameless := announcement(1, 2, "10.0.0.1", 1, 0), announcement(1, 2, "10.0.0.2", 1, 0)
	silent.Silent, nameless.MAC = true, [6]byte{}
	q.add(silent)
	q.add(nameless)
	q.add(announcement(1, 2, "10.0.0.3", 0, 0))
	if got := drain(q, 0, whole, make([]Announcement, 10)); got != nil {
		t.Error(got)
	}
}

// However it is asked and emptied: never two within the gap on one link and
// kind, and every address as often as asked.
func TestPacingHoldsAlways(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		q := newQueue(1000)
		gap := time.Duration(rapid.IntRange(0, 50).Draw(rt, "gap")) * time.Millisecond
		asked, sent := map[target]int{}, map[target]int{}
		for i := range rapid.IntRange(1, 40).Draw(rt, "addresses") {
			vip := fmt.Sprintf("10.0.0.%d", i)
			if rapid.Bool().Draw(rt, "v6") {
				vip = fmt.Sprintf("fe80::%d", i)
			}
			a := announcement(1, rapid.IntRange(1, 3).Draw(rt, "link"), vip, rapid.IntRange(1, 5).Draw(rt, "rounds"), gap)
			asked[target{a.IfIndex, a.VIP}] = a.Rounds
			q.add(a)
		}
		last := map[lineKey]mono.Instant{}
		now, out := mono.Instant(0), make([]Announcement, rapid.IntRange(1, 10).Draw(rt, "batch"))
		for next := now; next != mono.Never; now = max(next, now+mono.Instant(rapid.IntRange(0, 1e7).Draw(rt, "late"))) {
			var n int
			n, next = q.due(now, out)
			for _, a := range out[:n] {
				k := lineKey{a.IfIndex, a.VIP.Is6()}
				if before, any := last[k]; any && now.Sub(before) < gap {
					rt.Fatalf("%v after the last on %v, less than %v", now.Sub(before), k, gap)
				}
				last[k] = now
				sent[target{a.IfIndex, a.VIP}]++
			}
		}
		if d := cmp.Diff(asked, sent, cmp.AllowUnexported(target{}), compareAddr); d != "" {
			rt.Error(d)
		}
	})
}

// A garp_group: its links share the pauses, kind by kind (section 10).
func TestLinksOfAGroupShareTheClock(t *testing.T) {
	q := newQueue(100)
	const gap = 100 * time.Millisecond
	for _, a := range []Announcement{
		announcement(1, 2, "10.0.0.1", 2, gap), announcement(2, 3, "10.0.1.1", 1, gap), announcement(3, 4, "2001:db8::1", 1, gap),
	} {
		a.Clock = 1
		q.add(a)
	}
	q.add(announcement(4, 5, "10.0.2.1", 1, gap))
	got := drain(q, 0, whole, make([]Announcement, 8))
	want := lines(`
		0.000 link 2 10.0.0.1
		0.000 link 4 2001:db8::1
		0.000 link 5 10.0.2.1
		0.100 link 3 10.0.1.1
		0.200 link 2 10.0.0.1`)
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}
