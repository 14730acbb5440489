// Package balance tests the daemon as a load balancer: directors, real servers and clients
// as nodes of a kernel that has IPVS.
package balance

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/uml/guest"
)

func TestMain(m *testing.M) {
	remove, err := guest.Holdfast()
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	modules := []string{"ipv6", "veth", "bridge", "dummy", "ipip", "ip6_tunnel", "ip_vs", "ip_vs_pe_sip", "iptable_mangle", "xt_mark"}
	for _, s := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"} {
		modules = append(modules, "ip_vs_"+s)
	}
	code := guest.Main(m, modules...)
	remove()
	os.Exit(code)
}

// stage is a set of nodes.
type stage struct {
	*testing.T
	world *netns.World
}

func newStage(t *testing.T, bridges ...string) *stage {
	t.Helper()
	w, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{t, w}
	for _, b := range bridges {
		s.must(w.Bridge(b))
	}
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// node makes a node with one cable for each "BRIDGE LINK PREFIX".
func (s *stage) node(name string, cables ...string) *netns.Node {
	s.Helper()
	n, err := s.world.Node(name)
	s.must(err)
	for _, c := range cables {
		w := strings.Fields(c)
		s.must(n.Attach(w[0], w[1], netip.MustParsePrefix(w[2])))
	}
	return n
}

// sh runs a command on a node and returns its output.
func (s *stage) sh(n *netns.Node, command string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(s.Context(), 20*time.Second)
	defer cancel()
	out, err := n.Output(ctx, "sh", "-c", command)
	s.must(err)
	return out
}

// slow is how much longer everything may take: the guest has one processor, and perhaps not
// all of it.
const slow = 4

// eventually waits for a condition.
func (s *stage) eventually(within time.Duration, what string, ok func() bool) {
	s.Helper()
	for end := time.Now().Add(slow * within); !ok(); time.Sleep(50 * time.Millisecond) {
		if time.Now().After(end) {
			s.Fatalf("after %v still not: %s", within, what)
		}
	}
}

// web serves its name on port 80 of a node.
func (s *stage) web(n *netns.Node) {
	s.Helper()
	s.must(n.WriteFile("/run/nginx.conf", fmt.Sprintf(`pid /run/nginx.pid;
worker_processes 1;
error_log /run/nginx.log;
events {}
http {
	access_log off;
	server { listen 80; listen [::]:80; location / { return 200 "%s\n"; } }
}
`, n.Name), 0o644))
	s.sh(n, "nginx -c /run/nginx.conf")
}

// ask is who answers count requests from a node, one connection for each, in order. url may
// have options of curl before it.
func (s *stage) ask(n *netns.Node, url string, count int) []string {
	s.Helper()
	var names []string
	for range count {
		out, err := n.Output(s.Context(), "curl", append([]string{"-s", "-m", "2"}, strings.Fields(url)...)...)
		if err != nil {
			out = "none"
		}
		names = append(names, strings.TrimSpace(out))
	}
	return names
}

// rules is what ipvsadm -Sn says on a node, a line each, in order.
func (s *stage) rules(n *netns.Node) []string {
	s.Helper()
	var lines []string
	for line := range strings.Lines(s.sh(n, "ipvsadm -Sn")) {
		lines = append(lines, strings.TrimSpace(line))
	}
	slices.Sort(lines)
	return lines
}

// becomes waits until the table of a node is as wanted.
func (s *stage) becomes(n *netns.Node, within time.Duration, want ...string) {
	s.Helper()
	slices.Sort(want)
	var got []string
	for end := time.Now().Add(slow * within); ; time.Sleep(100 * time.Millisecond) {
		if got = s.rules(n); slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("after %v the table is\n  %s\nand not\n  %s", within, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

const confPath = "/etc/keepalived/keepalived.conf"

// daemon is a holdfast on a node.
type daemon struct {
	*stage
	node *netns.Node
	cmd  *exec.Cmd
	done chan struct{}
	mu   sync.Mutex
	out  bytes.Buffer
}

// Write collects the log.
func (d *daemon) Write(p []byte) (int, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.Write(p)
}

func (d *daemon) log() string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.out.String()
}

// start runs holdfast with a configuration on a node.
func (s *stage) start(n *netns.Node, text string) *daemon {
	s.Helper()
	s.must(n.WriteFile(confPath, text, 0o644))
	return s.again(n, "holdfast", "run", "-D", "-f", confPath)
}

// again runs a program on a node.
func (s *stage) again(n *netns.Node, program string, args ...string) *daemon {
	s.Helper()
	d := &daemon{stage: s, node: n, done: make(chan struct{})}
	d.cmd = exec.Command(program, args...)
	d.cmd.Stdout, d.cmd.Stderr = d, d
	d.cmd.WaitDelay = 10 * time.Second
	s.must(n.Start(d.cmd))
	go func() { defer close(d.done); _ = d.cmd.Wait() }()
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("log of %s:\n%s", n.Name, d.log())
		}
	})
	return d
}

func (d *daemon) signal(sig syscall.Signal) { d.must(d.cmd.Process.Signal(sig)) }

// reload gives it another configuration.
func (d *daemon) reload(text string) {
	d.Helper()
	d.must(d.node.WriteFile(confPath, text, 0o644))
	n := strings.Count(d.log(), "Reload complete")
	d.signal(syscall.SIGHUP)
	d.eventually(10*time.Second, "the reload is complete", func() bool { return strings.Count(d.log(), "Reload complete") > n })
}

// stop ends it in good order.
func (d *daemon) stop() {
	d.Helper()
	d.signal(syscall.SIGTERM)
	select {
	case <-d.done:
	case <-time.After(15 * time.Second):
		d.Fatal("the daemon does not end")
	}
}

// says waits for a line of the log.
func (d *daemon) says(within time.Duration, text string) {
	d.Helper()
	d.eventually(within, text, func() bool { return strings.Contains(d.log(), text) })
}
