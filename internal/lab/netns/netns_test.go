package netns

import (
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/test/need"
)

// world makes a World for a test, or skips the test without the right to.
func world(t *testing.T) *World {
	t.Helper()
	need.Root(t, "network namespaces")
	w, err := New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
		left, _ := filepath.Glob(filepath.Join(namedDir, w.Name()+"-*"))
		if len(left) != 0 {
			t.Errorf("left behind: %v", left)
		}
	})
	return w
}

// pair makes two nodes on one bridge, 192.0.2.1 and .2.
func pair(t *testing.T) (w *World, a, b *Node) {
	t.Helper()
	w = world(t)
	must(t, w.Bridge("eth0"))
	a, b = node(t, w, "a", "192.0.2.1/24", "2001:db8::1/64"), node(t, w, "b", "192.0.2.2/24", "2001:db8::2/64")
	return w, a, b
}

func node(t *testing.T, w *World, name string, addrs ...string) *Node {
	t.Helper()
	n, err := w.Node(name)
	must(t, err)
	var p []netip.Prefix
	for _, a := range addrs {
		p = append(p, netip.MustParsePrefix(a))
	}
	must(t, n.Attach("eth0", "eth0", p...))
	return n
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// reach reports whether an address answers within a quarter of a second.
func reach(t *testing.T, n *Node, addr string) bool {
	t.Helper()
	p, err := n.Probe(time.Millisecond, netip.MustParseAddr(addr))
	must(t, err)
	time.Sleep(50 * time.Millisecond)
	p.Settle()
	must(t, p.Close())
	return p.Answered(netip.MustParseAddr(addr))
}

func TestNodesHearEachOtherUntilTheCableIsPulled(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	if !reach(t, a, "192.0.2.2") || !reach(t, a, "2001:db8::2") {
		t.Fatal("no connection at first")
	}
	must(t, b.Unplug("eth0"))
	out, err := b.Output(t.Context(), "ip", "-o", "link", "show", "eth0")
	must(t, err)
	if !strings.Contains(out, "NO-CARRIER") || reach(t, a, "192.0.2.2") {
		t.Fatalf("still connected: %s", out)
	}
	must(t, b.Plug("eth0"))
	if !reach(t, a, "192.0.2.2") {
		t.Fatal("no connection after the cable is back")
	}
}

func TestPartitionSeparatesOnlyItsGroups(t *testing.T) {
	t.Parallel()
	w, a, b := pair(t)
	c := node(t, w, "c", "192.0.2.3/24")
	must(t, w.Partition([]*Node{a}, []*Node{b}))
	got := []bool{reach(t, a, "192.0.2.2"), reach(t, c, "192.0.2.1"), reach(t, c, "192.0.2.2")}
	if !slices.Equal(got, []bool{false, true, true}) {
		out, _ := tool("ip", "netns", "exec", w.lan(), "nft", "list", "ruleset")
		t.Fatalf("a to b, c to a, c to b: %v\n%s", got, out)
	}
	must(t, w.Heal())
	// Neighbours that did not answer are asked again after a second.
	if !waitFor(func() bool { return reach(t, a, "192.0.2.2") }) {
		t.Fatal("not healed")
	}
}

func TestEachNodeHasItsOwnFilesAndProcesses(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	for _, path := range []string{"/etc/keepalived/x", "/etc/holdfast/x", "/server/scripts/x", "/run/x", "/var/run/y"} {
		must(t, a.WriteFile(path, "of a\n", 0o644))
		if _, err := b.ReadFile(path); err == nil {
			t.Errorf("%s of a is seen by b", path)
		}
		if _, err := os.Stat(path); err == nil {
			t.Errorf("%s of a is seen by the host", path)
		}
	}
	out, err := a.Output(t.Context(), "cat", "/server/scripts/x", "/etc/hostname", "/sys/class/net/eth0/ifindex")
	must(t, err)
	if !strings.HasPrefix(out, "of a\n") {
		t.Errorf("programs of a see %q", out)
	}
	orphan := exec.Command("sh", "-c", "tail -f /dev/null & exec tail -f /dev/null")
	must(t, a.Start(orphan))
	go orphan.Wait()
	if !waitFor(func() bool { return len(a.Pids()) == 2 }) {
		t.Errorf("a has %d processes, want 2", len(a.Pids()))
	}
	if _, err := b.Output(t.Context(), "sh", "-c", `test "$(ls -d /proc/[0-9]* | wc -l)" -le 8`); err != nil {
		t.Errorf("b sees the processes of others: %v", err)
	}
	a.Kill()
	// The dead are buried: a zombie would pass for a running program.
	if _, err := a.Output(t.Context(), "sh", "-c", "! killall -0 tail"); err != nil || len(a.Pids()) != 0 {
		t.Errorf("survivors: %v, %v", a.Pids(), err)
	}
}

func TestFirewallEatsVRRPOnly(t *testing.T) {
	t.Parallel()
	_, a, _ := pair(t)
	must(t, a.DropVRRP(In))
	out, err := a.Output(t.Context(), "nft", "list", "ruleset")
	must(t, err)
	if strings.Contains(out, "hook output") || !strings.Contains(out, "meta l4proto vrrp drop") || !reach(t, a, "192.0.2.2") {
		t.Fatal(out)
	}
	must(t, a.AllowVRRP())
	if out, _ := a.Output(t.Context(), "nft", "list", "ruleset"); strings.Contains(out, "drop") {
		t.Fatal(out)
	}
}

// The child builds a world with a running program and is killed with SIGKILL;
// the next start has to find nothing of it.
func TestNextStartRemovesWhatAKilledProcessLeft(t *testing.T) {
	if os.Getenv("NETNS_LEAVE_BEHIND") != "" {
		leaveBehind(t)
		return
	}
	need.Root(t, "network namespaces")
	child := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^"+t.Name()+"$")
	child.Env = append(os.Environ(), "NETNS_LEAVE_BEHIND=1")
	out, err := child.StdoutPipe()
	must(t, err)
	must(t, child.Start())
	line := make([]byte, 64)
	n, err := out.Read(line)
	must(t, err)
	name := strings.TrimSpace(string(line[:n]))
	must(t, child.Process.Kill())
	child.Wait()
	left, _ := filepath.Glob(filepath.Join(namedDir, name+"-*"))
	if len(left) != 2 || !waitFor(func() bool { return len(pidsIn(left)) > 0 }) {
		t.Fatalf("the test leaves nothing behind: %q %v %v", name, left, pidsIn(left))
	}
	sweepAtOnce(t, 4)
	if pids := pidsIn(left); len(pids) != 0 {
		t.Errorf("still running: %v", pids)
	}
	rest, _ := filepath.Glob(filepath.Join(namedDir, name+"-*"))
	claims, _ := filepath.Glob(filepath.Join(claimDir, name+"*"))
	if len(rest)+len(claims) != 0 {
		t.Errorf("left behind: %v %v", rest, claims)
	}
}

// sweepAtOnce does what several labs do that start at the same moment.
func sweepAtOnce(t *testing.T, n int) {
	results := make(chan error)
	for range n {
		go func() { results <- Sweep() }()
	}
	for range n {
		must(t, <-results)
	}
}

func leaveBehind(t *testing.T) {
	w, err := New()
	must(t, err)
	must(t, w.Bridge("eth0"))
	n := node(t, w, "a", "192.0.2.1/24")
	// Programs started in the node die with it; what an operator runs there does not.
	must(t, exec.Command("ip", "netns", "exec", n.Space(), "setsid", "sleep", "1000").Start())
	os.Stdout.WriteString(w.Name() + "\n")
	time.Sleep(time.Minute)
}

func waitFor(cond func() bool) bool {
	for range 200 {
		if cond() {
			return true
		}
		time.Sleep(10 * time.Millisecond)
	}
	return false
}

func TestProberMeasuresAnOutageToTheMillisecond(t *testing.T) {
	t.Parallel()
	_, a, b := pair(t)
	targets := []netip.Addr{netip.MustParseAddr("192.0.2.2"), netip.MustParseAddr("2001:db8::2")}
	p, err := a.Probe(time.Millisecond, targets...)
	must(t, err)
	time.Sleep(300 * time.Millisecond)
	began := time.Now()
	must(t, b.Unplug("eth0"))
	cut := time.Now()
	time.Sleep(400 * time.Millisecond)
	back := time.Now()
	must(t, b.Plug("eth0"))
	plugged := time.Now()
	time.Sleep(300 * time.Millisecond)
	p.Settle()
	must(t, p.Close())
	for _, target := range targets {
		spans := p.Since(began, target)
		if len(spans) != 1 {
			t.Fatalf("%s: spans %v, want one", target, spans)
		}
		s := spans[0]
		slack := 3 * time.Millisecond
		if s.From.Before(began.Add(-slack)) || s.From.After(cut.Add(slack)) || s.To.Before(back.Add(-slack)) || s.To.After(plugged.Add(10*slack)) {
			t.Errorf("%s: lost %v to %v, want from %v..%v to %v..%v", target, s.From, s.To, began, cut, back, plugged)
		}
		if ms := int(s.Outage(time.Time{}) / time.Millisecond); s.Lost > ms+1 || s.Lost < ms-20 {
			t.Errorf("%s: %d probes lost in %d ms", target, s.Lost, ms)
		}
	}
	sent, skipped := p.Counts()
	t.Logf("sent %d, skipped %d", sent, skipped)
}
