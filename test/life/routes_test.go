package life

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
)

// routed is a configuration whose MASTER holds a route by way of its address, and
// a rule.
func routed(priority int, routes, rules, more string) string {
	return more + conf(priority, fmt.Sprintf("promote_secondaries\nvirtual_routes {\n%s\n}\nvirtual_rules {\n%s\n}\n", routes, rules), vip+"/24")
}

const (
	aRoute = "10.9.0.0/16 via 10.0.0.9 src 10.0.0.100 dev eth0"
	aRule  = "from 10.0.0.100 table 100 preference 500"
)

// routes are those that carry keepalived's number.
func (s *stage) routes(n *netns.Node) string {
	return s.Sh(n, "ip -o route show table all proto 18; ip -o rule show | grep -v 'lookup main\\|lookup default\\|lookup local' || true")
}

func (s *stage) has(n *netns.Node, words ...string) bool {
	text := s.routes(n)
	for _, w := range words {
		if !strings.Contains(text, w) {
			return false
		}
	}
	return true
}

// rawMonitor reports what `ip monitor` prints.
func (s *stage) rawMonitor(n *netns.Node, objects ...string) func() string {
	s.Helper()
	whole := func(line string) (event, bool) { return event{text: line}, true }
	events := s.watch(n, whole, "ip", append([]string{"-o", "monitor"}, objects...)...)
	return func() string {
		var b strings.Builder
		for _, e := range events() {
			b.WriteString(e.text + "\n")
		}
		return b.String()
	}
}

// idle expects a node to hold no route and no rule.
func (s *stage) idle(n *netns.Node) {
	s.Helper()
	s.Eventually(5*time.Second, n.Name+" holds no routes and rules", func() bool { return s.routes(n) == "" })
}

func TestTheMasterHasTheRoutesAndRulesAndNobodyElse(t *testing.T) {
	s := newStage(t)
	a, b := s.Start(s.a, routed(200, aRoute, aRule, "")), s.Start(s.b, routed(100, aRoute, aRule, ""))
	s.Eventually(5*time.Second, "a has route and rule", func() bool { return s.has(s.a, "10.9.0.0/16", "src 10.0.0.100", "500:") })
	b.Says("Entering BACKUP STATE")
	s.idle(s.b)
	a.Signal(syscall.SIGTERM)
	s.Eventually(5*time.Second, "b has route and rule", func() bool { return s.has(s.b, "10.9.0.0/16", "src 10.0.0.100", "500:") })
	a.Exit()
	s.idle(s.a)
	again := s.Again(s.a)
	again.Says("Entering MASTER STATE")
	s.idle(s.b)
}

func TestARouteThatSomebodyRemovesReturnsAndTheRoleStays(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, routed(100, aRoute, aRule, ""))
	s.Eventually(5*time.Second, "it has route and rule", func() bool { return s.has(s.a, "10.9.0.0/16", "500:") })
	for _, c := range []struct{ name, command string }{
		{"route deleted", "ip route del 10.9.0.0/16"},
		{"route replaced", "ip route replace 10.9.0.0/16 dev eth0"},
		{"rule deleted", "ip rule del pref 500"},
		{"address deleted, and the route with it", "ip addr del 10.0.0.100/24 dev eth0"},
	} {
		s.Sh(s.a, c.command)
		begin := time.Now()
		s.Eventually(time.Second, c.name+": all is back", func() bool { return s.has(s.a, "10.9.0.0/16 via 10.0.0.9", "500:") })
		if took := time.Since(begin); took > 50*time.Millisecond {
			t.Errorf("%s: it took %v", c.name, took)
		}
	}
	d.Says("Restoring deleted route 10.9.0.0/16 .*so far")
	d.Says("Restoring deleted rule ")
	if n := d.Count("Entering"); n != 2 {
		t.Errorf("%d changes of role, want 2", n)
	}
}

