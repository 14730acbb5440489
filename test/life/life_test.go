package life

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/stand"
)

const vip = "10.0.0.100"

func TestStartWithAnErrorIsRefusedWithItsPlace(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, "vrrp_instance V {\n\tinterface eth0\n\tvirtual_ipaddress {\n\t\t10.0.0.100\n\t}\n}\n")
	if got := d.Exit(); got != 2 {
		t.Errorf("exit status %d, want 2", got)
	}
	if !strings.Contains(d.Log(), confPath+":1:") || !strings.Contains(d.Log(), "virtual_router_id") {
		t.Errorf("the log names neither place nor fix:\n%s", d.Log())
	}
}

func TestStartWithoutAConfigurationEndsWith6(t *testing.T) {
	s := newStage(t)
	if got := s.Again(s.a).Exit(); got != 6 {
		t.Errorf("exit status %d, want 6", got)
	}
}

func TestASecondDaemonSaysSoAndLeavesTheFirstAlone(t *testing.T) {
	s := newStage(t)
	first := s.Start(s.a, conf(100, "", vip))
	first.Says("Entering MASTER STATE")
	second := s.Again(s.a)
	if got := second.Exit(); got != 0 || !strings.Contains(second.Log(), "already running") {
		t.Errorf("exit status %d, log %q", got, second.Log())
	}
	if !s.holds(s.a, vip) {
		t.Error("the first one lost its address")
	}
	first.Signal(syscall.SIGTERM)
	if got := first.Exit(); got != 0 {
		t.Errorf("exit status of the first %d, want 0", got)
	}
	if s.holds(s.a, vip) {
		t.Error("the address is still there after the stop")
	}
}

func TestReloadOfABrokenFileChangesNothing(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	d.Reload("vrrp_instance V {\n\tinterface eth0\n")
	if !s.holds(s.a, vip) || d.Count("nothing is changed") != 1 {
		t.Errorf("the address is held: %v; log:\n%s", s.holds(s.a, vip), d.Log())
	}
	d.Reload(conf(100, "", vip))
	if d.Count("Entering") != 2 {
		t.Errorf("the role changed:\n%s", d.Log())
	}
}

func TestReloadOfAnUnchangedFileSendsNothingExtraAndMissesNothing(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	wire := s.listen(s.client, "vrrp or arp")
	time.Sleep(time.Second)
	for range 3 {
		d.Reload(conf(100, "", vip))
	}
	time.Sleep(time.Second)
	packets := wire()
	for i := 1; i < len(packets); i++ {
		if gap := packets[i].at.Sub(packets[i-1].at); gap < 95*time.Millisecond || gap > 105*time.Millisecond {
			t.Errorf("packet %d came %v after the one before: %s", i, gap, packets[i].text)
		}
	}
	if len(packets) < 15 {
		t.Errorf("only %d packets in two seconds", len(packets))
	}
	if d.Count("Entering") != 2 {
		t.Errorf("the role changed:\n%s", d.Log())
	}
}

func TestReloadAddsMovesAndRemovesAddressesAndNothingElse(t *testing.T) {
	s := newStage(t)
	two := func(first, second string) string {
		return conf(100, "", first) + strings.ReplaceAll(strings.ReplaceAll(strings.TrimPrefix(conf(100, "", second), "global_defs {\n\tvrrp_version 3\n}\n"), "instance V", "instance W"), "router_id 7", "router_id 8")
	}
	d := s.Start(s.a, two("10.0.0.100\n10.0.0.102", "10.0.0.101"))
	d.Says(`\(V\) Entering MASTER`)
	d.Says(`\(W\) Entering MASTER`)
	s.Eventually(time.Second, "all three are held", func() bool {
		return s.holds(s.a, "10.0.0.100") && s.holds(s.a, "10.0.0.101") && s.holds(s.a, "10.0.0.102")
	})
	changes := s.monitor(s.a)
	d.Reload(two("10.0.0.100", "10.0.0.101\n10.0.0.102"))                                                                                          // moved
	d.Reload(two("10.0.0.100\n10.0.0.103", "10.0.0.101"))                                                                                          // one added, one removed
	d.Reload(strings.NewReplacer("router_id 7", "router_id 8", "router_id 8", "router_id 7").Replace(two("10.0.0.100\n10.0.0.103", "10.0.0.101"))) // VRIDs swapped
	d.Reload(strings.ReplaceAll(strings.NewReplacer("router_id 7", "router_id 8", "router_id 8", "router_id 7").Replace(two("10.0.0.100\n10.0.0.103", "10.0.0.101")), "instance W", "instance X"))
	time.Sleep(200 * time.Millisecond)
	got := changes()
	want := []string{"+10.0.0.103", "-10.0.0.102"}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("the kernel's addresses changed by %v, want %v", got, want)
	}
	if n := d.Count("Entering BACKUP|Entering FAULT"); n != 2 {
		t.Errorf("%d transitions to BACKUP or FAULT, want the two at the start:\n%s", n, d.Log())
	}
}

