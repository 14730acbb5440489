// Package beside puts keepalived and holdfast next to each other: each on a director before the
// same machines, in a kernel that has IPVS, so that their tables can be compared.
package beside

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// Hosts is the number of machines that real servers are on.
const Hosts = 4

// Farm is these machines: one node, on whose addresses everything that is asked answers,
// or does not.
type Farm struct {
	*stand.Stage
	node *netns.Node
	open [Hosts][]io.Closer
}

// NewFarm puts the machines on the bridge named inside. All of them are up.
func NewFarm(s *stand.Stage) *Farm {
	s.Helper()
	f := &Farm{Stage: s, node: s.Node("farm", "inside eth0 10.0.2.2/24")}
	batch := "addr add fd00:2::2/64 dev eth0 nodad\n"
	for h := range Hosts {
		for _, v6 := range []bool{false, true} {
			batch += "addr add " + HostAddress(h, v6) + prefixed(v6) + "\n"
		}
	}
	s.Sh(f.node, "ip -batch - <<'END'\n"+batch+"END")
	for _, name := range []string{"ipv4/icmp_ratelimit", "ipv6/icmp/ratelimit"} { // else some hear that nobody is at a port, and some do not
		s.Must(f.node.Sysctl(name, "0"))
	}
	for h := range Hosts {
		f.Up(h)
	}
	s.Cleanup(func() {
		for h := range Hosts {
			f.shut(h)
		}
	})
	return f
}

// HostAddress is where the services of a machine are.
func HostAddress(h int, v6 bool) string { return Address(11+h, v6) }

// PingAddress is where a machine answers pings. It goes when the machine dies: the services refuse
// at once.
func PingAddress(h int, v6 bool) string { return Address(21+h, v6) }

// Address is one of the farm's network.
func Address(n int, v6 bool) string {
	if v6 {
		return fmt.Sprintf("fd00:2::%d", n)
	}
	return fmt.Sprintf("10.0.2.%d", n)
}

func prefixed(v6 bool) string {
	if v6 {
		return "/64 dev eth0 nodad"
	}
	return "/24 dev eth0"
}

// Up brings a machine up, if it is not.
func (f *Farm) Up(h int) {
	f.Helper()
	if f.open[h] != nil {
		return
	}
	f.Must(f.node.Do(func() error { return errors.Join(f.serve(h, false), f.serve(h, true)) }))
	f.ping("add", h)
}

// Down takes one down.
func (f *Farm) Down(h int) {
	f.Helper()
	f.shut(h)
	f.ping("del", h)
}

func (f *Farm) shut(h int) {
	for _, c := range f.open[h] {
		_ = c.Close()
	}
	f.open[h] = nil
}

func (f *Farm) ping(verb string, h int) {
	f.Helper()
	var batch strings.Builder
	for _, v6 := range []bool{false, true} {
		batch.WriteString("addr " + verb + " " + PingAddress(h, v6) + prefixed(v6) + "\n")
	}
	_, err := f.node.Run(f.Context(), strings.NewReader(batch.String()), "ip", "-batch", "-")
	f.Must(err)
}

// serve opens all services of a machine: pages, mail, names, and an echo of datagrams.
func (f *Farm) serve(h int, v6 bool) error {
	pages := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok\n") })}
	f.open[h] = append(f.open[h], pages)
	for _, port := range []string{"80", "81"} {
		l, err := net.Listen("tcp", net.JoinHostPort(HostAddress(h, v6), port))
		if err != nil {
			return err
		}
		go func() { _ = pages.Serve(l) }()
	}
	post, err := net.Listen("tcp", net.JoinHostPort(HostAddress(h, v6), "25"))
	if err != nil {
		return err
	}
	f.open[h] = append(f.open[h], post)
	go takeMail(post)
	datagrams, err := net.ListenPacket("udp", net.JoinHostPort(HostAddress(h, v6), "53"))
	if err != nil {
		return err
	}
	f.open[h] = append(f.open[h], datagrams)
	go reply(datagrams)
	return nil
}

// takeMail welcomes everybody and agrees to everything.
func takeMail(l net.Listener) {
	for {
		c, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer func() { _ = c.Close() }()
			fmt.Fprint(c, "220 farm ESMTP\r\n")
			for lines := bufio.NewScanner(c); lines.Scan() && lines.Text() != "QUIT"; {
				fmt.Fprint(c, "250 fine\r\n")
			}
			fmt.Fprint(c, "221 farewell\r\n")
		}()
	}
}

// reply answers a question for a name with an address, and anything else with itself.
func reply(c net.PacketConn) {
	b := make([]byte, 512)
	for {
		n, from, err := c.ReadFrom(b)
		if err != nil {
			return
		}
		m := b[:n]
		if n > 12 {
			binary.BigEndian.PutUint16(m[2:], 0x8180)                            // an answer without error
			binary.BigEndian.PutUint16(m[6:], 1)                                 // one
			m = append(m, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 192, 0, 2, 1) // A, to the name at 12
			binary.BigEndian.PutUint32(m[8:], 0)                                 // nothing else
		}
		_, _ = c.WriteTo(m, from)
	}
}
