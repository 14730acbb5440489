package netlink

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
	"holdfast/test/space"
	"holdfast/test/wait"
)

// namespace puts the test into a network namespace of its own, with a veth pair
// v0 and v1.
func namespace(t testing.TB) {
	t.Helper()
	space.Own(t, "link add v0 type veth peer name v1", "link set v0 up", "link set v1 up")
}

func ip(t testing.TB, args string) string {
	t.Helper()
	return space.Run(t, "ip "+args)
}

func open(t testing.TB) *Kernel {
	t.Helper()
	k, err := Open()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = k.Close() })
	observe(t, k)
	return k
}

func observe(t testing.TB, k *Kernel) host.State {
	t.Helper()
	s, err := k.Observe()
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func add(link, prefix string, change ...func(*host.Wish)) host.Op {
	w := host.Wish{
		Addr:     host.Addr{Link: link, Prefix: netip.MustParsePrefix(prefix)},
		AddrOpts: host.AddrOpts{Preferred: host.Forever, Protocol: host.Protocol},
	}
	for _, c := range change {
		c(&w)
	}
	return host.Op{Verb: host.AddAddr, Wish: w}
}

func del(op host.Op) host.Op { return host.Op{Verb: host.DelAddr, Wish: host.Wish{Addr: op.Addr}} }

// ours are the lines of `ip addr` for the addresses that the tests add. Some
// versions of ip do not show the mark.
func ours(t testing.TB) string {
	var list []string
	for line := range strings.Lines(ip(t, "-d addr show dev v0")) {
		line = strings.Join(strings.Fields(line), " ")
		line, _, _ = strings.Cut(line, " proto ")
		if strings.HasPrefix(line, "inet") && !strings.Contains(line, "fe80::") {
			list = append(list, line)
		}
	}
	return strings.Join(list, "\n")
}

// What is asked for is what `ip` shows and what Observe reads.
func TestOptionsReachTheKernel(t *testing.T) {
	namespace(t)
	k := open(t)
	ops := []host.Op{
		add("v0", "192.0.2.1/24"),
		add("v0", "192.0.2.2/24", func(w *host.Wish) {
			w.Broadcast, w.Label, w.NoPrefixRoute = netip.MustParseAddr("192.0.2.255"), "v0:vip", true
		}),
		add("v0", "198.51.100.1/32", func(w *host.Wish) { w.Scope, w.Preferred = 254, 0 }),
		add("v0", "203.0.113.1/32", func(w *host.Wish) { w.Peer = netip.MustParsePrefix("203.0.113.2/30") }),
		add("v0", "2001:db8::1/64", func(w *host.Wish) { w.NoDAD, w.ManageTemp, w.NoPrefixRoute = true, true, true }),
		add("v0", "2001:db8::2/128", func(w *host.Wish) { w.NoDAD, w.Home, w.Preferred = true, true, 0 }),
		add("v0", "2001:db8::3/128", func(w *host.Wish) {
			w.NoDAD, w.Peer = true, netip.MustParsePrefix("2001:db8:1::1/64")
		}),
	}
	for i, err := range k.Do(ops) {
		if err != nil {
			t.Errorf("%s: %v", ops[i], err)
		}
	}
	const shown = `inet 198.51.100.1/32 scope host deprecated v0
inet 192.0.2.1/24 scope global v0
inet 203.0.113.1 peer 203.0.113.2/30 scope global v0
inet 192.0.2.2/24 brd 192.0.2.255 scope global secondary noprefixroute v0:vip
inet6 2001:db8::3 peer 2001:db8:1::1/64 scope global nodad
inet6 2001:db8::2/128 scope global nodad home deprecated
inet6 2001:db8::1/64 scope global nodad mngtmpaddr noprefixroute`
	if d := cmp.Diff(sorted(shown), sorted(ours(t))); d != "" {
		t.Errorf("ip shows (-want +got):\n%s", d)
	}
	found := observe(t, k)
	for _, op := range ops {
		opts, there := found.Addrs[op.Addr.Canonical()]
		if !there {
			t.Errorf("%s is not found", op.Addr)
			continue
		}
		opts.Order, opts.Secondary = 0, false
		if op.Label == "" && !op.V6() {
			op.Label = "v0"
		}
		if d := cmp.Diff(op.AddrOpts, opts, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); d != "" {
			t.Errorf("%s (-want +found):\n%s", op.Addr, d)
		}
	}
	if plan := host.Plan(found, want(ops)); len(plan) != 0 {
		t.Errorf("the kernel holds what is wanted, and yet: %v", plan)
	}
}

func sorted(s string) []string {
	list := strings.Split(s, "\n")
	for i := range list {
		for j := i + 1; j < len(list); j++ {
			if list[j] < list[i] {
				list[i], list[j] = list[j], list[i]
			}
		}
	}
	return list
}

func want(ops []host.Op) host.State {
	s := host.State{Addrs: map[host.Addr]host.AddrOpts{}}
	for i, op := range ops {
		op.Order = i
		s.Addrs[op.Addr] = op.AddrOpts
	}
	return s
}

func TestLinksAreSeenAsTheyAre(t *testing.T) {
	namespace(t)
	ip(t, "link add b0 type bridge")
	ip(t, "link set b0 arp off")
	ip(t, "link set v0 mtu 1400 address 02:00:00:00:00:01")
	s := observe(t, open(t))
	want := host.Link{Name: "v0", Index: s.Links["v0"].Index, Kind: "veth", Up: true, Carrier: true, Multicast: true, MTU: 1400, MAC: [6]byte{2, 0, 0, 0, 0, 1}, Parent: s.Links["v1"].Index}
	if d := cmp.Diff(want, s.Links["v0"]); d != "" {
		t.Error(d)
	}
	if l := s.Links["lo"]; !l.Loopback || !l.Up || !l.Carrier {
		t.Errorf("lo is %+v", l)
	}
	if l := s.Links["b0"]; !l.NoARP || l.Up || l.Carrier || l.Kind != "bridge" {
		t.Errorf("b0 is %+v", l)
	}
}

// Each error of a batch lands on its operation, across several system calls.
func TestErrorsFindTheirOperation(t *testing.T) {
	namespace(t)
	k := open(t)
	var ops []host.Op
	for i := range 2*batchSize + 7 {
		ops = append(ops, add("v0", fmt.Sprintf("10.0.%d.%d/32", i/256, i%256)))
	}
	taken, last := ops[3], len(ops)-1
	ops[batchSize-1], ops[batchSize], ops[last] = taken, taken, taken
	ops[5] = del(add("v0", "192.0.2.99/32"))
	ops[6] = add("nowhere", "192.0.2.99/32")
	want := map[int]error{5: host.ErrMissing, 6: host.ErrNoLink, batchSize - 1: host.ErrExists, batchSize: host.ErrExists, last: host.ErrExists}
	for i, err := range k.Do(ops) {
		if !errors.Is(err, want[i]) {
			t.Errorf("operation %d, %s: %v, want %v", i, ops[i], err, want[i])
		}
	}
	if n := len(observe(t, k).Addrs); n < len(ops)-5 {
		t.Errorf("%d addresses are there", n)
	}
}

func TestErrorsNameTheThingAndTheFix(t *testing.T) {
	namespace(t)
	k := open(t)
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/v1/disable_ipv6", []byte("1"), 0); err != nil {
		t.Fatal(err)
	}
	errs := k.Do([]host.Op{
		add("nowhere", "192.0.2.1/32"),
		add("v1", "2001:db8::1/64"),
		add("v0", "2001:db8::1/128", func(w *host.Wish) { w.ManageTemp = true }),
	})
	expect := [][2]string{ // the kernel's own words stand in between, if it has any
		{"add 192.0.2.1/32 to nowhere: no such device", ": there is no link of this name"},
		{"add 2001:db8::1/64 to v1: permission denied", ": IPv6 is switched off on the link: sysctl -w net.ipv6.conf.v1.disable_ipv6=0"},
		{"add 2001:db8::1/128 to v0: invalid argument", ": mngtmpaddr needs a prefix length of 64"},
	}
	for i, err := range errs {
		if s := fmt.Sprint(err); !strings.HasPrefix(s, expect[i][0]) || !strings.HasSuffix(s, expect[i][1]) {
			t.Errorf("got %q, want %q", s, expect[i])
		}
	}
}

