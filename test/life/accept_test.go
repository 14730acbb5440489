package life

import (
	"encoding/json"
	"errors"
	"net"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/test/stand"
)

// guarded is a configuration with an instance of each family that does not accept.
func guarded(priority int) string {
	four := conf(priority, "no_accept", vip+"/24")
	six := strings.NewReplacer("instance V ", "instance V6 ", "id 7", "id 8", vip+"/24", "fe80::100\n\t\t2001:db8::100/64").Replace(four)
	_, six, _ = strings.Cut(six, "}\n")
	return strings.Replace(four, "vrrp_version 3", "vrrp_version 3\n\tnftables\n\tnftables_counters", 1) + six
}

// answers tells whether an address answers the client: a closed port does so too.
func (s *stage) answers(addr string) bool {
	s.Helper()
	var err error
	s.Must(s.client.Do(func() error {
		_, err = net.DialTimeout("tcp", net.JoinHostPort(addr, "9"), 300*time.Millisecond)
		return nil
	}))
	return errors.Is(err, syscall.ECONNREFUSED)
}

// resolves tells whether the client finds the hardware address behind an address.
func (s *stage) resolves(addr string) bool {
	s.Helper()
	out := s.Sh(s.client, "ip neigh show "+addr+" dev eth0")
	return strings.Contains(out, "lladdr") && !strings.Contains(out, "FAILED")
}

func (s *stage) shields(d *stand.Daemon, addr string) bool {
	return strings.Contains(s.Sh(d.Node, "nft list ruleset"), addr)
}

func TestAnAddressThatIsNotAcceptedIsFoundAndForwardsAndAnswersNothing(t *testing.T) {
	s := newStage(t)
	s.Sh(s.client, "ip addr add 2001:db8::9/64 dev eth0 nodad && ip route add 10.77.0.1 via "+vip)
	s.Sh(s.b, "ip addr add 10.77.0.1/32 dev lo")
	s.Sh(s.a, "sysctl -qw net.ipv4.ip_forward=1 net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.eth0.send_redirects=0 && ip route add 10.77.0.1 via 10.0.0.2")
	d := s.Start(s.a, guarded(150))
	s.Eventually(10*time.Second, "both are MASTER", func() bool { return d.Count("Entering MASTER STATE") == 2 && s.holds(s.a, "2001:db8::100") })
	for _, addr := range []string{vip, "2001:db8::100", "fe80::100%eth0"} {
		if s.answers(addr) {
			t.Errorf("%s answers", addr)
		}
		if plain, _, _ := strings.Cut(addr, "%"); !s.resolves(plain) {
			t.Errorf("%s is not found on the link", addr)
		}
	}
	if !s.answers("10.0.0.1") || !s.answers("10.77.0.1") {
		t.Error("its own address, or one behind it, does not answer")
	}
	d.Reload(strings.ReplaceAll(guarded(150), "no_accept", "accept"))
	s.Eventually(3*time.Second, "it answers when it accepts", func() bool { return s.answers(vip) && s.answers("2001:db8::100") })
	d.Reload(guarded(150))
	s.Eventually(3*time.Second, "it does not when it accepts no more", func() bool { return !s.answers(vip) && !s.answers("2001:db8::100") })
}

func TestTheShieldGoesWithTheRole(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, guarded(150))
	a.Says("Entering MASTER STATE")
	b := s.Start(s.b, guarded(100))
	s.Eventually(10*time.Second, "a holds and shields", func() bool { return s.holds(s.a, vip) && s.shields(a, vip) })
	if out := s.Sh(s.b, "nft list ruleset"); strings.Contains(out, vip) {
		t.Errorf("the backup shields what it does not hold:\n%s", out)
	}
	a.Signal(syscall.SIGTERM)
	a.Exit()
	if out := s.Sh(s.a, "nft list ruleset"); out != "" {
		t.Errorf("left behind:\n%s", out)
	}
	s.Eventually(5*time.Second, "b holds and shields", func() bool { return s.holds(s.b, vip) && s.shields(b, vip) })
	if s.answers(vip) {
		t.Error("it answers after the change")
	}
}

