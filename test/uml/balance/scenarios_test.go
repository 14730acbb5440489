package balance

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
)

// scenario is a file that people run.
func (s *stage) scenario(name ...string) string {
	s.Helper()
	b, err := os.ReadFile(filepath.Join(append([]string{"testdata", "scenarios"}, name...)...))
	s.Must(err)
	return string(b)
}

// notifies gives a node the script that the files of a scenario name.
func (s *stage) notifies(n *netns.Node) {
	s.Helper()
	s.Must(n.WriteFile("/etc/keepalived/notify.sh", "#!/bin/sh\necho \"$(date) $(hostname) $1\" >>/run/roles\n", 0o755))
}

// alternate reports whether neighbours in a list differ and nobody is missing.
func alternate(names []string) bool {
	for i := range names {
		if names[i] == "none" || i > 0 && names[i] == names[i-1] {
			return false
		}
	}
	return true
}

func TestScenario12DirectRouting(t *testing.T) {
	s := newStage(t, "lan")
	client := s.Node("client", "lan eth1 10.16.8.50/24")
	ka67, ka68 := s.Node("ka67", "lan eth1 10.16.8.10/24"), s.Node("ka68", "lan eth1 10.16.8.11/24")
	one, two := s.Node("one", "lan eth1 10.16.8.8/24"), s.Node("two", "lan eth1 10.16.8.9/24")
	for _, n := range []*netns.Node{one, two} {
		s.Must(n.Sysctl("ipv4/conf/all/arp_ignore", "1"))
		s.Must(n.Sysctl("ipv4/conf/all/arp_announce", "2"))
		s.Sh(n, "ip addr add 10.16.8.100/32 dev lo; ip addr add 10.16.8.101/32 dev lo")
		s.web(n)
	}
	for _, n := range []*netns.Node{ka67, ka68} {
		s.notifies(n)
		s.Start(n, s.scenario("12-lvs-dr", n.Name+".conf"))
	}
	table := func(servers ...int) (lines []string) {
		for _, vip := range []int{100, 101} {
			lines = append(lines, fmt.Sprintf("-A -t 10.16.8.%d:80 -s rr", vip))
			for _, r := range servers {
				lines = append(lines, fmt.Sprintf("-a -t 10.16.8.%d:80 -r 10.16.8.%d:80 -g -w 1", vip, r))
			}
		}
		return lines
	}
	s.becomes(ka67, 10*time.Second, table(8, 9)...)
	s.becomes(ka68, 10*time.Second, table(8, 9)...)
	served := func(vip string) bool { return alternate(s.ask(client, "http://"+vip+"/", 5)) }
	for _, vip := range []string{"10.16.8.100", "10.16.8.101"} {
		s.Eventually(15*time.Second, vip+" alternates", func() bool { return served(vip) })
	}
	s.Sh(one, "killall -9 nginx")
	s.becomes(ka67, 20*time.Second, table(9)...)
	s.becomes(ka68, 20*time.Second, table(9)...)
	if got := s.ask(client, "http://10.16.8.100/", 3); !slices.Equal(got, []string{"two", "two", "two"}) {
		t.Errorf("without one server: %v", got)
	}
	s.web(one)
	s.becomes(ka67, 20*time.Second, table(8, 9)...)
	s.becomes(ka68, 20*time.Second, table(8, 9)...)
	ka67.Kill()
	s.Must(ka67.Unplug("eth1"))
	s.Eventually(15*time.Second, "ka68 has both addresses", func() bool { return strings.Count(s.Sh(ka68, "ip -o addr show dev eth1"), " 10.16.8.10") == 2 })
	for _, vip := range []string{"10.16.8.100", "10.16.8.101"} {
		s.Eventually(15*time.Second, vip+" alternates behind the other director", func() bool { return served(vip) })
	}
	s.becomes(ka68, time.Second, table(8, 9)...)
	if got := s.Sh(ka68, "cat /run/roles"); !strings.Contains(got, "master") {
		t.Errorf("the script was told %q", got)
	}
}

// secure serves two pages over TLS.
const secure = `pid /run/nginx.pid;
error_log /run/nginx.log;
events {}
http {
	access_log off;
	server {
		listen 443 ssl;
		ssl_certificate /run/cert.pem;
		ssl_certificate_key /run/key.pem;
		location = / { return 200 "front\n"; }
		location /mrtg/ { return 200 "figures\n"; }
	}
}
`

