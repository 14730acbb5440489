package balancer

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"holdfast/internal/checker"
)

// web is a virtual server of two real servers with a check each; words are what else it
// says, of the real servers after a semicolon.
func web(words string) string {
	of, each, _ := strings.Cut(words, ";")
	server := func(n int) string {
		return fmt.Sprintf("real_server 10.1.0.%d 80 {\nTCP_CHECK {\n}\n%s\n}\n", n, each)
	}
	return "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\n" + of + "\n" + server(1) + server(2) + "}\n"
}

const (
	head = "-A -t 10.0.0.1:80 -s rr"
	one  = "-a -t 10.0.0.1:80 -r 10.1.0.1:80 -m -w 1"
	two  = "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -m -w 1"
)

func TestNamesOfServers(t *testing.T) {
	for _, c := range []struct{ name, virtual, more, wantVirtual, wantReal string }{
		{"by address", "10.0.0.1 80", "protocol TCP", "[10.0.0.1]:tcp:80", "[10.1.0.1]:tcp:80"},
		{"by address of IPv6", "2001:db8::1 53", "protocol UDP\nlvs_method TUN", "[2001:db8::1]:udp:53", "[10.1.0.1]:udp:53"},
		{"by mark", "fwmark 7", "", "FWM 7", "[10.1.0.1]:none:80"},
		{"by group", "group G", "protocol TCP", "[G]:0", "[10.1.0.1]:tcp:80"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, "virtual_server_group G {\n10.0.0.1 80\n}\nvirtual_server "+c.virtual+" {\nlvs_sched rr\nlvs_method NAT\n"+c.more+"\nreal_server 10.1.0.1 80 {\n}\n}\n")
			if v := r.b.virtual[0]; v.name != c.wantVirtual || v.reals[0].name() != c.wantReal {
				t.Errorf("%s and %s, not %s and %s", v.name, v.reals[0].name(), c.wantVirtual, c.wantReal)
			}
		})
	}
}

func TestVirtualServersOfAGroupAreNumbered(t *testing.T) {
	v := "virtual_server group G {\nlvs_sched rr\nlvs_method NAT\nprotocol %s\nreal_server 10.1.0.1 80 {\n}\n}\n"
	r := newRig(t, "virtual_server_group G {\n10.0.0.1 80\n}\n"+fmt.Sprintf(v, "TCP")+fmt.Sprintf(v, "UDP"))
	if r.b.virtual[0].name != "[G]:0" || r.b.virtual[1].name != "[G]:1" {
		t.Errorf("%s, %s", r.b.virtual[0].name, r.b.virtual[1].name)
	}
}

func TestAServerThatIsNotAlphaIsInTheTableBeforeItsFirstCheck(t *testing.T) {
	r := newRig(t, web("smtp_alert on\nquorum_up \"/up\"; notify_up \"/rs\""))
	r.holds(head, one, two)
	r.says("Activating healthchecker for service [10.1.0.1]:tcp:80 for VS [10.0.0.1]:tcp:80",
		"Activating healthchecker for service [10.1.0.2]:tcp:80 for VS [10.0.0.1]:tcp:80",
		"Gained quorum 1+0=1 <= 2 for VS [10.0.0.1]:tcp:80",
		"run /up", "fifo VS [10.0.0.1]:tcp:80 UP",
		"mail [id] Virtualserver [10.0.0.1]:tcp:80 - UP: => Starting with quorum up 1+0=1 <= 2 <=")
}

func TestServersThatBeginUpAreToldIfThatIsWanted(t *testing.T) {
	r := newRig(t, "global_defs {\nrs_init_notifies\n}\n"+web("; notify_up \"/rs\""))
	if !r.said("run /rs") {
		t.Error("notify_up did not run at the start")
	}
}

func TestAnAlphaServerIsAddedWhenItsLastCheckSucceeds(t *testing.T) {
	r := newRig(t, web("alpha"))
	r.holds(head)
	r.quiet()
	r.up("10.1.0.1:80")
	r.holds(head, one)
	r.says("Adding service [10.1.0.1]:tcp:80 to VS [10.0.0.1]:tcp:80",
		"Gained quorum 1+0=1 <= 1 for VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 UP",
		"fifo VS [10.0.0.1]:tcp:80 UP",
		"mail [id] Realserver [10.1.0.1]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - UP: => TCP CHECK succeed on service <=")
}

func TestAnAlphaServerWithoutChecksIsUp(t *testing.T) {
	r := newRig(t, "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nalpha\nreal_server 10.1.0.1 80 {\n}\n}\n")
	r.holds(head, one)
}

