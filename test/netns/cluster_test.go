// Package netns runs real configurations on real nodes: each scenario's files
// unchanged, on namespaces, with what must happen asserted on the kernel's
// addresses and on packets that tcpdump and tshark decode. It needs root.
//
// HOLDFAST_TEST_PROGRAM names the program of the nodes, for instance
// /usr/sbin/keepalived; without it this checkout's holdfast is built and run.
package netns

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/need"
	"holdfast/test/stand"
	"holdfast/test/wait"
)

// observer is the node that listens to the wire and is everybody's client.
const observer = "observer"

func TestMain(m *testing.M) { os.Exit(run(m)) }

// run builds the program. The tests wait for timers nearly all the time: all of
// them run at once unless -parallel says otherwise.
func run(m *testing.M) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		f.Value.Set("10")
	}
	return stand.Main(func() int {
		status := m.Run()
		if err := spent.close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		return status
	})
}

// holdfastRuns tells whether the nodes run holdfast. keepalived is held to the
// behaviour they share, holdfast also to what it promises beyond.
func holdfastRuns() bool { return filepath.Base(stand.Program()) != "keepalived" }

// ofHoldfast is for a test of what holdfast promises beyond.
func ofHoldfast(t *testing.T) {
	t.Helper()
	if !holdfastRuns() {
		t.Skip("keepalived does not promise this")
	}
}

const configPath = stand.ConfPath

func command() *exec.Cmd {
	if holdfastRuns() {
		return exec.Command(stand.Program(), "run", "-f", configPath)
	}
	return exec.Command(stand.Program(), "-n", "-l", "-D", "-f", configPath)
}

// spec is a node of a scenario: its configuration file's base name and the
// addresses of its links.
type spec struct {
	name  string
	links map[string]string
}

// worlds are those whose tests are over. They are removed when all are: the kernel lets
// everybody wait who joins a group or makes a link while it removes namespaces, for
// seconds on a busy machine, and that would be blamed on the daemons.
type worlds struct {
	mu   sync.Mutex
	list []*netns.World
}

var spent worlds

func (w *worlds) add(world *netns.World) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.list = append(w.list, world)
}

func (w *worlds) close() (err error) {
	for _, world := range w.list {
		err = errors.Join(err, world.Close())
	}
	return err
}

// cluster is a scenario on the kernel.
type cluster struct {
	t        *testing.T
	world    *netns.World
	observer *netns.Node
	wires    map[string]*wire
	members  map[string]*member
}

// member is one node with its daemon.
type member struct {
	*netns.Node
	c     *cluster
	links map[string]string
	moves *moves
	log   *stand.Log

	cmd    *exec.Cmd
	exited chan struct{}
}

// scenario builds the nodes of a scenario with the given clients' addresses by
// link. Daemons are not started. Other tests run beside this one.
func scenario(t *testing.T, folder string, client map[string]string, specs ...spec) *cluster {
	t.Helper()
	t.Parallel()
	return alone(t, folder, client, specs...)
}

// alone builds a scenario for a test that has the machine for itself: making the nodes
// of others takes the lock of everything about links, for seconds altogether, and what is
// promised for milliseconds cannot be seen beside that.
func alone(t *testing.T, folder string, client map[string]string, specs ...spec) *cluster {
	t.Helper()
	need.Root(t, "network namespaces")
	w, err := netns.New()
	must(t, err)
	c := &cluster{t: t, world: w, wires: map[string]*wire{}, members: map[string]*member{}}
	t.Cleanup(c.close)
	c.observer, err = w.Node(observer)
	must(t, err)
	for link, addr := range client {
		must(t, w.Bridge(link))
		must(t, c.observer.Attach(link, link, netip.MustParsePrefix(addr)))
		c.wires[link] = c.listen(link)
	}
	for _, s := range specs {
		c.add(folder, s)
	}
	return c
}

func (c *cluster) add(folder string, s spec) {
	c.t.Helper()
	n, err := c.world.Node(s.name)
	must(c.t, err)
	m := &member{Node: n, c: c, links: s.links, log: &stand.Log{}}
	for link, addr := range s.links {
		must(c.t, n.Attach(link, link, netip.MustParsePrefix(addr)))
	}
	text, err := os.ReadFile(filepath.Join("testdata/scenarios", folder, s.name+".conf"))
	must(c.t, err)
	must(c.t, n.WriteFile(configPath, string(text), 0o644))
	must(c.t, n.WriteFile("/etc/keepalived/notify.sh",
		"#!/bin/sh\necho \"$(date +%s.%N) "+s.name+" became $1\" >>/run/notify.log\n", 0o755))
	m.moves = m.watch()
	c.members[s.name] = m
}

