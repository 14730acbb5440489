package life

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// onBus is a configuration with objects on the bus: of both families, on a macvlan too.
const onBus = `global_defs {
	enable_dbus
}
vrrp_instance V1 {
	interface eth0
	use_vmac
	virtual_router_id 7
	priority 150
	version 3
	advert_int 0.1
	virtual_ipaddress {
		10.0.0.100/24
	}
}
vrrp_instance V6 {
	interface eth0
	virtual_router_id 9
	version 3
	advert_int 0.1
	virtual_ipaddress {
		fe80::99
	}
}
`

// busOn runs a system bus on a node, with a monitor of keepalived's signals.
func (s *stage) busOn(n *netns.Node) (bus, monitor *stand.Daemon) {
	s.Helper()
	s.Must(n.WriteFile("/run/bus.conf", `<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/bus</listen>
  <policy context="default">
    <allow send_destination="*" eavesdrop="true"/>
    <allow eavesdrop="true"/>
    <allow own="*"/>
    <allow user="*"/>
  </policy>
</busconfig>
`, 0o644))
	bus = s.launchBus(n)
	monitor = s.Launch(n, "env", busVariable, "dbus-monitor", "--system", "type=signal,path_namespace=/org/keepalived")
	monitor.Says("NameLost") // it is a monitor now
	return bus, monitor
}

const busVariable = "DBUS_SYSTEM_BUS_ADDRESS=unix:path=/run/bus"

func (s *stage) launchBus(n *netns.Node) *stand.Daemon {
	s.Helper()
	bus := s.Launch(n, "dbus-daemon", "--config-file=/run/bus.conf", "--nofork", "--nopidfile")
	s.Eventually(5*time.Second, "the bus is there", func() bool { return s.Sh(n, "ls /run/bus 2>/dev/null || true") != "" })
	return bus
}

// called is what a call of a method answers, or the error.
func (s *stage) called(n *netns.Node, path, method string, args ...string) string {
	s.Helper()
	return s.calledOf(n, "org.keepalived.Vrrp1", path, method, args...)
}

// calledOf is called of a daemon by another name.
func (s *stage) calledOf(n *netns.Node, service, path, method string, args ...string) string {
	s.Helper()
	out := s.Sh(n, fmt.Sprintf("%s dbus-send --system --print-reply --reply-timeout=3000 --dest=%s %s %s %s 2>&1 || true", busVariable, service, path, method, strings.Join(args, " ")))
	_, answer, found := strings.Cut(out, "\n")
	if !found || strings.HasPrefix(out, "Error") {
		return out
	}
	return strings.Join(strings.Fields(answer), " ")
}

// questions are calls that both programs answer alike.
func (s *stage) questions(n *netns.Node) (answers []string) {
	s.Helper()
	const (
		root       = "/org/keepalived/Vrrp1"
		one        = root + "/Instance/eth0/7/IPv4"
		instance   = "org.keepalived.Vrrp1.Instance"
		daemon     = "org.keepalived.Vrrp1.Vrrp"
		properties = "org.freedesktop.DBus.Properties."
		introspect = "org.freedesktop.DBus.Introspectable.Introspect"
	)
	for _, q := range [][]string{
		{"/", introspect}, {"/org/keepalived", introspect}, {root, introspect}, {root + "/Vrrp", introspect}, {root + "/Instance/eth0/7", introspect},
		{one, introspect}, {root + "/Instance/eth0/9/IPv6", introspect}, {root + "/Instance/eth0/99/IPv4", introspect},
		{one, properties + "Get", "string:" + instance, "string:Name"},
		{one, properties + "Get", "string:" + instance, "string:State"},
		{one, properties + "Get", "string:" + instance, "string:Nothing"},
		{one, properties + "GetAll", "string:" + instance},
		{one, properties + "Set", "string:" + instance, "string:Name", "variant:string:x"},
		{root + "/Vrrp", properties + "GetAll", "string:" + daemon},
		{one, "org.freedesktop.DBus.Peer.Ping"},
		{one, instance + ".SendGarp"},
		{root + "/Instance/eth0/99/IPv4", instance + ".SendGarp"},
		{root + "/Vrrp", daemon + ".PrintData"}, {root + "/Vrrp", daemon + ".PrintStats"}, {root + "/Vrrp", daemon + ".PrintStatsClear"},
		{root + "/Vrrp", daemon + ".Nothing"},
	} {
		answers = append(answers, strings.Join(q, " ")+": "+inOrder(s.called(n, q[0], q[1], q[2:]...)))
	}
	return answers
}

// inOrder drops what has no order: which of the nodes below, or of the properties, comes
// first is chance.
func inOrder(answer string) string {
	nodes := regexp.MustCompile(`<node name="[^"]*"/> `)
	list := nodes.FindAllString(answer, -1)
	answer = regexp.MustCompile(`<!-- GDBus [0-9.]+ --> `).ReplaceAllString(answer, "")
	return nodes.ReplaceAllString(answer, "") + fmt.Sprint(len(list))
}

