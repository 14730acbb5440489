package life

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/lab/netns"
)

// everything is a configuration with each kind of block that runs.
const everything = `global_defs {
	vrrp_version 3
	script_user root
	enable_script_security
}
static_ipaddress {
	10.0.0.50/32 dev eth0
}
static_routes {
	10.50.0.0/16 via 10.0.0.9 dev eth0
}
static_rules {
	from 10.50.0.0/16 table 100 preference 1500
}
vrrp_script good {
	script /bin/true
	interval 1
}
track_file one {
	file /etc/keepalived/track
}
vrrp_sync_group G {
	group {
		V
		W
	}
}
vrrp_instance V {
	interface eth0
	virtual_router_id 7
	priority 100
	advert_int 0.1
	track_script {
		good
	}
	virtual_ipaddress {
		10.0.0.100
	}
	virtual_routes {
		10.60.0.0/16 via 10.0.0.9 dev eth0
	}
	virtual_rules {
		from 10.60.0.0/16 table 100 preference 1600
	}
}
vrrp_instance W {
	interface eth0
	virtual_router_id 8
	priority 100
	advert_int 0.1
	no_accept
	track_file {
		one
	}
	virtual_ipaddress {
		10.0.0.101
		10.0.0.102/24
	}
}
vrrp_instance X {
	interface eth0
	virtual_router_id 9
	use_vmac
	priority 100
	advert_int 0.1
	virtual_ipaddress {
		10.0.0.103
	}
}
vrrp_instance Y {
	interface eth0
	virtual_router_id 10
	priority 100
	advert_int 0.1
	virtual_ipaddress {
		fe80::100
		2001:db8::100
	}
}
`

// Nothing that is unchanged is touched, whatever kinds of blocks there are.
func TestReloadOfEveryKindOfBlockTouchesNothing(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/etc/keepalived/track", "0", 0o644))
	d := s.Start(s.a, everything)
	for _, name := range []string{"V", "W", "X", "Y"} {
		d.Says(fmt.Sprintf(`\(%s\) Entering MASTER STATE`, name))
	}
	time.Sleep(6 * time.Second) // the second announcements are over, and addresses are looked for twice
	all := func(line string) (event, bool) { return event{text: line}, true }
	kernel := s.watch(s.a, all, "ip", "-o", "monitor", "link", "address", "route", "rule", "netconf")
	filter := s.watch(s.a, all, "nft", "monitor")
	wire := s.listen(s.client, "ether src not "+s.mac(s.client)+" and not ip proto 112 and not ip6 proto 112")
	before := d.Count("Entering")
	for range 3 {
		d.Reload(everything)
	}
	d.Reload(strings.NewReplacer("instance X", "instance other", "\t\tV\n\t\tW\n", "\t\tW\n\t\tV\n").Replace(everything))
	time.Sleep(500 * time.Millisecond)
	for what, end := range map[string]func() []event{"kernel": kernel, "filter": filter, "wire": wire} {
		if got := slices.DeleteFunc(end(), idle); len(got) > 0 {
			t.Errorf("the %s was touched: %v", what, got)
		}
	}
	if n := d.Count("Entering"); n != before {
		t.Errorf("roles changed:\n%s", d.Log())
	}
	if got := s.holdfast(s.a, "plan"); !strings.Contains(got, "nothing would change") {
		t.Errorf("the plan of what runs is\n%s", got)
	}
}

// idle tells what the machine does by itself.
func idle(e event) bool {
	return strings.TrimSpace(e.text) == "" || strings.Contains(e.text, "# new generation")
}

// mac is the address of eth0 of a node.
func (s *stage) mac(n *netns.Node) string {
	return strings.TrimSpace(s.Sh(n, "cat /sys/class/net/eth0/address"))
}

// parts are blocks that can stand in any combination.
func parts() []string {
	list := []string{
		"static_ipaddress {\n\t10.0.0.50/32 dev eth0\n}\n",
		"static_routes {\n\t10.50.0.0/16 via 10.0.0.9 dev eth0\n}\nstatic_rules {\n\tfrom 10.50.0.0/16 table 100 preference 1500\n}\n",
	}
	for _, in := range []struct {
		name, words, addrs string
		vrid               int
	}{
		{"V", "", "10.0.0.100", 7},
		{"W", "no_accept", "10.0.0.101\n10.0.0.102/24", 8},
		{"X", "use_vmac", "10.0.0.103", 9},
		{"Y", "", "fe80::100\n2001:db8::100", 10},
		{"Z", "virtual_routes {\n10.60.0.0/16 via 10.0.0.9 dev eth0\n}\nvirtual_rules {\nfrom 10.60.0.0/16 table 100 preference 1600\n}", "10.0.0.104\n10.0.0.105", 11},
		{"U", "", "10.0.0.106/24\n10.0.0.107/24 scope link", 12},
	} {
		list = append(list, fmt.Sprintf("vrrp_instance %s {\ninterface eth0\nvirtual_router_id %d\npriority 100\nadvert_int 0.1\n%s\nvirtual_ipaddress {\n%s\n}\n}\n", in.name, in.vrid, in.words, in.addrs))
	}
	return list
}

// combined are the parts whose bit is set, in an order by chance.
func combined(r *rand.Rand, bits int) string {
	text, list := "global_defs {\n\tvrrp_version 3\n}\n", parts()
	for _, i := range r.Perm(len(list)) {
		if bits&(1<<i) != 0 {
			text += list[i]
		}
	}
	return text
}

// snapshot is what the kernel of a node holds, without what is a matter of history:
// numbers of links, the order of addresses, elements that name links by number.
func (s *stage) snapshot(n *netns.Node) string {
	s.Helper()
	text := s.Sh(n, `ip -o addr | sed 's/^[0-9]*: //; s/secondary //'; ip -o link | sed 's/^[0-9]*: //; s/qlen [0-9]*//'; ip route show table all; ip -6 route show table all
		ip rule; ip -6 rule; nft list ruleset | grep elements | grep -v ' : '; grep . /proc/sys/net/ipv4/conf/*/arp_ignore /proc/sys/net/ipv4/conf/*/arp_filter; true`)
	lines := strings.Split(text, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// still waits until what the kernel holds does not change any more.
func (s *stage) still(n *netns.Node) string {
	s.Helper()
	last, since := "", time.Now()
	s.Eventually(15*time.Second, "the kernel is at rest", func() bool {
		if now := s.snapshot(n); now != last {
			last, since = now, time.Now()
		}
		return time.Since(since) > 700*time.Millisecond
	})
	return last
}

// Whatever came before: what a reload leads to in the kernel is what a start leads to.
func TestReloadsLeadToTheKernelOfAStart(t *testing.T) {
	const configurations, reloads = 8, 30
	s, r := newStage(t), rand.New(rand.NewPCG(1, 2))
	texts, want := make([]string, configurations), make([]string, configurations)
	for i := range texts {
		texts[i] = combined(r, 4+r.IntN(252))
		d := s.Start(s.a, texts[i])
		d.Says("Startup complete")
		want[i] = s.still(s.a)
		d.Signal(syscall.SIGTERM)
		d.Exit()
	}
	d := s.Start(s.a, texts[0])
	d.Says("Startup complete")
	s.still(s.a)
	for range reloads {
		i := r.IntN(configurations)
		d.Reload(texts[i])
		if diff := cmp.Diff(strings.Split(want[i], "\n"), strings.Split(s.still(s.a), "\n")); diff != "" {
			t.Fatalf("-started +reloaded\n%s\nwith\n%s", diff, texts[i])
		}
	}
}
