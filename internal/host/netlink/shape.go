package netlink

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"runtime"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// doomed is the group that links are moved to before all of them are deleted with
// one request: each on its own waits 20 ms for the rest of the kernel, a group once.
const doomed = 0x686f6c64

// request is a message of rtnetlink without the header.
type request struct {
	kind, flags uint16
	body        []byte
}

// Shape carries out ops in order and answers with one error, or nil, for each.
// Deletions that follow each other are one, and so is forgetting neighbours.
func (k *Kernel) Shape(ops []host.LinkOp) []error {
	k.writer.mu.Lock()
	defer k.writer.mu.Unlock()
	errs := make([]error, len(ops))
	for from := 0; from < len(ops); {
		to := from + 1
		for to < len(ops) && to-from < linkBatch && phase(ops[to].Verb) == phase(ops[from].Verb) {
			to++
		}
		if ops[from].Verb == host.HushLink {
			k.hush(ops[from:to], errs[from:to])
		} else {
			k.shape(ops[from:to], errs[from:to])
		}
		from = to
	}
	return errs
}

// phase is equal for what is done together.
func phase(v host.LinkVerb) host.LinkVerb {
	if v == host.MakeLink {
		return host.MendLink
	}
	return v
}

// linkBatch is how many requests go in one system call: their answers, an error
// and the kernel's own words for each, fit into the buffer of the socket.
const linkBatch = 256

func (k *Kernel) shape(ops []host.LinkOp, errs []error) {
	list := make([]request, len(ops))
	for i, op := range ops {
		list[i], errs[i] = k.request(op)
	}
	k.writer.ask(list, errs)
	if ops[0].Verb == host.DropLink {
		last := []error{nil}
		k.writer.ask([]request{{unix.RTM_DELLINK, unix.NLM_F_REQUEST, appendUint32(linkHeader(0), unix.IFLA_GROUP, doomed)}}, last)
		for i := range errs {
			errs[i] = errors.Join(errs[i], last[0])
		}
	}
	for i, err := range errs {
		if err != nil {
			errs[i] = &LinkError{Op: ops[i], Err: err}
		}
	}
}

func (k *Kernel) request(op host.LinkOp) (request, error) {
	switch op.Verb {
	case host.MakeLink:
		parent, known := k.links.index(op.Parent)
		if !known {
			return request{}, unix.ENODEV
		}
		return request{unix.RTM_NEWLINK, unix.NLM_F_REQUEST | unix.NLM_F_CREATE | unix.NLM_F_EXCL, makeLink(op, parent)}, nil
	case host.MendLink:
		return request{unix.RTM_NEWLINK, unix.NLM_F_REQUEST, mendLink(op)}, nil
	}
	return request{unix.RTM_NEWLINK, unix.NLM_F_REQUEST, appendUint32(appendName(linkHeader(0), op.Name), unix.IFLA_GROUP, doomed)}, nil
}

// linkHeader is struct ifinfomsg; flags are set and, with them, the mask of what
// is changed.
func linkHeader(flags uint32) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[8:], flags)
	binary.NativeEndian.PutUint32(b[12:], flags)
	return b
}

func appendName(b []byte, name string) []byte {
	return appendAttr(b, unix.IFLA_IFNAME, append([]byte(name), 0))
}

func makeLink(op host.LinkOp, parent int) []byte {
	b := appendName(linkHeader(0), op.Name)
	b = appendUint32(b, unix.IFLA_LINK, uint32(parent))
	b = appendUint32(b, unix.IFLA_GROUP, op.InGroup)
	if op.IPVLAN != host.NoIPVLAN {
		return appendKind(b, "ipvlan", appendUint16(appendUint16(nil, ipvlanMode, ipvlanL2), ipvlanFlags, ipvlanFlag(op.IPVLAN)))
	}
	b = appendAttr(b, unix.IFLA_ADDRESS, op.MAC[:])
	return appendKind(b, "macvlan", appendUint32(nil, macvlanMode, macvlanPrivate))
}

// appendKind says what driver makes the link, and what that driver is told.
func appendKind(b []byte, kind string, data []byte) []byte {
	info := appendAttr(nil, unix.IFLA_INFO_KIND, []byte(kind))
	info = appendAttr(info, unix.IFLA_INFO_DATA|unix.NLA_F_NESTED, data)
	return appendAttr(b, unix.IFLA_LINKINFO|unix.NLA_F_NESTED, info)
}

func appendUint16(b []byte, kind, v uint16) []byte {
	return appendAttr(b, kind, binary.NativeEndian.AppendUint16(nil, v))
}

func ipvlanFlag(v host.IPVLAN) uint16 {
	switch v {
	case host.IPVLANPrivate:
		return ipvlanFlagPrivate
	case host.IPVLANVEPA:
		return ipvlanFlagVEPA
	}
	return 0
}

// mendLink names the link and not its index, which is not known of one that has
// just been made.
func mendLink(op host.LinkOp) []byte {
	b := appendName(linkHeader(unix.IFF_UP), op.Name)
	if op.IPVLAN == host.NoIPVLAN {
		b = appendAttr(b, unix.IFLA_ADDRESS, op.MAC[:])
	}
	b = appendUint32(b, unix.IFLA_GROUP, op.InGroup)
	b = appendUint32(b, unix.IFLA_MASTER, uint32(op.VRF))
	return appendAttr(b, unix.IFLA_IFALIAS, []byte(op.Mark))
}

