package life

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// defs adds lines to the global_defs of a configuration.
func defs(text, lines string) string {
	return strings.Replace(text, "global_defs {\n", "global_defs {\n\t"+lines+"\n", 1)
}

// Interfaces, section 7: `reload_check_config FILE`.
func TestReloadCheckConfigKeepsTheOldConfigurationAndSaysWhy(t *testing.T) {
	s := newStage(t)
	found := filepath.Join(t.TempDir(), "found")
	s.Must(os.WriteFile(found, []byte("of another time"), 0o644))
	good := defs(conf(100, "", vip), "reload_check_config "+found)
	d := s.Start(s.a, good, "--lenient")
	d.Says("Entering MASTER STATE")
	d.Reload(strings.Replace(good, "advert_int 0.1", "advert_imt 0.1", 1)) // which --lenient alone would take
	if n := d.Count("New config failed validation, see " + found + " for details"); n != 1 {
		t.Errorf("the log says %d times why, want once:\n%s", n, d.Log())
	}
	text, err := os.ReadFile(found)
	s.Must(err)
	if !strings.Contains(string(text), "advert_imt") || strings.Contains(string(text), "another time") {
		t.Errorf("the file says %q, want the fault and nothing else", text)
	}
	d.Reload(good)
	if text, _ = os.ReadFile(found); len(text) > 0 || d.Count("Reload complete") != 1 {
		t.Errorf("the file says %q of a good configuration; log:\n%s", text, d.Log())
	}
}

// Interfaces, section 7: `reload_time_file PATH`.
func TestReloadTimeFileReloadsAndGoes(t *testing.T) {
	s := newStage(t)
	file := filepath.Join(t.TempDir(), "when")
	d := s.Start(s.a, defs(conf(100, "", vip), "reload_time_file "+file))
	d.Says("Entering MASTER STATE")
	s.Must(s.a.WriteFile(confPath, defs(conf(100, "", vip, "10.0.0.101"), "reload_time_file "+file), 0o644))
	s.Must(os.WriteFile(file, []byte(time.Now().Add(time.Hour).Format(time.DateTime)), 0o644))
	d.Says("Scheduling reload for ")
	s.Must(os.Remove(file))
	d.Says("Cancelling reload scheduled for ")
	s.Must(os.WriteFile(file, []byte(time.Now().UTC().Add(2*time.Second).Format(time.TimeOnly)+"Z\n"), 0o644))
	d.Says("Reload complete")
	s.Eventually(time.Second, "the new address is held", func() bool { return s.holds(s.a, "10.0.0.101") })
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is still there")
	}
}

// Interfaces, section 7: with `reload_repeat` a time of day stays.
func TestReloadRepeatKeepsTheTimeOfDay(t *testing.T) {
	s := newStage(t)
	file := filepath.Join(t.TempDir(), "when")
	d := s.Start(s.a, defs(conf(100, "", vip), "reload_time_file "+file+"\n\treload_repeat"))
	d.Says("Entering MASTER STATE")
	s.Must(os.WriteFile(file, []byte(time.Now().Add(2*time.Second).Format(time.TimeOnly)), 0o644))
	d.Says("Reload complete")
	if _, err := os.Stat(file); err != nil {
		t.Error("the file is gone")
	}
}

// Interfaces, section 7: `reload_file PATH` is there while configuration is read.
func TestReloadFileIsThereWhileConfigurationIsRead(t *testing.T) {
	s := newStage(t)
	file := filepath.Join(t.TempDir(), "reading")
	text := defs(conf(100, "", vip), "reload_file "+file)
	d := s.Start(s.a, text)
	d.Says("Entering MASTER STATE")
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	s.Must(err)
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.InotifyAddWatch(fd, filepath.Dir(file), unix.IN_CREATE|unix.IN_DELETE)
	s.Must(err)
	d.Reload(text)
	d.Reload("vrrp_instance {")
	if got := masks(fd); !slices.Equal(got, []uint32{unix.IN_CREATE, unix.IN_DELETE, unix.IN_CREATE, unix.IN_DELETE}) {
		t.Errorf("the file came and went: %x", got)
	}
}

// masks says what was reported.
func masks(fd int) (list []uint32) {
	b := make([]byte, 4096)
	n, _ := unix.Read(fd, b)
	for b = b[:max(0, n)]; len(b) > 0; {
		e := (*unix.InotifyEvent)(unsafe.Pointer(&b[0]))
		list = append(list, e.Mask)
		b = b[unix.SizeofInotifyEvent+int(e.Len):]
	}
	return list
}

