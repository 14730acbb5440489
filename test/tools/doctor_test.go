package tools

import (
	"encoding/json"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/ipv4"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
	"holdfast/test/need"
)

// diagnosis is what `holdfast doctor --json` prints.
type diagnosis struct {
	Status   int
	Findings []struct{ Severity, Rule, Thing, Reason, Fix string }
}

// rules are the names of what was found.
func (d diagnosis) rules() (names []string) {
	for _, f := range d.Findings {
		names = append(names, f.Rule)
	}
	return names
}

// instance is a configuration of one virtual router.
func instance(vrid int, more string) string {
	return fmt.Sprintf("vrrp_instance V {\n  version 3\n  state BACKUP\n  interface eth0\n  virtual_router_id %d\n  priority 100\n  advert_int 0.2\n%s\n}\n", vrid, more)
}

const (
	four = "  virtual_ipaddress {\n    192.0.2.100/24\n  }"
	six  = "  virtual_ipaddress {\n    fe80::100/64\n    2001:db8::100/64\n  }"
)

// examine asks the doctor on a node.
func examine(t *testing.T, n *netns.Node, holdfast, config string, args ...string) (d diagnosis) {
	t.Helper()
	must(t, n.WriteFile("/run/doctor.conf", config, 0o644))
	out, err := n.Output(t.Context(), holdfast, append([]string{"doctor", "--json", "-f", "/run/doctor.conf"}, args...)...)
	if jsonErr := json.Unmarshal([]byte(out), &d); jsonErr != nil {
		t.Fatalf("%v: %s %v", jsonErr, out, err)
	}
	if (err == nil) != (d.Status == 0) || err != nil && !strings.Contains(err.Error(), fmt.Sprintf("exit status %d", d.Status)) {
		t.Errorf("status %d, and it ended with %v", d.Status, err)
	}
	return d
}

// arrives sends an advert from one node to the group and says whether a program on
// the other gets it.
func arrives(t *testing.T, from, to *netns.Node, v6 bool) bool {
	t.Helper()
	network, group := "ip4:112", "224.0.0.18"
	if v6 {
		network, group = "ip6:112", "ff02::12"
	}
	var in net.PacketConn
	must(t, to.Do(func() (err error) {
		link, err := net.InterfaceByName("eth0")
		must(t, err)
		in, err = net.ListenPacket(network, "")
		must(t, err)
		if v6 {
			return ipv6.NewPacketConn(in).JoinGroup(link, &net.IPAddr{IP: net.ParseIP(group)})
		}
		return ipv4.NewPacketConn(in).JoinGroup(link, &net.IPAddr{IP: net.ParseIP(group)})
	}))
	defer in.Close()
	must(t, from.Do(func() error { return send(network, group, v6) }))
	must(t, in.SetReadDeadline(time.Now().Add(150*time.Millisecond)))
	_, _, err := in.ReadFrom(make([]byte, 100))
	return err == nil
}

// send is refused with EPERM by a firewall, which is an answer, too.
func send(network, group string, v6 bool) error {
	link, err := net.InterfaceByName("eth0")
	if err != nil {
		return err
	}
	out, err := net.ListenPacket(network, "")
	if err != nil {
		return err
	}
	defer out.Close()
	body := []byte{0x31, 51, 100, 0, 0, 20, 0, 0}
	if v6 {
		p := ipv6.NewPacketConn(out)
		_ = p.SetMulticastHopLimit(255)
		_, _ = p.WriteTo(body, &ipv6.ControlMessage{IfIndex: link.Index}, &net.IPAddr{IP: net.ParseIP(group), Zone: "eth0"})
		return nil
	}
	p := ipv4.NewPacketConn(out)
	_ = p.SetMulticastTTL(255)
	_ = p.SetMulticastInterface(link)
	_, _ = p.WriteTo(body, nil, &net.IPAddr{IP: net.ParseIP(group)})
	return nil
}