func TestAMissingCapabilityIsNamed(t *testing.T) {
	namespace(t)
	k := open(t)
	header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
	var caps [2]unix.CapUserData
	if err := unix.Capget(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	caps[0].Effective &^= 1 << unix.CAP_NET_ADMIN
	if err := unix.Capset(&header, &caps[0]); err != nil {
		t.Fatal(err)
	}
	errs := k.Do([]host.Op{add("v0", "192.0.2.1/32"), add("v0", "192.0.2.2/32")})
	for _, err := range errs {
		if !errors.Is(err, unix.EPERM) || !strings.HasSuffix(err.Error(), "needs CAP_NET_ADMIN") {
			t.Errorf("got %v", err)
		}
	}
}

// watch collects reports.
func watch(t *testing.T, k *Kernel) chan host.Change {
	t.Helper()
	reports := make(chan host.Change, 10_000)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- k.Watch(ctx, func(c host.Change) { reports <- c }) }()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return reports
}

func await(t *testing.T, reports chan host.Change, what string, is func(host.Change) bool) host.Change {
	t.Helper()
	timeout := time.After(5 * time.Second)
	for {
		select {
		case c := <-reports:
			if is(c) {
				return c
			}
		case <-timeout:
			t.Fatalf("not reported: %s", what)
		}
	}
}

