package packages

import (
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"
)

// exposed is how much systemd-analyze may find open in the unit: 0 is a program that may do
// nothing, 10 one that is not confined.
const exposed = 5.0

// installed is a machine whose holdfast.service has taken the place of keepalived.service.
func installed(t *testing.T) *machine {
	t.Helper()
	m := debian(t, fast(100))
	m.sh("dpkg -i /tmp/" + deb)
	m.sh("systemctl start holdfast")
	m.runs("holdfast", "/usr/bin/holdfast")
	m.hasTheAddress()
	return m
}

func TestTheUnitIsInOrderAndConfined(t *testing.T) {
	m := installed(t)
	if out := m.sh("systemd-analyze verify --man=no holdfast.service 2>&1 | grep -i holdfast || true"); out != "" {
		t.Errorf("systemd-analyze verify says:\n%s", out)
	}
	out := m.sh("systemd-analyze security --no-pager holdfast.service")
	level := regexp.MustCompile(`exposure level for holdfast.service: ([0-9.]+)`).FindStringSubmatch(out)
	if level == nil {
		t.Fatalf("no level in:\n%s", out)
	}
	if found, err := strconv.ParseFloat(level[1], 64); err != nil || found > exposed {
		t.Errorf("the unit is exposed by %s, at most %v is meant:\n%s", level[1], exposed, out)
	}
	t.Logf("exposure level %s", level[1])
	if state := m.property("keepalived", "ActiveState"); state != "inactive" {
		t.Errorf("keepalived is %s beside it", state)
	}
}

// The next start goes on as MASTER: nobody is told of a transition.
func TestTheUnitIsStartedAgainAtOnce(t *testing.T) {
	for name, crash := range map[string]string{
		"after a crash":              "kill -s SEGV",
		"after a death":              "kill -s KILL",
		"when the loop stands still": "kill -s STOP",
	} {
		t.Run(name, func(t *testing.T) {
			m := installed(t)
			m.write("/run/systemd/system/holdfast.service.d/short.conf", "[Service]\nWatchdogSec=1\nTimeoutAbortSec=1\n")
			m.sh("systemctl daemon-reload && systemctl restart holdfast")
			m.hasTheAddress()
			pid := m.property("holdfast", "MainPID")
			m.sh(crash + " " + pid)
			m.Eventually(10*time.Second, "another process runs", func() bool {
				now := m.property("holdfast", "MainPID")
				return now != "0" && now != pid && m.property("holdfast", "ActiveState") == "active"
			})
			m.Eventually(5*time.Second, "it is MASTER", func() bool {
				out, _ := m.try("holdfast status")
				return strings.Contains(out, "MASTER")
			})
			m.hasTheAddress()
		})
	}
}

// A loop that turns is left alone by the watchdog.
func TestTheWatchdogIsFed(t *testing.T) {
	m := installed(t)
	m.write("/run/systemd/system/holdfast.service.d/short.conf", "[Service]\nWatchdogSec=500ms\n")
	m.sh("systemctl daemon-reload && systemctl restart holdfast")
	pid := m.property("holdfast", "MainPID")
	m.sh("sleep 3")
	if now := m.property("holdfast", "MainPID"); now != pid || m.property("holdfast", "NRestarts") != "0" {
		t.Errorf("it was started again: %s, then %s", pid, now)
	}
}

// A configuration that cannot be run ends in a unit that has failed, not in starts without end;
// a reload of it fails, says why, and changes nothing.
func TestTheUnitSaysWhatCannotRun(t *testing.T) {
	m := installed(t)
	pid := m.property("holdfast", "MainPID")
	m.write("/etc/keepalived/keepalived.conf", fast(100)+"vrrp_instance {\n")
	if out, err := m.try("systemctl reload holdfast"); err == nil {
		t.Errorf("the reload succeeds:\n%s", out)
	}
	if log := m.sh("journalctl --no-pager -u holdfast"); !strings.Contains(log, "refused: nothing is changed") {
		t.Errorf("the journal does not say why:\n%s", log)
	}
	if m.property("holdfast", "MainPID") != pid || m.property("holdfast", "ActiveState") != "active" {
		t.Error("the daemon did not go on")
	}
	m.sh("systemctl restart holdfast || true")
	m.Eventually(5*time.Second, "the unit has failed", func() bool { return m.property("holdfast", "ActiveState") == "failed" })
	if n := m.property("holdfast", "NRestarts"); n != "0" {
		t.Errorf("it was started again %s times", n)
	}
}