// inputs are rules of the chain input, and what its policy is.
func inputs() map[string]string {
	const closed = "policy drop; "
	return map[string]string{
		"open":                             "policy accept;",
		"closed":                           closed,
		"closed but for the protocol":      closed + "ip protocol 112 accept",
		"closed but for protocols":         closed + "meta l4proto { tcp, udp, 112 } accept",
		"closed but for other protocols":   closed + "meta l4proto { tcp, udp } accept",
		"all but some protocols":           closed + "meta l4proto != { tcp, udp } accept",
		"closed but for the network":       closed + "ip saddr 192.0.2.0/24 accept",
		"closed but for half the network":  closed + "ip saddr 192.0.2.0/25 accept",
		"closed but for another network":   closed + "ip saddr 198.51.100.0/24 accept",
		"closed but for the neighbour":     closed + "ip saddr 192.0.2.9 accept",
		"closed but for the group":         closed + "ip daddr 224.0.0.18 accept",
		"closed but for groups":            closed + "ip daddr 224.0.0.0/4 accept",
		"closed but for a range":           closed + "ip daddr 224.0.0.1-224.0.0.255 accept",
		"closed but for another range":     closed + "ip daddr 224.0.0.1-224.0.0.17 accept",
		"closed but for ranges":            closed + "ip daddr { 10.0.0.0/8, 224.0.0.0/24, 239.0.0.0/8 } accept",
		"closed but for other ranges":      closed + "ip daddr { 10.0.0.0/8, 225.0.0.0/24 } accept",
		"closed but for the link":          closed + `iifname "eth0" accept`,
		"closed but for links":             closed + `iifname "eth*" accept`,
		"closed but for its number":        closed + `iif "eth0" accept`,
		"closed but for other links":       closed + `iifname { "lo", "eth7" } accept`,
		"closed but for answers":           closed + "ct state established,related accept",
		"closed but for what is new":       closed + "ct state new accept",
		"a map of chains":                  closed + "meta l4proto vmap { 112 : jump more, 6 : accept }",
		"open, by a map of links":          closed + `iifname vmap { "eth0" : accept }`,
		"closed, by a map of states":       closed + "ct state vmap { established : accept, related : accept, invalid : drop }",
		"open, by a map of states":         closed + "ct state vmap { established : accept, new : accept }",
		"closed but for multicast":         closed + "meta pkttype multicast accept",
		"closed but for what is near":      closed + "ip ttl 255 accept",
		"closed to what is near":           "ip ttl > 254 drop",
		"closed but for a rate":            closed + "limit rate 1000/second accept",
		"closed to the protocol":           "ip protocol 112 drop",
		"the protocol is refused":          "ip protocol 112 reject",
		"closed to it, after a count":      "ip protocol 112 counter log drop",
		"closed to the protocol, by a map": "meta l4proto vmap { tcp : accept, 112 : drop }",
		"closed to the group in numbers":   "@nh,128,32 0xe0000012 drop",
		"another chain closes":             "jump more",
		"another chain goes for good":      closed + "goto none",
		"other families":                   "meta nfproto ipv6 drop",
		"closed to bigger numbers":         "ip protocol >= 100 drop",
		"accepted before it is dropped":    "ip protocol 112 accept; ip protocol 112 drop",
	}
}

