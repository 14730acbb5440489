package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
	"holdfast/internal/lab/netns"
)

// crowd is two nodes with a cable between them for every 255 virtual routers.
// The cables have no switch in the middle: its work would be charged to whoever
// sends. The tap is on the second node.
type crowd struct {
	world    *netns.World
	a, b     *netns.Node
	routers  int
	interval time.Duration
	tap      *wiretap.Tap
	holdings [2]*holdings // which addresses a and b hold
}

const (
	strong = 200 // priority of the master
	weak   = 100 // priority of the backup
)

func newCrowd(routers int, interval time.Duration) (*crowd, error) {
	world, err := netns.New()
	if err != nil {
		return nil, err
	}
	c := &crowd{world: world, routers: routers, interval: interval}
	if err := c.build(); err != nil {
		return nil, errors.Join(err, world.Close())
	}
	return c, nil
}

func (c *crowd) build() (err error) {
	if c.a, err = c.world.Node("a"); err != nil {
		return err
	}
	if c.b, err = c.world.Node("b"); err != nil {
		return err
	}
	if err := c.lay(); err != nil {
		return err
	}
	for i, node := range []*netns.Node{c.a, c.b} {
		if c.holdings[i], err = openHoldings(node); err != nil {
			return err
		}
	}
	return c.listen()
}

// listen opens the tap.
func (c *crowd) listen() error {
	return c.b.Do(func() (err error) { c.tap, err = wiretap.Open(20 * time.Millisecond); return err })
}

// lay lays the cables.
func (c *crowd) lay() error {
	var cables, ends [2]strings.Builder
	for n := range links(c.routers) {
		name := linkName(n)
		fmt.Fprintf(&cables[0], "link add %s type veth peer name %s netns %s\n", name, name, c.b.Space())
		for i := range ends {
			fmt.Fprintf(&ends[i], "link set %s up\naddr add %s dev %s\n", name, nodeAddress(n, i+1), name)
		}
	}
	return errors.Join(ipBatch(c.a, cables[0].String()), ipBatch(c.a, ends[0].String()), ipBatch(c.b, ends[1].String()))
}

// ipBatch runs ip in the network of a node but with the host's files, where the
// names of the other namespaces are.
func ipBatch(node *netns.Node, script string) error {
	cmd := exec.Command("ip", "-n", node.Space(), "-batch", "-")
	cmd.Stdin = strings.NewReader(script)
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("ip -batch on %s: %w: %s", node.Name, err, out)
	}
	return nil
}

func (c *crowd) close() error {
	for _, h := range c.holdings {
		h.close()
	}
	return errors.Join(c.tap.Close(), c.world.Close())
}

// members are the routers of one of the nodes.
func (c *crowd) members(priority int) []instance { return crowdOf(c.routers, priority, c.interval) }

// begin starts the master and waits until it sends adverts for all routers and
// holds all addresses; it returns how long that took from the start of the
// program, without the down timer, which the protocol makes it wait.
func (c *crowd) begin(ctx context.Context, p subject.Program) (*subject.Daemon, time.Duration, error) {
	return c.beginWith(ctx, p, configuration(c.members(strong)...))
}

// beginWith is begin for a configuration that holds more than the routers.
func (c *crowd) beginWith(ctx context.Context, p subject.Program, text string) (*subject.Daemon, time.Duration, error) {
	d, err := subject.Start(c.a, p, text)
	if err != nil {
		return nil, 0, err
	}
	up, err := c.allUp(ctx, d)
	if err != nil {
		d.Kill()
		return nil, 0, err
	}
	return d, up.Sub(d.Started) - c.members(strong)[0].downTimer(), nil
}

func (c *crowd) allUp(ctx context.Context, d *subject.Daemon) (time.Time, error) {
	for {
		held, gained, err := c.holdings[0].held()
		if err != nil {
			return gained, err
		}
		adverts := 0
		if held == c.routers {
			var heard time.Time
			if adverts, heard = c.heard(d.Started); adverts == c.routers {
				return latest(gained, heard), nil
			}
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return gained, fmt.Errorf("%s: %d of %d routers send adverts, %d addresses are held: %w", d.Name, adverts, c.routers, held, err)
		}
	}
}

// heard counts the routers whose adverts came in since an instant, and returns
// when the last of them was heard for the first time.
func (c *crowd) heard(since time.Time) (n int, last time.Time) {
	for _, series := range wiretap.Adverts(c.tap.Packets(since)) {
		if !series[0].Out {
			n++
			last = latest(last, series[0].At)
		}
	}
	return n, last
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// cost is what the masters of a crowd cost and how regular their adverts are.
type cost struct {
	perAdvert time.Duration
	jitter    []time.Duration // distance of each interval from the nominal one
	drift     time.Duration   // by how much intervals are longer in the mean, or shorter
	burst     float64
	usage     subject.Usage
}

// watch measures two quiet stretches: one for the processor time, and one with
// the tap, whose own work the kernel would charge to whoever sends.
func (c *crowd) watch(ctx context.Context, d *subject.Daemon) (cost, error) {
	if err := c.tap.Close(); err != nil {
		return cost{}, err
	}
	perAdvert, err := c.weigh(ctx, d)
	if err := errors.Join(err, c.listen()); err != nil {
		return cost{}, err
	}
	if err := pause(ctx, 6*time.Second); err != nil {
		return cost{}, err
	}
	got := regularity(c.tap.Packets(time.Time{}), c.interval)
	got.perAdvert = perAdvert
	got.usage, err = d.Usage()
	return got, err
}

// weigh divides the processor time of ten seconds by the packets that arrived.
func (c *crowd) weigh(ctx context.Context, d *subject.Daemon) (time.Duration, error) {
	spent, err := d.CPU()
	arrived, e := c.arrived()
	if err := errors.Join(err, e, pause(ctx, 10*time.Second)); err != nil {
		return 0, err
	}
	spentNow, err := d.CPU()
	arrivedNow, e := c.arrived()
	return (spentNow - spent) / time.Duration(max(arrivedNow-arrived, 1)), errors.Join(err, e)
}

// arrived is how many packets the cables have brought to b so far, by the
// kernel's counters.
func (c *crowd) arrived() (total int, err error) {
	for n := range links(c.routers) {
		text, err := c.b.ReadFile("/sys/class/net/" + linkName(n) + "/statistics/rx_packets")
		if err != nil {
			return 0, fmt.Errorf("count packets: %w", err)
		}
		packets, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return 0, fmt.Errorf("count packets of %s: %w", linkName(n), err)
		}
		total += packets
	}
	return total, nil
}

