package life

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
)

// tracking is conf with definitions before it.
func tracking(definitions, more string) string {
	return "global_defs {\n\tvrrp_version 3\n\tvrrp_notify_fifo /run/told\n}\n" + definitions + strings.TrimPrefix(conf(100, more, vip), "global_defs {\n\tvrrp_version 3\n}\n")
}

// told starts to read the FIFO of a node; what comes back waits for its lines.
func (s *stage) told(n *netns.Node) (expect func(lines ...string)) {
	s.Helper()
	s.Sh(n, "mkfifo -m 644 /run/told")
	l := s.Launch(n, "cat", "/run/told")
	s.Cleanup(func() { _ = l.Cmd.Process.Kill(); l.Exit() })
	return func(lines ...string) {
		s.Helper()
		want := strings.Join(lines, "\n") + "\n"
		s.Eventually(10*time.Second, "the FIFO says\n"+want, func() bool { return l.Log() == want })
	}
}

const load = "track_file load {\n\tfile /run/watched/load\n}\n"

// Reference, section 13: the sequence with a weighted file at start.
func TestAWeightedFileIsToldFromTheStartOn(t *testing.T) {
	s := newStage(t)
	told := s.told(s.a)
	s.Sh(s.a, "mkdir /run/watched; echo 28 > /run/watched/load")
	d := s.Start(s.a, tracking(load, "notify_priority_changes\n\ttrack_file {\n\t\tload weight 2\n\t}"))
	told(`INSTANCE "V" BACKUP_PRIORITY 156`, `INSTANCE "V" BACKUP 156`, `INSTANCE "V" MASTER 156`)
	s.Sh(s.a, "echo 30 > /run/watched/load")
	told(`INSTANCE "V" BACKUP_PRIORITY 156`, `INSTANCE "V" BACKUP 156`, `INSTANCE "V" MASTER 156`, `INSTANCE "V" MASTER_PRIORITY 160`)
	d.Says(`\(V\) Changing effective priority from 156 to 160`)
	d.Signal(syscall.SIGTERM)
	d.Exit()
	told(`INSTANCE "V" BACKUP_PRIORITY 156`, `INSTANCE "V" BACKUP 156`, `INSTANCE "V" MASTER 156`, `INSTANCE "V" MASTER_PRIORITY 160`, `INSTANCE "V" STOP 160`)
}

// Reference, section 8, files: each row says what a value does.
func TestTheValueOfAFileIsJudgedByItsWeight(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct{ name, track, value, says string }{
		{"weight 0 and a value", "load weight 0", "1", `\(V\) Entering FAULT STATE`},
		{"weight 0, reverse, and no value", "load weight 0 reverse", "0", `\(V\) Entering FAULT STATE`},
		{"a product of -254", "load weight -127", "2", `\(V\) Entering FAULT STATE`},
		{"a product of -253", "load weight -253", "1", `effective priority from 100 to 1\b`},
		{"a product above 253", "load weight 254", "1", `effective priority from 100 to 254\b`},
		{"reverse negates", "load weight 3 reverse", "0x10", `effective priority from 100 to 52\b`},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := *s
			s.T = t
			s.Sh(s.a, "mkdir -p /run/watched; echo "+c.value+" > /run/watched/load")
			d := s.Start(s.a, tracking(load, "track_file {\n\t\t"+c.track+"\n\t}"))
			d.Says(c.says)
			d.Signal(syscall.SIGTERM)
			d.Exit()
		})
	}
}

