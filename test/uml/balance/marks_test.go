package balance

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/uml/beside"
)

// marked is a file in which groups are balanced by marks.
func marked(groups string) string {
	return "global_defs {\nnftables_ipvs\nnftables_ipvs_start_fwmark 2000\n}\n" + groups
}

// groupOf is a group with a virtual server for each protocol.
func groupOf(name, entries, way string, protocols ...string) string {
	text := "virtual_server_group " + name + " {\n" + entries + "\n}\n"
	for _, p := range protocols {
		text += "virtual_server group " + name + " {\ndelay_loop 1\nwarmup 0\nlvs_sched rr\nlvs_method " + way + "\nprotocol " + p +
			"\nreal_server 10.0.2.11 80 {\nTCP_CHECK {\n}\n}\nreal_server 10.0.2.12 80 {\n}\n}\n"
	}
	return text
}

// What packets are marked with is host/nft's affair (TestPacketsCarryTheMarkOfTheirGroup): this
// kernel has IPVS, and no nftables for IP. Here iptables marks in its place.
func TestGroupsAreBalancedByTheMarkOfTheirAddresses(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client := s.Node("client", "outside eth0 10.0.1.9/24")
	director := s.Node("director", "outside eth0 10.0.1.1/24", "inside eth1 10.0.2.1/24")
	s.Must(director.Sysctl("ipv4/ip_forward", "1"))
	for _, n := range []string{"one", "two"} {
		real := s.Node(n, "inside eth0 10.0.2.1"+map[string]string{"one": "1", "two": "2"}[n]+"/24")
		s.Sh(real, "ip route add default via 10.0.2.1")
		s.web(real)
	}
	d := s.Start(director, marked(groupOf("G", "10.0.1.1 80\n10.0.1.1 8080", "NAT", "TCP")))
	table := []string{"-A -f 2000 -s rr", "-a -f 2000 -r 10.0.2.11:80 -m -w 1", "-a -f 2000 -r 10.0.2.12:80 -m -w 1"}
	s.becomes(director, 5*time.Second, table...)
	d.Tells(5*time.Second, "IPVS: nftables_ipvs, ip: open the packet filter: ")
	s.Sh(director, "iptables-legacy -t mangle -A INPUT -d 10.0.1.1 -p tcp -j MARK --set-mark 2000")
	for _, url := range []string{"http://10.0.1.1/", "http://10.0.1.1:8080/"} {
		if got := s.ask(client, url, 4); !alternate(got) {
			t.Errorf("%s is answered by %v", url, got)
		}
	}
	connections := func() []string {
		return strings.Fields(s.Sh(director, "ipvsadm -Ln --stats | grep -o 'FWM  2000.*' | cut -c4-"))
	}
	s.Eventually(5*time.Second, "all eight connections are counted, which the kernel does every two seconds", func() bool {
		return connections()[1] == "8"
	})
	other := strings.ReplaceAll(strings.Join(table, "\n"), "2000", "2001")
	d.Reload(marked(groupOf("A", "10.0.1.2 80", "NAT", "TCP") + groupOf("G", "10.0.1.1 80\n10.0.1.3 80", "NAT", "TCP")))
	s.becomes(director, 5*time.Second, append(strings.Split(other, "\n"), table...)...)
	if after := connections(); after[1] != "8" {
		t.Errorf("the reload touched the service: %v", after)
	}
	d.Stop(syscall.SIGTERM)
	s.becomes(director, time.Second)
}

func TestMarksOfGroupsAreKeepaliveds(t *testing.T) {
	s := newStage(t, "inside")
	p := beside.NewPair(s.Stage)
	file := func(more string) string {
		return marked(groupOf("G", "10.0.1.1 80\n10.0.1.10-12 80\nfd00:1::1 80"+more, "TUN", "TCP", "UDP") + groupOf("H", "10.0.3.1 53\n", "NAT", "UDP", "TCP") +
			groupOf("I", "10.0.4.1 80\nfwmark 9", "NAT", "TCP"))
	}
	p.Start(file(""))
	p.Same("at the start")
	if got := s.rules(p.Directors[1]); !strings.Contains(strings.Join(got, "\n"), "-A -f 2003 -s rr") {
		t.Errorf("there is no fourth mark: %v", got)
	}
	p.Farm.Down(0)
	p.Same("without a machine")
	p.Reload(file("\n10.0.1.2 80"))
	p.Same("after a reload")
	p.Stop()
	p.Same("after the stop")
}
