package balancer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/checker"
)

// ids are the checks that are to run, by the names of their servers.
func (r *rig) ids() map[string]checker.ID {
	m := map[string]checker.ID{}
	for _, c := range r.b.Checks() {
		m[fmt.Sprint(c.Real, " ", c.Config.Kind)] = c.ID
	}
	return m
}

func TestWhatIsKnownAgainKeepsItsState(t *testing.T) {
	r := newRig(t, web(""))
	r.down("10.1.0.1:80")
	before := r.ids()
	r.quiet()
	r.load(web("delay_loop 3\nretry 7\nconnect_timeout 2"))
	r.holds(head, two)
	r.says("Activating healthchecker for service [10.1.0.2]:tcp:80 for VS [10.0.0.1]:tcp:80") // that has not run yet
	if diff := cmp.Diff(before, r.ids()); diff != "" || len(before) == 0 {
		t.Errorf("the checks of %d (-before +after):\n%s", len(before), diff)
	}
}

func TestACheckThatAsksSomethingElseIsNew(t *testing.T) {
	base := "TCP_CHECK {\nconnect_port 81\n}"
	for _, c := range []struct {
		name, from, to string
		same           bool
	}{
		{"another port", base, "TCP_CHECK {\nconnect_port 82\n}", false},
		{"another source", base, "TCP_CHECK {\nconnect_port 81\nbindto 10.0.0.7\n}", false},
		{"another mark", base, "TCP_CHECK {\nconnect_port 81\nfwmark 3\n}", false},
		{"another kind", base, "PING_CHECK {\nconnect_port 81\n}", false},
		{"another patience", base, "TCP_CHECK {\nconnect_port 81\nconnect_timeout 1\nretry 9\n}", true},
		{"another path", "HTTP_GET {\nurl {\npath /a\n}\n}", "HTTP_GET {\nurl {\npath /b\n}\n}", false},
		{"another protocol", "HTTP_GET {\nurl {\npath /a\n}\n}", "HTTP_GET {\nhttp_protocol 1.1\nurl {\npath /a\n}\n}", true},
		{"another status", "HTTP_GET {\nurl {\npath /a\n}\n}", "HTTP_GET {\nurl {\npath /a\nstatus_code 204\n}\n}", false},
		{"another greeting", "SMTP_CHECK {\n}", "SMTP_CHECK {\nhelo_name x\n}", false},
		{"another name", "DNS_CHECK {\nname a.example\n}", "DNS_CHECK {\nname b.example\n}", false},
		{"another program", "MISC_CHECK {\nmisc_path /bin/true\n}", "MISC_CHECK {\nmisc_path /bin/false\n}", false},
		{"another timeout", "MISC_CHECK {\nmisc_path /bin/true\n}", "MISC_CHECK {\nmisc_path /bin/true\nmisc_timeout 3\n}", true},
		{"another payload", "UDP_CHECK {\npayload 01\n}", "UDP_CHECK {\npayload 02\n}", true}, // as keepalived has it
	} {
		t.Run(c.name, func(t *testing.T) {
			server := func(check string) string {
				return "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.1.0.1 80 {\n" + check + "\n}\n}\n"
			}
			r := newRig(t, server(c.from))
			before := r.b.Checks()[0].ID
			r.load(server(c.to))
			if same := r.b.Checks()[0].ID == before; same != c.same {
				t.Errorf("it is the same: %t", same)
			}
		})
	}
}

func TestANewCheckDoesNotDisturbAServerThatLives(t *testing.T) {
	r := newRig(t, web(""))
	r.up("10.1.0.1:80")
	r.load(web(";PING_CHECK {\nalpha\n}"))
	r.holds(head, one, two)
}

func TestANewAlphaCheckCountsBesideOneThatHasFailed(t *testing.T) {
	r := newRig(t, web(""))
	r.down("10.1.0.1:80")
	r.load(web(";PING_CHECK {\nalpha\n}"))
	r.up("10.1.0.1:80")
	r.holds(head, two)
	r.hears("10.1.0.1:80", 1, checker.Report{Up: true})
	r.holds(head, one, two)
}

func TestAServerWhoseFailedCheckIsDroppedComesUp(t *testing.T) {
	r := newRig(t, web(";PING_CHECK {\n}"))
	r.hears("10.1.0.1:80", 1, checker.Report{})
	r.holds(head, two)
	r.load(web(""))
	r.holds(head, one, two)
}

