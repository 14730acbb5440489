package nemesis

import (
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
	"holdfast/internal/lab/netns"
)

// field is the cluster of a plan in namespaces, with a client that hears all.
type field struct {
	*testing.T
	plan    *Plan
	program subject.Program
	world   *netns.World
	nodes   []*fighter
	tap     *wiretap.Tap
	began   time.Time

	mu     sync.Mutex
	split  []*netns.Node // nodes that the switch separates, each from all
	held   []Held
	open   map[holding]time.Duration
	in     map[place]*sync.Mutex
	record Record
}

// holding names an address on a node.
type holding struct{ node, vrid int }

// place is what no two faults take hold of at once; node is -1 for the switch.
type place struct {
	node     int
	resource string
}

// fighter is one node with its daemon.
type fighter struct {
	*netns.Node
	tools   sync.RWMutex // held for writing by who kills or stops all processes of the node
	mu      sync.Mutex
	daemon  *subject.Daemon
	logs    []*subject.Log // of all daemons so far
	version int
}

const bridge = "lan"

func newField(t *testing.T, p *Plan, program subject.Program) *field {
	t.Helper()
	w, err := netns.New()
	must(t, err)
	f := &field{T: t, plan: p, program: program, world: w, began: time.Now(), open: map[holding]time.Duration{}, in: map[place]*sync.Mutex{}}
	f.record = Record{Routers: p.Routers, Interval: p.Interval, V2: p.V2}
	t.Cleanup(func() { must(t, w.Close()) })
	must(t, w.Bridge(bridge))
	// A switch that forgets at once who is where lets the client hear unicast.
	out, err := exec.Command("ip", "-n", w.Name()+"-lan", "link", "set", bridge, "type", "bridge", "ageing_time", "0").CombinedOutput()
	if err != nil {
		t.Fatalf("make a hub: %v: %s", err, out)
	}
	for i := range p.Nodes {
		f.nodes = append(f.nodes, f.fighter(i))
	}
	client, err := w.Node("client")
	must(t, err)
	must(t, client.Attach(bridge, "eth0"))
	must(t, client.Do(func() (err error) { f.tap, err = wiretap.Open(0); return err }))
	return f
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func (f *field) fighter(i int) *fighter {
	n, err := f.world.Node(string(rune('a' + i)))
	must(f.T, err)
	// The only link-local address is the one that names the node.
	must(f.T, n.Sysctl("ipv6/conf/default/addr_gen_mode", "1"))
	r := &fighter{Node: n}
	must(f.T, f.attach(i, r))
	for _, file := range []string{"/run/weak", "/run/hard"} {
		must(f.T, n.WriteFile(file, "0\n", 0o644))
	}
	watch, err := n.WatchAddrs(func(c netns.AddrChange) { f.changed(i, c) })
	must(f.T, err)
	f.Cleanup(func() { watch.Close() })
	return r
}

func (f *field) attach(i int, r *fighter) error {
	bits := 16
	if f.plan.V6 {
		bits = 64
	}
	if err := r.Attach(bridge, "eth0", netip.PrefixFrom(netip.MustParseAddr(f.plan.Address(i)), bits)); err != nil {
		return err
	}
	// A kernel asks once a second for a neighbour that does not answer: until then
	// unicast would not reach one that is back, whatever the program does.
	return errors.Join(r.Sysctl("ipv4/neigh/eth0/retrans_time_ms", "20"), r.Sysctl("ipv6/neigh/eth0/retrans_time_ms", "20"))
}

// changed keeps what a kernel says of the first address of a router.
func (f *field) changed(node int, c netns.AddrChange) {
	for vrid := 1; vrid <= f.plan.Routers; vrid++ {
		if c.Addr == netip.MustParseAddr(f.plan.VIP(vrid)) {
			f.note(holding{node, vrid}, c.At.Sub(f.began), c.Held)
		}
	}
}

func (f *field) note(h holding, at time.Duration, held bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	since, was := f.open[h]
	switch {
	case held && !was:
		f.open[h] = at
	case !held && was:
		f.held = append(f.held, Held{h.node, h.vrid, Span{since, at}})
		delete(f.open, h)
	}
}

func (f *field) now() time.Duration { return time.Since(f.began) }

// fight runs rounds for a while and returns the record.
func (f *field) fight(length time.Duration) *Record {
	late := f.watchLateness()
	for i := range f.nodes {
		must(f.T, f.launch(i))
	}
	time.Sleep(f.record.Settle())
	for f.now() < length {
		f.storm(f.plan.Round())
		calm := Span{From: f.now()}
		time.Sleep(f.record.Settle() + max(time.Second, 3*f.plan.Interval))
		calm.To = f.now()
		f.record.Calms = append(f.record.Calms, calm)
		f.lookAtRouting()
	}
	f.record.Lates = late()
	return f.finish()
}

// watchLateness finds when a program that asks for nothing but to be waked is
// waked too late: what it suffers is the machine's fault.
func (f *field) watchLateness() (found func() []Span) {
	stop, all := make(chan struct{}), make(chan []Span)
	go func() {
		var late []Span
		for {
			select {
			case <-stop:
				all <- late
				return
			default:
			}
			due := f.now() + 2*time.Millisecond
			time.Sleep(2 * time.Millisecond)
			if now := f.now(); now-due > 5*time.Millisecond {
				late = append(late, Span{due, now})
			}
		}
	}()
	return func() []Span { close(stop); return <-all }
}

func (f *field) finish() *Record {
	end := f.now()
	packets := f.tap.Packets(f.began)
	must(f.T, f.tap.Close())
	f.mu.Lock()
	defer f.mu.Unlock()
	r := &f.record
	r.Held = slices.Clone(f.held)
	for h, since := range f.open {
		r.Held = append(r.Held, Held{h.node, h.vrid, Span{since, end}})
	}
	slices.SortFunc(r.Held, func(a, b Held) int { return int(a.From - b.From) })
	slices.SortFunc(r.Harms, func(a, b Harm) int { return int(a.From - b.From) })
	for _, p := range packets {
		if node := f.sender(p.From); p.Kind == wiretap.Advert && node >= 0 {
			r.Adverts = append(r.Adverts, Advert{p.At.Sub(f.began), node, int(p.VRID), p.Priority})
		}
	}
	return r
}

func (f *field) sender(from netip.Addr) int {
	for i := range f.nodes {
		if from == netip.MustParseAddr(f.plan.Address(i)) {
			return i
		}
	}
	return -1
}

func (f *field) launch(i int) (err error) {
	r := f.nodes[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.daemon, err = subject.Start(r.Node, f.program, f.plan.Config(i, r.version)); err == nil {
		r.logs = append(r.logs, r.daemon.Log)
	}
	return err
}

// storm runs the faults of a round, each at its time, to the end of the last.
func (f *field) storm(faults []Fault) {
	var all sync.WaitGroup
	start := time.Now()
	for _, fault := range faults {
		all.Go(func() {
			time.Sleep(time.Until(start.Add(fault.At)))
			f.harm(fault)
		})
	}
	all.Wait()
}

func (f *field) harm(fault Fault) {
	// A fault may end later than planned; the next one of its place waits for it.
	defer f.enter(fault)()
	h := Harm{Fault: fault, Span: Span{From: f.now()}}
	var undo func() error
	err := f.spared(fault, func() (err error) { undo, err = f.do(fault); return err })
	time.Sleep(fault.For)
	if err == nil {
		err = f.spared(fault, undo)
	}
	h.To = f.now()
	f.mu.Lock()
	defer f.mu.Unlock()
	f.record.Harms = append(f.record.Harms, h)
	if err != nil {
		f.Errorf("%v on node %d: %v", fault.Kind, fault.Node, err)
	}
}

// enter waits for the place of a fault and returns how to leave it.
func (f *field) enter(fault Fault) (leave func()) {
	at := place{fault.Node, fault.Kind.resource()}
	if fault.Kind == Split {
		at.node = -1
	}
	f.mu.Lock()
	if f.in[at] == nil {
		f.in[at] = &sync.Mutex{}
	}
	m := f.in[at]
	f.mu.Unlock()
	m.Lock()
	return m.Unlock
}

// spared works on a node. Who kills all of its processes would kill the tools of
// other faults, too, and waits for them.
func (f *field) spared(fault Fault, work func() error) error {
	tools := &f.nodes[fault.Node].tools
	if fault.Kind.resource() == "process" {
		tools.Lock()
		defer tools.Unlock()
	} else {
		tools.RLock()
		defer tools.RUnlock()
	}
	return work()
}

func nothing() error { return nil }

// do harms a node and returns how to undo it.
func (f *field) do(fault Fault) (undo func() error, err error) {
	r := f.nodes[fault.Node]
	switch fault.Kind {
	case Kill:
		r.daemon.Kill()
		return func() error { return f.launch(fault.Node) }, nil
	case Stop:
		return func() error { return f.restart(fault.Node) }, r.daemon.Terminate()
	case Freeze:
		r.Signal(unix.SIGSTOP)
		return func() error { r.Signal(unix.SIGCONT); return nil }, nil
	case Cut:
		return func() error { return r.Plug("eth0") }, r.Unplug("eth0")
	case Recreate:
		_, err := r.ip("link", "del", "eth0")
		return func() error { return f.recreate(fault.Node) }, err
	case Deaf:
		return r.AllowVRRP, r.DropVRRP(netns.In)
	case Mute:
		return r.AllowVRRP, r.DropVRRP(netns.Out)
	case Split:
		return func() error { return f.separate(nil) }, f.separate([]*netns.Node{r.Node})
	case Theft:
		return nothing, f.steal(fault.Node)
	case Drift:
		return f.drift(fault.Node)
	case Reload:
		return nothing, f.reload(fault.Node)
	case Weak:
		return f.track(fault.Node, "weak", 30)
	case Broken:
		return f.track(fault.Node, "hard", 1)
	case Starve:
		return f.starve()
	}
	return nothing, nil
}

// ip runs ip(8) in the network of the node.
func (r *fighter) ip(args ...string) (string, error) {
	out, err := exec.Command("ip", append([]string{"-n", r.Space()}, args...)...).CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("ip %s: %w: %s", strings.Join(args, " "), err, out)
	}
	return string(out), nil
}

func (f *field) restart(i int) error {
	f.nodes[i].daemon.Stop()
	return f.launch(i)
}

// recreate makes the interface anew; a switch that separates has to learn its port.
func (f *field) recreate(i int) error {
	if err := f.attach(i, f.nodes[i]); err != nil {
		return err
	}
	f.mu.Lock()
	now := f.split
	f.mu.Unlock()
	return f.separate(now)
}

func (f *field) separate(alone []*netns.Node) error {
	f.mu.Lock()
	f.split = alone
	f.mu.Unlock()
	if len(alone) == 0 {
		return f.world.Heal()
	}
	var others []*netns.Node
	for _, r := range f.nodes {
		if !slices.Contains(alone, r.Node) {
			others = append(others, r.Node)
		}
	}
	return f.world.Partition(alone, others)
}

// steal removes the shared addresses, wherever on the node they are.
func (f *field) steal(i int) error {
	out, err := f.nodes[i].ip("-o", "addr", "show")
	if err != nil {
		return err
	}
	for line := range strings.Lines(out) {
		word := strings.Fields(line)
		for vrid := 1; vrid <= f.plan.Routers; vrid++ {
			if len(word) > 3 && strings.HasPrefix(word[3], f.plan.VIP(vrid)+"/") {
				// That the daemon was faster is no mistake.
				f.nodes[i].ip("addr", "del", word[3], "dev", word[1])
			}
		}
	}
	for vrid := 1; f.plan.Routed && vrid <= f.plan.Routers; vrid++ {
		table := strconv.Itoa(f.plan.Table(vrid))
		f.nodes[i].ip(f.family(), "route", "flush", "table", table)
		f.nodes[i].ip(f.family(), "rule", "del", "preference", table)
	}
	return nil
}

// family is the option of ip(8).
func (f *field) family() string {
	if f.plan.V6 {
		return "-6"
	}
	return "-4"
}

// drift is somebody who removes addresses, takes virtual devices down and changes
// their sysctls a thousand times a second.
func (f *field) drift(i int) (undo func() error, err error) {
	cmd := exec.Command("ip", "-n", f.nodes[i].Space(), "-force", "-batch", "-")
	in, err := cmd.StdinPipe()
	if err != nil {
		return nothing, err
	}
	if err := cmd.Start(); err != nil {
		return nothing, err
	}
	stop, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		for n := 0; ; n++ {
			select {
			case <-stop:
				return
			case <-time.After(time.Millisecond):
				f.push(f.nodes[i], in, n)
			}
		}
	}()
	return func() error {
		close(stop)
		cmd.Process.Kill() // it may be frozen with the node
		<-stopped
		in.Close()
		cmd.Wait()
		return nil
	}, nil
}

