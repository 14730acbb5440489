package netlink

import (
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

// ack is the kernel's answer to one request.
type ack struct {
	seq   uint32
	errno unix.Errno // 0: done
	text  string     // the kernel's own words, if it has any
}

// messages yields the messages in b, each with its header.
func messages(b []byte) iter.Seq[[]byte] {
	return func(yield func([]byte) bool) {
		for len(b) >= unix.SizeofNlMsghdr {
			n := int(binary.NativeEndian.Uint32(b))
			if n < unix.SizeofNlMsghdr || n > len(b) || !yield(b[:n]) {
				return
			}
			b = b[min(align(n), len(b)):]
		}
	}
}

// acks yields the NLMSG_ERROR messages in b.
func acks(b []byte) iter.Seq[ack] {
	return func(yield func(ack) bool) {
		for m := range messages(b) {
			if a, ok := decodeAck(m); ok && !yield(a) {
				return
			}
		}
	}
}

// decodeAck reads struct nlmsgerr: errno, the header of the request, its
// payload unless capped, then attributes.
func decodeAck(m []byte) (a ack, ok bool) {
	const fixed = unix.SizeofNlMsghdr + 4 + unix.SizeofNlMsghdr
	if binary.NativeEndian.Uint16(m[4:]) != unix.NLMSG_ERROR || len(m) < fixed {
		return a, false
	}
	flags := binary.NativeEndian.Uint16(m[6:])
	a.seq = binary.NativeEndian.Uint32(m[8:])
	a.errno = unix.Errno(-int32(binary.NativeEndian.Uint32(m[unix.SizeofNlMsghdr:])))
	if flags&unix.NLM_F_ACK_TLVS == 0 {
		return a, true
	}
	rest := m[fixed:]
	if flags&unix.NLM_F_CAPPED == 0 {
		request := binary.NativeEndian.Uint32(m[unix.SizeofNlMsghdr+4:])
		rest = rest[min(max(int64(request)-unix.SizeofNlMsghdr, 0), int64(len(rest))):]
	}
	for kind, v := range attributes(rest) {
		if kind == unix.NLMSGERR_ATTR_MSG {
			a.text = text(v)
		}
	}
	return a, true
}
