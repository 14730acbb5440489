package wire_test

import (
	"bytes"
	"testing"
	"time"

	"holdfast/internal/bfd/wire"
)

// sound is a packet in the middle of a session, and its bytes by the drawing in
// RFC 5880, section 4.1.
func sound() (wire.Packet, []byte) {
	return wire.Packet{
			Diagnostic: wire.NeighbourDown, State: wire.Up, Poll: true, Multiplier: 5, Mine: 0x01020304, Yours: 0x0a0b0c0d,
			DesiredMinTx: 10 * time.Millisecond, RequiredMinRx: 20 * time.Millisecond,
		}, []byte{
			0x23, 0xe0, 5, 24, 1, 2, 3, 4, 0x0a, 0x0b, 0x0c, 0x0d,
			0, 0, 0x27, 0x10, 0, 0, 0x4e, 0x20, 0, 0, 0, 0,
		}
}

func TestAPacketIsWrittenAsTheRFCDrawsIt(t *testing.T) {
	p, want := sound()
	if got := p.Append(nil); !bytes.Equal(got, want) {
		t.Errorf("% x\nwant % x", got, want)
	}
}

func TestAPacketIsReadAsItWasWritten(t *testing.T) {
	want, b := sound()
	got, flaw := wire.Decode(b)
	if flaw != wire.Sound || got != want {
		t.Errorf("%+v (%v)\nwant %+v", got, flaw, want)
	}
}

func TestFlaws(t *testing.T) {
	for _, c := range []struct {
		name   string
		change func(b []byte) []byte
		want   wire.Flaw
	}{
		{"cut short", func(b []byte) []byte { return b[:23] }, wire.Short},
		{"empty", func([]byte) []byte { return nil }, wire.Short},
		{"length field too small", func(b []byte) []byte { b[3] = 23; return b }, wire.WrongLength},
		{"longer than its length field", func(b []byte) []byte { return append(b, 0) }, wire.WrongLength},
		{"version 0", func(b []byte) []byte { b[0] &= 0x1f; return b }, wire.WrongVersion},
		{"multiplier 0", func(b []byte) []byte { b[2] = 0; return b }, wire.NoMultiplier},
		{"multipoint", func(b []byte) []byte { b[1] |= 1; return b }, wire.Multipoint},
		{"no discriminator", func(b []byte) []byte { copy(b[4:8], make([]byte, 4)); return b }, wire.NoDiscriminator},
		{"Up, and does not know us", func(b []byte) []byte { copy(b[8:12], make([]byte, 4)); return b }, wire.NoYours},
		{"Down, and does not know us", func(b []byte) []byte { b[1] = 0x40; copy(b[8:12], make([]byte, 4)); return b }, wire.Sound},
		{"poll and final", func(b []byte) []byte { b[1] |= 0x30; return b }, wire.PollAndFinal},
		{"diagnostic 9", func(b []byte) []byte { b[0] = 0x29; return b }, wire.UnknownDiagnostic},
		{"authenticated: not a flaw of the packet", func(b []byte) []byte { b[1] |= 4; return b }, wire.Sound},
	} {
		_, b := sound()
		if _, got := wire.Decode(c.change(b)); got != c.want {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

func FuzzDecode(f *testing.F) {
	_, b := sound()
	f.Add(b)
	f.Add(b[:12])
	f.Fuzz(func(t *testing.T, b []byte) {
		p, flaw := wire.Decode(b)
		if flaw != wire.Sound {
			return
		}
		again, flaw := wire.Decode(p.Append(nil))
		if flaw != wire.Sound || again != p {
			t.Errorf("%+v became %+v (%v)", p, again, flaw)
		}
	})
}