func TestTheDoctorSaysOfAFirewallWhatTheKernelDoes(t *testing.T) {
	need.Nodes(t, "ip", "nft", "iptables")
	holdfast := build(t, "holdfast")
	w := lan(t)
	patient, other := node(t, w, "patient", "192.0.2.11/24", "2001:db8::11/64"), node(t, w, "other", "192.0.2.9/24", "2001:db8::9/64")
	judge := func(t *testing.T, config string, v6 bool) {
		t.Helper()
		d := examine(t, patient, holdfast, config, "--listen", "0")
		for rule, through := range map[string]bool{"firewall-in": arrives(t, other, patient, v6), "firewall-out": arrives(t, patient, other, v6)} {
			if found := slices.Contains(d.rules(), rule); found == through {
				t.Errorf("%s: found %v, and a packet gets through: %v\n%+v\n%s", rule, found, through, d, output(t, patient, "nft list ruleset"))
			}
		}
	}
	table := func(t *testing.T, rules string) {
		must(t, nft(t, patient, "flush ruleset\n"+rules))
	}
	for name, rules := range inputs() {
		t.Run(name, func(t *testing.T) {
			rules = strings.ReplaceAll(rules, "; ", "\n")
			table(t, "table inet filter {\nchain more { ip protocol 112 drop; }\nchain none { tcp dport 22 accept; }\nchain input { type filter hook input priority 0\n"+rules+"\n}\n}")
			judge(t, instance(51, four), false)
		})
	}
	for name, rules := range map[string]string{
		"before routing": "table ip raw { chain pre { type filter hook prerouting priority -300; ip protocol 112 drop; } }",
		"of IPv6 alone":  "table ip6 filter { chain input { type filter hook input priority 0; policy drop; } }",
		"a set by name":  "table ip filter { set groups { type ipv4_addr; flags interval; elements = { 224.0.0.0/24 } }\nchain input { type filter hook input priority 0; policy drop; ip daddr @groups accept; } }",
		"on the way out": "table inet filter { chain output { type filter hook output priority 0; policy accept; meta l4proto 112 drop; } }",
		"after routing":  "table inet filter { chain post { type filter hook postrouting priority 0; policy accept; oifname \"eth0\" ip daddr 224.0.0.18 drop; } }",
	} {
		t.Run(name, func(t *testing.T) {
			table(t, rules)
			judge(t, instance(51, four), false)
		})
	}
	for name, rules := range map[string]string{
		"IPv6, closed":                   "policy drop;",
		"IPv6, closed but for it":        "policy drop\nmeta l4proto 112 accept",
		"IPv6, closed but for IPv4":      "policy drop\nip protocol 112 accept",
		"IPv6, closed but for the group": "policy drop\nip6 daddr ff02::12 accept",
		"IPv6, closed but for the near":  "policy drop\nip6 saddr fe80::/10 accept",
	} {
		t.Run(name, func(t *testing.T) {
			table(t, "table inet filter {\nchain input { type filter hook input priority 0\n"+rules+"\n}\n}")
			judge(t, instance(51, six), true)
		})
	}
	for _, rules := range []string{
		"-P INPUT DROP", "-P INPUT ACCEPT", "-A INPUT -p vrrp -j DROP", "-A INPUT -p 112 -j REJECT", "-P INPUT DROP; -A INPUT -p vrrp -j ACCEPT",
		"-P INPUT DROP; -A INPUT -d 224.0.0.0/8 -j ACCEPT", "-P INPUT DROP; -A INPUT -m state --state ESTABLISHED,RELATED -j ACCEPT; -A INPUT -p vrrp -i eth0 -j ACCEPT",
		"-N vrrp; -A INPUT -p vrrp -j vrrp; -A vrrp -s 192.0.2.0/24 -j RETURN; -A vrrp -j DROP", "-N vrrp; -A INPUT -p vrrp -j vrrp; -A vrrp -j DROP",
		"-A OUTPUT -p vrrp -j DROP", "-A INPUT -i eth7 -p vrrp -j DROP", "-A INPUT -p tcp -j DROP",
	} {
		t.Run("iptables "+rules, func(t *testing.T) {
			table(t, "")
			for line := range strings.SplitSeq(rules, "; ") {
				output(t, patient, "iptables-nft "+line)
			}
			judge(t, instance(51, four), false)
		})
	}
}

// nft carries out rules. Its older versions want every brace on a line of its own.
func nft(t *testing.T, n *netns.Node, rules string) error {
	t.Helper()
	rules = strings.ReplaceAll(rules, "} }", "}\n}")
	_, err := n.Run(t.Context(), strings.NewReader(rules), "nft", "-f", "-")
	return err
}

// only asserts that just one thing is found, and returns it with the reason and the fix.
func only(t *testing.T, d diagnosis, rule string, status int) string {
	t.Helper()
	if len(d.Findings) != 1 || d.Findings[0].Rule != rule || d.Status != status {
		t.Fatalf("found, with status %d: %+v; want %s and %d", d.Status, d.Findings, rule, status)
	}
	f := d.Findings[0]
	return f.Thing + ": " + f.Reason + ": " + f.Fix
}

