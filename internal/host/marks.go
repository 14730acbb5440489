package host

import (
	"context"
	"fmt"
	"net/netip"
	"slices"
	"strings"
)

// Marked is what the packets of a protocol are marked with that go to some addresses and
// ports, both ends included.
type Marked struct {
	Protocol            uint8 // by its number in the IP header
	First, Last         netip.Addr
	FirstPort, LastPort uint16
	Mark                uint32
}

// String is the line as nft would list it.
func (m Marked) String() string {
	addrs, ports := m.First.String(), fmt.Sprint(m.FirstPort)
	if m.First != m.Last {
		addrs += "-" + m.Last.String()
	}
	if m.FirstPort != m.LastPort {
		ports += "-" + fmt.Sprint(m.LastPort)
	}
	return fmt.Sprintf("%d %s . %s : %d", m.Protocol, addrs, ports, m.Mark)
}

// MarkOp is one transaction on the table of a family: it is made anew with these marks,
// or without any removed.
type MarkOp struct {
	FilterConfig
	V6    bool
	Marks []Marked // none overlaps another
}

// String is the operation as a line.
func (op MarkOp) String() string {
	table := FamilyName(op.V6) + " " + op.Table
	if len(op.Marks) == 0 {
		return "delete table " + table
	}
	lines := make([]string, len(op.Marks))
	for i, m := range op.Marks {
		lines[i] = m.String()
	}
	return fmt.Sprintf("table %s { %s }", table, strings.Join(lines, ", "))
}

// Marker is the door to the marks of packets, in the packet filter of the machine.
type Marker interface {
	// Mark carries out a transaction: all of it, or nothing and an error.
	Mark(MarkOp) error
	// Watch reports what others do to the tables that Mark made, until the context ends.
	Watch(ctx context.Context, report func(FilterChange)) error
	Close() error
}

// Marks knows which packets are to be marked and what was put into the kernel, and names
// the steps between them. As with Filter, tables go by their name, and one that somebody
// else changed, or of which a transaction failed, is made anew.
type Marks struct {
	config FilterConfig
	tables [2]marksTable // of IPv4 and IPv6
}

// marksTable is what one is to hold.
type marksTable struct {
	marks []Marked
	known bool // it holds this and nothing else
}

// Want takes in all that is to be marked. Where two say something of one packet, the
// first counts, and one that names its port before one that does not.
func (m *Marks) Want(c FilterConfig, list []Marked) (ops []MarkOp) {
	if m.config.Table != c.Table {
		ops = m.leave()
	}
	var families [2][]Marked
	for _, one := range disjoint(list) {
		i := family(one.First.Is6())
		families[i] = append(families[i], one)
	}
	same := m.config == c
	m.config = c
	for i, marks := range families {
		t := &m.tables[i]
		t.known = t.known && same && slices.Equal(t.marks, marks)
		t.marks = marks
	}
	return append(ops, m.Retry()...)
}

// leave removes what is there under another name.
func (m *Marks) leave() (ops []MarkOp) {
	if m.config.Table != "" {
		ops = []MarkOp{{FilterConfig: m.config}, {FilterConfig: m.config, V6: true}}
	}
	m.tables = [2]marksTable{}
	return ops
}

// Inherit names the table that an earlier run left; empty: none.
func (m *Marks) Inherit(table string) { m.config.Table = table }

// InUse is the table that is, or may be, in the kernel because of us; empty: none.
func (m *Marks) InUse() string {
	for _, t := range m.tables {
		if len(t.marks) > 0 || !t.known {
			return m.config.Table
		}
	}
	return ""
}

// Retry makes those tables anew of which it is not known what they hold.
func (m *Marks) Retry() (ops []MarkOp) {
	for i, t := range m.tables {
		if !t.known && m.config.Table != "" {
			ops = append(ops, MarkOp{FilterConfig: m.config, V6: i == 1, Marks: t.marks})
		}
	}
	return ops
}

// Done takes in what came of a transaction. A removal fails where there is no packet
// filter, and then there is nothing to remove.
func (m *Marks) Done(op MarkOp, err error) {
	if op.Table == m.config.Table {
		m.tables[family(op.V6)].known = err == nil || len(op.Marks) == 0
	}
}

// Changed makes a table anew that somebody else changed.
func (m *Marks) Changed(c FilterChange) []MarkOp {
	t := &m.tables[family(c.V6)]
	if len(t.marks) == 0 {
		return nil
	}
	t.known = false
	return m.Retry()
}

// disjoint leaves out what others say already.
func disjoint(list []Marked) (all []Marked) {
	list = slices.Clone(list)
	slices.SortStableFunc(list, func(a, b Marked) int { return a.width() - b.width() })
	for _, m := range list {
		left := []Marked{m}
		for _, before := range all {
			left = without(left, before)
		}
		all = append(all, left...)
	}
	return all
}

func (m Marked) width() int { return int(m.LastPort) - int(m.FirstPort) }

// without is what is left of a list beside what o says.
func without(list []Marked, o Marked) (left []Marked) {
	for _, m := range list {
		left = m.beside(left, o)
	}
	return left
}

// beside appends the parts of m that o says nothing of: below and above its addresses,
// and within those below and above its ports.
func (m Marked) beside(left []Marked, o Marked) []Marked {
	if m.Protocol != o.Protocol || m.Last.Less(o.First) || o.Last.Less(m.First) || m.LastPort < o.FirstPort || o.LastPort < m.FirstPort {
		return append(left, m)
	}
	if m.First.Less(o.First) {
		below := m
		below.Last, m.First = o.First.Prev(), o.First
		left = append(left, below)
	}
	if o.Last.Less(m.Last) {
		above := m
		above.First, m.Last = o.Last.Next(), o.Last
		left = append(left, above)
	}
	if m.FirstPort < o.FirstPort {
		below := m
		below.LastPort = o.FirstPort - 1
		left = append(left, below)
	}
	if o.LastPort < m.LastPort {
		above := m
		above.FirstPort = o.LastPort + 1
		left = append(left, above)
	}
	return left
}
