package nft

import (
	"encoding/binary"

	"github.com/google/nftables"
	"github.com/google/nftables/binaryutil"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// layout writes one transaction. The names of sets and chains and the rules are
// keepalived's, so that what reads its tables can read ours.
type layout struct {
	conn  *nftables.Conn
	op    host.FilterOp
	table *nftables.Table
	err   error
}

// Types of ICMPv6 that the rules tell apart.
const (
	routerSolicit   = 133
	neighborSolicit = 135
	neighborAdvert  = 136
	mldReport       = 131
	mldDone         = 132
	mld2Report      = 143
)

// write writes down what is to be done.
func (l *layout) write() error {
	if l.op.Whole {
		l.rebuild()
	}
	l.elements(l.op.Add, l.conn.SetAddElements)
	l.elements(l.op.Del, l.conn.SetDeleteElements)
	return l.err
}

// remove removes a table. Adding it first lets that succeed when it was not there.
func remove(c *nftables.Conn, t *nftables.Table) {
	c.AddTable(t)
	c.DelTable(t)
}

// rebuild replaces the table by one with the sets of op and the rules for them.
func (l *layout) rebuild() {
	remove(l.conn, l.table)
	if l.op.Sets == 0 {
		return
	}
	l.conn.AddTable(l.table)
	for _, s := range l.op.Sets.Each() {
		l.fill(l.setOf(s), nil)
	}
	if l.has(host.VMACs) && l.op.V6 {
		l.fill(l.vmacSet(), nil)
		l.fill(l.icmpTypes("mld-report"), types(mldReport, mldDone, mld2Report))
	}
	if l.guards() && l.op.V6 {
		l.fill(l.icmpTypes("neighbor-discovery"), types(neighborSolicit, neighborAdvert))
	}
	l.rules()
}

func (l *layout) has(s host.FilterSet) bool { return l.op.Sets&s != 0 }

// guards reports whether there are sets of addresses that are shielded.
func (l *layout) guards() bool { return l.op.Sets&^(host.VMACs|host.Parents) != 0 }

func (l *layout) fill(s *nftables.Set, elements []nftables.SetElement) {
	if err := l.conn.AddSet(s, elements); err != nil && l.err == nil {
		l.err = err
	}
}

// setOf describes a set of the table.
func (l *layout) setOf(s host.FilterSet) *nftables.Set {
	set := &nftables.Set{Table: l.table, Name: s.String()}
	switch s {
	case host.VIPs:
		set.KeyType, set.KeyByteOrder = nftables.TypeIPAddr, binaryutil.BigEndian
		if l.op.V6 {
			set.KeyType = nftables.TypeIP6Addr
		}
	case host.LinkLocalVIPs, host.Parents:
		set.KeyType, set.Concatenation = nftables.MustConcatSetType(nftables.TypeIP6Addr, nftables.TypeIFIndex), true
	case host.NamedVIPs:
		set.KeyType, set.Concatenation = nftables.MustConcatSetType(nftables.TypeIP6Addr, nftables.TypeIFName), true
	case host.VMACs:
		set.KeyType, set.DataType, set.IsMap = nftables.TypeIFIndex, nftables.TypeIFIndex, true
		set.KeyByteOrder = binaryutil.NativeEndian
	}
	return set
}

// vmacSet has the keys of vmac_map, for rules that need no parent.
func (l *layout) vmacSet() *nftables.Set {
	return &nftables.Set{Table: l.table, Name: "vmac_set", KeyType: nftables.TypeIFIndex, KeyByteOrder: binaryutil.NativeEndian}
}

func (l *layout) icmpTypes(name string) *nftables.Set {
	return &nftables.Set{Table: l.table, Name: name, KeyType: nftables.TypeICMP6Type, Constant: true}
}

func types(list ...byte) (elements []nftables.SetElement) {
	for _, t := range list {
		elements = append(elements, nftables.SetElement{Key: []byte{t}})
	}
	return elements
}

// chunk is how many elements go in one message: its length has 16 bits.
const chunk = 1000

// elements changes the sets. Those of one set stand together.
func (l *layout) elements(list []host.Element, change func(*nftables.Set, []nftables.SetElement) error) {
	for len(list) > 0 && l.err == nil {
		n := 1
		for n < min(len(list), chunk) && list[n].Set == list[0].Set {
			n++
		}
		l.err = change(l.setOf(list[0].Set), encode(list[:n]))
		if list[0].Set == host.VMACs && l.op.V6 && l.err == nil {
			l.err = change(l.vmacSet(), keys(encode(list[:n])))
		}
		list = list[n:]
	}
}

func encode(list []host.Element) []nftables.SetElement {
	encoded := make([]nftables.SetElement, len(list))
	for i, e := range list {
		switch e.Set {
		case host.LinkLocalVIPs, host.Parents:
			encoded[i].Key = append(e.Addr.AsSlice(), number(e.Index)...)
		case host.NamedVIPs:
			encoded[i].Key = append(e.Addr.AsSlice(), name(e.Name)...)
		case host.VMACs:
			encoded[i].Key, encoded[i].Val = number(e.Index), number(e.Parent)
		default:
			encoded[i].Key = e.Addr.AsSlice()
		}
	}
	return encoded
}

// keys leaves the values out.
func keys(list []nftables.SetElement) []nftables.SetElement {
	for i := range list {
		list[i].Val = nil
	}
	return list
}

func number(n int) []byte { return binary.NativeEndian.AppendUint32(nil, uint32(n)) }

// name is the name, or the kind, of an interface as the kernel compares it.
func name(s string) []byte { return append([]byte(s), make([]byte, unix.IFNAMSIZ-len(s))...) }
