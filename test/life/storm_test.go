package life

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/nftables"
	"golang.org/x/sys/unix"

	"holdfast/bench/wiretap"
	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// stormed is a configuration with an instance on the link, whose address is shielded,
// with a route and a rule, and one on a device of its own.
func stormed(priority int) string {
	link := conf(priority, "no_accept\nvirtual_routes {\n10.9.0.0/16 via 10.0.0.9 dev eth0\n}\nvirtual_rules {\n"+aRule+"\n}", vip+"/24")
	device := strings.ReplaceAll(strings.ReplaceAll(conf(priority, "use_vmac", "10.0.0.101/24"), "instance V", "instance W"), "id 7", "id 8")
	_, device, _ = strings.Cut(device, "}\n")
	return link + device
}

// stormInterval is that of its adverts.
const stormInterval = 100 * time.Millisecond

// harm is something that somebody else does again and again.
type harm struct {
	name string
	do   func(n int)
	told string // what the log says of the repairs
}

// Somebody changes a thousand times a second what is ours, or what is beside it.
func TestAThousandForeignChangesASecondMakeNoAdvertLate(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, stormed(150))
	d.Says(`\(W\) Entering MASTER STATE`)
	b := s.Start(s.b, stormed(50))
	b.Says(`\(W\) Entering BACKUP STATE`)
	s.Eventually(2*time.Second, "both are held", func() bool {
		return s.holds(s.a, vip) && s.holds(s.a, "10.0.0.101") && s.has(s.a, "10.9.0.0/16", "500:")
	})
	time.Sleep(6 * time.Second) // the second round of announcements
	ip, table, calm := s.batch(s.a), s.filter(s.a), s.inKernel()
	for _, h := range []harm{
		{"addresses are removed", func(n int) { ip("addr del %s/24 dev eth0", vip) }, `put back \(\d{3,} so far\)`},
		{"other addresses come and go", func(int) { ip("addr add 10.0.0.77/24 dev eth0\naddr del 10.0.0.77/24 dev eth0") }, "Deassigned address 10.0.0.77"},
		{"the table is removed", func(int) { table() }, `nftables table ip keepalived was changed .*put back`},
		{"sysctls are changed", func(n int) { _ = s.a.Sysctl("ipv4/conf/vrrp.8/arp_ignore", fmt.Sprint(n%2*3)) }, `arp_ignore was changed by somebody else`},
		{"the device gets another address", func(n int) { ip("link set vrrp.8 address 02:00:00:00:00:%02x", n%200) }, `vrrp.8@eth0 was changed or deleted by somebody else`},
		{"the route is removed, and others come and go", func(int) {
			ip("route del 10.9.0.0/16 proto 18\nroute add 10.9.0.0/16 dev eth0\nroute del 10.9.0.0/16 proto boot")
		}, `Restoring deleted route .*\(\d{3,} so far\)`},
		{"the rule is removed, and others come and go", func(int) { ip("rule del pref 500\nrule add pref 501 table 100\nrule del pref 501") }, `Restoring deleted rule .*\(\d{3,} so far\)`},
		{"the device goes down", func(int) { ip("link set vrrp.8 down") }, `vrrp.8@eth0 was changed or deleted by somebody else`},
	} {
		t.Run(h.name, func(t *testing.T) {
			part := *s
			part.Stage = s.Part(t)
			part.outlives(h, calm, d, b)
		})
	}
}

// batch is an ip(8) that takes commands; what they fail with is nobody's concern.
func (s *stage) batch(n *netns.Node) func(format string, args ...any) {
	s.Helper()
	read, in, err := os.Pipe()
	s.Must(err)
	_, err = unix.FcntlInt(in.Fd(), unix.F_SETPIPE_SZ, 1<<12) // what waits in it goes on after the storm
	s.Must(err)
	cmd := exec.Command("ip", "-force", "-batch", "-")
	cmd.Stdin = read
	s.Must(n.Start(cmd))
	s.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	return func(format string, args ...any) { _, _ = io.WriteString(in, fmt.Sprintf(format+"\n", args...)) }
}

