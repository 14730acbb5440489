// Package netlink applies plans of package host to the kernel and reports what
// the kernel holds and what changes in it. It decides nothing.
package netlink

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	nl "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// readBuffer is what may wait in a socket: 4,000 addresses that change at once
// are about 4 MiB, counted as the kernel counts.
const readBuffer = 8 << 20

// dumpBuffer is what one read takes; the kernel fills answers up to 32 KiB.
const dumpBuffer = 64 << 10

// Kernel is the network stack of the namespace it was opened in. Do, Observe
// and Watch may run at the same time.
type Kernel struct {
	links  table
	writer *writer
	asks   *nl.Conn
	hears  *nl.Conn

	// order lets Watch take in a report either before a dump begins or after
	// the table is what the dump found: a newer report is never overwritten.
	order    sync.Mutex
	reported map[int]host.Link // by Watch, to leave out repetitions
}

var _ host.Kernel = (*Kernel)(nil)

// Open opens the sockets. Changes are collected from here on, so that none is
// missed between the first Observe and Watch.
func Open() (*Kernel, error) {
	k := &Kernel{reported: map[int]host.Link{}}
	k.links.reset(nil)
	if err := k.open(); err != nil {
		k.Close()
		return nil, fmt.Errorf("open netlink sockets: %w", err)
	}
	return k, nil
}

func (k *Kernel) open() (err error) {
	if k.writer, err = newWriter(&k.links); err != nil {
		return err
	}
	if k.asks, err = dial(0); err != nil {
		return err
	}
	k.hears, err = dial(groups)
	return err
}

// groups are what Watch hears of: links, addresses, routes and rules.
const groups = unix.RTMGRP_LINK | unix.RTMGRP_IPV4_IFADDR | unix.RTMGRP_IPV6_IFADDR |
	unix.RTMGRP_IPV4_ROUTE | unix.RTMGRP_IPV6_ROUTE | unix.RTMGRP_IPV4_RULE | 1<<(unix.RTNLGRP_IPV6_RULE-1)

func dial(groups uint32) (*nl.Conn, error) {
	c, err := nl.Dial(unix.NETLINK_ROUTE, &nl.Config{Groups: groups, Strict: true, MessageBufferSize: dumpBuffer})
	if err != nil {
		return nil, err
	}
	return c, c.SetReadBuffer(readBuffer)
}

// Buffer is the size of a receive buffer that somebody demands.
type Buffer struct {
	Bytes uint32 // 0: as it is
	Force bool   // above the limit for all (rmem_max), too
}

// SetBuffers sets the receive buffers of the sockets that give orders and ask,
// and of the one that hears of changes.
func (k *Kernel) SetBuffers(commands, monitor Buffer) error {
	k.order.Lock()
	defer k.order.Unlock()
	return errors.Join(commands.set(k.writer.fd), commands.on(k.asks), monitor.on(k.hears))
}

func (b Buffer) on(c *nl.Conn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	err = raw.Control(func(fd uintptr) { failed = b.set(int(fd)) })
	return errors.Join(err, failed)
}

func (b Buffer) set(fd int) error {
	option := unix.SO_RCVBUF
	switch {
	case b.Bytes == 0:
		return nil
	case b.Force:
		option = unix.SO_RCVBUFFORCE
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, int(min(b.Bytes, 1<<30))); err != nil {
		return fmt.Errorf("give a netlink socket a buffer of %d bytes: %w", b.Bytes, err)
	}
	return nil
}

// Close closes the sockets; a Watch under way ends.
func (k *Kernel) Close() error {
	var errs []error
	for _, c := range []*nl.Conn{k.asks, k.hears} {
		if c != nil {
			errs = append(errs, c.Close())
		}
	}
	if k.writer != nil {
		errs = append(errs, k.writer.close())
	}
	return errors.Join(errs...)
}

