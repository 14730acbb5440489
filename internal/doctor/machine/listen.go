package machine

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"holdfast/internal/doctor"
	"holdfast/internal/vrrp/wire"
)

// hear listens on links for adverts that others send. It hears what a firewall drops.
func hear(ctx context.Context, links map[int]string, listen time.Duration) (heard []doctor.Heard, err error) {
	fd, err := open()
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	buffer := make([]byte, 2048)
	for end := time.Now().Add(listen); time.Now().Before(end) && ctx.Err() == nil; {
		n, from, err := unix.Recvfrom(fd, buffer, 0)
		if errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EINTR) {
			continue
		}
		if err != nil {
			return heard, fmt.Errorf("listen for adverts: %w", err)
		}
		ll, ok := from.(*unix.SockaddrLinklayer)
		if !ok || ll.Pkttype == unix.PACKET_OUTGOING || links[ll.Ifindex] == "" {
			continue
		}
		if h, ok := read(buffer[:n]); ok {
			h.Link = links[ll.Ifindex]
			heard = remember(heard, h)
		}
	}
	return heard, nil
}

// remember keeps one of each kind.
func remember(heard []doctor.Heard, h doctor.Heard) []doctor.Heard {
	if slices.ContainsFunc(heard, func(o doctor.Heard) bool {
		return o.Link == h.Link && o.From == h.From && o.Version == h.Version && o.VRID == h.VRID && slices.Equal(o.VIPs, h.VIPs)
	}) {
		return heard
	}
	return append(heard, h)
}

// open makes a socket that is given VRRP alone, of every link.
func open() (int, error) {
	const all = unix.ETH_P_ALL<<8&0xff00 | unix.ETH_P_ALL>>8
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, all)
	if err != nil {
		return 0, fmt.Errorf("open a packet socket: %w", err)
	}
	pause := unix.NsecToTimeval(int64(100 * time.Millisecond))
	err = errors.Join(restrict(fd), unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &pause))
	if err != nil {
		unix.Close(fd)
		return 0, fmt.Errorf("prepare a packet socket: %w", err)
	}
	return fd, nil
}

// restrict lets IP and IPv6 with the protocol of VRRP pass.
func restrict(fd int) error {
	const version6, whole = 6, 0x40000
	raw, err := bpf.Assemble([]bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 1},
		bpf.ALUOpConstant{Op: bpf.ALUOpShiftRight, Val: 4},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: version6, SkipTrue: 2},
		bpf.LoadAbsolute{Off: 9, Size: 1},
		bpf.Jump{Skip: 1},
		bpf.LoadAbsolute{Off: 6, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpEqual, Val: protocol, SkipFalse: 1},
		bpf.RetConstant{Val: whole},
		bpf.RetConstant{},
	})
	if err != nil {
		return err
	}
	filter := make([]unix.SockFilter, len(raw))
	for i, r := range raw {
		filter[i] = unix.SockFilter{Code: r.Op, Jt: r.Jt, Jf: r.Jf, K: r.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(filter)), Filter: &filter[0]})
}

// read takes a datagram apart.
func read(b []byte) (h doctor.Heard, ok bool) {
	const header6 = 40
	d := wire.Datagram{Data: b}
	if len(b) > header6 && b[0]>>4 == 6 {
		d = wire.Datagram{V6: true, Data: b[header6:], Src: netip.AddrFrom16([16]byte(b[8:24])), Dst: netip.AddrFrom16([16]byte(b[24:40])), HopLimit: b[7]}
	}
	a, flaw := wire.Decode(&d)
	if flaw != wire.Sound || a.Kind() != wire.Sound {
		return h, false
	}
	a.Unseal()
	h = doctor.Heard{From: a.Src, Version: a.Version, VRID: a.VRID}
	if a.Length() != wire.Sound {
		return h, false
	}
	for i := range int(a.Count) {
		h.VIPs = append(h.VIPs, a.Addr(i))
	}
	return h, true
}