func TestChangesAreReported(t *testing.T) {
	namespace(t)
	k := open(t)
	reports := watch(t, k)
	link := func(name string, up, carrier bool) func(host.Change) bool {
		return func(c host.Change) bool {
			return c.Link != nil && !c.Gone && c.Link.Name == name && c.Link.Up == up && c.Link.Carrier == carrier
		}
	}
	address := func(gone bool, prefix string) func(host.Change) bool {
		return func(c host.Change) bool {
			return c.Addr != nil && c.Gone == gone && c.Addr.Link == "v0" && c.Addr.Prefix.String() == prefix
		}
	}
	ip(t, "addr add 192.0.2.1/24 dev v0")
	await(t, reports, "address added", address(false, "192.0.2.1/24"))
	ip(t, "addr del 192.0.2.1/24 dev v0")
	await(t, reports, "address removed", address(true, "192.0.2.1/24"))
	ip(t, "addr add 2001:db8::1/64 dev v0 nodad")
	await(t, reports, "IPv6 address added", address(false, "2001:db8::1/64"))
	ip(t, "link set v1 down")
	await(t, reports, "carrier lost", link("v0", true, false))
	ip(t, "link set v0 down")
	await(t, reports, "link down", link("v0", false, false))
	await(t, reports, "IPv6 address gone with it", address(true, "2001:db8::1/64"))
	ip(t, "link set v0 name w0")
	await(t, reports, "old name gone", func(c host.Change) bool { return c.Link != nil && c.Gone && c.Link.Name == "v0" })
	await(t, reports, "new name", link("w0", false, false))
	await(t, reports, "resync", func(c host.Change) bool { return c.Resync })
	ip(t, "link del w0")
	await(t, reports, "link deleted", func(c host.Change) bool { return c.Link != nil && c.Gone && c.Link.Name == "w0" })
}

