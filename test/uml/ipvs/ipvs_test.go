// Package ipvs tests the kernel's virtual servers in a kernel of its own.
package ipvs

import (
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sys/unix"

	"holdfast/internal/balancer"
	"holdfast/internal/cli"
	"holdfast/internal/ipvs"
	"holdfast/internal/ipvs/netlink"
	"holdfast/test/uml/guest"
)

func TestMain(m *testing.M) {
	os.Exit(guest.Main(m, append(guest.Balancing(), "dummy")...))
}

var equal = cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}, netip.Addr{}, ipvs.Key{}), cmpopts.EquateEmpty()}

// kernel is an empty IPVS. Without a loopback that was up once the kernel
// refuses every destination.
func kernel(t *testing.T) *netlink.Kernel {
	t.Helper()
	run(t, "ip", "link", "set", "lo", "up")
	k, err := netlink.Open(t.Context(), "")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := errors.Join(k.Flush(), k.Close()); err != nil {
			t.Error(err)
		}
	})
	return k
}

func run(t *testing.T, name string, args ...string) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	if err != nil {
		t.Fatalf("%s %s: %v: %s", name, strings.Join(args, " "), err, out)
	}
	return string(out)
}

func carry(t *testing.T, k *netlink.Kernel, ops []ipvs.Op) {
	t.Helper()
	if err := errors.Join(k.Do(ops)...); err != nil {
		t.Fatal(err)
	}
}

// holds checks what the kernel reports, and that ipvsadm sees the same.
func holds(t *testing.T, k *netlink.Kernel, want ipvs.Table) {
	t.Helper()
	got, err := k.Observe(nil)
	if err != nil {
		t.Fatal(err)
	}
	if ops := ipvs.Plan(got, want); len(ops) > 0 {
		t.Errorf("what was written does not read back: still to do: %+v", ops)
	}
	if diff := cmp.Diff(sorted(run(t, "ipvsadm", "-Sn")), sorted(got.Rules())); diff != "" {
		t.Errorf("ipvsadm -Sn sees another table (-ipvsadm +ours):\n%s", diff)
	}
	used, err := k.Statistics()
	if err != nil {
		t.Fatal(err)
	}
	_, listing, _ := strings.Cut(run(t, "ipvsadm", "-Ln"), "\n") // below the version
	listing = below(listing)
	if diff := cmp.Diff(sorted(listing), sorted(below(cli.Balanced(balancer.New().Status(0, balancer.Held{Table: got, Usage: used}), cli.Connections)))); diff != "" {
		t.Errorf("ipvsadm -Ln sees another table (-ipvsadm +ours):\n%s", diff)
	}
}

// below is a listing under its two lines of titles, of which the second is longer here.
func below(listing string) string {
	lines := strings.SplitN(listing, "\n", 3)
	return lines[2]
}

// sorted lines: ipvsadm lists by the kernel's hash.
func sorted(text string) []string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimSpace(line))
	}
	slices.Sort(lines)
	return lines
}

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func tcp(s string) ipvs.Key { return ipvs.Key{Protocol: ipvs.TCP, At: at(s)} }

func to(s string, d ipvs.Destination) []ipvs.Server {
	return []ipvs.Server{{At: at(s), Destination: d}}
}

func service(scheduler string, flags ipvs.Flags) ipvs.Pool {
	return ipvs.Pool{Service: ipvs.Service{Scheduler: scheduler, Flags: flags, Timeout: 300}, Servers: to("10.0.0.1:80", ipvs.Destination{Weight: 1})}
}

func TestEveryServiceReadsBackAndIpvsadmSeesTheSame(t *testing.T) {
	coarse, engine, coarse6 := service("rr", ipvs.Persistent), service("rr", ipvs.Persistent), service("rr", ipvs.Persistent)
	coarse.Granularity, engine.Engine, coarse6.Granularity = 0xffffff00, "sip", 64
	six := to("[2001:db8::9]:80", ipvs.Destination{Weight: 1})
	coarse6.Servers = six
	rows := map[string]ipvs.Table{
		"persistent":         {tcp("192.0.2.1:80"): service("wlc", ipvs.Persistent)},
		"granularity":        {tcp("192.0.2.1:80"): coarse},
		"IPv6 granularity":   {tcp("[2001:db8::1]:80"): coarse6},
		"persistence engine": {{Protocol: ipvs.UDP, At: at("192.0.2.1:5060")}: engine},
		"one packet":         {{Protocol: ipvs.UDP, At: at("192.0.2.1:53")}: service("rr", ipvs.OnePacket)},
		"sh flags":           {tcp("192.0.2.1:80"): service("sh", ipvs.Sched1|ipvs.Sched2)},
		"mh flags":           {tcp("192.0.2.1:80"): service("mh", ipvs.Sched1|ipvs.Sched2)},
		"other flags":        {tcp("192.0.2.1:80"): service("rr", ipvs.Sched1|ipvs.Sched3)},
		"SCTP":               {{Protocol: ipvs.SCTP, At: at("192.0.2.1:9")}: service("rr", 0)},
		"mark":               {{Mark: 7}: service("rr", 0)},
		"mark of IPv6":       {{Mark: 7, V6: true}: {Service: ipvs.Service{Scheduler: "rr"}, Servers: six}},
		"port 0 persists":    {tcp("192.0.2.1:0"): service("rr", ipvs.Persistent)},
	}
	for _, s := range guest.Schedulers() {
		rows["scheduler "+s] = ipvs.Table{tcp("192.0.2.1:80"): service(s, 0)}
	}
	each(t, rows)
}

