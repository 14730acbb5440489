package wire

import (
	"crypto/hmac"
	"crypto/md5"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"testing"
	"time"
)

var (
	secret = []byte("0123456789abcdef0123456789abcdef")
	when   = 1700000000*time.Second + 750*time.Millisecond
)

// sealedSpecs are adverts of both versions and families.
func sealedSpecs() map[string]Spec {
	specs := map[string]Spec{
		"version 2":            {Version: 2, VIPs: addrs("192.0.2.100"), Src: addrs("192.0.2.1")[0]},
		"version 3, IPv4":      {Version: 3, VIPs: addrs("192.0.2.100", "192.0.2.101"), Src: addrs("192.0.2.1")[0]},
		"version 3, plain sum": {Version: 3, VIPs: addrs("192.0.2.100"), Src: addrs("192.0.2.1")[0], Form: Plain},
		"version 3, IPv6":      {Version: 3, V6: true, VIPs: addrs("fe80::100"), Src: addrs("fe80::1")[0]},
	}
	for name, s := range specs {
		s.VRID, s.Interval, s.TTL, s.MTU, s.Sealed = 7, time.Second, 255, 1500, true
		specs[name] = s
	}
	return specs
}

// arrived is what a receiver gets of a sealed advert.
func arrived(s *Spec, priority uint8, at Stamp) Datagram {
	p := Build(s)
	t := p.Seal(NewKey(9, secret), s.Src, priority, at)
	dst := netip.MustParseAddr("224.0.0.18")
	if s.V6 {
		dst = netip.MustParseAddr("ff02::12")
	}
	return Datagram{V6: s.V6, Data: p.Append(nil, dst, priority, 1, t[:]), Src: s.Src, Dst: dst, HopLimit: 255}
}

// The table of the trailer, spelled out once more and independently.
func TestTrailerIsWhatTheTableSays(t *testing.T) {
	for name, s := range sealedSpecs() {
		t.Run(name, func(t *testing.T) {
			d := arrived(&s, 150, StampOf(when))
			message := d.Data
			if !s.V6 {
				if total := int(binary.BigEndian.Uint16(d.Data[2:])); total != len(d.Data) {
					t.Errorf("the IP length is %d of %d bytes: it includes the trailer", total, len(d.Data))
				}
				message = d.Data[20:]
			}
			pdu, trailer := append([]byte(nil), message[:len(message)-28]...), message[len(message)-28:]
			if got, want := hex.EncodeToString(trailer[:12]), "01"+"09"+"0000"+"6553f100"+"c000"+"0000"; got != want {
				t.Errorf("prefix %s, want %s", got, want)
			}
			pseudo := make([]byte, 20)
			pseudo[0], pseudo[1], pseudo[2] = 4, s.Version, 7
			if s.V6 {
				pseudo[0] = 6
			}
			copy(pseudo[4:], s.Src.AsSlice())
			pdu[6], pdu[7] = 0, 0
			mac := hmac.New(sha256.New, secret)
			mac.Write(pseudo)
			mac.Write(pdu)
			mac.Write(trailer[:12])
			mac.Write(make([]byte, 16))
			if want := mac.Sum(nil)[:16]; !hmac.Equal(trailer[12:], want) {
				t.Errorf("tag %x, want %x", trailer[12:], want)
			}
		})
	}
}

func TestSealedAdvertsAreReadBack(t *testing.T) {
	for name, s := range sealedSpecs() {
		t.Run(name, func(t *testing.T) {
			d := arrived(&s, 150, StampOf(when))
			a, _ := Decode(&d)
			if a.Length() == Sound {
				t.Error("who does not expect a trailer takes it for padding")
			}
			a.Unseal()
			got := a.Trailer()
			if a.Length() != Sound || a.Total() != Sound || a.Verify(s.Form, netip.Addr{}) != Sound {
				t.Errorf("length %v, total %v, checksum %v", a.Length(), a.Total(), a.Verify(s.Form, netip.Addr{}))
			}
			if !got.Sound() || got.KeyID() != 9 || got.Stamp() != StampOf(when) || !a.Sealed(NewKey(9, secret), got) {
				t.Errorf("trailer %x", got)
			}
			if a.Sealed(NewKey(9, []byte("another secret of thirty-two byte")), got) {
				t.Error("another secret verifies")
			}
		})
	}
}

// Whatever bit is turned over, of the message or of the trailer, shows; the checksum
// alone is not covered.
func TestEveryBitButTheChecksumIsCovered(t *testing.T) {
	for name, s := range sealedSpecs() {
		t.Run(name, func(t *testing.T) {
			d := arrived(&s, 150, StampOf(when))
			start := 20
			if s.V6 {
				start = 0
			}
			for i := start; i < len(d.Data); i++ {
				d.Data[i] ^= 0x10
				a, flaw := Decode(&d)
				a.Unseal()
				tr := a.Trailer()
				ok := flaw == Sound && tr != nil && tr.Sound() && a.Sealed(NewKey(9, secret), tr)
				if covered := i != start+6 && i != start+7; ok == covered {
					t.Errorf("byte %d of the message: verifies %v", i-start, ok)
				}
				d.Data[i] ^= 0x10
			}
		})
	}
}

func TestStamps(t *testing.T) {
	for _, c := range []struct {
		name  string
		a, b  Stamp
		after bool
		ahead time.Duration
	}{
		{"a second later", StampOf(11 * time.Second), StampOf(10 * time.Second), true, time.Second},
		{"half a second earlier", StampOf(9500 * time.Millisecond), StampOf(10 * time.Second), false, -500 * time.Millisecond},
		{"the same instant, counted", StampOf(time.Second) + 1, StampOf(time.Second), true, 0},
		{"the same", 5, 5, false, 0},
		{"across the wrap of 32 bits", StampOf(time.Second), Stamp(0xffffffff) << 32, true, 2 * time.Second},
	} {
		if c.a.After(c.b) != c.after || c.a.Ahead(c.b).Truncate(time.Millisecond) != c.ahead {
			t.Errorf("%s: after %v, ahead %v", c.name, c.a.After(c.b), c.a.Ahead(c.b))
		}
	}
}

