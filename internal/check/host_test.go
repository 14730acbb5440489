package check

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

func eth(addrs ...string) link {
	l := link{up: true, multicast: true}
	for _, a := range addrs {
		l.addrs = append(l.addrs, netip.MustParsePrefix(a))
	}
	return l
}

func TestAgainstAMachine(t *testing.T) {
	machine := map[string]link{
		"eth0": eth("10.0.0.7/24", "fe80::7/64", "2001:db8::7/64"),
		"eth1": eth("192.168.1.7/24"),
		"bare": eth(),
		"tun0": {up: true, addrs: []netip.Prefix{netip.MustParsePrefix("10.9.0.1/24")}},
		"no6":  {up: true, multicast: true, ipv6Disabled: true, addrs: []netip.Prefix{netip.MustParsePrefix("10.0.0.7/24")}},
	}
	// in is an instance on a link; its VIP is in line 5, what else it says from line 7 on.
	in := func(link, vip string, more ...string) string {
		return "vrrp_instance A {\n interface " + link + "\n virtual_router_id 7\n virtual_ipaddress {\n  " + vip + "\n }\n" + strings.Join(more, "\n") + "\n}\n"
	}
	for _, tt := range []struct {
		name, text string
		want       []string
	}{
		{"all is there", in("eth0", "10.0.0.1/24"), nil},
		{"all is there for IPv6", in("eth0", "fe80::1/64"), nil},
		{"interface", in("eth9", "10.0.0.1/24"), []string{"2 complaint no-interface: there is no interface eth9 on this machine: the instance is in FAULT until it appears (it has bare, eth0, eth1, no6, tun0)"}},
		{"tracked interface", in("eth0", "10.0.0.1/24", " track_interface {", "  eth9", " }"), []string{"8 complaint no-interface: there is no interface eth9 on this machine: it counts as down until it appears (it has bare, eth0, eth1, no6, tun0)"}},
		{"interface of an address", in("eth0", "10.0.0.1/24 dev eth8"), []string{"5 complaint no-interface: there is no interface eth8 on this machine: the address cannot be added until it appears (it has bare, eth0, eth1, no6, tun0)"}},
		{"address to send from", in("bare", "10.0.0.1/24"), []string{"2 complaint no-source-address: bare has no IPv4 address to send from: the instance is in FAULT until it has one (add one, or write unicast_src_ip or mcast_src_ip)"}},
		{"link-local address to send from", in("eth1", "fe80::1/64"), []string{"2 complaint no-source-address: eth1 has no link-local IPv6 address to send from: the instance is in FAULT until it has one (add one, or write unicast_src_ip or mcast_src_ip)"}},
		{"the virtual address alone is none", in("eth1", "192.168.1.7/24"), []string{"2 complaint no-source-address: eth1 has no IPv4 address to send from: the instance is in FAULT until it has one (add one, or write unicast_src_ip or mcast_src_ip)"}},
		{"source of another machine", in("eth0", "10.0.0.1/24", " mcast_src_ip 10.0.0.8"), []string{"7 complaint foreign-source: 10.0.0.8 is no address of eth0 on this machine: adverts cannot be sent from it (it has 10.0.0.7/24, fe80::7/64, 2001:db8::7/64)"}},
		{"source of its own", in("eth0", "10.0.0.1/24", " mcast_src_ip 10.0.0.7"), nil},
		{"network of another interface", in("eth0", "192.168.1.1/24"), []string{"5 advice foreign-network: 192.168.1.1 is in no network of eth0: neighbours will not ask for it there (it has 10.0.0.7/24, fe80::7/64, 2001:db8::7/64)"}},
		{"address without length in the network", in("eth0", "10.0.0.1"), nil},
		{"IPv6 turned off", in("no6", "fe80::1/64"), []string{"2 complaint ipv6-disabled: IPv6 is turned off on no6: the instance has no address to send from and none can be added (sysctl net.ipv6.conf.no6.disable_ipv6=0)"}},
		{"no multicast", in("tun0", "10.9.0.9/24"), []string{"2 complaint no-multicast: tun0 does not do multicast: no advert leaves it (ip link set tun0 multicast on; or write unicast_peer)"}},
		{"unicast without multicast", in("tun0", "10.9.0.9/24", " unicast_peer {", "  10.9.0.2", " }"), nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, _ := conf.Parse(conf.MemoryFiles{"k": tt.text}, "k", conf.Options{})
			cfg, _ := config.Build(tree, config.Options{})
			var got []string
			for _, d := range compare(tree, cfg, machine) {
				got = append(got, fmt.Sprintf("%d %s %s: %s (%s)", d.Span.Line, d.Severity, d.Rule, d.Text, d.Fix))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("findings (-want +got):\n%s", diff)
			}
		})
	}
}

// Every machine has a loopback interface, which is no link to share.
func TestThisMachineIsAsked(t *testing.T) {
	all, err := links()
	if err != nil {
		t.Fatal(err)
	}
	if _, found := all["lo"]; !found {
		t.Errorf("interfaces %v, without lo", all)
	}
	text := strings.Replace(instance(" notify \"/no/such/script\" root"), "eth0", "nothing0", 1)
	printed, status := output(t, Options{Host: true}, write(t, "k.conf", text))
	for _, want := range []string{":2:2: complaint: there is no interface nothing0", ":7:2: complaint: Script '/no/such/script' cannot be accessed", "[script-path]"} {
		if !strings.Contains(printed, want) || status != complaint {
			t.Errorf("with status %d, without %q:\n%s", status, want, printed)
		}
	}
	if printed, _ := output(t, Options{}, write(t, "k.conf", text)); strings.Contains(printed, "nothing0 on this") || strings.Contains(printed, "script-path") {
		t.Errorf("without --host:\n%s", printed)
	}
}

func TestAScriptThatOthersMayChange(t *testing.T) {
	dir := t.TempDir()
	script := filepath.Join(dir, "s.sh")
	if err := os.WriteFile(script, []byte("#!/bin/sh\n"), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(script, 0o777); err != nil {
		t.Fatal(err)
	}
	printed, _ := output(t, Options{Host: true}, write(t, "k.conf", instance(" notify \""+script+"\" root")))
	if !strings.Contains(printed, "Unsafe permissions found for script") {
		t.Errorf("printed:\n%s", printed)
	}
}
