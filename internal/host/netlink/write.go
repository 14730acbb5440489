package netlink

import (
	"encoding/binary"
	"errors"
	"sync"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// batchSize is how many messages go in one system call. Between two of them the
// kernel's own work on the IPv6 addresses of the first competes for the lock:
// 1,000 addresses take 10 ms in one batch, 120 ms in four, 290 ms one by one.
const batchSize = 1000

// writer sends requests in batches over a socket of its own.
type writer struct {
	mu       sync.Mutex
	fd       int
	seq      uint32
	links    *table
	unmarked bool // the kernel refuses IFA_PROTO
	out, in  []byte
	slots    []int // the operation that each message of the batch stands for
}

func newWriter(links *table) (*writer, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	w := &writer{fd: fd, links: links, in: make([]byte, 8<<10)}
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.configure()
	return w, nil
}

// configure asks for the kernel's own words in errors, without a copy of the
// request, and for room for an error of every message. All of it may be refused.
func (w *writer) configure() {
	_ = unix.SetsockoptInt(w.fd, unix.SOL_NETLINK, unix.NETLINK_EXT_ACK, 1)
	_ = unix.SetsockoptInt(w.fd, unix.SOL_NETLINK, unix.NETLINK_CAP_ACK, 1)
	_ = unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 4<<20)
	_ = unix.SetsockoptInt(w.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20)
}

func (w *writer) close() error { return unix.Close(w.fd) }

func (w *writer) do(ops []host.Op) []error {
	w.mu.Lock()
	defer w.mu.Unlock()
	errs := make([]error, len(ops))
	for from := 0; from < len(ops); from += batchSize {
		to := min(from+batchSize, len(ops))
		w.batch(ops[from:to], errs[from:to])
	}
	w.awaitDelivery(ops, errs)
	return errs
}

func (w *writer) batch(ops []host.Op, errs []error) {
	w.exchange(ops, errs)
	for i, op := range ops {
		if op.Protocol != 0 && refusesMark(errs[i]) {
			errs[i] = w.withoutMark(op, errs[i])
		}
	}
}

func refusesMark(err error) bool {
	return errors.Is(err, unix.EINVAL) || errors.Is(err, unix.EOPNOTSUPP)
}

// withoutMark tries again what may have been refused for its mark, and
// remembers when that was the reason.
func (w *writer) withoutMark(op host.Op, refused error) error {
	if w.unmarked {
		return refused
	}
	op.Protocol = 0
	var err [1]error
	w.exchange([]host.Op{op}, err[:])
	if err[0] != nil {
		return refused
	}
	w.unmarked = true
	return nil
}

// exchange sends one batch and reads what the kernel says of it. Only the last
// message asks for an answer; errors are answered in any case.
func (w *writer) exchange(ops []host.Op, errs []error) {
	first := w.seq + 1
	w.encode(ops, errs)
	if len(w.slots) == 0 {
		return
	}
	if _, err := unix.Write(w.fd, w.out); err != nil {
		w.failAll(ops, errs, err)
		return
	}
	if err := w.answers(ops, errs, first); err != nil {
		w.failAll(ops, errs, err)
	}
}

func (w *writer) encode(ops []host.Op, errs []error) {
	w.out, w.slots = w.out[:0], w.slots[:0]
	last := 0
	for i, op := range ops {
		before := len(w.out)
		if err := w.encodeOne(op); err != nil {
			errs[i] = &Error{Op: op, Err: err}
		}
		if len(w.out) == before {
			continue // refused
		}
		w.seq++
		last = before
		w.slots = append(w.slots, i)
	}
	if len(w.slots) > 0 {
		flags := binary.NativeEndian.Uint16(w.out[last+6:])
		binary.NativeEndian.PutUint16(w.out[last+6:], flags|unix.NLM_F_ACK)
	}
}

// encodeOne appends the message of an operation.
func (w *writer) encodeOne(op host.Op) (err error) {
	if op.Thing != nil {
		w.out, err = w.appendThing(w.out, op, w.seq+1)
		return err
	}
	index, known := w.links.index(op.Link)
	if !known {
		return unix.ENODEV
	}
	if w.unmarked {
		op.Protocol = 0
	}
	w.out = appendOp(w.out, op, index, w.seq+1)
	return nil
}

// failAll marks what has no verdict of its own.
func (w *writer) failAll(ops []host.Op, errs []error, err error) {
	for _, i := range w.slots {
		if errs[i] == nil {
			errs[i] = &Error{Op: ops[i], Err: err}
		}
	}
}

// errUnanswered: what became of the batch is not known. Trying again is safe.
var errUnanswered = errors.New("the kernel's answer was lost")

// answers reads until the last message is acknowledged. The kernel works
// through a batch before the send returns, so everything is there already.
func (w *writer) answers(ops []host.Op, errs []error, first uint32) error {
	for {
		n, err := unix.Read(w.fd, w.in)
		switch {
		case err == unix.EINTR:
			continue
		case err == unix.EAGAIN, err == unix.ENOBUFS:
			return errUnanswered
		case err != nil:
			return err
		}
		if w.verdicts(w.in[:n], ops, errs, first) {
			return nil
		}
	}
}

// verdicts sorts answers to their operations and reports whether the last has come.
func (w *writer) verdicts(b []byte, ops []host.Op, errs []error, first uint32) (complete bool) {
	for a := range acks(b) {
		slot := a.seq - first
		if slot >= uint32(len(w.slots)) {
			continue // of an earlier batch
		}
		i := w.slots[slot]
		if a.errno != 0 {
			errs[i] = &Error{Op: ops[i], Err: a.errno, Text: a.text}
		}
		complete = complete || slot == uint32(len(w.slots)-1)
	}
	return complete
}
