package wire

import "encoding/binary"

// Decode reads what follows a header. The message keeps no part of body.
func Decode(h Header, body []byte) (*Message, error) {
	m := &Message{Header: h}
	d := decoder{rest: body, order: h.order()}
	if h.Flags&otherContext != 0 {
		m.Context = string(d.octets())
	}
	d.body(m)
	if d.bad {
		return nil, ErrForm
	}
	return m, nil
}

// decoder takes things off the front. Once something is missing it is bad, and
// everything that it takes is zero.
type decoder struct {
	rest  []byte
	order binary.ByteOrder
	bad   bool
}

func (d *decoder) body(m *Message) {
	switch m.Type {
	case Open:
		m.Timeout = d.take(4)[0]
		m.Subject, _ = d.oid()
		m.Text = string(d.octets())
	case Close:
		m.Reason = d.take(4)[0]
	case Register, Unregister:
		b := d.take(4)
		m.Timeout, m.Priority = b[0], b[1]
		m.Subject, _ = d.oid()
	case Get, GetNext:
		m.Ranges = d.ranges()
	case GetBulk:
		m.NonRepeaters, m.MaxRepetitions = d.uint16(), d.uint16()
		m.Ranges = d.ranges()
	case TestSet, Notify:
		m.Bindings = d.bindings()
	case Response:
		m.UpTime, m.Error, m.Index = d.uint32(), Error(d.uint16()), d.uint16()
		m.Bindings = d.bindings()
	case CommitSet, UndoSet, CleanupSet, Ping:
	default:
		d.bad = true
	}
}

// take takes n bytes.
func (d *decoder) take(n int) []byte {
	if d.bad || n > len(d.rest) {
		d.bad, d.rest = true, nil
		return make([]byte, min(n, 8)) // as many as anybody looks at
	}
	b := d.rest[:n]
	d.rest = d.rest[n:]
	return b
}

func (d *decoder) uint16() uint16 { return d.order.Uint16(d.take(2)) }
func (d *decoder) uint32() uint32 { return d.order.Uint32(d.take(4)) }

func (d *decoder) octets() []byte {
	n := d.uint32()
	if n > Largest {
		d.bad = true
		return nil
	}
	b := append([]byte(nil), d.take(int(n))...)
	d.take(-int(n) & 3)
	return b
}

// longest is how many numbers an identifier has at most.
const longest = 128

func (d *decoder) oid() (o OID, include bool) {
	head := d.take(4)
	n, prefix := int(head[0]), head[1]
	if n > longest {
		d.bad = true
		return nil, false
	}
	if prefix != 0 {
		o = append(internet(), uint32(prefix))
	}
	for range n {
		o = append(o, d.uint32())
	}
	return o, head[2] != 0
}

func (d *decoder) ranges() (list []Range) {
	for len(d.rest) > 0 {
		var r Range
		r.Start, r.Include = d.oid()
		r.End, _ = d.oid()
		list = append(list, r)
	}
	return list
}

func (d *decoder) bindings() (list []Binding) {
	for len(d.rest) > 0 {
		kind := Kind(d.uint16())
		d.take(2)
		name, _ := d.oid()
		list = append(list, Binding{name, d.value(kind)})
	}
	return list
}

func (d *decoder) value(k Kind) Value {
	v := Value{Kind: k}
	switch k {
	case Integer, Counter32, Gauge32, TimeTicks:
		v.Number = uint64(d.uint32())
	case Counter64:
		v.Number = d.order.Uint64(d.take(8))
	case Octets, Opaque:
		v.Bytes = d.octets()
	case IPAddress:
		v.Bytes = d.octets()
		d.bad = d.bad || len(v.Bytes) != 4
	case Identifier:
		v.OID, _ = d.oid()
	case Null, NoSuchObject, NoSuchInstance, EndOfView:
	default:
		d.bad = true
	}
	return v
}
