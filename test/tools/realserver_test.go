package tools

import (
	"net/netip"
	"strings"
	"testing"

	"holdfast/internal/lab/netns"
	"holdfast/test/need"
)

// node makes a machine with a cable to lan.
func node(t *testing.T, w *netns.World, name string, addrs ...string) *netns.Node {
	t.Helper()
	n, err := w.Node(name)
	must(t, err)
	var prefixes []netip.Prefix
	for _, a := range addrs {
		prefixes = append(prefixes, netip.MustParsePrefix(a))
	}
	must(t, n.Attach("lan", "eth0", prefixes...))
	return n
}

func lan(t *testing.T) *netns.World {
	t.Helper()
	w, err := netns.New()
	must(t, err)
	t.Cleanup(func() { must(t, w.Close()) })
	must(t, w.Bridge("lan"))
	return w
}

func output(t *testing.T, n *netns.Node, line string) string {
	t.Helper()
	out, err := n.Output(t.Context(), "sh", "-c", line)
	must(t, err)
	return out
}

// state is all that the command may change.
func state(t *testing.T, n *netns.Node) string {
	t.Helper()
	return output(t, n, "ip -o addr show | sed 's/ tentative//; s/valid_lft.*//'; cat /proc/sys/net/ipv4/conf/*/arp_ignore /proc/sys/net/ipv4/conf/*/arp_announce; ls /run/holdfast 2>/dev/null || :")
}

func reaches(t *testing.T, from *netns.Node, address string) bool {
	t.Helper()
	_, err := from.Output(t.Context(), "ping", "-n", "-c1", "-W1", address)
	return err == nil
}

func TestARealServerTakesWhatIsSentToItAndClaimsNothing(t *testing.T) {
	need.Nodes(t, "ip", "ping")
	holdfast := build(t, "holdfast")
	w := lan(t)
	server := node(t, w, "server", "192.0.2.11/24", "2001:db8::11/64")
	client := node(t, w, "client", "192.0.2.9/24", "2001:db8::9/64")
	before := state(t, server)
	mac := strings.TrimSpace(output(t, server, "cat /sys/class/net/eth0/address"))
	vips := []string{"192.0.2.100", "2001:db8::100"}

	output(t, server, "ip addr add 192.0.2.100/32 dev lo")
	if !reaches(t, client, "192.0.2.100") {
		t.Fatal("nobody answers even for an address that is claimed: the test is wrong")
	}
	output(t, server, "ip addr del 192.0.2.100/32 dev lo; ")
	output(t, client, "ip neigh flush all")

	output(t, server, holdfast+" realserver up "+strings.Join(vips, " "))
	for _, vip := range vips {
		if reaches(t, client, vip) {
			t.Errorf("%s is claimed", vip)
		}
		output(t, client, "ip neigh replace "+vip+" lladdr "+mac+" dev eth0") // as the balancer sends it
		if !reaches(t, client, vip) {
			t.Errorf("%s is not taken", vip)
		}
	}
	if again := output(t, server, holdfast+" realserver up "+vips[0]); again != "" {
		t.Errorf("a second time it did: %s", again)
	}

	output(t, server, "ip addr del 192.0.2.100/32 dev lo")
	if out, err := server.Output(t.Context(), holdfast, "realserver"); err == nil || !strings.Contains(out, "NO   lo has 192.0.2.100/32") {
		t.Errorf("of what is missing it says: %v %s", err, out)
	}
	output(t, server, holdfast+" realserver up "+vips[0])
	if out := output(t, server, holdfast+" realserver --json"); !strings.Contains(out, `"what":"192.0.2.100/32","held":true`) {
		t.Errorf("as JSON: %s", out)
	}

	output(t, server, holdfast+" realserver down "+vips[0])
	if out := output(t, server, holdfast+" realserver"); strings.Contains(out, vips[0]) || !strings.Contains(out, vips[1]) {
		t.Errorf("one of two is left: %s", out)
	}
	output(t, server, holdfast+" realserver down --all")
	if after := strings.ReplaceAll(state(t, server), "\n\n", "\n"); after != before {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}

func TestARealServerRefuses(t *testing.T) {
	need.Nodes(t, "ip")
	holdfast := build(t, "holdfast")
	server := node(t, lan(t), "server", "192.0.2.11/24")
	before := state(t, server)
	for line, want := range map[string]string{
		"up 192.0.2.11":                   "192.0.2.11 is on eth0: this machine answers for it there",
		"up 192.0.2.100/32":               `"192.0.2.100/32" is no virtual address`,
		"up 192.0.2.100 224.0.0.18":       `"224.0.0.18" is no virtual address`,
		"up":                              "requires at least 1 arg",
		"down 192.0.2.100":                "192.0.2.100 is not served here",
		"down":                            "name addresses, or --all",
		"down --all 192.0.2.100":          "name addresses, or --all",
		"down --run-dir /proc/none --all": "/proc/none",
	} {
		_, err := server.Output(t.Context(), "sh", "-c", holdfast+" realserver "+line)
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", line, err, want)
		}
	}
	if after := state(t, server); !strings.HasPrefix(after, before) {
		t.Errorf("before:\n%safter:\n%s", before, after)
	}
}
