package status_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/status"
)

func TestAJournalKeepsTheLatestInOrder(t *testing.T) {
	var j status.Journal
	start := time.Unix(1000, 0)
	for i := range 10_000 {
		j.Add(status.Event{Time: start.Add(time.Duration(i/3) * time.Millisecond), To: "MASTER"})
	}
	all := j.After(0)
	if len(all) != 4096 || all[len(all)-1].Seq != j.Last() {
		t.Fatalf("%d are kept, the last is %d of %d", len(all), all[len(all)-1].Seq, j.Last())
	}
	for i := 1; i < len(all); i++ {
		if all[i].Seq <= all[i-1].Seq {
			t.Fatalf("%d follows %d", all[i].Seq, all[i-1].Seq)
		}
	}
	if rest := j.After(all[4000].Seq); len(rest) != 95 || rest[0].Seq != all[4001].Seq {
		t.Errorf("after the 4001st are %d", len(rest))
	}
	if n := len(j.After(j.Last())); n != 0 {
		t.Errorf("%d come after the last", n)
	}
}

func TestAnEventIsReadAsItWasWritten(t *testing.T) {
	var j status.Journal
	want := []status.Event{
		{Kind: status.RoleEvent, Name: "V1", From: "BACKUP", To: "MASTER", Reason: strings.Repeat("because ", 100)},
		{Kind: status.ActEvent, Node: "n", Name: "", Of: "10.0.0.1:80", By: "uid 0 \x00 é"},
		{},
	}
	for i := range want {
		want[i].Time = time.Unix(1000, int64(i)).Local()
		j.Add(want[i])
		want[i].Seq = j.Last()
	}
	if d := cmp.Diff(want, j.After(0)); d != "" {
		t.Error(d)
	}
}

func TestEventsOfALaterRunHaveGreaterNumbers(t *testing.T) {
	var before, after status.Journal
	for range 100 {
		before.Add(status.Event{Time: time.Unix(1000, 0)})
	}
	after.Add(status.Event{Time: time.Unix(1001, 0)})
	if n := len(after.After(before.Last())); n != 1 {
		t.Errorf("%d are new to who read the run before", n)
	}
}

func TestReasonsAreSorted(t *testing.T) {
	for _, tt := range []struct{ role, reason, want string }{
		{"MASTER", "master down: nothing heard from 10.0.0.2 for 3.609s", "master down"},
		{"BACKUP", "preempted by 10.0.0.2 priority 150", "preempted"},
		{"BACKUP", "yielding to 10.0.0.2: same priority 100, higher address", "preempted"},
		{"MASTER", "preempting 10.0.0.2 priority 50 with 100", "preempting"},
		{"MASTER", "handed over by 10.0.0.2 with priority 0", "handed over"},
		{"MASTER", "owner of the addresses", "owner"},
		{"FAULT", "interface eth0 down", "fault"},
		{"FAULT", "sync group G: V: interface eth0 down", "sync group"},
		{"BACKUP", "init", "start"},
		{"BACKUP", "overslept: silent for 5.000s", "overslept"},
		{"STOP", "stopping, no successor heard", "stop"},
		{"BACKUP", "interface eth0 up again", "other"},
	} {
		if got := status.Cause(tt.role, tt.reason); got != tt.want {
			t.Errorf("%s because of %q is counted as %q, want %q", tt.role, tt.reason, got, tt.want)
		}
	}
}

func TestAMACIsWrittenAsUsual(t *testing.T) {
	text, err := json.Marshal(status.Link{MAC: status.MAC{0, 0, 0x5e, 0, 1, 0xff}})
	if err != nil || !strings.Contains(string(text), `"mac":"00:00:5e:00:01:ff"`) {
		t.Errorf("%s, %v", text, err)
	}
	var l status.Link
	if err := json.Unmarshal(text, &l); err != nil || l.MAC != (status.MAC{0, 0, 0x5e, 0, 1, 0xff}) {
		t.Errorf("%v, %v", l.MAC, err)
	}
}
