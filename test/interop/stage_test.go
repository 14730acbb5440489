package interop

import (
	"fmt"
	"net/netip"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
	"holdfast/internal/lab/netns"
)

// stage is a mixed pair on one hub, with a client that probes the shared
// address, taps the wire, and records it for tshark.
type stage struct {
	*testing.T
	dialect
	programs [2]subject.Program
	nodes    [2]*netns.Node
	daemons  [2]*subject.Daemon
	client   *netns.Node
	tap      *wiretap.Tap
	probe    *netns.Prober
	dump     *exec.Cmd
	file     string
	logs     [2]string // of daemons that have ended
	kept     [2]bool   // the log of the present daemon is among them
	// own is where the adverts of each node come from, once heard.
	own [2]netip.Addr
}

func newStage(t *testing.T, d dialect, first, second subject.Program) *stage {
	t.Helper()
	world, err := netns.New()
	must(t, err)
	s := &stage{T: t, dialect: d, programs: [2]subject.Program{first, second}, file: filepath.Join(t.TempDir(), "wire.pcap")}
	t.Cleanup(func() { must(t, world.Close()) })
	must(t, world.Bridge(link))
	makeHub(t, world)
	for i, name := range []string{"a", "b"} {
		s.nodes[i] = s.node(world, name, d.nodes[i])
		if s.isFRR(i) {
			s.furnish(i)
		}
	}
	s.client = s.node(world, "client", d.client)
	s.listen()
	return s
}

// makeHub makes the switch forget at once who is where, so that the client
// hears unicast between the nodes, too.
func makeHub(t *testing.T, world *netns.World) {
	t.Helper()
	out, err := exec.Command("ip", "-n", world.Name()+"-lan", "link", "set", link, "type", "bridge", "ageing_time", "0").CombinedOutput()
	if err != nil {
		t.Fatalf("make a hub: %v: %s", err, out)
	}
}

func (s *stage) node(world *netns.World, name string, addr netip.Prefix) *netns.Node {
	s.Helper()
	n, err := world.Node(name)
	must(s.T, err)
	must(s.T, n.Attach(link, link, addr))
	return n
}

func (s *stage) listen() {
	s.Helper()
	s.dump = exec.Command("tcpdump", "-i", link, "-U", "-Z", "root", "-w", s.file, "proto 112 or proto 51 or ip6 proto 112")
	stderr, err := s.dump.StderrPipe()
	must(s.T, err)
	must(s.T, s.client.Start(s.dump))
	// tcpdump says when it listens.
	_, err = stderr.Read(make([]byte, 256))
	must(s.T, err)
	must(s.T, s.client.Do(func() (err error) { s.tap, err = wiretap.Open(0); return err }))
	s.Cleanup(func() { must(s.T, s.tap.Close()) })
}

// play is the story of one pair.
func (s *stage) play() {
	s.opensWithOneMaster()
	s.handsOverOnStop()
	s.comesBack("after the stop")
	s.takesOverOnDeath()
	s.comesBack("after the death")
	s.ends()
}

// margin is what a busy machine may add to a deadline of the protocol.
const margin = 150 * time.Millisecond

func (s *stage) start(node int) {
	s.Helper()
	config := s.config(node)
	if s.isFRR(node) {
		config = s.virtualRouter(node).FRR()
	}
	d, err := subject.Start(s.nodes[node], s.programs[node], config)
	must(s.T, err)
	s.daemons[node], s.kept[node] = d, false
}

func (s *stage) opensWithOneMaster() {
	s.Helper()
	first := s.teacher()
	s.start(first)
	if s.header {
		s.owner(first, time.Now(), s.down(weak)+time.Second)
	}
	s.start(1 - first)
	s.owner(0, time.Now(), s.down(strong)+time.Second+s.slack())
	s.settle()
	s.oneMaster(0, "at the start")
	var err error
	s.probe, err = s.client.Probe(time.Millisecond, s.probed())
	must(s.T, err)
	s.Cleanup(func() { s.probe.Close() })
	if err := retry(s.Context(), 3*time.Second, func() bool { return s.probe.Answered(s.probed()) }); err != nil {
		s.Fatalf("the shared address does not answer: %v", err)
	}
}