func TestAFailedServerFollowsTheNewInhibition(t *testing.T) {
	r := newRig(t, web(""))
	r.down("10.1.0.1:80")
	r.load(web("inhibit_on_failure"))
	r.holds(head, strings.Replace(one, "-w 1", "-w 0", 1), two)
	r.load(web(""))
	r.holds(head, two)
}

func TestAWeightThatAReloadChangesIsSaid(t *testing.T) {
	r := newRig(t, web(""))
	r.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: 2})
	r.up("10.1.0.2:80")
	r.quiet()
	r.load(web("weight 5"))
	r.holds(head, strings.Replace(one, "-w 1", "-w 7", 1), strings.Replace(two, "-w 1", "-w 5", 1))
	r.says("Changing weight from 3 to 7 for active service [10.1.0.1]:tcp:80 of VS [10.0.0.1]:tcp:80",
		"Changing weight from 1 to 5 for active service [10.1.0.2]:tcp:80 of VS [10.0.0.1]:tcp:80")
}

func TestARealServerThatIsDroppedIsTold(t *testing.T) {
	r := newRig(t, web(""))
	r.up("10.1.0.1:80")
	r.quiet()
	text := web("")
	cut := strings.Index(text, "real_server 10.1.0.2")
	r.load(text[:cut] + "}\n")
	r.holds(head, one)
	r.says("service [10.1.0.2]:tcp:80 no longer exist", "Removing service [10.1.0.2]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.2]:tcp:80 [10.0.0.1]:tcp:80 DOWN",
		"mail [id] Realserver [10.1.0.2]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - DOWN: => Removing <=")
}

func TestAVirtualServerThatIsDroppedIsTold(t *testing.T) {
	r := newRig(t, web(";smtp_alert off"))
	r.quiet()
	r.load("")
	r.holds("")
	r.says("Removing Virtual Server [10.0.0.1]:tcp:80",
		"Removing service [10.1.0.1]:tcp:80 from VS [10.0.0.1]:tcp:80", "Removing service [10.1.0.2]:tcp:80 from VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN", "fifo RS [10.1.0.2]:tcp:80 [10.0.0.1]:tcp:80 DOWN", "fifo VS [10.0.0.1]:tcp:80 DOWN")
	r = newRig(t, web(";smtp_alert off"))
	r.quiet()
	r.load("global_defs {\nlvs_flush_on_stop\n}\n")
	r.says("Removing Virtual Server [10.0.0.1]:tcp:80", "fifo VS [10.0.0.1]:tcp:80 DOWN")
}

func TestASorryServerThatChangesWhileItStandsIn(t *testing.T) {
	r := newRig(t, web("sorry_server 10.1.0.9 80\nquorum 2"))
	r.down("10.1.0.1:80")
	r.quiet()
	r.load(web("sorry_server 10.1.0.8 80\nquorum 2"))
	r.holds(head, "-a -t 10.0.0.1:80 -r 10.1.0.8:80 -m -w 1")
	if !r.said("Removing sorry server [10.1.0.9]:tcp:80 from VS [10.0.0.1]:tcp:80") {
		t.Error("nothing is said of the one that left")
	}
	r.load(web("quorum 2"))
	r.holds(head, two)
}

func TestHowAServiceBalancesChangesInPlace(t *testing.T) {
	r := newRig(t, web(""))
	r.load(strings.Replace(web("persistence_timeout 50"), "lvs_sched rr", "lvs_sched wlc", 1))
	r.holds("-A -t 10.0.0.1:80 -s wlc -p 50", one, two)
}

func TestAServiceThatIsThereTwiceKeepsBothStates(t *testing.T) {
	other := strings.ReplaceAll(web(""), "10.1.0.", "10.1.1.")
	r := newRig(t, web("")+other)
	r.down("10.1.1.1:80")
	r.load(web("") + other)
	r.holds(head, one, two, strings.Replace(two, "10.1.0.", "10.1.1.", 1))
}

func TestServicesThatSwapPlacesKeepTheirState(t *testing.T) {
	other := strings.ReplaceAll(web(""), "virtual_server 10.0.0.1", "virtual_server 10.0.0.2")
	r := newRig(t, web("")+other)
	r.down("10.1.0.1:80")
	r.quiet()
	r.load(other + web(""))
	r.holds(head, two, "-A -t 10.0.0.2:80 -s rr", strings.ReplaceAll(two, "10.0.0.1:", "10.0.0.2:"))
}