func TestAFileThatDemandsAFaultTakesItsGroupAlong(t *testing.T) {
	s := newStage(t)
	second := strings.NewReplacer("instance V", "instance W", "router_id 7", "router_id 8", vip, "10.0.0.101").
		Replace(strings.TrimPrefix(conf(100, "", vip), "global_defs {\n\tvrrp_version 3\n}\n"))
	group := "vrrp_sync_group G {\n\tgroup {\n\t\tV\n\t\tW\n\t}\n\ttrack_file {\n\t\tload weight 0\n\t}\n}\n"
	d := s.Start(s.a, tracking("vrrp_track_file load {\n\tfile /run/watched/load\n}\n", "")+second+group)
	d.Says(`\(W\) Entering MASTER STATE`)
	s.Sh(s.a, "mkdir -p /run/watched; echo 1 > /run/watched/load")
	d.Says(`\(V\) Entering FAULT STATE`)
	d.Says(`\(W\) Entering FAULT STATE`)
	s.Eventually(time.Second, "the addresses are gone", func() bool { return !s.holds(s.a, vip) && !s.holds(s.a, "10.0.0.101") })
	s.Sh(s.a, "rm /run/watched/load")
	s.Eventually(5*time.Second, "the addresses are back", func() bool { return s.holds(s.a, vip) && s.holds(s.a, "10.0.0.101") })
}

func TestInitFileIsWrittenAtTheStartAndNotByAReload(t *testing.T) {
	s := newStage(t)
	text := tracking("track_file load {\n\tfile /run/load\n\tinit_file 7 overwrite\n}\n", "track_file {\n\t\tload\n\t}")
	s.Sh(s.a, "echo 3 > /run/load")
	d := s.Start(s.a, text)
	d.Says(`effective priority from 100 to 107`)
	s.Sh(s.a, "echo 5 > /run/load")
	d.Says(`effective priority from 107 to 105`)
	d.Reload(text)
	if got := s.Sh(s.a, "cat /run/load"); got != "5\n" {
		t.Errorf("after a reload the file has %q, want 5", got)
	}
	if n := d.Count("effective priority"); n != 2 {
		t.Errorf("%d changes of the priority, want 2:\n%s", n, d.Log())
	}
}

func TestTheQuorumOfAProcessDecidesAboutFault(t *testing.T) {
	s := newStage(t)
	web := func(more string) string {
		return "vrrp_track_process web {\n\tprocess /bin/sleep 4711\n\tquorum 2\n\t" + more + "\n}\n"
	}
	follow := "track_process {\n\t\tweb\n\t}"
	s.Sh(s.a, "/bin/sleep 4711 >/dev/null 2>&1 & /bin/sleep 4711 >/dev/null 2>&1 &")
	d := s.Start(s.a, tracking(web(""), follow))
	d.Says(`\(V\) Entering MASTER STATE`)
	if d.Count("FAULT") != 0 {
		t.Errorf("the instance was in FAULT before its processes were counted:\n%s", d.Log())
	}
	s.Sh(s.a, "pkill -o -f '^/bin/sleep 4711$'")
	d.Says(`Quorum lost for tracked process web`)
	d.Says(`\(V\) Entering FAULT STATE`)
	s.Sh(s.a, "/bin/sleep 4711 >/dev/null 2>&1 &")
	d.Says(`Quorum gained for tracked process web`)
	s.Eventually(5*time.Second, "the address is back", func() bool { return s.holds(s.a, vip) })
}

// A tracker that comes or goes, or weighs something else, changes the priority and
// nothing else.
func TestTrackersChangeByReloadWithoutATransition(t *testing.T) {
	s := newStage(t)
	s.Sh(s.a, "mkdir /run/watched; echo 10 > /run/watched/load")
	weight := func(n int) string {
		return tracking(load, fmt.Sprintf("track_file {\n\t\tload weight %d\n\t}", n))
	}
	d := s.Start(s.a, tracking("", ""))
	d.Says("Entering MASTER STATE")
	for _, c := range []struct {
		name, text, says string
	}{
		{"a file is followed", weight(1), "priority from 100 to 110"},
		{"its weight changes", weight(3), "priority from 110 to 130"},
		{"it is not followed any more", tracking("", ""), "priority from 130 to 100"},
		{"a process is followed", tracking("vrrp_track_process web {\n\tprocess no-such-program\n\tweight -10\n}\n", "track_process {\n\t\tweb\n\t}"), "priority from 100 to 90"},
	} {
		d.Reload(c.text)
		d.Says(c.says)
	}
	if n := d.Count("Entering"); n != 2 {
		t.Errorf("%d transitions, want those of the start:\n%s", n, d.Log())
	}
}