// push is one change of a drift.
func (f *field) push(r *fighter, ip io.Writer, n int) {
	vrid := 1 + n/4%f.plan.Routers
	device := f.plan.Device(vrid)
	switch {
	case !f.plan.VMAC || n%4 == 0:
		fmt.Fprintf(ip, "addr del %s dev %s\n", f.plan.VIP(vrid), device)
	case n%4 == 1:
		fmt.Fprintf(ip, "link set %s down\n", device)
	case n%4 == 2:
		fmt.Fprintf(ip, "link set %s address 02:00:00:00:00:%02x\n", device, n%200)
	default:
		r.Sysctl("ipv4/conf/"+device+"/arp_ignore", "0") // the device may not be there
	}
}

// lookAtRouting notes what the kernels hold of routes and rules.
func (f *field) lookAtRouting() {
	for i, r := range f.nodes {
		for vrid := 1; f.plan.Routed && vrid <= f.plan.Routers; vrid++ {
			table := strconv.Itoa(f.plan.Table(vrid))
			at := f.now()
			routes, _ := r.ip(f.family(), "route", "show", "table", table) // a table without routes is none
			rules, err := r.ip(f.family(), "rule", "show", "preference", table)
			if err != nil {
				f.Error(err)
			}
			f.record.Routing = append(f.record.Routing, Routing{at, i, vrid, routes != "", rules != ""})
		}
	}
}