func TestADeadWorkerIsReplacedAndNobodyNotices(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	probe, err := s.client.Probe(time.Millisecond, netip.MustParseAddr(vip))
	s.Must(err)
	for range 2 {
		s.replaceWorker(d)
	}
	d.Reload(conf(100, "", vip, "10.0.0.101"))
	s.Eventually(time.Second, "the new worker reloads", func() bool { return s.holds(s.a, "10.0.0.101") })
	probe.Settle()
	if lost := probe.Spans(); len(lost) > 0 {
		t.Errorf("the client lost %v", lost)
	}
	s.Must(probe.Close())
}

// worker is the child of a router process, 0 if there is none.
func (s *stage) worker(parent int) int { return s.child(parent, "worker") }

// child is the child of a process that has a word in its command line, 0 if there is none.
func (s *stage) child(parent int, word string) int {
	children, _ := os.ReadFile(fmt.Sprintf("/proc/%d/task/%d/children", parent, parent))
	tasks, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", parent))
	for _, t := range tasks {
		more, _ := os.ReadFile(t)
		children = append(children, more...)
	}
	for _, number := range strings.Fields(string(children)) {
		pid, _ := strconv.Atoi(number)
		if line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)); strings.Contains(string(line), word) {
			return pid
		}
	}
	return 0
}

func TestAKilledMasterThatIsStartedAgainInTimeGoesOn(t *testing.T) {
	s := newStage(t)
	slow := func(p int) string { return strings.Replace(conf(p, "", vip), "advert_int 0.1", "advert_int 0.5", 1) }
	d := s.Start(s.a, slow(150))
	d.Says("Entering MASTER STATE")
	backup := s.Start(s.b, slow(100))
	backup.Says("Entering BACKUP STATE")
	probe, err := s.client.Probe(time.Millisecond, netip.MustParseAddr(vip))
	s.Must(err)
	for range 3 {
		d.Signal(syscall.SIGKILL)
		d.Exit()
		time.Sleep(150 * time.Millisecond)
		d = s.Again(s.a)
		d.Says(`Entering MASTER STATE \(resumed`)
		time.Sleep(time.Second)
	}
	probe.Settle()
	if lost := probe.Spans(); len(lost) > 0 {
		t.Errorf("the client lost %v", lost)
	}
	if backup.Count("Entering MASTER") > 0 {
		t.Errorf("the backup took over:\n%s", backup.Log())
	}
	s.Must(probe.Close())
}

func TestAKilledMasterThatStaysAwayTooLongStartsAsBackup(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "nopreempt", vip))
	d.Says("Entering MASTER STATE")
	backup := s.Start(s.b, conf(90, "nopreempt", vip))
	backup.Says("Entering BACKUP STATE")
	d.Signal(syscall.SIGKILL)
	backup.Says("Entering MASTER STATE")
	d = s.Again(s.a)
	d.Says("Entering BACKUP STATE")
	s.Eventually(time.Second, "the left-over address is gone", func() bool { return !s.holds(s.a, vip) })
	time.Sleep(time.Second)
	if s.holds(s.a, vip) || !s.holds(s.b, vip) {
		t.Error("the address is not where it should be")
	}
}

