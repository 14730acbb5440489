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
)

// defs adds lines to the global_defs of a configuration.
func defs(text, lines string) string {
	return strings.Replace(text, "global_defs {\n", "global_defs {\n\t"+lines+"\n", 1)
}

// Interfaces, section 7: `reload_check_config FILE`.
func TestReloadCheckConfigKeepsTheOldConfigurationAndSaysWhy(t *testing.T) {
	s := newStage(t)
	found := filepath.Join(t.TempDir(), "found")
	s.must(os.WriteFile(found, []byte("of another time"), 0o644))
	good := defs(conf(100, "", vip), "reload_check_config "+found)
	d := s.start(s.a, good, "--lenient")
	d.says("Entering MASTER STATE")
	d.reload(strings.Replace(good, "advert_int 0.1", "advert_imt 0.1", 1)) // which --lenient alone would take
	if n := d.count("New config failed validation, see " + found + " for details"); n != 1 {
		t.Errorf("the log says %d times why, want once:\n%s", n, d.log())
	}
	text, err := os.ReadFile(found)
	s.must(err)
	if !strings.Contains(string(text), "advert_imt") || strings.Contains(string(text), "another time") {
		t.Errorf("the file says %q, want the fault and nothing else", text)
	}
	d.reload(good)
	if text, _ = os.ReadFile(found); len(text) > 0 || d.count("Reload complete") != 1 {
		t.Errorf("the file says %q of a good configuration; log:\n%s", text, d.log())
	}
}

// Interfaces, section 7: `reload_time_file PATH`.
func TestReloadTimeFileReloadsAndGoes(t *testing.T) {
	s := newStage(t)
	file := filepath.Join(t.TempDir(), "when")
	d := s.start(s.a, defs(conf(100, "", vip), "reload_time_file "+file))
	d.says("Entering MASTER STATE")
	s.must(s.a.WriteFile(confPath, defs(conf(100, "", vip, "10.0.0.101"), "reload_time_file "+file), 0o644))
	s.must(os.WriteFile(file, []byte(time.Now().Add(time.Hour).Format(time.DateTime)), 0o644))
	d.says("Scheduling reload for ")
	s.must(os.Remove(file))
	d.says("Cancelling reload scheduled for ")
	s.must(os.WriteFile(file, []byte(time.Now().UTC().Add(2*time.Second).Format(time.TimeOnly)+"Z\n"), 0o644))
	d.says("Reload complete")
	s.eventually(time.Second, "the new address is held", func() bool { return s.holds(s.a, "10.0.0.101") })
	if _, err := os.Stat(file); err == nil {
		t.Error("the file is still there")
	}
}

// Interfaces, section 7: with `reload_repeat` a time of day stays.
func TestReloadRepeatKeepsTheTimeOfDay(t *testing.T) {
	s := newStage(t)
	file := filepath.Join(t.TempDir(), "when")
	d := s.start(s.a, defs(conf(100, "", vip), "reload_time_file "+file+"\n\treload_repeat"))
	d.says("Entering MASTER STATE")
	s.must(os.WriteFile(file, []byte(time.Now().Add(2*time.Second).Format(time.TimeOnly)), 0o644))
	d.says("Reload complete")
	if _, err := os.Stat(file); err != nil {
		t.Error("the file is gone")
	}
}

// Interfaces, section 7: `reload_file PATH` is there while configuration is read.
func TestReloadFileIsThereWhileConfigurationIsRead(t *testing.T) {
	s := newStage(t)
	file := filepath.Join(t.TempDir(), "reading")
	text := defs(conf(100, "", vip), "reload_file "+file)
	d := s.start(s.a, text)
	d.says("Entering MASTER STATE")
	fd, err := unix.InotifyInit1(unix.IN_NONBLOCK | unix.IN_CLOEXEC)
	s.must(err)
	defer func() { _ = unix.Close(fd) }()
	_, err = unix.InotifyAddWatch(fd, filepath.Dir(file), unix.IN_CREATE|unix.IN_DELETE)
	s.must(err)
	d.reload(text)
	d.reload("vrrp_instance {")
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
	d := s.start(s.a, conf(100, "", vip))
	d.says("Entering MASTER STATE")
	for _, line := range []string{"disable_local_igmp", "nftables mine", "tmp_config_directory /tmp"} {
		d.reload(defs(conf(100, "", vip, "10.0.0.101"), line))
		word, _, _ := strings.Cut(line, " ")
		if d.count("Cannot change "+word+" at a reload - please restart keepalived") != 1 || s.holds(s.a, "10.0.0.101") {
			t.Errorf("%s: the reload was not ignored:\n%s", line, d.log())
		}
	}
}
