package life

import (
	"strings"
	"testing"
)

// watched is a configuration whose role depends on a script.
func watched(script string) string {
	return "vrrp_script chk {\n\tscript \"/usr/bin/true\"\n\tinterval 1\n}\n" +
		strings.Replace(conf(100, "track_script {\n"+script+"\n}", vip), "global_defs {", "global_defs {\n\tenable_script_security\n\tscript_user root", 1)
}

// ordered puts global_defs first, where scripts look for their user.
func ordered(text string) string {
	at := strings.Index(text, "global_defs")
	end := at + strings.Index(text[at:], "\n}\n") + 3
	return text[at:end] + text[:at] + text[end:]
}

func TestReloadThatWouldLoseATrackerByATypoChangesNothing(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, ordered(watched("chk")))
	d.Says("Entering MASTER STATE")
	d.Reload(ordered(watched("chek")))
	if d.Count("track chk of vrrp_instance V would be lost by a mistake: .*there is no vrrp_script chek") != 1 || d.Count("nothing is changed") != 1 {
		t.Errorf("the log does not say why:\n%s", d.Log())
	}
	d.Reload(strings.Replace(conf(90, "", vip), "global_defs {", "global_defs {\n\tenable_script_security\n\tscript_user root", 1)) // taken out on purpose
	if d.Count("Reload complete") != 1 {
		t.Errorf("what is taken out is refused:\n%s", d.Log())
	}
	if d.Count("Entering BACKUP|Entering FAULT") != 1 || !s.holds(s.a, vip) {
		t.Errorf("the role changed:\n%s", d.Log())
	}
}

// A worker that replaces another knows what runs.
func TestTheTypoIsRefusedByAWorkerThatWasNotThereAtTheStart(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, ordered(watched("chk")))
	d.Says("Entering MASTER STATE")
	s.replaceWorker(d)
	d.Reload(ordered(watched("chek")))
	if d.Count("track chk of vrrp_instance V would be lost by a mistake") != 1 {
		t.Errorf("the log does not say so:\n%s", d.Log())
	}
}

func TestLenientReloadsAsKeepalivedDoes(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, ordered(watched("chk")), "--lenient")
	d.Says("Entering MASTER STATE")
	d.Reload(ordered(watched("chek")))
	if d.Count("Reload complete") != 1 || d.Count("there is no vrrp_script chek") != 1 {
		t.Errorf("the log:\n%s", d.Log())
	}
}

func TestStrictRefusesComplaints(t *testing.T) {
	s := newStage(t)
	if got := s.Start(s.a, conf(100, "fly", vip), "--strict").Exit(); got != 2 {
		t.Errorf("a start with a complaint ends with %d, want 2", got)
	}
	d := s.Start(s.a, conf(100, "", vip), "--strict")
	d.Says("Entering MASTER STATE")
	d.Reload(conf(90, "fly", vip))
	if d.Count("run --strict refuses") != 1 || d.Count("nothing is changed") != 1 || !s.holds(s.a, vip) {
		t.Errorf("a reload with a complaint; the log:\n%s", d.Log())
	}
}

func TestAComplaintAloneIsNoReasonToRefuse(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "fly", vip))
	d.Says("Entering MASTER STATE")
	d.Reload(conf(100, "fly\n\tsink", vip))
	if d.Count("Reload complete") != 1 || d.Count(`:10:2: complaint: unknown keyword "sink"`) != 1 {
		t.Errorf("the log:\n%s", d.Log())
	}
}
