package config_test

import (
	"bytes"
	"encoding/gob"
	"fmt"
	"net/netip"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// service is a virtual server with a real server, and what else it says.
func service(more, real string) string {
	return "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n" + more + "\nreal_server 10.1.0.1 80 {\n" + real + "\n}\n}\n"
}

// only builds a text and returns its only virtual server.
func only(t *testing.T, text string) (config.VirtualServer, []conf.Diag) {
	t.Helper()
	c, diags := buildText(text)
	if len(c.VirtualServers) != 1 {
		t.Fatalf("%d virtual servers; findings: %v", len(c.VirtualServers), diags)
	}
	return c.VirtualServers[0], diags
}

func TestWhatIsHandedToChecks(t *testing.T) {
	const s = time.Second
	got, _ := only(t, service("retry 2\nwarmup 0\nalpha\nweight 7\ninhibit_on_failure", "}\nreal_server 10.1.0.2 80 {\nretry 5\nconnect_timeout 2\nalpha no\n}\nreal_server 10.1.0.3 80 {\ndelay_loop 3"))
	all := config.Handed{Retry: 2, Connect: 5 * s, DelayLoop: time.Minute, Alpha: true}
	second, third := all, all
	second.Retry, second.Connect, second.Alpha, third.DelayLoop = 5, 2*s, false, 3*s
	for i, want := range []config.Handed{all, second, third} {
		if h := *got.HandedBy(i); h != want {
			t.Errorf("real server %d hands down %+v, not %+v", i+1, h, want)
		}
	}
	if got.Handed != all || got.Weight != 7 || !got.Inhibit || len(got.Own) != 2 {
		t.Errorf("the virtual server hands down %+v, %d, %v, and %d of its servers something of their own", got.Handed, got.Weight, got.Inhibit, len(got.Own))
	}
}

func TestDefaultsOfAVirtualServer(t *testing.T) {
	got, _ := only(t, service("", ""))
	want := config.VirtualServer{
		Addr: netip.MustParseAddr("10.0.0.1"), Port: 80, Protocol: "TCP", Scheduler: "rr", Netmask: 0xffffffff, Quorum: 1,
		Handed: config.Handed{DelayLoop: time.Minute, Connect: 5 * time.Second}, Weight: 1,
		RealServers: []config.RealServer{{Addr: netip.MustParseAddr("10.1.0.1"), Port: 80, Weight: 1, Mail: true}},
	}
	if !reflect.DeepEqual(got, want) {
		t.Error(cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)))
	}
}

func TestAPortThatTheServiceTakesAwayStaysInTheCheck(t *testing.T) {
	v, _ := only(t, "virtual_server fwmark 7 {\nlvs_sched rr\nlvs_method DR\nreal_server 10.1.0.1 80 {\nTCP_CHECK {\n}\nTCP_CHECK {\nconnect_port 81\n}\n}\n}\n")
	r := v.RealServers[0]
	if r.Port != 0 || r.Checks[0].Probe.Port != 80 || r.Checks[1].Probe.Port != 81 {
		t.Errorf("port %d, checked at %d and %d", r.Port, r.Checks[0].Probe.Port, r.Checks[1].Probe.Port)
	}
}

