package balance

import (
	"encoding/binary"
	"fmt"
	"io"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
)

// echo sends back what comes to port 80 of a node.
func (s *stage) echo(n *netns.Node) {
	s.Helper()
	var l net.Listener
	s.Must(n.Do(func() (err error) { l, err = net.Listen("tcp4", ":80"); return err }))
	s.Cleanup(func() { _ = l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() { _, _ = io.Copy(c, c); _ = c.Close() }()
		}
	}()
}

// talk is a connection that lasts.
type talk struct {
	*stage
	net.Conn
	words int
}

func (s *stage) talk(n *netns.Node, to string) *talk {
	s.Helper()
	t := &talk{stage: s}
	s.Must(n.Do(func() (err error) { t.Conn, err = net.DialTimeout("tcp4", to, 10*time.Second); return err }))
	s.Cleanup(func() { _ = t.Close() })
	return t
}

// goOn says something and hears it again.
func (t *talk) goOn(when string) {
	t.Helper()
	t.words++
	word := fmt.Sprintf("%8d", t.words)
	t.Must(t.SetDeadline(time.Now().Add(60 * time.Second)))
	_, err := io.WriteString(t, word)
	answer := make([]byte, len(word))
	if err == nil {
		_, err = io.ReadFull(t, answer)
	}
	if err != nil || string(answer) != word {
		t.Fatalf("%s: said %q and heard %q: %v", when, word, answer, err)
	}
}

// inside is a director with a client before it and two real servers behind it.
func (s *stage) inside() (client, director *netns.Node) {
	s.Helper()
	client, director, _ = s.before(2)
	return client, director
}

// before is a director with a client before it and real servers behind it.
func (s *stage) before(count int) (client, director *netns.Node, reals []*netns.Node) {
	s.Helper()
	client = s.Node("client", "outside eth0 10.0.1.9/24")
	director = s.Node("director", "outside eth0 10.0.1.1/24", "inside eth1 10.0.2.1/24")
	s.Must(director.Sysctl("ipv4/ip_forward", "1"))
	for i := range count {
		n := s.Node(fmt.Sprint("real", i+1), fmt.Sprintf("inside eth0 10.0.2.%d/24", 11+i))
		s.Sh(n, "ip route add default via 10.0.2.1")
		s.echo(n)
		reals = append(reals, n)
	}
	return client, director, reals
}

const third = "real_server 10.0.2.13 80 {\n}\n"

// with is the file with more in its virtual server.
func with(more string) string { return strings.TrimSuffix(strings.TrimSpace(nat), "}") + more + "}\n" }

func TestAConnectionOutlivesAHundredReloadsAndACrash(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, director := s.inside()
	d := s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	c := s.talk(client, "10.0.1.1:80")
	c.goOn("at first")
	edits := []string{nat, with(third), strings.ReplaceAll(nat, "lb_algo rr", "lb_algo wrr"), with("real_server 10.0.2.14 80 {\nweight 7\n}\n"), with("persistence_timeout 60\n")}
	for i := range 100 {
		d.Reload(edits[i%len(edits)])
		c.goOn(fmt.Sprintf("after reload %d", i+1))
	}
	d.Stop(syscall.SIGKILL)
	c.goOn("after a kill -9")
	d = s.Again(director)
	for range 10 {
		c.goOn("during the start")
		time.Sleep(100 * time.Millisecond)
	}
	d.Tells(5*time.Second, "Startup complete")
	d.Reload(nat)
	s.becomes(director, 5*time.Second, service, first, second)
	c.goOn("at last")
	if conns := connections(s, director); conns != 1 {
		t.Errorf("the service counts %s connections, not 1: it was made anew", fmt.Sprint(conns))
	}
}

// connections is what the services count since they were made.
func connections(s *stage, n *netns.Node) (count int) {
	s.Helper()
	for line := range strings.Lines(s.Sh(n, "ipvsadm -Ln --stats --exact")) {
		if w := strings.Fields(line); len(w) > 2 && w[0] == "TCP" {
			n, err := strconv.Atoi(w[2])
			s.Must(err)
			count += n
		}
	}
	return count
}

