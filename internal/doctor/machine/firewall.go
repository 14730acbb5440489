package machine

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"slices"

	"github.com/google/nftables"
	"github.com/google/nftables/expr"
	"github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/doctor"
)

// fate is what becomes of a packet, as far as it is certain.
type fate uint8

const (
	goesOn fate = iota // to the next rule
	returns
	accepted
	dropped
	unsure
)

// firewall is the rules of the kernel, those that iptables-nft made included.
type firewall struct {
	conn   *nftables.Conn
	chains []*nftables.Chain
	rules  map[*nftables.Chain][]*nftables.Rule
	sets   map[string][]nftables.SetElement
	// devices are those of base chains of the family netdev, by place.
	devices map[string][]string
}

// readFirewall reads all rules. A kernel without nftables has none.
func readFirewall() (*firewall, error) {
	conn, err := nftables.New()
	if err != nil {
		return nil, fmt.Errorf("open nftables: %w", err)
	}
	f := &firewall{conn: conn, rules: map[*nftables.Chain][]*nftables.Rule{}, sets: map[string][]nftables.SetElement{}}
	if f.chains, err = conn.ListChains(); err != nil {
		return nil, fmt.Errorf("list the chains of nftables: %w", err)
	}
	for _, c := range f.chains {
		if f.rules[c], err = conn.GetRules(c.Table, c); err != nil {
			return nil, fmt.Errorf("list the rules of %s: %w", c.Name, err)
		}
	}
	f.devices, err = readDevices()
	return f, err
}

// obstacle is what certainly drops a packet; ok is false if nothing does.
func (f *firewall) obstacle(p packet) (o doctor.Obstacle, ok bool) {
	for _, c := range f.chains {
		if !p.meets(c, f.devices[place(c)]) {
			continue
		}
		w := walk{firewall: f, packet: p}
		if w.base(c) == dropped {
			return doctor.Obstacle{Packet: p.Packet, By: w.by, Fix: fix(c, p)}, true
		}
	}
	return o, false
}

// family is the word of nft.
func family(t *nftables.Table) string {
	switch t.Family {
	case nftables.TableFamilyIPv4:
		return "ip"
	case nftables.TableFamilyIPv6:
		return "ip6"
	case nftables.TableFamilyARP:
		return "arp"
	case nftables.TableFamilyBridge:
		return "bridge"
	case nftables.TableFamilyNetdev:
		return "netdev"
	}
	return "inet"
}

// place names a chain as nft does.
func place(c *nftables.Chain) string {
	return fmt.Sprintf("%s %s %s", family(c.Table), c.Table.Name, c.Name)
}

func fix(c *nftables.Chain, p packet) string {
	what := "meta l4proto 112 "
	switch {
	case p.ARP && c.Table.Family == nftables.TableFamilyARP:
		what = ""
	case p.ARP:
		what = "meta protocol arp "
	}
	return fmt.Sprintf("nft insert rule %s %saccept, and in the file that it comes from", place(c), what)
}

// walk is one packet on its way through a base chain.
type walk struct {
	*firewall
	packet
	by string
}

func (w *walk) base(c *nftables.Chain) fate {
	switch how := w.chain(c, 0); {
	case how != goesOn && how != returns:
		return how
	case c.Policy != nil && *c.Policy == nftables.ChainPolicyDrop:
		w.by = fmt.Sprintf("table %s %s, chain %s accepts nothing of the kind, and its policy is drop", family(c.Table), c.Table.Name, c.Name)
		return dropped
	}
	return accepted
}

// chain follows jumps as deep as the kernel does.
func (w *walk) chain(c *nftables.Chain, depth int) fate {
	const deepest = 16
	if c == nil || depth > deepest {
		return unsure
	}
	for i, r := range w.rules[c] {
		how := w.rule(c, r, depth)
		if how == dropped && w.by == "" {
			w.by = fmt.Sprintf("table %s %s, chain %s, rule %d", family(c.Table), c.Table.Name, c.Name, i+1)
		}
		if how != goesOn {
			return how
		}
	}
	return goesOn
}