// told are the signals in a log of the monitor, each as PATH MEMBER NUMBER. At its start
// keepalived may or may not tell that an instance has no state yet: that depends on which of
// its threads is first.
func told(log string) (list []string) {
	re := regexp.MustCompile(`path=/org/keepalived/Vrrp1(\S*); interface=\S+; member=(\w+)\n(?:   uint32 (\d+))?`)
	for _, m := range re.FindAllStringSubmatch(log, -1) {
		if m[2] != "VrrpStatusChange" || m[3] != "0" {
			list = append(list, strings.TrimSpace(strings.Join(m[1:], " ")))
		}
	}
	return list
}

// Reference, interfaces section 13: objects, properties, methods and signals are those of
// keepalived on the same bus.
func TestDBusIsThatOfKeepalived(t *testing.T) {
	s := newStage(t)
	_, monitor := s.busOn(s.a)
	s.Must(s.a.WriteFile(confPath, onBus, 0o644))
	seen := 0
	see := func(d *stand.Daemon) (answers, signals []string) {
		s.Eventually(15*time.Second, "both are MASTER", func() bool {
			return strings.Count(strings.Join(told(monitor.Log()[seen:]), "\n"), "VrrpStatusChange 2") == 2
		})
		answers = s.questions(s.a)
		s.called(s.a, "/org/keepalived/Vrrp1/Vrrp", "org.keepalived.Vrrp1.Vrrp.ReloadConfig")
		s.Eventually(10*time.Second, "the reload is told", func() bool { return strings.Contains(monitor.Log()[seen:], "VrrpReloaded") })
		d.Stop(syscall.SIGTERM)
		s.Eventually(5*time.Second, "the end is told", func() bool { return strings.Contains(monitor.Log()[seen:], "VrrpStopped") })
		signals = told(monitor.Log()[seen:])
		seen = len(monitor.Log())
		return answers, signals
	}
	wantAnswers, wantSignals := see(s.Launch(s.a, "env", busVariable, "keepalived", "-n", "-l", "-D", "-f", confPath))
	gotAnswers, gotSignals := see(s.Launch(s.a, "env", busVariable, stand.Program(), "run", "-D", "-f", confPath))
	if diff := cmp.Diff(wantAnswers, gotAnswers); diff != "" {
		t.Errorf("answers (-keepalived +holdfast):\n%s", diff)
	}
	if diff := cmp.Diff(wantSignals, gotSignals); diff != "" {
		t.Errorf("signals (-keepalived +holdfast):\n%s", diff)
	}
}

// SendGarp announces the addresses of an instance; dbus_service_name is the name on the bus.
func TestDBusAnnouncesAddresses(t *testing.T) {
	s := newStage(t)
	s.busOn(s.a)
	s.Must(s.a.WriteFile(confPath, "global_defs {\nenable_dbus\ndbus_service_name org.example.Router\n}\n"+conf(150, "garp_master_delay 0", "10.0.0.100/24"), 0o644))
	d := s.Launch(s.a, "env", busVariable, stand.Program(), "run", "-D", "-f", confPath)
	d.Says("Entering MASTER STATE")
	time.Sleep(300 * time.Millisecond) // its own announcements are over
	dump := s.Launch(s.client, "tcpdump", "-lni", "eth0", "arp", "and", "host", "10.0.0.100")
	dump.Says("listening on")
	if got := s.calledOf(s.a, "org.example.Router", "/org/keepalived/Vrrp1/Instance/eth0/7/IPv4", "org.keepalived.Vrrp1.Instance.SendGarp"); got != "" {
		t.Errorf("it answers %q", got)
	}
	dump.Says(`10\.0\.0\.100`)
}

// The daemon is on the bus again when that was started anew, with the roles that there are.
func TestDBusComesBackWithTheBus(t *testing.T) {
	s := newStage(t)
	bus, _ := s.busOn(s.a)
	s.Must(s.a.WriteFile(confPath, "global_defs {\nenable_dbus\n}\n"+conf(150, "", "10.0.0.100/24"), 0o644))
	d := s.Launch(s.a, "env", busVariable, stand.Program(), "run", "-D", "-f", confPath)
	isMaster := func() bool {
		return strings.Contains(s.called(s.a, "/org/keepalived/Vrrp1/Instance/eth0/7/IPv4", "org.freedesktop.DBus.Properties.Get", "string:org.keepalived.Vrrp1.Instance", "string:State"), "uint32 2")
	}
	s.Eventually(5*time.Second, "the state is shown", isMaster)
	bus.Stop(syscall.SIGTERM)
	d.Says("D-Bus: org.keepalived.Vrrp1 is not on the bus")
	s.launchBus(s.a)
	s.Eventually(8*time.Second, "the state is shown again", isMaster)
	worker := s.worker(d.Pid())
	s.Must(syscall.Kill(worker, syscall.SIGKILL))
	s.Eventually(10*time.Second, "the next worker shows it", func() bool { return s.worker(d.Pid()) != worker && isMaster() })
}
