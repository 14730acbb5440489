package life

import (
	"fmt"
	"os/exec"
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
	s.sh(n, "mkfifo -m 644 /run/told")
	l := &daemon{stage: s, node: n}
	cmd := exec.Command("cat", "/run/told")
	cmd.Stdout = l
	s.must(n.Start(cmd))
	s.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	return func(lines ...string) {
		s.Helper()
		want := strings.Join(lines, "\n") + "\n"
		end := time.Now().Add(10 * time.Second)
		for l.log() != want && time.Now().Before(end) {
			time.Sleep(10 * time.Millisecond)
		}
		if got := l.log(); got != want {
			s.Fatalf("the FIFO says\n%s\nwant\n%s", got, want)
		}
	}
}

const load = "track_file load {\n\tfile /run/watched/load\n}\n"

// Reference, section 13: the sequence with a weighted file at start.
func TestAWeightedFileIsToldFromTheStartOn(t *testing.T) {
	s := newStage(t)
	told := s.told(s.a)
	s.sh(s.a, "mkdir /run/watched; echo 28 > /run/watched/load")
	d := s.start(s.a, tracking(load, "notify_priority_changes\n\ttrack_file {\n\t\tload weight 2\n\t}"))
	told(`INSTANCE "V" BACKUP_PRIORITY 156`, `INSTANCE "V" BACKUP 156`, `INSTANCE "V" MASTER 156`)
	s.sh(s.a, "echo 30 > /run/watched/load")
	told(`INSTANCE "V" BACKUP_PRIORITY 156`, `INSTANCE "V" BACKUP 156`, `INSTANCE "V" MASTER 156`, `INSTANCE "V" MASTER_PRIORITY 160`)
	d.says(`\(V\) Changing effective priority from 156 to 160`)
	d.signal(syscall.SIGTERM)
	d.exit()
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
			s.sh(s.a, "mkdir -p /run/watched; echo "+c.value+" > /run/watched/load")
			d := s.start(s.a, tracking(load, "track_file {\n\t\t"+c.track+"\n\t}"))
			d.says(c.says)
			d.signal(syscall.SIGTERM)
			d.exit()
		})
	}
}

func TestAFileThatDemandsAFaultTakesItsGroupAlong(t *testing.T) {
	s := newStage(t)
	second := strings.NewReplacer("instance V", "instance W", "router_id 7", "router_id 8", vip, "10.0.0.101").
		Replace(strings.TrimPrefix(conf(100, "", vip), "global_defs {\n\tvrrp_version 3\n}\n"))
	group := "vrrp_sync_group G {\n\tgroup {\n\t\tV\n\t\tW\n\t}\n\ttrack_file {\n\t\tload weight 0\n\t}\n}\n"
	d := s.start(s.a, tracking("vrrp_track_file load {\n\tfile /run/watched/load\n}\n", "")+second+group)
	d.says(`\(W\) Entering MASTER STATE`)
	s.sh(s.a, "mkdir -p /run/watched; echo 1 > /run/watched/load")
	d.says(`\(V\) Entering FAULT STATE`)
	d.says(`\(W\) Entering FAULT STATE`)
	s.eventually(time.Second, "the addresses are gone", func() bool { return !s.holds(s.a, vip) && !s.holds(s.a, "10.0.0.101") })
	s.sh(s.a, "rm /run/watched/load")
	s.eventually(5*time.Second, "the addresses are back", func() bool { return s.holds(s.a, vip) && s.holds(s.a, "10.0.0.101") })
}

func TestInitFileIsWrittenAtTheStartAndNotByAReload(t *testing.T) {
	s := newStage(t)
	text := tracking("track_file load {\n\tfile /run/load\n\tinit_file 7 overwrite\n}\n", "track_file {\n\t\tload\n\t}")
	s.sh(s.a, "echo 3 > /run/load")
	d := s.start(s.a, text)
	d.says(`effective priority from 100 to 107`)
	s.sh(s.a, "echo 5 > /run/load")
	d.says(`effective priority from 107 to 105`)
	d.reload(text)
	if got := s.sh(s.a, "cat /run/load"); got != "5\n" {
		t.Errorf("after a reload the file has %q, want 5", got)
	}
	if n := d.count("effective priority"); n != 2 {
		t.Errorf("%d changes of the priority, want 2:\n%s", n, d.log())
	}
}

func TestTheQuorumOfAProcessDecidesAboutFault(t *testing.T) {
	s := newStage(t)
	web := func(more string) string {
		return "vrrp_track_process web {\n\tprocess /bin/sleep 4711\n\tquorum 2\n\t" + more + "\n}\n"
	}
	follow := "track_process {\n\t\tweb\n\t}"
	s.sh(s.a, "/bin/sleep 4711 >/dev/null 2>&1 & /bin/sleep 4711 >/dev/null 2>&1 &")
	d := s.start(s.a, tracking(web(""), follow))
	d.says(`\(V\) Entering MASTER STATE`)
	if d.count("FAULT") != 0 {
		t.Errorf("the instance was in FAULT before its processes were counted:\n%s", d.log())
	}
	s.sh(s.a, "pkill -o -f '^/bin/sleep 4711$'")
	d.says(`Quorum lost for tracked process web`)
	d.says(`\(V\) Entering FAULT STATE`)
	s.sh(s.a, "/bin/sleep 4711 >/dev/null 2>&1 &")
	d.says(`Quorum gained for tracked process web`)
	s.eventually(5*time.Second, "the address is back", func() bool { return s.holds(s.a, vip) })
}

// A tracker that comes or goes, or weighs something else, changes the priority and
// nothing else.
func TestTrackersChangeByReloadWithoutATransition(t *testing.T) {
	s := newStage(t)
	s.sh(s.a, "mkdir /run/watched; echo 10 > /run/watched/load")
	weight := func(n int) string {
		return tracking(load, fmt.Sprintf("track_file {\n\t\tload weight %d\n\t}", n))
	}
	d := s.start(s.a, tracking("", ""))
	d.says("Entering MASTER STATE")
	for _, c := range []struct {
		name, text, says string
	}{
		{"a file is followed", weight(1), "priority from 100 to 110"},
		{"its weight changes", weight(3), "priority from 110 to 130"},
		{"it is not followed any more", tracking("", ""), "priority from 130 to 100"},
		{"a process is followed", tracking("vrrp_track_process web {\n\tprocess no-such-program\n\tweight -10\n}\n", "track_process {\n\t\tweb\n\t}"), "priority from 100 to 90"},
	} {
		d.reload(c.text)
		d.says(c.says)
	}
	if n := d.count("Entering"); n != 2 {
		t.Errorf("%d transitions, want those of the start:\n%s", n, d.log())
	}
}