// rule is what a rule does. What it looks for may be unknown: then it is not blamed
// for dropping, and may have accepted.
func (w *walk) rule(c *nftables.Chain, r *nftables.Rule, depth int) fate {
	m := match{walk: w, table: c.Table, registers: map[uint32]value{}}
	for _, e := range r.Exprs {
		verdict, final := m.step(e)
		if m.no {
			return goesOn
		}
		if final {
			return w.follow(c.Table, verdict, depth, m.unknown)
		}
	}
	return goesOn
}

func (w *walk) follow(t *nftables.Table, v *expr.Verdict, depth int, unknown bool) fate {
	how := goesOn
	switch v.Kind {
	case expr.VerdictAccept, expr.VerdictStop, verdictQueue:
		how = accepted
	case expr.VerdictDrop:
		how = dropped
	case expr.VerdictReturn:
		how = returns
	case expr.VerdictJump:
		if how = w.chain(w.named(t, v.Chain), depth+1); how == returns {
			how = goesOn
		}
	case expr.VerdictGoto:
		if how = w.chain(w.named(t, v.Chain), depth+1); how == goesOn {
			how = returns
		}
	}
	switch {
	case unknown && how == dropped:
		w.by = ""
		return goesOn
	case unknown && how != goesOn:
		return unsure
	}
	return how
}

// verdictQueue hands the packet to a program.
const verdictQueue expr.VerdictKind = 3

func (w *walk) named(t *nftables.Table, name string) *nftables.Chain {
	i := slices.IndexFunc(w.chains, func(c *nftables.Chain) bool {
		return c.Name == name && c.Table.Name == t.Name && c.Table.Family == t.Family
	})
	if i < 0 {
		return nil
	}
	return w.chains[i]
}

// value is what a register holds.
type value struct {
	bytes []byte
	known bool
}

// match is a rule in the course of being asked.
type match struct {
	*walk
	table       *nftables.Table
	registers   map[uint32]value
	no, unknown bool
}

// step takes one expression; final says that there is a verdict.
func (m *match) step(e expr.Any) (v *expr.Verdict, final bool) {
	switch e := e.(type) {
	case *expr.Meta:
		if !e.SourceRegister {
			m.registers[e.Register] = m.meta(e.Key, m.table.Family)
		}
	case *expr.Payload:
		if e.OperationType == expr.PayloadLoad {
			m.registers[e.DestRegister] = m.payload(e)
		}
	case *expr.Ct:
		if !e.SourceRegister {
			m.registers[e.Register] = m.tracked(e.Key)
		}
	case *expr.Bitwise:
		m.registers[e.DestRegister] = mask(m.registers[e.SourceRegister], e)
	case *expr.Cmp:
		m.compare(m.registers[e.Register], e.Op, e.Data)
	case *expr.Range:
		m.within(m.registers[e.Register], e)
	case *expr.Lookup:
		return m.lookup(e)
	case *expr.Verdict:
		return e, true
	case *expr.Reject:
		return &expr.Verdict{Kind: expr.VerdictDrop}, true
	case *expr.Counter, *expr.Log, *expr.Notrack, *expr.Immediate, *expr.Objref, *expr.NAT, *expr.Masq:
	case *expr.Target: // of iptables
		return &expr.Verdict{Kind: expr.VerdictDrop}, e.Name == "REJECT"
	default:
		m.unknown = true
	}
	return nil, false
}

func (m *match) demand(v value, holds func([]byte) bool) {
	switch {
	case !v.known:
		m.unknown = true
	case !holds(v.bytes):
		m.no = true
	}
}

func (m *match) compare(v value, op expr.CmpOp, with []byte) {
	m.demand(v, func(b []byte) bool {
		n := bytes.Compare(b[:min(len(b), len(with))], with)
		switch op {
		case expr.CmpOpEq:
			return n == 0
		case expr.CmpOpNeq:
			return n != 0
		case expr.CmpOpLt:
			return n < 0
		case expr.CmpOpLte:
			return n <= 0
		case expr.CmpOpGt:
			return n > 0
		}
		return n >= 0
	})
}