func TestLostReportsAskForAResync(t *testing.T) {
	namespace(t)
	k := open(t)
	if err := k.hears.SetReadBuffer(4096); err != nil {
		t.Fatal(err)
	}
	var ops []host.Op
	for i := range 300 {
		ops = append(ops, add("v0", fmt.Sprintf("10.0.%d.%d/32", i/256, i%256)))
	}
	for i, err := range k.Do(ops) {
		if err != nil {
			t.Fatal(i, err)
		}
	}
	reports := watch(t, k)
	await(t, reports, "resync", func(c host.Change) bool { return c.Resync })
	for lost := true; lost; { // the buffer is emptied only now, and may have been too full once more
		ip(t, "addr replace 192.0.2.1/24 dev v0")
		lost = await(t, reports, "what comes after it", func(c host.Change) bool {
			return c.Resync || c.Addr != nil && c.Addr.Prefix.String() == "192.0.2.1/24"
		}).Resync
	}
}

// keep runs a Reconciler as a loop does.
func keep(k *Kernel, r *host.Reconciler, ops []host.Op) {
	errs := k.Do(ops)
	for i, op := range ops {
		r.Done(op, errs[i])
	}
}

func TestWhatSomebodyRemovesIsBackWithin50ms(t *testing.T) {
	namespace(t)
	k := open(t)
	reports := watch(t, k)
	r := host.NewReconciler()
	ops := []host.Op{add("v0", "192.0.2.1/24"), add("v0", "192.0.2.2/24"), add("v0", "2001:db8::1/128", func(w *host.Wish) { w.NoDAD = true })}
	r.Want(host.Delta{Want: []host.Wish{ops[0].Wish, ops[1].Wish, ops[2].Wish}})
	keep(k, r, r.Observe(observe(t, k)))
	if !strings.Contains(ours(t), "192.0.2.2/24") {
		t.Fatalf("not added:\n%s", ours(t))
	}
	ip(t, "addr del 192.0.2.1/24 dev v0") // its secondary goes with it
	ip(t, "addr del 2001:db8::1/128 dev v0")
	gone := time.Now()
	for r.Repairs() < 3 {
		c := await(t, reports, "address removed", func(c host.Change) bool { return c.Addr != nil })
		keep(k, r, r.See(c))
	}
	if took := time.Since(gone); took > 50*time.Millisecond {
		t.Errorf("put back after %v", took)
	}
	if n := strings.Count(ours(t), "inet"); n != 3 {
		t.Errorf("%d of 3 addresses are there:\n%s", n, ours(t))
	}
}

func TestALinkThatComesAgainGetsItsAddresses(t *testing.T) {
	namespace(t)
	k := open(t)
	reports := watch(t, k)
	r := host.NewReconciler()
	r.Want(host.Delta{Want: []host.Wish{add("v0", "192.0.2.1/24").Wish, add("v0", "2001:db8::1/128", func(w *host.Wish) { w.NoDAD = true }).Wish}})
	keep(k, r, r.Observe(observe(t, k)))
	old := observe(t, k).Links["v0"].Index
	ip(t, "link del v0")
	ip(t, "link add v0 type veth peer name v1")
	ip(t, "link set v0 up")
	a4, a6 := add("v0", "192.0.2.1/24").Addr, add("v0", "2001:db8::1/128").Addr
	gone := false
	for !gone || !r.Holds(a4) || !r.Holds(a6) {
		c := await(t, reports, "what brings the addresses back", func(host.Change) bool { return true })
		gone = gone || c.Link != nil && c.Gone
		keep(k, r, r.See(c))
	}
	s := observe(t, k)
	if s.Links["v0"].Index == old {
		t.Fatal("the index is the old one: nothing was tested")
	}
	if n := strings.Count(ours(t), "inet"); n != 2 {
		t.Errorf("%d of 2 addresses are there:\n%s", n, ours(t))
	}
	if r.Repairs() != 0 {
		t.Errorf("counted as %d repairs", r.Repairs())
	}
}