func TestInTheBackgroundTheWorkerTakesTheRoutersPlace(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile(confPath, conf(100, "", vip), 0o644))
	keepalived := s.Namesake()
	d := s.Launch(s.a, keepalived, "-D", "-G", "-f", confPath, "-p", "/run/k.pid", "-r", "/run/v.pid", "-c", "/run/c.pid")
	if got := d.Exit(); got != 0 {
		t.Fatalf("the launching process ends with %d", got)
	}
	s.Eventually(5*time.Second, "the daemon has the address", func() bool { return s.holds(s.a, vip) })
	router := strings.TrimSpace(s.Sh(s.a, "cat /run/v.pid"))
	worker := strings.TrimSpace(s.Sh(s.a, "cat /run/c.pid"))
	if parent := strings.TrimSpace(s.Sh(s.a, "cat /run/k.pid")); parent != router || router == worker {
		t.Fatalf("pid files say %s, %s and %s", parent, router, worker)
	}
	probe, err := s.client.Probe(time.Millisecond, netip.MustParseAddr(vip))
	s.Must(err)
	s.Sh(s.a, "kill -9 "+router)
	s.Eventually(3*time.Second, "the worker is the router", func() bool {
		out, _ := s.a.Output(context.Background(), "cat", "/run/v.pid")
		return strings.TrimSpace(out) == worker
	})
	time.Sleep(time.Second)
	probe.Settle()
	if lost := probe.Spans(); len(lost) > 0 {
		t.Errorf("the client lost %v", lost)
	}
	s.Must(probe.Close())
	s.Sh(s.a, "kill "+worker)
	s.Eventually(5*time.Second, "the address is released", func() bool { return !s.holds(s.a, vip) })
}

func TestAnAddressThatSomebodyRemovesIsBackWithin50ms(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip, "fd00::100/64")) // the second is refused: another family
	d.Says("Entering MASTER STATE")
	s.Eventually(time.Second, "it is held", func() bool { return s.holds(s.a, vip) })
	changes := s.timedMonitor(s.a)
	for range 5 {
		s.Sh(s.a, "ip addr del "+vip+"/32 dev eth0")
		time.Sleep(150 * time.Millisecond)
	}
	gone := time.Time{}
	returned := 0
	for _, c := range changes() {
		switch {
		case strings.HasPrefix(c.text, "-"):
			gone = c.at
		case !gone.IsZero():
			returned++
			if away := c.at.Sub(gone); away > 50*time.Millisecond {
				t.Errorf("the address was away for %v", away)
			}
		}
	}
	if returned != 5 {
		t.Errorf("the address came back %d times, want 5", returned)
	}
	if d.Count("Entering") != 2 {
		t.Errorf("the role changed:\n%s", d.Log())
	}
	d.Says(`put back \(5 so far\)`)
}

// Somebody removes the address as fast as ip(8) can for three seconds.
func TestAFightForAnAddressLeavesRoleAndLogInPeace(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	b := s.Start(s.b, conf(50, "", vip))
	b.Says("Entering BACKUP STATE")
	s.Eventually(time.Second, "it is held", func() bool { return s.holds(s.a, vip) })
	s.Sh(s.a, "yes addr del "+vip+"/32 dev eth0 | timeout 3 ip -force -batch - 2>/dev/null || true")
	s.Eventually(2*time.Second, "it is back", func() bool { return s.holds(s.a, vip) })
	d.Says(`put back \(\d{3,} so far\)`)
	if n := d.Count("put back"); n > 6 {
		t.Errorf("%d lines about repairs in three seconds:\n%s", n, d.Log())
	}
	if d.Count("Entering") != 2 || b.Count("MASTER STATE") != 0 {
		t.Errorf("a role changed:\n%s\n%s", d.Log(), b.Log())
	}
}

func TestALinkThatIsDeletedAndMadeAgain(t *testing.T) {
	s := newStage(t)
	s.Sh(s.a, "ip link add veth1 type veth peer name veth2 && ip addr add 10.1.0.1/24 dev veth1 && ip link set veth1 up && ip link set veth2 up")
	d := s.Start(s.a, strings.ReplaceAll(conf(100, "", "10.1.0.100"), "eth0", "veth1"))
	d.Says("Entering MASTER STATE")
	s.Sh(s.a, "ip link del veth1")
	d.Says("Entering FAULT STATE")
	s.Sh(s.a, "ip link add veth1 type veth peer name veth2 && ip addr add 10.1.0.1/24 dev veth1 && ip link set veth1 up && ip link set veth2 up")
	s.Eventually(5*time.Second, "MASTER again", func() bool { return d.Count("Entering MASTER STATE") == 2 })
	s.Eventually(time.Second, "held again", func() bool { return s.holds(s.a, "10.1.0.100") })
}

