// Package wiretap records VRRP adverts and address announcements as they pass
// the interfaces of one network namespace, with the kernel's time stamps, and
// answers questions about their timing. It sends nothing.
package wiretap

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"
	"unsafe"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"
)

// Tap is a running recording. Its methods may be called from any goroutine.
type Tap struct {
	fd    int
	pause time.Duration
	done  chan struct{}

	mu      sync.Mutex
	packets []Packet
	err     error
	closing bool
}

// Open starts a recording on every interface of the network namespace of the
// calling thread. The reader sleeps for pause between two readings: with
// thousands of packets a second it then costs the machine little, because the
// kernel need not wake it for each; zero reads at once.
func Open(pause time.Duration) (*Tap, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, fmt.Errorf("open packet socket: %w", err)
	}
	if err := prepare(fd); err != nil {
		unix.Close(fd)
		return nil, err
	}
	t := &Tap{fd: fd, pause: pause, done: make(chan struct{})}
	go t.read()
	return t, nil
}

// receiveBuffer holds some ten seconds of adverts of 4,000 routers, so that a
// busy machine delays the recording without tearing holes into it.
const receiveBuffer = 64 << 20

func prepare(fd int) error {
	prog, err := bpf.Assemble(filter())
	if err != nil {
		return fmt.Errorf("assemble the filter of the tap: %w", err)
	}
	raw := make([]unix.SockFilter, len(prog))
	for i, ins := range prog {
		raw[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	fprog := unix.SockFprog{Len: uint16(len(raw)), Filter: &raw[0]}
	return errors.Join(
		unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &fprog),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, receiveBuffer),
		unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
		// Binding comes last: from here on packets are queued.
		unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: swap(unix.ETH_P_ALL)}),
	)
}

func swap(v uint16) uint16 { return v<<8 | v>>8 }

// floodNet is 198.18.0.0/15, the network for benchmarks (RFC 2544), whose IPv4
// packets a tap does not record: who floods the LAN sends from there.
const floodNet = 198<<24 | 18<<16

// filter accepts ARP, VRRP over both families, signed or not, and neighbour advertisements.
func filter() []bpf.Instruction {
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 12, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherARP, SkipTrue: 12},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: etherIPv6, SkipTrue: 7},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: etherIPv4, SkipTrue: 11},
		bpf.LoadAbsolute{Off: 26, Size: 4},
		bpf.ALUOpConstant{Op: bpf.ALUOpAnd, Val: 0xfffe0000},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: floodNet, SkipTrue: 8},
		bpf.LoadAbsolute{Off: 23, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoAH, SkipTrue: 5},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoVRRP, SkipTrue: 4, SkipFalse: 5},
		bpf.LoadAbsolute{Off: 20, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protoVRRP, SkipTrue: 2},
		bpf.LoadAbsolute{Off: 54, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: neighborAdv, SkipTrue: 1},
		bpf.RetConstant{Val: snapLength},
		bpf.RetConstant{Val: 0},
	}
}

// snapLength covers the headers of everything that decode looks at.
const snapLength = 128

func (t *Tap) read() {
	defer close(t.done)
	buf, oob := make([]byte, snapLength), make([]byte, 128)
	for {
		waited := t.wait()
		if err := t.drain(buf, oob); err != nil || waited != nil {
			t.fail(errors.Join(waited, err))
			return
		}
		if t.closed() {
			return
		}
		time.Sleep(t.pause)
	}
}

// wait returns when a packet waits or after 20 ms, so that Close is noticed.
func (t *Tap) wait() error {
	_, err := unix.Poll([]unix.PollFd{{Fd: int32(t.fd), Events: unix.POLLIN}}, 20)
	if errors.Is(err, unix.EINTR) {
		return nil
	}
	return err
}

func (t *Tap) drain(buf, oob []byte) error {
	for {
		n, oobn, _, from, err := unix.Recvmsg(t.fd, buf, oob, 0)
		switch {
		case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.ENETDOWN):
			return nil
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return fmt.Errorf("read the tap: %w", err)
		}
		t.keep(buf[:n], oob[:oobn], from)
	}
}

func (t *Tap) keep(frame, oob []byte, from unix.Sockaddr) {
	p, ok := decode(frame)
	link, isLink := from.(*unix.SockaddrLinklayer)
	if !ok || !isLink {
		return
	}
	p.At, p.Link, p.Out = stamp(oob), link.Ifindex, link.Pkttype == unix.PACKET_OUTGOING
	t.mu.Lock()
	t.packets = append(t.packets, p)
	t.mu.Unlock()
}

// stamp finds the kernel's time stamp among the control messages.
func stamp(oob []byte) time.Time {
	for len(oob) > 0 {
		head, data, rest, err := unix.ParseOneSocketControlMessage(oob)
		if err != nil {
			break
		}
		if head.Type == unix.SCM_TIMESTAMPNS && len(data) >= int(unsafe.Sizeof(unix.Timespec{})) {
			ts := *(*unix.Timespec)(unsafe.Pointer(&data[0]))
			return time.Unix(ts.Unix())
		}
		oob = rest
	}
	return time.Now()
}

func (t *Tap) fail(err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.err = err
}

func (t *Tap) closed() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.closing
}

// Packets returns what was recorded so far from since on, in the order of
// their time stamps.
func (t *Tap) Packets(since time.Time) []Packet {
	t.mu.Lock()
	defer t.mu.Unlock()
	var out []Packet
	for _, p := range t.packets {
		if !p.At.Before(since) {
			out = append(out, p)
		}
	}
	slices.SortStableFunc(out, func(a, b Packet) int { return a.At.Compare(b.At) })
	return out
}

// Count is the number of packets recorded so far.
func (t *Tap) Count() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.packets)
}

// Forget drops what was recorded so far.
func (t *Tap) Forget() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.packets = nil
}

// Close ends the recording. It is an error if the kernel had to drop packets,
// for then every figure taken from the recording would be doubtful.
func (t *Tap) Close() error {
	t.mu.Lock()
	t.closing = true
	t.mu.Unlock()
	<-t.done
	stats, err := unix.GetsockoptTpacketStats(t.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS)
	unix.Close(t.fd)
	if err != nil {
		return errors.Join(t.err, fmt.Errorf("read statistics of the tap: %w", err))
	}
	if stats.Drops > 0 {
		return errors.Join(t.err, fmt.Errorf("the tap lost %d packets", stats.Drops))
	}
	return t.err
}
