package life

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestATrackedSourceThatIsRemovedMeansFault(t *testing.T) {
	s := newStage(t)
	s.sh(s.a, "ip addr add 10.0.0.7/24 dev eth0")
	d := s.start(s.a, conf(150, "mcast_src_ip 10.0.0.7\n\ttrack_src_ip", vip+"/24"))
	d.says("Entering MASTER STATE")
	s.sh(s.a, "ip addr del 10.0.0.7/24 dev eth0")
	d.says(`Entering FAULT STATE \(src address 10.0.0.7 on eth0 not configured\)`)
	s.sh(s.a, "ip addr add 10.0.0.7/24 dev eth0")
	s.eventually(5*time.Second, "MASTER again", func() bool { return d.count("Entering MASTER STATE") == 2 })
}

func TestAMasterThatWasStoppedTooLongGivesWay(t *testing.T) {
	s := newStage(t)
	d := s.start(s.a, conf(150, "state BACKUP\n\tnopreempt\n\ttimer_expired_backup", vip+"/24"))
	d.says("Entering MASTER STATE")
	d.signal(syscall.SIGSTOP)
	time.Sleep(time.Second)
	d.signal(syscall.SIGCONT)
	d.says(`VRRP thread timer expired 0\.\d{6} seconds ago`)
	d.says(`Entering BACKUP STATE \(overslept`)
	s.eventually(5*time.Second, "MASTER again", func() bool { return d.count("Entering MASTER STATE") == 2 })
}

func TestNoReportsForLinkLocalGroupsWhileItRuns(t *testing.T) {
	s := newStage(t)
	const sysctl = "net.ipv4.igmp_link_local_mcast_reports"
	reports := func() string { return strings.TrimSpace(s.sh(s.a, "sysctl -n "+sysctl)) }
	before := reports()
	d := s.start(s.a, strings.Replace(conf(150, "", vip+"/24"), "vrrp_version 3", "vrrp_version 3\n\tdisable_local_igmp", 1))
	d.says("Entering MASTER STATE")
	if got := reports(); got != "0" {
		t.Errorf("%s is %s", sysctl, got)
	}
	d.signal(syscall.SIGTERM)
	d.exit()
	if got := reports(); got != before {
		t.Errorf("%s is left at %s, and was %s", sysctl, got, before)
	}
}

func TestAnInstanceWithoutPeersStaysInFaultIfItIsToldTo(t *testing.T) {
	s := newStage(t)
	d := s.start(s.a, conf(150, "unicast_src_ip 10.0.0.1\n\tunicast_fault_no_peer\n\tunicast_peer {\n\t}", vip+"/24"))
	d.says(`Entering FAULT STATE.*no unicast peers`)
	time.Sleep(time.Second)
	if s.holds(s.a, vip) {
		t.Error("it holds the address")
	}
	d.reload(conf(150, "unicast_src_ip 10.0.0.1\n\tunicast_fault_no_peer\n\tunicast_peer {\n\t\t10.0.0.2\n\t}", vip+"/24"))
	d.says("Entering MASTER STATE")
}

func TestACableThatIsPulledForAMomentChangesNothing(t *testing.T) {
	s := newStage(t)
	delays := "interface_up_down_delays {\n\teth0 0.15\n}\n"
	d := s.start(s.a, delays+conf(150, "", vip+"/24"))
	d.says("Entering MASTER STATE")
	s.must(s.a.Unplug("eth0"))
	time.Sleep(50 * time.Millisecond)
	s.must(s.a.Plug("eth0"))
	time.Sleep(400 * time.Millisecond)
	if d.count("Entering FAULT STATE") > 0 {
		t.Error("it left MASTER")
	}
	s.must(s.a.Unplug("eth0"))
	d.says("Entering FAULT STATE")
}
