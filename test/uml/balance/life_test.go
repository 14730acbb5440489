package balance

import (
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// simple is a virtual server that nobody checks; more stands in global_defs.
func simple(more string) string {
	return "global_defs {\n" + more + "\n}\nvirtual_server 10.0.1.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.0.2.11 80 {\n}\n}\n"
}

// alone is a director that nobody else is there for.
func (s *stage) alone() *netns.Node { return s.Node("director", "lan eth0 10.0.1.1/24") }

const foreign = "-A -t 203.0.113.1:25 -s rr"

func TestWhatSomebodyElseChangesIsPutBack(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	s.Sh(n, "ipvsadm "+foreign)
	d := s.Start(n, simple(""))
	s.becomes(n, 5*time.Second, foreign, service, first)
	s.Sh(n, "ipvsadm -e -t 10.0.1.1:80 -r 10.0.2.11:80 -m -w 9; ipvsadm -a -t 10.0.1.1:80 -r 10.0.2.77:80 -m")
	s.becomes(n, 8*time.Second, foreign, service, first)
	s.Sh(n, "ipvsadm -D -t 10.0.1.1:80")
	s.becomes(n, 8*time.Second, foreign, service, first)
	d.Tells(time.Second, "IPVS: somebody else changed what is ours: put back (4 so far)")
	d.Stop(syscall.SIGTERM)
	s.becomes(n, time.Second, foreign)
}

func TestWhatACrashLeftIsTakenOver(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	other := strings.ReplaceAll(simple(""), "10.0.1.1 80", "10.0.1.1 81")
	d := s.Start(n, simple("")+other[strings.Index(other, "virtual_server"):])
	s.becomes(n, 5*time.Second, service, first, strings.Replace(service, ":80", ":81", 1), strings.Replace(first, ":80", ":81", 1))
	d.Stop(syscall.SIGKILL)
	s.Sh(n, "ipvsadm "+foreign)
	d = s.Start(n, simple(""))
	s.becomes(n, 5*time.Second, foreign, service, first)
	d.Stop(syscall.SIGTERM)
	s.becomes(n, time.Second, foreign)
}

func TestAWorkerThatDiesLeavesTheTableAsItIs(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	text := strings.Replace(simple("lvs_flush"), "real_server", "warmup 30\nreal_server 10.0.1.1 81 {\nTCP_CHECK {\nwarmup 0\n}\n}\nreal_server", 1)
	d := s.Start(n, text)
	d.Tells(5*time.Second, "Removing service [10.0.1.1]:tcp:81")
	s.becomes(n, 5*time.Second, service, first)
	s.Sh(n, "ipvsadm "+foreign)
	s.Sh(n, "pkill -9 -f 'holdfast worke[r]'")
	d.Tells(5*time.Second, "Respawning")
	for range 30 { // the server that is down never returns
		s.becomes(n, 0, foreign, service, first)
		time.Sleep(100 * time.Millisecond)
	}
	if _, after, _ := strings.Cut(d.Log(), "Respawning"); strings.Contains(after, "quorum") || strings.Contains(after, "Removing service") {
		t.Errorf("what was told is told again:%s", after)
	}
	d.Reload(strings.Replace(text, "lvs_sched rr", "lvs_sched wlc", 1))
	s.becomes(n, 5*time.Second, foreign, strings.Replace(service, "rr", "wlc", 1), first)
}

// While a sorry server stands in, the table does not say who lives.
func TestAWorkerThatDiesWhileASorryServerStandsInTellsNothingAgain(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	s.Must(n.WriteFile("/run/tell", "#!/bin/sh\necho \"$@\" >>/run/told\n", 0o755))
	server := func(port int) string {
		return fmt.Sprintf("real_server 10.0.1.1 %d {\nnotify_up \"/run/tell up %[1]d\"\nnotify_down \"/run/tell down %[1]d\"\nTCP_CHECK {\n}\n}\n", port)
	}
	text := "global_defs {\nscript_user root\nenable_script_security\n}\nvirtual_server 10.0.1.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\ndelay_loop 0.5\nwarmup 0\nquorum 2\n" +
		"quorum_up \"/run/tell gained\"\nquorum_down \"/run/tell lost\"\nsorry_server 10.0.2.11 80\n" + server(81) + server(82) + "}\n"
	stop := s.well(n)
	defer stop()
	d := s.Start(n, text)
	d.Tells(8*time.Second, "Lost quorum")
	s.becomes(n, 5*time.Second, service, first)
	told := func() string { return s.Sh(n, "sort /run/told") }
	s.Eventually(5*time.Second, "it is told", func() bool { return told() == "down 82\ngained\nlost\n" })
	s.Sh(n, "pkill -9 -f 'holdfast worke[r]'")
	d.Tells(5*time.Second, "Respawning")
	d.Tells(8*time.Second, "Worker process goes on")
	time.Sleep(4 * time.Second) // everything is checked again
	_, after, _ := strings.Cut(d.Log(), "Respawning")
	for _, words := range []string{"quorum", "Adding", "Removing", "Activating"} {
		if strings.Contains(after, words) {
			t.Errorf("what was told is told again:%s", after)
		}
	}
	s.becomes(n, time.Second, service, first)
	s.Must(n.Do(func() error {
		l, err := net.Listen("tcp4", ":82")
		if err == nil {
			t.Cleanup(func() { _ = l.Close() })
		}
		return err
	}))
	d.Tells(8*time.Second, "Gained quorum 2+0=2 <= 2")
	s.becomes(n, 5*time.Second, service, strings.Replace(first, "2.11:80", "1.1:81", 1), strings.Replace(first, "2.11:80", "1.1:82", 1))
	s.Eventually(5*time.Second, "that is told, and nothing else", func() bool { return told() == "down 82\ngained\ngained\nlost\nup 82\n" })
}

func TestTheTableIsFlushedWhereThatIsWanted(t *testing.T) {
	for _, c := range []struct {
		name, words  string
		begun, ended []string
	}{
		{"at the start", "lvs_flush", []string{service, first}, nil},
		{"at the stop", "lvs_flush_on_stop", []string{foreign, service, first}, nil},
		{"virtual servers at the stop", "lvs_flush_on_stop VS", []string{foreign, service, first}, []string{foreign}},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t, "lan")
			n := s.alone()
			s.Sh(n, "ipvsadm "+foreign)
			d := s.Start(n, simple(c.words))
			s.becomes(n, 5*time.Second, c.begun...)
			d.Stop(syscall.SIGTERM)
			s.becomes(n, time.Second, c.ended...)
		})
	}
}

