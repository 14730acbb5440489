package notify

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

func cmdOf(name string) *Command { return &Command{Line: name} }

// all has every command configured, each named after its keyword.
func all() *Scripts {
	return &Scripts{
		Master: cmdOf("master"), Backup: cmdOf("backup"), Fault: cmdOf("fault"), Stop: cmdOf("stop"), Deleted: cmdOf("deleted"),
		Any: cmdOf("any"), LowerPriority: cmdOf("lower"), ReportDeleted: true, PriorityChanges: true, Mail: true,
	}
}

// summary is a delivery as text: the runs in order, then line and mail.
func summary(d Delivery) []string {
	var out []string
	for _, r := range d.Runs {
		text := r.Command.Line
		for _, a := range r.Args {
			text += " " + a
		}
		out = append(out, text)
	}
	if d.Line {
		out = append(out, "line "+d.Message.Line()[:len(d.Message.Line())-1])
	}
	if d.Mail {
		out = append(out, "mail "+d.State)
	}
	return out
}

func TestRoute(t *testing.T) {
	message := func(state string) Message { return Message{Name: "VI 1", State: state, Priority: 150} }
	group := func(state string) Message { return Message{Kind: Group, Name: "VG", State: state, Priority: 7} }
	plain := &Scripts{}
	quiet := all()
	quiet.ReportDeleted, quiet.PriorityChanges, quiet.Mail = false, false, false
	tests := []struct {
		name    string
		scripts *Scripts
		message Message
		want    []string
	}{
		{"master", all(), message(Master), []string{"master", "any INSTANCE VI 1 MASTER 150", `line INSTANCE "VI 1" MASTER 150`, "mail MASTER"}},
		{"backup", all(), message(Backup), []string{"backup", "any INSTANCE VI 1 BACKUP 150", `line INSTANCE "VI 1" BACKUP 150`, "mail BACKUP"}},
		{"fault", all(), message(Fault), []string{"fault", "any INSTANCE VI 1 FAULT 150", `line INSTANCE "VI 1" FAULT 150`, "mail FAULT"}},
		{"stop", all(), message(Stop), []string{"stop", "any INSTANCE VI 1 STOP 150", `line INSTANCE "VI 1" STOP 150`, "mail STOP"}},
		{"deleted", all(), message(Deleted), []string{"deleted", "any INSTANCE VI 1 DELETED 150", `line INSTANCE "VI 1" DELETED 150`, "mail DELETED"}},
		{"deleted without notify_deleted is a fault", quiet, message(Deleted), []string{"fault", "any INSTANCE VI 1 FAULT 150", `line INSTANCE "VI 1" FAULT 150`}},
		{"lower priority heard", all(), message(LowerHeard), []string{"lower", `line INSTANCE "VI 1" MASTER_RX_LOWER_PRI 150`}},
		{"priority changed", all(), message(MasterPriority), []string{`line INSTANCE "VI 1" MASTER_PRIORITY 150`}},
		{"priority changed, unasked", quiet, message(BackupPriority), nil},
		{"group", all(), group(Master), []string{"master", "any GROUP VG MASTER 0", `line GROUP "VG" MASTER 0`, "mail MASTER"}},
		{"nothing configured", plain, message(Master), []string{`line INSTANCE "VI 1" MASTER 150`}},
		{"not configured at all", nil, message(Master), []string{`line INSTANCE "VI 1" MASTER 150`}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, summary(tt.scripts.Route(tt.message))); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
}

func TestLineEndsWithANewline(t *testing.T) {
	if got, want := (Message{Name: "VI_1", State: Stop, Priority: 160}).Line(), "INSTANCE \"VI_1\" STOP 160\n"; got != want {
		t.Errorf("line %q, want %q", got, want)
	}
}

func TestCommands(t *testing.T) {
	s := all()
	s.Fault, s.LowerPriority = nil, nil
	var got []string
	for _, c := range s.Commands() {
		got = append(got, c.Line)
	}
	if diff := cmp.Diff([]string{"master", "backup", "stop", "deleted", "any"}, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestLetter(t *testing.T) {
	tests := []struct {
		message       Message
		subject, text string
	}{
		{Message{Name: "VI", State: Master}, "[r1] VRRP Instance VI - Entering MASTER state", "=> VRRP Instance is now owning VRRP VIPs <="},
		{Message{Name: "VI", State: Backup}, "[r1] VRRP Instance VI - Entering BACKUP state", "=> VRRP Instance is no longer owning VRRP VIPs <="},
		{Message{Name: "VI", State: Fault}, "[r1] VRRP Instance VI - Entering FAULT state", "=> VRRP Instance is no longer owning VRRP VIPs <="},
		{Message{Name: "VI", State: Stop}, "[r1] VRRP Instance VI - Stopping", "=> VRRP Instance stopping <="},
		{Message{Name: "VI", State: Deleted}, "[r1] VRRP Instance VI - Deleted", "=> VRRP Deleted at reload <="},
		{Message{Name: "G", Kind: Group, State: Master}, "[r1] VRRP Group G - Entering MASTER state", "=> All VRRP group instances are now in MASTER state <="},
		{Message{Name: "G", Kind: Group, State: Fault}, "[r1] VRRP Group G - Entering FAULT state", "=> All VRRP group instances are now in FAULT state <="},
		{Message{Name: "G", Kind: Group, State: Stop}, "[r1] VRRP Group G - Stopping", "=> All VRRP group instances are now stopping <="},
	}
	for _, tt := range tests {
		got, ok := tt.message.Letter("r1")
		if want := (Letter{Subject: tt.subject, Text: tt.text}); !ok || got != want {
			t.Errorf("%v: %+v, %v; want %+v", tt.message, got, ok, want)
		}
	}
	for _, m := range []Message{{State: LowerHeard}, {State: MasterPriority}, {Kind: Group, State: Deleted}} {
		if l, ok := m.Letter("r1"); ok {
			t.Errorf("%v is mailed: %+v", m, l)
		}
	}
}

func TestMailbook(t *testing.T) {
	var b Mailbook
	steps := []struct {
		name, state string
		noFault     bool
		want        bool
	}{
		{"A", Backup, false, true},
		{"A", Backup, false, false}, // not twice in a row
		{"B", Backup, false, true},  // each has its own
		{"A", Fault, true, false},   // no_email_faults
		{"A", Backup, true, false},  // the reader never heard of the fault
		{"A", Fault, false, true},
		{"A", Backup, false, true},
	}
	for i, s := range steps {
		if got := b.Due(Message{Name: s.name, State: s.state}, s.noFault); got != s.want {
			t.Errorf("step %d (%s %s): due = %v, want %v", i, s.name, s.state, got, s.want)
		}
	}
	b.Forget(Key{Name: "A"})
	if !b.Due(Message{Name: "A", State: Backup}, false) {
		t.Error("what is forgotten is news again")
	}
	if !b.Due(Message{Name: "A", Kind: Group, State: Backup}, false) {
		t.Error("a group is not the instance of the same name")
	}
}
