package interop

import (
	"bufio"
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
	"holdfast/internal/lab/netns"
	"holdfast/test/need"
)

// neighbour is a program that speaks BFD, and how it is told with whom.
type neighbour struct {
	name, needs string
	start       func(t *testing.T, n *netns.Node, p path)
}

// path is where two ends of a session are.
type path struct {
	name     string
	us, them netip.Prefix
	router   [2]netip.Prefix // in between, on our link and on theirs; zero: there is none
}

func (p path) far() bool { return p.router[0].IsValid() }

func paths() []path {
	prefix := netip.MustParsePrefix
	return []path{
		{name: "IPv4", us: prefix("192.0.2.1/24"), them: prefix("192.0.2.2/24")},
		{name: "IPv6", us: prefix("2001:db8::1/64"), them: prefix("2001:db8::2/64")},
		{"several hops, IPv4", prefix("192.0.2.1/24"), prefix("198.51.100.2/24"), [2]netip.Prefix{prefix("192.0.2.9/24"), prefix("198.51.100.9/24")}},
		{"several hops, IPv6", prefix("2001:db8::1/64"), prefix("2001:db8:1::2/64"), [2]netip.Prefix{prefix("2001:db8::9/64"), prefix("2001:db8:1::9/64")}},
	}
}

// session is a bfd_instance between two addresses, with timers of 10 ms. Hop limits
// are keepalived's defaults, except over several hops.
func session(us, them netip.Addr, far bool) string {
	more := ""
	if far {
		more = "  multihop true\n  max_hops -1\n"
	}
	return fmt.Sprintf("bfd_instance peer {\n  neighbor_ip %s\n  source_ip %s\n  min_rx 10\n  min_tx 10\n  idle_tx 1000\n  multiplier 5\n%s}\n", them, us, more)
}

// detection is what the timers of session come to.
const detection = 50 * time.Millisecond

func startKeepalived(t *testing.T, n *netns.Node, p path) {
	keepalived, err := subject.Keepalived()
	must(t, err)
	startSubject(t, n, keepalived, p.them, p.us, p.far())
}

func startSubject(t *testing.T, n *netns.Node, program subject.Program, us, them netip.Prefix, far bool) *subject.Daemon {
	t.Helper()
	const urgent = "global_defs {\n  bfd_rt_priority 50\n}\n" // a busy machine is not what is tested
	d, err := subject.Start(n, program, urgent+session(us.Addr(), them.Addr(), far))
	must(t, err)
	t.Cleanup(d.Stop)
	return d
}

func startFRR(t *testing.T, n *netns.Node, p path) {
	hops := ""
	if p.far() {
		hops = " multihop"
	}
	must(t, n.WriteFile("/run/zebra.conf", "", 0o644))
	must(t, n.WriteFile("/run/bfdd.conf", fmt.Sprintf("bfd\n peer %s%s local-address %s\n  receive-interval 10\n  transmit-interval 10\n  detect-multiplier 5\n", p.us.Addr(), hops, p.them.Addr()), 0o644))
	launch(t, n, "mkdir -p /run/frr && chown frr /run/frr && cd /run/frr && common='-z /run/frr/zserv.api --vty_socket /run/frr --log stdout' && "+
		"{ /usr/lib/frr/zebra $common -i zebra.pid -f /run/zebra.conf & sleep 1; exec chrt -r 50 /usr/lib/frr/bfdd $common -i bfdd.pid --bfdctl /run/frr/bfdd.sock -f /run/bfdd.conf; }")
}

func startBird(t *testing.T, n *netns.Node, p path) {
	where := fmt.Sprintf(`%s dev "%s" local %s`, p.us.Addr(), link, p.them.Addr())
	if p.far() {
		where = fmt.Sprintf("%s local %s multihop yes", p.us.Addr(), p.them.Addr())
	}
	const timers = "min rx interval 10 ms; min tx interval 10 ms; idle tx interval 1 s; multiplier 5;"
	must(t, n.WriteFile("/run/bird.conf", fmt.Sprintf("log stderr all;\ndebug protocols all;\nrouter id 192.0.2.2;\nprotocol device {}\nprotocol bfd {\n  interface \"*\" { %s };\n  multihop { %s };\n  neighbor %s;\n}\n",
		timers, timers, where), 0o644))
	launch(t, n, "exec chrt -r 50 bird -d -c /run/bird.conf -s /run/bird.ctl")
}

