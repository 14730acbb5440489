package lan

import (
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"sync/atomic"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/mmsg"
	"holdfast/internal/mono"
	"holdfast/internal/vrrp/wire"
)

// Options is how a Receiver is opened.
type Options struct {
	Groups []netip.Addr // multicast groups to join
	VRIDs  VRIDs        // adverts for others stay in the kernel
	All    bool         // adverts for any VRID (log_unknown_vrids)
	Header bool         // adverts with an authentication header, and no others; IPv4
	Buffer int          // bytes of receive buffer; 0: the kernel's default
	Ring   *Ring        // buffers shared with other receivers of one loop; nil: own
}

// Ring is where received packets lie. Receivers that are read in turn share one;
// what one read returned is valid until the next read with the same Ring.
type Ring struct {
	slots *mmsg.Slots
	data  [][]byte
}

// ringSize is how many packets one read takes.
const ringSize = 32

// NewRing returns room for 32 packets of MaxAdvert bytes.
func NewRing() *Ring {
	r := &Ring{slots: mmsg.NewSlots(ringSize), data: make([][]byte, ringSize)}
	for i := range r.data {
		r.data[i] = make([]byte, MaxAdvert)
		r.slots.Put(i, r.data[i])
	}
	return r
}

// Receiver hears the adverts of one family on one link, multicast and unicast: those
// with an authentication header, or those without. It may be read by one goroutine while
// another says what it is to hear.
type Receiver struct {
	link    string
	index   int
	v6      bool
	header  bool
	fd      int
	ring    *Ring
	groups  atomic.Pointer[[]netip.Addr] // changed while another goroutine reads
	clock   mmsg.Clock
	tooLong uint64
}

// OpenReceiver opens the socket. Nothing from other links is ever read: until it
// is bound, it is deaf. The empty link is all of them.
func OpenReceiver(link string, ifindex int, v6 bool, o Options) (*Receiver, error) {
	r := &Receiver{link: link, index: ifindex, v6: v6, header: o.Header, ring: o.Ring}
	r.setGroups(nil)
	if r.ring == nil {
		r.ring = NewRing()
	}
	attempt := "hear adverts on " + cmp.Or(link, "all links")
	fd, err := unix.Socket(r.family(), unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, r.protocol())
	if err != nil {
		return nil, explain(attempt, err)
	}
	r.fd = fd
	if err := r.setUp(o); err != nil {
		return nil, explain(attempt, errors.Join(err, unix.Close(fd)))
	}
	return r, nil
}

func (r *Receiver) family() int {
	if r.v6 {
		return unix.AF_INET6
	}
	return unix.AF_INET
}

// kind is where the filter finds the message.
func (r *Receiver) kind() kind {
	switch {
	case r.v6:
		return bare
	case r.header:
		return behindAH
	}
	return behindIP
}

func (r *Receiver) protocol() int {
	if r.header {
		return wire.ProtocolAH
	}
	return wire.Protocol
}

func (r *Receiver) setUp(o Options) error {
	if err := attach(r.fd, deaf()); err != nil {
		return err
	}
	if err := unix.SetsockoptString(r.fd, unix.SOL_SOCKET, unix.SO_BINDTODEVICE, r.link); err != nil {
		return err
	}
	if err := setOptions(r.fd, r.options()); err != nil {
		return err
	}
	if err := r.SetBuffer(o.Buffer); err != nil {
		return err
	}
	for _, g := range o.Groups {
		if err := r.Join(g); err != nil {
			return err
		}
	}
	r.discard()
	return r.SetVRIDs(o.VRIDs, o.All)
}

// SetBuffer sets the size of the receive buffer; 0: it stays as it is.
func (r *Receiver) SetBuffer(bytes int) error {
	if bytes == 0 {
		return nil
	}
	return setBuffer(r.fd, unix.SO_RCVBUFFORCE, unix.SO_RCVBUF, bytes)
}

// options asks for what the IP header does not tell, and for our groups only:
// the default is every group that anybody on this machine has joined. For IPv6
// raw sockets it stays the default; take leaves out what is not ours.
func (r *Receiver) options() []option {
	if r.v6 {
		return []option{
			{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVPKTINFO, 1},
			{unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1},
		}
	}
	return []option{
		{unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1},
		{unix.IPPROTO_IP, unix.IP_MULTICAST_ALL, 0},
	}
}

// discard empties the socket of what came before it was bound.
func (r *Receiver) discard() {
	var b [1]byte
	for {
		if _, err := unix.Read(r.fd, b[:]); err != nil && err != unix.EINTR {
			return
		}
	}
}

// FD is what to poll for reading.
func (r *Receiver) FD() int { return r.fd }

// Close closes the socket.
func (r *Receiver) Close() error { return unix.Close(r.fd) }

// SetVRIDs says adverts for whom are heard from now on; no packet for a VRID
// that is in the old and the new set is lost.
func (r *Receiver) SetVRIDs(set VRIDs, all bool) error {
	return explain("filter adverts on "+r.link, attach(r.fd, vridFilter(r.kind(), all, &set)))
}

// Join hears a multicast group. A group that is heard already is no error.
func (r *Receiver) Join(group netip.Addr) error {
	err := r.membership(group, unix.IP_ADD_MEMBERSHIP, unix.IPV6_JOIN_GROUP)
	if errors.Is(err, unix.EADDRINUSE) {
		return nil
	}
	if err == nil {
		r.setGroups(append(slices.Clone(*r.groups.Load()), group))
	}
	return explain(fmt.Sprintf("join %s on %s", group, r.link), err)
}

