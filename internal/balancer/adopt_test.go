package balancer

import (
	"strings"
	"testing"

	"holdfast/internal/checker"
	"holdfast/internal/ipvs"
)

// after is the life that follows on what r left in the kernel; told: only the worker died.
func (r *rig) after(told bool, text string) *rig {
	r.Helper()
	next := &rig{T: r.T, b: New(), kernel: ipvs.Table{}}
	next.b.Adopt(r.kernel, told)
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