func launch(t *testing.T, n *netns.Node, command string) {
	t.Helper()
	var log strings.Builder
	cmd := exec.Command("/bin/sh", "-c", command)
	cmd.Stdout, cmd.Stderr = &log, &log
	must(t, n.Start(cmd))
	t.Cleanup(func() {
		n.Kill()
		cmd.Wait()
		if t.Failed() {
			t.Logf("the neighbour said:\n%s", log.String())
		}
	})
}

func neighbours() []neighbour {
	return []neighbour{
		{"keepalived", "keepalived", startKeepalived},
		{"FRR", "/usr/lib/frr/bfdd", startFRR},
		{"BIRD", "bird", startBird},
	}
}

func TestBFDWithOthers(t *testing.T) {
	need.Nodes(t, "tcpdump", "tshark", "ip")
	us := find(t).holdfast
	for _, n := range append(neighbours(), neighbour{"holdfast", "ip", func(t *testing.T, n *netns.Node, p path) { startSubject(t, n, us, p.them, p.us, p.far()) }}) {
		for _, p := range paths() {
			if n.name == "keepalived" && p.far() {
				continue // Debian's 2.2.7 knows one hop only
			}
			t.Run(n.name+"/"+p.name, func(t *testing.T) {
				need.Nodes(t, n.needs)
				t.Parallel()
				newTalk(t, p, n.start, us).play()
			})
		}
	}
}

// talk is holdfast, a neighbour, and what is between them.
type talk struct {
	*testing.T
	path
	daemon *subject.Daemon
	here   *netns.Node
	dump   *exec.Cmd
	file   string
}

func newTalk(t *testing.T, p path, neighbour func(*testing.T, *netns.Node, path), us subject.Program) *talk {
	t.Helper()
	world, err := netns.New()
	must(t, err)
	t.Cleanup(func() { must(t, world.Close()) })
	c := &talk{T: t, path: p, file: filepath.Join(t.TempDir(), "wire.pcap")}
	must(t, world.Bridge(link))
	c.here = c.node(world, "here", link, p.us)
	beyond := link
	if p.far() {
		beyond = "eth9"
		must(t, world.Bridge(beyond))
	}
	there := c.node(world, "there", beyond, p.them)
	if p.far() {
		c.between(world, there, beyond)
	}
	c.record()
	neighbour(t, there, p)
	c.daemon = startSubject(t, c.here, us, p.us, p.them, p.far())
	return c
}

func (c *talk) node(world *netns.World, name, bridge string, addr netip.Prefix) *netns.Node {
	c.Helper()
	n, err := world.Node(name)
	must(c.T, err)
	must(c.T, n.Attach(bridge, link, addr))
	return n
}

// between puts a router between the ends.
func (c *talk) between(world *netns.World, there *netns.Node, beyond string) {
	c.Helper()
	r := c.node(world, "router", link, c.router[0])
	must(c.T, r.Attach(beyond, "eth9", c.router[1]))
	must(c.T, r.Sysctl("ipv4/ip_forward", "1"))
	must(c.T, r.Sysctl("ipv6/conf/all/forwarding", "1"))
	for n, via := range map[*netns.Node]netip.Prefix{c.here: c.router[0], there: c.router[1]} {
		_, err := n.Output(c.Context(), "ip", "route", "add", "default", "via", via.Addr().String())
		must(c.T, err)
	}
}

func (c *talk) record() {
	c.Helper()
	c.dump = exec.Command("tcpdump", "-i", link, "-U", "-Z", "root", "-w", c.file, "udp and (port 3784 or port 4784)")
	stderr, err := c.dump.StderrPipe()
	must(c.T, err)
	must(c.T, c.here.Start(c.dump))
	_, err = stderr.Read(make([]byte, 256)) // it says when it listens
	must(c.T, err)
}