func TestSealingAllocatesNothing(t *testing.T) {
	s := sealedSpecs()["version 3, IPv4"]
	p, k := Build(&s), NewKey(9, secret)
	d := arrived(&s, 150, 1)
	a, _ := Decode(&d)
	a.Unseal()
	if n := testing.AllocsPerRun(100, func() {
		p.Seal(k, s.Src, 150, 2)
		a.Sealed(k, a.Trailer())
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func TestTheTrailerCountsInTheMTU(t *testing.T) {
	s := sealedSpecs()["version 3, IPv6"]
	for range 99 {
		s.VIPs = append(s.VIPs, s.VIPs[0])
	}
	d := arrived(&s, 1, 1)
	if n := 40 + len(d.Data); n > s.MTU || n <= s.MTU-16 {
		t.Errorf("a packet of %d bytes for an MTU of %d", n, s.MTU)
	}
}

// keepalivedAH is what keepalived 2.2.7 sent with the password secret12: its HMAC
// covers the TTL.
const keepalivedAH = "45c0004000010000ff3318b6c0000201e000001270040000c000020100000001d3a0ffcec8b50013a9437e56" +
	"214dc8010201524bc00002640000000000000000"

func TestHeaderOfKeepalivedVerifies(t *testing.T) {
	b, _ := hex.DecodeString(keepalivedAH)
	a, flaw := Decode(&Datagram{Data: b})
	if flaw != Sound || a.Check() != Sound || !a.HasHeader() || !a.SPI() || a.Sequence() != 1 || a.AuthType != Header {
		t.Fatalf("%v, %v, %+v", flaw, a.Check(), a)
	}
	if ttl, ok := a.Signed(NewHeaderKey([8]byte([]byte("secret12")))); !ok || ttl != true {
		t.Errorf("signed %v, with TTL %v", ok, ttl)
	}
	if _, ok := a.Signed(NewHeaderKey([8]byte([]byte("secret13")))); ok {
		t.Error("another password verifies")
	}
	s := Spec{Version: 2, VRID: 77, Interval: time.Second, VIPs: addrs("192.0.2.100"), Src: a.Src, TTL: 255, Header: true}
	p := Build(&s)
	own := p.Append(nil, a.Dst, 200, 1, nil)
	NewHeaderKey([8]byte([]byte("secret12"))).Sign(own, 1, true)
	if hex.EncodeToString(own) != keepalivedAH {
		t.Errorf("sent %x", own)
	}
}

// RFC 4302: what routers on the way change is not covered, everything else is.
func TestHeaderLeavesOutWhatChangesOnTheWay(t *testing.T) {
	s := Spec{Version: 2, VRID: 77, Interval: time.Second, VIPs: addrs("192.0.2.100"), Src: addrs("192.0.2.1")[0], TTL: 255, Header: true}
	p, password := Build(&s), [8]byte([]byte("secret12"))
	b := p.Append(nil, addrs("192.0.2.2")[0], 200, 1, nil)
	NewHeaderKey(password).Sign(b, 7, false)
	zeroed := append([]byte(nil), b...)
	for _, i := range []int{1, 6, 7, 8, 10, 11} {
		zeroed[i] = 0
	}
	clear(zeroed[32:44])
	mac := hmac.New(md5.New, password[:])
	mac.Write(zeroed)
	if want := mac.Sum(nil)[:12]; !hmac.Equal(b[32:44], want) {
		t.Fatalf("%x, want %x", b[32:44], want)
	}
	mutable := map[int]bool{1: true, 8: true, 10: true, 11: true}
	for i := range b {
		if i == 0 || i == 2 || i == 3 || i == 6 || i == 7 || i == 9 || i == 20 || i == 21 {
			continue // another packet altogether
		}
		b[i] ^= 1
		a, flaw := Decode(&Datagram{Data: b})
		if _, ok := a.Signed(NewHeaderKey(password)); flaw != Sound || ok != mutable[i] {
			t.Errorf("byte %d: %v, verifies %v", i, flaw, ok)
		}
		b[i] ^= 1
	}
}

// FuzzTrailer: no bytes behind a message bring the reader down, and none of them are
// taken for signed.
func FuzzTrailer(f *testing.F) {
	for _, s := range sealedSpecs() {
		d := arrived(&s, 150, StampOf(when))
		f.Add(s.V6, d.Data)
	}
	k := NewKey(9, []byte("a secret that no seed was made with"))
	f.Fuzz(func(t *testing.T, v6 bool, data []byte) {
		a, flaw := Decode(&Datagram{V6: v6, Data: data, Src: addrs("fe80::1")[0], Dst: addrs("ff02::12")[0]})
		if flaw != Sound {
			return
		}
		a.Unseal()
		a.Check()
		if tr := a.Trailer(); tr != nil && a.Sealed(k, tr) {
			t.Fatal("verifies")
		}
	})
}

// FuzzHeader: nor does any authentication header.
func FuzzHeader(f *testing.F) {
	b, _ := hex.DecodeString(keepalivedAH)
	f.Add(b)
	k := NewHeaderKey([8]byte([]byte("another1")))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, flaw := Decode(&Datagram{Data: data})
		if flaw != Sound || !a.HasHeader() {
			return
		}
		a.SPI()
		a.Sequence()
		if _, ok := a.Signed(k); ok {
			t.Fatal("verifies")
		}
	})
}
