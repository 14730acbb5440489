// Package netns builds small networks inside this machine: bridges, nodes with
// a network, a file system view and a process list of their own, cables that
// can be pulled, firewalls that eat VRRP, and a client that probes addresses
// every millisecond. It knows nothing of configurations or roles. Everything
// needs root and the programs ip and nft.
package netns

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"

	"golang.org/x/sys/unix"
)

const (
	// claimDir holds one locked file per World; a file without a lock belongs
	// to a process that died.
	claimDir = "/run/holdfast-lab"
	// namedDir is where ip(8) looks for named namespaces.
	namedDir = "/run/netns"
	prefix   = "hf"
)

// World is everything one rehearsal built. Its namespaces are named
// hf<pid>-<n>-<node>, so that ip netns shows whose they are.
type World struct {
	name  string // hf<pid>-<n>
	claim *os.File

	mu      sync.Mutex
	bridges map[string]bool
	nodes   []*Node
	closed  bool
}

// New claims a name and makes the namespace that all bridges live in. What dead
// processes left behind is removed first.
func New() (*World, error) {
	if os.Geteuid() != 0 {
		return nil, errors.New("network namespaces need root")
	}
	if err := Sweep(); err != nil {
		return nil, err
	}
	w, err := claim()
	if err != nil {
		return nil, err
	}
	if err := w.build(); err != nil {
		return nil, errors.Join(err, w.Close())
	}
	return w, nil
}

// claim takes the first free name of this process. The file is locked before it
// has its name: nobody can take it for one of the dead.
func claim() (*World, error) {
	if err := os.MkdirAll(claimDir, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", claimDir, err)
	}
	f, err := os.CreateTemp(claimDir, ".new-")
	if err != nil {
		return nil, fmt.Errorf("claim a name: %w", err)
	}
	defer os.Remove(f.Name())
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	for n := 0; ; n++ {
		name := prefix + strconv.Itoa(os.Getpid()) + "-" + strconv.Itoa(n)
		err := os.Link(f.Name(), filepath.Join(claimDir, name))
		if err == nil {
			return &World{name: name, claim: f, bridges: map[string]bool{}}, nil
		}
		if !errors.Is(err, os.ErrExist) {
			return nil, fmt.Errorf("claim %s: %w", name, err)
		}
	}
}

func (w *World) build() error {
	if _, err := tool("ip", "netns", "add", w.lan()); err != nil {
		return err
	}
	// Bridges pass frames on without asking the firewall for IP.
	_, err := tool("ip", "netns", "exec", w.lan(), "sh", "-c",
		"for f in /proc/sys/net/bridge/bridge-nf-call-*; do if [ -w $f ]; then echo 0 >$f; fi; done")
	return err
}

// Name is the prefix of everything that belongs to w.
func (w *World) Name() string { return w.name }

// lan is the namespace with the bridges.
func (w *World) lan() string { return w.name + "-lan" }

// Bridge makes a switch; making it again does nothing. The name may have at
// most 15 bytes, as every link.
func (w *World) Bridge(name string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.bridges[name] {
		return nil
	}
	// Snooping would hold multicast back until a querier is heard.
	err := ipBatch(w.lan(),
		"link add name "+name+" type bridge forward_delay 0 stp_state 0 mcast_snooping 0",
		"link set dev "+name+" up")
	if err == nil {
		w.bridges[name] = true
	}
	return err
}

// Partition lets a frame pass between two nodes only when no two of the given
// groups separate them. Nodes in no group hear everybody.
func (w *World) Partition(groups ...[]*Node) error {
	var b strings.Builder
	b.WriteString("add table bridge lab\ndelete table bridge lab\nadd table bridge lab\n")
	b.WriteString("add chain bridge lab cut { type filter hook forward priority 0; }\n")
	for i, from := range groups {
		for j, to := range groups {
			if i != j {
				dropBetween(&b, from, to)
			}
		}
	}
	_, err := toolIn(b.String(), "ip", "netns", "exec", w.lan(), "nft", "-f", "-")
	return err
}