// teacher is the node that starts first: with an authentication header the one that
// runs keepalived, whose way of signing the other learns by hearing it.
func (s *stage) teacher() int {
	if s.header && s.programs[1].Name == "keepalived" {
		return 1
	}
	return 0
}

// owner waits until a node sends adverts and returns the first since an instant.
func (s *stage) owner(node int, since time.Time, limit time.Duration) wiretap.Packet {
	s.Helper()
	var got []wiretap.Packet
	err := retry(s.Context(), limit, func() bool { got = s.adverts(node, since); return len(got) > 0 })
	if err != nil {
		s.Fatalf("no advert of %s (%s): %v\n%s", s.nodes[node].Name, s.programs[node].Name, err, s.history())
	}
	return got[0]
}

// adverts are those of a node, told by their priority, since an instant.
func (s *stage) adverts(node int, since time.Time) []wiretap.Packet {
	want := [2]uint8{strong, weak}[node]
	return slices.DeleteFunc(s.tap.Packets(since), func(p wiretap.Packet) bool {
		return p.Kind != wiretap.Advert || p.Priority != want
	})
}

// settle lets a decision reach everybody.
func (s *stage) settle() {
	time.Sleep(max(s.interval+s.interval/2, 300*time.Millisecond) + s.slack())
}

// oneMaster asserts that for one and a half intervals only one node sent
// adverts, and that it alone holds the addresses.
func (s *stage) oneMaster(node int, when string) {
	s.Helper()
	since := time.Now().Add(-s.interval - s.interval/5)
	others, own := len(s.adverts(1-node, since)), len(s.adverts(node, since.Add(-s.slack())))
	if others > 0 || own == 0 {
		s.Fatalf("%s: %d adverts of the other node, %d of the master\n%s", when, others, own, s.history())
	}
	for i := range s.nodes {
		if held := s.holds(i); held != (i == node) {
			s.Fatalf("%s: %s holds the addresses: %v\n%s", when, s.nodes[i].Name, held, s.history())
		}
	}
}

// holds reports whether a node holds all shared addresses; some of them are a
// failure of its own.
func (s *stage) holds(node int) bool {
	s.Helper()
	if s.isFRR(node) {
		return s.holdsByCarrier(node)
	}
	show := []string{"-o", "addr", "show"}
	if !s.vmac {
		show = append(show, "dev", link)
	}
	out, err := s.nodes[node].Output(s.Context(), "ip", show...)
	must(s.T, err)
	held := 0
	for _, vip := range s.vips {
		if strings.Contains(out, " "+vip+" ") {
			held++
		}
	}
	if held != 0 && held != len(s.vips) {
		s.Fatalf("%s holds only a part of the addresses:\n%s", s.nodes[node].Name, out)
	}
	return held > 0
}

// handsOverOnStop stops the master in good order.
func (s *stage) handsOverOnStop() {
	s.Helper()
	at := time.Now()
	must(s.T, s.daemons[0].Terminate())
	first := s.owner(1, at, s.down(weak)+time.Second)
	if took := first.At.Sub(at); took > s.skew(weak)+margin+s.slack() {
		s.Errorf("the backup took over %v after SIGTERM, the skew is %v\n%s", took, s.skew(weak), s.history())
	}
	must(s.T, s.daemons[0].Wait(s.Context()))
	s.keep(0)
	s.settle()
	s.oneMaster(1, "after SIGTERM")
	s.lostAtMost("after SIGTERM", at, s.stopLoss())
}

