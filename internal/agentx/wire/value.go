package wire

import "net/netip"

// Kind is the type of a value.
type Kind uint16

// The types of RFC 2741, section 5.4. The last three stand in the place of a value.
const (
	Integer    Kind = 2
	Octets     Kind = 4
	Null       Kind = 5
	Identifier Kind = 6
	IPAddress  Kind = 64
	Counter32  Kind = 65
	Gauge32    Kind = 66 // and Unsigned32
	TimeTicks  Kind = 67
	Opaque     Kind = 68
	Counter64  Kind = 70

	NoSuchObject   Kind = 128
	NoSuchInstance Kind = 129
	EndOfView      Kind = 130
)

// Value is what an object has. Number is of the numeric types, two's complement in the
// low half for Integer; Bytes is of Octets, IPAddress and Opaque; OID of Identifier.
// The zero Value is none.
type Value struct {
	Kind   Kind
	Number uint64
	Bytes  []byte
	OID    OID
}

// Valid reports whether there is a value.
func (v Value) Valid() bool { return v.Kind != 0 }

// Int is an INTEGER.
func Int[N ~int | ~int32 | ~uint8 | ~uint32](n N) Value {
	return Value{Kind: Integer, Number: uint64(uint32(n))}
}

// Gauge is a Gauge32 or an Unsigned32.
func Gauge[N ~int | ~int64 | ~uint8 | ~uint16 | ~uint32 | ~uint64](n N) Value {
	return Value{Kind: Gauge32, Number: uint64(uint32(n))}
}

// Count is a Counter32: what does not fit is cut off.
func Count(n uint64) Value { return Value{Kind: Counter32, Number: uint64(uint32(n))} }

// Count64 is a Counter64.
func Count64(n uint64) Value { return Value{Kind: Counter64, Number: n} }

// Ticks are hundredths of a second.
func Ticks(n int64) Value { return Value{Kind: TimeTicks, Number: uint64(uint32(n))} }

// Text is an OCTET STRING.
func Text(s string) Value { return Value{Kind: Octets, Bytes: []byte(s)} }

// Raw is an OCTET STRING.
func Raw(b []byte) Value { return Value{Kind: Octets, Bytes: b} }

// IPv4 is an IpAddress; of no address, or one of IPv6, it is 0.0.0.0.
func IPv4(a netip.Addr) Value {
	if !a.Is4() {
		a = netip.IPv4Unspecified()
	}
	return Value{Kind: IPAddress, Bytes: a.AsSlice()}
}

// Name is an OBJECT IDENTIFIER.
func Name(o OID) Value { return Value{Kind: Identifier, OID: o} }

// Signed is the number of an Integer.
func (v Value) Signed() int { return int(int32(v.Number)) }
