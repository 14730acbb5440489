package wire

import (
	"bytes"
	"encoding/hex"
	"errors"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// read is a whole message, header and all.
func read(b []byte) (*Message, error) {
	h, err := ParseHeader(b)
	if err != nil {
		return nil, err
	}
	body := b[HeaderSize:]
	if len(body) < int(h.Size) {
		return nil, ErrForm
	}
	return Decode(h, body[:h.Size])
}

func bytesOf(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// written are messages as RFC 2741 draws them.
func written() map[string]struct {
	hex string
	Message
} {
	header := func(k Type) Header { return Header{Type: k, Session: 1, Transaction: 2, Packet: 3} }
	return map[string]struct {
		hex string
		Message
	}{
		"a get of sysDescr": {"01 05 10 00 00000001 00000002 00000003 00000018  04 02 00 00 00000001 00000001 00000001 00000000  00 00 00 00",
			Message{Header: header(Get), Ranges: []Range{{Start: ParseOID("1.3.6.1.2.1.1.1.0")}}}},
		"a get-next that includes its start": {"01 06 10 00 00000001 00000002 00000003 00000018  02 04 01 00 00000001 00000005  02 04 00 00 00000001 00000006",
			Message{Header: header(GetNext), Ranges: []Range{{Start: ParseOID("1.3.6.1.4.1.5"), Include: true, End: ParseOID("1.3.6.1.4.1.6")}}}},
		"an open": {"01 01 10 00 00000001 00000002 00000003 00000014  05 00 00 00  01 04 00 00 00000007  00000002 68690000",
			Message{Header: header(Open), Timeout: 5, Subject: ParseOID("1.3.6.1.4.7"), Text: "hi"}},
		"a registration": {"01 03 10 00 00000001 00000002 00000003 0000000c  00 7f 00 00  01 04 00 00 00000007",
			Message{Header: header(Register), Priority: 127, Subject: ParseOID("1.3.6.1.4.7")}},
		"an error in a response": {"01 12 10 00 00000001 00000002 00000003 00000008  00000064 0011 0001",
			Message{Header: header(Response), UpTime: 100, Error: NotWritable, Index: 1}},
		"a close in a context": {"01 02 18 00 00000001 00000002 00000003 0000000c  00000001 78000000 05 00 00 00",
			Message{Header: header(Close), Context: "x", Reason: 5}},
	}
}

func TestMessagesAreThoseOfTheRFC(t *testing.T) {
	for name, c := range written() {
		t.Run(name, func(t *testing.T) {
			want := bytesOf(t, c.hex)
			if got := c.Append(nil); !bytes.Equal(want, got) {
				t.Errorf("written:\n% x\nwant:\n% x", got, want)
			}
		})
	}
}

// everyValue has one of each type.
func everyValue() []Binding {
	at := ParseOID("1.3.6.1.4.1.9586.100.5")
	return []Binding{
		{at, Int(-5)}, {at, Gauge(uint32(1 << 31))}, {at, Count(1 << 33)}, {at, Count64(1 << 40)}, {at, Ticks(99)},
		{at, Text("five!")}, {at, Raw([]byte{0, 1})}, {at, IPv4(netip.MustParseAddr("10.0.0.1"))}, {at, Name(at)},
		{at, Value{Kind: Null}}, {OID{0, 0}, Value{Kind: EndOfView}}, {OID{1, 3, 6, 1, 300, 1}, Value{Kind: NoSuchObject}},
	}
}

// A message is read as it was written, whatever the order of the bytes in numbers.
func TestMessagesAreReadAsTheyWereWritten(t *testing.T) {
	all := map[string]Message{"values": {Header: Header{Type: Response}, Bindings: everyValue()}, "a bulk": {Header: Header{Type: GetBulk}, NonRepeaters: 1, MaxRepetitions: 20, Ranges: []Range{{Start: OID{1, 3}}}}}
	for name, c := range written() {
		all[name] = c.Message
	}
	for name, want := range all {
		t.Run(name, func(t *testing.T) {
			got, err := read(want.Append(nil))
			if err != nil {
				t.Fatal(err)
			}
			want.Flags, want.Size = got.Flags, got.Size
			if diff := cmp.Diff(&want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestLittleEndianIsUnderstood(t *testing.T) {
	m, err := read(bytesOf(t, "01 12 00 00 01000000 02000000 03000000 08000000  64000000 1100 0100"))
	if err != nil {
		t.Fatal(err)
	}
	want := &Message{Header: Header{Type: Response, Session: 1, Transaction: 2, Packet: 3, Size: 8}, UpTime: 100, Error: NotWritable, Index: 1}
	if diff := cmp.Diff(want, m); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoMessageIsRefused(t *testing.T) {
	for name, text := range map[string]string{
		"nothing":                       "",
		"another version":               "02 0d 10 00 00000001 00000002 00000003 00000000",
		"a length that is no multiple":  "01 0d 10 00 00000001 00000002 00000003 00000002 0000",
		"a length beyond reason":        "01 0d 10 00 00000001 00000002 00000003 7fffffff",
		"a type that there is not":      "01 63 10 00 00000001 00000002 00000003 00000000",
		"an identifier that is cut off": "01 05 10 00 00000001 00000002 00000003 00000004  02 02 00 00",
		"an identifier beyond reason":   "01 05 10 00 00000001 00000002 00000003 00000004  ff 02 00 00",
		"a text that is cut off":        "01 0c 10 00 00000001 00000002 00000003 0000000c  0004 0000  00 04 00 00  00000009",
		"an address of three bytes":     "01 0c 10 00 00000001 00000002 00000003 00000010  0040 0000  00 04 00 00  00000003 01020300",
		"a value of no type":            "01 0c 10 00 00000001 00000002 00000003 00000008  0063 0000  00 04 00 00",
	} {
		t.Run(name, func(t *testing.T) {
			if m, err := read(bytesOf(t, text)); !errors.Is(err, ErrForm) {
				t.Errorf("got %v, %v", m, err)
			}
		})
	}
}

// Whatever comes in, reading it ends, and what was understood is written and read alike.
func FuzzDecode(f *testing.F) {
	for _, c := range written() {
		f.Add(c.Append(nil))
	}
	f.Add((&Message{Header: Header{Type: Response}, Bindings: everyValue()}).Append(nil))
	f.Fuzz(func(t *testing.T, b []byte) {
		m, err := read(b)
		if err != nil {
			return
		}
		again, err := read(m.Append(nil))
		if err != nil {
			t.Fatalf("%+v: %v", m, err)
		}
		m.Flags, m.Size = again.Flags, again.Size
		if diff := cmp.Diff(m, again); diff != "" {
			t.Error(diff)
		}
	})
}

func TestTheOrderOfIdentifiersIsThatOfWalks(t *testing.T) {
	for _, c := range []struct {
		a, b string
		want int
	}{
		{"1.3", "1.3.6", -1}, {"1.3.10", "1.3.9", 1}, {"1.3", "1.3", 0}, {"1.3.6", "1.3", 1},
	} {
		if got := ParseOID(c.a).Compare(ParseOID(c.b)); got != c.want {
			t.Errorf("%s, %s: %d", c.a, c.b, got)
		}
	}
}