func dropBetween(b *strings.Builder, from, to []*Node) {
	f, t := ports(from), ports(to)
	if f == "" || t == "" {
		return
	}
	fmt.Fprintf(b, "add rule bridge lab cut iifname { %s } oifname { %s } drop\n", f, t)
}

func ports(nodes []*Node) string {
	var names []string
	for _, n := range nodes {
		for _, p := range n.portNames() {
			names = append(names, strconv.Quote(p))
		}
	}
	return strings.Join(names, ", ")
}

// Heal ends every partition.
func (w *World) Heal() error { return w.Partition() }

// Close kills what runs in the namespaces of w and removes them.
func (w *World) Close() error {
	w.mu.Lock()
	nodes := w.nodes
	again := w.closed
	w.nodes, w.closed = nil, true
	w.mu.Unlock()
	if again {
		return nil
	}
	for _, n := range nodes {
		n.leave()
	}
	err := removeWorld(w.name)
	return errors.Join(err, w.claim.Close())
}

// Sweep removes what processes left behind that did not come to Close: their
// namespaces, what still runs in them, and with those the mounts and links. Two
// that start at the same moment sweep one after the other: the second finds
// nothing left, instead of both failing over what the other one just removed.
func Sweep() error {
	broom, err := takeBroom()
	if err != nil {
		return err
	}
	defer broom.Close()
	names, err := orphans()
	for _, name := range names {
		err = errors.Join(err, removeWorld(name))
	}
	return err
}

// takeBroom waits until nobody else sweeps; closing the file lets the next one.
func takeBroom() (*os.File, error) {
	if err := os.MkdirAll(claimDir, 0o755); err != nil {
		return nil, fmt.Errorf("make %s: %w", claimDir, err)
	}
	f, err := os.OpenFile(filepath.Join(claimDir, ".sweep"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return nil, fmt.Errorf("look for leftovers: %w", err)
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX); err != nil {
		return nil, errors.Join(fmt.Errorf("lock %s: %w", f.Name(), err), f.Close())
	}
	return f, nil
}

// orphans are the worlds whose claim nobody holds locked.
func orphans() ([]string, error) {
	entries, err := os.ReadDir(claimDir)
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for leftovers: %w", err)
	}
	var dead []string
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), prefix) && !e.IsDir() && abandoned(filepath.Join(claimDir, e.Name())) {
			dead = append(dead, e.Name())
		}
	}
	return dead, nil
}

func abandoned(file string) bool {
	f, err := os.Open(file)
	if err != nil {
		return false
	}
	defer f.Close()
	return unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB) == nil
}

// removeWorld takes a world down from the inside out; its claim goes last, so
// that a removal that was interrupted is found again.
func removeWorld(name string) error {
	spaces, err := filepath.Glob(filepath.Join(namedDir, name+"-*"))
	if err != nil {
		return err
	}
	killIn(spaces, unix.SIGKILL)
	for _, s := range spaces {
		if _, e := tool("ip", "netns", "del", filepath.Base(s)); e != nil {
			err = errors.Join(err, e)
		}
	}
	err = errors.Join(err, os.RemoveAll(filepath.Join(claimDir, name+".d")))
	if err != nil {
		return err
	}
	if e := os.Remove(filepath.Join(claimDir, name)); !errors.Is(e, os.ErrNotExist) {
		return e
	}
	return nil
}

// tool runs a program of the host and returns what it printed; its complaint
// becomes the error.
func tool(name string, args ...string) (string, error) { return toolIn("", name, args...) }

func toolIn(stdin, name string, args ...string) (string, error) {
	cmd := exec.Command(name, args...)
	if stdin != "" {
		cmd.Stdin = strings.NewReader(stdin)
	}
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	if err := cmd.Run(); err != nil {
		return out.String(), fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, strings.TrimSpace(bad.String()))
	}
	return out.String(), nil
}

// ipBatch runs several ip commands in one namespace with one process.
func ipBatch(space string, lines ...string) error {
	_, err := toolIn(strings.Join(lines, "\n")+"\n", "ip", "-n", space, "-batch", "-")
	return err
}