func TestTimeoutsAreSetAndGivenBack(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	is := func(text string) func() bool {
		return func() bool { return strings.Contains(s.Sh(n, "ipvsadm -Ln --timeout"), text) }
	}
	d := s.Start(n, simple("lvs_timeouts tcp 77 udp 88"))
	s.Eventually(5*time.Second, "the timeouts are set", is("77 120 88"))
	d.Reload(simple("lvs_timeouts tcp 66"))
	s.Eventually(5*time.Second, "the timeouts are changed", is("66 120 300"))
	d.Stop(syscall.SIGKILL)
	d = s.Launch(n, stand.Program(), "run", "-D", "-f", confPath)
	d.Tells(5*time.Second, "Startup complete")
	d.Stop(syscall.SIGTERM)
	if !is("900 120 300")() {
		t.Errorf("the timeouts are not what they were: %s", s.Sh(n, "ipvsadm -Ln --timeout"))
	}
}

func TestSynchronisationFollowsTheInstance(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	instance := "vrrp_instance V {\ninterface eth0\nvirtual_router_id 51\npriority 100\nadvert_int 0.2\nvirtual_ipaddress {\n10.0.1.100\n}\n%%\n}\n"
	runs := func(text string) func() bool {
		return func() bool { return strings.Contains(s.Sh(n, "ipvsadm -Ln --daemon"), text) }
	}
	d := s.Start(n, simple("lvs_sync_daemon eth0 V")+strings.Replace(instance, "%%", "", 1))
	s.Eventually(8*time.Second, "a master tells", runs("master sync daemon (mcast=eth0, syncid=51"))
	s.Sh(n, "ip link set eth0 down; sleep 0.5; ip link set eth0 up")
	d.Reload(simple("lvs_sync_daemon eth0 id 7 maxlen 1400") + strings.Replace(instance, "%%", "", 1))
	s.Eventually(8*time.Second, "both run", func() bool {
		return runs("master sync daemon (mcast=eth0, syncid=7, maxlen=1400")() && runs("backup sync daemon (mcast=eth0, syncid=7, maxlen=1400")()
	})
	d.Reload(simple("") + strings.Replace(instance, "%%", "lvs_sync_daemon_interface eth0", 1))
	s.Eventually(8*time.Second, "one runs", func() bool { return runs("master")() && !runs("backup")() })
	d.Stop(syscall.SIGTERM)
	if runs("sync daemon")() {
		t.Error("a daemon still runs")
	}
}

