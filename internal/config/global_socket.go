package config

import (
	"fmt"
	"strings"
)

// Sockets are sizes of the buffers of sockets.
type Sockets struct {
	VRRPCommands, VRRPMonitor Buffer // netlink sockets of the VRRP process
	LVSCommands, LVSMonitor   Buffer // those of the checker process
	Processes                 Buffer // the one that tells of processes

	// Adverts is how the buffers that adverts come in by are sized, AdvertBytes
	// the size itself, and AdvertFactor what the others are multiplied by.
	Adverts      BufferPolicy
	AdvertBytes  uint32
	AdvertFactor uint32
}

// Buffer is the size of a receive buffer.
type Buffer struct {
	Bytes uint32 // 0: the kernel's
	Force bool   // even above the limit for all (rmem_max)
}

// BufferPolicy says what decides about the size of a buffer.
type BufferPolicy uint8

// The policies: the kernel, the largest MTU, the largest advert, a number.
const (
	BufferKernel BufferPolicy = iota
	BufferMTU
	BufferAdvert
	BufferBytes
)

// String is the policy as a file has it.
func (p BufferPolicy) String() string { return [...]string{"none", "MTU", "ADVERT", "BYTES"}[p] }

// socketRows are about the buffers of sockets.
func socketRows() []keyword[globals] {
	type row = keyword[globals]
	var rows []row
	buffer := func(word, what string, of func(*Sockets) *Buffer) {
		rows = append(rows,
			row{word: word, form: loose(integer(between(0, 1<<32-1).in("bytes"))), note: "the kernel's",
				meaning: "The receive buffer of " + what + "; 0 is ignored.",
				set: func(g *globals, v value) {
					if v.n == 0 {
						g.b.advise(v.at, word+" 0 is ignored: the size stays the kernel's", "delete it")
						return
					}
					of(&g.Sockets).Bytes = uint32(v.n)
				}},
			row{word: word + "_force", form: boolean(), def: "false",
				meaning: "That buffer may be larger than the limit of the system (net.core.rmem_max).",
				set:     func(g *globals, v value) { of(&g.Sockets).Force = v.on }})
	}
	buffer("vrrp_netlink_cmd_rcv_bufs", "the netlink socket that the VRRP process gives orders by", func(s *Sockets) *Buffer { return &s.VRRPCommands })
	buffer("vrrp_netlink_monitor_rcv_bufs", "the netlink socket that the VRRP process hears of changes by", func(s *Sockets) *Buffer { return &s.VRRPMonitor })
	buffer("process_monitor_rcv_bufs", "the socket that tells of processes for vrrp_track_process", func(s *Sockets) *Buffer { return &s.Processes })
	buffer("lvs_netlink_cmd_rcv_bufs", "the netlink socket that the checker process asks for addresses by (ha_suspend)", func(s *Sockets) *Buffer { return &s.LVSCommands })
	buffer("lvs_netlink_monitor_rcv_bufs", "the netlink socket that the checker process hears of addresses by (ha_suspend)", func(s *Sockets) *Buffer { return &s.LVSMonitor })
	return append(rows,
		row{word: "vrrp_rx_bufs_policy", form: loose(words("MTU | ADVERT | BYTES")), note: "the kernel's size",
			meaning: "The size of the buffers that adverts come in by: by the largest MTU, by the largest advert, or a number of bytes.",
			set:     (*globals).bufferPolicy},
		row{word: "vrrp_rx_bufs_multiplier", form: loose(integer(between(1, 1<<32-1))), def: "3",
			meaning: "How many packets of that size the buffers hold.",
			set:     func(g *globals, v value) { g.Sockets.AdvertFactor = uint32(v.n) }})
}

// bufferPolicy takes a number before words, and MTU before ADVERT.
func (g *globals) bufferPolicy(v value) {
	s := &g.Sockets
	for _, w := range v.words {
		policy := BufferBytes
		switch strings.ToUpper(w.Text) {
		case "MTU":
			policy = BufferMTU
		case "ADVERT":
			policy = BufferAdvert
		default:
			n, ok := g.b.number(call{word: v.node.Keyword}, w, between(0, 1<<32-1))
			if !ok {
				continue
			}
			s.AdvertBytes = uint32(n)
		}
		g.preferPolicy(policy, v)
	}
}

// preferPolicy settles between what is there and what comes.
func (g *globals) preferPolicy(p BufferPolicy, v value) {
	was := g.Sockets.Adverts
	stronger := p
	switch {
	case was == BufferKernel || was == p:
	case was == BufferBytes || was == BufferMTU && p == BufferAdvert:
		stronger = was
		fallthrough
	default:
		g.b.complain(v.at, fmt.Sprintf("vrrp_rx_bufs_policy cannot be both %s and %s; %s counts", was, p, stronger), "a number comes before MTU, and MTU before ADVERT")
	}
	g.Sockets.Adverts = stronger
}
