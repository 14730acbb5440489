package life

import (
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// background starts keepalived as a system script does, and returns how its launcher
// ended.
func (s *stage) background(args string) string {
	s.Helper()
	program := s.Namesake()
	return strings.TrimSpace(s.Sh(s.a, program+" -D "+args+" >/run/out 2>&1 </dev/null; echo $?"))
}

// ended waits for the process of a pid file, which it ends.
func (s *stage) ended(path string) {
	s.Helper()
	s.Sh(s.a, "kill $(cat "+path+")")
	s.Eventually(10*time.Second, path+" is gone", func() bool { return s.Sh(s.a, "ls "+path+" 2>/dev/null || true") == "" })
}

// Reference, interfaces section 4: the names, modes and contents of the pid files, and
// that they go with the daemon.
func TestSection4_PIDFiles(t *testing.T) {
	for _, c := range []struct {
		name, words, args string
		files             []string
		dir               bool
	}{
		{"alone", "", "", []string{"/run/keepalived.pid", "/run/vrrp.pid", "/run/checkers.pid"}, false},
		{"use_pid_dir", "use_pid_dir\n", "", []string{"/run/keepalived/keepalived.pid", "/run/keepalived/vrrp.pid", "/run/keepalived/checkers.pid"}, true},
		{"instance", "instance x\n", "", []string{"/run/keepalived/keepalived_x.pid", "/run/keepalived/vrrp_x.pid", "/run/keepalived/checkers_x.pid"}, true},
		{"net_namespace", "net_namespace red\n", "", []string{"/run/keepalived/red/keepalived.pid", "/run/keepalived/red/vrrp.pid", "/run/keepalived/red/checkers.pid"}, false},
		{"named", "", "-p /run/p -r /run/r -c /run/c", []string{"/run/p", "/run/r", "/run/c"}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			s.inner("red")
			s.Must(s.a.WriteFile(confPath, c.words+conf(150, "", vip+"/24"), 0o644))
			d := s.keepalived(confPath, strings.Fields(c.args)...)
			d.Says("Entering MASTER STATE")
			s.pidFile(c.files[0], d)
			s.pidFile(c.files[1], d)
			worker := s.worker(d.Pid())
			if got := strings.TrimSpace(s.Sh(s.a, "cat "+c.files[2])); got == "" || got == s.pid(d) {
				t.Errorf("%s has %q, and the worker is %d", c.files[2], got, worker)
			}
			if got := s.Sh(s.a, "stat -c %a "+strings.Join(c.files, " ")); got != "644\n644\n644\n" {
				t.Errorf("the modes are\n%s", got)
			}
			if c.dir && s.Sh(s.a, "stat -c %a /run/keepalived") != "755\n" {
				t.Error("the directory is not for everybody")
			}
			d.Signal(syscall.SIGTERM)
			if status := d.Exit(); status != 0 {
				t.Errorf("exit status %d", status)
			}
			if got := s.Sh(s.a, "ls "+strings.Join(c.files, " ")+" 2>/dev/null || true"); got != "" {
				t.Errorf("left are\n%s", got)
			}
			if c.dir && s.Sh(s.a, "ls -d /run/keepalived 2>/dev/null || true") != "" {
				t.Error("the empty directory is left")
			}
		})
	}
}

// Reference, interfaces section 4: symbolic links are refused.
func TestSection4_APIDFileIsNotWrittenThroughALink(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile(confPath, conf(150, "", vip+"/24"), 0o644))
	s.Sh(s.a, "echo precious >/run/other; ln -s /run/other /run/keepalived.pid")
	d := s.keepalived(confPath)
	if status := d.Exit(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	if got := s.Sh(s.a, "cat /run/other"); got != "precious\n" {
		t.Errorf("the file behind the link says %q", got)
	}
}