// says waits for a line of holdfast's log.
func (c *talk) says(since time.Time, limit time.Duration, line string) time.Time {
	c.Helper()
	ctx, cancel := context.WithTimeout(c.Context(), limit)
	defer cancel()
	got, err := c.daemon.Log.Wait(ctx, since, regexp.MustCompile(regexp.QuoteMeta(line)))
	if err != nil {
		c.Fatalf("%v; holdfast said:\n%s", err, c.daemon.Log.Text())
	}
	return got.At
}

// play brings the session up, cuts its path, and mends it.
func (c *talk) play() {
	since := time.Now()
	up := c.says(since, 20*time.Second, "(peer) Entering Up state")
	time.Sleep(2 * time.Second)
	if lines := c.daemon.Log.Lines(up, regexp.MustCompile("Entering Down")); len(lines) > 0 {
		c.Fatalf("it does not stay up: %v", lines)
	}
	cut := time.Now()
	must(c.T, c.here.Unplug(link))
	down := c.says(cut, 5*time.Second, "(peer) Entering Down state (Local diagnostic - Control Detection Time Expired")
	c.expired(cut)
	must(c.T, c.here.Plug(link))
	again := c.says(time.Now(), 20*time.Second, "(peer) Entering Up state")
	c.Logf("noticed after %v, up again after %v", down.Sub(cut).Round(time.Millisecond), again.Sub(cut).Round(time.Millisecond))
	must(c.T, c.dump.Process.Signal(unix.SIGINT))
	c.dump.Wait()
	c.judge(up, cut)
}

// expired asserts what the log says of the silence that ended the session. Lines
// themselves may be late: they are written at ordinary priority.
func (c *talk) expired(since time.Time) {
	c.Helper()
	form := regexp.MustCompile(`Expired after (\d+) ms`)
	lines := c.daemon.Log.Lines(since, form)
	if len(lines) != 1 {
		c.Fatalf("%d expiries: %v", len(lines), lines)
	}
	ms, _ := strconv.Atoi(form.FindStringSubmatch(lines[0].Text)[1])
	if took := time.Duration(ms) * time.Millisecond; took < detection || took > detection+margin {
		c.Errorf("down after a silence of %v, the detection time is %v", took, detection)
	}
}

// judge asks tshark about every packet.
func (c *talk) judge(up, cut time.Time) {
	c.Helper()
	out, err := exec.Command("tshark", "-r", c.file, "-Tfields", "-Eseparator=;", "-eip.src", "-eipv6.src", "-eip.ttl", "-eipv6.hlim", "-eudp.srcport", "-eudp.dstport",
		"-ebfd.version", "-ebfd.sta", "-e_ws.expert.message", "-e_ws.malformed", "-eframe.time_epoch").Output()
	must(c.T, err)
	ours := 0
	for lines := bufio.NewScanner(strings.NewReader(string(out))); lines.Scan(); {
		f := strings.Split(lines.Text(), ";")
		if f[0]+f[1] != c.us.Addr().String() {
			continue
		}
		if fault := c.fault(f); fault != "" {
			c.Errorf("tshark: %s: %s", fault, lines.Text())
		}
		at, _ := strconv.ParseFloat(f[10], 64)
		if when := time.UnixMicro(int64(at * 1e6)); when.After(up.Add(time.Second)) && when.Before(cut) {
			ours++
		}
	}
	// 10 ms, less 10 to 25 percent.
	if rate := float64(ours) / cut.Sub(up.Add(time.Second)).Seconds(); rate < 105 || rate > 135 {
		c.Errorf("%.0f packets a second, want 111 to 133", rate)
	}
}

// fault says what is wrong with the fields of one packet of ours.
func (c *talk) fault(f []string) string {
	port := "3784"
	if c.far() {
		port = "4784"
	}
	source, _ := strconv.Atoi(f[4])
	switch {
	case f[2]+f[3] != "255":
		return "TTL"
	case source < 49152:
		return "source port"
	case f[5] != port:
		return "destination port"
	case f[6] != "1":
		return "version"
	case f[8] != "" || f[9] != "":
		return "expert"
	}
	return ""
}

