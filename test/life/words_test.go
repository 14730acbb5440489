package life

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestATrackedSourceThatIsRemovedMeansFault(t *testing.T) {
	s := newStage(t)
	s.Sh(s.a, "ip addr add 10.0.0.7/24 dev eth0")
	d := s.Start(s.a, conf(150, "mcast_src_ip 10.0.0.7\n\ttrack_src_ip", vip+"/24"))
	d.Says("Entering MASTER STATE")
	s.Sh(s.a, "ip addr del 10.0.0.7/24 dev eth0")
	d.Says(`Entering FAULT STATE \(src address 10.0.0.7 on eth0 not configured\)`)
	s.Sh(s.a, "ip addr add 10.0.0.7/24 dev eth0")
	s.Eventually(5*time.Second, "MASTER again", func() bool { return d.Count("Entering MASTER STATE") == 2 })
}

func TestAMasterThatWasStoppedTooLongGivesWay(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(150, "state BACKUP\n\tnopreempt\n\ttimer_expired_backup", vip+"/24"))
	d.Says("Entering MASTER STATE")
	d.Signal(syscall.SIGSTOP)
	time.Sleep(time.Second)
	d.Signal(syscall.SIGCONT)
	d.Says(`VRRP thread timer expired 0\.\d{6} seconds ago`)
	d.Says(`Entering BACKUP STATE \(overslept`)
	s.Eventually(5*time.Second, "MASTER again", func() bool { return d.Count("Entering MASTER STATE") == 2 })
}

func TestNoReportsForLinkLocalGroupsWhileItRuns(t *testing.T) {
	s := newStage(t)
	const sysctl = "net.ipv4.igmp_link_local_mcast_reports"
	reports := func() string { return strings.TrimSpace(s.Sh(s.a, "sysctl -n "+sysctl)) }
	before := reports()
	d := s.Start(s.a, strings.Replace(conf(150, "", vip+"/24"), "vrrp_version 3", "vrrp_version 3\n\tdisable_local_igmp", 1))
	d.Says("Entering MASTER STATE")
	if got := reports(); got != "0" {
		t.Errorf("%s is %s", sysctl, got)
	}
	d.Signal(syscall.SIGTERM)
	d.Exit()
	if got := reports(); got != before {
		t.Errorf("%s is left at %s, and was %s", sysctl, got, before)
	}
}

func TestAnInstanceWithoutPeersStaysInFaultIfItIsToldTo(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(150, "unicast_src_ip 10.0.0.1\n\tunicast_fault_no_peer\n\tunicast_peer {\n\t}", vip+"/24"))
	d.Says(`Entering FAULT STATE.*no unicast peers`)
	time.Sleep(time.Second)
	if s.holds(s.a, vip) {
		t.Error("it holds the address")
	}
	d.Reload(conf(150, "unicast_src_ip 10.0.0.1\n\tunicast_fault_no_peer\n\tunicast_peer {\n\t\t10.0.0.2\n\t}", vip+"/24"))
	d.Says("Entering MASTER STATE")
}

func TestACableThatIsPulledForAMomentChangesNothing(t *testing.T) {
	s := newStage(t)
	delays := "interface_up_down_delays {\n\teth0 0.15\n}\n"
	d := s.Start(s.a, delays+conf(150, "", vip+"/24"))
	d.Says("Entering MASTER STATE")
	s.Must(s.a.Unplug("eth0"))
	time.Sleep(50 * time.Millisecond)
	s.Must(s.a.Plug("eth0"))
	time.Sleep(400 * time.Millisecond)
	if d.Count("Entering FAULT STATE") > 0 {
		t.Error("it left MASTER")
	}
	s.Must(s.a.Unplug("eth0"))
	d.Says("Entering FAULT STATE")
}

// One gratuitous ARP in 0.2 s on the two links together, not on each.
func TestLinksOfAGARPGroupTakeTurns(t *testing.T) {
	s := newStage(t)
	s.Sh(s.a, "for n in 1 2; do ip link add g$n type veth peer name p$n && ip link set g$n up && ip link set p$n up; done")
	heard := make(chan string, 1)
	go func() {
		out, _ := s.a.Output(t.Context(), "sh", "-c", "timeout 5 tcpdump -tt -n -Q out -i any arp 2>/dev/null; true")
		heard <- out
	}()
	time.Sleep(time.Second)
	group := "garp_group {\n\tgarp_interval 0.2\n\tinterfaces {\n\t\tg1\n\t\tg2\n\t}\n}\n"
	s.Start(s.a, group+conf(150, "", "10.1.0.100/24 dev g1", "10.2.0.100/24 dev g2"))
	last, seen := 0.0, map[string]int{}
	for line := range strings.Lines(<-heard) {
		words := strings.Fields(line)
		if !strings.Contains(line, "tell 10.1.0.100") && !strings.Contains(line, "tell 10.2.0.100") {
			continue
		}
		at, err := strconv.ParseFloat(words[0], 64)
		s.Must(err)
		if gap := at - last; gap < 0.19 {
			t.Errorf("%.3f s after the one before: %s", gap, line)
		}
		last = at
		seen[words[1]]++
	}
	if seen["g1"] < 3 || seen["g2"] < 3 {
		t.Errorf("announced %v", seen)
	}
}