func TestAReloadThatChangesOneRouteTouchesOnlyThat(t *testing.T) {
	s := newStage(t)
	const other = "10.8.0.0/16 via 10.0.0.9 dev eth0"
	d := s.Start(s.a, routed(100, aRoute+"\n"+other, aRule, ""))
	s.Eventually(5*time.Second, "it has both routes", func() bool { return s.has(s.a, "10.9.0.0/16", "10.8.0.0/16", "500:") })
	watch := s.rawMonitor(s.a, "route", "rule", "address")
	d.Reload(routed(100, aRoute+"\n"+other+" mtu 1400", aRule, ""))
	s.Eventually(5*time.Second, "the route has its mtu", func() bool { return s.has(s.a, "mtu 1400") })
	text := watch()
	if !strings.Contains(text, "mtu 1400") {
		t.Errorf("the monitor saw\n%s", text)
	}
	if strings.Contains(text, "10.9.0.0/16") || strings.Contains(text, "500:") || strings.Contains(text, "10.0.0.100/24") {
		t.Errorf("it touched more than the route:\n%s", text)
	}
}

func TestAStartAfterACrashAdoptsRoutesAndRemovesWhatIsLeftOver(t *testing.T) {
	s := newStage(t)
	const other = "10.8.0.0/16 via 10.0.0.9 dev eth0"
	d := s.Start(s.a, routed(100, aRoute+"\n"+other, aRule, ""))
	s.Eventually(5*time.Second, "it has both routes", func() bool { return s.has(s.a, "10.9.0.0/16", "10.8.0.0/16", "500:") })
	watch := s.rawMonitor(s.a, "route", "rule")
	d.Signal(syscall.SIGKILL)
	d.Exit()
	s.Start(s.a, routed(100, aRoute, aRule, ""))
	s.Eventually(5*time.Second, "the left over route is gone", func() bool { return !s.has(s.a, "10.8.0.0/16") })
	if text := watch(); strings.Contains(text, "10.9.0.0/16") || strings.Contains(text, "500:") {
		t.Errorf("it touched what it should have adopted:\n%s", text)
	}
	if !s.has(s.a, "10.9.0.0/16", "500:") {
		t.Errorf("it holds\n%s", s.routes(s.a))
	}
}

func TestStaticEntriesAreHeldFromStartToStop(t *testing.T) {
	s := newStage(t)
	const static = `static_ipaddress {
	10.7.0.1/24 dev eth0
}
static_routes {
	10.6.0.0/16 via 10.7.0.9 dev eth0
}
static_rules {
	from 10.6.0.0/16 table 200 preference 600
}
`
	s.Start(s.b, conf(200, "", vip)).Says("Entering MASTER STATE")
	d := s.Start(s.a, static+conf(100, "", vip))
	all := func() bool { return s.holds(s.a, "10.7.0.1") && s.has(s.a, "10.6.0.0/16", "600:") }
	s.Eventually(5*time.Second, "a BACKUP has the static entries", all)
	s.Sh(s.a, "ip addr del 10.7.0.1/24 dev eth0; ip rule del pref 600")
	s.Eventually(time.Second, "the static entries are back", all)
	s.Sh(s.a, "ip link set eth0 down; sleep 0.1; ip link set eth0 up")
	s.Eventually(2*time.Second, "they are back with the link", all)
	d.Signal(syscall.SIGTERM)
	if code := d.Exit(); code != 0 {
		t.Errorf("exit status %d", code)
	}
	s.idle(s.a)
	if s.holds(s.a, "10.7.0.1") {
		t.Error("the static address is still there")
	}
}

func TestTheOptionVLeavesRoutesAndRules(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile(confPath, routed(100, aRoute, aRule, ""), 0o644))
	d := s.Launch(s.a, s.Namesake(), "-n", "-l", "-D", "-V", "-f", confPath)
	s.Eventually(5*time.Second, "it has route and rule", func() bool { return s.has(s.a, "10.9.0.0/16", "500:") })
	d.Signal(syscall.SIGTERM)
	d.Exit()
	if !s.has(s.a, "10.9.0.0/16", "500:") {
		t.Errorf("left is\n%s", s.routes(s.a))
	}
}