func TestDefaultsOfChecks(t *testing.T) {
	const s = time.Second
	probe := config.Probe{Timeout: 5 * s}
	base := config.Check{Retry: 1, DelayLoop: 60 * s, DelayBeforeRetry: s, Warmup: 60 * s, Probe: probe}
	with := func(kind config.CheckKind, change func(*config.Check)) config.Check {
		c := base
		c.Kind = kind
		change(&c)
		return c
	}
	page := &config.HTTPCheck{Protocol: "1.0", URLs: []config.URL{{Path: "/"}}}
	for _, tt := range []struct {
		text string
		want config.Check
	}{
		{"TCP_CHECK {\n}", with(config.CheckTCP, func(*config.Check) {})},
		{"PING_CHECK {\n}", with(config.CheckPing, func(*config.Check) {})},
		{"HTTP_GET {\nurl {\npath /\n}\n}", with(config.CheckHTTP, func(c *config.Check) { c.DelayBeforeRetry, c.HTTP = 3*s, page })},
		{"SSL_GET {\nurl {\npath /\n}\n}", with(config.CheckSSL, func(c *config.Check) { c.DelayBeforeRetry, c.HTTP = 3*s, page })},
		{"SMTP_CHECK {\n}", with(config.CheckSMTP, func(c *config.Check) { c.SMTP = &config.SMTPCheck{HELO: "smtpchecker.keepalived.org"} })},
		{"DNS_CHECK {\n}", with(config.CheckDNS, func(c *config.Check) {
			c.Retry, c.DelayBeforeRetry, c.DNS = 3, 60*s, &config.DNSCheck{Type: 6, Name: "."}
		})},
		{"DNS_CHECK {\ndelay_loop 4\n}", with(config.CheckDNS, func(c *config.Check) {
			c.Retry, c.DelayLoop, c.DelayBeforeRetry, c.Warmup, c.DNS = 3, 4*s, 4*s, 4*s, &config.DNSCheck{Type: 6, Name: "."}
		})},
		{"UDP_CHECK {\n}", with(config.CheckUDP, func(c *config.Check) { c.UDP = &config.UDPCheck{MaxLength: 255} })},
		{"UDP_CHECK {\npayload 01 7f\nrequire_reply 0xXf\nmax_reply_length 9\n}", with(config.CheckUDP, func(c *config.Check) {
			c.UDP = &config.UDPCheck{Payload: "\x01\x7f", RequireReply: true, Reply: "\x00\x0f", Mask: "\xf0\x0f", MaxLength: 9}
		})},
		{"FILE_CHECK {\ntrack_file load\n}", config.Check{Kind: config.CheckFile, File: &config.FileCheck{Name: "load", Weight: 2, Reverse: true}}},
		{"FILE_CHECK {\nweight -3 noreverse\ntrack_file load\n}", config.Check{Kind: config.CheckFile, File: &config.FileCheck{Name: "load", Weight: -3}}},
		{"BFD_CHECK {\nname session\nalpha\n}", config.Check{Kind: config.CheckBFD, Alpha: true, BFD: "session"}},
	} {
		t.Run(tt.text, func(t *testing.T) {
			v, diags := only(t, "track_file load {\nfile /run/load\nweight 2 reverse\n}\nbfd_instance session {\nneighbor_ip 10.9.9.9\n}\n"+service("", tt.text))
			got := v.RealServers[0].Checks
			if len(got) != 1 || !reflect.DeepEqual(*got[0], tt.want) {
				t.Errorf("got %+v, want %+v; findings: %v", got, tt.want, diags)
			}
		})
	}
}

// The program of a MISC_CHECK has the time of the virtual server, not its own
// delay_loop.
func TestTimeOfAProgram(t *testing.T) {
	for _, tt := range []struct {
		text string
		want time.Duration
	}{{"", 7 * time.Second}, {"delay_loop 3", 7 * time.Second}, {"misc_timeout 4", 4 * time.Second}, {"misc_timeout 0", 7 * time.Second}} {
		v, _ := only(t, service("delay_loop 7", "MISC_CHECK {\nmisc_path \"/bin/true -x\"\n"+tt.text+"\n}"))
		c := v.RealServers[0].Checks[0]
		if c.Misc.Timeout != tt.want || c.Retry != 0 || c.Misc.Command.Line != "/bin/true -x" {
			t.Errorf("%s: %+v, %+v", tt.text, c, c.Misc)
		}
	}
}

