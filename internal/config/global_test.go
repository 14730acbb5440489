package config_test

import (
	"fmt"
	"testing"

	"holdfast/internal/config"
)

func TestGlobalDefinitions(t *testing.T) {
	process := func(g *config.Global) any { return g.Checker }
	umask := func(g *config.Global) any { return g.Umask }
	buffers := func(g *config.Global) any {
		s := g.Sockets
		return fmt.Sprint(s.Adverts, " ", s.AdvertBytes, " ", s.AdvertFactor)
	}
	daemon := func(g *config.Global) any { return g.LVS.SyncDaemon }
	filter := func(g *config.Global) any { return g.Filter }
	auto := func(g *config.Global) any { return g.AutoPriority }
	timeouts := func(g *config.Global) any {
		return fmt.Sprint(g.LVS.TCPTimeout, " ", g.LVS.TCPFinTimeout, " ", g.LVS.UDPTimeout)
	}
	snmp := func(g *config.Global) any { return g.SNMP }
	for _, c := range []struct {
		name, text string
		of         func(*config.Global) any
		want       string
	}{
		{"announcements are not paced by default", "", func(g *config.Global) any { return fmt.Sprint(g.GARPInterval, g.GNAInterval) }, "0s 0s"},
		{"children have five seconds by default", "", func(g *config.Global) any { return g.ChildWait }, "5s"},

		{"a process by default", "", process, "{ 0 false 0 [] 0s}"},
		{"a process that is told everything", "checker_process_name lvs\nchecker_priority -20\nchecker_no_swap\nchecker_rt_priority 0\nchecker_cpu_affinity 3 1 3\nchecker_rlimit_rttime 1",
			process, "{lvs -20 true 1 [3 1] 2µs}"},
		{"old spellings", "lvs_process_name lvs\nchecker_rlimit_rtime 4294967295", process, "{lvs 0 false 0 [] 1h11m34.967295s}"},
		{"a bad processor discards the list, and keeps the one before", "checker_cpu_affinity 1\nchecker_cpu_affinity 2 -1", process, "{ 0 false 0 [1] 0s}"},

		{"no umask", "", umask, "{false 0}"},
		{"an octal umask", "umask 022", umask, "{true 18}"},
		{"a hexadecimal umask", "umask 0x1fF", umask, "{true 511}"},
		{"a decimal umask", "umask 18", umask, "{true 18}"},
		{"bits with blanks between them", "umask IRUSR |IWGRP | IXOTH", umask, "{true 273}"},
		{"bits of all", "umask IRWXU|IRWXG|IRWXO", umask, "{true 511}"},
		{"a bad umask leaves the one before", "umask 022\numask 0778", umask, "{true 18}"},

		{"automatic priority by default", "", auto, "{0 1s}"},
		{"automatic priority without a number", "max_auto_priority\nmin_auto_priority_delay 5", auto, "{99 5µs}"},
		{"automatic priority in silence", "max_auto_priority -1", auto, "{-1 1s}"},

		{"buffers by default", "", buffers, "none 0 3"},
		{"the MTU comes before adverts", "vrrp_rx_bufs_policy advert MTU", buffers, "MTU 0 3"},
		{"adverts come behind the MTU", "vrrp_rx_bufs_policy mtu\nvrrp_rx_bufs_policy ADVERT", buffers, "MTU 0 3"},
		{"a number comes first", "vrrp_rx_bufs_policy 5000\nvrrp_rx_bufs_policy MTU\nvrrp_rx_bufs_multiplier 4", buffers, "BYTES 5000 4"},

		{"no daemon", "", daemon, "none"},
		{"a daemon without an instance", "lvs_sync_daemon eth0 id 7", daemon, "eth0 id 7"},
		{"a daemon the old way", "lvs_sync_daemon eth0 VI 7", daemon, "eth0 inst VI id 7"},
		{"a daemon with everything", "lvs_sync_daemon eth0 group ff02::81 ttl 3 port 8848 maxlen 1400 id 0 inst VI", daemon, "eth0 inst VI id 0 maxlen 1400 port 8848 ttl 3 group ff02::81"},
		{"the first daemon counts, in every block", "lvs_sync_daemon eth0\n}\nglobal_defs {\nlvs_sync_daemon eth1", daemon, "eth0"},
		{"the first that is right", "lvs_sync_daemon\nlvs_sync_daemon eth1", daemon, "eth1"},

		{"timeouts", "lvs_timeouts udp 3 tcp 5\nlvs_timeouts tcpfin 2678400 udp 0", timeouts, "5s 744h0m0s 0s"},
		{"the rest of the timeouts stays", "lvs_timeouts tcp 1 foo udp 2", timeouts, "1s 0s 2s"},

		{"filters by default", "", filter, "{ -1 false false   []  -1 1000}"},
		{"filters with usual names", "nftables\nnftables_ipvs\nnftables_priority -2147483648", filter, "{keepalived -2147483648 false false   [] keepalived_ipvs -1 1000}"},
		{"filters of iptables", "vrrp_iptables IN\nvrrp_ipsets four six", filter, "{ -1 false false IN  [four six]  -1 1000}"},

		{"both MIBs", "enable_snmp_rfc", snmp, "{ false false true true false 5s 0s [0 0 0] false}"},
		{"what managers are told", "smtp_alert\nsmtp_alert_checker off\nv3_checksum_as_v2", snmp, "{ false false false false false 5s 0s [1 0 2] true}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, diags := buildText("global_defs {\n" + c.text + "\n}")
			if s := fmt.Sprint(c.of(&got.Global)); s != c.want {
				t.Errorf("got %s, want %s; findings: %v", s, c.want, diags)
			}
		})
	}
}

