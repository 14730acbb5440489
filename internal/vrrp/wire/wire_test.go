package wire

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

// captures reads the packets of one file, or of all, as the kernel hands them over.
func captures(t testing.TB, pattern string) (all []Datagram) {
	files, err := filepath.Glob("testdata/captures/" + pattern + ".hex")
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures %s: %v", pattern, err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.FieldsSeq(string(text)) {
			b, err := hex.DecodeString(line)
			if err != nil {
				t.Fatal(err)
			}
			all = append(all, datagram(b))
		}
	}
	return all
}

// datagram makes of a packet what a raw socket makes of it: IPv6 loses its header.
func datagram(b []byte) Datagram {
	if b[0]>>4 == 4 {
		return Datagram{Data: b}
	}
	return Datagram{V6: true, Data: b[40:], HopLimit: b[7],
		Src: netip.AddrFrom16([16]byte(b[8:24])), Dst: netip.AddrFrom16([16]byte(b[24:40]))}
}

func addrs(words ...string) (list []netip.Addr) {
	for _, w := range words {
		list = append(list, netip.MustParseAddr(w))
	}
	return list
}

// specs are the configurations the captures were made with.
var specs = map[string]Spec{
	"v2plain":   {Version: 2, VIPs: addrs("172.16.8.100")},
	"v2pass":    {Version: 2, HasPass: true, Password: [8]byte([]byte("secret\x00\x00")), VIPs: addrs("172.16.8.100", "172.16.8.101")},
	"v2unicast": {Version: 2, HasPass: true, Password: [8]byte([]byte("secret\x00\x00")), VIPs: addrs("172.16.8.100")},
	"v3ip4":     {Version: 3, VIPs: addrs("172.16.8.100")},
	"v3unicast": {Version: 3, VIPs: addrs("172.16.8.100")},
	"v3ip6":     {Version: 3, V6: true, VIPs: addrs("fe80::100", "2001:db8::100")},
	"v3uni6":    {Version: 3, V6: true, VIPs: addrs("2001:db8::100")},
}

func TestAdvertsAreByteForByteThoseOfKeepalived(t *testing.T) {
	for name, s := range specs {
		packets := captures(t, name)
		for i, d := range packets {
			a, flaw := Decode(&d)
			if flaw != Sound {
				t.Fatalf("%s: %v", name, flaw)
			}
			s.VRID, s.Interval, s.TTL, s.Src = 51, time.Second, 255, a.Src
			priority := uint8(150)
			if i == len(packets)-1 {
				priority = 0
			}
			p := Build(&s)
			if got := p.Append(nil, a.Dst, priority, uint16(i+1), nil); !bytes.Equal(got, d.Data) {
				t.Errorf("%s, packet %d:\nhave %x\nwant %x", name, i, got, d.Data)
			}
		}
	}
}

func TestDecodeReadsWhatKeepalivedSent(t *testing.T) {
	type facts struct {
		Version, VRID, Priority, Count, AuthType, HopLimit uint8
		Interval                                           time.Duration
		Src, Dst                                           string
		Addrs                                              []netip.Addr
	}
	tests := map[string]facts{
		"v2pass": {2, 51, 150, 2, Pass, 255, time.Second, "172.16.8.10", "224.0.0.18", specs["v2pass"].VIPs},
		"v3ip4":  {3, 51, 150, 1, 0, 255, time.Second, "172.16.8.10", "224.0.0.18", specs["v3ip4"].VIPs},
		"v3uni6": {3, 51, 150, 1, 0, 64, time.Second, "2001:db8::10", "2001:db8::11", specs["v3uni6"].VIPs},
	}
	for name, want := range tests {
		a, flaw := Decode(&captures(t, name)[0])
		if flaw != Sound || a.Check() != Sound {
			t.Fatalf("%s: %v, %v", name, flaw, a.Check())
		}
		got := facts{a.Version, a.VRID, a.Priority, a.Count, a.AuthType, a.HopLimit, a.Interval, a.Src.String(), a.Dst.String(), nil}
		for i := range int(a.Count) {
			got.Addrs = append(got.Addrs, a.Addr(i))
		}
		if diff := cmp.Diff(want, got, cmp.Comparer(func(a, b netip.Addr) bool { return a == b })); diff != "" {
			t.Errorf("%s (-want +got):\n%s", name, diff)
		}
	}
	a, _ := Decode(&captures(t, "v2pass")[0])
	if got := a.Password(); got != [8]byte([]byte("secret\x00\x00")) {
		t.Errorf("password %q", got)
	}
}

