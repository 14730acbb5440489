package wiretap

import (
	"net/netip"
	"testing"
	"time"

	"golang.org/x/net/bpf"
)

var master = netip.MustParseAddr("192.0.2.1")

// advert4 is a VRRPv2 advert over IPv4 in its Ethernet frame.
func advert4(source [4]byte) []byte {
	frame := make([]byte, 14+20+20)
	frame[12] = 0x08
	ip := frame[14:]
	ip[0], ip[9] = 0x45, 112
	copy(ip[12:], source[:])
	copy(ip[20:], []byte{0x21, 51, 100, 1})
	return frame
}

func advert6() []byte {
	frame := make([]byte, 14+40+24)
	frame[12], frame[13] = 0x86, 0xdd
	ip := frame[14:]
	ip[6] = 112
	copy(ip[8:], netip.MustParseAddr("fe80::1").AsSlice())
	copy(ip[40:], []byte{0x31, 7, 200, 1})
	return frame
}

func neighbour(kind byte) []byte {
	frame := make([]byte, 14+40+24)
	frame[12], frame[13] = 0x86, 0xdd
	ip := frame[14:]
	ip[6], ip[40] = 58, kind
	copy(ip[48:], netip.MustParseAddr("2001:db8::9").AsSlice())
	return frame
}

func arp(sender, target byte) []byte {
	frame := make([]byte, 14+28)
	frame[12], frame[13] = 0x08, 0x06
	frame[14+17], frame[14+27] = sender, target
	return frame
}

func TestFilterAndDecoderKeepWhatTheyShould(t *testing.T) {
	vm := machine(t)
	for _, row := range []struct {
		name     string
		frame    []byte
		filtered bool
		kept     bool
		want     Packet
	}{
		{"advert over IPv4", advert4(master.As4()), true, true, Packet{Kind: Advert, From: master, Version: 2, VRID: 51, Priority: 100}},
		{"flood", advert4([4]byte{198, 19, 1, 1}), false, true, Packet{Kind: Advert, From: netip.MustParseAddr("198.19.1.1"), Version: 2, VRID: 51, Priority: 100}},
		{"advert over IPv6", advert6(), true, true, Packet{Kind: Advert, From: netip.MustParseAddr("fe80::1"), Version: 3, VRID: 7, Priority: 200}},
		{"neighbour advertisement", neighbour(136), true, true, Packet{Kind: Announce, From: netip.MustParseAddr("2001:db8::9")}},
		{"neighbour solicitation", neighbour(135), false, false, Packet{}},
		{"gratuitous ARP", arp(9, 9), true, true, Packet{Kind: Announce, From: netip.MustParseAddr("0.0.0.9")}},
		{"ordinary ARP", arp(9, 8), true, false, Packet{}},
		{"truncated", advert4(master.As4())[:20], false, false, Packet{}},
	} {
		t.Run(row.name, func(t *testing.T) {
			if n, _ := vm.Run(row.frame); (n > 0) != row.filtered {
				t.Errorf("the filter keeps %d bytes, want it to keep the frame: %v", n, row.filtered)
			}
			got, ok := decode(row.frame)
			if ok != row.kept || ok && got != row.want {
				t.Errorf("decode: %+v, %v; want %+v, %v", got, ok, row.want, row.kept)
			}
		})
	}
}

func machine(t *testing.T) *bpf.VM {
	t.Helper()
	vm, err := bpf.NewVM(filter())
	if err != nil {
		t.Fatal(err)
	}
	return vm
}

// train is one router's adverts at the given milliseconds.
func train(vrid uint8, ms ...int) []Packet {
	var out []Packet
	for _, m := range ms {
		at := time.Unix(0, 0).Add(time.Duration(m) * time.Millisecond)
		out = append(out, Packet{At: at, Kind: Advert, From: master, VRID: vrid, Priority: 100})
	}
	return out
}

func TestDeviationsAreTakenPerRouterAndSkipGoodByes(t *testing.T) {
	packets := append(train(1, 0, 1003, 1999), train(2, 500, 1500)...)
	packets = append(packets, Packet{Kind: Advert, From: master, VRID: 2, At: time.Unix(0, 0).Add(1600 * time.Millisecond)})
	if got := Latest(packets, time.Second); got != 3*time.Millisecond {
		t.Errorf("latest by %v, want 3ms", got)
	}
	if got := Quantile(Deviations(packets, time.Second), 0); got != -4*time.Millisecond {
		t.Errorf("earliest by %v, want -4ms", got)
	}
}

func TestBurstTellsSpreadFromBurst(t *testing.T) {
	var spread, burst []Packet
	for at := 0; at <= 3000; at += 10 {
		spread = append(spread, train(1, at)...)
	}
	for _, at := range []int{0, 1, 2, 1000, 1001, 1002, 2000} {
		burst = append(burst, train(1, at)...)
	}
	if got := Burst(spread, time.Second, 10*time.Millisecond); got > 0.011 {
		t.Errorf("an even spread has share %v, want 0.01", got)
	}
	if got := Burst(burst, time.Second, 10*time.Millisecond); got != 1 {
		t.Errorf("one burst has share %v, want 1", got)
	}
}

func TestQuantile(t *testing.T) {
	values := []int{5, 1, 4, 2, 3}
	for q, want := range map[float64]int{0: 1, 0.5: 3, 0.99: 5, 1: 5} {
		if got := Quantile(values, q); got != want {
			t.Errorf("quantile %v is %d, want %d", q, got, want)
		}
	}
}
