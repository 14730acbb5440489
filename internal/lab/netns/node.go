package netns

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// Node is a machine in miniature: its own network, process list, /run,
// /etc/keepalived, /etc/holdfast and /server; everything else is the host's. A
// thread of this process lives in it and starts every program there.
type Node struct {
	Name  string
	world *World
	space string // of the network, as ip netns lists it
	jobs  chan func()
	init  *exec.Cmd // process 1

	mu    sync.Mutex
	ports map[string]string // link → its other end on the bridge
	// cables counts those that were laid so far.
	cables int
}

// Node makes a node without cables. Its loopback is up.
func (w *World) Node(name string) (*Node, error) {
	n := &Node{Name: name, world: w, space: w.name + "-" + name, jobs: make(chan func()), ports: map[string]string{}}
	if _, err := tool("ip", "netns", "add", n.space); err != nil {
		return nil, err
	}
	ready := make(chan error)
	go n.live(ready)
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("enter %s: %w", n.space, err)
	}
	w.mu.Lock()
	w.nodes = append(w.nodes, n)
	w.mu.Unlock()
	return n, n.settle()
}

// Space is the name of its network namespace, as ip netns lists it.
func (n *Node) Space() string { return n.space }

// live is the life of the node's thread. It is never unlocked, so that the
// runtime ends it instead of using it for anybody else. The first thread of the
// process is left alone: /proc/self would show its namespaces.
func (n *Node) live(ready chan<- error) {
	runtime.LockOSThread()
	if unix.Gettid() == os.Getpid() {
		done := make(chan struct{})
		go func() { defer close(done); n.live(ready) }()
		<-done
		return
	}
	// Programs of the node are ordinary ones even if this process is not.
	unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
	err := n.enter()
	ready <- err
	if err != nil {
		return
	}
	for job := range n.jobs {
		job()
	}
}