func (m *match) within(v value, e *expr.Range) {
	m.demand(v, func(b []byte) bool {
		inside := bytes.Compare(b, e.FromData) >= 0 && bytes.Compare(b, e.ToData) <= 0
		return inside == (e.Op == expr.CmpOpEq)
	})
}

// lookup asks a set, or a map of verdicts. What is looked for by several fields at
// once is left unknown.
func (m *match) lookup(e *expr.Lookup) (v *expr.Verdict, final bool) {
	key := m.registers[e.SourceRegister]
	elements, ok := m.elements(e.SetName)
	if !key.known || !ok {
		m.unknown = true
		return &expr.Verdict{Kind: expr.VerdictAccept}, e.IsDestRegSet && e.DestRegister == unix.NFT_REG_VERDICT
	}
	found := find(elements, key.bytes)
	if (found != nil) == e.Invert {
		m.no = true
		return nil, false
	}
	switch {
	case found == nil || !e.IsDestRegSet:
	case e.DestRegister == unix.NFT_REG_VERDICT:
		v, err := verdict(found.Val)
		m.unknown = m.unknown || err != nil
		return v, err == nil
	default:
		m.registers[e.DestRegister] = value{found.Val, true}
	}
	return nil, false
}

// verdict reads that of an element of a map, which the library hands on as it came.
func verdict(b []byte) (*expr.Verdict, error) {
	d, err := netlink.NewAttributeDecoder(b)
	if err != nil {
		return nil, err
	}
	d.ByteOrder = binary.BigEndian
	v := &expr.Verdict{}
	for d.Next() {
		switch d.Type() {
		case unix.NFTA_VERDICT_CODE:
			v.Kind = expr.VerdictKind(int32(d.Uint32()))
		case unix.NFTA_VERDICT_CHAIN:
			v.Chain = d.String()
		}
	}
	return v, d.Err()
}

func (m *match) elements(name string) ([]nftables.SetElement, bool) {
	id := fmt.Sprint(m.table.Family, m.table.Name, "\x00", name)
	if known, ok := m.sets[id]; ok {
		return known, true
	}
	set, err := m.conn.GetSetByName(m.table, name)
	if err != nil || set.Concatenation {
		return nil, false
	}
	elements, err := m.conn.GetSetElements(set)
	if err != nil {
		return nil, false
	}
	slices.SortStableFunc(elements, func(a, b nftables.SetElement) int { return bytes.Compare(a.Key, b.Key) })
	m.sets[id] = elements
	return elements, true
}

// find is the element that has a key; of a set of ranges, the one whose range does:
// it begins with an element, and ends before the next one marked as an end.
func find(elements []nftables.SetElement, key []byte) *nftables.SetElement {
	ranges := slices.ContainsFunc(elements, func(e nftables.SetElement) bool { return e.IntervalEnd })
	var last *nftables.SetElement
	for i := range elements {
		e := &elements[i]
		have := key[:min(len(key), len(e.Key))]
		switch n := bytes.Compare(e.Key, have); {
		case n == 0 && !e.IntervalEnd:
			return e
		case n <= 0 && ranges:
			last = e
		}
	}
	if last == nil || last.IntervalEnd {
		return nil
	}
	return last
}

func mask(v value, e *expr.Bitwise) value {
	if len(v.bytes) < len(e.Mask) || len(e.Mask) != len(e.Xor) {
		return value{}
	}
	out := make([]byte, len(e.Mask))
	whole := true
	for i := range out {
		out[i] = v.bytes[i]&e.Mask[i] ^ e.Xor[i]
		whole = whole && e.Mask[i] == 0xff
	}
	// Who stands for a network is known by that.
	return value{out, v.known || !whole && len(out) >= 4}
}

func number(n uint32) value { return value{binary.NativeEndian.AppendUint32(nil, n), true} }
