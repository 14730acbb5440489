package life

import (
	"regexp"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/test/stand"
)

// managed is a configuration with something in each table that keepalived 2.2.7 has.
const managed = `global_defs {
	router_id managed
	enable_script_security
	script_user root
	notification_email {
		ops@example.com
		noc@example.com
	}
	notification_email_from ka@example.com
	smtp_server 10.0.0.99 2525
	smtp_connect_timeout 7
	smtp_alert off
	dynamic_interfaces
	enable_snmp_vrrp
	enable_snmp_rfc
	enable_traps
	snmp_socket /run/agentx
}
vrrp_script ok {
	script "/run/ok.sh a 'b c'"
	interval 2
	timeout 1
	rise 2
	fall 3
	weight -5
}
vrrp_script plain {
	script /run/ok.sh
	interval 1
}
track_file level {
	file /run/level
	weight 2
	init_file 3
}
vrrp_sync_group G {
	group {
		V1
		V2
	}
	track_interface {
		lo weight 3
	}
	notify_master "/run/ok.sh group"
	notify_stop /run/ok.sh
	notify /run/ok.sh
}
vrrp_instance V1 {
	interface eth0
	virtual_router_id 7
	priority 100
	version 3
	advert_int 0.25
	garp_master_delay 2
	state BACKUP
	nopreempt
	virtual_ipaddress {
		10.0.0.100/24
		10.0.0.101 label eth0:x scope link
		10.0.0.102 peer 10.0.0.200
	}
	virtual_ipaddress_excluded {
		fd00::1/64 dev eth0
		10.0.0.103 brd 10.0.0.255
	}
	virtual_routes {
		10.5.0.0/16 via 10.0.0.9 dev eth0 metric 7
		10.6.0.0/16 nexthop via 10.0.0.7 dev eth0 weight 3 nexthop via 10.0.0.8 dev eth0 weight 5
		unreachable 10.7.0.0/16
		src 10.0.0.100 to 10.8.0.0/16 dev eth0 scope link table 5 mtu 1400 tos 4
		10.9.0.0/16 via 10.0.0.9 dev eth0 features ecn quickack 1 hoplimit 7 advmss lock 1000 rtt 300ms rttvar 400ms reordering 4 window 5 cwnd lock 6 ssthresh 7 rto_min 300ms initcwnd 8 initrwnd 9 congctl lock cubic realms 3/4 table 9
		fd05::/64 dev eth0 pref high expires 60
		default via 10.0.0.9 table 77
	}
	virtual_rules {
		from 10.8.0.0/24 to 10.2.0.0/16 table 3 priority 1000
		to 10.9.0.0/16 prohibit priority 1001 iif eth0
		from fd00::/64 table 4 priority 1002 fwmark 7/0xff
		from 10.8.0.0/24 table 3 priority 1003 uidrange 5-9 realms 3/4 suppress_prefixlength 5
		from 10.8.0.0/24 goto 2000 priority 1004 tunnel-id 77
		not to 10.8.0.0/24 table 3 oif eth0 priority 1005 dsfield 4 suppress_ifgroup 3
	}
	notify_master "/run/ok.sh 'x y'"
	notify_backup /run/ok.sh
	notify_fault /run/ok.sh
	notify_stop /run/ok.sh
	notify_deleted /run/ok.sh
	notify /run/ok.sh
	notify_master_rx_lower_pri /run/ok.sh
}
vrrp_instance V2 {
	interface eth0
	virtual_router_id 8
	priority 150
	version 2
	state MASTER
	dont_track_primary
	promote_secondaries
	authentication {
		auth_type PASS
		auth_pass hush
	}
	virtual_ipaddress {
		10.0.0.110
		10.0.0.111/24
	}
}
vrrp_instance V3 {
	interface eth0
	use_vmac
	vmac_xmit_base
	virtual_router_id 17
	priority 100
	version 3
	unicast_src_ip 10.0.0.1
	unicast_peer {
		10.0.0.2
	}
	preempt_delay 2.5
	track_interface {
		lo weight 5 reverse
	}
	virtual_ipaddress {
		10.0.0.120/24 scope host
	}
}
vrrp_instance V6 {
	interface eth0
	virtual_router_id 9
	version 3
	priority 90
	no_accept
	track_script {
		ok
		plain
	}
	track_file {
		level
	}
	virtual_ipaddress {
		fe80::99
		fd00::66/64
	}
}
`

// without drops the lines that match one of the patterns.
func without(lines []string, patterns ...string) []string {
	re := regexp.MustCompile(strings.Join(patterns, "|"))
	return slices.DeleteFunc(slices.Clone(lines), re.MatchString)
}

