package lan

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
	"holdfast/test/need"
	"holdfast/test/space"
)

// cable joins two network namespaces: v0 with 10.0.0.1 and fe80::1 at this end,
// v1 with 10.0.0.2 and fe80::2 at the other.
type cable struct {
	t          testing.TB
	here, over int // namespaces
	v0, v1     int // indexes of the links
}

// newCable puts the test into the namespace "here". The thread is never
// unlocked: it ends with the test.
func newCable(t testing.TB) *cable {
	t.Helper()
	need.Root(t, "network namespaces")
	runtime.LockOSThread()
	c := &cable{t: t, here: newNamespace(t), over: newNamespace(t)}
	c.enter(c.here)
	space.Run(t, "ip link add v0 type veth peer name v1")
	space.Run(t, fmt.Sprintf("ip link set v1 netns /proc/%d/fd/%d", os.Getpid(), c.over))
	c.v0 = c.configure("v0", "1")
	c.atOtherEnd(func() { c.v1 = c.configure("v1", "2") })
	c.settle("v0", "1", "2")
	c.atOtherEnd(func() { c.settle("v1", "2", "1") })
	return c
}

// settle waits until the kernel has noticed that the link works, and takes what comes for
// its address; before, it drops that without a word. The neighbour is known from the start.
func (c *cable) settle(link, own, neighbour string) {
	c.t.Helper()
	for _, ip := range []string{"10.0.0.", "fe80::"} {
		space.Run(c.t, "ip neigh replace "+ip+neighbour+" lladdr 02:00:00:00:00:0"+neighbour+" nud permanent dev "+link)
	}
	for range 300 {
		shown := space.Run(c.t, "ip addr show "+link)
		if strings.Contains(shown, "state UP") && !strings.Contains(shown, "tentative") {
			return
		}
		time.Sleep(10 * time.Millisecond)
	}
	c.t.Fatalf("%s does not come up", link)
}

func newNamespace(t testing.TB) int {
	t.Helper()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal(err)
	}
	f, err := os.Open("/proc/thread-self/ns/net")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = f.Close() })
	return int(f.Fd())
}

func (c *cable) configure(link, host string) (index int) {
	space.Run(c.t, "ip link set "+link+" addrgenmode none address 02:00:00:00:00:0"+host)
	space.Run(c.t, "ip link set "+link+" up")
	space.Run(c.t, "ip addr add 10.0.0."+host+"/24 dev "+link)
	space.Run(c.t, "ip addr add fe80::"+host+"/64 dev "+link+" nodad")
	i, err := net.InterfaceByName(link)
	if err != nil {
		c.t.Fatal(err)
	}
	return i.Index
}

func (c *cable) enter(namespace int) {
	c.t.Helper()
	if err := unix.Setns(namespace, unix.CLONE_NEWNET); err != nil {
		c.t.Fatal(err)
	}
}

// join lets a subtest, which has a thread of its own, use the cable.
func (c *cable) join(t testing.TB) {
	runtime.LockOSThread()
	c.t = t
	c.enter(c.here)
}

func (c *cable) atOtherEnd(do func()) {
	c.t.Helper()
	c.enter(c.over)
	defer c.enter(c.here)
	do()
}

func (c *cable) sender() *Sender {
	c.t.Helper()
	s, err := OpenSender()
	if err != nil {
		c.t.Fatal(err)
	}
	c.t.Cleanup(func() { _ = s.Close() })
	return s
}

var (
	group4 = netip.MustParseAddr("224.0.0.18")
	group6 = netip.MustParseAddr("ff02::12")
)

// receiver hears VRID 51 and 200 at the other end.
func (c *cable) receiver(v6 bool, change ...func(*Options)) (r *Receiver) {
	c.t.Helper()
	o := Options{Groups: []netip.Addr{group4}}
	if v6 {
		o.Groups[0] = group6
	}
	o.VRIDs.Add(51)
	o.VRIDs.Add(200)
	for _, f := range change {
		f(&o)
	}
	c.atOtherEnd(func() {
		var err error
		if r, err = OpenReceiver("v1", c.v1, v6, o); err != nil {
			c.t.Fatal(err)
		}
	})
	c.t.Cleanup(func() { _ = r.Close() })
	return r
}

func boot(t testing.TB) mono.Instant {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		t.Fatal(err)
	}
	return mono.Instant(ts.Nano())
}

