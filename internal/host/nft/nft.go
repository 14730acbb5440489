// Package nft carries out transactions of package host on the kernel's packet
// filter and reports what others do to the same tables. It decides nothing.
package nft

import (
	"errors"
	"fmt"
	"os"
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
	mu        sync.Mutex
	namespace *os.File // nil: our own
	conn      *nftables.Conn
	sock      *netlink.Conn // of conn
	hears     *netlink.Conn
	watch     watch
}

var (
	_ host.Firewall = (*Firewall)(nil)
	_ host.Marker   = (*Firewall)(nil)
)

// Open opens the sockets. Changes are collected from here on. The filter is that of the
// network namespace whose file is named; empty: of this process.
func Open(namespace string) (*Firewall, error) {
	f := &Firewall{}
	var err error
	if namespace != "" {
		f.namespace, err = os.Open(namespace)
	}
	if err == nil {
		err = f.listen()
	}
	if err == nil {
		err = f.dial()
	}
	switch {
	case err == nil:
		return f, nil
	case errors.Is(err, syscall.EPROTONOSUPPORT):
		err = fmt.Errorf("%w: the kernel lacks nf_tables", err)
	}
	return nil, fmt.Errorf("open the packet filter: %w", errors.Join(err, f.Close()))
}

// inside is the number of the namespace's file, as those who open sockets want it; 0: our own.
func (f *Firewall) inside() int {
	if f.namespace == nil {
		return 0
	}
	return int(f.namespace.Fd())
}

// dial opens a fresh socket for transactions: after an error, answers may be
// left in the old one.
func (f *Firewall) dial() (err error) {
	if f.conn != nil {
		_ = f.conn.CloseLasting()
	}
	f.conn, err = nftables.New(nftables.AsLasting(), nftables.WithNetNSFd(f.inside()), nftables.WithSockOptions(f.prepare))
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
	if f.namespace != nil {
		errs = append(errs, f.namespace.Close())
	}
	return errors.Join(errs...)
}

// transaction is what is to be done to a table, all of it or nothing.
type transaction struct {
	table *nftables.Table
	whole bool // it is made anew, or goes
	// goes names sets: a table that is to go has one of them if we made it, or keepalived.
	goes  []string
	write func(*nftables.Conn) error
}

// Do implements host.Firewall.
func (f *Firewall) Do(op host.FilterOp) error {
	t := transaction{table: tableOf(op.Table, op.V6), whole: op.Whole}
	if op.Whole && op.Sets == 0 {
		for _, s := range host.AllFilterSets.Each() {
			t.goes = append(t.goes, s.String())
		}
	}
	t.write = func(c *nftables.Conn) error { return (&layout{conn: c, op: op, table: t.table}).write() }
	return f.transact(&t)
}

func (f *Firewall) transact(t *transaction) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.watch.of(t.table.Name)
	if err := f.sock.SetReadDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if t.goes != nil && !f.ours(t) {
		return nil
	}
	err := t.write(f.conn)
	if err == nil {
		err = f.conn.Flush()
	}
	if err == nil {
		return nil
	}
	return errors.Join(t.refused(err), f.dial())
}

// ours looks whether there is a table to remove, and one that we or keepalived made.
func (f *Firewall) ours(t *transaction) bool {
	sets, err := f.conn.GetSets(t.table)
	return err == nil && slices.ContainsFunc(sets, func(s *nftables.Set) bool { return slices.Contains(t.goes, s.Name) })
}

func tableOf(name string, v6 bool) *nftables.Table {
	if v6 {
		return &nftables.Table{Family: nftables.TableFamilyIPv6, Name: name}
	}
	return &nftables.Table{Family: nftables.TableFamilyIPv4, Name: name}
}

// refused says what could not be done and, where it is known, the fix.
func (t *transaction) refused(err error) error {
	name := host.FamilyName(t.table.Family == nftables.TableFamilyIPv6) + " " + t.table.Name
	switch {
	case errors.Is(err, syscall.EPERM):
		return fmt.Errorf("change the nftables table %s: %w: needs CAP_NET_ADMIN", name, err)
	case errors.Is(err, syscall.EOPNOTSUPP), errors.Is(err, syscall.EINVAL) && t.whole:
		return fmt.Errorf("change the nftables table %s: %w: the kernel lacks nf_tables or one of its parts", name, err)
	}
	return fmt.Errorf("change the nftables table %s: %w", name, err)
}