func TestAFilterThatSomebodyFlushesIsBackWithin50ms(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, guarded(150))
	s.Eventually(10*time.Second, "it is shielded", func() bool { return s.shields(d, vip) && s.shields(d, "2001:db8::100") })
	for _, strange := range []string{
		"nft flush ruleset", "nft delete table ip keepalived", "nft delete element ip keepalived vips { " + vip + " }", "nft flush chain ip keepalived in",
	} {
		s.Sh(s.a, strange)
		begun := time.Now()
		s.Eventually(5*time.Second, "it is back", func() bool {
			out := s.Sh(s.a, "nft list ruleset")
			return strings.Contains(out, vip) && strings.Contains(out, "2001:db8::100") && strings.Contains(out, "ip daddr @vips")
		})
		if away := time.Since(begun); away > 50*time.Millisecond {
			t.Errorf("after %s it was away for %v", strange, away)
		}
		if s.answers(vip) {
			t.Errorf("after %s it answers", strange)
		}
	}
	d.Says(`the nftables table ip keepalived was changed by nft, process \d+: put back \(1 so far\)`)
	if n := d.Count("put back"); n > 2 {
		t.Errorf("told %d times", n)
	}
}

func TestWhatACrashLeftOfTheFilterIsRemovedWhenNobodyNeedsIt(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, guarded(150))
	s.Eventually(10*time.Second, "it is shielded", func() bool { return s.shields(d, vip) && s.holds(s.a, vip) })
	d.Signal(syscall.SIGKILL)
	d.Exit()
	if !s.shields(d, vip) {
		t.Fatal("nothing is left, so that there is nothing to test")
	}
	again := s.Start(s.a, strings.ReplaceAll(guarded(150), "no_accept", "accept"))
	again.Says("Entering MASTER STATE")
	s.Eventually(3*time.Second, "it answers", func() bool { return s.answers(vip) })
	if out := s.Sh(s.a, "nft list ruleset"); out != "" {
		t.Errorf("still there:\n%s", out)
	}
}

// ruleset is what nft lists, without what differs from run to run, each chain
// and set with its name and what is in it.
func (s *stage) ruleset(d *stand.Daemon) []string {
	s.Helper()
	var all struct{ Nftables []map[string]map[string]any }
	s.Must(json.Unmarshal([]byte(s.Sh(d.Node, "nft -j list ruleset")), &all))
	var lines []string
	for _, object := range all.Nftables[1:] {
		for _, fields := range object {
			delete(fields, "handle")
		}
		line, err := json.Marshal(object)
		s.Must(err)
		lines = append(lines, string(line))
	}
	slices.Sort(lines)
	return lines
}

// Counters differ, so they are off here; keepalived's own listing is the measure.
func TestTheTablesAreThoseOfKeepalivedWithTheSameFile(t *testing.T) {
	keepalived, err := exec.LookPath("keepalived")
	if err != nil {
		t.Fatal("keepalived is not installed: run test/setup")
	}
	for _, words := range []string{"", "dont_track_primary"} {
		t.Run(words, func(t *testing.T) {
			s := newStage(t)
			text := strings.ReplaceAll(strings.ReplaceAll(guarded(150), "no_accept", "no_accept\n\t"+words), "nftables_counters", "")
			s.Must(s.a.WriteFile(confPath, text, 0o644))
			theirs := s.Launch(s.a, keepalived, "-n", "-l", "-D", "-f", confPath)
			s.Eventually(15*time.Second, "keepalived shields", func() bool { return s.shields(theirs, vip) && s.shields(theirs, "2001:db8::100") })
			want := s.ruleset(theirs)
			theirs.Signal(syscall.SIGTERM)
			theirs.Exit()
			ours := s.Start(s.a, text)
			s.Eventually(15*time.Second, "holdfast shields", func() bool { return s.shields(ours, vip) && s.shields(ours, "2001:db8::100") })
			if diff := cmp.Diff(want, s.ruleset(ours)); diff != "" {
				t.Errorf("keepalived's and ours (-want +got)\n%s", diff)
			}
		})
	}
}