// Leave stops hearing a multicast group. A group that is not heard is no error.
func (r *Receiver) Leave(group netip.Addr) error {
	err := r.membership(group, unix.IP_DROP_MEMBERSHIP, unix.IPV6_LEAVE_GROUP)
	if errors.Is(err, unix.EADDRNOTAVAIL) {
		return nil
	}
	r.setGroups(slices.DeleteFunc(slices.Clone(*r.groups.Load()), func(g netip.Addr) bool { return g == group }))
	return explain(fmt.Sprintf("leave %s on %s", group, r.link), err)
}

func (r *Receiver) setGroups(list []netip.Addr) { r.groups.Store(&list) }

func (r *Receiver) membership(group netip.Addr, v4, v6 int) error {
	if r.v6 {
		m := &unix.IPv6Mreq{Multiaddr: group.As16(), Interface: uint32(r.index)}
		return unix.SetsockoptIPv6Mreq(r.fd, unix.IPPROTO_IPV6, v6, m)
	}
	m := &unix.IPMreqn{Multiaddr: group.As4(), Ifindex: int32(r.index)}
	return unix.SetsockoptIPMreqn(r.fd, unix.IPPROTO_IP, v4, m)
}

// Drops is how many packets the kernel threw away because the buffer was full.
func (r *Receiver) Drops() (uint32, error) {
	var info [9]uint32 // SK_MEMINFO_VARS
	err := getMemInfo(r.fd, &info)
	const drops = 8 // SK_MEMINFO_DROPS (linux/sock_diag.h)
	return info[drops], explain("read the drop counter on "+r.link, err)
}

// TooLong is how many packets were longer than any advert can be.
func (r *Receiver) TooLong() uint64 { return r.tooLong }

// Read fills out with what waits and returns how many there were; none is no
// error. now is the instant of the caller in CLOCK_BOOTTIME, and no packet is
// dated later.
func (r *Receiver) Read(now mono.Instant, out []wire.Datagram) (int, error) {
	room := min(len(out), ringSize)
	r.ring.slots.Prepare(room)
	got, errno := mmsg.Receive(r.fd, r.ring.slots.Msgs[:room])
	switch errno {
	case 0:
	case unix.EAGAIN:
		r.clock.Drained = now
		return 0, nil
	default:
		return 0, explain("read adverts on "+r.link, errno)
	}
	n := r.take(now, got, out)
	if got < room {
		r.clock.Drained = now
	}
	return n, nil
}

func (r *Receiver) take(now mono.Instant, got int, out []wire.Datagram) int {
	ahead, groups := r.clock.SinceEpoch(), *r.groups.Load()
	n := 0
	for i := range got {
		m := &r.ring.slots.Msgs[i]
		if m.Flags&unix.MSG_TRUNC != 0 || int(m.Len) > MaxAdvert {
			r.tooLong++
			continue
		}
		d := &out[n]
		*d = wire.Datagram{Link: r.link, V6: r.v6, Data: r.ring.data[i][:m.Len]}
		stamp := r.describe(d, i)
		if d.Dst.IsMulticast() && !slices.Contains(groups, d.Dst) {
			continue
		}
		d.At = now
		if stamp != 0 {
			d.At = r.clock.Instant(stamp, ahead, now)
		}
		n++
	}
	return n
}

// describe fills in what came with the packet and returns the receive time.
func (r *Receiver) describe(d *wire.Datagram, i int) (stamp time.Duration) {
	if r.v6 {
		d.Src = netip.AddrFrom16([16]byte(r.ring.slots.Names[i][8:24]))
	} else {
		describe4(d)
	}
	for c := range r.ring.slots.Controls(i) {
		switch {
		case c.Level == unix.SOL_SOCKET && c.Kind == unix.SCM_TIMESTAMPNS:
			stamp = mmsg.Timespec(c.Data)
		case c.Level == unix.IPPROTO_IPV6 && c.Kind == unix.IPV6_PKTINFO && len(c.Data) >= 16:
			d.Dst = netip.AddrFrom16([16]byte(c.Data[:16]))
		case c.Level == unix.IPPROTO_IPV6 && c.Kind == unix.IPV6_HOPLIMIT && len(c.Data) >= 4:
			d.HopLimit = uint8(binary.NativeEndian.Uint32(c.Data))
		}
	}
	return stamp
}

// describe4 reads the IPv4 header (RFC 791 section 3.1).
func describe4(d *wire.Datagram) {
	if len(d.Data) < 20 {
		return
	}
	d.HopLimit = d.Data[8]
	d.Src = netip.AddrFrom4([4]byte(d.Data[12:16]))
	d.Dst = netip.AddrFrom4([4]byte(d.Data[16:20]))
}

// getMemInfo reads SO_MEMINFO (kernel 4.12), for which x/sys has no function.
func getMemInfo(fd int, info *[9]uint32) error {
	size := uint32(unsafe.Sizeof(*info))
	_, _, errno := unix.Syscall6(unix.SYS_GETSOCKOPT, uintptr(fd), unix.SOL_SOCKET, unix.SO_MEMINFO,
		uintptr(unsafe.Pointer(info)), uintptr(unsafe.Pointer(&size)), 0)
	if errno != 0 {
		return errno
	}
	return nil
}