func TestARefusedRouteIsToldOnceAndTheRestWorks(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, routed(100, "10.5.0.0/16 via 172.31.0.1 dev eth0\n"+aRoute, aRule, ""))
	s.Eventually(5*time.Second, "the rest is there", func() bool { return s.has(s.a, "10.9.0.0/16", "500:") })
	d.Says(`route add 10.5.0.0/16 .*Nexthop has invalid gateway.*give the link an address there, or write onlink`)
	time.Sleep(2500 * time.Millisecond) // it is tried each second
	if n := d.Count("10.5.0.0/16"); n != 1 {
		t.Errorf("it is told %d times", n)
	}
	s.Sh(s.a, "ip addr add 172.31.0.2/24 dev eth0")
	s.Eventually(500*time.Millisecond, "it is there when it can be", func() bool { return s.has(s.a, "10.5.0.0/16") })
}

func TestTheDevicesOfRoutesAndTrackGroupsMeanFault(t *testing.T) {
	for _, c := range []struct{ name, conf string }{
		{"virtual route", routed(100, aRoute+"\n10.4.0.0/16 dev side", aRule, "")},
		{"virtual rule", routed(100, aRoute, aRule+"\niif side table 100 preference 501", "")},
		{"track_group", "track_group G {\ngroup {\nV\n}\n}\nstatic_routes {\n10.4.0.0/16 dev side track_group G\n}\n" + conf(100, "", vip)},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.Sh(s.a, "ip link add side type veth peer name far; ip link set far up; ip link set side up")
			d := s.Start(s.a, c.conf)
			d.Says("Entering MASTER STATE")
			s.Sh(s.a, "ip link set side down")
			d.Says("Entering FAULT STATE")
			s.Sh(s.a, "ip link set side up")
			s.Eventually(5*time.Second, "it is MASTER again", func() bool { return d.Count("Entering MASTER STATE") == 2 })
		})
	}
	t.Run("not with no_track", func(t *testing.T) {
		s := newStage(t)
		s.Sh(s.a, "ip link add side type veth peer name far; ip link set far up; ip link set side up")
		d := s.Start(s.a, routed(100, aRoute+"\n10.4.0.0/16 dev side no_track", aRule, ""))
		d.Says("Entering MASTER STATE")
		s.Sh(s.a, "ip link set side down; sleep 0.3; ip link set side up")
		s.Eventually(2*time.Second, "the route is back", func() bool { return s.has(s.a, "10.4.0.0/16") })
		if d.Count("FAULT") != 0 {
			t.Error("it went to FAULT")
		}
	})
}

func TestPromoteSecondariesIsSetAndGivenBack(t *testing.T) {
	s := newStage(t)
	const show = "cat /proc/sys/net/ipv4/conf/eth0/promote_secondaries"
	s.Sh(s.a, "echo 0 >/proc/sys/net/ipv4/conf/eth0/promote_secondaries")
	d := s.Start(s.a, routed(100, aRoute, aRule, ""))
	d.Says("Entering MASTER STATE")
	if got := strings.TrimSpace(s.Sh(s.a, show)); got != "1" {
		t.Errorf("promote_secondaries is %s", got)
	}
	d.Signal(syscall.SIGKILL)
	d.Exit()
	d = s.Start(s.a, routed(100, aRoute, aRule, ""))
	d.Says("Entering MASTER STATE")
	d.Signal(syscall.SIGTERM)
	d.Exit()
	if got := strings.TrimSpace(s.Sh(s.a, show)); got != "0" {
		t.Errorf("promote_secondaries is %s after the stop", got)
	}
}