func TestEveryCaptureIsSoundAndEveryFlippedBitOfItIsNot(t *testing.T) {
	for _, d := range captures(t, "*") {
		start := 0
		if !d.V6 {
			start = 20
		}
		for bit := start * 8; bit < len(d.Data)*8; bit++ {
			d.Data[bit/8] ^= 1 << (bit % 8)
			if a, flaw := Decode(&d); flaw == Sound && a.Check() == Sound {
				t.Errorf("bit %d of %x makes no difference", bit, d.Data)
			}
			d.Data[bit/8] ^= 1 << (bit % 8)
		}
		if a, flaw := Decode(&d); flaw != Sound || a.Check() != Sound {
			t.Errorf("%x: %v, %v", d.Data, flaw, a.Check())
		}
	}
}

func TestFlaws(t *testing.T) {
	tests := map[string]struct {
		capture string
		spoil   func([]byte) []byte
		want    Flaw
	}{
		"empty":                 {"v3ip4", func(b []byte) []byte { return nil }, TooShort},
		"no VRRP header":        {"v3ip4", func(b []byte) []byte { return b[:27] }, TooShort},
		"options without room":  {"v3ip4", func(b []byte) []byte { b[0] = 0x4f; return b }, TooShort},
		"not IPv4":              {"v3ip4", func(b []byte) []byte { b[0] = 0x65; return b }, BadHeader},
		"header too small":      {"v3ip4", func(b []byte) []byte { b[0] = 0x44; return b }, BadHeader},
		"another protocol":      {"v3ip4", func(b []byte) []byte { b[9] = 51; return b }, BadHeader},
		"first fragment":        {"v3ip4", func(b []byte) []byte { b[6] = 0x20; return b }, BadHeader},
		"later fragment":        {"v3ip4", func(b []byte) []byte { b[7] = 1; return b }, BadHeader},
		"version 4":             {"v3ip4", func(b []byte) []byte { b[20] = 0x41; return b }, BadVersion},
		"type 2":                {"v3ip4", func(b []byte) []byte { b[20] = 0x32; return b }, BadType},
		"address cut off":       {"v3ip4", func(b []byte) []byte { return b[:31] }, BadLength},
		"one address too many":  {"v3ip4", func(b []byte) []byte { b[23] = 2; return b }, BadLength},
		"too long to be padded": {"v3ip4", func(b []byte) []byte { return append(b, make([]byte, 15)...) }, BadLength},
		"password cut off":      {"v2pass", func(b []byte) []byte { return b[:43] }, BadLength},
		"total too small":       {"v3ip4", func(b []byte) []byte { b[3]--; return b }, BadTotal},
		"total too large":       {"v3ip4", func(b []byte) []byte { b[3] += 4; return b }, BadTotal},
		"checksum":              {"v3ip4", func(b []byte) []byte { b[26]++; return b }, BadChecksum},
		"Ethernet padding":      {"v3ip4", func(b []byte) []byte { return append(b, make([]byte, 14)...) }, Sound},
		"version 2 padding":     {"v2plain", func(b []byte) []byte { return append(b, make([]byte, 6)...) }, Sound},
		"short IPv6":            {"v3ip6", func(b []byte) []byte { return b[:7] }, TooShort},
		"IPv6 address cut off":  {"v3ip6", func(b []byte) []byte { return b[:39] }, BadLength},
	}
	for name, test := range tests {
		d := captures(t, test.capture)[0]
		d.Data = test.spoil(d.Data)
		a, got := Decode(&d)
		if got == Sound {
			got = a.Check()
		}
		if got != test.want {
			t.Errorf("%s: %v, want %v", name, got, test.want)
		}
	}
}

func TestChecksumForms(t *testing.T) {
	group := netip.MustParseAddr("224.0.0.18")
	dst := netip.MustParseAddr("172.16.8.11")
	for _, sent := range []Form{Standard, Plain, OldUnicast} {
		s := Spec{Version: 3, VRID: 1, Interval: time.Second, VIPs: addrs("172.16.8.100"),
			Src: netip.MustParseAddr("172.16.8.10"), TTL: 255, Form: sent, Group: group}
		p := Build(&s)
		d := Datagram{Data: p.Append(nil, dst, 100, 1, nil)}
		a, _ := Decode(&d)
		for _, expected := range []Form{Standard, Plain, OldUnicast} {
			if ok := a.Verify(expected, group) == Sound; ok != (sent == expected) {
				t.Errorf("sent in form %d, verified in form %d: %v", sent, expected, ok)
			}
		}
	}
}

