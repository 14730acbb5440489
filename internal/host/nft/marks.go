package nft

import (
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"github.com/google/nftables/expr"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// mapOf are the maps from address and port to mark, by protocol, as keepalived calls them.
func mapOf(protocol uint8) string {
	switch protocol {
	case unix.IPPROTO_TCP:
		return "tcp_map"
	case unix.IPPROTO_UDP:
		return "udp_map"
	}
	return "sctp_map"
}

// Mark implements host.Marker.
func (f *Firewall) Mark(op host.MarkOp) error {
	t := transaction{table: tableOf(op.Table, op.V6), whole: true}
	if len(op.Marks) == 0 {
		t.goes = []string{mapOf(unix.IPPROTO_TCP), mapOf(unix.IPPROTO_UDP), mapOf(unix.IPPROTO_SCTP)}
	}
	t.write = func(c *nftables.Conn) error { return (&marking{layout{conn: c, table: t.table}, op}).write() }
	return f.transact(&t)
}

// marking writes one transaction of marks.
type marking struct {
	layout
	op host.MarkOp
}

// write replaces the table.
func (m *marking) write() error {
	remove(m.conn, m.table)
	if len(m.op.Marks) == 0 {
		return nil
	}
	m.conn.AddTable(m.table)
	m.layout.op = host.FilterOp{FilterConfig: m.op.FilterConfig, V6: m.op.V6}
	in := m.hook("in", nftables.ChainHookInput)
	for _, protocol := range []uint8{unix.IPPROTO_TCP, unix.IPPROTO_UDP, unix.IPPROTO_SCTP} {
		if marks := m.of(protocol); len(marks) > 0 {
			m.fillMap(mapOf(protocol), marks)
			m.lookUp(in, protocol)
		}
	}
	return m.err
}

func (m *marking) of(protocol uint8) []host.Marked {
	return slices.DeleteFunc(slices.Clone(m.op.Marks), func(one host.Marked) bool { return one.Protocol != protocol })
}

// fillMap makes a map. One with ranges needs Linux 5.6, one without them does not.
func (m *marking) fillMap(name string, marks []host.Marked) {
	addr := nftables.TypeIPAddr
	if m.op.V6 {
		addr = nftables.TypeIP6Addr
	}
	ranges := slices.ContainsFunc(marks, func(one host.Marked) bool { return one.First != one.Last || one.FirstPort != one.LastPort })
	set := &nftables.Set{Table: m.table, Name: name, IsMap: true, Concatenation: true, Interval: ranges,
		KeyType: nftables.MustConcatSetType(addr, nftables.TypeInetService), DataType: nftables.TypeMark, KeyByteOrder: binaryutil.BigEndian}
	m.fill(set, nil)
	for part := range slices.Chunk(marks, chunk) {
		elements := make([]nftables.SetElement, len(part))
		for i, one := range part {
			elements[i] = element(one, ranges)
		}
		if m.err == nil {
			m.err = m.conn.SetAddElements(set, elements)
		}
	}
}

func element(m host.Marked, ranges bool) nftables.SetElement {
	e := nftables.SetElement{Key: append(m.First.AsSlice(), port(m.FirstPort)...), Val: number(int(m.Mark))}
	if ranges {
		e.KeyEnd = append(m.Last.AsSlice(), port(m.LastPort)...)
	}
	return e
}

// port is one as part of a key, of which each begins at a word.
func port(n uint16) []byte { return append(binaryutil.BigEndian.PutUint16(n), 0, 0) }

// lookUp marks the packets of a protocol that the map has.
func (m *marking) lookUp(in *nftables.Chain, protocol uint8) {
	const behindIPv4 = unix.NFT_REG32_01
	where := uint32(behindIPv4)
	if m.op.V6 {
		where = second
	}
	m.rule(in, expr.VerdictReturn,
		&expr.Meta{Key: expr.MetaKeyL4PROTO, Register: first}, equals(protocol), m.daddr(),
		&expr.Payload{DestRegister: where, Base: expr.PayloadBaseTransportHeader, Offset: 2, Len: 2},
		&expr.Lookup{SourceRegister: first, DestRegister: first, IsDestRegSet: true, SetName: mapOf(protocol)},
		&expr.Meta{Key: expr.MetaKeyMARK, SourceRegister: true, Register: first})
}
