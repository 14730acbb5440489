package life

import (
	"strings"
	"syscall"
	"testing"
	"time"
)

// A hand-over loses no packet, and the one that has handed over does not come back by itself.
func TestAHandOverLosesNoPacket(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(100, "", vip))
	a.Says("Entering MASTER STATE")
	b := s.Start(s.b, conf(90, "", vip))
	b.Says("Entering BACKUP STATE")
	out := s.holdfast(s.a, "handover", "V")
	if !strings.Contains(out, "V: BACKUP after ") || !strings.Contains(out, "(handed over to 10.0.0.2)") || !strings.Contains(out, "10.0.0.100: 0 of ") {
		t.Errorf("it says:\n%s", out)
	}
	b.Says(`Entering MASTER STATE \(handed over by 10.0.0.1`)
	time.Sleep(2 * time.Second) // of real packets: twenty intervals
	if !s.holds(s.b, "10.0.0.100") || s.holds(s.a, "10.0.0.100") {
		t.Error("it has come back")
	}
	if out := s.holdfast(s.a, "why", "V"); !strings.Contains(out, "it has handed over") {
		t.Errorf("why says:\n%s", out)
	}
	s.holdfast(s.a, "handover", "--back", "V")
	a.Says(`Entering MASTER STATE \(preempting 10.0.0.2 priority 90 with 100\)`)
}

func TestAHandOverToNobodyChangesNothing(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(100, "", vip))
	a.Says("Entering MASTER STATE")
	out := s.holdfast(s.a, "handover", "--all")
	if !strings.Contains(out, "V: MASTER after ") || !strings.Contains(out, "nobody took over") || !strings.Contains(out, "10.0.0.100: 0 of ") {
		t.Errorf("it says:\n%s", out)
	}
	a.Says("Not handing over: nobody takes over; staying MASTER")
	if a.Count("Entering BACKUP STATE \\(h") != 0 || !s.holds(s.a, "10.0.0.100") {
		t.Error("it has gone")
	}
}

// Under maintenance a node stands back, over a reload, a worker's death and a restart.
func TestMaintenanceOutlivesReloadsAndRestarts(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(100, "", vip))
	a.Says("Entering MASTER STATE")
	b := s.Start(s.b, conf(90, "", vip))
	b.Says("Entering BACKUP STATE")
	if out := s.holdfast(s.a, "maintenance", "on"); !strings.Contains(out, "10.0.0.100: 0 of ") {
		t.Errorf("it says:\n%s", out)
	}
	b.Says("Entering MASTER STATE")
	a.Reload(conf(120, "", vip))
	s.replaceWorker(a)
	if out := s.holdfast(s.a, "maintenance"); out != "on\n" {
		t.Errorf("afterwards it is %q", out)
	}
	a.Stop(syscall.SIGKILL)
	a = s.Again(s.a)
	a.Says("Entering BACKUP STATE")
	if v := s.seen(a).Instance("V"); v.Effective != 1 || !v.Modest {
		t.Errorf("after a restart: %+v", v)
	}
	if !s.holds(s.b, "10.0.0.100") {
		t.Error("it has come back")
	}
	s.holdfast(s.a, "maintenance", "off")
	a.Says("Entering MASTER STATE")
	events := s.holdfast(s.a, "events")
	if !strings.Contains(events, "act maintenance: done by uid 0") {
		t.Errorf("the events are:\n%s", events)
	}
}
