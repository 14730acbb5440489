// Package life tests the life of the daemon on the real kernel: starts that
// are refused, reloads, signals, deaths and returns, addresses taken away, links
// that come and go. It needs root.
package life

import (
	"bytes"
	"context"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
)

func TestMain(m *testing.M) { os.Exit(build(m)) }

// programVariable names the program under test; it is built when unset.
const programVariable = "HOLDFAST_TEST_PROGRAM"

func build(m *testing.M) int {
	if os.Geteuid() != 0 || os.Getenv(programVariable) != "" {
		return m.Run()
	}
	dir, err := os.MkdirTemp("", "holdfast-life-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	_ = os.Chmod(dir, 0o755)
	program := filepath.Join(dir, "holdfast")
	if out, err := exec.Command("go", "build", "-o", program, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build holdfast: %v\n%s", err, out)
		return 1
	}
	if err := os.Symlink(program, filepath.Join(dir, "keepalived")); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	_ = os.Setenv(programVariable, program)
	return m.Run()
}

// stage is a LAN with nodes a (10.0.0.1) and b (10.0.0.2) and a client (10.0.0.9).
type stage struct {
	*testing.T
	world        *netns.World
	a, b, client *netns.Node
}

func newStage(t *testing.T) *stage {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("network namespaces need root")
	}
	t.Parallel()
	w, err := netns.New()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	s := &stage{T: t, world: w}
	s.must(w.Bridge("lan"))
	s.a, s.b, s.client = s.node("a", "10.0.0.1/24"), s.node("b", "10.0.0.2/24"), s.node("client", "10.0.0.9/24")
	return s
}

func (s *stage) must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

func (s *stage) node(name, addr string) *netns.Node {
	s.Helper()
	n, err := s.world.Node(name)
	s.must(err)
	s.must(n.Attach("lan", "eth0", netip.MustParsePrefix(addr)))
	return n
}

// sh runs a command on a node and returns its output.
func (s *stage) sh(n *netns.Node, command string) string {
	s.Helper()
	out, err := n.Output(context.Background(), "sh", "-c", command)
	s.must(err)
	return out
}

// holds tells whether a node has an address on eth0.
func (s *stage) holds(n *netns.Node, addr string) bool {
	return strings.Contains(s.sh(n, "ip -o addr show"), " "+addr+"/")
}

// eventually waits for a condition; why is asked if it does not come true.
func (s *stage) eventually(within time.Duration, what string, ok func() bool, why ...func() string) {
	s.Helper()
	for end := time.Now().Add(within); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			for _, say := range why {
				what += "\n" + say()
			}
			s.Fatalf("after %v still not: %s", within, what)
		}
	}
}

const confPath = "/etc/keepalived/keepalived.conf"

// conf is a configuration with one instance on eth0, VRRPv3 at 0.1 s.
func conf(priority int, more string, vips ...string) string {
	return fmt.Sprintf(`global_defs {
	vrrp_version 3
}
vrrp_instance V {
	interface eth0
	virtual_router_id 7
	priority %d
	advert_int 0.1
	%s
	virtual_ipaddress {
		%s
	}
}
`, priority, more, strings.Join(vips, "\n\t\t"))
}

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

// start runs `holdfast run -f confPath` with a configuration on a node.
func (s *stage) start(n *netns.Node, text string, args ...string) *daemon {
	s.Helper()
	s.must(n.WriteFile(confPath, text, 0o644))
	return s.again(n, args...)
}

// again starts it with the configuration that lies there.
func (s *stage) again(n *netns.Node, args ...string) *daemon {
	s.Helper()
	return s.launch(n, os.Getenv(programVariable), append([]string{"run", "-D", "-f", confPath}, args...)...)
}

func (s *stage) launch(n *netns.Node, program string, args ...string) *daemon {
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

// exit waits for the end and returns the status.
func (d *daemon) exit() int {
	d.Helper()
	select {
	case <-d.done:
	case <-time.After(15 * time.Second):
		d.Fatal("the daemon does not end")
	}
	return d.cmd.ProcessState.ExitCode()
}

// says waits for a line of the log that matches.
func (d *daemon) says(pattern string) {
	d.Helper()
	re := regexp.MustCompile(pattern)
	d.eventually(10*time.Second, "the log says "+pattern, func() bool { return re.MatchString(d.log()) })
}

// count is how many lines of the log match.
func (d *daemon) count(pattern string) int {
	return len(regexp.MustCompile(pattern).FindAllString(d.log(), -1))
}

// reload waits until a SIGHUP has been dealt with.
func (d *daemon) reload(text string) {
	d.Helper()
	d.must(d.node.WriteFile(confPath, text, 0o644))
	before := d.count("Reload complete|nothing is changed")
	d.signal(syscall.SIGHUP)
	d.eventually(5*time.Second, "the reload is done", func() bool { return d.count("Reload complete|nothing is changed") > before })
}

// replaceWorker kills the worker of a daemon and waits for the next one.
func (s *stage) replaceWorker(d *daemon) {
	s.Helper()
	worker := s.worker(d.cmd.Process.Pid)
	s.must(syscall.Kill(worker, syscall.SIGKILL))
	s.eventually(3*time.Second, "there is another worker", func() bool {
		w := s.worker(d.cmd.Process.Pid)
		return w != 0 && w != worker
	})
}
