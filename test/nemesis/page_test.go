package nemesis

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/bench/subject"
)

// total adds up what came of many seeds.
type total struct {
	program      subject.Program
	seeds        int
	harms, calms int
	broken       map[string]int
	silent, most time.Duration
	late         time.Duration
}

func (s *total) add(o outcome) {
	s.seeds++
	s.harms += o.harms
	s.calms += o.calms
	s.silent += o.silent
	s.most = max(s.most, o.longest)
	s.late = max(s.late, o.late)
	for _, v := range o.found {
		s.broken[v.Rule]++
	}
}

// writePage lets both programs fight with the same seeds and writes what came of it.
func writePage(t *testing.T) {
	var both []*total
	for _, name := range []string{"holdfast", "keepalived"} {
		s := &total{program: contender(t, name), broken: map[string]int{}}
		for seed, left := *first, *length; left > 0; seed, left = seed+atOnce, left-fight {
			for _, o := range batch(t, s.program, seed) {
				s.add(o)
			}
		}
		both = append(both, s)
	}
	must(t, os.WriteFile(*write, []byte(page(both[0], both[1])), 0o644))
}

func page(ours, theirs *total) string {
	var b strings.Builder
	fmt.Fprintf(&b, `# Reliability

Written by `+"`go test ./test/nemesis -for %v -write ../../doc/reliability.md`"+`, %d clusters at once. Clusters of two or three nodes in namespaces, with up to three routers, versions 2 and 3, IPv4 and IPv6,
unicast, sync groups, nopreempt, use_vmac, routes and rules as the seed draws them, suffer kill -9, stop, SIGSTOP, pulled cables, interfaces made anew, deafness and muteness for
protocol 112, partitions, stolen addresses, routes and rules, a thousand changes a second to addresses, devices and their sysctls, reloads, trackers and starved processors. The judge looks
at captured packets and at what the kernels say of their addresses, routes and rules (`+"`test/nemesis/judge.go`"+`). Both programs suffer the same schedules, and nothing supervises them but the
nemesis, which starts again what it killed.

Unicast is judged as multicast is. Traced with a capture beside it, a split is over for both nodes with the next advert, unless a kernel was looking for its neighbour when it began or the
cable was pulled: then the kernel keeps the adverts back until it asks again, a second after it last asked. The nodes here have neigh/eth0/retrans_time_ms at 20.

| | holdfast | keepalived |
| --- | --- | --- |
`, *length, atOnce)
	row := func(name string, of func(*total) any) {
		fmt.Fprintf(&b, "| %s | %v | %v |\n", name, of(ours), of(theirs))
	}
	row("version", func(s *total) any { return s.program.Version })
	row("clusters", func(s *total) any { return s.seeds })
	row("faults", func(s *total) any { return s.harms })
	row("times of calm that were judged", func(s *total) any { return s.calms })
	for _, rule := range Rules() {
		row("broken: "+rule, func(s *total) any { return s.broken[rule] })
	}
	row("routers without adverts, added up", func(s *total) any { return s.silent.Round(time.Millisecond) })
	row("the longest silence of a router", func(s *total) any { return s.most.Round(time.Millisecond) })
	row("a program that only sleeps was waked late, at worst", func(s *total) any { return s.late.Round(time.Millisecond) })
	b.WriteString(earlier)
	return b.String()
}

// earlier is what runs before the one of the page found.
const earlier = `
## Earlier runs

The first page was of four seeds and fewer faults: nothing broken by holdfast, 24 promises by keepalived. Forty more seeds of holdfast alone followed, half an hour of clusters. They found, of
holdfast: a reload that came right after a start ended the daemon, because signals were caught only after the pid file was written; and a log that grew by a thousand lines a second while somebody
changed a device or addresses of his own. Of the nemesis itself: a violation that was the lab's, whose bridge learnt late that a cable was plugged in when both of its ends had the
same number, and faults of one resource that overlapped because the machine was late. Each of these has been mended.

The second page was of 24 seeds, from 3000 on, and spoke of a program that only slept and was waked 20 s late. Reading a sysctl of IPv6 goes round in the kernel until a lock of the network is
free; holdfast did so at its real-time priority whenever somebody harmed a virtual device, and kept those who held the lock from the processor. It reads sysctls at ordinary priority since. Seeds 3007 and 3022 found a
MASTER of IPv6 with use_vmac that could not say a word: its parent had gone and come back while the daemon was frozen, and the source of its adverts was taken for an address that nobody claims
(` + "`router.TestTheSourceComesBackWithTheParentInOneTurn`" + `).
`