// Two nodes share an address. The master loses the way to its gateway, on another
// link, and follows that by BFD.
func TestTrackBFDMovesTheAddressWithinTheDetectionTime(t *testing.T) {
	need.Nodes(t, "ip")
	us := find(t).holdfast
	world, err := netns.New()
	must(t, err)
	t.Cleanup(func() { must(t, world.Close()) })
	must(t, world.Bridge(link))
	must(t, world.Bridge("eth9"))
	var daemons [2]*subject.Daemon
	var nodes [2]*netns.Node
	gateway, err := world.Node("gateway")
	must(t, err)
	must(t, gateway.Attach("eth9", link, netip.MustParsePrefix("198.51.100.9/24")))
	peers := ""
	for i := range nodes {
		own := netip.MustParsePrefix(fmt.Sprintf("198.51.100.%d/24", i+1))
		peers += strings.Replace(session(netip.MustParseAddr("198.51.100.9"), own.Addr(), false), "peer", fmt.Sprint("node", i), 1)
	}
	far, err := subject.Start(gateway, us, peers)
	must(t, err)
	t.Cleanup(far.Stop)
	for i, name := range []string{"a", "b"} {
		n, err := world.Node(name)
		must(t, err)
		own := netip.MustParsePrefix(fmt.Sprintf("198.51.100.%d/24", i+1))
		must(t, n.Attach(link, link, netip.MustParsePrefix(fmt.Sprintf("192.0.2.%d/24", i+1))))
		must(t, n.Attach("eth9", "eth9", own))
		nodes[i] = n
		text := session(own.Addr(), netip.MustParseAddr("198.51.100.9"), false) + fmt.Sprintf(`
vrrp_instance V {
  version 3
  state BACKUP
  interface %s
  virtual_router_id %d
  priority %d
  advert_int 0.1
  track_bfd {
    peer
  }
  virtual_ipaddress {
    192.0.2.100/24
  }
}
`, link, vrid, [2]int{strong, weak}[i])
		daemons[i], err = subject.Start(n, us, text)
		must(t, err)
		t.Cleanup(daemons[i].Stop)
	}
	client, err := world.Node("client")
	must(t, err)
	must(t, client.Attach(link, link, netip.MustParsePrefix("192.0.2.9/24")))
	var tap *wiretap.Tap
	must(t, client.Do(func() (err error) { tap, err = wiretap.Open(0); return err }))
	t.Cleanup(func() { must(t, tap.Close()) })
	advert := func(priority uint8, since time.Time) time.Time {
		for _, p := range tap.Packets(since) {
			if p.Kind == wiretap.Advert && p.Priority == priority {
				return p.At
			}
		}
		return time.Time{}
	}
	must(t, retry(t.Context(), 10*time.Second, func() bool { return !advert(strong, time.Time{}).IsZero() }))
	time.Sleep(time.Second)

	cut := time.Now()
	must(t, nodes[0].Unplug("eth9"))
	if err := retry(t.Context(), 3*time.Second, func() bool { return !advert(weak, cut).IsZero() }); err != nil {
		t.Fatalf("nobody took over: %v\n%s\n%s", err, daemons[0].Log.Text(), daemons[1].Log.Text())
	}
	skew := 100 * time.Millisecond * (256 - weak) / 256
	took, limit := advert(weak, cut).Sub(cut), detection+skew+margin
	if took > limit {
		t.Errorf("the address moved after %v, want %v: detection time %v, skew %v\n%s", took, limit, detection, skew, daemons[0].Log.Text())
	}
	t.Logf("the address moved after %v", took.Round(time.Millisecond))
	if lines := daemons[0].Log.Lines(cut, regexp.MustCompile(regexp.QuoteMeta("VRRP_Instance(V) Tracked BFD instance peer is DOWN"))); len(lines) != 1 {
		t.Errorf("the log of the master:\n%s", daemons[0].Log.Text())
	}
	must(t, nodes[0].Plug("eth9"))
	back := time.Now()
	must(t, retry(t.Context(), 10*time.Second, func() bool { return !advert(strong, back).IsZero() }))
}
