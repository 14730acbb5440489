package life

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/stand"
)

// calm says that a daemon has changed no role since its start.
func (s *stage) calm(d *stand.Daemon, what string) {
	s.Helper()
	if n := d.Count(`\) Entering`); n != 2 {
		s.Errorf("%s: %d transitions, want those of the start:\n%s", what, n, d.Log())
	}
}

// texts are the lines of events.
func texts(list []event) string {
	var all strings.Builder
	for _, e := range list {
		all.WriteString(e.text + "\n")
	}
	return all.String()
}

// Reference, section 17, bullet by bullet; what is not here is in TestReload... and
// TestKeepalived_17_...
func TestSection17_ManyRequestsAreOneReloadAfterAnother(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	for range 20 {
		d.Signal(syscall.SIGHUP)
		time.Sleep(5 * time.Millisecond)
	}
	d.Reload(conf(100, "", vip, "10.0.0.101"))
	s.Eventually(5*time.Second, "the last file is in force", func() bool { return s.holds(s.a, "10.0.0.101") })
	s.calm(d, "twenty reloads")
}

func TestSection17_AnInstanceIsKnownByWhatTheWireSees(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	renamed := strings.Replace(conf(90, "", "10.0.0.101"), "instance V", "instance W", 1)
	wire := s.listen(s.client, "vrrp")
	d.Reload(renamed)
	s.Eventually(2*time.Second, "the other address is there", func() bool { return s.holds(s.a, "10.0.0.101") && !s.holds(s.a, vip) })
	time.Sleep(300 * time.Millisecond)
	s.calm(d, "another name, priority and address")
	if heard := texts(wire()); strings.Contains(heard, "prio 0") || !strings.Contains(heard, "prio 90") {
		t.Errorf("on the wire was\n%s", heard)
	}
}

func TestSection17_StatisticsAreKept(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	d.Reload(conf(90, "", vip))
	if text := s.dumped(d, syscall.SIGUSR2, "/tmp/keepalived.stats"); !strings.Contains(text, "Became master: 1\n") {
		t.Errorf("after a reload:\n%s", text)
	}
}

func TestSection17_ARemovedInstanceSaysPriority0AndLosesItsAddresses(t *testing.T) {
	s := newStage(t)
	text := instances("", nil, "A", "B")
	s.Sh(s.a, "mkfifo -m 644 /run/told")
	d := s.Start(s.a, text)
	s.Eventually(5*time.Second, "both are MASTER", func() bool { return d.Count(`\) Entering MASTER STATE`) == 2 })
	wire := s.listen(s.client, "vrrp")
	d.Reload(instances("", nil, "A"))
	s.Eventually(2*time.Second, "its address is gone", func() bool { return !s.holds(s.a, "10.0.0.102") })
	if heard := texts(wire()); !strings.Contains(heard, "vrid 2, prio 0") || strings.Contains(heard, "vrid 1, prio 0") {
		t.Errorf("on the wire was\n%s", heard)
	}
}

func TestSection17_FaultIsJudgedAnew(t *testing.T) {
	s := newStage(t)
	track := "track_interface {\n\t\tg1\n\t}"
	s.Sh(s.a, "ip link add g1 type veth peer name g2 && ip link set g2 up")
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	d.Reload(conf(100, track, vip))
	d.Says(`Entering FAULT STATE`)
	d.Reload(conf(100, "", vip))
	s.Eventually(5*time.Second, "MASTER again", func() bool { return d.Count("Entering MASTER STATE") == 2 })
}

func TestSection17_AMasterWithALowerPriorityStaysUntilAHigherOneIsHeard(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(150, "", vip))
	d.Says("Entering MASTER STATE")
	d.Reload(conf(50, "", vip))
	time.Sleep(time.Second)
	s.calm(d, "a lower priority")
	b := s.Start(s.b, conf(100, "", vip))
	b.Says("Entering MASTER STATE")
	d.Says("Entering BACKUP STATE .*priority 100")
}

func TestSection17_AnOwnerBecomesNoneAndOneAgain(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(255, "", vip))
	d.Says("Entering MASTER STATE")
	for _, priority := range []int{100, 255} {
		d.Reload(conf(priority, "", vip))
		time.Sleep(500 * time.Millisecond)
	}
	if n := d.Count(`Entering BACKUP|Entering FAULT`); n > 1 || !s.holds(s.a, vip) {
		t.Errorf("the role changed:\n%s", d.Log())
	}
}

func TestSection17_AnotherInterfaceIsAnotherInstance(t *testing.T) {
	s := newStage(t)
	s.Sh(s.a, "ip link add g1 type veth peer name g2 && ip link set g1 up && ip link set g2 up && ip addr add 10.9.0.1/24 dev g1")
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	d.Reload(strings.Replace(conf(100, "", vip), "interface eth0", "interface g1", 1))
	s.Eventually(5*time.Second, "the new one is MASTER", func() bool { return d.Count(`\(V\) Entering MASTER STATE`) == 2 })
}

func TestSection17_ScriptsAreJudgedAgain(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/run/n.sh", "#!/bin/sh\necho ran >>/run/ran\n", 0o755))
	text := func(n int) string {
		return strings.Replace(conf(n, "notify \"/run/n.sh\"", vip), "vrrp_version 3", "vrrp_version 3\n\tenable_script_security\n\tscript_user root", 1)
	}
	d := s.Start(s.a, text(100))
	d.Says("Entering MASTER STATE")
	s.Sh(s.a, "chmod 777 /run/n.sh")
	d.Reload(text(101))
	d.Says("Unsafe permissions found for script '/run/n.sh' - disabling")
}

// Reference, section 18: -X has nothing to do, and the address is removed on leaving
// MASTER even if an earlier run added it.
func TestSection18_AnAddressOfAnEarlierRunIsRemovedOnLeavingMaster(t *testing.T) {
	s := newStage(t)
	s.Sh(s.a, "ip addr add "+vip+"/32 dev eth0")
	s.Must(s.a.WriteFile(confPath, conf(100, "", vip), 0o644))
	d := s.keepalived(confPath, "-X")
	d.Says("Entering MASTER STATE")
	s.Must(s.a.Unplug("eth0"))
	s.Eventually(5*time.Second, "it is gone", func() bool { return !s.holds(s.a, vip) })
}

// Reference, section 21: the lines that come from elsewhere than the virtual routers.
func TestSection21_LinesOperatorsSearchFor(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/run/chk.sh", "#!/bin/sh\ntest ! -e /run/bad\n", 0o755))
	d := s.Start(s.a, "vrrp_script chk {\n\tscript /run/chk.sh\n\tinterval 0.2\n\tweight -10\n}\n"+conf(100, "track_script {\n\t\tchk\n\t}", vip))
	d.Says("SECURITY VIOLATION")
	d.Says("Entering MASTER STATE")
	s.Sh(s.a, "touch /run/bad")
	d.Says(`VRRP_Script\(chk\)`)
	d.Says(`Changing effective priority from 100 to 90`)
	s.Sh(s.a, "ip addr del "+vip+"/32 dev eth0")
	d.Says("Netlink reflector reports IP " + vip + " removed")
	s.Sh(s.a, "ip addr add 10.0.0.77/24 dev eth0; ip addr del 10.0.0.77/24 dev eth0")
	d.Says("Assigned address 10.0.0.77 for interface eth0")
	d.Says("Deassigned address 10.0.0.77 for interface eth0")
	s.Must(s.a.Unplug("eth0"))
	d.Says("Netlink reports eth0 down")
	d.Signal(syscall.SIGTERM)
	d.Exit()
}