// Configuration language, section 10: settings that cannot change cancel the reload.
func TestAReloadThatChangesWhatCannotChangeIsIgnored(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	for _, line := range []string{"disable_local_igmp", "nftables mine", "tmp_config_directory /tmp"} {
		d.Reload(defs(conf(100, "", vip, "10.0.0.101"), line))
		word, _, _ := strings.Cut(line, " ")
		if d.Count("Cannot change "+word+" at a reload - please restart keepalived") != 1 || s.holds(s.a, "10.0.0.101") {
			t.Errorf("%s: the reload was not ignored:\n%s", line, d.Log())
		}
	}
}

// holdfast runs a command of the program on a node and returns what it prints.
func (s *stage) holdfast(n *netns.Node, args ...string) string {
	s.Helper()
	out, _ := n.Output(s.Context(), stand.Program(), args...)
	return out
}

func TestPlanTellsWhatAReloadWouldDoAndTheReloadDoesIt(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip, "10.0.0.101"))
	d.Says("Entering MASTER STATE")
	if got := s.holdfast(s.a, "plan"); got != "nothing would change\n" {
		t.Errorf("the plan of the configuration in force is\n%s\n%s", got, d.Log())
	}
	_, instance, _ := strings.Cut(conf(100, "", "10.0.0.103"), "vrrp_instance")
	next := conf(90, "", vip, "10.0.0.102") + "vrrp_instance" + strings.NewReplacer("V {", "W {", "router_id 7", "router_id 8").Replace(instance)
	s.Must(s.a.WriteFile(confPath, next, 0o644))
	changes := s.monitor(s.a)
	got := s.holdfast(s.a, "plan", confPath)
	for _, want := range []string{"ip addr add 10.0.0.102/32 dev eth0", "ip addr del 10.0.0.101/32 dev eth0", "W: BACKUP (it is new)"} {
		if !strings.Contains(got, want) {
			t.Errorf("the plan lacks %q:\n%s", want, got)
		}
	}
	if c := changes(); len(c) > 0 {
		t.Errorf("the plan changed %v", c)
	}
	changes = s.monitor(s.a)
	if got := s.holdfast(s.a, "reload"); got != "taken over\n" {
		t.Errorf("the reload says %q", got)
	}
	d.Says(`\(W\) Entering MASTER STATE`)
	if c := changes(); !slices.Equal(c, []string{"+10.0.0.102", "-10.0.0.101", "+10.0.0.103"}) {
		t.Errorf("the reload changed %v", c)
	}
	s.Must(s.a.WriteFile(confPath, "vrrp_instance {", 0o644))
	for _, command := range []string{"plan", "reload"} {
		if got := s.holdfast(s.a, command); !strings.Contains(got, "refused: nothing") {
			t.Errorf("%s of a broken file says\n%s", command, got)
		}
	}
}

func TestAReloadOnTrialReturnsUnlessItIsConfirmed(t *testing.T) {
	for _, tt := range []struct {
		name    string
		killed  bool // the worker dies meanwhile
		keep    bool
		another bool // a plain reload comes in between
	}{
		{name: "not confirmed"},
		{name: "not confirmed, and the worker died", killed: true},
		{name: "confirmed", keep: true},
		{name: "confirmed after the worker died", killed: true, keep: true},
		{name: "reloaded meanwhile", another: true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			d := s.Start(s.a, conf(100, "", vip))
			d.Says("Entering MASTER STATE")
			s.Must(s.a.WriteFile(confPath, conf(100, "", vip, "10.0.0.101"), 0o644))
			if got := s.holdfast(s.a, "reload", "--confirm", "3s"); !strings.HasPrefix(got, "taken over until ") {
				t.Fatalf("the reload says %q\n%s", got, d.Log())
			}
			s.Eventually(time.Second, "the new address is held", func() bool { return s.holds(s.a, "10.0.0.101") })
			if tt.killed {
				s.replaceWorker(d)
				d.Says("Respawning")
			}
			if tt.another {
				d.Reload(conf(100, "", vip, "10.0.0.102"))
			}
			if tt.keep {
				s.Eventually(2*time.Second, "it is confirmed", func() bool { s.holdfast(s.a, "reload", "--keep"); return d.Count("is confirmed") == 1 })
				time.Sleep(3500 * time.Millisecond)
				if !s.holds(s.a, "10.0.0.101") || d.Count("not confirmed in time") > 0 {
					t.Errorf("what was confirmed did not stay:\n%s", d.Log())
				}
				return
			}
			d.Says("not confirmed in time: the one before returns")
			s.Eventually(2*time.Second, "the addresses of before are held", func() bool {
				return s.holds(s.a, vip) && !s.holds(s.a, "10.0.0.101") && !s.holds(s.a, "10.0.0.102")
			})
			d.Reload(conf(100, "", vip, "10.0.0.103"))
			s.Eventually(time.Second, "a reload works as before", func() bool { return s.holds(s.a, "10.0.0.103") })
			if n := d.Count("Entering BACKUP|Entering FAULT"); n != 1 {
				t.Errorf("the role changed:\n%s", d.Log())
			}
		})
	}
}