// Observe reads all links, all addresses, and the routes and rules that carry our mark. Do and Watch know the links from here.
func (k *Kernel) Observe() (host.State, error) {
	k.order.Lock()
	defer k.order.Unlock()
	s := host.State{Links: map[string]host.Link{}, Addrs: map[host.Addr]host.AddrOpts{}}
	names := map[int]string{}
	if err := k.observeLinks(&s, names); err != nil {
		return s, errors.Join(fmt.Errorf("list links: %w", err), k.askAnew())
	}
	if err := k.observeAddrs(&s, names); err != nil {
		return s, errors.Join(fmt.Errorf("list addresses: %w", err), k.askAnew())
	}
	if err := k.observeThings(&s, names); err != nil {
		return s, errors.Join(err, k.askAnew())
	}
	k.links.reset(s.Links)
	return s, nil
}

func (k *Kernel) observeLinks(s *host.State, names map[int]string) error {
	return k.dump(unix.RTM_GETLINK, linkQuery(), func(m []byte) error {
		l, err := decodeLink(m)
		if err == nil && l.Name != "" {
			s.Links[l.Name], names[l.Index] = l, l.Name
		}
		return err
	})
}

// observeAddrs leaves out addresses of links that came after the links were listed.
func (k *Kernel) observeAddrs(s *host.State, names map[int]string) error {
	return k.dump(unix.RTM_GETADDR, addrQuery(), func(m []byte) error {
		index, w, err := decodeAddr(m)
		if name, known := names[index]; known && err == nil {
			w.Link, w.Order = name, len(s.Addrs)
			s.Addrs[w.Addr] = w.AddrOpts
		}
		return err
	})
}

// observeThings has the kernel leave out the routes of others: there may be a
// million of them. A kernel without IPv6 answers with those of IPv4 once more.
func (k *Kernel) observeThings(s *host.State, names map[int]string) error {
	for _, family := range []byte{unix.AF_INET, unix.AF_INET6} {
		if err := k.dump(unix.RTM_GETROUTE, routeQuery(family), func(m []byte) error {
			if len(m) < unix.SizeofRtMsg || m[0] != family || m[5] != host.Protocol {
				return nil
			}
			r, err := decodeRoute(m, func(i int) string { return names[i] })
			s.Things = append(s.Things, r)
			return err
		}); err != nil {
			return fmt.Errorf("list routes: %w", err)
		}
		if err := k.dump(unix.RTM_GETRULE, ruleQuery(family), func(m []byte) error {
			r, err := decodeRule(m)
			if err == nil && m[0] == family && r.Protocol == host.Protocol {
				s.Things = append(s.Things, r)
			}
			return err
		}); err != nil && !errors.Is(err, unix.EOPNOTSUPP) && !errors.Is(err, unix.EAFNOSUPPORT) {
			return fmt.Errorf("list rules: %w", err)
		}
	}
	return nil
}

// askAnew replaces a socket on which an answer was lost: what is left of it
// would be taken for the answer to the next question.
func (k *Kernel) askAnew() error {
	_ = k.asks.Close()
	c, err := dial(0)
	if err == nil {
		k.asks = c
	}
	return err
}

// dumpAttempts is how often a dump that changed under way is begun anew.
const dumpAttempts = 10

func (k *Kernel) dump(kind nl.HeaderType, query []byte, each func([]byte) error) error {
	for range dumpAttempts {
		msgs, err := k.asks.Execute(nl.Message{
			Header: nl.Header{Type: kind, Flags: nl.Request | nl.Dump},
			Data:   query,
		})
		if err != nil {
			return err
		}
		if interrupted(msgs) {
			continue
		}
		return decodeAll(msgs, each)
	}
	return errors.New("it changes faster than it can be read")
}

func interrupted(msgs []nl.Message) bool {
	for _, m := range msgs {
		if m.Header.Flags&nl.DumpInterrupted != 0 {
			return true
		}
	}
	return false
}

func decodeAll(msgs []nl.Message, each func([]byte) error) error {
	for _, m := range msgs {
		if err := each(m.Data); err != nil {
			return err
		}
	}
	return nil
}

