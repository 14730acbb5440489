package life

import (
	"encoding/hex"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/stand"
)

// sealedConf is a configuration under auth_hmac.
func sealedConf(priority int, mode string, active int, keys ...string) string {
	return conf(priority, "auth_hmac {\n"+strings.Join(keys, "\n")+fmt.Sprintf("\nactive_key %d\nmode %s\n}", active, mode), vip)
}

const (
	keyOne = "key 1 first-secret-of-thirty-two-bytes-1"
	keyTwo = "key 2 second-secret-of-thirty-two-byte"
)

func TestWhoHasNoKeyTakesNothingAway(t *testing.T) {
	for name, way := range map[string][2]string{
		"multicast": {"", ""},
		"unicast":   {"unicast_peer {\n10.0.0.2\n10.0.0.9\n}", "unicast_peer {\n10.0.0.1\n10.0.0.9\n}"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			text := func(priority, node int) string {
				return strings.Replace(sealedConf(priority, "enforce", 1, keyOne), "auth_hmac", way[node]+"\nauth_hmac", 1)
			}
			a := s.Start(s.a, text(150, 0))
			a.Says("Entering MASTER STATE")
			b := s.Start(s.b, text(100, 1))
			b.Says("master set to 10.0.0.1")
			stranger := "unicast_peer {\n10.0.0.1\n10.0.0.2\n}"
			if name == "multicast" {
				stranger = ""
			}
			s.Start(s.client, conf(250, stranger, vip)).Says("Entering MASTER STATE")
			a.Says("advert from 10.0.0.9 has no trailer")
			time.Sleep(time.Second)
			if !s.holds(s.a, vip) || b.Count("Entering MASTER") > 0 || a.Count("no trailer") > 2 {
				t.Errorf("a stranger moved the address, or floods the log:\n%s", a.Log())
			}
			a.Signal(syscall.SIGTERM)
			b.Says("Entering MASTER STATE")
		})
	}
}

// The way from no trailers to enforced ones, and from one key to the next, reload by
// reload and node by node: there is never a second master.
func TestRollingIntroductionAndRotation(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(150, "", vip))
	a.Says("Entering MASTER STATE")
	b := s.Start(s.b, conf(100, "", vip))
	b.Says("master set to")
	for _, step := range []struct {
		mode   string
		active int
		keys   []string
	}{
		{"receive-only", 1, []string{keyOne}},
		{"permissive", 1, []string{keyOne}},
		{"enforce", 1, []string{keyOne}},
		{"enforce", 1, []string{keyOne, keyTwo}},
		{"enforce", 2, []string{keyOne, keyTwo}},
		{"enforce", 2, []string{keyTwo}},
	} {
		for _, d := range []*stand.Daemon{b, a} {
			priority := map[*stand.Daemon]int{a: 150, b: 100}[d]
			d.Reload(sealedConf(priority, step.mode, step.active, step.keys...))
			time.Sleep(500 * time.Millisecond)
		}
	}
	if n := b.Count("Entering MASTER"); n > 0 || a.Count("Entering BACKUP") > 1 || b.Count("auth_hmac: advert") > 0 || a.Count("Reload complete") != 6 {
		t.Errorf("the backup took over %d times:\n%s\n%s", n, a.Log(), b.Log())
	}
}

func TestASealedIPv6PairHandsOver(t *testing.T) {
	s := newStage(t)
	text := func(priority int) string {
		return strings.Replace(sealedConf(priority, "enforce", 1, keyOne), vip, "fe80::100", 1)
	}
	a := s.Start(s.a, text(150))
	a.Says("Entering MASTER STATE")
	b := s.Start(s.b, text(100))
	b.Says("master set to fe80::")
	a.Signal(syscall.SIGTERM)
	b.Says("Backup received priority 0 advertisement")
	b.Says("Entering MASTER STATE")
}

