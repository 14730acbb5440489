package hostile

import (
	"encoding/binary"
	"net/netip"
	"os"
	"os/exec"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
)

// Machine is one at the other end of a tunnel in the network of the calling thread, which answers
// each ping as it likes: it is given the whole packet.
func Machine(t testing.TB, answer func(packet []byte) []Message) checker.Target {
	t.Helper()
	const here = "192.0.2.1/24"
	there := netip.MustParseAddr("192.0.2.2")
	tunnel, err := openTunnel("tun0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = tunnel.Close() })
	for _, words := range [][]string{{"link", "set", "tun0", "mtu", "65000", "up"}, {"addr", "add", here, "dev", "tun0"}} {
		if out, err := exec.Command("ip", words...).CombinedOutput(); err != nil {
			t.Fatalf("ip %v: %v: %s", words, err, out)
		}
	}
	go answerPings(tunnel, there, answer)
	return checker.Target{Addr: there}
}

func answerPings(tunnel *os.File, there netip.Addr, answer func([]byte) []Message) {
	const request = 8
	packet := make([]byte, 1<<16)
	for {
		n, err := tunnel.Read(packet)
		if err != nil {
			return
		}
		if n < 28 || packet[0] != 0x45 || packet[9] != unix.IPPROTO_ICMP || packet[20] != request {
			continue
		}
		for _, m := range answer(packet[:n]) {
			if !m.From.IsValid() {
				m.From = there
			}
			_, _ = tunnel.Write(m.packet(packet[12:16]))
		}
	}
}

// Message is one of ICMP, with its header.
type Message struct {
	ICMP []byte
	From netip.Addr // the zero Addr: that of the machine
	// Spoilt: its checksum is wrong.
	Spoilt bool
}

// packet is the message to an address, behind a header of IP.
func (m *Message) packet(to []byte) []byte {
	p := append([]byte{0x45, 0, 0, 0, 0, 1, 0, 0, 64, unix.IPPROTO_ICMP, 0, 0}, m.From.AsSlice()...)
	p = append(append(p, to...), m.ICMP...)
	binary.BigEndian.PutUint16(p[2:], uint16(len(p)))
	sum(p[:20], 10)
	if len(p) >= 24 {
		sum(p[20:], 2)
	}
	if m.Spoilt {
		p[22] ^= 0xff
	}
	return p
}

// sum puts the checksum of a header, or of a message, at its place.
func sum(b []byte, at int) {
	b[at], b[at+1] = 0, 0
	var s uint32
	for i := range b {
		s += uint32(b[i]) << (8 * (1 - i%2))
	}
	for s>>16 != 0 {
		s = s&0xffff + s>>16
	}
	binary.BigEndian.PutUint16(b[at:], ^uint16(s))
}

func openTunnel(name string) (*os.File, error) {
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
	if err != nil {
		return nil, err
	}
	r, err := unix.NewIfreq(name)
	if err == nil {
		r.SetUint16(unix.IFF_TUN | unix.IFF_NO_PI)
		err = unix.IoctlIfreq(fd, unix.TUNSETIFF, r)
	}
	if err != nil {
		_ = unix.Close(fd)
		return nil, err
	}
	return os.NewFile(uintptr(fd), "tun"), nil // the poller waits for it
}
