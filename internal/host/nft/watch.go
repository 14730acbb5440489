package nft

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// watch tells what others do to a table from what we do.
type watch struct {
	mu      sync.Mutex
	table   string
	port    map[uint32]bool // of our sockets
	touched [2]bool         // in the transaction that is being reported
}

// mine notes the number of a socket of ours.
func (w *watch) mine(port uint32) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.port == nil {
		w.port = map[uint32]bool{}
	}
	w.port[port] = true
}

// of notes the name of our tables.
func (w *watch) of(table string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.table = table
}

func (f *Firewall) listen() (err error) {
	f.hears, err = netlink.Dial(unix.NETLINK_NETFILTER, &netlink.Config{NetNS: f.inside()})
	if err != nil {
		return err
	}
	return errors.Join(f.hears.SetReadBuffer(buffer), f.hears.JoinGroup(unix.NFNLGRP_NFTABLES))
}

// Watch implements host.Firewall. The kernel reports a transaction change by
// change and then, with the name of who made it, its end.
func (f *Firewall) Watch(ctx context.Context, report func(host.FilterChange)) error {
	stop := context.AfterFunc(ctx, func() { _ = f.hears.SetReadDeadline(time.Unix(1, 0)) })
	defer stop()
	for {
		msgs, err := f.hears.Receive()
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, unix.ENOBUFS):
			report(host.FilterChange{V6: false})
			report(host.FilterChange{V6: true})
		case err != nil:
			return fmt.Errorf("watch the packet filter: %w", err)
		}
		for _, m := range msgs {
			f.watch.see(m, report)
		}
	}
}

func (w *watch) see(m netlink.Message, report func(host.FilterChange)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	const head = 4 // family, version, resource
	if len(m.Data) < head || w.port[m.Header.PID] || m.Header.Type>>8 != unix.NFNL_SUBSYS_NFTABLES {
		return
	}
	kind, family, attrs := int(m.Header.Type&0xff), m.Data[0], m.Data[head:]
	if kind == unix.NFT_MSG_NEWGEN {
		w.end(attrs, report)
		return
	}
	if w.table == "" || named(attrs) != w.table {
		return
	}
	switch family {
	case unix.NFPROTO_IPV4:
		w.touched[0] = true
	case unix.NFPROTO_IPV6:
		w.touched[1] = true
	}
}

func (w *watch) end(attrs []byte, report func(host.FilterChange)) {
	by := author(attrs)
	for i, touched := range w.touched {
		if touched {
			report(host.FilterChange{V6: i == 1, By: by})
		}
	}
	w.touched = [2]bool{}
}

// named is the table of a change: the first attribute of tables, chains,
// rules, sets and elements alike.
func named(attrs []byte) string {
	const first = 1
	return strings.TrimRight(string(attribute(attrs, first)), "\x00")
}

// author names the process that made a transaction.
func author(attrs []byte) string {
	pid := attribute(attrs, unix.NFTA_GEN_PROC_PID)
	name, _, _ := bytes.Cut(attribute(attrs, unix.NFTA_GEN_PROC_NAME), []byte{0})
	if len(pid) != 4 || len(name) == 0 {
		return ""
	}
	return fmt.Sprintf("%s, process %d", name, binary.BigEndian.Uint32(pid))
}

// attribute finds an attribute; nil if there is none.
func attribute(attrs []byte, kind uint16) []byte {
	d, err := netlink.NewAttributeDecoder(attrs)
	if err != nil {
		return nil
	}
	for d.Next() {
		if d.Type() == kind {
			return d.Bytes()
		}
	}
	return nil
}