// stopLoss is how many probes, one each millisecond, may be lost: others let go of
// the address a skew before their successor takes it, holdfast waits.
func (s *stage) stopLoss() int {
	if s.programs[0].Name != "holdfast" {
		return int((s.skew(weak) + margin).Milliseconds())
	}
	return 5
}

func (s *stage) lostAtMost(when string, since time.Time, limit int) {
	s.Helper()
	s.probe.Settle()
	s.patience(since)
	lost := 0
	for _, span := range s.probe.Since(since, s.probed()) {
		lost += span.Lost
		if span.To.IsZero() {
			s.Errorf("%s: the shared address still does not answer", when)
		}
	}
	if lost > limit && s.counted() {
		s.Errorf("%s: %d probes lost, at most %d expected\n%s", when, lost, limit, s.history())
	}
	s.Logf("%s: %d probes lost", when, lost)
}

// comesBack starts the first node again: it has the higher priority.
func (s *stage) comesBack(when string) {
	s.Helper()
	at := time.Now()
	s.start(0)
	first := s.owner(0, at, s.down(strong)+2*time.Second)
	if took := first.At.Sub(at); took > s.down(strong)+margin+startUp+s.slack() {
		s.Errorf("%s: back after %v, the down timer is %v\n%s", when, took, s.down(strong), s.history())
	}
	s.settle()
	s.oneMaster(0, "back "+when)
	s.lostAtMost("back "+when, first.At.Add(-margin), int((margin + s.slack()).Milliseconds()))
}

// startUp is what a program may need before it listens.
const startUp = 300 * time.Millisecond

// takesOverOnDeath kills the master with all its processes and pulls its cable.
func (s *stage) takesOverOnDeath() {
	s.Helper()
	at := time.Now()
	s.daemons[0].Kill()
	must(s.T, s.nodes[0].Unplug(link))
	first := s.owner(1, at, s.down(weak)+time.Second)
	sent := s.adverts(0, time.Time{})
	last := sent[len(sent)-1].At
	if took := first.At.Sub(last); took > s.down(weak)+margin+s.slack() || took < s.down(weak)-10*time.Millisecond {
		s.Errorf("the backup took over %v after the last advert, the down timer is %v\n%s", took, s.down(weak), s.history())
	}
	s.keep(0)
	s.settle()
	s.lostAtMost("after the death", at, int((s.down(weak) + margin + s.slack()).Milliseconds()))
	s.reboot()
	must(s.T, s.nodes[0].Plug(link))
}

// reboot takes away what a dead machine cannot keep. A device that is left holds the
// address: its kernel asks for the client in the name of that, by its own MAC address.
func (s *stage) reboot() {
	s.Helper()
	switch {
	case s.isFRR(0):
		s.furnish(0)
	case s.vmac:
		_, err := s.nodes[0].Output(s.Context(), "ip", "link", "del", fmt.Sprintf("vrrp.%d", vrid))
		must(s.T, err)
	}
}

// ends stops everybody and judges what was said and sent.
func (s *stage) ends() {
	s.Helper()
	must(s.T, s.daemons[1].Terminate())
	must(s.T, s.daemons[0].Terminate())
	for node := range s.daemons {
		must(s.T, s.daemons[node].Wait(s.Context()))
		s.keep(node)
	}
	must(s.T, s.dump.Process.Signal(unix.SIGINT))
	s.dump.Wait()
	s.judgeLogs()
	s.judgePackets()
}

// keep saves the log of a daemon that has ended.
func (s *stage) keep(node int) {
	s.logs[node] += s.daemons[node].Log.Text() + "-- end of this run\n"
	s.kept[node] = true
}

// history is what both programs said so far, for whoever reads a failure.
func (s *stage) history() string {
	var b strings.Builder
	for i, d := range s.daemons {
		b.WriteString("== " + s.nodes[i].Name + ", " + s.programs[i].Name + "\n" + s.logs[i])
		if d != nil && !s.kept[i] {
			b.WriteString(d.Log.Text())
		}
	}
	return b.String()
}