func (f *field) reload(i int) error {
	r := f.nodes[i]
	r.mu.Lock()
	defer r.mu.Unlock()
	// A program that does not listen yet would die of the signal.
	for end := time.Now().Add(10 * time.Second); r.daemon.Alive() && r.daemon.Log.Text() == "" && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	r.version = 1 - r.version
	// A node whose daemon is down starts with this version.
	if _, err := r.daemon.Reload(f.plan.Config(i, r.version)); r.daemon.Alive() {
		return err
	}
	return nil
}

func (f *field) track(i int, file string, value int) (undo func() error, err error) {
	set := func(v int) error { return f.nodes[i].WriteFile("/run/"+file, strconv.Itoa(v)+"\n", 0o644) }
	return func() error { return set(0) }, set(value)
}

// starve runs more programs than there are processors.
func (f *field) starve() (undo func() error, err error) {
	var busy []*exec.Cmd
	for range 4 {
		cmd := exec.CommandContext(f.Context(), "sh", "-c", "while :; do :; done")
		if err := cmd.Start(); err != nil {
			return nothing, err
		}
		busy = append(busy, cmd)
	}
	return func() error {
		for _, cmd := range busy {
			cmd.Process.Kill()
			cmd.Wait()
		}
		return nil
	}, nil
}