func TestScriptsAndPipesAreToldOfServers(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	s.Must(n.WriteFile("/run/tell", "#!/bin/sh\necho \"$@\" >>/run/told\n", 0o755))
	text := "global_defs {\nscript_user root\nenable_script_security\nlvs_notify_fifo /run/pipe\n}\nvirtual_server 10.0.1.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\ndelay_loop 0.5\nwarmup 0\n" +
		"quorum_up \"/run/tell gained\"\nquorum_down \"/run/tell lost\"\nreal_server 10.0.1.1 81 {\nnotify_up \"/run/tell up\"\nnotify_down \"/run/tell down\"\nTCP_CHECK {\nretry 0\n}\n}\n}\n"
	d := s.Start(n, text)
	d.Tells(8*time.Second, "Lost quorum")
	s.Must(n.WriteFile("/run/nginx.conf", "pid /run/nginx.pid;\nerror_log /run/nginx.log;\nevents {}\nhttp {\naccess_log off;\nserver {\nlisten 81;\n}\n}\n", 0o644))
	s.Sh(n, "nginx -c /run/nginx.conf >/dev/null 2>&1")
	s.Eventually(8*time.Second, "all scripts have run", func() bool { return strings.Count(s.Sh(n, "cat /run/told"), "\n") == 5 })
	for _, word := range []string{"gained\n", "down\n", "lost\n", "up\n"} {
		if !strings.Contains(s.Sh(n, "cat /run/told"), word) {
			t.Errorf("no script was told %q", word)
		}
	}
	vs, rs := "VS [10.0.1.1]:tcp:80 ", "RS [10.0.1.1]:tcp:81 [10.0.1.1]:tcp:80 "
	want := vs + "UP\n\x00" + rs + "DOWN\n\x00" + vs + "DOWN\n\x00" + rs + "UP\n\x00" + vs + "UP\n\x00"
	if got := s.Sh(n, "timeout 1 cat /run/pipe; true"); got != want {
		t.Errorf("the pipe says %q, not %q", got, want)
	}
}

func TestAStopIsToldToScriptsAndByMailWithOmega(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	s.Must(n.WriteFile("/run/tell", "#!/bin/sh\necho \"$@\" >>/run/told\n", 0o755))
	s.Sh(n, strings.NewReplacer("10.0.2.14:25", "127.0.0.1:25", "python3", "python3 -u").Replace(mail)) // what comes is printed at once
	s.Eventually(20*time.Second, "the mail server listens", func() bool { return strings.Contains(s.Sh(n, "ss -lnt"), "127.0.0.1:25") })
	virtual := func(port int, words string) string {
		return fmt.Sprintf("virtual_server 10.0.1.1 %d {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n%s\nquorum_down \"/run/tell lost %[1]d\"\nreal_server 10.0.2.11 80 {\nsmtp_alert\nnotify_down \"/run/tell down %[1]d\"\n}\n}\n", port, words)
	}
	d := s.Start(n, "global_defs {\nrouter_id node\nscript_user root\nenable_script_security\nsmtp_server 127.0.0.1\nnotification_email {\nadmin@example.org\n}\nnotification_email_from node@example.org\n}\n"+virtual(80, "omega\nsmtp_alert")+virtual(81, ""))
	letters := func() string { return s.Sh(n, "grep '^Subject: ' /run/mail.log | sort") }
	const gained = "Subject: [node] Virtualserver [10.0.1.1]:tcp:80 - UP\n"
	s.Eventually(10*time.Second, "the start is told by mail", func() bool { return letters() == gained }, letters)
	d.Stop(syscall.SIGTERM)
	if got := s.Sh(n, "sort /run/told"); got != "down 80\nlost 80\n" { // they run side by side, as with keepalived
		t.Errorf("scripts were told %q", got)
	}
	want := "Subject: [node] Realserver [10.0.2.11]:tcp:80 of virtual server [10.0.1.1]:tcp:80 - DOWN\nSubject: [node] Virtualserver [10.0.1.1]:tcp:80 - DOWN\n" + gained
	s.Eventually(5*time.Second, "the stop is told by mail, that of the service with omega", func() bool { return letters() == want }, letters)
}