func TestTheInterfaceAndItsAddressAreWaitedFor(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, strings.ReplaceAll(conf(100, "", "10.1.0.100"), "eth0", "veth1"))
	d.Says(`Entering FAULT STATE.*veth1`)
	s.Sh(s.a, "ip link add veth1 type veth peer name veth2 && ip link set veth1 up && ip link set veth2 up")
	time.Sleep(300 * time.Millisecond)
	if d.Count("Entering BACKUP STATE") > 0 {
		t.Error("left FAULT without an address to send from")
	}
	s.Sh(s.a, "ip addr add 10.1.0.1/24 dev veth1")
	d.Says("Entering MASTER STATE")
	s.Sh(s.a, "ip addr del 10.1.0.1/24 dev veth1")
	s.Eventually(5*time.Second, "FAULT without an address", func() bool { return d.Count("Entering FAULT STATE") == 2 })
	s.Sh(s.a, "ip addr add 10.1.0.1/24 dev veth1")
	s.Eventually(5*time.Second, "MASTER again", func() bool { return d.Count("Entering MASTER STATE") == 2 })
}

func TestAddressWordsReachTheKernel(t *testing.T) {
	s := newStage(t)
	more := "virtual_ipaddress_excluded {\n10.2.0.1/24 brd + label eth0:x\nfd00::5/64\n10.3.0.1 dev lo\n}"
	d := s.Start(s.a, conf(100, more, vip+"/32 brd 10.0.0.255 scope link label eth0:v", "10.4.0.1 peer 10.4.0.2/30", "10.5.0.1/16 noprefixroute preferred_lft 0"))
	d.Says("Entering MASTER STATE")
	s.Eventually(time.Second, "the last is held", func() bool { return s.holds(s.a, "10.3.0.1") })
	out := s.Sh(s.a, "ip -o addr show")
	for _, want := range []string{
		"inet 10.0.0.100/32 brd 10.0.0.255 scope link eth0:v",
		"inet 10.4.0.1 peer 10.4.0.2/30 scope global eth0",
		"inet 10.5.0.1/16 scope global deprecated noprefixroute eth0",
		"inet 10.2.0.1/24 brd 10.2.0.255 scope global eth0:x",
		"lo    inet 10.3.0.1/32 scope global lo",
	} {
		if !strings.Contains(out, want) {
			t.Errorf("no address %q in\n%s", want, out)
		}
	}
	if !strings.Contains(out, "inet6 fd00::5/64 scope global nodad") {
		t.Errorf("no IPv6 address without duplicate address detection in\n%s", out)
	}
	d.Signal(syscall.SIGTERM)
	d.Exit()
	if left := s.Sh(s.a, "ip -o addr show | grep -cE '10\\.[2345]\\.0|10.0.0.100|fd00' || true"); strings.TrimSpace(left) != "0" {
		t.Errorf("left over:\n%s", s.Sh(s.a, "ip -o addr show"))
	}
}

func TestSIGUSR2WritesTheStatistics(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(150, "", vip+"/24"))
	d.Says("Entering MASTER STATE")
	d.Signal(syscall.SIGUSR2)
	d.Says("state written to /tmp/keepalived.stats")
	if out := s.Sh(s.a, "cat /tmp/keepalived.stats"); !strings.Contains(out, "VRRP Instance: V\n") || !strings.Contains(out, "  Became master: 1\n") {
		t.Errorf("the statistics:\n%s", out)
	}
}

func TestSIGUSR1WritesTheState(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	s.Sh(s.a, "mkdir -p /run/dump")
	d.Signal(syscall.SIGUSR1)
	d.Says("state written to /tmp/keepalived.data")
	out := s.Sh(s.a, "cat /tmp/keepalived.data")
	for _, want := range []string{"------< VRRP Topology >------", "VRRP Instance = V", "State = MASTER", "Virtual IP (1):", vip} {
		if !strings.Contains(out, want) {
			t.Errorf("no %q in\n%s", want, out)
		}
	}
}