func TestBatchesDoNotAllocatePerOperation(t *testing.T) {
	namespace(t)
	k := open(t)
	var ops []host.Op
	for i := range 400 {
		ops = append(ops, add("v0", fmt.Sprintf("10.0.%d.%d/32", i/256, i%256)))
		ops = append(ops, del(ops[len(ops)-1]))
	}
	k.Do(ops)
	if n := testing.AllocsPerRun(5, func() { k.Do(ops) }); n > 3 {
		t.Errorf("%v allocations for %d operations", n, len(ops))
	}
}

// Another host has the address already, and duplicate address detection runs.
func TestADuplicateIsFound(t *testing.T) {
	namespace(t)
	k := open(t)
	ip(t, "addr add 2001:db8::5/64 dev v1 nodad")
	wait.For(t, 5*time.Second, "the link works", func() bool { return strings.Contains(ip(t, "link show v0"), "state UP") })
	wait.For(t, 5*time.Second, "the other host listens", func() bool { return strings.Contains(ip(t, "maddr show dev v1"), "ff02::1:ff00:5") })
	reports := watch(t, k)
	r := host.NewReconciler()
	r.Want(host.Delta{Want: []host.Wish{add("v0", "2001:db8::5/64").Wish}})
	keep(k, r, r.Observe(observe(t, k)))
	await(t, reports, "duplicate", func(c host.Change) bool {
		return c.Addr != nil && c.Addr.Link == "v0" && c.Addr.DADFailed && len(r.See(c)) == 0
	})
	results := r.Results()
	if len(results) != 1 || results[0].Fate != host.Failed || !strings.Contains(results[0].String(), "duplicate") {
		t.Errorf("got %v", results)
	}
}

func TestBuffersAreAsLargeAsDemanded(t *testing.T) {
	namespace(t)
	k := open(t)
	if err := k.SetBuffers(Buffer{Bytes: 100_000}, Buffer{Bytes: 64 << 20, Force: true}); err != nil {
		t.Fatal(err)
	}
	if got, _ := unix.GetsockoptInt(k.writer.fd, unix.SOL_SOCKET, unix.SO_RCVBUF); got != 200_000 { // the kernel doubles it
		t.Errorf("the buffer for orders is %d", got)
	}
	raw, err := k.hears.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	_ = raw.Control(func(fd uintptr) {
		if got, _ := unix.GetsockoptInt(int(fd), unix.SOL_SOCKET, unix.SO_RCVBUF); got != 128<<20 {
			t.Errorf("the buffer for reports is %d", got)
		}
	})
}

func TestAnIPv6AddressIsThereWhenItIsDone(t *testing.T) {
	namespace(t)
	k := open(t)
	running(t, k, "v0")
	for n := range 20 {
		op := add("v0", fmt.Sprintf("2001:db8::%x/64", n+1), func(w *host.Wish) { w.NoDAD = true })
		if err := k.Do([]host.Op{op})[0]; err != nil {
			t.Fatal(err)
		}
		local := k.writer.localTo([]host.Addr{op.Addr, {Link: "v0", Prefix: netip.MustParsePrefix("2001:db8::dead/64")}})
		if d := cmp.Diff([]bool{true, false}, local); d != "" {
			t.Fatalf("address %d, and one that nobody has (-want +got):\n%s", n, d)
		}
	}
}

// running waits until a link runs: the kernel lets it some time after it was set up.
func running(t *testing.T, k *Kernel, link string) {
	t.Helper()
	for range 200 {
		if observe(t, k).Links[link].Carrier {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	t.Fatalf("%s does not run", link)
}

func TestAnAddressOnALinkThatIsDownIsNotAwaited(t *testing.T) {
	namespace(t)
	ip(t, "link set v0 down")
	k, began := open(t), time.Now()
	k.Do([]host.Op{add("v0", "2001:db8::1/64", func(w *host.Wish) { w.NoDAD = true })})
	if took := time.Since(began); took > deliverLimit {
		t.Errorf("it took %s", took)
	}
}