func TestEveryDestinationReadsBackAndIpvsadmSeesTheSame(t *testing.T) {
	rows := map[string]ipvs.Table{}
	for name, d := range map[string]ipvs.Destination{
		"masquerade": {Weight: 1},
		"direct":     {Forward: ipvs.Direct, Weight: 65535},
		"weight 0":   {Forward: ipvs.Direct},
		"thresholds": {Weight: 1, Upper: 100, Lower: 50},
		"ipip":       {Forward: ipvs.Tunnel, Weight: 1},
		"gue":        {Forward: ipvs.Tunnel, Weight: 1, Wrap: ipvs.GUE, Port: 6080},
		"gue sum":    {Forward: ipvs.Tunnel, Weight: 1, Wrap: ipvs.GUE, Port: 6080, Sum: ipvs.Checksum},
		"gue remote": {Forward: ipvs.Tunnel, Weight: 1, Wrap: ipvs.GUE, Port: 6080, Sum: ipvs.RemoteSum},
		"gre":        {Forward: ipvs.Tunnel, Weight: 1, Wrap: ipvs.GRE},
		"gre sum":    {Forward: ipvs.Tunnel, Weight: 1, Wrap: ipvs.GRE, Sum: ipvs.Checksum},
	} {
		rr := ipvs.Service{Scheduler: "rr"}
		rows[name] = ipvs.Table{tcp("192.0.2.1:80"): {Service: rr, Servers: to("10.0.0.1:80", d)}}
		rows[name+" of IPv6"] = ipvs.Table{tcp("[2001:db8::1]:80"): {Service: rr, Servers: to("[2001:db8::9]:80", d)}}
		if d.Forward == ipvs.Tunnel {
			rows[name+" to IPv6 of IPv4"] = ipvs.Table{tcp("192.0.2.1:80"): {Service: rr, Servers: to("[2001:db8::9]:80", d)}}
			rows[name+" to IPv4 of IPv6"] = ipvs.Table{tcp("[2001:db8::1]:80"): {Service: rr, Servers: to("10.0.0.1:80", d)}}
		}
	}
	each(t, rows)
}

// each leads the kernel from one table to the next, as reloads would.
func each(t *testing.T, rows map[string]ipvs.Table) {
	k := kernel(t)
	have := ipvs.Table{}
	for name, want := range rows {
		t.Run(name, func(t *testing.T) {
			carry(t, k, ipvs.Plan(have, want))
			have = want
			holds(t, k, want)
		})
	}
}

func TestRefusalsAreNamedAndSpareTheRest(t *testing.T) {
	k := kernel(t)
	bad, low, mixed := service("nonsense", 0), service("rr", 0), service("rr", 0)
	low.Servers = to("10.0.0.1:80", ipvs.Destination{Weight: 1, Upper: 1, Lower: 2})
	mixed.Servers = to("[2001:db8::9]:80", ipvs.Destination{Weight: 1})
	errs := k.Do(ipvs.Plan(nil, ipvs.Table{tcp("192.0.2.1:1"): bad, tcp("192.0.2.1:2"): low, tcp("192.0.2.1:3"): mixed, tcp("192.0.2.1:4"): service("rr", 0)}))
	for i, want := range []string{"no scheduler nonsense", "no such service", "", "lower threshold", "", "needs a tunnel", "", ""} {
		switch {
		case want == "" && errs[i] != nil, want != "" && (errs[i] == nil || !strings.Contains(errs[i].Error(), want)):
			t.Errorf("operation %d: %v, not %q", i, errs[i], want)
		}
	}
	again := k.Do(ipvs.Plan(nil, ipvs.Table{tcp("192.0.2.1:4"): service("rr", 0)}))
	if !errors.Is(again[0], ipvs.ErrExists) || !errors.Is(again[1], ipvs.ErrExists) {
		t.Errorf("what exists: %v", again)
	}
	if gone := k.Do([]ipvs.Op{{Verb: ipvs.DelService, Key: tcp("192.0.2.9:9")}}); !errors.Is(gone[0], ipvs.ErrMissing) {
		t.Errorf("what is missing: %v", gone)
	}
}