func (n *Node) enter() error {
	fd, err := unix.Open(filepath.Join(namedDir, n.space), unix.O_RDONLY|unix.O_CLOEXEC, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	if err := unix.Unshare(unix.CLONE_NEWNS); err != nil {
		return fmt.Errorf("own mounts: %w", err)
	}
	if err := unix.Setns(fd, unix.CLONE_NEWNET); err != nil {
		return fmt.Errorf("own network: %w", err)
	}
	if err := buildRoot(filepath.Join(claimDir, n.world.name+".d")); err != nil {
		return fmt.Errorf("own files: %w", err)
	}
	if err := unix.Unshare(unix.CLONE_NEWPID); err != nil {
		return fmt.Errorf("own processes: %w", err)
	}
	return n.startInit()
}

// startInit starts process 1 of the node. It does nothing but exist: with
// SIGCHLD ignored the kernel buries orphans by itself.
func (n *Node) startInit() error {
	n.init = exec.Command("/bin/sh", "-c", "mount -t proc proc /proc && echo up && exec env --ignore-signal=CHLD sleep infinity")
	n.init.SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
	var bad bytes.Buffer
	n.init.Stderr = &bad
	out, err := n.init.StdoutPipe()
	if err != nil {
		return err
	}
	if err := n.init.Start(); err != nil {
		return err
	}
	if _, err := out.Read(make([]byte, 4)); err != nil {
		return fmt.Errorf("process 1: %w: %s", err, bad.String())
	}
	return nil
}

// settle sets the kernel switches that a test must not wait for.
func (n *Node) settle() error {
	for file, value := range map[string]string{
		"ipv6/conf/all/accept_dad":               "0",
		"ipv6/conf/default/accept_dad":           "0",
		"ipv6/conf/default/dad_transmits":        "0",
		"ipv6/conf/default/router_solicitations": "0",
		"ipv4/ping_group_range":                  "0 2147483647",
	} {
		if err := n.Sysctl(file, value); err != nil && !strings.HasPrefix(file, "ipv6") {
			return err
		}
	}
	return ipBatch(n.space, "link set lo up")
}

// Sysctl writes a file below /proc/sys/net.
func (n *Node) Sysctl(file, value string) error {
	return n.Do(func() error { return os.WriteFile(filepath.Join("/proc/sys/net", file), []byte(value), 0) })
}

// Do runs f on the thread that lives in the node: sockets it opens and files it
// names are the node's. f must not wait for another Do of the same node.
func (n *Node) Do(f func() error) error {
	done := make(chan error, 1)
	n.jobs <- func() { done <- f() }
	return <-done
}

// Attach lays a cable from the node to a bridge and gives the node's end its
// name and addresses. The cable can be pulled with Unplug.
func (n *Node) Attach(bridge, link string, addrs ...netip.Prefix) error {
	port, index := n.newPort(link)
	lines := []string{
		"link add name " + port + " index " + strconv.Itoa(index) + " type veth peer name " + link + " netns " + n.space,
		"link set dev " + port + " master " + bridge + " up",
	}
	if err := ipBatch(n.world.lan(), lines...); err != nil {
		return err
	}
	if err := ipBatch(n.space, "link set dev "+link+" up"); err != nil {
		return err
	}
	return n.Address(link, addrs...)
}

// VRF makes a VRF with a routing table, and links that have no addresses yet part of
// it: those of IPv6 would be lost.
func (n *Node) VRF(name string, table int, links ...string) error {
	lines := []string{"link add name " + name + " type vrf table " + strconv.Itoa(table), "link set dev " + name + " up"}
	for _, link := range links {
		lines = append(lines, "link set dev "+link+" master "+name)
	}
	return ipBatch(n.space, lines...)
}

// HasVRF reports whether the kernel has VRFs.
func HasVRF() bool {
	_, err := tool("unshare", "-n", "ip", "link", "add", "name", "vrf", "type", "vrf", "table", "1")
	return err == nil
}

// newPort invents the name of the bridge's end of a cable, p<node number>.<cable number>,
// and a number that no link of a node has: when both ends happen to have the same, the
// kernel takes them for one link, and the bridge may learn a second late that its port is up.
func (n *Node) newPort(link string) (name string, index int) {
	n.world.mu.Lock()
	number := slices.Index(n.world.nodes, n)
	n.world.mu.Unlock()
	n.mu.Lock()
	defer n.mu.Unlock()
	n.cables++
	port := "p" + strconv.Itoa(number) + "." + strconv.Itoa(n.cables)
	n.ports[link] = port
	return port, 100_000*(number+1) + n.cables
}

// Address adds addresses to a link, ready at once.
func (n *Node) Address(link string, addrs ...netip.Prefix) error {
	var lines []string
	for _, a := range addrs {
		line := "addr add " + a.String() + " dev " + link
		if a.Addr().Is6() {
			line += " nodad"
		} else {
			line += " brd +"
		}
		lines = append(lines, line)
	}
	if len(lines) == 0 {
		return nil
	}
	return ipBatch(n.space, lines...)
}

// Links lists the node's cables by the names of its own ends, sorted.
func (n *Node) Links() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var names []string
	for link := range n.ports {
		names = append(names, link)
	}
	slices.Sort(names)
	return names
}

func (n *Node) portNames() []string {
	n.mu.Lock()
	defer n.mu.Unlock()
	var names []string
	for _, port := range n.ports {
		names = append(names, port)
	}
	slices.Sort(names)
	return names
}

// Unplug pulls the cable of a link at the bridge: the node loses its carrier.
func (n *Node) Unplug(link string) error { return n.plug(link, "down") }

// Plug puts the cable back.
func (n *Node) Plug(link string) error { return n.plug(link, "up") }

func (n *Node) plug(link, state string) error {
	n.mu.Lock()
	port, ok := n.ports[link]
	n.mu.Unlock()
	if !ok {
		return fmt.Errorf("%s has no link %s", n.Name, link)
	}
	return ipBatch(n.world.lan(), "link set dev "+port+" "+state)
}

// Direction says which VRRP packets a node's firewall eats.
type Direction uint8

// The directions.
const (
	In Direction = 1 << iota
	Out
	Both = In | Out
)