// Scripts of root get no more than the unit has, and what the daemon itself may do is less.
func TestTheUnitBoundsWhatScriptsMayDo(t *testing.T) {
	m := installed(t)
	m.write("/etc/keepalived/told.sh", "#!/bin/sh\ngrep ^Cap /proc/self/status > /run/holdfast/rights\n")
	m.sh("chmod 755 /etc/keepalived/told.sh")
	m.write("/etc/keepalived/keepalived.conf", strings.Replace(strings.Replace(fast(100), "vrrp_version 3", "vrrp_version 3\n\tscript_user root\n\tenable_script_security", 1), "advert_int 0.1", "advert_int 0.1\n\tnotify /etc/keepalived/told.sh", 1))
	m.sh("systemctl restart holdfast")
	m.Eventually(10*time.Second, "the script has run", func() bool { _, err := os.Stat(m.path("/run/holdfast/rights")); return err == nil })
	of := func(text, name string) uint64 {
		t.Helper()
		found := regexp.MustCompile(name + `:\s+([0-9a-f]+)`).FindStringSubmatch(text)
		if found == nil {
			t.Fatalf("no %s in:\n%s", name, text)
		}
		set, err := strconv.ParseUint(found[1], 16, 64)
		m.Must(err)
		return set
	}
	script := m.sh("cat /run/holdfast/rights")
	main := m.sh("cat /proc/" + m.property("holdfast", "MainPID") + "/status")
	if bound := of(main, "CapBnd"); of(script, "CapEff") != bound || bound&(1<<21) != 0 {
		t.Errorf("a script of root may do %x, the unit allows %x", of(script, "CapEff"), bound)
	}
	if own, bound := of(main, "CapPrm"), of(main, "CapBnd"); own&^bound != 0 || own == bound {
		t.Errorf("the daemon keeps %x of %x", own, bound)
	}
}

// A key that only systemd can read comes in by LoadCredential=.
func TestTheUnitTakesKeysAsCredentials(t *testing.T) {
	m := installed(t)
	m.sh("umask 077 && mkdir -p /etc/holdfast && echo a-key-of-at-least-thirty-two-bytes > /etc/holdfast/vrrp.key")
	m.write("/etc/systemd/system/holdfast.service.d/key.conf", "[Service]\nLoadCredential=vrrp.key:/etc/holdfast/vrrp.key\n")
	m.write("/etc/holdfast/holdfast.conf", strings.Replace(fast(100), "advert_int 0.1", "advert_int 0.1\n\tauth_hmac {\n\t\tkey 1 file:vrrp.key\n\t\tactive_key 1\n\t}", 1))
	m.sh("systemctl daemon-reload && systemctl restart holdfast")
	m.runs("holdfast", "/usr/bin/holdfast")
	m.hasTheAddress()
	if log := m.sh("holdfast check /etc/holdfast/holdfast.conf; journalctl --no-pager -u holdfast -I 2>/dev/null || journalctl --no-pager -u holdfast"); strings.Contains(log, "without auth_hmac") {
		t.Errorf("the key is not there:\n%s", log)
	}
}

// A network namespace asks for more than the unit gives; the drop-in of the examples gives it.
func TestTheUnitEntersANetworkNamespaceByADropIn(t *testing.T) {
	m := installed(t)
	m.sh("ip netns add red && ip link add v0 up type veth peer name v1 netns red && ip -n red addr add 10.9.0.1/24 dev v1 && ip -n red link set v1 up")
	text := strings.NewReplacer("eth0", "v1", "10.0.0.100", "10.9.0.100", "global_defs", "net_namespace red\nglobal_defs").Replace(fast(100))
	m.write("/etc/holdfast/holdfast.conf", text)
	if out, err := m.try("systemctl restart holdfast; sleep 1; systemctl is-active holdfast"); err == nil {
		t.Errorf("it starts without: %s", out)
	}
	if log := m.sh("journalctl --no-pager -u holdfast"); !strings.Contains(log, "give CAP_SYS_ADMIN") {
		t.Errorf("the journal does not say what is missing:\n%s", log)
	}
	m.sh("install -D -m 644 /usr/share/doc/holdfast/examples/net-namespace.conf /etc/systemd/system/holdfast.service.d/net-namespace.conf && systemctl daemon-reload && systemctl restart holdfast")
	m.Eventually(10*time.Second, "the address is in the namespace", func() bool { return strings.Contains(m.sh("ip -n red -o addr"), " 10.9.0.100/24 ") })
}
