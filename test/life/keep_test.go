package life

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/stand"
)

// polled is conf with an interface that is asked for its link.
func polled(method string) string {
	return "linkbeat_interfaces {\n\teth0 " + method + "\n}\n" + conf(150, "", vip+"/24")
}

// Reference, section 8, interfaces: linkbeat. A dormant link has a carrier, which
// ethtool tells, and does not run, which netlink and the flags tell.
func TestAPolledLinkIsBelievedAndNotNetlink(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, polled("ETHTOOL"))
	d.Says("Entering MASTER STATE")
	s.Sh(s.a, "ip link set eth0 state dormant")
	time.Sleep(1500 * time.Millisecond)
	if d.Count("Entering FAULT STATE") != 0 {
		t.Errorf("netlink was believed:\n%s", d.Log())
	}
	d.Reload(polled("IOCTL"))
	d.Says("Entering FAULT STATE")
	d.Reload("linkbeat_use_polling\n" + conf(150, "", vip+"/24")) // a veth has no transceiver: ethtool
	s.Eventually(5*time.Second, "MASTER again", func() bool { return d.Count("Entering MASTER STATE") == 2 })
	s.Must(s.a.Unplug("eth0"))
	s.Eventually(5*time.Second, "a carrier that is lost counts", func() bool { return d.Count("Entering FAULT STATE") == 2 })
	s.Must(s.a.Plug("eth0"))
	s.Eventually(5*time.Second, "and one that returns", func() bool { return d.Count("Entering MASTER STATE") == 3 })
}

// Reference, section 19: a timer that is kept late, and the real-time priority that is
// taken for it, one step at a time.
func TestLateTimersRaiseThePriority(t *testing.T) {
	s := newStage(t)
	late := func(d *stand.Daemon) {
		before := d.Count(`A thread timer expired \d\.\d{6} seconds ago`)
		d.Signal(syscall.SIGSTOP)
		time.Sleep(400 * time.Millisecond)
		d.Signal(syscall.SIGCONT)
		s.Eventually(5*time.Second, "the log tells it", func() bool { return d.Count(`A thread timer expired \d\.\d{6} seconds ago`) > before })
	}
	for _, c := range []struct {
		words string
		want  []string // SCHED_RR or nice, after each late timer
	}{
		{"vrrp_priority -1\n\tmax_auto_priority 2", []string{"1", "2", "2"}},
		{"max_auto_priority", []string{"31", "32"}},
		{"vrrp_rt_priority 40\n\tmax_auto_priority 20", []string{"40"}},
		{"vrrp_rt_priority 40\n\tmax_auto_priority -1", []string{"40"}},
	} {
		t.Run(strings.Join(strings.Fields(c.words), " "), func(t *testing.T) {
			s := *s
			s.T = t
			d := s.Start(s.a, settings(c.words, "min_auto_priority_delay 150000"))
			d.Says("Entering MASTER STATE")
			for _, want := range c.want {
				late(d)
				s.Eventually(5*time.Second, "real time "+want, func() bool {
					return strings.Join(s.field(d.Pid(), priorityField)[:1], "") == want
				})
			}
			d.Signal(syscall.SIGTERM)
			d.Exit()
		})
	}
}

// Reference, interfaces section 7: config_save_dir.
func TestEveryConfigurationIsKept(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/etc/keepalived/more.conf", "\tpriority 120\n", 0o644))
	text := func(dir string) string {
		return strings.Replace(settings("config_save_dir "+dir), "priority 100", "include /etc/keepalived/more.conf", 1)
	}
	d := s.Start(s.a, text("/run/kept"))
	d.Says("Entering MASTER STATE")
	d.Reload(text("/run/kept"))
	d.Reload("vrrp_instance V {\n") // refused: not kept
	d.Reload(text("/run/kept"))
	pid := s.pid(d)
	want := ""
	for _, f := range []string{"keepalived.conf.%s.0", "keepalived.conf.%s.1", "keepalived.conf.%s.2", "keepalived_vrrp.%s.1.post", "keepalived_vrrp.%s.1.pre", "keepalived_vrrp.%s.2.post", "keepalived_vrrp.%s.2.pre"} {
		want += "600 " + fmt.Sprintf(f, pid) + "\n"
	}
	const list = "cd /run/kept; LC_ALL=C stat -c '%a %n' *"
	s.Eventually(5*time.Second, "all files are there", func() bool { return s.Sh(s.a, list) == want })
	if got := s.Sh(s.a, "stat -c %a /run/kept"); got != "700\n" {
		t.Errorf("the directory has mode %s", got)
	}
	if got := s.Sh(s.a, "cat /run/kept/keepalived.conf."+pid+".1"); !strings.HasPrefix(got, "# "+confPath+"\n") || !strings.Contains(got, "priority 120") || strings.Contains(got, "include") {
		t.Errorf("kept is\n%s", got)
	}
	if got := s.Sh(s.a, "head -c 7 /run/kept/keepalived_vrrp."+pid+".1.pre"); got != "------<" {
		t.Errorf("the state begins with %q", got)
	}
	d.Reload(text("/nowhere/kept"))
	d.Says("config_save_dir: .*no such file or directory")
	d.Says("Reload complete")
}

// Reference, config-language section 9: tmp_config_directory keeps what the processes
// read on disk; without a name, so that nothing is left.
func TestTheConfigurationInForceIsKeptOnDisk(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, settings("tmp_config_directory /run/conf"))
	d.Says("Entering MASTER STATE")
	open := func() string { return s.Sh(s.a, "ls -l /proc/"+s.pid(d)+"/fd") }
	if got := open(); strings.Count(got, "/run/conf/holdfast-config-") != 3 || strings.Contains(got, "memfd:holdfast-config") {
		t.Errorf("open are\n%s", got)
	}
	d.Reload(strings.Replace(settings("tmp_config_directory /run/conf"), "priority 100", "priority 90", 1))
	d.Says("from 100 to 90")
	d.Reload(settings("tmp_config_directory /run/other"))
	d.Says("Cannot change tmp_config_directory at a reload - please restart keepalived")
	s.replaceWorker(d)
	d.Signal(syscall.SIGTERM)
	if status := d.Exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if got := s.Sh(s.a, "ls /run/conf; stat -c %a /run/conf"); got != "700\n" {
		t.Errorf("left is %s", got)
	}
}

func TestADirectoryThatCannotBeUsedIsToldAndMemoryTaken(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, settings("tmp_config_directory /nowhere/conf"))
	d.Says("tmp_config_directory: mkdir /nowhere/conf: no such file or directory; the configuration is kept in memory")
	d.Says("Entering MASTER STATE")
}