func TestOldUnicastChecksumOfMulticastIsTheStandardOne(t *testing.T) {
	a, _ := Decode(&captures(t, "v3ip4")[0])
	if a.Verify(OldUnicast, netip.MustParseAddr("224.0.0.18")) != Sound {
		t.Error("a multicast advert has no other form")
	}
}

func TestMoreAddressesThanFit(t *testing.T) {
	var many []netip.Addr
	for i := range 300 {
		many = append(many, netip.AddrFrom4([4]byte{10, 0, byte(i / 256), byte(i)}))
	}
	for _, test := range []struct{ mtu, want int }{{0, 255}, {1500, 255}, {576, 137}, {576 - 8 + 8, 137}, {40, 3}, {10, 0}} {
		s := Spec{Version: 3, VIPs: many, MTU: test.mtu, Src: many[0]}
		if s.Len() != test.want {
			t.Errorf("MTU %d: %d addresses, want %d", test.mtu, s.Len(), test.want)
		}
		p := Build(&s)
		b := p.Append(nil, many[1], 1, 1, nil)
		if got := int(b[23]); got != test.want || int(binary.BigEndian.Uint16(b[2:])) != len(b) {
			t.Errorf("MTU %d: count %d, length %d of %d", test.mtu, got, binary.BigEndian.Uint16(b[2:]), len(b))
		}
	}
}

func TestNoAllocation(t *testing.T) {
	for name, s := range specs {
		d := captures(t, name)[0]
		a, _ := Decode(&d)
		s.Src = a.Src
		p, buf := Build(&s), make([]byte, 0, 2048)
		var id uint16
		allocs := testing.AllocsPerRun(100, func() {
			id++
			buf = p.Append(buf[:0], a.Dst, 100, id, nil)
			a, _ := Decode(&d)
			if a.Check() != Sound || !a.Addr(0).IsValid() {
				t.Fatal("not sound")
			}
		})
		if allocs != 0 {
			t.Errorf("%s: %v allocations", name, allocs)
		}
	}
}

// FuzzDecode: whatever comes in, nothing is read beyond its end, and what is
// found sound means the same when it is sent again.
func FuzzDecode(f *testing.F) {
	for _, d := range captures(f, "*") {
		f.Add(d.V6, d.Data)
	}
	src, dst := netip.MustParseAddr("fe80::10"), netip.MustParseAddr("ff02::12")
	f.Fuzz(func(t *testing.T, v6 bool, data []byte) {
		d := Datagram{V6: v6, Data: data, Src: src, Dst: dst, HopLimit: 255}
		a, flaw := Decode(&d)
		if flaw != Sound {
			return
		}
		_ = a.Kind()
		if a.Length() != Sound {
			return
		}
		s := Spec{V6: v6, Version: a.Version, VRID: a.VRID, Interval: a.Interval, Src: a.Src, TTL: a.HopLimit}
		for i := range int(a.Count) {
			s.VIPs = append(s.VIPs, a.Addr(i))
		}
		if a.Version == 2 {
			s.HasPass, s.Password = a.AuthType == Pass, a.Password()
		}
		if a.Check() != Sound {
			return
		}
		again(t, &s, &a)
	})
}

func again(t *testing.T, s *Spec, want *Advert) {
	p := Build(s)
	d := Datagram{V6: s.V6, Data: p.Append(nil, want.Dst, want.Priority, 1, nil), Src: want.Src, Dst: want.Dst, HopLimit: want.HopLimit}
	got, flaw := Decode(&d)
	if flaw != Sound || got.Check() != Sound {
		t.Fatalf("sent again: %v, %v", flaw, got.Check())
	}
	if got.VRID != want.VRID || got.Priority != want.Priority || got.Interval != want.Interval || got.Count != want.Count {
		t.Fatalf("sent again: %+v, was %+v", got, want)
	}
	for i := range int(want.Count) {
		if got.Addr(i) != want.Addr(i) {
			t.Fatalf("address %d sent again: %v, was %v", i, got.Addr(i), want.Addr(i))
		}
	}
}

func BenchmarkAppend(b *testing.B) {
	s := specs["v3ip4"]
	s.Src = netip.MustParseAddr("172.16.8.10")
	p, buf, dst := Build(&s), make([]byte, 0, 64), netip.MustParseAddr("224.0.0.18")
	for i := 0; b.Loop(); i++ {
		buf = p.Append(buf[:0], dst, 100, uint16(i), nil)
	}
}

func BenchmarkDecode(b *testing.B) {
	d := captures(b, "v3ip4")[0]
	for b.Loop() {
		if a, _ := Decode(&d); a.Check() != Sound {
			b.Fatal("not sound")
		}
	}
}
