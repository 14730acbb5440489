package netns

import (
	"fmt"
	"net/netip"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// wire is what tcpdump reads on a bridge, from the observer's port.
type wire struct {
	c    *cluster
	text *stand.Log
}

// frame is one line of tcpdump: when, from which hardware address, what.
type frame struct {
	at  time.Time
	mac string
	// text is the packet as tcpdump prints it, from "IP" or "ARP" on.
	text string
}

func (c *cluster) listen(link string) *wire {
	c.t.Helper()
	w := &wire{c: c, text: &stand.Log{}}
	cmd := exec.Command("tcpdump", "-l", "-n", "-e", "-tt", "--immediate-mode", "-i", link, "arp or proto 112")
	bad := &stand.Log{}
	cmd.Stdout, cmd.Stderr = w.text, bad
	must(c.t, c.observer.Start(cmd))
	go cmd.Wait()
	c.eventually(5*time.Second, "tcpdump listens on "+link, func() bool { return strings.Contains(bad.String(), "listening on") })
	return w
}

// frames are all packets since an instant whose text matches.
func (w *wire) frames(since time.Time, pattern string) []frame {
	want := regexp.MustCompile(pattern)
	var found []frame
	for line := range strings.Lines(w.text.String()) {
		if f, ok := parseFrame(line); ok && !f.at.Before(since) && want.MatchString(f.text) {
			found = append(found, f)
		}
	}
	return found
}

// parseFrame reads `1700000000.123456 MAC > MAC, ethertype IPv4 (0x0800), length 54: TEXT`.
func parseFrame(line string) (frame, bool) {
	head, text, ok := strings.Cut(strings.TrimSpace(line), ": ")
	words := strings.Fields(head)
	if !ok || len(words) < 2 {
		return frame{}, false
	}
	sec, err := strconv.ParseFloat(words[0], 64)
	if err != nil {
		return frame{}, false
	}
	return frame{at: time.Unix(0, int64(sec*1e9)), mac: words[1], text: text}, true
}

// advert is the pattern of an advert as tcpdump reads it.
func advert(from, group string, vrid, prio int) string {
	return fmt.Sprintf(`^%s > %s: VRRPv2, Advertisement, vrid %d, prio %d, authtype simple, intvl 1s, length 20$`,
		regexp.QuoteMeta(from), regexp.QuoteMeta(group), vrid, prio)
}

// garp is the pattern of a gratuitous ARP for an address.
func garp(addr string) string {
	return `^(Ethernet \(len 6\), IPv4 \(len 4\), )?Request who-has ` + regexp.QuoteMeta(addr) + ` .*tell ` + regexp.QuoteMeta(addr) + `,`
}

// patience is how long tcpdump may take to print what it has captured.
const patience = 5 * time.Second

// sees expects a packet on the wire since an instant, captured until a limit from now
// at the latest.
func (w *wire) sees(since time.Time, limit time.Duration, pattern string) []frame {
	w.c.t.Helper()
	var found []frame
	until := time.Now().Add(limit)
	in := func() bool {
		found = w.frames(since, pattern)
		return len(found) > 0 && !found[0].at.After(until)
	}
	for !in() {
		if time.Since(until) > patience {
			w.c.t.Fatalf("from %.6f on not within %s on the wire: %s\n%s\n%s", float64(since.UnixMicro())/1e6, limit, pattern, w.text, w.c.addrs())
		}
		time.Sleep(50 * time.Millisecond)
	}
	return found
}

// announced expects the gratuitous ARP of a node for an address since an
// instant: from the node's own hardware address, to everybody.
func (w *wire) announced(since time.Time, m *member, link, addr string) {
	w.c.t.Helper()
	mac := strings.TrimSpace(m.sh("cat /sys/class/net/" + link + "/address"))
	for _, f := range w.sees(since, 3*time.Second, garp(addr)) {
		if f.mac == mac {
			return
		}
	}
	w.c.t.Fatalf("%s did not announce %s:\n%s", m.Name, addr, w.text)
}

// masters lists who sent adverts of a VRID with a priority above 0 since an
// instant.
func (w *wire) masters(since time.Time, vrid int) map[string]int {
	count := map[string]int{}
	for _, f := range w.frames(since, fmt.Sprintf(`VRRPv2, Advertisement, vrid %d, prio [1-9]`, vrid)) {
		from, _, _ := strings.Cut(f.text, " ")
		count[from]++
	}
	return count
}

// moves are the reports of `ip monitor` on a node: when which address came or
// went.
type moves struct{ text *stand.Log }

func (m *member) watch() *moves {
	m.c.t.Helper()
	w := &moves{text: &stand.Log{}}
	cmd := exec.Command("ip", "-ts", "-o", "-4", "monitor", "address")
	cmd.Stdout, cmd.Stderr = w.text, w.text
	must(m.c.t, m.Start(cmd))
	go cmd.Wait()
	return w
}

// times are the instants since which an address came to the node, or left it.
func (w *moves) times(since time.Time, addr string, came bool) []time.Time {
	var at []time.Time
	for line := range strings.Lines(w.text.String()) {
		stamp, rest, ok := strings.Cut(strings.TrimPrefix(line, "["), "] ")
		when, err := time.ParseInLocation("2006-01-02T15:04:05.000000", stamp, time.Local)
		if !ok || err != nil || when.Before(since) || !strings.Contains(rest, " inet "+addr+"/") {
			continue
		}
		if strings.HasPrefix(rest, "Deleted") != came {
			at = append(at, when)
		}
	}
	return at
}

// movedTogether expects that addresses came to a node at the same time.
func (m *member) movedTogether(since time.Time, addrs ...string) {
	m.c.t.Helper()
	var first, last time.Time
	for _, a := range addrs {
		var at []time.Time
		// The kernel has the address before its monitor has printed it.
		m.c.eventually(2*time.Second, a+" came to "+m.Name, func() bool {
			at = m.moves.times(since, a, true)
			return len(at) > 0
		})
		if first.IsZero() || at[0].Before(first) {
			first = at[0]
		}
		if at[0].After(last) {
			last = at[0]
		}
	}
	if apart := last.Sub(first); apart > 200*time.Millisecond {
		m.c.t.Errorf("%v came to %s %s apart, want in one step", addrs, m.Name, apart)
	}
}

// probe begins to probe addresses from the observer, one probe per millisecond.
func (c *cluster) probe(addrs ...string) *netns.Prober {
	c.t.Helper()
	var targets []netip.Addr
	for _, a := range addrs {
		targets = append(targets, netip.MustParseAddr(a))
	}
	p, err := c.observer.Probe(time.Millisecond, targets...)
	must(c.t, err)
	c.t.Cleanup(func() { p.Close() })
	return p
}

// outage is how long an address did not answer since an instant.
func outage(p *netns.Prober, since time.Time, addr string) time.Duration {
	p.Settle()
	var d time.Duration
	for _, s := range p.Since(since, netip.MustParseAddr(addr)) {
		d += s.Outage(time.Now())
	}
	return d
}
