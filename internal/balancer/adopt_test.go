package balancer

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/checker"
	"holdfast/internal/ipvs"
)

// after is the life that follows on what r left in the kernel; told: only the worker died.
func (r *rig) after(told bool, text string) *rig {
	r.Helper()
	next := &rig{T: r.T, b: New(), kernel: ipvs.Table{}}
	next.b.Adopt(r.kernel)
	if told {
		var stood Standing
		if text, err := json.Marshal(r.stood); err != nil || json.Unmarshal(text, &stood) != nil {
			r.Fatal(err)
		}
		next.b.Resume(stood)
	}
	next.load(text)
	return next
}

// table is what the kernel holds, a line of ipvsadm -Sn each.
func (r *rig) table() []string { return strings.Split(strings.TrimSpace(r.kernel.Rules()), "\n") }

func TestWhatAnEarlierRunHadTakenOutStaysOut(t *testing.T) {
	for _, words := range []string{"", "inhibit_on_failure"} {
		r := newRig(t, web(words))
		r.down("10.1.0.1:80")
		next := r.after(false, web(words))
		next.holds(r.table()...)
		next.up("10.1.0.1:80")
		next.holds(head, one, two)
	}
}

func TestWhatAnEarlierRunHadPutInStaysInThoughItIsAlpha(t *testing.T) {
	r := newRig(t, web("alpha"))
	r.up("10.1.0.1:80")
	next := r.after(false, web("alpha"))
	next.holds(head, one)
	next.down("10.1.0.1:80")
	next.holds(head)
}

func TestAnotherWorkerTellsNothingAgain(t *testing.T) {
	for _, c := range []struct {
		name, words string
		down        []string
	}{
		{"all are up", "quorum_up \"/up\"", nil},
		{"one is down", "quorum_up \"/up\"; notify_down \"/down\"", []string{"10.1.0.1:80"}},
		{"the quorum is lost", "quorum 2\nquorum_down \"/down\"", []string{"10.1.0.1:80"}},
		{"all are down", "smtp_alert on", []string{"10.1.0.1:80", "10.1.0.2:80"}},
		{"the sorry server stands in", "sorry_server 10.1.0.9 80", []string{"10.1.0.1:80", "10.1.0.2:80"}},
		{"the sorry server stands in for one that lives", "quorum 2\nsorry_server 10.1.0.9 80", []string{"10.1.0.1:80"}},
		{"and is one of them", "quorum 2\nsorry_server 10.1.0.2 80", []string{"10.1.0.1:80"}},
		{"between gain and loss", "quorum 2\nhysteresis 1", []string{"10.1.0.1:80"}},
		{"told at the start", "; notify_up \"/up\"", []string{"10.1.0.1:80"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := "global_defs {\nrs_init_notifies\n}\n" + web(c.words)
			r := newRig(t, text)
			for _, server := range c.down {
				r.down(server)
			}
			next := r.after(true, text)
			next.holds(r.table()...)
			for _, server := range c.down {
				next.hears(server, 0, checker.Report{First: true, Reason: "refused"})
			}
			for _, server := range []string{"10.1.0.1:80", "10.1.0.2:80"} {
				if !slices.Contains(c.down, server) {
					next.up(server)
				}
			}
			next.says()
			next.holds(r.table()...)
		})
	}
}

func TestAnotherWorkerTellsWhatChangedMeanwhile(t *testing.T) {
	r := newRig(t, web("quorum 2\nquorum_up \"/up\""))
	r.down("10.1.0.1:80")
	next := r.after(true, web("quorum 2\nquorum_up \"/up\""))
	next.up("10.1.0.1:80")
	next.says("Adding service [10.1.0.1]:tcp:80 to VS [10.0.0.1]:tcp:80", "Gained quorum 2+0=2 <= 2 for VS [10.0.0.1]:tcp:80",
		"fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 UP", "run /up", "fifo VS [10.0.0.1]:tcp:80 UP",
		"mail [id] Realserver [10.1.0.1]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - UP: => TCP CHECK succeed on service <=")
}

func TestAnotherWorkerKeepsAWeightThatAProgramFound(t *testing.T) {
	text := strings.Replace(web(""), "TCP_CHECK {", "MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic", 1)
	r := newRig(t, text)
	r.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: 6})
	next := r.after(true, text)
	next.holds(r.table()...)
	next.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: 6})
	next.says()
	next.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: 2})
	next.says("Changing weight from 7 to 3 for active service [10.1.0.1]:tcp:80 of VS [10.0.0.1]:tcp:80")
}

func TestAnotherWorkerTellsOfAFirstCheckThatFails(t *testing.T) {
	r := newRig(t, web("alpha"))
	next := r.after(true, web("alpha"))
	next.holds(head)
	next.quiet()
	next.down("10.1.0.1:80")
	next.says("fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 DOWN")
	again := next.after(true, web("alpha"))
	again.quiet()
	again.down("10.1.0.1:80")
	again.says()
}

// A worker may die before it has written down what it did.
func TestTheTableHasTheLastWord(t *testing.T) {
	r := newRig(t, web(""))
	before := r.stood
	r.down("10.1.0.1:80")
	r.stood = before
	next := r.after(true, web(""))
	next.holds(head, two)
	next.quiet()
	next.down("10.1.0.1:80")
	next.says()
}

func TestAnotherWorkerKnowsEachOfTheChecksOfAServer(t *testing.T) {
	text := strings.Replace(web(""), "TCP_CHECK {\n}\n", "TCP_CHECK {\n}\nTCP_CHECK {\nconnect_port 81\n}\n", 1)
	r := newRig(t, text)
	r.hears("10.1.0.1:80", 1, checker.Report{Reason: "refused"})
	next := r.after(true, text)
	next.quiet()
	next.up("10.1.0.1:80")
	next.says()
	next.hears("10.1.0.1:80", 1, checker.Report{Up: true})
	next.says("Adding service [10.1.0.1]:tcp:80 to VS [10.0.0.1]:tcp:80", "fifo RS [10.1.0.1]:tcp:80 [10.0.0.1]:tcp:80 UP",
		"mail [id] Realserver [10.1.0.1]:tcp:80 of virtual server [10.0.0.1]:tcp:80 - UP: => TCP CHECK succeed on service <=")
}

// A program may find that its server is to weigh nothing, which is not to be down.
func TestAnotherWorkerTakesAServerWithoutWeightForAlive(t *testing.T) {
	text := strings.Replace(web("inhibit_on_failure"), "TCP_CHECK {", "MISC_CHECK {\nmisc_path /bin/true\nmisc_dynamic", 1)
	r := newRig(t, text)
	r.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: -1})
	next := r.after(true, text)
	next.holds(r.table()...)
	next.hears("10.1.0.1:80", 0, checker.Report{Up: true, Weight: -1})
	next.says()
}
