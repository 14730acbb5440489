package lan

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"

	"golang.org/x/sys/unix"

	"holdfast/internal/mmsg"
	"holdfast/internal/vrrp/wire"
)

// Packet is one advert to be sent. For IPv4 Data is the whole datagram with its
// header, and for IPv6 the payload, to which Src and HopLimit belong.
type Packet struct {
	IfIndex  int
	V6       bool
	Dst, Src netip.Addr // Src: IPv6; the zero Addr lets the kernel choose
	HopLimit uint8      // IPv6; 0: 255 for multicast, the kernel's default for unicast
	Data     []byte
}

// sendBatch is how many packets go in one system call.
const sendBatch = 64

// Sender sends adverts on all links.
type Sender struct {
	multicast4, unicast4, v6 *lane
}

// lane is a socket and the packets gathered for it.
type lane struct {
	fd    int
	n     int
	slots *mmsg.Slots
	index [sendBatch]int // place of each packet in the batch of the caller
}

// OpenSender opens a raw socket for IPv4 and one for IPv6, used for all links.
// IPv4 multicast has one of its own, because it ignores routes, which would
// send a group with a gateway to that gateway alone.
func OpenSender() (*Sender, error) {
	s := &Sender{}
	if err := s.open(); err != nil {
		s.Close()
		return nil, explain("open the raw sockets that send adverts", err)
	}
	return s, nil
}

func (s *Sender) open() (err error) {
	// IPPROTO_RAW implies IP_HDRINCL and receives nothing.
	v4 := []option{{unix.IPPROTO_IP, unix.IP_MULTICAST_LOOP, 0}}
	if s.unicast4, err = openLane(unix.AF_INET, unix.IPPROTO_RAW, v4); err != nil {
		return err
	}
	v4 = append(v4, option{unix.SOL_SOCKET, unix.SO_DONTROUTE, 1})
	if s.multicast4, err = openLane(unix.AF_INET, unix.IPPROTO_RAW, v4); err != nil {
		return err
	}
	s.v6, err = openLane(unix.AF_INET6, wire.Protocol, []option{
		{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_LOOP, 0},
		{unix.IPPROTO_IPV6, unix.IPV6_MULTICAST_HOPS, 255},
		{unix.IPPROTO_IPV6, unix.IPV6_TCLASS, 0xc0},
	})
	if errors.Is(err, unix.EAFNOSUPPORT) { // a kernel without IPv6 still sends IPv4
		return nil
	}
	return err
}

func openLane(family, protocol int, options []option) (*lane, error) {
	fd, err := unix.Socket(family, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, protocol)
	if err != nil {
		return nil, err
	}
	if err := errors.Join(attach(fd, deaf()), setOptions(fd, options)); err != nil {
		return nil, errors.Join(err, unix.Close(fd))
	}
	// A burst of thousands waits here for the link; refusal leaves the default.
	_ = setBuffer(fd, unix.SO_SNDBUFFORCE, unix.SO_SNDBUF, 4<<20)
	return &lane{fd: fd, slots: mmsg.NewSlots(sendBatch)}, nil
}

// Close closes the sockets.
func (s *Sender) Close() error {
	var errs []error
	for _, l := range []*lane{s.multicast4, s.unicast4, s.v6} {
		if l != nil {
			errs = append(errs, unix.Close(l.fd))
		}
	}
	return errors.Join(errs...)
}

// Send sends all packets, those of one family in one system call for each 64,
// and calls failed for each that the kernel refused. It does not block.
func (s *Sender) Send(batch []Packet, failed func(i int, err error)) {
	for i := range batch {
		p := &batch[i]
		l := s.lane(p)
		if l == nil {
			failed(i, sendError(p, unix.EAFNOSUPPORT))
			continue
		}
		if l.n == sendBatch {
			l.flush(batch, failed)
		}
		l.put(i, p)
	}
	for _, l := range [...]*lane{s.multicast4, s.unicast4, s.v6} {
		if l != nil {
			l.flush(batch, failed)
		}
	}
}

func (s *Sender) lane(p *Packet) *lane {
	switch {
	case p.V6:
		return s.v6
	case p.Dst.IsMulticast():
		return s.multicast4
	}
	return s.unicast4
}

func (l *lane) put(i int, p *Packet) {
	m := &l.slots.Msgs[l.n]
	l.slots.Put(l.n, p.Data)
	to, ctrl := &l.slots.Names[l.n], l.slots.Ctrls[l.n][:0]
	if p.V6 {
		m.Namelen = putName6(to, p)
		ctrl = appendInfo6(ctrl, p)
	} else {
		m.Namelen = putName4(to, p)
		ctrl = appendInfo4(ctrl, p)
	}
	m.SetControllen(len(ctrl))
	l.index[l.n] = i
	l.n++
}

// flush sends what was gathered. The kernel stops at the first packet that
// fails, and says why when it is the first of a call.
func (l *lane) flush(batch []Packet, failed func(int, error)) {
	for sent := 0; sent < l.n; {
		n, errno := mmsg.Send(l.fd, l.slots.Msgs[sent:l.n])
		if errno != 0 {
			i := l.index[sent]
			failed(i, sendError(&batch[i], errno))
			n = 1
		}
		sent += n
	}
	l.n = 0
}

func sendError(p *Packet, errno unix.Errno) error {
	attempt := fmt.Sprintf("send advert to %s on link %d", p.Dst, p.IfIndex)
	switch errno {
	case unix.EPERM:
		return fmt.Errorf("%s: %w: a firewall rule on this machine drops it", attempt, errno)
	case unix.EMSGSIZE:
		return fmt.Errorf("%s: %w: too many addresses for the MTU of the link", attempt, errno)
	}
	return explain(attempt, errno)
}

func putName4(to *mmsg.Name, p *Packet) uint32 {
	ip := p.Dst.As4()
	binary.NativeEndian.PutUint16(to[:], unix.AF_INET)
	copy(to[4:], ip[:])
	return unix.SizeofSockaddrInet4
}

func putName6(to *mmsg.Name, p *Packet) uint32 {
	ip := p.Dst.As16()
	binary.NativeEndian.PutUint16(to[:], unix.AF_INET6)
	copy(to[8:], ip[:])
	binary.NativeEndian.PutUint32(to[24:], uint32(p.IfIndex)) // scope
	return unix.SizeofSockaddrInet6
}

// appendInfo4 names the link in a struct in_pktinfo; the source is in the header.
func appendInfo4(ctrl []byte, p *Packet) []byte {
	var info [unix.SizeofInet4Pktinfo]byte
	binary.NativeEndian.PutUint32(info[:], uint32(p.IfIndex))
	return mmsg.AppendControl(ctrl, unix.IPPROTO_IP, unix.IP_PKTINFO, info[:])
}

// appendInfo6 gives link and source in a struct in6_pktinfo, and the hop limit.
func appendInfo6(ctrl []byte, p *Packet) []byte {
	var info [unix.SizeofInet6Pktinfo]byte
	if p.Src.IsValid() {
		ip := p.Src.As16()
		copy(info[:], ip[:])
	}
	binary.NativeEndian.PutUint32(info[16:], uint32(p.IfIndex))
	ctrl = mmsg.AppendControl(ctrl, unix.IPPROTO_IPV6, unix.IPV6_PKTINFO, info[:])
	if p.HopLimit == 0 {
		return ctrl
	}
	var hops [4]byte
	binary.NativeEndian.PutUint32(hops[:], uint32(p.HopLimit))
	return mmsg.AppendControl(ctrl, unix.IPPROTO_IPV6, unix.IPV6_HOPLIMIT, hops[:])
}
