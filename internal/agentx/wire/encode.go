package wire

import "encoding/binary"

// Append writes a message behind b, in network byte order.
func (m *Message) Append(b []byte) []byte {
	flags := uint8(networkOrder)
	if m.Context != "" {
		flags |= otherContext
	}
	begin := len(b)
	b = append(b, 1, uint8(m.Type), flags, 0)
	for _, n := range []uint32{m.Session, m.Transaction, m.Packet, 0} {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	if m.Context != "" {
		b = appendOctets(b, []byte(m.Context))
	}
	b = m.appendBody(b)
	binary.BigEndian.PutUint32(b[begin+16:], uint32(len(b)-begin-HeaderSize))
	return b
}

func (m *Message) appendBody(b []byte) []byte {
	switch m.Type {
	case Open:
		return appendOctets(appendOID(append(b, m.Timeout, 0, 0, 0), m.Subject, false), []byte(m.Text))
	case Close:
		return append(b, m.Reason, 0, 0, 0)
	case Register:
		return appendOID(append(b, m.Timeout, m.Priority, 0, 0), m.Subject, false)
	case Unregister:
		return appendOID(append(b, 0, m.Priority, 0, 0), m.Subject, false)
	case Get, GetNext:
		return appendRanges(b, m.Ranges)
	case GetBulk:
		b = binary.BigEndian.AppendUint16(b, m.NonRepeaters)
		return appendRanges(binary.BigEndian.AppendUint16(b, m.MaxRepetitions), m.Ranges)
	case TestSet, Notify:
		return appendBindings(b, m.Bindings)
	case Response:
		b = binary.BigEndian.AppendUint32(b, m.UpTime)
		b = binary.BigEndian.AppendUint16(b, uint16(m.Error))
		return appendBindings(binary.BigEndian.AppendUint16(b, m.Index), m.Bindings)
	}
	return b
}

func appendRanges(b []byte, list []Range) []byte {
	for _, r := range list {
		b = appendOID(appendOID(b, r.Start, r.Include), r.End, false)
	}
	return b
}

func appendBindings(b []byte, list []Binding) []byte {
	for _, v := range list {
		b = binary.BigEndian.AppendUint16(b, uint16(v.Kind))
		b = appendOID(append(b, 0, 0), v.Name, false)
		b = appendValue(b, v.Value)
	}
	return b
}

func appendValue(b []byte, v Value) []byte {
	switch v.Kind {
	case Integer, Counter32, Gauge32, TimeTicks:
		return binary.BigEndian.AppendUint32(b, uint32(v.Number))
	case Counter64:
		return binary.BigEndian.AppendUint64(b, v.Number)
	case Octets, IPAddress, Opaque:
		return appendOctets(b, v.Bytes)
	case Identifier:
		return appendOID(b, v.OID, false)
	}
	return b
}

// internet is what the short form of identifiers leaves out; the fifth number, if it
// fits a byte, is its prefix.
func internet() OID { return OID{1, 3, 6, 1} }

func appendOID(b []byte, o OID, include bool) []byte {
	prefix := uint8(0)
	if len(o) > 4 && internet().Begins(o) && o[4] > 0 && o[4] < 256 {
		prefix, o = uint8(o[4]), o[5:]
	}
	b = append(b, uint8(len(o)), prefix, bit(include), 0)
	for _, n := range o {
		b = binary.BigEndian.AppendUint32(b, n)
	}
	return b
}

func bit(set bool) uint8 {
	if set {
		return 1
	}
	return 0
}

func appendOctets(b, s []byte) []byte {
	b = binary.BigEndian.AppendUint32(b, uint32(len(s)))
	b = append(b, s...)
	return append(b, make([]byte, -len(s)&3)...)
}