// Do carries out ops in order, hundreds to a system call, and answers with one
// error, or nil, for each. It blocks while the kernel works: some ten
// microseconds for an address.
func (k *Kernel) Do(ops []host.Op) []error {
	errs := k.writer.do(ops)
	k.doubt(ops, errs)
	return errs
}

// doubt looks whether routes that are to be the only ones are there, where the kernel
// says so: it says the same when it is another route.
func (k *Kernel) doubt(ops []host.Op, errs []error) {
	var found *host.State
	for i, op := range ops {
		r, isRoute := op.Thing.(*host.Route)
		if !isRoute || r.Placement != host.Exclusive || r.Protocol != host.Protocol || !errors.Is(errs[i], host.ErrExists) {
			continue
		}
		if found == nil {
			state, err := k.Observe()
			if err != nil {
				return // the next report of a change, or the next start, asks again
			}
			found = &state
		}
		if !found.Has(r) {
			errs[i] = &Error{Op: op, Err: errOccupied}
		}
	}
}

// Watch reports changes of links and addresses until ctx ends, which is no
// error. report is not to call back. Watch is called once; reports on
// addresses of links not yet known are left to the first Observe.
func (k *Kernel) Watch(ctx context.Context, report func(host.Change)) error {
	stop := context.AfterFunc(ctx, func() { _ = k.hears.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		msgs, err := k.hears.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			report(host.Change{Resync: true})
		case err != nil:
			return fmt.Errorf("watch the network stack: %w", err)
		}
		k.takeIn(msgs, report)
	}
}

func (k *Kernel) takeIn(msgs []nl.Message, report func(host.Change)) {
	k.order.Lock()
	defer k.order.Unlock()
	for _, m := range msgs {
		k.changed(m, report)
	}
}

// changed leaves out what cannot be decoded: it is no link or address that we
// could act on, and the next Observe would stumble over it and say so.
func (k *Kernel) changed(m nl.Message, report func(host.Change)) {
	switch m.Header.Type {
	case unix.RTM_NEWLINK:
		if l, err := decodeLink(m.Data); err == nil && l.Name != "" {
			k.linkSeen(l, report)
		}
	case unix.RTM_DELLINK:
		if l, err := decodeLink(m.Data); err == nil && l.Name != "" {
			k.links.remove(l.Index)
			delete(k.reported, l.Index)
			report(host.Change{Gone: true, Link: &l})
		}
	case unix.RTM_NEWADDR, unix.RTM_DELADDR:
		index, w, err := decodeAddr(m.Data)
		name, known := k.links.name(index)
		if err == nil && known {
			w.Link = name
			report(host.Change{Gone: m.Header.Type == unix.RTM_DELADDR, Addr: &w})
		}
	default:
		k.routed(m, report)
	}
}

// routed reports a route that went, or that another one took the place of, and a
// rule that went. What merely comes is no concern of ours: whole tables do.
func (k *Kernel) routed(m nl.Message, report func(host.Change)) {
	replaced := m.Header.Type == unix.RTM_NEWROUTE && m.Header.Flags&nl.Replace != 0
	switch {
	case m.Header.Type == unix.RTM_DELROUTE, replaced:
		if r, err := decodeRoute(m.Data, k.links.nameOf); err == nil {
			report(host.Change{Gone: true, Thing: r})
		}
	case m.Header.Type == unix.RTM_DELRULE:
		if r, err := decodeRule(m.Data); err == nil {
			report(host.Change{Gone: true, Thing: r})
		}
	}
}

// linkSeen reports what differs from the last report. A new name takes the
// addresses along, so everything is to be looked at again.
func (k *Kernel) linkSeen(l host.Link, report func(host.Change)) {
	last, repeated := k.reported[l.Index]
	k.reported[l.Index] = l
	old, known := k.links.put(l)
	switch {
	case repeated && last == l:
	case known && old.Name != l.Name:
		report(host.Change{Gone: true, Link: &old})
		report(host.Change{Link: &l})
		report(host.Change{Resync: true})
	default:
		report(host.Change{Link: &l})
	}
}
