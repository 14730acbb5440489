// Package nft carries out transactions of package host on the kernel's packet
// filter and reports what others do to the same tables. It decides nothing.
package nft

import (
	"errors"
	"fmt"
	"slices"
	"sync"
	"syscall"
	"time"

	"github.com/google/nftables"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// buffer is room for a transaction of some ten thousand elements.
const buffer = 4 << 20

// patience is how long the kernel's answer is waited for: it works a transaction
// off before the send returns, and then waits for what runs on other processors.
const patience = 5 * time.Second

// Firewall is the packet filter of the namespace it was opened in.
type Firewall struct {
	mu    sync.Mutex
	conn  *nftables.Conn
	sock  *netlink.Conn // of conn
	hears *netlink.Conn
	watch watch
}

var _ host.Firewall = (*Firewall)(nil)

// Open opens the sockets. Changes are collected from here on.
func Open() (*Firewall, error) {
	f := &Firewall{}
	if err := errors.Join(f.listen(), f.dial()); err != nil {
		return nil, fmt.Errorf("open the packet filter: %w", errors.Join(err, f.Close()))
	}
	return f, nil
}

// dial opens a fresh socket for transactions: after an error, answers may be
// left in the old one.
func (f *Firewall) dial() (err error) {
	if f.conn != nil {
		_ = f.conn.CloseLasting()
	}
	f.conn, err = nftables.New(nftables.AsLasting(), nftables.WithSockOptions(f.prepare))
	return err
}

// prepare makes room and notes the number that the kernel's reports will carry.
func (f *Firewall) prepare(c *netlink.Conn) error {
	f.sock = c
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	return errors.Join(c.SetWriteBuffer(buffer), c.SetReadBuffer(buffer), raw.Control(func(fd uintptr) {
		if a, err := unix.Getsockname(int(fd)); err == nil {
			f.watch.mine(a.(*unix.SockaddrNetlink).Pid)
		}
	}))
}

// Close closes the sockets; a Watch under way ends.
func (f *Firewall) Close() error {
	var errs []error
	if f.conn != nil {
		errs = append(errs, f.conn.CloseLasting())
	}
	if f.hears != nil {
		errs = append(errs, f.hears.Close())
	}
	return errors.Join(errs...)
}

// Do implements host.Firewall.
func (f *Firewall) Do(op host.FilterOp) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watch.of(op.Table)
	if err := f.sock.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if op.Whole && op.Sets == 0 && !f.ours(op) {
		return nil
	}
	err := f.transact(op)
	if err == nil {
		return nil
	}
	return errors.Join(refused(op, err), f.dial())
}

// ours looks whether there is a table to remove, and one that we or keepalived
// made: somebody else's table of that name has none of the sets.
func (f *Firewall) ours(op host.FilterOp) bool {
	sets, err := f.conn.GetSets(&nftables.Table{Family: familyOf(op), Name: op.Table})
	if err != nil {
		return false
	}
	return slices.ContainsFunc(sets, func(s *nftables.Set) bool {
		return slices.ContainsFunc(host.AllFilterSets.Each(), func(known host.FilterSet) bool { return s.Name == known.String() })
	})
}

func (f *Firewall) transact(op host.FilterOp) error {
	l := layout{conn: f.conn, op: op, table: &nftables.Table{Family: familyOf(op), Name: op.Table}}
	if op.Whole {
		l.rebuild()
	}
	l.elements(op.Add, f.conn.SetAddElements)
	l.elements(op.Del, f.conn.SetDeleteElements)
	if l.err != nil {
		return l.err
	}
	return f.conn.Flush()
}

func familyOf(op host.FilterOp) nftables.TableFamily {
	if op.V6 {
		return nftables.TableFamilyIPv6
	}
	return nftables.TableFamilyIPv4
}

// refused says what could not be done and, where it is known, the fix.
func refused(op host.FilterOp, err error) error {
	name := host.FamilyName(op.V6) + " " + op.Table
	switch {
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("change the nftables table %s: %w: needs CAP_NET_ADMIN", name, err)
	case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EINVAL) && op.Whole:
		return fmt.Errorf("change the nftables table %s: %w: the kernel lacks nf_tables or one of its parts", name, err)
	}
	return fmt.Errorf("change the nftables table %s: %w", name, err)
}