// regularity looks at the adverts of a quiet stretch.
func regularity(packets []wiretap.Packet, interval time.Duration) cost {
	packets = slices.DeleteFunc(packets, func(p wiretap.Packet) bool { return p.Kind != wiretap.Advert })
	jitter := wiretap.Deviations(packets, interval)
	var sum time.Duration
	for i, j := range jitter {
		sum, jitter[i] = sum+j, j.Abs()
	}
	return cost{
		jitter: jitter,
		drift:  (sum / time.Duration(max(len(jitter), 1))).Abs(),
		burst:  wiretap.Burst(packets, interval, 10*time.Millisecond),
	}
}

// reloading is what a reload did.
type reloading struct {
	took    time.Duration
	latest  time.Duration // lateness of the latest advert meanwhile
	changes int           // of roles
}

// reload gives a daemon a new configuration. If an address is named, the reload
// is over when the node holds it, else when the log says so.
func (c *crowd) reload(ctx context.Context, d *subject.Daemon, config string, added netip.Addr) (reloading, error) {
	if err := pause(ctx, 1500*time.Millisecond); err != nil {
		return reloading{}, err
	}
	at, err := d.Reload(config)
	if err != nil {
		return reloading{}, err
	}
	done, err := d.Log.Wait(ctx, at, reloaded())
	if err != nil {
		return reloading{}, err
	}
	end := done.At
	if added.IsValid() {
		held, err := c.holdings[0].wait(ctx, added)
		if err != nil {
			return reloading{}, err
		}
		end = latest(end, held)
	}
	err = pause(ctx, 2500*time.Millisecond)
	packets := c.tap.Packets(at.Add(-1500 * time.Millisecond))
	return reloading{end.Sub(at), wiretap.Latest(packets, time.Second), len(d.Log.Lines(at, entered()))}, err
}

// takeover kills the master of a crowd and returns by how much the last address
// was announced by the backup later than its down timer ran out, and how long
// all of it took from the kill on.
func (c *crowd) takeover(ctx context.Context, d, backup *subject.Daemon) (late, total time.Duration, err error) {
	c.tap.Forget()
	if err := pause(ctx, 1500*time.Millisecond); err != nil {
		return 0, 0, err
	}
	// The dead node's kernel goes on to hold the addresses, but must not answer
	// for them.
	if err := c.a.Sysctl("ipv4/conf/all/arp_ignore", "8"); err != nil {
		return 0, 0, err
	}
	killed := time.Now()
	d.Kill()
	if err := c.allTaken(ctx, killed); err != nil {
		return 0, 0, err
	}
	late, end := c.lateness(c.members(weak)[0].downTimer())
	return late, end.Sub(killed), nil
}

func (c *crowd) allTaken(ctx context.Context, since time.Time) error {
	for {
		announced := len(firstAnnounced(c.tap.Packets(since)))
		held, _, err := c.holdings[1].held()
		if err != nil {
			return err
		}
		if announced == c.routers && held == c.routers {
			return nil
		}
		if err := pause(ctx, 50*time.Millisecond); err != nil {
			return fmt.Errorf("%d of %d addresses are announced, %d held: %w", announced, c.routers, held, err)
		}
	}
}

// firstAnnounced tells when each virtual address was first announced by the
// tapped node.
func firstAnnounced(packets []wiretap.Packet) map[netip.Addr]time.Time {
	first := map[netip.Addr]time.Time{}
	for _, p := range packets {
		if _, seen := first[p.From]; !seen && p.Out && p.Kind == wiretap.Announce && crowdNet().Contains(p.From) {
			first[p.From] = p.At
		}
	}
	return first
}

// lateness compares each first announcement with the last advert of the dead
// master for that address and the down timer that starts there.
func (c *crowd) lateness(down time.Duration) (late time.Duration, end time.Time) {
	packets := c.tap.Packets(time.Time{})
	due := map[netip.Addr]time.Time{}
	for _, p := range packets {
		if p.Kind == wiretap.Advert && !p.Out {
			due[crowdAddress(int(p.From.As4()[2]), int(p.VRID))] = p.At.Add(down)
		}
	}
	for vip, at := range firstAnnounced(packets) {
		late, end = max(late, at.Sub(due[vip])), latest(end, at)
	}
	return late, end
}