// settled are the statistics when everything is counted, which the kernel does every two seconds.
func (s *stage) settled(n *netns.Node, conns int, of ...string) (lines []string) {
	s.Helper()
	s.Eventually(20*time.Second, fmt.Sprintf("the service counts %d connections", conns), func() bool { return connections(s, n) == conns })
	for before := []string(nil); before == nil || !slices.Equal(before, lines); {
		before, lines = lines, s.statistics(n, of...)
		time.Sleep(2500 * time.Millisecond)
	}
	return lines
}

// The commands of IPVS that change something.
const (
	newService     = 1
	deleteService  = 3
	newDestination = 5
	setDestination = 6
)

func TestWeightsChangeAtAReloadWithoutTouchingAConnection(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, director := s.inside()
	d := s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	talks := []*talk{s.talk(client, "10.0.1.1:80"), s.talk(client, "10.0.1.1:80")} // one with each
	for _, c := range talks {
		c.goOn("at first")
	}
	before, asked := s.settled(director, 2), s.requests(director)
	heavy := strings.Replace(nat, "10.0.2.11 80 {", "10.0.2.11 80 {\nweight 5", 1)
	d.Reload(strings.Replace(heavy, "10.0.2.12 80 {", "10.0.2.12 80 {\nweight 0", 1))
	s.becomes(director, 5*time.Second, service, strings.Replace(first, "-w 1", "-w 5", 1), strings.Replace(second, "-w 1", "-w 0", 1))
	if changes := asked(); !slices.Equal(changes, []uint8{setDestination, setDestination}) {
		t.Errorf("the kernel was asked for changes by the commands %v of IPVS, not by one for each weight", changes)
	}
	if after := s.settled(director, 2); !slices.Equal(before, after) {
		t.Errorf("the statistics were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	for _, c := range talks {
		c.goOn("after the reload")
	}
	for range 3 {
		s.talk(client, "10.0.1.1:80").goOn("a new one")
	}
	s.settled(director, 5)
	if got := s.Sh(director, "ipvsadm -Lnc | grep -c 10.0.2.12:80"); strings.TrimSpace(got) != "1" {
		t.Errorf("the server without weight has %s connections, not the one that it had", got)
	}
}

func TestAnEditedGroupKeepsTheConnectionsOfItsOtherEntries(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, director := s.inside()
	s.Sh(director, "ip addr add 10.0.1.2/24 dev eth0")
	file := func(entries string) string {
		return "virtual_server_group G {\n10.0.1.1 80\n" + entries + "\n}\n" + strings.Replace(nat, "virtual_server 10.0.1.1 80 {", "virtual_server group G {", 1)
	}
	other := func(at string) []string {
		return []string{service, first, second, strings.Replace(service, "10.0.1.1:80", at, 1), strings.Replace(first, "10.0.1.1:80", at, 1), strings.Replace(second, "10.0.1.1:80", at, 1)}
	}
	d := s.Start(director, file("10.0.1.2 80"))
	s.becomes(director, 5*time.Second, other("10.0.1.2:80")...)
	c := s.talk(client, "10.0.1.1:80")
	c.goOn("at first")
	before, asked := s.settled(director, 1, "-t 10.0.1.1:80"), s.requests(director)
	d.Reload(file("10.0.1.2 81"))
	s.becomes(director, 5*time.Second, other("10.0.1.2:81")...)
	changes := asked()
	slices.Sort(changes)
	if !slices.Equal(changes, []uint8{newService, deleteService, newDestination, newDestination}) {
		t.Errorf("the kernel was asked for changes by the commands %v of IPVS, not for one service that goes and one that comes", changes)
	}
	if after := s.settled(director, 1, "-t 10.0.1.1:80"); !slices.Equal(before, after) {
		t.Errorf("the statistics were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	c.goOn("after the reload")
	d.Reload(file("10.0.1.2 80"))
	s.becomes(director, 5*time.Second, other("10.0.1.2:80")...)
	c.goOn("after the next")
	s.talk(client, "10.0.1.2:80").goOn("by the entry that returned")
}

// well is what says that a real server is well: somebody listens on port 81.
func (s *stage) well(n *netns.Node) (fail func()) {
	s.Helper()
	var l net.Listener
	s.Must(n.Do(func() (err error) { l, err = net.Listen("tcp4", ":81"); return err }))
	s.Cleanup(func() { _ = l.Close() })
	return func() { _ = l.Close() }
}

// asked is a virtual server whose real servers one to three are asked on port 81, and stay in the table
// when they fail.
func asked(words string) string {
	text := "virtual_server 10.0.1.1 80 {\ndelay_loop 0.5\ndelay_before_retry 0.2\nwarmup 0\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\ninhibit_on_failure\n" + words + "\n"
	for i := range 3 {
		text += fmt.Sprintf("real_server 10.0.2.%d 80 {\nTCP_CHECK {\nconnect_port 81\n}\n}\n", 11+i)
	}
	return text + "}\n"
}

// withWeights is the table of asked; the last weight is that of the sorry server.
func withWeights(weights ...int) []string {
	lines := []string{service}
	for i, w := range weights {
		lines = append(lines, fmt.Sprintf("-a -t 10.0.1.1:80 -r 10.0.2.%d:80 -m -w %d", 11+i, w))
	}
	return lines
}

// A quorum of 2 with a margin of 1 is gained with three and lost with none. Those who talk go on,
// with servers that fail, with the one that is alone, and with the sorry server when that retires.
func TestConnectionsGoOnWhileServersFailAndTheQuorumCrossesItsMargin(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, director, reals := s.before(4)
	var fail [3]func()
	for i := range fail {
		fail[i] = s.well(reals[i])
	}
	recover := func(i int) func() { return func() { fail[i] = s.well(reals[i]) } }
	s.Start(director, asked("quorum 2\nhysteresis 1\nsorry_server 10.0.2.14 80\nsorry_server_inhibit"))
	var talks []*talk
	for _, step := range []struct {
		name string
		does func()
		want []int // weights
	}{
		{"three make the quorum", func() {}, []int{1, 1, 1, 0}},
		{"one is inhibited", func() { fail[0]() }, []int{0, 1, 1, 0}},
		{"the last one is enough to keep it", func() { fail[1]() }, []int{0, 0, 1, 0}},
		{"it is lost", func() { fail[2]() }, []int{0, 0, 0, 1}},
		{"one does not make it", recover(0), []int{0, 0, 0, 1}},
		{"two do not", recover(1), []int{0, 0, 0, 1}},
		{"three do", recover(2), []int{1, 1, 1, 0}},
	} {
		step.does()
		time.Sleep(2 * time.Second) // what is found out has its effect, or has none
		s.becomes(director, 10*time.Second, withWeights(step.want...)...)
		for range 3 {
			talks = append(talks, s.talk(client, "10.0.1.1:80"))
		}
		for i, c := range talks {
			c.goOn(fmt.Sprintf("%s: connection %d", step.name, i+1))
		}
	}
}

// cluster is the file of one of two directors, which tell each other of connections.
const cluster = `
global_defs {
	lvs_sync_daemon eth1 OUTSIDE
}
vrrp_sync_group BOTH {
	group {
		OUTSIDE
		INSIDE
	}
}
vrrp_instance OUTSIDE {
	interface eth0
	virtual_router_id 51
	priority %[1]d
	virtual_ipaddress {
		10.0.1.100/24
	}
}
vrrp_instance INSIDE {
	interface eth1
	virtual_router_id 52
	priority %[1]d
	virtual_ipaddress {
		10.0.2.254/24
	}
}
virtual_server 10.0.1.100 80 {
	lb_algo rr
	lb_kind NAT
	protocol TCP
	real_server 10.0.2.11 80 {
	}
}
`

func TestAConnectionOutlivesItsDirector(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, one := s.Node("client", "outside eth0 10.0.1.9/24"), s.Node("one", "inside eth0 10.0.2.11/24")
	s.Sh(one, "ip route add default via 10.0.2.254")
	s.echo(one)
	var directors []*netns.Node
	for i := range 2 {
		n := s.Node(fmt.Sprintf("director%d", i+1), fmt.Sprintf("outside eth0 10.0.1.%d/24", 1+i), fmt.Sprintf("inside eth1 10.0.2.%d/24", 1+i))
		s.Must(n.Sysctl("ipv4/ip_forward", "1"))
		s.Sh(n, "sysctl -qw net.ipv4.vs.sync_threshold='1 2'") // a word or two are enough to be told of
		s.Start(n, fmt.Sprintf(cluster, 200-i*100)).Says(`\(OUTSIDE\) Entering ` + []string{"MASTER", "BACKUP"}[i])
		directors = append(directors, n)
	}
	c := s.talk(client, "10.0.1.100:80")
	for range 20 {
		c.goOn("at first")
	}
	s.Eventually(10*time.Second, "the other director knows of the connection", func() bool {
		return strings.Contains(s.Sh(directors[1], "ipvsadm -Lnc"), "ESTABLISHED 10.0.1.9:")
	})
	s.Must(directors[0].Unplug("eth0"))
	s.Must(directors[0].Unplug("eth1"))
	for range 10 {
		c.goOn("without the first director")
	}
}

func TestAReloadTouchesNothingElse(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, director := s.inside()
	d := s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	for range 4 {
		c := s.talk(client, "10.0.1.1:80")
		c.goOn("at first")
		s.Must(c.Close())
	}
	before, asked := s.settled(director, 4), s.requests(director)
	for range 5 {
		d.Reload(nat)
	}
	d.Reload(with(third))
	s.becomes(director, 5*time.Second, service, first, second, strings.Replace(second, "2.12", "2.13", 1))
	after := slices.DeleteFunc(s.statistics(director), func(line string) bool { return strings.Contains(line, "10.0.2.13:80") })
	if !slices.Equal(before, after) {
		t.Errorf("the statistics were\n%s\nand are\n%s", strings.Join(before, "\n"), strings.Join(after, "\n"))
	}
	if changes := asked(); !slices.Equal(changes, []uint8{newDestination}) {
		t.Errorf("the kernel was asked for changes by the commands %v of IPVS, not by a single %d", changes, newDestination)
	}
}

// statistics are the counters of services and destinations, a line each; of may be a single service.
func (s *stage) statistics(n *netns.Node, of ...string) (lines []string) {
	s.Helper()
	for line := range strings.Lines(s.Sh(n, "ipvsadm -Ln --stats --exact "+strings.Join(of, " "))) {
		lines = append(lines, strings.TrimSpace(line))
	}
	return lines
}

// requests records what the kernel of a node is asked to change in IPVS: by its netlink
// monitor, to which it shows each message.
func (s *stage) requests(n *netns.Node) (commands func() []uint8) {
	s.Helper()
	s.Sh(n, "ip link add nlmon0 type nlmon; ip link set nlmon0 up")
	_, id, _ := strings.Cut(s.Sh(n, "genl ctrl get name IPVS"), "ID: ")
	var family uint16
	_, err := fmt.Sscanf(id, "0x%x", &family)
	s.Must(err)
	var fd int
	s.Must(n.Do(func() error {
		monitor, err := net.InterfaceByName("nlmon0")
		if err != nil {
			return err
		}
		if fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		return unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL}), Ifindex: monitor.Index})
	}))
	s.Cleanup(func() { _ = unix.Close(fd) })
	s.Must(unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20))
	return func() (list []uint8) {
		b := make([]byte, 1<<18)
		for {
			size, _, err := unix.Recvfrom(fd, b, unix.MSG_DONTWAIT)
			if err != nil {
				return list
			}
			list = appendChanges(list, b[:size], family)
		}
	}
}

// appendChanges appends the commands of the requests in a datagram that change something.
func appendChanges(list []uint8, b []byte, family uint16) []uint8 {
	for len(b) > unix.SizeofNlMsghdr {
		size, kind, flags, command := binary.NativeEndian.Uint32(b), binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:]), b[16]
		reads := command == 4 || command == 8 || command == 11 || command == 13 || command == 15
		if kind == family && flags&unix.NLM_F_REQUEST != 0 && !reads {
			list = append(list, command)
		}
		if size < unix.SizeofNlMsghdr || int(size) > len(b) {
			return list
		}
		b = b[min(int(size+3)&^3, len(b)):]
	}
	return list
}