func TestScenario13TranslationOfTLS(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client := s.Node("client", "outside eth1 172.16.28.9/24")
	ka67 := s.Node("ka67", "outside eth1 172.16.28.10/24", "inside eth0 192.168.201.1/24")
	ka68 := s.Node("ka68", "outside eth1 172.16.28.11/24", "inside eth0 192.168.201.2/24")
	real := s.Node("real", "inside eth0 192.168.201.100/24")
	s.Sh(real, "ip route add default via 192.168.201.1; openssl req -x509 -newkey rsa:2048 -nodes -keyout /run/key.pem -out /run/cert.pem -subj /CN=real -days 2 2>/dev/null")
	s.Must(real.WriteFile("/run/nginx.conf", secure, 0o644))
	s.Sh(real, "nginx -c /run/nginx.conf")
	digest := func(page string) string { return strings.Fields(s.Sh(real, "printf '"+page+"\\n' | md5sum"))[0] }
	for _, n := range []*netns.Node{ka67, ka68} {
		s.Must(n.Sysctl("ipv4/ip_forward", "1"))
		s.notifies(n)
		text := s.scenario("13-lvs-nat-ssl", n.Name+".conf") // with the digests of what is served here
		text = strings.Replace(text, "ff20ad2481f97b1754ef3e12ecd3a9cc", digest("front"), 1)
		s.Start(n, strings.Replace(text, "9b3a0c85a887a256d6939da88aabd8cd", digest("figures"), 1))
	}
	service, server := "-A -t 172.16.28.65:443 -s rr -p 50", "-a -t 172.16.28.65:443 -r 192.168.201.100:443 -m -w 1"
	s.becomes(ka67, 20*time.Second, service, server)
	s.Eventually(20*time.Second, "the page is served", func() bool {
		return slices.Equal(s.ask(client, "-k https://172.16.28.65/", 2), []string{"front", "front"})
	})
	time.Sleep(20 * time.Second) // both pages have been looked at, at six seconds each
	s.becomes(ka67, time.Second, service, server)
	if got := s.Sh(ka67, "ipvsadm -Ln"); !strings.Contains(got, "rr persistent 50") || !strings.Contains(got, "Masq") {
		t.Errorf("ipvsadm lists\n%s", got)
	}
	s.Must(real.WriteFile("/run/nginx.conf", strings.Replace(secure, "figures", "changed", 1), 0o644))
	s.Sh(real, "nginx -c /run/nginx.conf -s reload")
	s.becomes(ka67, 60*time.Second, service)
	s.becomes(ka68, 60*time.Second, service)
}

func TestScenario14TranslationOfTheGateway(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client := s.Node("client", "outside eth0 10.0.3.9/24")
	gateway := s.Node("gateway", "outside eth0 10.0.3.15/24", "inside eth1 10.10.10.254/24")
	s.Must(gateway.Sysctl("ipv4/ip_forward", "1"))
	for i, name := range []string{"one", "two"} {
		n := s.Node(name, fmt.Sprintf("inside eth0 10.10.10.1%d/24", 1+i))
		s.Sh(n, "ip route add default via 10.10.10.254")
		s.web(n)
	}
	s.Start(gateway, s.scenario("14-lvs-nat-rr", "gateway.conf"))
	s.becomes(gateway, 10*time.Second, "-A -t 10.0.3.15:80 -s rr",
		"-a -t 10.0.3.15:80 -r 10.10.10.11:80 -m -w 1", "-a -t 10.0.3.15:80 -r 10.10.10.12:80 -m -w 1")
	if got := s.ask(client, "http://10.0.3.15/", 6); !alternate(got) {
		t.Errorf("single requests are answered by %v", got)
	}
	kept := strings.Fields(s.Sh(client, "curl -s -m 5 http://10.0.3.15/ http://10.0.3.15/ http://10.0.3.15/"))
	if len(kept) != 3 || kept[0] != kept[1] || kept[1] != kept[2] {
		t.Errorf("a connection that is kept is answered by %v", kept)
	}
}

func TestATunnelLeadsToARealServer(t *testing.T) {
	s := newStage(t, "lan")
	client, director, one := s.Node("client", "lan eth0 10.0.1.9/24"), s.Node("director", "lan eth0 10.0.1.1/24"), s.Node("one", "lan eth0 10.0.1.11/24")
	s.Sh(director, "ip addr add 10.0.1.100/32 dev eth0")
	s.Must(one.Sysctl("ipv4/conf/all/arp_ignore", "1"))
	s.Sh(one, "ip link set tunl0 up && ip addr add 10.0.1.100/32 dev tunl0 && sysctl -qw net.ipv4.conf.tunl0.rp_filter=0 net.ipv4.conf.all.rp_filter=0")
	s.web(one)
	s.Start(director, "virtual_server 10.0.1.100 80 {\ndelay_loop 1\nwarmup 0\nlvs_sched rr\nlvs_method TUN\nprotocol TCP\nreal_server 10.0.1.11 80 {\nTCP_CHECK {\n}\n}\n}\n")
	s.becomes(director, 5*time.Second, "-A -t 10.0.1.100:80 -s rr", "-a -t 10.0.1.100:80 -r 10.0.1.11:80 -i -w 1 --tun-type ipip")
	if got := s.ask(client, "http://10.0.1.100/", 2); !slices.Equal(got, []string{"one", "one"}) {
		t.Errorf("through the tunnel: %v", got)
	}
}
