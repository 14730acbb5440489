package life

import (
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// instances are some on eth0 with a FIFO, an address and words of their own each.
func instances(global string, words map[string]string, names ...string) string {
	text := "global_defs {\n\tvrrp_version 3\n\tenable_script_security\n\tscript_user root\n\tvrrp_notify_fifo /run/told\n\t" + global + "\n}\n"
	for _, name := range names {
		id := string(name[0] - 'A' + '1')
		one := strings.NewReplacer("instance V", "instance "+name, "router_id 7", "router_id "+id, vip, "10.0.0.10"+id).Replace(conf(100, words[name], vip))
		text += strings.TrimPrefix(one, "global_defs {\n\tvrrp_version 3\n}\n")
	}
	return text
}

// note writes a script that appends its first argument to /run/noted.
func (s *stage) note() {
	s.Helper()
	s.Must(s.a.WriteFile("/run/note", "#!/bin/sh\necho \"$@\" >>/run/noted\n", 0o755))
}

func (s *stage) noted(want string) {
	s.Helper()
	got := ""
	for end := time.Now().Add(5 * time.Second); got != want && time.Now().Before(end); time.Sleep(20 * time.Millisecond) {
		got = s.Sh(s.a, "cat /run/noted 2>/dev/null || true")
	}
	if got != want {
		s.Errorf("noted is\n%swant\n%s", got, want)
	}
}

// Reference, section 13: an instance that a reload deletes is told as FAULT, with
// notify_deleted as DELETED, and that has a script.
func TestSection13_WhatAReloadDeletesIsFaultOrDeleted(t *testing.T) {
	s := newStage(t)
	s.note()
	told := s.told(s.a)
	words := map[string]string{
		"A": "notify_fault \"/run/note A fault\"\n\tnotify_deleted",
		"B": "notify_fault \"/run/note B fault\"",
		"C": "notify_deleted \"/run/note C deleted\"\n\tnotify \"/run/note any\"",
	}
	d := s.Start(s.a, instances("", words, "A"))
	told(`INSTANCE "A" BACKUP 100`, `INSTANCE "A" MASTER 100`)
	begun := []string{`INSTANCE "A" BACKUP 100`, `INSTANCE "A" MASTER 100`}
	for _, c := range []struct{ name, line string }{{"B", `INSTANCE "B" FAULT 100`}, {"C", `INSTANCE "C" DELETED 100`}} {
		d.Reload(instances("", words, "A", c.name))
		begun = append(begun, `INSTANCE "`+c.name+`" BACKUP 100`, `INSTANCE "`+c.name+`" MASTER 100`)
		told(begun...)
		d.Reload(instances("", words, "A"))
		begun = append(begun, c.line)
		told(begun...)
	}
	s.noted("B fault\nany INSTANCE C BACKUP 100\nany INSTANCE C MASTER 100\nC deleted\nany INSTANCE C DELETED 100\n")
}

// Reference, section 13: states that a reload does not change are not told, but to the
// FIFO with fifo_write_vrrp_states_on_reload.
func TestSection13_AReloadTellsUnchangedStatesToTheFIFOOnly(t *testing.T) {
	s := newStage(t)
	s.note()
	told := s.told(s.a)
	words := map[string]string{"A": "notify \"/run/note\""}
	d := s.Start(s.a, instances("", words, "A"))
	began := []string{`INSTANCE "A" BACKUP 100`, `INSTANCE "A" MASTER 100`}
	told(began...)
	d.Reload(instances("", words, "A"))
	d.Reload(instances("fifo_write_vrrp_states_on_reload", words, "A"))
	told(append(began, `INSTANCE "A" MASTER 100`)...)
	s.noted("INSTANCE A BACKUP 100\nINSTANCE A MASTER 100\n")
}

// Reference, section 13: a MASTER that hears a lower priority tells it by
// notify_master_rx_lower_pri and by the line MASTER_RX_LOWER_PRI.
func TestSection13_ALowerPriorityIsTold(t *testing.T) {
	s := newStage(t)
	s.note()
	told := s.told(s.a)
	d := s.Start(s.a, instances("", map[string]string{"A": "notify_master_rx_lower_pri \"/run/note lower\"\n\tnotify \"/run/note any\""}, "A"))
	d.Says("Entering MASTER STATE")
	s.Must(s.b.DropVRRP(netns.In))
	b := s.Start(s.b, strings.NewReplacer("priority 100", "priority 50").Replace(instances("", nil, "A")))
	b.Says("Entering MASTER STATE")
	d.Says("received lower priority|lower priority")
	b.Signal(syscall.SIGKILL)
	b.Exit()
	s.Eventually(5*time.Second, "the script ran", func() bool { return strings.Contains(s.Sh(s.a, "cat /run/noted"), "lower\n") })
	if got := s.Sh(s.a, "cat /run/noted"); strings.Contains(got, "any INSTANCE A MASTER_RX") {
		t.Errorf("the generic script is told too:\n%s", got)
	}
	_ = told
}

// Reference, section 13 and interfaces section 11: as what a script runs.
func TestSection13_WhatAScriptFindsAroundIt(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/run/look", `#!/bin/sh
exec >/run/looked/$1 2>&1
grep -E '^Sig(Ign|Blk)' /proc/self/status
echo "group $(($(cut -d' ' -f5 /proc/$$/stat) - $$))"
echo "policy $(cut -d' ' -f41 /proc/$$/stat)"
echo "user $(id -u):$(id -g)"
readlink /proc/$$/fd/0
ls /proc/$$/fd # 10 is the script; of a pipe the shell itself would have an end
env | grep -E '^(LD_|IFS|NOTIFY_SOCKET|WATCHDOG_|HOLDFAST_(OPTIONS|COPY|DETACHED))'
echo end
`, 0o755))
	s.Sh(s.a, "mkdir -m 777 /run/looked")
	s.Must(s.a.WriteFile(confPath, instances("max_auto_priority 0", map[string]string{"A": "notify_master \"/run/look root\"\n\tnotify_backup \"/run/look nobody\" nobody nogroup"}, "A"), 0o644))
	d := s.Launch(s.a, "env", "--ignore-signal=TSTP,TTOU,USR1", "--block-signal=WINCH,RTMIN", "WATCHDOG_USEC=10000000", stand.Program(), "run", "-D", "-f", confPath)
	d.Says("Entering MASTER STATE")
	for who, user := range map[string]string{"root": "0:0", "nobody": "65534:65534"} {
		want := "SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\ngroup 0\npolicy 0\nuser " + user + "\n/dev/null\n0\n1\n10\n2\nend\n"
		s.Eventually(5*time.Second, "the script of "+who+" ran", func() bool {
			return strings.Contains(s.Sh(s.a, "cat /run/looked/"+who+" 2>/dev/null || true"), "end\n")
		})
		got := s.Sh(s.a, "cat /run/looked/"+who)
		if got != want {
			t.Errorf("the script of %s finds\n%swant\n%s", who, got, want)
		}
	}
}

// Reference, section 18: a stop tells STOP to every instance, then to its group.
func TestSection18_AStopIsToldToInstancesThenGroups(t *testing.T) {
	s := newStage(t)
	told := s.told(s.a)
	two := strings.Replace(instances("", nil, "A", "B"), "router_id 2\n\tpriority 100", "router_id 2\n\tpriority 150", 1)
	d := s.Start(s.a, two+"vrrp_sync_group G {\n\tgroup {\n\t\tA\n\t\tB\n\t}\n}\n")
	s.Eventually(5*time.Second, "both are MASTER", func() bool { return d.Count(`\) Entering MASTER STATE`) >= 2 })
	d.Signal(syscall.SIGTERM)
	d.Exit()
	d.Says(`(?s)Stopping.*sent 0 priority.*removing VIPs.*Stopped`)
	told(`INSTANCE "A" BACKUP 100`, `INSTANCE "B" BACKUP 150`, `GROUP "G" BACKUP 0`,
		`INSTANCE "A" MASTER 100`, `INSTANCE "B" MASTER 150`, `GROUP "G" MASTER 0`,
		`INSTANCE "A" STOP 100`, `INSTANCE "B" STOP 150`, `GROUP "G" STOP 0`)
}