func TestNotificationsArriveInOrderByScriptAndFIFO(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/etc/keepalived/n.sh", "#!/bin/sh\nsleep 0.05\necho \"$@\" >>/run/notified\n", 0o755))
	text := strings.Replace(conf(100, "notify /etc/keepalived/n.sh\nnotify_master \"/etc/keepalived/n.sh own master\"\nnotify_stop \"/etc/keepalived/n.sh own stop\"", vip),
		"vrrp_version 3", "vrrp_version 3\nenable_script_security\nscript_user root\nvrrp_notify_fifo /run/fifo", 1)
	text += "vrrp_sync_group G {\ngroup {\nV\n}\nnotify /etc/keepalived/n.sh\n}\n"
	s.Sh(s.a, "mkfifo /run/fifo && cat /run/fifo >/run/lines 2>/dev/null </dev/null &")
	d := s.Start(s.a, text)
	d.Says("Entering MASTER STATE")
	time.Sleep(300 * time.Millisecond)
	d.Signal(syscall.SIGTERM)
	d.Exit()
	want := "INSTANCE V BACKUP 100\nGROUP G BACKUP 0\nown master\nINSTANCE V MASTER 100\nGROUP G MASTER 0\nown stop\nINSTANCE V STOP 100\nGROUP G STOP 0\n"
	s.Eventually(3*time.Second, "everybody was told", func() bool { return len(s.Sh(s.a, "cat /run/notified")) >= len(want) })
	// Instance and group are told side by side; each in its own order.
	for _, who := range []string{"INSTANCE\\|own", "GROUP"} {
		got := s.Sh(s.a, "grep '^\\("+who+"\\)' /run/notified")
		if wanted := only(want, strings.Split(who, "\\|")...); got != wanted {
			t.Errorf("scripts were told\n%swant\n%s", got, wanted)
		}
	}
	lines := s.Sh(s.a, "cat /run/lines")
	if want := "INSTANCE \"V\" BACKUP 100\nGROUP \"G\" BACKUP 0\nINSTANCE \"V\" MASTER 100\nGROUP \"G\" MASTER 0\nINSTANCE \"V\" STOP 100\nGROUP \"G\" STOP 0\n"; lines != want {
		t.Errorf("the FIFO was told\n%swant\n%s", lines, want)
	}
}

// only keeps the lines that begin with one of the words.
func only(text string, words ...string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		for _, w := range words {
			if strings.HasPrefix(line, w) {
				kept.WriteString(line)
			}
		}
	}
	return kept.String()
}

func TestSystemdIsTold(t *testing.T) {
	s := newStage(t)
	told := make(chan string, 16)
	path := "@holdfast-test-" + strconv.Itoa(os.Getpid())
	var conn *net.UnixConn
	s.Must(s.a.Do(func() (err error) { // abstract names belong to a network namespace
		conn, err = net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
		return err
	}))
	defer func() { _ = conn.Close() }()
	go func() {
		b := make([]byte, 256)
		for {
			n, err := conn.Read(b)
			if err != nil {
				close(told)
				return
			}
			told <- string(b[:n])
		}
	}()
	s.Must(s.a.WriteFile(confPath, conf(100, "", vip), 0o644))
	d := s.Launch(s.a, "/usr/bin/env", "NOTIFY_SOCKET="+path, stand.Program(), "run", "-f", confPath)
	next := func(want string) {
		t.Helper()
		select {
		case got := <-told:
			if !strings.HasPrefix(got, want) {
				t.Errorf("told %q, want %q", got, want)
			}
		case <-time.After(5 * time.Second):
			t.Errorf("not told %q", want)
		}
	}
	next("READY=1")
	d.Signal(syscall.SIGHUP)
	next("RELOADING=1\nMONOTONIC_USEC=")
	next("READY=1")
	d.Signal(syscall.SIGTERM)
	next("STOPPING=1")
	d.Exit()
}

func TestAScriptThatFailsMovesTheAddressAndReturnsIt(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/etc/keepalived/chk.sh", "#!/bin/sh\ntest ! -e /run/broken\n", 0o755))
	script := "vrrp_script chk {\nscript /etc/keepalived/chk.sh\ninterval 0.1\nfall 2\nrise 2\n}\n"
	text := strings.Replace(conf(100, "track_script {\nchk\n}", vip), "vrrp_version 3\n}\n", "vrrp_version 3\nenable_script_security\nscript_user root\n}\n"+script, 1)
	d := s.Start(s.a, text)
	d.Says("Entering MASTER STATE")
	backup := s.Start(s.b, conf(90, "", vip))
	backup.Says("Entering BACKUP STATE")
	s.Sh(s.a, "touch /run/broken")
	d.Says(`VRRP_Script\(chk\) failed \(exited with status 1\)`)
	d.Says("Entering FAULT STATE")
	backup.Says("Entering MASTER STATE")
	s.Eventually(time.Second, "the address moved", func() bool { return s.holds(s.b, vip) && !s.holds(s.a, vip) })
	s.Sh(s.a, "rm /run/broken")
	d.Says(`VRRP_Script\(chk\) succeeded`)
	s.Eventually(3*time.Second, "the address returned", func() bool { return s.holds(s.a, vip) && !s.holds(s.b, vip) })
}
