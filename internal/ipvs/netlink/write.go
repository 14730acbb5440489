package netlink

import (
	"errors"
	"fmt"

	"golang.org/x/sys/unix"

	"holdfast/internal/ipvs"
)

// batchSize is how many requests go in one system call: some 150 KiB.
const batchSize = 1000

// Do carries out ops in order and answers with one error, or nil, for each.
func (k *Kernel) Do(ops []ipvs.Op) []error {
	k.mu.Lock()
	defer k.mu.Unlock()
	errs := make([]error, len(ops))
	for from := 0; from < len(ops); from += batchSize {
		to := min(from+batchSize, len(ops))
		k.batch(ops[from:to], errs[from:to])
	}
	return errs
}

// batch sends requests of which only the last asks for an answer; errors are
// answered in any case.
func (k *Kernel) batch(ops []ipvs.Op, errs []error) {
	s, first, start := k.socket, k.socket.seq+1, 0
	for _, op := range ops {
		start = s.begin(k.family, commandOf(op.Verb), 0)
		s.out = appendOp(s.out, op)
		s.end(start)
	}
	s.acknowledge(start)
	if err := s.send(); err != nil {
		k.unanswered(ops, errs, err)
		return
	}
	last := s.seq
	err := s.receive(func(m message) bool {
		i := int(m.seq - first)
		if m.kind != unix.NLMSG_ERROR || i < 0 || i >= len(ops) {
			return true
		}
		if no := m.errno(); no != 0 {
			errs[i] = &Error{ops[i], no}
		}
		return m.seq != last
	})
	if err != nil {
		k.unanswered(ops, errs, err)
	}
}

// unanswered notes that nobody knows what became of the requests without an
// answer: a look at the table will tell.
func (k *Kernel) unanswered(ops []ipvs.Op, errs []error, err error) {
	err = k.lost("send requests to IPVS", err)
	for i, op := range ops {
		if errs[i] == nil {
			errs[i] = fmt.Errorf("%s: %w", op, err)
		}
	}
}

// Error is an operation that the kernel refused.
type Error struct {
	Op    ipvs.Op
	Errno unix.Errno
}

// Error says what was attempted, why it failed and, where it is known, the fix.
func (e *Error) Error() string {
	if reason := e.reason(); reason != "" {
		return fmt.Sprintf("%s: %s (%v)", e.Op, reason, e.Errno)
	}
	return fmt.Sprintf("%s: %v", e.Op, explained(e.Errno))
}

// reason is what the errno means here; IPVS has no words of its own.
func (e *Error) reason() string {
	service := e.Op.Verb == ipvs.AddService || e.Op.Verb == ipvs.SetService
	server := e.Op.Verb == ipvs.AddServer || e.Op.Verb == ipvs.SetServer
	switch {
	case e.Errno == unix.ESRCH:
		return "there is no such service"
	case e.Errno == unix.ENOENT && service && e.Op.Engine != "":
		return fmt.Sprintf("the kernel has no scheduler %s or no persistence engine %s: they are modules ip_vs_%s and ip_vs_pe_%s",
			e.Op.Scheduler, e.Op.Engine, e.Op.Scheduler, e.Op.Engine)
	case e.Errno == unix.ENOENT && service:
		return fmt.Sprintf("the kernel has no scheduler %s: it is the module ip_vs_%s", e.Op.Scheduler, e.Op.Scheduler)
	case e.Errno == unix.ENOENT:
		return "there is no such destination"
	case e.Errno == unix.ERANGE && server:
		return "the weight or a threshold is out of range: the lower threshold must not exceed the upper"
	case e.Errno == unix.EINVAL && server && e.Op.Is6() != e.Op.Server.Addr().Is6():
		return "a destination of the other family needs a tunnel, and no synchronisation daemon may run"
	case e.Errno == unix.EINVAL && server:
		return "the address is no unicast address, or the loopback of this namespace was never up"
	}
	return ""
}

// Unwrap returns the errno.
func (e *Error) Unwrap() error { return e.Errno }

// Is translates errnos for package ipvs, which knows none. For a service ENOENT
// speaks of its scheduler, and ESRCH of itself; for a destination ENOENT is itself.
func (e *Error) Is(target error) bool {
	switch target {
	case ipvs.ErrExists:
		return e.Errno == unix.EEXIST
	case ipvs.ErrMissing:
		return e.Errno == unix.ENOENT && e.Op.Verb > ipvs.AddServer ||
			e.Errno == unix.ESRCH && (e.Op.Verb == ipvs.DelService || e.Op.Verb == ipvs.DelServer)
	}
	return false
}

// explained adds the fix to errors that any request may meet.
func explained(err error) error {
	switch {
	case errors.Is(err, unix.EPERM):
		return fmt.Errorf("%w: needs CAP_NET_ADMIN", err)
	case errors.Is(err, unix.ENOBUFS), errors.Is(err, unix.ENOMEM):
		return fmt.Errorf("%w: the kernel has no memory for it; it is tried again", err)
	}
	return err
}