// ask sends requests in one system call and notes what the kernel says of each.
// What has an error already is not sent.
func (w *writer) ask(list []request, errs []error) {
	w.out, w.slots = w.out[:0], w.slots[:0]
	first := w.seq + 1
	for i, r := range list {
		if errs[i] == nil {
			w.seq++
			w.out = appendRequest(w.out, r, w.seq)
			w.slots = append(w.slots, i)
		}
	}
	if len(w.slots) == 0 {
		return
	}
	_, err := unix.Write(w.fd, w.out)
	for answered := 0; err == nil && answered < len(w.slots); {
		var n int
		if n, err = unix.Read(w.fd, w.in); err == unix.EINTR {
			err = nil
			continue
		}
		answered += w.note(w.in[:max(n, 0)], errs, first)
	}
	if err == nil {
		return
	}
	for _, i := range w.slots {
		errs[i] = errors.Join(errs[i], err)
	}
}

// note sorts answers to their requests and returns how many there were.
func (w *writer) note(b []byte, errs []error, first uint32) (n int) {
	for a := range acks(b) {
		slot := a.seq - first
		if slot >= uint32(len(w.slots)) {
			continue // of an earlier batch
		}
		n++
		if a.errno != 0 {
			errs[w.slots[slot]] = wordy(a)
		}
	}
	return n
}

func wordy(a ack) error {
	if a.text == "" {
		return a.errno
	}
	return fmt.Errorf("%w (%s)", a.errno, a.text)
}

func appendRequest(b []byte, r request, seq uint32) []byte {
	b = binary.NativeEndian.AppendUint32(b, uint32(unix.SizeofNlMsghdr+len(r.body)))
	b = binary.NativeEndian.AppendUint16(b, r.kind)
	b = binary.NativeEndian.AppendUint16(b, r.flags|unix.NLM_F_ACK)
	b = binary.NativeEndian.AppendUint32(b, seq)
	b = binary.NativeEndian.AppendUint32(b, 0)
	return append(b, r.body...)
}

// LinkError is a change of a link that the kernel refused.
type LinkError struct {
	Op  host.LinkOp
	Err error
}

// Error says what was attempted, why it failed and, where it is known, the fix.
func (e *LinkError) Error() string {
	s := fmt.Sprintf("%s: %v", e.attempt(), e.Err)
	switch {
	case errors.Is(e.Err, unix.EPERM):
		return s + ": needs CAP_NET_ADMIN"
	case errors.Is(e.Err, unix.EOPNOTSUPP) && e.Op.IPVLAN != host.NoIPVLAN:
		return s + ": the kernel has no ipvlan: modprobe ipvlan"
	case errors.Is(e.Err, unix.EOPNOTSUPP):
		return s + ": the kernel has no macvlan: modprobe macvlan"
	case errors.Is(e.Err, unix.EBUSY) && e.Op.IPVLAN != host.NoIPVLAN:
		return s + ": the parent is part of a bridge or has macvlans, beside which there can be no ipvlan"
	case errors.Is(e.Err, unix.EBUSY) && e.Op.Verb == host.MakeLink:
		return s + ": the parent is part of a bridge or has another use, or the MAC address is in use on it"
	}
	return s
}

func (e *LinkError) attempt() string {
	switch e.Op.Verb {
	case host.MakeLink:
		return fmt.Sprintf("make %s on %s", e.Op.Name, e.Op.Parent)
	case host.MendLink:
		return "set up " + e.Op.Name
	case host.HushLink:
		return "forget the neighbours of " + e.Op.Name
	}
	return "delete " + e.Op.Name
}

// Unwrap returns the errno.
func (e *LinkError) Unwrap() error { return e.Err }

// Is translates errnos for package host, which knows none.
func (e *LinkError) Is(target error) bool {
	switch target {
	case host.ErrExists:
		return e.Op.Verb == host.MakeLink && errors.Is(e.Err, unix.EEXIST)
	case host.ErrNoLink:
		return errors.Is(e.Err, unix.ENODEV)
	}
	return false
}

// Setting reads a sysctl.
func (k *Kernel) Setting(s host.Sysctl) (value string, err error) {
	ordinarily(func() {
		var b []byte
		b, err = os.ReadFile("/proc/sys/" + s.Path())
		value = strings.TrimSpace(string(b))
	})
	return value, err
}

// Set writes a sysctl.
func (k *Kernel) Set(s host.Sysctl, value string) (err error) {
	ordinarily(func() { err = os.WriteFile("/proc/sys/"+s.Path(), []byte(value), 0) })
	if err != nil {
		return fmt.Errorf("set %s to %s: %w", s.Path(), value, err)
	}
	return nil
}

// ordinarily does something at ordinary priority. Who reads or writes a sysctl of IPv6
// goes round in the kernel until a lock is free that every change of the network
// takes: at real-time priority it would keep the holder of the lock, and everybody
// else, from the processor.
func ordinarily(do func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	was, err := unix.SchedGetAttr(0, 0)
	if err == nil && was.Policy != unix.SCHED_NORMAL {
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL}, 0)
		defer func() { _ = unix.SchedSetAttr(0, was, 0) }()
	}
	do()
}
