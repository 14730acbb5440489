package netlink

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// The kernel says yes to an IPv6 address before it answers for it: the route by
// which packets reach it follows from another thread, mostly within a millisecond.
// Whoever announces the address before that makes others send into nothing.

// deliverLimit is how long it may take on a machine that has much else to do.
const deliverLimit = 200 * time.Millisecond

// awaitDelivery waits until packets reach the IPv6 addresses that ops added. On a link
// that is not running they never do, and duplicate address detection takes its time.
func (w *writer) awaitDelivery(ops []host.Op, errs []error) {
	var left []host.Addr
	for i, op := range ops {
		if errs[i] == nil && op.Verb == host.AddAddr && op.V6() && op.NoDAD && w.links.running(op.Link) {
			left = append(left, op.Addr)
		}
	}
	began := time.Now()
	for pause := 50 * time.Microsecond; len(left) > 0 && time.Since(began) < deliverLimit; pause = min(2*pause, time.Millisecond) {
		if left = w.undelivered(left); len(left) > 0 {
			time.Sleep(pause)
		}
	}
}

// undelivered asks the kernel where it would deliver packets to the addresses, and
// returns those that would not reach this machine.
func (w *writer) undelivered(list []host.Addr) (rest []host.Addr) {
	for from := 0; from < len(list); from += batchSize {
		batch := list[from:min(from+batchSize, len(list))]
		local := w.localTo(batch)
		for i, a := range batch {
			if !local[i] {
				rest = append(rest, a)
			}
		}
	}
	return rest
}

// localTo answers for each address. What cannot be asked counts as local: there is
// nothing to wait for.
func (w *writer) localTo(list []host.Addr) (local []bool) {
	local = make([]bool, len(list))
	w.out = w.out[:0]
	first := w.seq + 1
	for _, a := range list {
		w.seq++
		index, _ := w.links.index(a.Link)
		w.out = appendRequest(w.out, request{unix.RTM_GETROUTE, unix.NLM_F_REQUEST, deliveryQuery(a, index)}, w.seq)
	}
	_, err := unix.Write(w.fd, w.out)
	for answered := 0; err == nil && answered < len(list); {
		var n int
		if n, err = unix.Read(w.fd, w.in); err == unix.EINTR {
			err = nil
			continue
		}
		answered += deliveries(w.in[:max(n, 0)], first, local)
	}
	for i := range local {
		local[i] = local[i] || err != nil
	}
	return local
}

// deliveryQuery asks for the route of a packet that comes in by the link.
func deliveryQuery(a host.Addr, index int) []byte {
	b := make([]byte, unix.SizeofRtMsg)
	b[0], b[1] = unix.AF_INET6, 128
	b = appendIP(b, unix.RTA_DST, a.Prefix.Addr())
	return appendUint32(b, unix.RTA_IIF, uint32(index))
}

// deliveries notes the answers in b to the questions numbered from first on, and
// returns how many are complete.
func deliveries(b []byte, first uint32, local []bool) (complete int) {
	const kind = unix.SizeofNlMsghdr + 7 // rtm_type
	for m := range messages(b) {
		slot := binary.NativeEndian.Uint32(m[8:]) - first
		switch {
		case slot >= uint32(len(local)): // of an earlier batch
		case binary.NativeEndian.Uint16(m[4:]) == unix.NLMSG_ERROR:
			complete++
		case len(m) > kind:
			local[slot] = m[kind] == unix.RTN_LOCAL
		}
	}
	return complete
}