// Reference, interfaces section 5: the statuses to exit with.
func TestSection5_ExitStatuses(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile(confPath, conf(150, "", vip+"/24"), 0o644))
	s.Must(s.a.WriteFile("/run/bad.conf", "vrrp_instance V {\n\tinterface eth0\n\tvirtual_ipaddress {\n\t\t"+vip+"\n\t}\n}\n", 0o644))
	first := s.keepalived(confPath)
	first.Says("Entering MASTER STATE")
	for _, c := range []struct {
		name, args, says string
		want             int
	}{
		{"already running", "-n -l", "daemon is already running", 0},
		{"an unknown option", "--no-such-option", "no-such-option", 1},
		{"an option without its argument", "-f", "", 1},
		{"a configuration that cannot run", "-n -l -p /run/p1 -r /run/r1 -c /run/c1 -f /run/bad.conf", "virtual_router_id", 2},
		{"no configuration", "-n -l -p /run/p2 -r /run/r2 -c /run/c2 -f /run/none.conf", "none.conf", 6},
		{"the launcher, whatever becomes of it", "-p /run/p3 -r /run/r3 -c /run/c3 -f /run/none.conf", "", 0},
		{"--version", "-v", "", 0},
		{"--help", "-h", "", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := *s
			s.T = t
			program := s.Namesake()
			out := strings.TrimSpace(s.Sh(s.a, "timeout 20 "+program+" "+c.args+" 2>&1; echo $?"))
			if !strings.HasSuffix(out, strconv.Itoa(c.want)) || !strings.Contains(out, c.says) {
				t.Errorf("got %q, want %q and status %d", out, c.says, c.want)
			}
		})
	}
	first.Signal(syscall.SIGTERM)
	if status := first.Exit(); status != 0 {
		t.Errorf("a stop has status %d", status)
	}
	program := s.Namesake()
	if out := s.Sh(s.a, "chmod 777 /run; setpriv --reuid 65534 --clear-groups "+program+" -n -l -p /run/p4 -r /run/r4 -c /run/c4 2>&1; echo $?"); !strings.HasSuffix(out, "4\n") {
		t.Errorf("without permission: %q", out)
	}
}

// Copies whose names come from included files, definitions and ~SEQ run side by side,
// in the background too; a log file and the dumps carry the names of each.
func TestCopiesInTheBackgroundByIncludesAndDefinitions(t *testing.T) {
	s := newStage(t)
	for _, f := range []struct{ name, text string }{
		{"one", "$WHO=one\n~SEQ(i, 1, 1) include /etc/keepalived/name-${i}.conf\n" + settings("data_use_instance")},
		{"name-1", "instance $WHO\n"},
		{"two", "$WHAT=instance\n$WHAT two\n" + strings.NewReplacer("router_id 7", "router_id 8", vip, "10.0.0.51").Replace(settings("data_use_instance"))},
	} {
		s.Must(s.a.WriteFile("/etc/keepalived/"+f.name+".conf", f.text, 0o644))
	}
	for _, name := range []string{"one", "two"} {
		if status := s.background("-g/run/k.log -f /etc/keepalived/" + name + ".conf"); status != "0" {
			t.Errorf("the launcher of %s ends with %s: %s", name, status, s.Sh(s.a, "cat /run/out"))
		}
	}
	for name, addr := range map[string]string{"one": vip, "two": "10.0.0.51"} {
		s.Eventually(10*time.Second, "the address of "+name+" is held", func() bool { return s.holds(s.a, addr) })
		s.Eventually(5*time.Second, "the log of "+name, func() bool {
			return strings.Contains(s.Sh(s.a, "cat /run/k_"+name+".log 2>/dev/null || true"), "Entering MASTER STATE")
		})
		s.Sh(s.a, "kill -USR1 $(cat /run/keepalived/vrrp_"+name+".pid)")
		s.Eventually(5*time.Second, "the dump of "+name, func() bool { return s.Sh(s.a, "ls /tmp/keepalived."+name+".data 2>/dev/null || true") != "" })
	}
	s.ended("/run/keepalived/keepalived_one.pid")
	if s.holds(s.a, vip) || !s.holds(s.a, "10.0.0.51") {
		t.Error("the stop of one is not its own")
	}
	s.ended("/run/keepalived/keepalived_two.pid")
	s.Eventually(5*time.Second, "nothing is left", func() bool { return s.Sh(s.a, "ls -d /run/keepalived 2>/dev/null || true") == "" })
}
