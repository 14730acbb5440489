package lab

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/netip"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
)

// stopPatience is how long a daemon may take to end after SIGTERM.
const stopPatience = 10 * time.Second

// machine is one node with its daemon.
type machine struct {
	plan *NodePlan
	node *netns.Node
	line *timeline
	argv []string
	log  *logTail
	// moved is told when a virtual address came.
	moved func()
	role  *regexp.Regexp     // what a transition looks like in the log
	talk  *regexp.Regexp     // what any line about an instance looks like
	real  *regexp.Regexp     // what a change of a virtual server's table looks like
	vips  map[netip.Addr]VIP // those this node may hold
	addr  *os.File           // reports of the kernel

	mu      sync.Mutex
	cmd     *exec.Cmd
	exited  chan struct{}
	asked   bool // the daemon was told to end
	dark    bool // without power: its links stay down until it is started
	frozen  bool
	deaf    bool
	cut     map[string]bool
	failing map[string]bool
	roles   map[string]Entry         // last role by instance
	said    map[string]string        // what was logged last of an instance
	held    map[netip.Addr]time.Time // since when
	guard   guards
}

// newMachine builds the node: cables, addresses, files. Its daemon is not started.
func newMachine(w *netns.World, p *NodePlan, line *timeline, argv []string) (*machine, error) {
	node, err := w.Node(p.Name)
	if err != nil {
		return nil, err
	}
	m := &machine{
		plan: p, node: node, line: line, argv: argv, role: roleLine(), talk: talkLine(), real: realLine(), moved: func() {},
		vips: map[netip.Addr]VIP{}, cut: map[string]bool{}, failing: map[string]bool{},
		roles: map[string]Entry{}, said: map[string]string{}, held: map[netip.Addr]time.Time{},
	}
	m.log = &logTail{line: m.heard}
	m.expect(p)
	if err := m.attach(); err != nil {
		return nil, err
	}
	if err := m.furnish(); err != nil {
		return nil, fmt.Errorf("furnish %s: %w", p.Name, err)
	}
	m.addr, err = node.WatchAddrs(m.changed)
	return m, err
}

// firstTable is the routing table of the first VRF of a node.
const firstTable = 1001

// attach lays the cables, makes the VRFs that they end in, and gives them addresses.
func (m *machine) attach() error {
	for _, link := range m.plan.Links {
		if err := m.node.Attach(link, link); err != nil {
			return err
		}
	}
	for i, vrf := range slices.Sorted(maps.Keys(m.plan.VRFs)) {
		if err := m.node.VRF(vrf, firstTable+i, m.plan.VRFs[vrf]...); err != nil {
			return err
		}
	}
	for _, link := range m.plan.Links {
		if err := m.node.Address(link, m.plan.Addrs[link]...); err != nil {
			return err
		}
	}
	return nil
}

// changed takes a report of the kernel about a virtual address.
func (m *machine) changed(c netns.AddrChange) {
	m.mu.Lock()
	v, virtual := m.vips[c.Addr]
	_, had := m.held[c.Addr]
	switch {
	case c.Held && !had:
		m.held[c.Addr] = c.At
	case !c.Held:
		delete(m.held, c.Addr)
	}
	m.mu.Unlock()
	if virtual && had != c.Held {
		m.line.add(c.At, Entry{Kind: "address", Node: m.plan.Name, Address: c.Addr.String(), Link: v.Link, Held: c.Held})
		m.moved()
	}
}

// heard takes a line of the daemon's log. A transition without a reason has the
// one that the line before it about the same instance gives.
func (m *machine) heard(text string) {
	found := m.role.FindStringSubmatch(text)
	if found == nil {
		m.overheard(text)
		return
	}
	e := Entry{Kind: "role", Node: m.plan.Name, Instance: found[1], Role: found[2], Text: found[3]}
	now := time.Now()
	m.mu.Lock()
	if e.Text == "" {
		e.Text = m.said[e.Instance]
	}
	delete(m.said, e.Instance)
	m.roles[e.Instance] = e
	m.mu.Unlock()
	m.line.add(now, e)
}

