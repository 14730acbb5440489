package balance

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// watched is a director whose real servers are each watched in another way.
const watched = `
SSL {
	certificate /run/cert.pem
	key /run/key.pem
	password secret
}
track_file load {
	file /run/load
}
bfd_instance peer {
	neighbor_ip 10.0.2.1
	source_ip 10.0.2.254
	min_rx 200
	min_tx 200
	multiplier 5
}
virtual_server 10.0.1.1 80 {
	delay_loop 2
	delay_before_retry 1
	warmup 0
	retry 1
	connect_timeout 10
	lb_algo rr
	lb_kind NAT
	protocol TCP
%s}
`

// way is one way to watch a server, what breaks it, and what mends it again.
type way struct {
	name          string
	address       string
	check         string
	onDirector    bool // where to break it
	breaks, mends string
}

const (
	mail  = "setsid /usr/bin/python3 -m aiosmtpd -n -l 10.0.2.14:25 >/run/mail.log 2>&1 </dev/null & echo $! >/run/mail.pid"
	names = "setsid nsd -d -c /run/nsd.conf >/run/nsd.log 2>&1 </dev/null & echo $! >/run/nsd.pid"
)

func ways() []way {
	return []way{
		{"TCP_CHECK", "10.0.2.11", "connect_port 81\nbindto 10.0.2.253\nbind_if eth1", false, "nginx -c /run/nginx.conf -s stop; sed -i 's/listen 81/listen 82/' /run/nginx.conf; nginx -c /run/nginx.conf", "nginx -c /run/nginx.conf -s stop; sed -i 's/listen 82/listen 81/' /run/nginx.conf; nginx -c /run/nginx.conf"},
		{"HTTP_GET", "10.0.2.12", "fast_recovery\nurl {\npath /page\nvirtualhost www.example.org\nregex \"(?<=status: )healthy\"\n}\nurl {\npath /other\nstatus_code 404\n}", false, "echo 'status: sick' >/run/www/page", "echo 'status: healthy' >/run/www/page"},
		{"SSL_GET", "10.0.2.13", "connect_port 443\nenable_sni\nurl {\npath /\nvirtualhost www.example.org\ndigest 0a056faed2e9decfb2c355f380991dfe\n}", false, "echo other >/run/www/index.html", "echo known >/run/www/index.html"},
		{"SMTP_CHECK", "10.0.2.14", "connect_port 25\nhelo_name lb1", false, "kill $(cat /run/mail.pid)", mail},
		{"DNS_CHECK", "10.0.2.15", "connect_port 53\ntype A\nname ns1.example.org", false, "kill $(cat /run/nsd.pid)", names},
		{"UDP_CHECK", "10.0.2.15", "connect_port 53\npayload 0001 0000 0001 0000 0000 0000 00 0006 0001\nrequire_reply 0001 8x", false, "kill $(cat /run/nsd.pid)", names},
		{"PING_CHECK", "10.0.2.16", "", false, "ip addr del 10.0.2.16/24 dev eth0", "ip addr add 10.0.2.16/24 dev eth0"},
		{"MISC_CHECK", "10.0.2.17", "misc_path /run/check\nmisc_timeout 10", true, "echo 1 >/run/status", "echo 0 >/run/status"},
		{"FILE_CHECK", "10.0.2.18", "track_file load\nweight 0", true, "echo 7 >/run/load", "echo 0 >/run/load"},
		{"BFD_CHECK", "10.0.2.19", "name peer\nalpha", false, "kill -STOP $(cat /run/peer.pid)", "kill -CONT $(cat /run/peer.pid)"},
	}
}