func TestChecksOfAServerAreAllNeeded(t *testing.T) {
	r := newRig(t, web(";PING_CHECK {\n}"))
	r.quiet()
	r.hears("10.1.0.1:80", 1, checker.Report{})
	r.holds(head, two)
	r.hears("10.1.0.1:80", 0, checker.Report{})
	r.hears("10.1.0.1:80", 1, checker.Report{Up: true})
	r.holds(head, two)
	r.hears("10.1.0.1:80", 0, checker.Report{Up: true})
	r.holds(head, one, two)
	name := "Realserver [10.1.0.1]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - "
	r.says("Removing service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN",
		"mail [id] "+name+"DOWN: => ICMP CHECK failed on service <=",
		"mail [id] "+name+"DOWN: => TCP CHECK failed on service <=",
		"mail [id] "+name+"DOWN: => ICMP CHECK succeed on service <=",
		"Adding service [10.1.0.1]:tcp:80 to VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 UP",
		"mail [id] "+name+"UP: => TCP CHECK succeed on service <=")
}

func TestMailMaySpeakOfServersOnly(t *testing.T) {
	r := newRig(t, "global_defs {\nno_checker_emails\n}\n"+web(";PING_CHECK {\n}"))
	r.hears("10.1.0.1:80", 1, checker.Report{})
	r.quiet()
	r.hears("10.1.0.1:80", 0, checker.Report{})
	r.says()
}

func TestAFirstFailureOfAnAlphaCheckIsTold(t *testing.T) {
	const name = "[10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN"
	for _, c := range []struct {
		check string
		want  []string
	}{
		{"TCP_CHECK {\n}", []string{"run /down", "fifo RS " + name}},
		{"HTTP_GET {\nurl {\npath /\n}\n}", nil},
		{"MISC_CHECK {\nmisc_path \"/bin/true\"\n}", []string{"run /down", "fifo RS " + name,
			"mail [id] Realserver [10.1.0.1]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - DOWN: => MISC CHECK timed out on service <="}},
	} {
		t.Run(c.check, func(t *testing.T) {
			r := newRig(t, "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nalpha\nreal_server 10.1.0.1 80 {\nnotify_down \"/down\"\n"+c.check+"\n}\n}\n")
			r.quiet()
			r.hears("10.1.0.1:80", 0, checker.Report{Reason: "timed out"})
			r.says(c.want...)
			r.hears("10.1.0.1:80", 0, checker.Report{Reason: "timed out"})
			r.says()
		})
	}
}

func TestInhibitedServersStayWithoutWeight(t *testing.T) {
	r := newRig(t, web("inhibit_on_failure"))
	r.quiet()
	r.down("10.1.0.1:80")
	r.holds(head, strings.Replace(one, "-w 1", "-w 0", 1), two)
	if !r.said("Disabling service [10.1.0.1]:tcp:80 of VS [10.0.0.1]:tcp:80") {
		t.Error("it is not said to be disabled")
	}
	r.up("10.1.0.1:80")
	r.holds(head, one, two)
	if !r.said("Enabling service [10.1.0.1]:tcp:80 of VS [10.0.0.1]:tcp:80") {
		t.Error("it is not said to be enabled")
	}
	r.stop()
	if !r.said("Shutting down (inhibited) service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80") {
		t.Error("it is not said to be shut down")
	}
}

func TestAnInhibitedAlphaServerBeginsWithoutWeight(t *testing.T) {
	r := newRig(t, web("inhibit_on_failure\nalpha"))
	r.holds(head, strings.Replace(one, "-w 1", "-w 0", 1), strings.Replace(two, "-w 1", "-w 0", 1))
}