// DropVRRP makes the firewall of the node eat protocol 112.
func (n *Node) DropVRRP(d Direction) error {
	if err := n.AllowVRRP(); err != nil {
		return err
	}
	script, older := "add table inet lab\n", ""
	for _, h := range []struct {
		d    Direction
		name string
	}{{In, "input"}, {Out, "output"}} {
		if d&h.d != 0 {
			script += fmt.Sprintf("add chain inet lab %[1]s { type filter hook %[1]s priority -300; }\nadd rule inet lab %[1]s meta l4proto 112 drop\n", h.name)
			older += "-I " + strings.ToUpper(h.name) + " -p 112 -j DROP\n"
		}
	}
	return n.filter(script, older)
}

// AllowVRRP ends DropVRRP.
func (n *Node) AllowVRRP() error {
	return n.filter("add table inet lab\ndelete table inet lab\n", "-D INPUT -p 112 -j DROP\n-D OUTPUT -p 112 -j DROP\n")
}

// filter has nftables carry out a script, or iptables those words where the kernel
// has no nftables for IP, as that of User-Mode Linux: what is to be deleted there may
// not be there.
func (n *Node) filter(script, older string) error {
	_, err := n.Run(context.Background(), strings.NewReader(script), "nft", "-f", "-")
	if err == nil {
		return nil
	}
	for _, tool := range []string{"iptables-legacy", "ip6tables-legacy"} {
		for line := range strings.Lines(older) {
			_, e := n.Output(context.Background(), tool, strings.Fields(line)...)
			if e != nil && !strings.HasPrefix(line, "-D") {
				return errors.Join(err, e)
			}
		}
	}
	return nil
}

// Start starts a program in the node. The node's process 1 dies with the thread
// that started it, and the kernel ends all processes of the node with it.
func (n *Node) Start(cmd *exec.Cmd) error { return n.Do(cmd.Start) }

// Run runs a program in the node to its end and returns what it printed.
func (n *Node) Run(ctx context.Context, stdin *strings.Reader, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	if stdin != nil {
		cmd.Stdin = stdin
	}
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := n.Start(cmd); err != nil {
		return "", err
	}
	if err := cmd.Wait(); err != nil {
		return out.String(), fmt.Errorf("on %s: %s %s: %w: %s", n.Name, name, strings.Join(args, " "), err, strings.TrimSpace(bad.String()))
	}
	return out.String(), nil
}

// Output is Run without input.
func (n *Node) Output(ctx context.Context, name string, args ...string) (string, error) {
	return n.Run(ctx, nil, name, args...)
}

// WriteFile writes a file as the node sees the path, with the folders above it.
func (n *Node) WriteFile(path, text string, mode os.FileMode) error {
	return n.Do(func() error {
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			return err
		}
		return errors.Join(os.WriteFile(path, []byte(text), mode), os.Chmod(path, mode))
	})
}

// ReadFile reads a file as the node sees the path.
func (n *Node) ReadFile(path string) (text string, err error) {
	err = n.Do(func() error {
		b, err := os.ReadFile(path)
		text = string(b)
		return err
	})
	return text, err
}

// Pids lists the processes of the node as the host numbers them, without the
// one that only keeps the node alive.
func (n *Node) Pids() []int {
	pids := pidsIn([]string{filepath.Join(namedDir, n.space)})
	return slices.DeleteFunc(pids, func(pid int) bool { return pid == n.init.Process.Pid })
}

// Signal sends a signal to every process of the node.
func (n *Node) Signal(sig unix.Signal) {
	for _, pid := range n.Pids() {
		unix.Kill(pid, sig)
	}
}

// Kill kills every process of the node with SIGKILL, until none is left.
func (n *Node) Kill() {
	for range 1000 {
		n.Signal(unix.SIGKILL)
		if len(n.Pids()) == 0 {
			return
		}
		time.Sleep(time.Millisecond)
	}
}

// leave ends the thread and all processes of the node. It does not wait: the end
// of process 1 is complete only when whoever started the others has waited for them.
func (n *Node) leave() {
	n.init.Process.Kill()
	go n.init.Wait()
	close(n.jobs)
}