// arrives polls the receiver as the loop of the router does.
func arrives(t testing.TB, r *Receiver, timeout time.Duration) bool {
	t.Helper()
	fds := []unix.PollFd{{Fd: int32(r.FD()), Events: unix.POLLIN}}
	for {
		n, err := unix.Poll(fds, int(timeout.Milliseconds()))
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		return n > 0
	}
}

// read returns what waits, after waiting for the first. Data is copied.
func read(t testing.TB, r *Receiver) (list []wire.Datagram) {
	t.Helper()
	out := make([]wire.Datagram, ringSize)
	if !arrives(t, r, time.Second) {
		return nil
	}
	for {
		n, err := r.Read(boot(t), out)
		if err != nil {
			t.Fatal(err)
		}
		if n == 0 {
			return list
		}
		for _, d := range out[:n] {
			d.Data = append([]byte(nil), d.Data...)
			list = append(list, d)
		}
	}
}

func must(t testing.TB) func(int, error) {
	return func(i int, err error) { t.Errorf("packet %d: %v", i, err) }
}

// advert2 is a VRRPv2 advert of one address with its IPv4 header.
func advert2(vrid uint8, src, dst netip.Addr, ttl uint8) []byte {
	vrrp := []byte{0x21, vrid, 100, 1, 0, 1, 0, 0, 10, 0, 0, 100, 0, 0, 0, 0, 0, 0, 0, 0}
	binary.BigEndian.PutUint16(vrrp[6:], checksum(vrrp))
	ip := []byte{0x45, 0xc0, 0, byte(20 + len(vrrp)), 0, 1, 0, 0, ttl, wire.Protocol, 0, 0}
	ip = append(append(ip, src.AsSlice()...), dst.AsSlice()...)
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	return append(ip, vrrp...)
}

// advert3 is the payload of a VRRPv3 advert of one IPv6 address.
func advert3(vrid uint8, src, dst netip.Addr) []byte {
	vip := netip.MustParseAddr("fe80::100")
	vrrp := append([]byte{0x31, vrid, 100, 1, 0, 100, 0, 0}, vip.AsSlice()...)
	pseudo := append(append(src.AsSlice(), dst.AsSlice()...), 0, 0, 0, byte(len(vrrp)), 0, 0, 0, wire.Protocol)
	binary.BigEndian.PutUint16(vrrp[6:], checksum(append(pseudo, vrrp...)))
	return vrrp
}

func checksum(b []byte) uint16 {
	sum := uint32(0)
	for i := 0; i < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	return ^uint16(sum)
}

var (
	here4, over4 = netip.MustParseAddr("10.0.0.1"), netip.MustParseAddr("10.0.0.2")
	here6, over6 = netip.MustParseAddr("fe80::1"), netip.MustParseAddr("fe80::2")
)

// packet is an advert from here to dst.
func (c *cable) packet(vrid uint8, dst netip.Addr) Packet {
	if dst.Is6() {
		return Packet{IfIndex: c.v0, V6: true, Dst: dst, Src: here6, HopLimit: 255, Data: advert3(vrid, here6, dst)}
	}
	return Packet{IfIndex: c.v0, Dst: dst, Data: advert2(vrid, here4, dst, 255)}
}

// captured runs do and returns the frames that arrive at the other end
// meanwhile, as tshark decodes them: one line of fields for each.
func (c *cable) captured(frames int, filter string, fields []string, do func()) []string {
	c.t.Helper()
	need.Programs(c.t, "tcpdump", "tshark")
	file := filepath.Join(c.t.TempDir(), "pcap")
	var dump *exec.Cmd
	c.atOtherEnd(func() {
		dump = exec.Command("tcpdump", "-U", "--immediate-mode", "-Z", "root", "-c", fmt.Sprint(frames), "-i", "v1", "-w", file, filter)
		messages, _ := dump.StderrPipe()
		if err := dump.Start(); err != nil {
			c.t.Fatal(err)
		}
		says := bufio.NewReader(messages)
		for line := ""; !strings.Contains(line, "listening"); {
			var err error
			if line, err = says.ReadString('\n'); err != nil {
				c.t.Fatalf("tcpdump: %s %v", line, err)
			}
		}
		go func() { _, _ = io.Copy(io.Discard, says) }()
	})
	do()
	late := time.AfterFunc(10*time.Second, func() { _ = dump.Process.Kill() })
	defer late.Stop()
	_ = dump.Wait()
	args := []string{"-r", file, "-T", "fields", "-E", "separator=,", "-o", "vrrp.v3_checksum_as_in_v2:FALSE"}
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		c.t.Fatal("tshark: ", err)
	}
	return strings.Split(strings.TrimSpace(string(out)), "\n")
}
