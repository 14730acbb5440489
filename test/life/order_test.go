package life

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/test/stand"
)

// kernel reports addresses, routes and rules that come and go, in the kernel's order.
func (s *stage) kernel(d *stand.Daemon) func() []string {
	s.Helper()
	parse := func(line string) (event, bool) {
		m := regexp.MustCompile(`^(?:\[(?:ADDR|ROUTE|RULE)\])?(Deleted )?(.*)`).FindStringSubmatch(line)
		for _, name := range []string{vip, "10.0.0.101", "10.0.0.102", "10.7.0.0/16", "10.8.0.0/16"} {
			if strings.Contains(m[2], name) && !strings.Contains(m[2], "table local") {
				return event{text: strings.TrimSpace(map[string]string{"": "+", "Deleted ": "-"}[m[1]] + name)}, true
			}
		}
		return event{}, false
	}
	end := s.watch(d.Node, parse, "ip", "-o", "monitor", "label", "address", "route", "rule")
	return func() (list []string) {
		for _, e := range end() {
			list = append(list, e.text)
		}
		return list
	}
}

// laden is an instance with everything that a MASTER holds.
func laden(priority int) string {
	return conf(priority, "virtual_ipaddress_excluded {\n10.0.0.102/24\n}\nvirtual_routes {\n10.7.0.0/16 dev eth0\n}\nvirtual_rules {\nfrom 10.8.0.0/16 table 7\n}\n", vip+"/24", "10.0.0.101/24")
}

// Section 2: the advert comes first, then addresses, excluded ones, routes, rules and the
// announcements; leaving, the advert of priority 0, then rules and routes, then addresses.
func TestKeepalived_2_TheOrderOfBecomingAndLeavingMaster(t *testing.T) {
	s := newStage(t)
	file := "track_file f {\n\tfile /run/f\n\tweight 0\n}\n"
	s.Must(s.a.WriteFile("/run/f", "1\n", 0o644))
	d := s.Start(s.a, file+strings.Replace(laden(150), "virtual_router_id 7", "virtual_router_id 7\n\ttrack_file {\n\t\tf\n\t}", 1))
	d.Says("Entering FAULT STATE")
	packets, changes := s.listen(s.b, "arp or proto 112"), s.kernel(d)
	s.Must(s.a.WriteFile("/run/f", "0\n", 0o644))
	d.Says("Entering MASTER STATE")
	time.Sleep(300 * time.Millisecond)
	s.Must(s.a.WriteFile("/run/f", "1\n", 0o644))
	s.Eventually(5*time.Second, "FAULT again", func() bool { return d.Count("Entering FAULT STATE") == 2 })
	time.Sleep(300 * time.Millisecond)

	want := []string{"+" + vip, "+10.0.0.101", "+10.0.0.102", "+10.7.0.0/16", "+10.8.0.0/16",
		"-10.8.0.0/16", "-10.7.0.0/16", "-10.0.0.102", "-10.0.0.101", "-" + vip}
	if got := changes(); !slices.Equal(got[:min(5, len(got))], want[:5]) || len(got) != 10 || !before(got, "-10.8.0.0/16", "-10.7.0.0/16", "-"+vip) || !before(got, "-10.7.0.0/16", "-10.0.0.101") {
		t.Errorf("the kernel saw\n%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	var said []string
	for _, p := range packets() {
		switch {
		case strings.Contains(p.text, "VRRPv3"):
			said = append(said, regexp.MustCompile(`prio \d+`).FindString(p.text))
		case strings.Contains(p.text, "tell 10.0.0.10"):
			said = append(said, regexp.MustCompile(`tell [0-9.]+`).FindString(p.text))
		}
	}
	if len(said) < 8 || said[0] != "prio 150" || !slices.Equal(said[1:7], []string{"tell " + vip, "tell 10.0.0.101", "tell 10.0.0.102", "tell " + vip, "tell 10.0.0.101", "tell 10.0.0.102"}) {
		t.Errorf("the neighbours heard %q", said)
	}
	if end := said[max(0, len(said)-2):]; !slices.Equal(end, []string{"prio 0", "prio 0"}) {
		t.Errorf("the last they heard is %q", end)
	}
}

// before reports whether words stand in a list in this order.
func before(list []string, words ...string) bool {
	last := -1
	for _, w := range words {
		at := slices.Index(list, w)
		if at < 0 || at < last {
			return false
		}
		last = at
	}
	return true
}