func TestTheDoctorKnowsLinks(t *testing.T) {
	need.Nodes(t, "ip")
	holdfast := build(t, "holdfast")
	patient := node(t, lan(t), "patient", "192.0.2.11/24")
	config := instance(51, four)
	if d := examine(t, patient, holdfast, config, "--listen", "0"); d.Status != 0 || len(d.Findings) > 0 {
		t.Errorf("a healthy machine: %+v", d)
	}
	output(t, patient, "ip link set eth0 multicast off")
	if got := only(t, examine(t, patient, holdfast, config, "--listen", "0"), "no-multicast", 3); !strings.Contains(got, "ip link set dev eth0 multicast on") {
		t.Error(got)
	}
	output(t, patient, "ip link set eth0 multicast on; ip link set eth0 down")
	only(t, examine(t, patient, holdfast, config, "--listen", "0"), "link-down", 2)
	only(t, examine(t, patient, holdfast, strings.Replace(config, "eth0", "eth5", 1), "--listen", "0"), "link-missing", 2)
	if _, err := patient.Output(t.Context(), holdfast, "doctor", "-f", "/none"); err == nil || !strings.Contains(err.Error(), "exit status 3") {
		t.Errorf("without a configuration: %v", err)
	}
}

func TestTheDoctorKnowsBridges(t *testing.T) {
	need.Nodes(t, "ip")
	holdfast := build(t, "holdfast")
	patient := node(t, lan(t), "patient", "192.0.2.11/24")
	output(t, patient, "ip link add br5 type bridge; ip link set br5 up; ip link set eth0 master br5; ip addr add 2001:db8::12/64 dev br5 nodad")
	config := strings.Replace(instance(51, six), "eth0", "br5", 1)
	if got := only(t, examine(t, patient, holdfast, config, "--listen", "0"), "bridge-snooping", 0); !strings.Contains(got, "mcast_querier 1") {
		t.Error(got)
	}
	examine(t, patient, holdfast, config, "--listen", "0", "--strict")
	output(t, patient, "ip link set br5 type bridge mcast_querier 1; bridge link set dev eth0 mcast_flood off")
	if got := only(t, examine(t, patient, holdfast, config, "--listen", "0"), "bridge-flood", 2); !strings.Contains(got, "bridge link set dev eth0 mcast_flood on") {
		t.Error(got)
	}
}