// unlike are the objects in which keepalived 2.2.7 is not what is asked for, each with why.
func unlike() []string {
	return []string{
		`^keepalived 1\.1\.0 `,                 // the version
		`^keepalived 1\.12\.0 `,                // later ones: v3ChecksumAsV2,
		`^keepalived 2\.3\.1\.36\.`,            // the same of an instance,
		`^keepalived 2\.9\.1\.1[012]\.`,        // the path of a script and its times in microseconds
		`^keepalived 2\.6\.1\.11\.([^1]|1\d+)`, // 2.2.7 says of all instances but the first that they advertise nothing
		`^keepalived 2\.6\.1\.7\.3\.`,          // the index of a macvlan that is made anew
		`^rfc2787 1\.3\.1\.7\.`,                // 2.2.7 does not name itself as the MASTER
		`^rfc6527 .*\.8\.1 `,                   // it counts version 2 in, which 2.4 does not
		`^rfc6527 .*\.8\.1\.10\.0\.0\.11[01] `, //
		`^rfc2787 1\.3\.1\.13\.`,               // times
		`^rfc6527 1\.1\.1\.1\.12\.`,
	}
}

// masters waits until all four instances are MASTER, and what is shown is not older.
func (s *stage) masters(d *stand.Daemon) {
	s.Helper()
	s.Eventually(20*time.Second, "all are MASTER", func() bool { return d.Count(`Entering MASTER STATE`) >= 4 })
	time.Sleep(1500 * time.Millisecond)
}

// Reference, interfaces section 14: a manager sees what it sees of keepalived for the
// same configuration, and is notified of the same.
func TestSNMPIsThatOfKeepalived(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/run/ok.sh", "#!/bin/sh\nexit 0\n", 0o755))
	s.Must(s.a.WriteFile(confPath, managed, 0o644))
	_, traps := s.SNMPAgent(s.a)
	told := 0
	see := func(d *stand.Daemon) (tree, notified []string) {
		s.masters(d)
		tree = without(s.Walk(s.a), unlike()...)
		d.Stop(syscall.SIGTERM)
		s.Eventually(5*time.Second, "the end of the group is told", func() bool {
			return slices.ContainsFunc(news(traps.Log()[told:]), func(n string) bool { return strings.Contains(n, "keepalived 2.1.1.3 = INTEGER: 5") })
		})
		notified = news(traps.Log()[told:])
		told = len(traps.Log())
		return tree, notified
	}
	wantTree, wantNews := see(s.Launch(s.a, "keepalived", "-n", "-l", "-D", "-f", confPath))
	gotTree, gotNews := see(s.Again(s.a))
	if len(wantTree) < 400 || len(wantNews) < 12 {
		t.Fatalf("keepalived serves %d objects and notified %d times:\n%s", len(wantTree), len(wantNews), strings.Join(wantNews, "\n"))
	}
	if diff := cmp.Diff(wantTree, gotTree); diff != "" {
		t.Errorf("the tree (-keepalived +holdfast):\n%s", diff)
	}
	if diff := cmp.Diff(wantNews, gotNews); diff != "" {
		t.Errorf("the notifications (-keepalived +holdfast):\n%s", diff)
	}
}

// news are the notifications in a log, but those of version 2 in the MIB of version 3,
// which 2.2.7 serves there too.
func news(log string) []string {
	return without(stand.Notified(log), `^rfc6527 .*\.8\.1 =`)
}

// The subagent finds an agent that was started anew, and says so.
func TestSNMPComesBackWithItsAgent(t *testing.T) {
	s := newStage(t)
	first, _ := s.SNMPAgent(s.a)
	d := s.Start(s.a, "global_defs {\nenable_snmp_vrrp\nsnmp_socket unix:/run/agentx\n}\n"+conf(150, "", "10.0.0.100/24"))
	name := func() bool { return slices.Contains(s.Walk(s.a), `keepalived 2.3.1.2.1 = "V"`) }
	s.Eventually(5*time.Second, "the instance is in the tree", name)
	s.Sh(s.a, "pkill -x snmpd")
	first.Exit()
	d.Says(`SNMP: no AgentX session with unix:/run/agentx`)
	s.SNMPAgentAgain(s.a)
	s.Eventually(8*time.Second, "the instance is in the tree again", name)
	if n := d.Count("SNMP: no AgentX session"); n > 2 { // the agent closed it; and nobody listened
		t.Errorf("it was said %d times", n)
	}
}

// Reference, interfaces section 1: -x and -A.
func TestSNMPByTheCommandLine(t *testing.T) {
	s := newStage(t)
	s.SNMPAgent(s.a)
	s.Must(s.a.WriteFile(confPath, "global_defs {\nsnmp_socket /run/nowhere\n}\n"+conf(150, "version 2", "10.0.0.100/24"), 0o644))
	d := s.Launch(s.a, s.Namesake(), "-n", "-l", "-D", "-x", "-A", "/run/agentx")
	d.Says("Entering MASTER STATE")
	s.Eventually(5*time.Second, "all parts are served", func() bool {
		roots := map[string]bool{}
		for _, line := range s.Walk(s.a) {
			roots[strings.Fields(line)[0]] = true
		}
		return roots["keepalived"] && roots["rfc2787"] && roots["rfc6527"]
	})
}