func TestTrackers(t *testing.T) {
	// tracked reads a definition and an instance that tracks everything.
	tracked := func(text, lines string) *config.Config {
		c, _ := buildText(text + "\nvrrp_instance A {\n" + plain + "virtual_ipaddress {\n10.0.0.1\n}\n" + lines + "\n}")
		return c
	}
	file := func(c *config.Config) any { return c.Files }
	process := func(c *config.Config) any { return c.Processes }
	session := func(c *config.Config) any { return c.BFDs }
	tracks := func(c *config.Config) any { return c.Instances[0].Tracks }
	const trackFile, trackProcess, trackBFD = "track_file {\nx\n}", "track_process {\nx\n}", "track_bfd {\nx\n}"
	for _, c := range []struct {
		name, text, lines string
		of                func(*config.Config) any
		want              string
	}{
		{"a script by default", "vrrp_script x {\nscript /bin/true\n}", "track_script {\nx\n}", func(c *config.Config) any {
			s := c.Scripts[0]
			return fmt.Sprint(s.Interval, s.Timeout, s.Rise, s.Fall, s.InitFail, c.Instances[0].Tracks)
		}, "1s 1s 1 1 false [{script x 0 false false}]"},
		{"a file", "track_file x {\nfile \"/run/a b\"\n}", trackFile, file, "[{x /run/a b 1 false  0}]"},
		{"a file that is made", "vrrp_track_file x {\nfile /run/a\nweight -3 reverse\ninit_file -5\n}", trackFile, file, "[{x /run/a -3 true init_file -5}]"},
		{"a file that is overwritten", "track_file x {\nfile /run/a\ninit_file overwrite\n}", trackFile, file, "[{x /run/a 1 false init_file overwrite 0}]"},
		{"a file that nobody tracks", "track_file x {\nfile /run/a\n}", "", file, "[]"},
		{"the weight of a file", "track_file x {\nfile /run/a\nweight -3 reverse\n}", trackFile, tracks, "[{file x -3 true false}]"},
		{"reverse taken back", "track_file x {\nfile /run/a\nweight -3 reverse\n}", "track_file {\nx weight 254 noreverse\n}", tracks, "[{file x 254 false false}]"},
		{"the first file of a name", "track_file x {\nfile /run/a\n}\ntrack_file x {\nfile /run/b\nweight 7\n}", trackFile, file, "[{x /run/a 1 false  0}]"},

		{"a process", "vrrp_track_process x {\nprocess nginx\n}", trackProcess, process, "[{x nginx false [] none 1 -1 0s 0s 0 false}]"},
		{"a process with parameters", "vrrp_track_process x {\nprocess /bin/a b \"c d\"\n}", trackProcess, process, "[{x /bin/a true [b c d] param_match 1 -1 0s 0s 0 false}]"},
		{"a process without parameters", "vrrp_track_process x {\nparam_match\nprocess a\n}", trackProcess, process, "[{x a true [] param_match 1 -1 0s 0s 0 false}]"},
		{"the beginning of parameters", "vrrp_track_process x {\nprocess a b\nparam_match initial\n}", trackProcess, process, "[{x a true [b] param_match initial 1 -1 0s 0s 0 false}]"},
		{"a process that must not run", "vrrp_track_process x {\nprocess a\nquorum_max 0\n}", trackProcess, process, "[{x a false [] none 0 0 0s 0s 0 false}]"},
		{"quorum and delays", "vrrp_track_process x {\nprocess a\nquorum 2\nquorum_max 4\ndelay 3\nfork_delay 0.000001\nfull_command\n}", trackProcess, process, "[{x a true [] none 2 4 3s 1µs 0 false}]"},
		{"the weight of a process", "vrrp_track_process x {\nprocess a\nweight 0\nweight 5\nweight 6\n}", trackProcess, tracks, "[{process x 5 false false}]"},

		{"a session", "bfd_instance x {\nneighbor_ip 10.0.0.7\n}", "", session, "[{{x invalid IP 10.0.0.7 10ms 10ms 1s 5 false 255 255 false} true true}]"},
		{"a session of IPv6", "bfd_instance x {\nneighbour_ip fe80::7\nmax_hops 255\nmultihop\nchecker\n}", "", session, "[{{x invalid IP fe80::7 10ms 10ms 1s 5 false 255 0 true} false true}]"},
		{"a session that is told everything", "bfd_instance x {\nneighbor_ip 10.0.0.7/24\nsource_ip 10.0.0.1\nmin_rx 1.5\nmin_tx 4294967\nidle_tx 1000.001\nmultiplier 3\npassive\nhoplimit 9\nmax_hops -1\nvrrp\n}", "",
			session, "[{{x 10.0.0.1 10.0.0.7 1.5ms 1h11m34.967s 1.000001s 3 true 9 0 false} true false}]"},
		{"decimals are rounded", "bfd_instance x {\nneighbor_ip 10.0.0.7\nmin_rx 10.1236\n}", "", func(c *config.Config) any { return c.BFDs[0].MinRX }, "10.124ms"},
		{"two sessions with sources of their own", "bfd_instance x {\nneighbor_ip 10.0.0.7\nsource_ip 10.0.0.1\n}\nbfd_instance y {\nneighbor_ip 10.0.0.7\nsource_ip 10.0.0.2\n}", "",
			func(c *config.Config) any { return len(c.BFDs) }, "2"},
		{"two sessions, one over several hops", "bfd_instance x {\nneighbor_ip 10.0.0.7\n}\nbfd_instance y {\nneighbor_ip 10.0.0.7\nmultihop\n}", "",
			func(c *config.Config) any { return len(c.BFDs) }, "2"},
		{"the weight of a session", "bfd_instance x {\nneighbor_ip 10.0.0.7\nweight -253 reverse\n}", trackBFD, tracks, "[{BFD session x -253 true false}]"},
		{"a session of checkers", "bfd_instance x {\nneighbor_ip 10.0.0.7\nchecker\n}", trackBFD, tracks, "[]"},
		{"what stands below is not tracked", "", trackBFD + "\n}\nbfd_instance x {\nneighbor_ip 10.0.0.7\n", tracks, "[]"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := fmt.Sprint(c.of(tracked(c.text, c.lines))); got != c.want {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
		})
	}
}

func TestBlocksAboutInterfaces(t *testing.T) {
	c, diags := buildText(`
track_group G {
    group {
        B A
        B
    }
}
garp_group {
    gna_interval 0
    interface eth0
    interfaces {
        eth1 eth2
        eth3
    }
}
linkbeat_interfaces {
    eth0
    eth1 MII
    eth0 IOCTL
}
interface_up_down_delays {
    eth0 1
    eth1 255 0.5
    eth0 2
}
vrrp_instance A {
    interface eth0
    virtual_router_id 1
    virtual_ipaddress {
        10.0.0.1
    }
}
vrrp_instance B {
    interface eth0
    virtual_router_id 2
    virtual_ipaddress {
        10.0.0.2
    }
}
`)
	got := fmt.Sprint(c.TrackGroups, c.GARPGroups, c.Linkbeats, c.LinkDelays)
	want := "[{G [B A]}] [{[eth0 eth1 eth2 eth3] 0s 0s}] [{eth0 IOCTL} {eth1 MII}] [{eth0 2s 0s} {eth1 4m15s 500ms}]"
	if got != want {
		t.Errorf("got  %s\nwant %s; findings: %v", got, want, diags)
	}
}