func TestNothingIsCheckedWithoutTheAddress(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	text := strings.Replace(simple(""), "protocol TCP", "protocol TCP\nha_suspend\ndelay_loop 0.5\nwarmup 0", 1)
	text = strings.Replace(strings.Replace(text, "10.0.1.1 80", "10.0.1.100 80", 1), "real_server 10.0.2.11 80 {", "real_server 10.0.1.1 81 {\nTCP_CHECK {\n}", 1)
	d := s.Start(n, text)
	time.Sleep(3 * time.Second)
	if strings.Contains(d.Log(), "TCP_CHECK on service") {
		t.Error("it is checked without the address")
	}
	s.Sh(n, "ip addr add 10.0.1.100/32 dev eth0")
	d.Tells(5*time.Second, "Activating healthchecker for service [10.0.1.1]:tcp:81 for VS [10.0.1.100]:tcp:80")
	d.Tells(5*time.Second, "Removing service [10.0.1.1]:tcp:81 from VS [10.0.1.100]:tcp:80")
	s.Sh(n, "ip addr del 10.0.1.100/32 dev eth0")
	d.Tells(5*time.Second, "Suspending healthchecker for service [10.0.1.1]:tcp:81 for VS [10.0.1.100]:tcp:80")
}

func TestTheTableMayBeThatOfAnotherNamespace(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	s.Sh(n, "ip netns add other && ip -n other link set lo up")
	there := func() bool { return strings.Contains(s.Sh(n, "ip netns exec other ipvsadm -Sn"), service+"\n"+first) }
	d := s.Start(n, "net_namespace_ipvs other\n"+simple(""))
	s.Eventually(5*time.Second, "the other namespace has the table", there)
	s.becomes(n, time.Second)
	d.Stop(syscall.SIGTERM)
	if there() {
		t.Error("after the stop the table is still there")
	}
}

func TestAStopMayLeaveTheTable(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	s.Must(n.WriteFile(confPath, simple(""), 0o644))
	s.Sh(n, "ln -s $HOLDFAST_TEST_PROGRAM /run/keepalived")
	d := s.Launch(n, "/run/keepalived", "-n", "-l", "-I", "-f", confPath)
	s.becomes(n, 5*time.Second, service, first)
	d.Stop(syscall.SIGTERM)
	s.becomes(n, time.Second, service, first)
}

func TestTheCommandListsWhatIpvsadmLists(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	s.Sh(n, "ipvsadm "+foreign)
	s.Start(n, strings.Replace(simple(""), "real_server 10.0.2.11 80 {", "delay_loop 0.5\nwarmup 0\nreal_server 10.0.1.1 81 {\nTCP_CHECK {\n}\n}\nreal_server 10.0.2.11 80 {", 1))
	s.becomes(n, 8*time.Second, foreign, service, first)
	got := s.Sh(n, "$HOLDFAST_TEST_PROGRAM ipvs")
	for _, want := range []string{"TCP  203.0.113.1:25 rr\n", "TCP  10.0.1.1:80 rr\n", "  -> 10.0.2.11:80                 Masq    1      0          0\n",
		"  -> 10.0.1.1:81                  Masq    -      0          0          down "} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in\n%s", want, got)
		}
	}
	if !strings.Contains(got, "connect to 10.0.1.1:81: connection refused") {
		t.Errorf("the reason is missing:\n%s", got)
	}
	for _, option := range []string{"--stats", "--rate"} {
		_, theirs, _ := strings.Cut(s.Sh(n, "ipvsadm -Ln "+option), "\n")
		ours := s.Sh(n, "$HOLDFAST_TEST_PROGRAM ipvs "+option)
		for line := range strings.Lines(theirs) {
			if !strings.Contains(ours, strings.TrimRight(line, " \n")+"\n") {
				t.Errorf("%s: %q is not in\n%s", option, line, ours)
			}
		}
	}
	if got := s.Sh(n, "$HOLDFAST_TEST_PROGRAM ipvs --json"); !strings.Contains(got, `"health": "down"`) {
		t.Errorf("JSON: %s", got)
	}
}
