package packages

import (
	"regexp"
	"strings"
	"testing"
	"time"
)

// systemd-networkd, started anew as an upgrade does, takes nothing away that holdfast has set: with
// the files of the package routes and rules stay, and virtual MAC interfaces are not its own; with the drop-in of the
// examples addresses stay too. Nothing is put back, for nothing went.
func TestNetworkdLeavesAloneWhatIsOurs(t *testing.T) {
	m := debian(t, fast(100))
	m.sh("dpkg -i /tmp/" + deb)
	m.write("/etc/systemd/network/20-eth0.network", "[Match]\nName=eth0\n[Network]\nAddress=10.0.0.1/24\n")
	m.write("/etc/systemd/network/99-all.network", "[Match]\nName=*\n[Network]\nDHCP=yes\n")
	m.sh("install -D -m 644 /usr/share/doc/holdfast/examples/keep-addresses.conf /etc/systemd/network/20-eth0.network.d/holdfast.conf")
	more := "\tvirtual_routes {\n\t\t10.77.0.0/24 dev eth0\n\t}\n\tvirtual_rules {\n\t\tfrom 10.77.0.0/24 table 77 priority 1077\n\t}\n"
	vmac := "vrrp_instance VI_2 {\n\tinterface eth0\n\tvirtual_router_id 52\n\tuse_vmac\n\tadvert_int 0.1\n\tvirtual_ipaddress {\n\t\t10.0.0.101/24\n\t}\n}\n"
	text := fast(100)
	m.write("/etc/keepalived/keepalived.conf", strings.TrimSuffix(text, "}\n")+more+"}\n"+vmac)
	m.sh("systemctl start holdfast")
	held := func() string {
		return m.sh("ip -o -4 addr show | grep -o '10.0.0.10[01]/24' | sort; ip route show 10.77.0.0/24; ip rule show pref 1077")
	}
	m.Eventually(10*time.Second, "everything is held", func() bool { return strings.Count(held(), "\n") == 4 })
	before := held()
	mark := m.sh("date +%s.%N")
	m.sh("systemctl start systemd-networkd && systemctl restart systemd-networkd && networkctl reload && sleep 2")
	if after := held(); after != before {
		t.Errorf("held was\n%s\nand is\n%s", before, after)
	}
	if state := m.sh("networkctl --no-legend list"); !strings.Contains(state, "unmanaged") || !strings.Contains(state, "eth0") {
		t.Errorf("the interfaces are:\n%s", state)
	}
	log := m.sh("journalctl --no-pager -u holdfast --since @" + strings.TrimSpace(mark))
	if regexp.MustCompile("Entering|put back|Restoring|by somebody else").MatchString(log) {
		t.Errorf("something was taken away:\n%s", log)
	}
}