// filter removes the daemon's table.
func (s *stage) filter(n *netns.Node) func() {
	s.Helper()
	var c *nftables.Conn
	s.Must(n.Do(func() (err error) { c, err = nftables.New(nftables.AsLasting()); return err }))
	s.Cleanup(func() { _ = c.CloseLasting() })
	return func() {
		c.DelTable(&nftables.Table{Name: "keepalived", Family: nftables.TableFamilyIPv4})
		_ = c.Flush() // it was not there yet
	}
}

// storm does something a thousand times a second for three seconds, or as often as
// the kernel is able to, and returns how often.
func storm(do func(n int)) (n int) {
	const length = 3 * time.Second
	for began := time.Now(); time.Since(began) < length; n++ {
		time.Sleep(time.Until(began.Add(time.Duration(n) * time.Millisecond)))
		do(n)
	}
	return n
}

// outlives expects that a storm of three seconds delays no advert, changes no role
// and fills no log, and that all is as it was soon after.
func (s *stage) outlives(h harm, calm string, d, b *stand.Daemon) {
	lines, roles := d.Count("\n"), d.Count("Entering")+b.Count("Entering")
	machine := watchMachine()
	adverts := s.during(h, calm)
	asleep := machine()
	lines = d.Count("\n") - lines
	late := wiretap.Latest(adverts, stormInterval)
	s.Logf("the latest advert %v, the machine %v late; %d lines", late, asleep, lines)
	if n := len(wiretap.Adverts(adverts)); n != 2 || late > 5*time.Millisecond+asleep {
		s.Errorf("adverts of %d routers, want 2; one was %v late", n, late)
	}
	if lines > 12 || d.Count(h.told) == 0 {
		s.Errorf("%d lines in the log, which is to say %q:\n%s", lines, h.told, d.Log())
	}
	if now := d.Count("Entering") + b.Count("Entering"); now != roles {
		s.Errorf("a role changed:\n%s\n%s", d.Log(), b.Log())
	}
}

// during is what the client hears from the begin of a storm until all is as it was
// before the first: what waits in the pipe of one may go on during the next.
func (s *stage) during(h harm, calm string) []wiretap.Packet {
	var tap *wiretap.Tap
	s.Must(s.client.Do(func() (err error) { tap, err = wiretap.Open(0); return err }))
	began := time.Now()
	s.Logf("%d times", storm(h.do))
	s.Eventually(10*time.Second, "everything is as it was", func() bool { return s.inKernel() == calm }, func() string { return cmp.Diff(calm, s.inKernel()) })
	packets := tap.Packets(began)
	s.Must(tap.Close())
	return packets
}

// watchMachine finds by how much a real-time thread on each processor is waked too
// late at worst: what keeps it keeps the daemon, too.
func watchMachine() (worst func() time.Duration) {
	stop, found := make(chan struct{}), make(chan time.Duration)
	for cpu := range runtime.NumCPU() {
		go func() { found <- drowse(cpu, stop) }()
	}
	return func() (worst time.Duration) {
		close(stop)
		for range runtime.NumCPU() {
			worst = max(worst, <-found)
		}
		return worst
	}
}

func drowse(cpu int, stop <-chan struct{}) (worst time.Duration) {
	runtime.LockOSThread() // never unlocked: the thread ends with its priority
	var own unix.CPUSet
	own.Set(cpu)
	_ = unix.SchedSetaffinity(0, &own)
	_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_FIFO, Priority: 60}, 0)
	for {
		select {
		case <-stop:
			return worst
		default:
		}
		due := time.Now().Add(time.Millisecond)
		_ = unix.Nanosleep(&unix.Timespec{Nsec: int64(time.Millisecond)}, nil)
		worst = max(worst, time.Since(due))
	}
}

// inKernel is what the node's kernel holds.
func (s *stage) inKernel() string {
	return s.routes(s.a) + s.Sh(s.a, `ip -o addr show | awk '{print $2, $3, $4}' | sort; ip -br link | awk '{print $1, $3, $4}'; nft list table ip keepalived || true
cd /proc/sys/net/ipv4/conf; grep . eth0/arp_* eth0/rp_filter vrrp.8/arp_* vrrp.8/rp_filter`)
}