func (m *machine) overheard(text string) {
	if found := m.real.FindString(text); found != "" {
		m.line.add(time.Now(), Entry{Kind: "server", Node: m.plan.Name, Text: found})
		return
	}
	found := m.talk.FindStringSubmatch(text)
	if found == nil {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.said[found[1]] = found[2]
}

// start starts the daemon. A node that had no power comes back as after a boot:
// without virtual addresses, its links up unless their cable is cut.
func (m *machine) start() error {
	m.mu.Lock()
	running, dark := m.running(), m.dark
	m.dark, m.frozen, m.asked = false, false, false
	m.mu.Unlock()
	if running {
		return fmt.Errorf("%s runs already", m.plan.Name)
	}
	if dark {
		if err := m.boot(); err != nil {
			return err
		}
	}
	return m.launch()
}

// program says in a few words what runs.
func (m *machine) program() string {
	if m.plan.Server == nil {
		return strings.Join(m.argv, " ")
	}
	var ports []string
	for _, o := range m.plan.Server.Offers {
		ports = append(ports, fmt.Sprintf("%d/%s", o.Port, strings.ToLower(o.Protocol)))
	}
	return "a real server at " + strings.Join(ports, " ")
}

// running is for callers that hold the lock.
func (m *machine) running() bool {
	if m.exited == nil {
		return false
	}
	select {
	case <-m.exited:
		return false
	default:
		return true
	}
}

func (m *machine) boot() error {
	err := m.forget()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, link := range m.plan.Links {
		if !m.cut[link] {
			err = errors.Join(err, m.node.Plug(link))
		}
	}
	return err
}

// forget removes the virtual addresses that the dead daemon left in the kernel
// and its run-time files.
func (m *machine) forget() error {
	m.mu.Lock()
	held := slices.Collect(maps.Keys(m.held))
	m.mu.Unlock()
	var script strings.Builder
	for _, a := range held {
		if v, ok := m.vips[a]; ok {
			fmt.Fprintf(&script, "addr del %s dev %s\n", v.Prefix, v.Link)
		}
	}
	_, err := m.node.Run(context.Background(), strings.NewReader(script.String()), "ip", "-force", "-batch", "-")
	if err != nil {
		m.line.note(m.plan.Name, "%v", err)
	}
	return m.node.Do(func() error { return emptyDir("/run") })
}

func emptyDir(dir string) error {
	entries, err := os.ReadDir(dir)
	for _, e := range entries {
		err = errors.Join(err, os.RemoveAll(dir+"/"+e.Name()))
	}
	return err
}

func (m *machine) launch() error {
	cmd := exec.Command(m.argv[0], m.argv[1:]...)
	cmd.Stdout, cmd.Stderr = m.log, m.log
	cmd.WaitDelay = time.Second
	if err := m.node.Start(cmd); err != nil {
		return fmt.Errorf("start %s on %s: %w", m.argv[0], m.plan.Name, err)
	}
	exited := make(chan struct{})
	m.mu.Lock()
	m.cmd, m.exited = cmd, exited
	m.mu.Unlock()
	go m.await(cmd, exited)
	return nil
}

// await waits for the daemon's end and tells of one that nobody asked for.
func (m *machine) await(cmd *exec.Cmd, exited chan struct{}) {
	err := cmd.Wait()
	m.mu.Lock()
	asked := m.asked
	m.roles = map[string]Entry{}
	m.mu.Unlock()
	close(exited)
	if asked {
		return
	}
	if err == nil {
		err = errors.New("exit status 0")
	}
	m.line.add(time.Now(), Entry{Kind: "daemon", Node: m.plan.Name, Text: "the daemon ended by itself: " + err.Error()})
}

// stop ends the daemon with SIGTERM and waits for it.
func (m *machine) stop() error {
	exited, pid := m.ask()
	if pid == 0 {
		return nil
	}
	m.node.Signal(unix.SIGCONT)
	unix.Kill(pid, unix.SIGTERM)
	select {
	case <-exited:
		return nil
	case <-time.After(stopPatience):
		m.node.Kill()
		return fmt.Errorf("the daemon of %s ignores SIGTERM", m.plan.Name)
	}
}

// ask notes that the daemon is about to be ended from here.
func (m *machine) ask() (exited chan struct{}, pid int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked, m.frozen = true, false
	if !m.running() {
		return m.exited, 0
	}
	return m.exited, m.cmd.Process.Pid
}

// kill takes the power away: first all processes end, then all links, within a
// few milliseconds.
func (m *machine) kill() error {
	m.ask()
	m.mu.Lock()
	m.dark = true
	m.mu.Unlock()
	var err error
	m.node.Signal(unix.SIGKILL)
	for _, link := range m.plan.Links {
		err = errors.Join(err, m.node.Unplug(link))
	}
	m.node.Kill()
	return err
}

// crash kills every process; the kernel and its addresses stay.
func (m *machine) crash() error {
	m.ask()
	m.node.Kill()
	return nil
}

// freeze stops every process for a while, or with 0 until thaw.
func (m *machine) freeze(d time.Duration) error {
	m.mu.Lock()
	m.frozen = true
	m.mu.Unlock()
	m.node.Signal(unix.SIGSTOP)
	if d > 0 {
		time.AfterFunc(d, func() { m.thaw() })
	}
	return nil
}

func (m *machine) thaw() error {
	m.mu.Lock()
	frozen := m.frozen
	m.frozen = false
	m.mu.Unlock()
	if frozen {
		m.node.Signal(unix.SIGCONT)
		m.line.note(m.plan.Name, "goes on")
	}
	return nil
}

// link cuts or mends one cable. That of a node without power is mended when the
// node is started.
func (m *machine) link(name string, up bool) error {
	m.mu.Lock()
	m.cut[name] = !up
	dark := m.dark
	m.mu.Unlock()
	if !up {
		return m.node.Unplug(name)
	}
	if dark {
		return nil
	}
	return m.node.Plug(name)
}

func (m *machine) drop(on bool) error {
	m.mu.Lock()
	m.deaf = on
	m.mu.Unlock()
	if on {
		return m.node.DropVRRP(netns.Both)
	}
	return m.node.AllowVRRP()
}

// reload puts another file in the place of the node's own, for the node alone,
// and sends SIGHUP.
func (m *machine) reload(file string) error {
	text, err := os.ReadFile(file)
	if err != nil {
		return err
	}
	n := m.learn(file)
	if err := m.replace(n.adapted(string(text))); err != nil {
		return err
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.running() {
		return nil
	}
	return m.cmd.Process.Signal(syscall.SIGHUP)
}

// replace puts a text in the place of the node's own file, for the node alone.
func (m *machine) replace(text string) error {
	const copied = "/.lab/reloaded"
	if err := m.node.WriteFile(copied, text, 0o644); err != nil {
		return err
	}
	err := m.node.Do(func() error { return unix.Mount(copied, m.plan.File, "", unix.MS_BIND, "") })
	if err != nil {
		return fmt.Errorf("put another text in the place of %s: %w", m.plan.File, err)
	}
	return nil
}

// learn watches for the addresses of another file as well. A file that cannot be
// run is the daemon's to refuse.
func (m *machine) learn(file string) *NodePlan {
	n, err := readNode(file)
	if err != nil {
		m.line.note(m.plan.Name, "%v", err)
		return &NodePlan{}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.expect(n)
	return n
}

// expect adds the virtual addresses of a configuration to those that are watched.
func (m *machine) expect(n *NodePlan) {
	for _, in := range n.Instances {
		for _, v := range in.VIPs {
			m.vips[v.Prefix.Addr()] = v
		}
	}
}

// holds tells since when the node has an address.
func (m *machine) holds(a netip.Addr) (time.Time, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	since, ok := m.held[a]
	return since, ok
}

// why is the last role of the instance that an address belongs to.
func (m *machine) why(v VIP) Entry {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, in := range m.plan.Instances {
		if slices.ContainsFunc(in.VIPs, func(o VIP) bool { return o.Prefix.Addr() == v.Prefix.Addr() }) {
			return m.roles[in.Name]
		}
	}
	return Entry{}
}

// state is what the machine does at present, in a few words.
func (m *machine) state() string {
	m.mu.Lock()
	defer m.mu.Unlock()
	var words []string
	switch {
	case m.dark:
		words = append(words, "dead")
	case !m.running():
		words = append(words, "stopped")
	case m.frozen:
		words = append(words, "frozen")
	default:
		words = append(words, "running")
	}
	for _, link := range slices.Sorted(maps.Keys(m.cut)) {
		if m.cut[link] {
			words = append(words, link+" cut")
		}
	}
	if m.deaf {
		words = append(words, "VRRP dropped")
	}
	for _, name := range slices.Sorted(maps.Keys(m.failing)) {
		if m.failing[name] {
			words = append(words, name+" fails")
		}
	}
	return strings.Join(words, ", ")
}

// leave stops watching; the World ends the rest.
func (m *machine) leave() {
	m.ask()
	m.addr.Close()
}

// isDark reports whether the node is without power.
func (m *machine) isDark() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.dark
}

func (m *machine) isFrozen() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.frozen
}