// Whatever is logged, dumped or found: no key is in it.
func TestNoKeyIsEverTold(t *testing.T) {
	const marker = "marker-secret-of-thirty-two-bytes"
	s := newStage(t)
	s.Must(s.a.WriteFile("/etc/keepalived/key", marker+"\n", 0o644)) // others may read it
	keys := []string{"key 1 " + marker, "key 2 hex:" + hex.EncodeToString([]byte(marker)), "key 3 file:/etc/keepalived/key", "key 4 file:/nonexistent", "key 5 " + marker[:20]}
	text := sealedConf(150, "enforce", 3, keys...)
	s.Must(s.a.WriteFile(confPath, text, 0o644))
	a := s.Launch(s.a, s.Namesake(), "-n", "-l", "-D", "-d", "-f", confPath)
	a.Says("Entering MASTER STATE")
	a.Signal(syscall.SIGUSR1)
	a.Says("state written to")
	a.Reload(strings.Replace(text, "active_key 3", "active_key 1", 1))
	told := a.Log() + s.Sh(s.a, "cat /tmp/keepalived.data 2>/dev/null; "+
		stand.Program()+" check --json "+confPath+"; "+stand.Program()+" check --host "+confPath+"; true")
	for _, secret := range []string{marker[:20], hex.EncodeToString([]byte(marker))[:20]} {
		if strings.Contains(told, secret) {
			t.Errorf("a key is told:\n%s", told)
		}
	}
	if !strings.Contains(told, "others may read the file of key 3") || !strings.Contains(told, "key 4 is left out") {
		t.Errorf("findings are missing:\n%s", told)
	}
}

func TestTheActiveKeyThatCannotBeReadIsNoReload(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/etc/keepalived/key", strings.TrimPrefix(keyOne, "key 1 "), 0o600))
	text := sealedConf(150, "enforce", 1, "key 1 file:/etc/keepalived/key")
	a := s.Start(s.a, text)
	a.Says("Entering MASTER STATE")
	s.Sh(s.a, "rm /etc/keepalived/key")
	a.Reload(text)
	a.Says("key 1, which signs: open /etc/keepalived/key: no such file or directory")
	if !s.holds(s.a, vip) {
		t.Error("the address is gone")
	}
}

// A process that stood still for longer than its peers wait says nothing as master
// before it has listened: not one advert of its own crosses that of the new one.
func TestAStoppedMasterListensBeforeItSpeaks(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(150, "nopreempt", vip))
	a.Says("Entering MASTER STATE")
	b := s.Start(s.b, conf(100, "nopreempt", vip))
	b.Says("master set to 10.0.0.1")
	a.Signal(syscall.SIGSTOP)
	b.Says("Entering MASTER STATE")
	time.Sleep(500 * time.Millisecond)
	a.Signal(syscall.SIGCONT)
	a.Says(`Entering BACKUP STATE \(overslept: silent for .*, 10.0.0.2 took over\)`)
	a.Says("A thread timer expired")
	time.Sleep(500 * time.Millisecond)
	if s.holds(s.a, vip) || !s.holds(s.b, vip) || b.Count("Received advert from|Master received") > 0 {
		t.Errorf("the sleeper spoke first:\n%s", b.Log())
	}
}

func TestAStoppedMasterWithoutSuccessorGoesOnAndAnnouncesItsAddress(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(150, "garp_master_delay 0", vip))
	a.Says("Entering MASTER STATE")
	time.Sleep(300 * time.Millisecond) // the first announcements are out
	heard := s.listen(s.client, "arp and arp[14:4] = 0x0a000064")
	a.Signal(syscall.SIGSTOP)
	time.Sleep(time.Second)
	a.Signal(syscall.SIGCONT)
	a.Says("A thread timer expired")
	time.Sleep(500 * time.Millisecond)
	if n := len(heard()); n != 5 {
		t.Errorf("announced %d times, want 5 rounds", n)
	}
	if a.Count("Entering BACKUP") > 1 || !s.holds(s.a, vip) {
		t.Errorf("the role changed:\n%s", a.Log())
	}
}
