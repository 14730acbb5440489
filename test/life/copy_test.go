package life

import (
	"os"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/stand"
)

// keepalived runs the program under keepalived's name, in the foreground.
func (s *stage) keepalived(file string, args ...string) *stand.Daemon {
	s.Helper()
	program := s.Namesake()
	return s.Launch(s.a, program, append([]string{"-n", "-l", "-D", "-f", file}, args...)...)
}

// inner makes network namespaces on node a, each with an eth0 of its own.
func (s *stage) inner(names ...string) {
	s.Helper()
	for _, name := range names {
		s.Sh(s.a, "ip netns add "+name+
			" && ip link add "+name+"0 type veth peer name eth0 netns "+name+" && ip link set "+name+"0 up"+
			" && ip -n "+name+" addr add 10.0.0.3/24 dev eth0 && ip -n "+name+" link set eth0 up && ip -n "+name+" link set lo up")
	}
}

func (s *stage) pidFile(path string, d *stand.Daemon) {
	s.Helper()
	s.Eventually(5*time.Second, path+" names the daemon", func() bool {
		return strings.TrimSpace(s.Sh(s.a, "cat "+path+" || true")) == s.pid(d)
	})
}

// pid is what a daemon calls itself, in the process namespace of its node.
func (s *stage) pid(d *stand.Daemon) string {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(d.Pid()) + "/status")
	s.Must(err)
	for line := range strings.Lines(string(text)) {
		if words := strings.Fields(line); words[0] == "NSpid:" {
			return words[len(words)-1]
		}
	}
	return ""
}

// A daemon that is started outside moves into the namespace, with all its threads
// and with a directory of pid files that no other namespace sees.
func TestNetNamespaceHoldsTheWholeDaemon(t *testing.T) {
	s := newStage(t)
	s.inner("red", "blue")
	s.Must(s.a.WriteFile("/etc/keepalived/red.conf", "net_namespace red\n"+conf(150, "", vip+"/24"), 0o644))
	s.Must(s.a.WriteFile("/etc/keepalived/blue.conf", conf(150, "", vip+"/24"), 0o644))
	s.Must(s.a.WriteFile(confPath, conf(150, "", "10.0.0.51/24"), 0o644))
	outside := s.keepalived(confPath)
	red, blue := s.keepalived("/etc/keepalived/red.conf"), s.keepalived("/etc/keepalived/blue.conf", "-s", "blue")
	for _, d := range []*stand.Daemon{outside, red, blue} {
		d.Says("Entering MASTER STATE")
	}
	for _, name := range []string{"red", "blue"} {
		s.Eventually(5*time.Second, "the address is in "+name, func() bool { return strings.Contains(s.Sh(s.a, "ip -n "+name+" addr"), vip) })
	}
	if s.holds(s.a, vip) {
		t.Error("the address of the namespaces is outside")
	}
	s.pidFile("/run/keepalived.pid", outside)
	s.pidFile("/run/keepalived/red/keepalived.pid", red)
	s.pidFile("/run/keepalived/blue/vrrp.pid", blue)
	red.Signal(syscall.SIGTERM)
	if status := red.Exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if out := s.Sh(s.a, "ip -n red addr"); strings.Contains(out, vip) {
		t.Errorf("after the stop:\n%s", out)
	}
}

func TestANamespaceThatIsMissingIsNamed(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile(confPath, "net_namespace red\n"+conf(150, "", vip+"/24"), 0o644))
	d := s.keepalived(confPath)
	if status := d.Exit(); status != 1 {
		t.Errorf("exit status %d", status)
	}
	d.Says(`enter network namespace red: .*no such file(?s:.*)ip netns add red`)
	if s.holds(s.a, vip) {
		t.Error("the address is outside")
	}
}

// Copies with names run side by side; each has pid files by its name, and a reload
// cannot change it.
func TestInstancesRunSideBySide(t *testing.T) {
	s := newStage(t)
	one := "instance one\n" + conf(150, "", vip+"/24")
	two := strings.Replace(conf(150, "", "10.0.0.51/24"), "virtual_router_id 7", "virtual_router_id 8", 1)
	s.Must(s.a.WriteFile("/etc/keepalived/two.conf", "instance two\n"+two, 0o644))
	s.Must(s.a.WriteFile(confPath, one, 0o644))
	first := s.keepalived(confPath)
	first.Says("Entering MASTER STATE")
	second := s.keepalived("/etc/keepalived/two.conf")
	second.Says("Entering MASTER STATE")
	if n := first.Count("put back"); n != 0 {
		t.Errorf("the second took %d addresses of the first away", n)
	}
	s.pidFile("/run/keepalived/keepalived_one.pid", first)
	s.pidFile("/run/keepalived/vrrp_two.pid", second)
	if out := s.Sh(s.a, "ls /run"); strings.Contains(out, ".pid") {
		t.Errorf("pid files beside the directory:\n%s", out)
	}
	s.Must(s.a.WriteFile(confPath, strings.Replace(one, "one", "three", 1), 0o644))
	first.Signal(syscall.SIGHUP)
	first.Says("Cannot change instance at a reload - please restart keepalived")
	again := s.keepalived("/etc/keepalived/two.conf")
	if status := again.Exit(); status != 0 {
		t.Errorf("a second daemon of one name: exit status %d", status)
	}
	for _, d := range []*stand.Daemon{first, second} {
		d.Signal(syscall.SIGTERM)
		d.Exit()
	}
	if out := s.Sh(s.a, "ls /run"); strings.Contains(out, "keepalived") {
		t.Errorf("after the stops there is\n%s", out)
	}
}

func TestUsePidDir(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile(confPath, "use_pid_dir\n"+conf(150, "", vip+"/24"), 0o644))
	d := s.keepalived(confPath)
	d.Says("Entering MASTER STATE")
	s.pidFile("/run/keepalived/keepalived.pid", d)
}