func TestTimeoutsAreSetAndKept(t *testing.T) {
	k := kernel(t)
	if err := k.SetTimeouts(ipvs.Timeouts{TCP: 1000, TCPFin: 100, UDP: 200}); err != nil {
		t.Fatal(err)
	}
	if err := k.SetTimeouts(ipvs.Timeouts{UDP: 201}); err != nil {
		t.Fatal(err)
	}
	got, err := k.Timeouts()
	if want := (ipvs.Timeouts{TCP: 1000, TCPFin: 100, UDP: 201}); got != want || err != nil {
		t.Errorf("timeouts %v, %v, not %v", got, err, want)
	}
}

func TestSynchronisationRunsInBothRoles(t *testing.T) {
	k := kernel(t)
	run(t, "ip", "link", "add", "sync0", "type", "dummy")
	run(t, "ip", "addr", "add", "198.51.100.1/24", "dev", "sync0")
	run(t, "ip", "link", "set", "sync0", "up")
	want := []ipvs.Daemon{
		{Role: ipvs.Master, Interface: "sync0", ID: 5, MaxLen: 1400, Group: netip.MustParseAddr("224.0.0.82"), Port: 8850, TTL: 3},
		{Role: ipvs.Backup, Interface: "sync0", ID: 6, MaxLen: 1400, Group: netip.MustParseAddr("224.0.0.82"), Port: 8850, TTL: 3},
	}
	for _, d := range want {
		if err := k.StartDaemon(d); err != nil {
			t.Fatal(err)
		}
	}
	got, err := k.Daemons()
	if diff := cmp.Diff(want, got, equal); diff != "" || err != nil {
		t.Errorf("daemons (-want +got):\n%s%v", diff, err)
	}
	if err := errors.Join(k.StopDaemon(ipvs.Master), k.StopDaemon(ipvs.Backup)); err != nil {
		t.Fatal(err)
	}
	if got, err := k.Daemons(); len(got) != 0 || err != nil {
		t.Errorf("daemons that were stopped: %v, %v", got, err)
	}
}