// close ends everything; the logs are shown when the test failed.
func (c *cluster) close() {
	for name, m := range c.members {
		if c.t.Failed() {
			c.t.Logf("log of %s:\n%s", name, m.log)
		}
	}
	c.observer.Kill()
	for _, m := range c.members {
		m.Kill()
	}
	spent.add(c.world)
}

func (c *cluster) member(name string) *member { return c.members[name] }

// start starts the daemon.
func (m *member) start() {
	m.c.t.Helper()
	cmd := command()
	cmd.Stdout, cmd.Stderr = m.log, m.log
	cmd.WaitDelay = time.Second
	exited := make(chan struct{})
	must(m.c.t, m.Start(cmd))
	m.cmd, m.exited = cmd, exited
	go func() { cmd.Wait(); close(exited) }()
}

// stop ends the daemon with SIGTERM and waits for it.
func (m *member) stop() {
	m.c.t.Helper()
	must(m.c.t, m.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-m.exited:
	case <-time.After(10 * time.Second):
		m.c.t.Fatalf("%s: the daemon ignores SIGTERM", m.Name)
	}
}

// die takes the power away: no link, no process.
func (m *member) die() {
	m.c.t.Helper()
	m.Signal(syscall.SIGKILL)
	for link := range m.links {
		must(m.c.t, m.Unplug(link))
	}
	m.Kill()
	<-m.exited
}

// boot is what follows die: the addresses of the kernel are the configured ones,
// and the daemon starts.
func (m *member) boot() {
	m.c.t.Helper()
	for link, addr := range m.links {
		m.sh("ip addr flush dev " + link + " scope global; ip addr add " + addr + " brd + dev " + link)
		must(m.c.t, m.Plug(link))
	}
	m.moves = m.watch()
	m.sh("find /run -type f ! -name notify.log -delete")
	m.start()
}

// sh runs a line of shell on the node.
func (m *member) sh(line string) string {
	m.c.t.Helper()
	out, err := m.Output(context.Background(), "sh", "-c", line)
	must(m.c.t, err)
	return out
}

// holds reports whether the kernel of the node has an address, in the words of
// `ip -o addr`: "172.16.8.100/32 scope global eth0".
func (m *member) holds(words string) bool {
	return strings.Contains(m.sh("ip -o addr show"), " inet "+words+"\\")
}

// told are the words that the node's notify script was called with, in order.
func (m *member) told() []string {
	text, err := m.ReadFile("/run/notify.log")
	if err != nil {
		return nil
	}
	var words []string
	for line := range strings.Lines(text) {
		f := strings.Fields(line)
		words = append(words, f[len(f)-1])
	}
	return words
}

// on expects each address, in the words of `ip -o addr`, on the named node and
// on no other, within a limit.
func (c *cluster) on(limit time.Duration, want map[string]string) {
	c.t.Helper()
	c.eventually(limit, fmt.Sprintf("addresses as in %v", want), func() bool { return c.placed(want) })
}

func (c *cluster) placed(want map[string]string) bool {
	for _, m := range c.members {
		addrs := m.sh("ip -o addr show")
		for words, name := range want {
			if strings.Contains(addrs, " inet "+words+"\\") != (name == m.Name) {
				return false
			}
		}
	}
	return true
}

// stays expects addresses to be where they are for a while.
func (c *cluster) stays(d time.Duration, want map[string]string) {
	c.t.Helper()
	for end := time.Now().Add(d); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		if !c.placed(want) {
			c.t.Fatalf("addresses moved away from %v:\n%s", want, c.addrs())
		}
	}
}

func (c *cluster) eventually(limit time.Duration, what string, cond func() bool) {
	c.t.Helper()
	wait.For(c.t, limit, what, cond, c.addrs)
}

func (c *cluster) addrs() string {
	var b strings.Builder
	for name, m := range c.members {
		fmt.Fprintf(&b, "%s:\n%s", name, m.sh("ip -o -4 addr show"))
	}
	return b.String()
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
