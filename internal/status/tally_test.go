package status_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/status"
)

func TestChangesAreCountedByRoleAndCause(t *testing.T) {
	var tally status.Tally
	tally.Know([]string{"V2", "V1"})
	for _, c := range [][3]string{
		{"V1", "BACKUP", "init"}, {"V1", "MASTER", "master down: nothing heard for 3.609s"}, {"V2", "BACKUP", "init"},
		{"V1", "BACKUP", "preempted by 10.0.0.2 priority 150"}, {"V1", "MASTER", "master down: nothing heard for 3.610s"}, {"V3", "FAULT", "interface eth0 down"},
	} {
		tally.Add(c[0], c[1], c[2])
	}
	want := []status.Transition{
		{Instance: "V1", To: "BACKUP", Cause: "start", N: 1}, {Instance: "V1", To: "MASTER", Cause: "master down", N: 2}, {Instance: "V1", To: "BACKUP", Cause: "preempted", N: 1},
		{Instance: "V2", To: "BACKUP", Cause: "start", N: 1},
		{Instance: "V3", To: "FAULT", Cause: "fault", N: 1},
	}
	if d := cmp.Diff(want, tally.List()); d != "" {
		t.Error(d)
	}
	tally.Know([]string{"V1", "V4"})
	if d := cmp.Diff(want[:3], tally.List()); d != "" {
		t.Errorf("after a reload without V2 and V3: %s", d)
	}
}