func TestStatisticsCountWhatIsBalancedAndZeroForgetsIt(t *testing.T) {
	k := kernel(t)
	key := ipvs.Key{Protocol: ipvs.UDP, At: at("127.0.0.1:4000")}
	carry(t, k, ipvs.Plan(nil, ipvs.Table{key: {Service: ipvs.Service{Scheduler: "rr"}, Servers: to("127.0.0.1:4001", ipvs.Destination{Weight: 1})}}))
	fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	if err := unix.Sendto(fd, []byte("hello"), 0, &unix.SockaddrInet4{Port: 4000, Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	var u ipvs.Usage
	for deadline := time.Now().Add(20 * time.Second); u.InPackets == 0 && time.Now().Before(deadline); time.Sleep(100 * time.Millisecond) {
		u = usage(t, k) // the kernel sums up every two seconds
	}
	if u.InPackets != 1 || u.InBytes != 33 || len(u.Servers) != 1 || u.Servers[0].Conns != 1 {
		t.Errorf("after one packet: %+v of %+v", u.Counters, u.Servers)
	}
	if err := k.Zero(); err != nil {
		t.Fatal(err)
	}
	if u := usage(t, k); u.InPackets != 0 {
		t.Errorf("after zero: %+v", u.Counters)
	}
}

// usage is that of the only service.
func usage(t *testing.T, k *netlink.Kernel) ipvs.Usage {
	t.Helper()
	all, err := k.Statistics()
	if err != nil || len(all) != 1 {
		t.Fatalf("%d services: %v", len(all), err)
	}
	return all[0]
}

func TestLargeTablesAreBuiltAdoptedAndChanged(t *testing.T) {
	for _, size := range []struct{ services, servers int }{{1000, 10}, {5000, 20}} {
		t.Run(fmt.Sprintf("%d services of %d", size.services, size.servers), func(t *testing.T) {
			k, r := kernel(t), ipvs.NewReconciler()
			r.Want(large(size.services, size.servers))
			begin := time.Now()
			carry(t, k, look(t, k, r))
			built := time.Now()
			if n := len(look(t, k, r)); n != 0 {
				t.Errorf("adopting takes %d steps, not none", n)
			}
			adopted := time.Now()
			p := large(1, size.servers)[tcp("192.0.0.0:80")]
			p.Servers[0].Weight = 9
			ops := r.WantPool(tcp("192.0.0.0:80"), &p)
			carry(t, k, ops)
			if len(ops) != 1 {
				t.Errorf("%d steps for one weight", len(ops))
			}
			t.Logf("built in %v, read and adopted in %v, one weight in %v", built.Sub(begin), adopted.Sub(built), time.Since(adopted))
		})
	}
}

func TestADaemonsLifeLeavesOthersAlone(t *testing.T) {
	k, r := kernel(t), ipvs.NewReconciler()
	run(t, "ipvsadm", "-A", "-t", "203.0.113.1:25", "-s", "rr") // of somebody else
	foreign := ipvs.Pool{Service: ipvs.Service{Scheduler: "rr"}}
	r.Want(ipvs.Table{tcp("192.0.2.1:80"): service("wlc", ipvs.Persistent), {Mark: 7}: service("mh", ipvs.Sched1)})
	carry(t, k, look(t, k, r))
	run(t, "ipvsadm", "-e", "-t", "192.0.2.1:80", "-r", "10.0.0.1:80", "-m", "-w", "5")
	run(t, "ipvsadm", "-D", "-f", "7")
	carry(t, k, look(t, k, r))
	if r.Repairs() != 3 {
		t.Errorf("%d repairs, not 3: a weight, a service and its destination", r.Repairs())
	}
	holds(t, k, ipvs.Table{tcp("192.0.2.1:80"): service("wlc", ipvs.Persistent), {Mark: 7}: service("mh", ipvs.Sched1), tcp("203.0.113.1:25"): foreign})
	carry(t, k, r.Want(ipvs.Table{}))
	holds(t, k, ipvs.Table{tcp("203.0.113.1:25"): foreign})
}

func look(t *testing.T, k *netlink.Kernel, r *ipvs.Reconciler) []ipvs.Op {
	t.Helper()
	l := r.Look()
	if err := k.Each(nil, l.Found); err != nil {
		t.Fatal(err)
	}
	return slices.Collect(l.Steps())
}

func large(services, servers int) ipvs.Table {
	t := ipvs.Table{}
	vip := netip.MustParseAddr("192.0.0.0")
	for range services {
		p := ipvs.Pool{Service: ipvs.Service{Scheduler: "rr"}}
		rip := netip.MustParseAddr("10.0.0.0")
		for range servers {
			p.Servers = append(p.Servers, ipvs.Server{At: netip.AddrPortFrom(rip, 80), Destination: ipvs.Destination{Forward: ipvs.Direct, Weight: 1}})
			rip = rip.Next()
		}
		t[ipvs.Key{Protocol: ipvs.TCP, At: netip.AddrPortFrom(vip, 80)}] = p
		vip = vip.Next()
	}
	return t
}

// powerless does something without the right to change the network; the thread is not
// used again.
func powerless(t *testing.T, do func()) {
	t.Helper()
	done := make(chan error)
	go func() {
		runtime.LockOSThread()
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var rights [2]unix.CapUserData
		err := unix.Capget(&header, &rights[0])
		rights[0].Effective &^= 1 << unix.CAP_NET_ADMIN
		if err = errors.Join(err, unix.Capset(&header, &rights[0])); err == nil {
			do()
		}
		done <- err
	}()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
}

// A thousand refusals are more than there is room for where the right to make room is
// missing too: which is which nobody knows then, but that none went well.
func TestRefusalsThatGetLostAreRefusals(t *testing.T) {
	k, r := kernel(t), ipvs.NewReconciler()
	r.Want(large(1000, 1))
	ops := look(t, k, r)
	var errs []error
	powerless(t, func() {
		weak, err := netlink.Open(t.Context(), "")
		if err != nil {
			t.Error(err)
			return
		}
		errs = weak.Do(ops)
		_ = weak.Close()
	})
	kinds := map[error]int{}
	for _, err := range errs {
		for _, kind := range []error{unix.EPERM, unix.ENOBUFS} {
			if errors.Is(err, kind) {
				kinds[kind]++
			}
		}
	}
	if kinds[unix.EPERM] == 0 || kinds[unix.ENOBUFS] == 0 || kinds[unix.EPERM]+kinds[unix.ENOBUFS] != len(ops) {
		t.Errorf("%d operations are refused as %v", len(ops), kinds)
	}
	if _, news := r.Done(ops, errs); len(news) == 0 || len(news) > 3 {
		t.Errorf("%d pieces of news: %v", len(news), news)
	}
	carry(t, k, look(t, k, r))
	holds(t, k, large(1000, 1))
}