// Every kind of check, on real servers, with a real IPVS.
func TestEveryKindOfCheckTakesItsServerOutAndBack(t *testing.T) {
	s := newStage(t, "outside", "inside")
	director := s.Node("director", "outside eth0 10.0.1.1/24", "inside eth1 10.0.2.254/24")
	s.Sh(director, "ip addr add 10.0.2.253/24 dev eth1; echo 0 >/run/status; echo 0 >/run/load; printf '#!/bin/sh\\nexit $(cat /run/status)\\n' >/run/check; chmod 755 /run/check")
	servers := s.Node("servers", "inside eth0 10.0.2.1/24")
	s.populate(director, servers)
	peer := s.Launch(servers, "/bin/sh", "-c", "echo $$ >/run/peer.pid; exec "+stand.Program()+" run -D -f /run/bfd.conf")
	var blocks, want []string
	for i, w := range ways() {
		blocks = append(blocks, fmt.Sprintf("real_server %s %d {\n%s {\n%s\n}\n}\n", w.address, 8000+i, w.name, w.check))
		want = append(want, w.entry(i))
	}
	const service = "-A -t 10.0.1.1:80 -s rr"
	d := s.Start(director, fmt.Sprintf(watched, strings.Join(blocks, "")))
	s.becomes(director, 60*time.Second, slices.Concat(want, []string{service})...)
	for i, w := range ways() {
		at := servers
		if w.onDirector {
			at = director
		}
		s.Sh(at, w.breaks)
		left := []string{service}
		for k, other := range ways() {
			if k != i && (other.address != w.address) {
				left = append(left, other.entry(k))
			}
		}
		s.becomes(director, 60*time.Second, left...)
		s.Sh(at, w.mends)
		s.becomes(director, 60*time.Second, slices.Concat(want, []string{service})...)
	}
	d.Tells(time.Second, "Misc check for [[10.0.2.17]:tcp:8007 VS [10.0.1.1]:tcp:80] by [/run/check] succeeded.")
	d.Tells(time.Second, "HTTP_CHECK on service [10.0.2.12]:tcp:8001 failed after 1 retries.")
	for _, state := range []string{"UP", "DOWN"} {
		d.Tells(time.Second, "BFD check of [peer] RS([10.0.2.19]:tcp:8009) is "+state)
	}
	d.Stop(syscall.SIGTERM)
	peer.Stop(syscall.SIGTERM)
}

func (w way) entry(i int) string {
	return fmt.Sprintf("-a -t 10.0.1.1:80 -r %s:%d -m -w 1", w.address, 8000+i)
}

// populate starts the programs that are watched.
func (s *stage) populate(director, servers *netns.Node) {
	s.Helper()
	for n := 11; n <= 19; n++ {
		s.Sh(servers, fmt.Sprintf("ip addr add 10.0.2.%d/24 dev eth0", n))
	}
	const identity = "openssl req -x509 -newkey rsa:2048 -keyout /run/key.pem -out /run/cert.pem -days 2 -subj /CN=lb1 %s 2>/dev/null"
	s.Sh(director, fmt.Sprintf(identity, "-passout pass:secret"))
	s.Must(servers.WriteFile("/run/client.pem", s.Sh(director, "cat /run/cert.pem"), 0o644))
	s.Sh(servers, fmt.Sprintf(identity, "-nodes")+"; mkdir -p /run/www; echo known >/run/www/index.html; echo 'status: healthy' >/run/www/page")
	s.Must(servers.WriteFile("/run/nginx.conf", `pid /run/nginx.pid;
worker_processes 1;
error_log /run/nginx.log;
events {}
http {
	access_log off;
	server { listen 80; listen 81; listen 8001; root /run/www; }
	server { listen 443 ssl default_server; ssl_certificate /run/cert.pem; ssl_certificate_key /run/key.pem; ssl_reject_handshake on; }
	server { listen 443 ssl; server_name www.example.org; root /run/www; ssl_certificate /run/cert.pem; ssl_certificate_key /run/key.pem; ssl_client_certificate /run/client.pem; ssl_verify_client on; }
}
`, 0o644))
	s.Must(servers.WriteFile("/run/zone", "$TTL 60\n@ SOA ns1 admin 1 60 60 60 60\n@ NS ns1\nns1 A 192.0.2.1\n", 0o644))
	s.Must(servers.WriteFile("/run/nsd.conf", `server:
	ip-address: 10.0.2.15
	username: ""
	zonesdir: /run
	zonelistfile: /run/zone.list
	database: ""
	xfrdfile: /run/xfrd
	xfrdir: /run
	pidfile: ""
	server-count: 1
remote-control:
	control-enable: no
zone:
	name: example.org
	zonefile: zone
`, 0o644))
	s.Must(servers.WriteFile("/run/bfd.conf", "bfd_instance peer {\nneighbor_ip 10.0.2.254\nsource_ip 10.0.2.1\nmin_rx 200\nmin_tx 200\nmultiplier 5\n}\n", 0o644))
	s.Sh(servers, "nginx -c /run/nginx.conf")
	s.Sh(servers, mail)
	s.Sh(servers, names)
}
