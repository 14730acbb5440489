package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"runtime"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
)

// floodRate is how many packets a second a flood consists of.
const floodRate = 100_000

// victim is the virtual router that packets of a flood pretend to be about.
const victim = 51

// badPacket makes an Ethernet frame with a VRRP packet that no router may
// heed: each kind breaks another rule, and nothing else where that can be. The
// source is in 198.18.0.0/15.
func badPacket(r *rand.Rand) []byte {
	v := version3(victim)
	switch r.IntN(9) {
	case 0: // noise of any length
		return frame(noise(r, r.IntN(1200)), 255)
	case 1: // came from afar
		return frame(sealed(v, 0), byte(r.IntN(255)))
	case 2: // wrong checksum
		return frame(sealed(v, 1+uint16(r.IntN(1000))), 255)
	case 3: // a version nobody knows
		v[0] = byte(4+r.IntN(12))<<4 | 1
	case 4: // ends too early
		v = v[:r.IntN(len(v))]
	case 5: // longer than its address count says
		v = append(v, noise(r, 2*(1+r.IntN(500)))...)
		return frame(sealed(v, 1), 255)
	case 6: // version 2 with a password
		v = version2(r)
	case 7: // another virtual router
		v[1] += byte(1 + r.IntN(200))
	case 8: // not an advertisement
		v[0] = 3<<4 | byte(2+r.IntN(14))
	}
	return frame(sealed(v, 0), 255)
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

// version3 is a VRRPv3 advert of the highest priority without its checksum.
func version3(vrid byte) []byte {
	return []byte{3<<4 | 1, vrid, 255, 1, 0, 10, 0, 0, 192, 0, 2, 100}
}

// version2 is a VRRPv2 advert with simple password authentication (RFC 2338).
func version2(r *rand.Rand) []byte {
	b := append([]byte{2<<4 | 1, victim, 255, 1, 1, 1, 0, 0, 192, 0, 2, 100}, noise(r, 8)...)
	binary.BigEndian.PutUint16(b[6:], checksum(b[:12]))
	return b
}

// checksum is that of RFC 1071.
func checksum(b []byte) uint16 {
	var sum uint32
	for i := 0; i+1 < len(b); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(b[i:]))
	}
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum>>16 + sum)
}

// sealed sets the checksum of a VRRPv3 packet from the flooder, wrong by so
// much: RFC 9568, section 5.2.8, with its pseudo header.
func sealed(v []byte, wrong uint16) []byte {
	if len(v) < 8 || v[0]>>4 == 2 {
		return v
	}
	pseudo := append(addresses(), 0, 112, 0, byte(len(v)))
	binary.BigEndian.PutUint16(pseudo[10:], uint16(len(v)))
	v[6], v[7] = 0, 0
	binary.BigEndian.PutUint16(v[6:], checksum(append(pseudo, v...))+wrong)
	return v
}

// addresses are the source and the destination of a flood, as in a header.
func addresses() []byte { return []byte{198, 18, 0, 1, 224, 0, 0, 18} }

// frame puts a VRRP packet into IPv4 and Ethernet.
func frame(v []byte, ttl byte) []byte {
	b := []byte{0x01, 0, 0x5e, 0, 0, 0x12, 0x02, 0, 0, 0, 0, 0x66, 0x08, 0}
	ip := make([]byte, 12, 20)
	ip[0], ip[8], ip[9] = 0x45, ttl, 112
	binary.BigEndian.PutUint16(ip[2:], uint16(20+len(v)))
	ip = append(ip, addresses()...)
	binary.BigEndian.PutUint16(ip[10:], checksum(ip))
	return append(append(b, ip...), v...)
}

// drench sends bad packets from a node for a while and returns how many left.
func drench(ctx context.Context, node *netns.Node, link string, stretch time.Duration) (int, error) {
	fd, to, err := rawSocket(node, link)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	r := rand.New(rand.NewPCG(112, 9568))
	packets := make([][]byte, 1<<13)
	for i := range packets {
		packets[i] = badPacket(r)
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	return pour(ctx, fd, to, packets, stretch)
}

func rawSocket(node *netns.Node, link string) (fd int, to *unix.SockaddrLinklayer, err error) {
	err = node.Do(func() error {
		dev, err := net.InterfaceByName(link)
		if err != nil {
			return err
		}
		to = &unix.SockaddrLinklayer{Ifindex: dev.Index}
		fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		return err
	})
	return fd, to, err
}

// pour sends at floodRate, a handful every tick. What a queue refuses counts
// as not sent.
func pour(ctx context.Context, fd int, to *unix.SockaddrLinklayer, packets [][]byte, stretch time.Duration) (sent int, err error) {
	start := time.Now()
	for tried := 0; ; {
		passed := time.Since(start)
		if passed >= stretch || ctx.Err() != nil {
			return sent, ctx.Err()
		}
		for due := int(passed.Seconds() * floodRate); tried < due; tried++ {
			err := unix.Sendto(fd, packets[tried%len(packets)], 0, to)
			if err != nil && !errors.Is(err, unix.ENOBUFS) {
				return sent, fmt.Errorf("flood: %w", err)
			}
			if err == nil {
				sent++
			}
		}
		time.Sleep(500 * time.Microsecond)
	}
}
