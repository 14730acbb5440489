package main

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"sync"
	"time"

	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/lab/netns"
)

// holdings follows which virtual addresses of a crowd the kernel of a node
// holds, and since when, by the kernel's own messages.
type holdings struct {
	conn *netlink.Conn

	mu    sync.Mutex
	since map[netip.Addr]time.Time
	err   error
}

func openHoldings(node *netns.Node) (*holdings, error) {
	h := &holdings{since: map[netip.Addr]time.Time{}}
	err := node.Do(func() (err error) {
		h.conn, err = netlink.Dial(unix.NETLINK_ROUTE, &netlink.Config{Groups: 1 << (unix.RTNLGRP_IPV4_IFADDR - 1)})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("open netlink on %s: %w", node.Name, err)
	}
	// Thousands of addresses come at once.
	if err := h.conn.SetReadBuffer(16 << 20); err != nil {
		return nil, errors.Join(fmt.Errorf("enlarge the netlink buffer: %w", err), h.conn.Close())
	}
	go h.follow()
	return h, nil
}

func (h *holdings) close() {
	if h != nil {
		h.conn.Close()
	}
}

func (h *holdings) follow() {
	for {
		messages, err := h.conn.Receive()
		h.mu.Lock()
		for _, m := range messages {
			h.note(m)
		}
		h.err = err
		h.mu.Unlock()
		if err != nil {
			return
		}
	}
}

func (h *holdings) note(m netlink.Message) {
	a, ok := localAddress(m.Data)
	if !ok || !crowdNet().Contains(a) {
		return
	}
	switch m.Header.Type {
	case unix.RTM_NEWADDR:
		h.since[a] = time.Now()
	case unix.RTM_DELADDR:
		delete(h.since, a)
	}
}

// localAddress finds IFA_LOCAL in the body of an address message.
func localAddress(body []byte) (netip.Addr, bool) {
	for rest := body[min(unix.SizeofIfAddrmsg, len(body)):]; len(rest) >= unix.SizeofRtAttr; {
		size := int(binary.NativeEndian.Uint16(rest))
		if size < unix.SizeofRtAttr || size > len(rest) {
			break
		}
		if binary.NativeEndian.Uint16(rest[2:]) == unix.IFA_LOCAL {
			return netip.AddrFromSlice(rest[unix.SizeofRtAttr:size])
		}
		rest = rest[min((size+3)&^3, len(rest)):]
	}
	return netip.Addr{}, false
}

// held is how many virtual addresses the node holds, and since when it has held
// the latest of them.
func (h *holdings) held() (n int, last time.Time, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, at := range h.since {
		last = latest(last, at)
	}
	return len(h.since), last, h.err
}

// wait waits until an address is held, and returns since when it is.
func (h *holdings) wait(ctx context.Context, addr netip.Addr) (time.Time, error) {
	for {
		h.mu.Lock()
		at, held := h.since[addr]
		err := h.err
		h.mu.Unlock()
		if held || err != nil {
			return at, err
		}
		if err := pause(ctx, 5*time.Millisecond); err != nil {
			return time.Time{}, fmt.Errorf("wait for %s: %w", addr, err)
		}
	}
}