func TestTheDoctorHearsOthersWithTheSameVRID(t *testing.T) {
	need.Nodes(t, "ip", "nft")
	holdfast := build(t, "holdfast")
	w := lan(t)
	patient, other := node(t, w, "patient", "192.0.2.11/24", "2001:db8::11/64"), node(t, w, "other", "192.0.2.9/24", "2001:db8::9/64")
	speak := func(t *testing.T, config string) {
		must(t, other.WriteFile("/run/other.conf", config, 0o644))
		cmd := exec.Command(holdfast, "run", "-f", "/run/other.conf")
		must(t, other.Start(cmd))
		t.Cleanup(func() { cmd.Process.Signal(unix.SIGTERM); cmd.Wait() })
	}
	strange := strings.Replace(four, "192.0.2.100", "192.0.2.200", 1)
	more := strings.Replace(four, "192.0.2.100/24", "192.0.2.100/24\n    192.0.2.101/24", 1)
	for _, tt := range []struct {
		name, other, ours, rule, says string
		status                        int
	}{
		{"another virtual router", instance(51, strange), instance(51, four), "foreign-vrid", "192.0.2.9 uses it too, for 192.0.2.200", 3},
		{"another one over IPv6", instance(51, strings.ReplaceAll(six, "::100", "::200")), instance(51, six), "foreign-vrid", "fe80::", 3},
		{"the peer", instance(51, four), instance(51, four), "", "", 0},
		{"a peer with another version", strings.NewReplacer("version 3", "version 2", "advert_int 0.2", "advert_int 1").Replace(instance(51, four)), instance(51, four), "peer-version", "192.0.2.9 speaks version 2", 2},
		{"a peer with more addresses", instance(51, more), instance(51, four), "peer-addresses", "192.0.2.9 announces 192.0.2.100, 192.0.2.101", 2},
		{"another VRID", instance(52, strange), instance(51, four), "", "", 0},
		{"another family", instance(51, six), instance(51, four), "", "", 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			speak(t, tt.other)
			d := examine(t, patient, holdfast, tt.ours, "--listen", "5s")
			if tt.rule == "" {
				if len(d.Findings) > 0 {
					t.Errorf("found: %+v", d)
				}
				return
			}
			if got := only(t, d, tt.rule, tt.status); !strings.Contains(got, tt.says) {
				t.Errorf("it says %s; want %s", got, tt.says)
			}
		})
	}
	t.Run("behind a firewall", func(t *testing.T) {
		must(t, nft(t, patient, "table ip filter { chain input { type filter hook input priority 0; policy drop; } }"))
		speak(t, instance(51, strange))
		d := examine(t, patient, holdfast, instance(51, four), "--listen", "5s")
		if !slices.Equal(d.rules(), []string{"firewall-in", "foreign-vrid"}) || !strings.Contains(d.Findings[1].Fix, "virtual_router_id 1,") {
			t.Errorf("found: %+v", d)
		}
	})
}

func TestTheDoctorKnowsWhatABalancerNeeds(t *testing.T) {
	need.Nodes(t, "ip")
	holdfast := build(t, "holdfast")
	patient := node(t, lan(t), "patient", "192.0.2.11/24", "2001:db8::11/64")
	server := func(method, address string) string {
		vip := "192.0.2.100"
		if netip.MustParseAddr(address).Is6() {
			vip = "2001:db8::100"
		}
		return fmt.Sprintf("virtual_server %s 80 {\n  lvs_method %s\n  protocol TCP\n  real_server %s 80 {\n    TCP_CHECK {\n    }\n  }\n}\n", vip, method, address)
	}
	for _, tt := range []struct {
		name, config, prepare, rule string
	}{
		{"NAT without forwarding", server("NAT", "198.51.100.7"), "echo 0 >/proc/sys/net/ipv4/ip_forward", "nat-forwarding"},
		{"NAT over IPv6 without forwarding", server("NAT", "2001:db8:1::7"), "echo 0 >/proc/sys/net/ipv6/conf/all/forwarding", "nat-forwarding"},
		{"NAT with forwarding", server("NAT", "198.51.100.7"), "echo 1 >/proc/sys/net/ipv4/ip_forward", ""},
		{"NAT on one network", server("NAT", "192.0.2.7"), "echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv4/conf/all/send_redirects", "nat-redirects"},
		{"DR to the network", server("DR", "192.0.2.7"), "", ""},
		{"DR to another network", server("DR", "198.51.100.7"), "", "dr-link"},
		{"TUN to another network", server("TUN", "198.51.100.7"), "", ""},
		{"a real server that answers", instance(51, four), "ip addr add 192.0.2.200/32 dev lo; echo 0 >/proc/sys/net/ipv4/conf/all/arp_ignore", "realserver-answers"},
		{"a real server that asks", instance(51, four), "echo 1 >/proc/sys/net/ipv4/conf/all/arp_ignore", "realserver-announces"},
		{"a real server", instance(51, four), "echo 2 >/proc/sys/net/ipv4/conf/all/arp_announce", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			output(t, patient, tt.prepare+"\n:")
			found := examine(t, patient, holdfast, tt.config, "--listen", "0").rules()
			found = slices.DeleteFunc(found, func(rule string) bool { return rule == "no-ipvs" })
			if want := slices.DeleteFunc([]string{tt.rule}, func(r string) bool { return r == "" }); !slices.Equal(found, want) {
				t.Errorf("found %v, want %v", found, want)
			}
		})
	}
}