func TestUserOfAProgram(t *testing.T) {
	const check = "MISC_CHECK {\nmisc_path %s\n%s\n}\n"
	v, _ := only(t, service("notify_up x", fmt.Sprintf(check, "/bin/true", "")+fmt.Sprintf(check, "/bin/true", "user nobody")+fmt.Sprintf(check, "/bin/true", "user nobody :nogroup")+
		fmt.Sprintf(check, "/bin/true nobody", "")))
	var got []string
	for _, c := range v.RealServers[0].Checks {
		cmd := c.Misc.Command
		got = append(got, fmt.Sprintf("%v %q %q %v", cmd.Argv, cmd.User, cmd.Group, cmd.Supplementary))
	}
	want := []string{`[/bin/true] "" "" false`, `[/bin/true] "nobody" "" false`, `[/bin/true] "nobody" "nogroup" true`, `[/bin/true] "" "" false`}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What is said nearer to the check counts, wherever it stands in its block.
func TestChecksInherit(t *testing.T) {
	for _, word := range []string{"delay_loop", "retry", "delay_before_retry", "warmup", "connect_timeout"} {
		value := func(c *config.Check) int {
			return int(map[string]time.Duration{
				"delay_loop": c.DelayLoop, "retry": time.Duration(c.Retry) * time.Second, "delay_before_retry": c.DelayBeforeRetry,
				"warmup": c.Warmup, "connect_timeout": c.Probe.Timeout,
			}[word] / time.Second)
		}
		text := "virtual_server 10.0.0.1 80 {\nreal_server 10.1.0.1 80 {\nTCP_CHECK {\n}\nTCP_CHECK {\n" + word + " 11\n}\n}\n" +
			"real_server 10.1.0.2 80 {\nTCP_CHECK {\n}\n" + word + " 12\nTCP_CHECK {\n}\n}\n" + word + " 13\n}\n"
		v, _ := only(t, text)
		var got []int
		for _, r := range v.RealServers {
			for _, c := range r.Checks {
				got = append(got, value(c))
			}
		}
		if fmt.Sprint(got) != "[13 11 12 12]" {
			t.Errorf("%s: %v", word, got)
		}
	}
}

func TestAlphaIsInheritedAndTakenBack(t *testing.T) {
	v, _ := only(t, service("alpha", "TCP_CHECK {\n}\nTCP_CHECK {\nalpha no\n}\nBFD_CHECK {\nname none\n}")+"")
	if c := v.RealServers[0].Checks; !v.Alpha || len(c) != 2 || !c[0].Alpha || c[1].Alpha {
		t.Errorf("%+v", v)
	}
}

func TestRealServersInherit(t *testing.T) {
	v, _ := only(t, "virtual_server 10.0.0.1 80 {\nprotocol TCP\nreal_server 10.1.0.1 {\n}\nreal_server 10.1.0.2 81 {\nweight 0\ninhibit_on_failure no\nlvs_method DR\nvirtualhost own\nsmtp_alert no\n}\n"+
		"lvs_method TUN type gre csum\nweight 9\ninhibit_on_failure\nvirtualhost all\n}\n")
	tunnel := config.Forwarding{Method: config.TUN, Tunnel: config.GRE, Checksum: config.OuterChecksum}
	want := []config.RealServer{
		{Addr: netip.MustParseAddr("10.1.0.1"), Port: 80, Forwarding: tunnel, Weight: 9, Inhibit: true, VirtualHost: "all", Mail: true},
		{Addr: netip.MustParseAddr("10.1.0.2"), Port: 80, Forwarding: config.Forwarding{Method: config.DR}, VirtualHost: "own"},
	}
	if !reflect.DeepEqual(v.RealServers, want) {
		t.Error(cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", v.RealServers)))
	}
}

func TestMailOfServers(t *testing.T) {
	for _, tt := range []struct {
		global, virtual, real string
		wantVirtual, wantReal bool
	}{
		{"", "", "", false, true},
		{"smtp_alert", "", "", true, true},
		{"smtp_alert off", "", "", false, false},
		{"smtp_alert\nsmtp_alert_checker off", "", "", false, false},
		{"smtp_alert off", "smtp_alert", "smtp_alert", true, true},
		{"smtp_alert_checker", "smtp_alert no", "smtp_alert no", false, false},
	} {
		v, _ := only(t, service(tt.virtual, tt.real)+"global_defs {\n"+tt.global+"\n}\n")
		if v.Mail != tt.wantVirtual || v.RealServers[0].Mail != tt.wantReal {
			t.Errorf("%+v: %v, %v", tt, v.Mail, v.RealServers[0].Mail)
		}
	}
}

// The names for Host and TLS come from the nearest block that has one; that of
// the real server is not for TLS.
func TestNamesOfPages(t *testing.T) {
	const pages = "url {\npath /a\n}\nurl {\npath /b\nvirtualhost page\n}\n"
	for _, tt := range []struct{ virtual, real, check, want string }{
		{"", "", "", "[ ] [page ]"},
		{"", "", "enable_sni", "[ ] [page page]"},
		{"virtualhost v", "", "enable_sni", "[v v] [page page]"},
		{"virtualhost v", "virtualhost r", "enable_sni", "[r v] [page page]"},
		{"virtualhost v", "virtualhost r", "enable_sni\nvirtualhost c", "[c c] [page page]"},
		{"virtualhost v", "virtualhost r", "sni_name s", "[r s] [page s]"},
		{"virtualhost v", "", "sni_name", "[v v] [page page]"},
		{"virtualhost v", "", "sni_name s\nenable_sni no", "[v ] [page ]"},
	} {
		v, _ := only(t, service(tt.virtual, tt.real+"\nSSL_GET {\n"+tt.check+"\n"+pages+"}"))
		var got []string
		for _, u := range v.RealServers[0].Checks[0].HTTP.URLs {
			got = append(got, fmt.Sprint([]string{u.Host, u.ServerName}))
		}
		if strings.Join(got, " ") != tt.want {
			t.Errorf("%+v: %s", tt, strings.Join(got, " "))
		}
	}
}

func TestTLSEndOfPages(t *testing.T) {
	v, _ := only(t, service("", "SSL_GET {\nurl {\npath /a\n}\nurl {\npath /b\ntls_compliant no\n}\ntls_compliant\n}"))
	if u := v.RealServers[0].Checks[0].HTTP.URLs; !u[0].TLSCompliant || u[1].TLSCompliant {
		t.Errorf("%+v", u)
	}
}

func TestQuorum(t *testing.T) {
	const most = 1<<32 - 1
	for _, tt := range []struct {
		text              string
		weight            int
		wantQ, wantH      uint32
		complaintsAllowed bool
	}{
		{"", 1, 1, 0, false},
		{"quorum 3", 3, 3, 0, false},
		{"quorum 3\nhysteresis 2", 3, 3, 2, false},
		{"quorum 4", 3, 3, 0, true},
		{"quorum 4\nhysteresis 3", 3, 3, 2, true},
		{"quorum 0", 3, 1, 0, true},
		{"", 0, 0, most, true},
	} {
		v, diags := only(t, service(tt.text, fmt.Sprintf("weight %d", tt.weight)))
		if v.Quorum != tt.wantQ || v.Hysteresis != tt.wantH || (config.ExitStatus(diags) != 0) != tt.complaintsAllowed {
			t.Errorf("%+v: %d, %d, %v", tt, v.Quorum, v.Hysteresis, diags)
		}
	}
}

// The weights of a quorum are added without going round.
func TestQuorumOfLargeWeights(t *testing.T) {
	var b strings.Builder
	for i := range 3 {
		fmt.Fprintf(&b, "real_server 10.1.0.%d 80 {\nweight 2147483647\n}\n", i+2)
	}
	v, _ := only(t, service("quorum 4294967295\n"+b.String(), ""))
	if v.Quorum != 1<<32-1 {
		t.Errorf("quorum %d", v.Quorum)
	}
}

func TestForwarding(t *testing.T) {
	for _, tt := range []struct {
		text string
		want config.Forwarding
		bad  bool
	}{
		{"NAT", config.Forwarding{}, false},
		{"DR", config.Forwarding{Method: config.DR}, false},
		{"TUN", config.Forwarding{Method: config.TUN}, false},
		{"TUN type ipip nocsum", config.Forwarding{Method: config.TUN}, false},
		{"TUN type gue port 6080 remcsum", config.Forwarding{Method: config.TUN, Tunnel: config.GUE, Checksum: config.RemoteChecksum, Port: 6080}, false},
		{"TUN csum type gre", config.Forwarding{Method: config.TUN, Tunnel: config.GRE, Checksum: config.OuterChecksum}, false},
		{"NAT type gue port 5", config.Forwarding{Tunnel: config.GUE, Port: 5}, false},
		{"TUN type gue", config.Forwarding{Method: config.TUN}, true},
		{"TUN type gue port", config.Forwarding{Method: config.TUN}, true},
		{"TUN type gue port 0", config.Forwarding{Method: config.TUN}, true},
		{"TUN type gre port 5", config.Forwarding{Method: config.TUN}, true},
		{"TUN type gre remcsum", config.Forwarding{Method: config.TUN}, true},
		{"TUN csum", config.Forwarding{Method: config.TUN}, true},
		{"TUN type", config.Forwarding{Method: config.TUN}, true},
		{"TUN type vxlan", config.Forwarding{Method: config.TUN}, true},
		{"TUN gue port 5", config.Forwarding{Method: config.TUN}, true},
		{"TUN DR", config.Forwarding{Method: config.TUN}, true},
		{"LOCAL", config.Forwarding{}, true},
	} {
		v, diags := only(t, service("", "lvs_method "+tt.text))
		if got := v.RealServers[0].Forwarding; got != tt.want || (config.ExitStatus(diags) != 0) != tt.bad {
			t.Errorf("%s: %+v, %v", tt.text, got, diags)
		}
	}
}

func TestFlagsOfTheScheduler(t *testing.T) {
	for _, tt := range []struct {
		text string
		want config.ServiceFlags
	}{
		{"flag-1", config.Sched1}, {"flag-2", config.Sched2}, {"flag-3", config.Sched3},
		{"lvs_sched sh\nsh-port\nsh-fallback", config.Sched1 | config.Sched2},
		{"lvs_sched mh\nmh-port\nmh-fallback", config.Sched1 | config.Sched2},
		{"lvs_sched mh\nsh-port", 0}, {"sh-port\nlvs_sched sh", 0}, {"ops", 0}, {"protocol UDP\nops", config.OnePacket},
	} {
		if v, _ := only(t, service(tt.text, "")); v.Flags != tt.want {
			t.Errorf("%q: %#x", tt.text, v.Flags)
		}
	}
}

func TestHashedSetsNothing(t *testing.T) {
	plain, _ := only(t, service("lvs_sched sh", ""))
	hashed, diags := only(t, service("lvs_sched sh\nhashed", ""))
	if !reflect.DeepEqual(plain, hashed) || config.ExitStatus(diags) != 0 {
		t.Errorf("%+v, %v", hashed, diags)
	}
}

func TestGranularity(t *testing.T) {
	for _, tt := range []struct {
		text    string
		mask    uint32
		timeout time.Duration
	}{
		{"255.255.255.0", 0xffffff00, 360 * time.Second}, {"255.0.255.0", 0xff00ff00, 360 * time.Second}, {"24", 24, 360 * time.Second},
		{"0", 0, 360 * time.Second}, {"1.5", 0x01000005, 360 * time.Second}, {"0xffffff00", 0xffffff00, 360 * time.Second},
		{"255.255.255.256", 0xffffffff, 0}, {"x", 0xffffffff, 0}, {"1.2.3.4.5", 0xffffffff, 0}, {"-1", 0xffffffff, 0},
	} {
		if v, _ := only(t, service("persistence_granularity "+tt.text, "")); v.Netmask != tt.mask || v.Persistence != tt.timeout {
			t.Errorf("%s: %#x, %s", tt.text, v.Netmask, v.Persistence)
		}
	}
	for text, want := range map[string]uint32{"64": 64, "128": 128, "1": 1, "0": 128, "129": 128, "ffff::": 128} {
		v, _ := only(t, "virtual_server 2001:db8::1 80 {\npersistence_granularity "+text+"\nreal_server 2001:db8::2 80 {\n}\n}\n")
		if v.Netmask != want {
			t.Errorf("IPv6 %s: %d", text, v.Netmask)
		}
	}
}

// The family of a service by mark is that of who first says one.
func TestFamilyOfAMark(t *testing.T) {
	const four, six = "real_server 10.1.0.1 {\n}\n", "real_server 2001:db8::1 {\n}\n"
	for _, tt := range []struct {
		text string
		v6   bool
		kept int
	}{
		{"lvs_method NAT\n" + four + six, false, 1},
		{"lvs_method NAT\n" + six + four, true, 1},
		{"lvs_method NAT\npersistence_granularity 64\n" + six + four, true, 1},
		{"lvs_method NAT\npersistence_granularity 255.0.0.0\n" + six + four, false, 1},
		{"lvs_method NAT\nip_family inet6\n" + four + six, true, 1},
		{four + "ip_family inet6\n" + six, false, 1},
		{"lvs_method TUN\n" + four + six, false, 2},
		{"lvs_method TUN\n" + six, true, 1},
		{"lvs_method TUN\n" + four + "ip_family inet6\n", true, 1},
		{four + six + "lvs_method TUN\n", false, 1},
	} {
		v, _ := only(t, "virtual_server fwmark 3 {\n"+tt.text+"}\n")
		if v.V6 != tt.v6 || len(v.RealServers) != tt.kept {
			t.Errorf("%q: IPv6 %v, %d real servers", tt.text, v.V6, len(v.RealServers))
		}
	}
}

func TestPortsOfRealServers(t *testing.T) {
	for _, tt := range []struct {
		service, real string
		want          uint16
	}{
		{"10.0.0.1 80 {\nlvs_method NAT", "8080", 8080}, {"10.0.0.1 80 {\nlvs_method NAT", "", 80}, {"10.0.0.1 80 {\nlvs_method NAT", "0", 80},
		{"10.0.0.1 80 {\nlvs_method DR", "8080", 80}, {"10.0.0.1 80 {\nlvs_method TUN", "", 80},
		{"fwmark 3 {\nlvs_method NAT", "8080", 8080}, {"fwmark 3 {\nlvs_method NAT", "", 0}, {"fwmark 3 {\nlvs_method DR", "8080", 0},
		{"group g {\nlvs_method NAT", "8080", 8080}, {"group g {\nlvs_method DR", "8080", 8080},
	} {
		v, _ := only(t, "virtual_server "+tt.service+"\nreal_server 10.1.0.1 "+tt.real+" {\n}\n}\nvirtual_server_group g {\n10.0.0.1 80\n}\n")
		if v.RealServers[0].Port != tt.want {
			t.Errorf("%+v: %d", tt, v.RealServers[0].Port)
		}
	}
}

func TestEntriesOfAGroup(t *testing.T) {
	for _, tt := range []struct{ line, want string }{
		{"10.0.0.1 80", "10.0.0.1 10.0.0.1 80 0 4"},
		{"10.0.0.1", "10.0.0.1 10.0.0.1 0 0 4"},
		{"10.0.0.5-9 80", "10.0.0.5 10.0.0.9 80 0 4"},
		{"10.0.0.5-010 80", "10.0.0.5 10.0.0.10 80 0 4"},
		{"10.0.0.5-10.0.2.1", "10.0.0.5 10.0.2.1 0 0 4"},
		{"10.0.0.5-10.0.0.5", "10.0.0.5 10.0.0.5 0 0 4"},
		{"10.0.0.0/22 80", "10.0.0.0 10.0.3.255 80 0 4"},
		{"10.0.0.7/32", "10.0.0.7 10.0.0.7 0 0 4"},
		{"128.0.0.0/1", "128.0.0.0 255.255.255.255 0 0 4"},
		{"2001:db8::1-f 80", "2001:db8::1 2001:db8::f 80 0 6"},
		{"2001:db8::1-2001:db8::1:0", "2001:db8::1 2001:db8::1:0 0 0 6"},
		{"2001:db8::/63", "2001:db8:: 2001:db8:0:1:ffff:ffff:ffff:ffff 0 0 6"},
		{"fwmark 4294967295", "invalid IP invalid IP 0 4294967295 0"},
		{"fwmark 1 inet6", "invalid IP invalid IP 0 1 6"},
		{"10.0.0.5-256", ""}, {"10.0.0.5-", ""}, {"10.0.0.5-5", ""}, {"10.0.0.5/24", ""}, {"10.0.0.0/0", ""}, {"2001:db8::/129", ""},
		{"2001:db8::5-5", ""}, {"2001:db8::5-10000", ""}, {"10.0.0.1 65536", ""}, {"fwmark -1", ""}, {"fwmark 4294967296", ""}, {"fwmark 1 ipv4", ""},
	} {
		c, _ := buildText("virtual_server_group g {\n" + tt.line + "\n}\n")
		got := ""
		for _, g := range c.ServerGroups {
			e := g.Entries[0]
			got = fmt.Sprint(e.From, " ", e.To, " ", e.Port, " ", e.Mark, " ", e.Family)
		}
		if got != tt.want {
			t.Errorf("%s: %q, want %q", tt.line, got, tt.want)
		}
	}
}

// A service by group learns protocol, persistence and family from the group,
// which may stand below it.
func TestServiceByGroup(t *testing.T) {
	for _, tt := range []struct{ group, more, want string }{
		{"10.0.0.1 80", "protocol TCP", "TCP 0s false"},
		{"10.0.0.1 80", "", "UDP 0s false"},
		{"fwmark 1", "protocol TCP", " 0s false"},
		{"fwmark 1\n10.0.0.1 80", "protocol TCP", "TCP 0s false"},
		{"10.0.0.1", "protocol TCP", "TCP 6m0s false"},
		{"10.0.0.1 80", "persistence_timeout 9", "UDP 9s false"},
		{"2001:db8::1 80", "lvs_method TUN\nprotocol TCP", "TCP 0s true"},
	} {
		v, _ := only(t, "virtual_server group g {\n"+tt.more+"\nreal_server 10.1.0.1 80 {\n}\n}\nvirtual_server_group g {\n"+tt.group+"\n}\n")
		if got := fmt.Sprint(v.Protocol, " ", v.Persistence, " ", v.V6); got != tt.want {
			t.Errorf("%+v: %q", tt, got)
		}
	}
}

func TestServersOfGroupsThatCannotBeAreLeftOut(t *testing.T) {
	c, _ := buildText("virtual_server group none {\nreal_server 10.1.0.1 80 {\n}\n}\n" + service("", "") +
		"virtual_server group mixed {\nreal_server 10.1.0.1 80 {\n}\n}\nvirtual_server_group mixed {\n10.0.0.1 80\n2001:db8::1 80\nfwmark 3\n}\n")
	if len(c.VirtualServers) != 1 || c.VirtualServers[0].Port != 80 || len(c.ServerGroups) != 0 {
		t.Errorf("%+v, %+v", c.VirtualServers, c.ServerGroups)
	}
}

func TestDiffOfServers(t *testing.T) {
	const group = "virtual_server group g {\nprotocol TCP\nreal_server 10.1.0.1 80 {\n}\n}\n"
	from := "SSL {\npassword old\n}\nvirtual_server_group g {\n10.0.0.1 80\nfwmark 3 inet\n}\n" + group +
		service("real_server 10.1.0.9 80 {\n}", "TCP_CHECK {\n}")
	to := "SSL {\npassword new\nca /ca\n}\nvirtual_server_group g {\n10.0.0.1-5 80\nfwmark 3 inet\n}\n" + group +
		service("quorum_up /bin/a\nsorry_server 10.1.0.7 5\nreal_server 10.1.0.8 80 {\n}", "weight 2\nlvs_method TUN type gue port 5 csum\nTCP_CHECK {\nretry 5\n}")
	a, _ := buildText(from)
	b, _ := buildText(to)
	var got []string
	for _, c := range config.Diff(a, b) {
		got = append(got, c.String())
	}
	want := []string{
		"~ virtual_server_group g: - 10.0.0.1 80; + 10.0.0.1-10.0.0.5 80",
		"~ SSL: ca none -> /ca; password changed",
		`~ virtual_server 10.0.0.1 80 TCP: quorum up none -> "/bin/a"; sorry none -> 10.1.0.7 5 NAT; + real_server 10.1.0.8 80; ` +
			"real_server 10.1.0.1 80 forwarding NAT -> TUN type gue port 5 csum; real_server 10.1.0.1 80 weight 1 -> 2; real_server 10.1.0.1 80 checks changed; - real_server 10.1.0.9 80",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if same := config.Diff(a, a); len(same) != 0 {
		t.Error(same)
	}
}

func TestServersCanBeSent(t *testing.T) {
	sent, _ := buildText(serverSkeleton + service("sorry_server 10.1.0.1 80", "UDP_CHECK {\nmax_reply_length 0\n}"))
	var b bytes.Buffer
	if err := gob.NewEncoder(&b).Encode(sent); err != nil {
		t.Fatal(err)
	}
	got := new(config.Config)
	if err := gob.NewDecoder(&b).Decode(got); err != nil {
		t.Fatal(err)
	}
	if diff := config.Diff(sent, got); !sent.Equal(got) || len(diff) > 0 {
		t.Errorf("%v", diff)
	}
}

// Equal checks are one value, and others are not.
func TestEqualChecksAreShared(t *testing.T) {
	const page = "HTTP_GET {\nurl {\npath /\nstatus_code 200\nregex a\n}\n}\n"
	v, _ := only(t, service("real_server 10.1.0.2 80 {\nTCP_CHECK {\n}\n"+page+"}", "TCP_CHECK {\n}\nTCP_CHECK {\nretry 5\n}\n"+page+strings.Replace(page, "200", "201", 1)))
	first, second := v.RealServers[0].Checks, v.RealServers[1].Checks
	if first[0] != second[0] || first[1] != second[2] || second[0] == second[1] || second[2] == second[3] {
		t.Errorf("%v, %v", first, second)
	}
}

func TestSorryServerTakesTheInhibitionOfItsRealServer(t *testing.T) {
	for _, tt := range []struct {
		real, sorry string
		want        bool
	}{{"", "sorry_server_inhibit", false}, {"inhibit_on_failure", "", true}, {"inhibit_on_failure", "sorry_server_inhibit", true}} {
		v, _ := only(t, service("sorry_server 10.1.0.1 80\n"+tt.sorry, tt.real))
		if v.Sorry.Inhibit != tt.want {
			t.Errorf("%+v: %v", tt, v.Sorry.Inhibit)
		}
	}
}

func TestStatusCodesAddUp(t *testing.T) {
	v, _ := only(t, service("", "HTTP_GET {\nurl {\npath /\nstatus_code 200 x 301-302\nstatus_code 599\n}\n}"))
	if got := fmt.Sprint(v.RealServers[0].Checks[0].HTTP.URLs[0].Status); got != "[{200 200} {301 302} {599 599}]" {
		t.Error(got)
	}
}

func TestOptionsOfAPattern(t *testing.T) {
	v, diags := only(t, service("", "HTTP_GET {\nurl {\npath /\nregex \"a b\"\nregex_options caseless utf nonsense\nregex_options dotall\nregex_stack 10 20\nregex_max_offset 7\nregex_no_match\n}\n}"))
	if !strings.Contains(fmt.Sprint(diags), "regex_stack has no effect here") {
		t.Errorf("that regex_stack has no effect is not told: %v", diags)
	}
	want := config.Regex{Pattern: "a b", Options: 0x8 | 0x80000 | 0x20, NoMatch: true, MaxOffset: 7}
	if got := v.RealServers[0].Checks[0].HTTP.URLs[0].Regex; *got != want {
		t.Errorf("%+v", got)
	}
	for i, word := range regexOptions() {
		v, _ := only(t, service("", "HTTP_GET {\nurl {\npath /\nregex a\nregex_options "+word+"\n}\n}"))
		if got := v.RealServers[0].Checks[0].HTTP.URLs[0].Regex.Options; got != 1<<i {
			t.Errorf("%s: %#x", word, got)
		}
	}
}

// What PCRE2 takes is kept, even where Go's regular expressions do not know it.
func TestPatterns(t *testing.T) {
	for pattern, kept := range map[string]bool{
		`a(?<=x)b`: true, `(a)\1`: true, `(*UTF8)x`: true, `a++`: true, `\R\h`: true, `[[:alpha:]]`: true, `a{,3}`: true,
		`(a`: false, `a)`: false, `[a`: false, `a\`: false,
	} {
		v, _ := only(t, service("", "HTTP_GET {\nurl {\npath /\nregex \""+pattern+"\"\n}\n}"))
		if got := v.RealServers[0].Checks[0].HTTP.URLs[0].Regex != nil; got != kept {
			t.Errorf("%s: kept %v", pattern, got)
		}
	}
}

func TestRoundedTimesAreWrittenShort(t *testing.T) {
	_, diags := only(t, "vrrp_script s {\nscript /bin/true\ninterval 1.23456\n}\n"+service("delay_loop 1.1234564", ""))
	var got []string
	for _, d := range diags {
		if strings.Contains(d.Text, "rounded") {
			got = append(got, d.Text)
		}
	}
	if diff := cmp.Diff([]string{"interval is rounded to 1.235 s", "delay_loop is rounded to 1.123456 s"}, got); diff != "" {
		t.Error(diff)
	}
}

// Reference, section 8.4: what a block host says counts for the check around it, and
// another check is made of the real server itself.
func TestHostsOfAMailCheck(t *testing.T) {
	itself := config.Probe{Timeout: 3 * time.Second}
	other := config.Probe{Timeout: 3 * time.Second, Addr: netip.MustParseAddr("10.1.0.9"), Port: 587, SourcePort: 99}
	for _, tt := range []struct {
		name, text string
		want       []config.Probe
	}{
		{"none", "", []config.Probe{itself}},
		{"one", "host {\nconnect_ip 10.1.0.9\nconnect_port 587\nbind_port 99\n}", []config.Probe{other, itself}},
		{"the last word counts", "host {\nconnect_ip 10.1.0.8\nconnect_port 587\n}\nhost {\nconnect_ip 10.1.0.9\nbind_port 99\n}", []config.Probe{other, itself}},
		{"one that says nothing", "host {\n}", []config.Probe{itself}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v, diags := only(t, service("", "SMTP_CHECK {\nhelo_name lb1\nconnect_timeout 3\n"+tt.text+"\n}"))
			var got []config.Probe
			for _, c := range v.RealServers[0].Checks {
				got = append(got, c.Probe)
				if c.Kind != config.CheckSMTP || c.SMTP.HELO != "lb1" {
					t.Errorf("%+v", c)
				}
			}
			if !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got %+v, want %+v; findings: %v", got, tt.want, diags)
			}
		})
	}
}
