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
	d := s.start(s.a, ordered(watched("chk")))
	d.says("Entering MASTER STATE")
	d.reload(ordered(watched("chek")))
	if d.count("track chk of vrrp_instance V would be lost by a mistake: .*there is no vrrp_script chek") != 1 || d.count("nothing is changed") != 1 {
		t.Errorf("the log does not say why:\n%s", d.log())
	}
	d.reload(strings.Replace(conf(90, "", vip), "global_defs {", "global_defs {\n\tenable_script_security\n\tscript_user root", 1)) // taken out on purpose
	if d.count("Reload complete") != 1 {
		t.Errorf("what is taken out is refused:\n%s", d.log())
	}
	if d.count("Entering BACKUP|Entering FAULT") != 1 || !s.holds(s.a, vip) {
		t.Errorf("the role changed:\n%s", d.log())
	}
}

// A worker that replaces another knows what runs.
func TestTheTypoIsRefusedByAWorkerThatWasNotThereAtTheStart(t *testing.T) {
	s := newStage(t)
	d := s.start(s.a, ordered(watched("chk")))
	d.says("Entering MASTER STATE")
	s.replaceWorker(d)
	d.reload(ordered(watched("chek")))
	if d.count("track chk of vrrp_instance V would be lost by a mistake") != 1 {
		t.Errorf("the log does not say so:\n%s", d.log())
	}
}

func TestLenientReloadsAsKeepalivedDoes(t *testing.T) {
	s := newStage(t)
	d := s.start(s.a, ordered(watched("chk")), "--lenient")
	d.says("Entering MASTER STATE")
	d.reload(ordered(watched("chek")))
	if d.count("Reload complete") != 1 || d.count("there is no vrrp_script chek") != 1 {
		t.Errorf("the log:\n%s", d.log())
	}
}

func TestStrictRefusesComplaints(t *testing.T) {
	s := newStage(t)
	if got := s.start(s.a, conf(100, "fly", vip), "--strict").exit(); got != 2 {
		t.Errorf("a start with a complaint ends with %d, want 2", got)
	}
	d := s.start(s.a, conf(100, "", vip), "--strict")
	d.says("Entering MASTER STATE")
	d.reload(conf(90, "fly", vip))
	if d.count("run --strict refuses") != 1 || d.count("nothing is changed") != 1 || !s.holds(s.a, vip) {
		t.Errorf("a reload with a complaint; the log:\n%s", d.log())
	}
}

func TestAComplaintAloneIsNoReasonToRefuse(t *testing.T) {
	s := newStage(t)
	d := s.start(s.a, conf(100, "fly", vip))
	d.says("Entering MASTER STATE")
	d.reload(conf(100, "fly\n\tsink", vip))
	if d.count("Reload complete") != 1 || d.count(`:10:2: complaint: unknown keyword "sink"`) != 1 {
		t.Errorf("the log:\n%s", d.log())
	}
}