func TestTheSorryServerStandsInWhileTheQuorumIsLost(t *testing.T) {
	r := newRig(t, web("sorry_server 10.1.0.9 80\nquorum 2\nquorum_down \"/lost\""))
	r.holds(head, one, two)
	r.quiet()
	r.down("10.1.0.1:80")
	r.holds(head, "-a -t 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1")
	mail := "mail [id] Realserver [10.1.0.1]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - "
	r.says("Removing service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"Lost quorum 2-0=2 > 1 for VS [10.0.0.1]:tcp:80",
		"Adding sorry server [10.1.0.9]:tcp:80 to VS [10.0.0.1]:tcp:80",
		"Removing alive servers from the pool for VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN", "run /lost", "fifo VS [10.0.0.1]:tcp:80 DOWN", mail+"DOWN: => TCP CHECK failed on service <=")
	r.up("10.1.0.1:80")
	r.holds(head, one, two)
	r.says("Adding service [10.1.0.1]:tcp:80 to VS [10.0.0.1]:tcp:80",
		"Gained quorum 2+0=2 <= 2 for VS [10.0.0.1]:tcp:80",
		"Removing sorry server [10.1.0.9]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"Adding alive servers to the pool for VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 UP", "fifo VS [10.0.0.1]:tcp:80 UP", mail+"UP: => TCP CHECK succeed on service <=")
}

func TestAStartWithoutQuorumIsToldIfThereIsASorryServer(t *testing.T) {
	r := newRig(t, web("sorry_server 10.1.0.9 80\nalpha\nsmtp_alert on"))
	r.holds(head, "-a -t 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1")
	if !r.said("mail [id] Virtualserver [10.0.0.1]:tcp:80 - DOWN: => Starting with quorum down 1+0=1 <= 0 <=") {
		t.Error("it is not told")
	}
	r = newRig(t, web("alpha\nsmtp_alert on"))
	r.says("Activating healthchecker for service [10.1.0.1]:tcp:80 for VS [10.0.0.1]:tcp:80",
		"Activating healthchecker for service [10.1.0.2]:tcp:80 for VS [10.0.0.1]:tcp:80")
}

func TestAWeightThatACheckChangesCountsForTheQuorum(t *testing.T) {
	r := newRig(t, web("quorum 2"))
	r.quiet()
	r.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: 4})
	r.holds(head, strings.Replace(one, "-w 1", "-w 5", 1), two)
	r.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: -7})
	r.holds(head, strings.Replace(one, "-w 1", "-w 0", 1), two)
	r.says("Changing weight from 1 to 5 for active service [10.1.0.1]:tcp:80 of VS [10.0.0.1]:tcp:80",
		"Changing weight from 5 to 0 for active service [10.1.0.1]:tcp:80 of VS [10.0.0.1]:tcp:80",
		"Lost quorum 2-0=2 > 1 for VS [10.0.0.1]:tcp:80", "fifo VS [10.0.0.1]:tcp:80 DOWN")
}

func TestChecksWaitForTheAddress(t *testing.T) {
	r := newRig(t, web("ha_suspend"))
	r.holds(head, one, two)
	if c := r.b.Checks(); !c[0].Suspended || !r.said("Deactivating healthchecker for service [10.1.0.1]:tcp:80 for VS [10.0.0.1]:tcp:80") {
		t.Error("without the address, checks are made")
	}
	here := map[netip.Addr]bool{netip.MustParseAddr("10.0.0.1"): true}
	r.b.Step(0, Addressed{here}, &r.out)
	r.follow()
	if c := r.b.Checks(); c[0].Suspended || !r.said("Activating healthchecker for service [10.1.0.1]:tcp:80 for VS [10.0.0.1]:tcp:80") {
		t.Error("with the address, no checks are made")
	}
	r.b.Step(0, Addressed{}, &r.out)
	r.follow()
	if c := r.b.Checks(); !c[0].Suspended || !r.said("Suspending healthchecker for service [10.1.0.1]:tcp:80 for VS [10.0.0.1]:tcp:80") {
		t.Error("when the address has gone, checks are made")
	}
	r.holds(head, one, two)
}

func TestAStopIsToldWithOmega(t *testing.T) {
	r := newRig(t, web("omega\nsmtp_alert on"))
	r.quiet()
	r.stop()
	r.holds("")
	name := "Realserver [10.1.0.%d]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - DOWN: => Shutting down <="
	r.says("Shutting down service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"Shutting down service [10.1.0.2]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN", "mail [id] "+fmt.Sprintf(name, 1),
		"fifo RS [10.1.0.2]:tcp:80 [10.0.0.1]:tcp:80 DOWN", "mail [id] "+fmt.Sprintf(name, 2),
		"fifo VS [10.0.0.1]:tcp:80 DOWN", "mail [id] Virtualserver [10.0.0.1]:tcp:80 - DOWN: => Shutting down <=")
	r = newRig(t, web(""))
	r.quiet()
	r.stop()
	r.says("Shutting down service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"Shutting down service [10.1.0.2]:tcp:80 from VS [10.0.0.1]:tcp:80")
}

func TestWhileTheSorryServerStandsInOthersStayOut(t *testing.T) {
	r := newRig(t, web("sorry_server 10.1.0.9 80\nquorum 2"))
	r.down("10.1.0.1:80")
	r.down("10.1.0.2:80")
	sorry := "-a -t 10.0.0.1:80 -r 10.1.0.9:80 -m -w 1"
	r.holds(head, sorry)
	r.quiet()
	r.up("10.1.0.1:80")
	r.holds(head, sorry)
	if !r.said("fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 UP") {
		t.Error("nobody is told that the server lives")
	}
	r.up("10.1.0.2:80")
	r.holds(head, one, two)
}
