package tools

import (
	"slices"
	"strings"
	"testing"

	"holdfast/internal/lab/netns"
	"holdfast/test/need"
)

// finds tells whether a node learns who has an address.
func finds(t *testing.T, n *netns.Node, address string) bool {
	t.Helper()
	reaches(t, n, address)
	return strings.Contains(output(t, n, "ip neigh show "+address), "lladdr")
}

// Rules that see frames, before IP does or instead of it: those of devices, of bridges and
// of ARP.
func TestTheDoctorSaysOfRulesForFramesWhatTheKernelDoes(t *testing.T) {
	need.Nodes(t, "ip", "nft", "ping")
	holdfast := build(t, "holdfast")
	w := lan(t)
	plain, bridged, other := node(t, w, "plain", "192.0.2.11/24"), node(t, w, "bridged"), node(t, w, "other", "192.0.2.9/24")
	output(t, bridged, "ip link set eth0 down; ip link set eth0 name port0; ip link add eth0 type bridge mcast_snooping 0; ip link set port0 master eth0 up; ip link set eth0 up; ip addr add 192.0.2.12/24 dev eth0")
	device := func(hook, rules string) string {
		return "table netdev f {\nchain c {\ntype filter hook " + hook + " priority 0\n" + rules + "\n}\n}"
	}
	arp := func(hook, rules string) string {
		return "table arp f {\nchain c {\ntype filter hook " + hook + " priority 0\n" + rules + "\n}\n}"
	}
	bridge := func(hook, rules string) string {
		return "table bridge f {\nchain c {\ntype filter hook " + hook + " priority 0\n" + rules + "\n}\n}"
	}
	for name, c := range map[string]struct {
		rules   string
		bridged bool
	}{
		"no rules":                      {rules: ""},
		"of the device":                 {rules: device("ingress device eth0", "ip protocol 112 drop")},
		"of the device, by number":      {rules: device("ingress device eth0", "meta l4proto 112 drop")},
		"of the device, another group":  {rules: device("ingress device eth0", "ip daddr 224.0.0.5 drop")},
		"of another device":             {rules: device("ingress device lo", "ip protocol 112 drop")},
		"of several devices":            {rules: device("ingress devices = { lo, eth0 }", "ip protocol 112 drop")},
		"on the way out of the device":  {rules: device("egress device eth0", "ip protocol 112 drop")},
		"of the device, IPv6 alone":     {rules: device("ingress device eth0", "meta protocol ip6 drop")},
		"of the device, closed to ARP":  {rules: device("ingress device eth0", "meta protocol arp drop")},
		"of the device, closed but IP":  {rules: device("ingress device eth0", "policy drop; meta protocol ip accept")},
		"of the device, closed but ARP": {rules: device("ingress device eth0", "policy drop; ether type arp accept")},
		"ARP, closed":                   {rules: arp("input", "policy drop")},
		"ARP, closed to questions":      {rules: arp("input", "arp operation request drop")},
		"ARP, closed to answers":        {rules: arp("input", "arp operation reply drop")},
		"ARP, for the address":          {rules: arp("input", "arp daddr ip 192.0.2.100 drop")},
		"ARP, for another address":      {rules: arp("input", "arp daddr ip 192.0.2.101 drop")},
		"ARP, answers on the way out":   {rules: arp("output", "arp operation reply drop")},
		"ARP, from the address":         {rules: arp("output", "arp saddr ip 192.0.2.100 drop")},
		"a bridge":                      {bridge("input", "ip protocol 112 drop"), true},
		"a bridge, by type":             {bridge("input", "ether type arp drop"), true},
		"a bridge, closed":              {bridge("input", "policy drop"), true},
		"a bridge, closed to others":    {bridge("input", "ip protocol 89 drop"), true},
		"a bridge, on the way out":      {bridge("output", "ip protocol 112 drop"), true},
		"a bridge, what passes by":      {bridge("forward", "ip protocol 112 drop"), true},
		"of a bridge, which is none":    {rules: bridge("input", "ip protocol 112 drop")},
	} {
		t.Run(name, func(t *testing.T) {
			patient := plain
			if c.bridged {
				patient = bridged
			}
			for _, n := range []string{"ip addr flush dev eth0 to 192.0.2.100", "nft flush ruleset"} {
				output(t, plain, n)
				output(t, bridged, n)
			}
			output(t, patient, "ip addr add 192.0.2.100/32 dev eth0; ip neigh flush all")
			output(t, other, "ip neigh flush all")
			must(t, nft(t, patient, c.rules))
			d := examine(t, patient, holdfast, instance(51, four), "--listen", "0")
			for rule, through := range map[string]bool{
				"firewall-in": arrives(t, other, patient, false), "firewall-out": arrives(t, patient, other, false), "firewall-arp": finds(t, other, "192.0.2.100"),
			} {
				if found := slices.Contains(d.rules(), rule); found == through {
					t.Errorf("%s: found %v, and a packet gets through: %v\n%+v\n%s", rule, found, through, d, output(t, patient, "nft list ruleset"))
				}
			}
		})
	}
}
