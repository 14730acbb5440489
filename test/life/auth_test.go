package life

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
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
			a := s.start(s.a, text(150, 0))
			a.says("Entering MASTER STATE")
			b := s.start(s.b, text(100, 1))
			b.says("master set to 10.0.0.1")
			stranger := "unicast_peer {\n10.0.0.1\n10.0.0.2\n}"
			if name == "multicast" {
				stranger = ""
			}
			s.start(s.client, conf(250, stranger, vip)).says("Entering MASTER STATE")
			a.says("advert from 10.0.0.9 has no trailer")
			time.Sleep(time.Second)
			if !s.holds(s.a, vip) || b.count("Entering MASTER") > 0 || a.count("no trailer") > 2 {
				t.Errorf("a stranger moved the address, or floods the log:\n%s", a.log())
			}
			a.signal(syscall.SIGTERM)
			b.says("Entering MASTER STATE")
		})
	}
}

// The way from no trailers to enforced ones, and from one key to the next, reload by
// reload and node by node: there is never a second master.
func TestRollingIntroductionAndRotation(t *testing.T) {
	s := newStage(t)
	a := s.start(s.a, conf(150, "", vip))
	a.says("Entering MASTER STATE")
	b := s.start(s.b, conf(100, "", vip))
	b.says("master set to")
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
		for _, d := range []*daemon{b, a} {
			priority := map[*daemon]int{a: 150, b: 100}[d]
			d.reload(sealedConf(priority, step.mode, step.active, step.keys...))
			time.Sleep(500 * time.Millisecond)
		}
	}
	if n := b.count("Entering MASTER"); n > 0 || a.count("Entering BACKUP") > 1 || b.count("auth_hmac: advert") > 0 || a.count("Reload complete") != 6 {
		t.Errorf("the backup took over %d times:\n%s\n%s", n, a.log(), b.log())
	}
}

func TestASealedIPv6PairHandsOver(t *testing.T) {
	s := newStage(t)
	text := func(priority int) string {
		return strings.Replace(sealedConf(priority, "enforce", 1, keyOne), vip, "fe80::100", 1)
	}
	a := s.start(s.a, text(150))
	a.says("Entering MASTER STATE")
	b := s.start(s.b, text(100))
	b.says("master set to fe80::")
	a.signal(syscall.SIGTERM)
	b.says("Backup received priority 0 advertisement")
	b.says("Entering MASTER STATE")
}

// Whatever is logged, dumped or found: no key is in it.
func TestNoKeyIsEverTold(t *testing.T) {
	const marker = "marker-secret-of-thirty-two-bytes"
	s := newStage(t)
	s.must(s.a.WriteFile("/etc/keepalived/key", marker+"\n", 0o644)) // others may read it
	keys := []string{"key 1 " + marker, "key 2 hex:" + hex.EncodeToString([]byte(marker)), "key 3 file:/etc/keepalived/key", "key 4 file:/nonexistent", "key 5 " + marker[:20]}
	text := sealedConf(150, "enforce", 3, keys...)
	s.must(s.a.WriteFile(confPath, text, 0o644))
	a := s.launch(s.a, filepath.Join(filepath.Dir(os.Getenv(programVariable)), "keepalived"), "-n", "-l", "-D", "-d", "-f", confPath)
	a.says("Entering MASTER STATE")
	a.signal(syscall.SIGUSR1)
	a.says("state written to")
	a.reload(strings.Replace(text, "active_key 3", "active_key 1", 1))
	told := a.log() + s.sh(s.a, "cat /tmp/keepalived.data 2>/dev/null; "+
		os.Getenv(programVariable)+" check --json "+confPath+"; "+os.Getenv(programVariable)+" check --host "+confPath+"; true")
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
	s.must(s.a.WriteFile("/etc/keepalived/key", strings.TrimPrefix(keyOne, "key 1 "), 0o600))
	text := sealedConf(150, "enforce", 1, "key 1 file:/etc/keepalived/key")
	a := s.start(s.a, text)
	a.says("Entering MASTER STATE")
	s.sh(s.a, "rm /etc/keepalived/key")
	a.reload(text)
	a.says("key 1, which signs: open /etc/keepalived/key: no such file or directory")
	if !s.holds(s.a, vip) {
		t.Error("the address is gone")
	}
}

// A process that stood still for longer than its peers wait says nothing as master
// before it has listened: not one advert of its own crosses that of the new one.
func TestAStoppedMasterListensBeforeItSpeaks(t *testing.T) {
	s := newStage(t)
	a := s.start(s.a, conf(150, "nopreempt", vip))
	a.says("Entering MASTER STATE")
	b := s.start(s.b, conf(100, "nopreempt", vip))
	b.says("master set to 10.0.0.1")
	a.signal(syscall.SIGSTOP)
	b.says("Entering MASTER STATE")
	time.Sleep(500 * time.Millisecond)
	a.signal(syscall.SIGCONT)
	a.says(`Entering BACKUP STATE \(overslept: silent for .*, 10.0.0.2 took over\)`)
	a.says("A thread timer expired")
	time.Sleep(500 * time.Millisecond)
	if s.holds(s.a, vip) || !s.holds(s.b, vip) || b.count("Received advert from|Master received") > 0 {
		t.Errorf("the sleeper spoke first:\n%s", b.log())
	}
}

func TestAStoppedMasterWithoutSuccessorGoesOnAndAnnouncesItsAddress(t *testing.T) {
	s := newStage(t)
	a := s.start(s.a, conf(150, "garp_master_delay 0", vip))
	a.says("Entering MASTER STATE")
	time.Sleep(300 * time.Millisecond) // the first announcements are out
	heard := s.listen(s.client, "arp and arp[14:4] = 0x0a000064")
	a.signal(syscall.SIGSTOP)
	time.Sleep(time.Second)
	a.signal(syscall.SIGCONT)
	a.says("A thread timer expired")
	time.Sleep(500 * time.Millisecond)
	if n := len(heard()); n != 5 {
		t.Errorf("announced %d times, want 5 rounds", n)
	}
	if a.count("Entering BACKUP") > 1 || !s.holds(s.a, vip) {
		t.Errorf("the role changed:\n%s", a.log())
	}
}
