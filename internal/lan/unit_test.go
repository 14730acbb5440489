package lan

import (
	"testing"

	"golang.org/x/net/bpf"

	"holdfast/internal/vrrp/wire"
)

// The filter, run by an interpreter, for every VRID and sets of all shapes.
func TestTheFilterKnowsItsSet(t *testing.T) {
	sets := map[string]func(v int) bool{
		"none":      func(int) bool { return false },
		"one":       func(v int) bool { return v == 51 },
		"ends":      func(v int) bool { return v == 0 || v == 255 },
		"all":       func(int) bool { return true },
		"even":      func(v int) bool { return v%2 == 0 },
		"one word":  func(v int) bool { return v/32 == 5 },
		"word ends": func(v int) bool { return v%32 == 0 || v%32 == 31 },
	}
	for name, in := range sets {
		var set VRIDs
		for v := range 256 {
			if in(v) {
				set.Add(uint8(v))
			}
		}
		for _, v6 := range []bool{false, true} {
			vm, err := bpf.NewVM(vridFilter(kindOf(v6), false, &set))
			if err != nil {
				t.Fatal(err)
			}
			for v := range 256 {
				if set.Has(uint8(v)) != in(v) {
					t.Errorf("%s: Has(%d) is wrong", name, v)
				}
				if got := passes(t, vm, filtered(v6, 0x21, uint8(v))); got != in(v) {
					t.Errorf("%s, v6 %v: VRID %d passes: %v", name, v6, v, got)
				}
			}
		}
	}
}

func filtered(v6 bool, typ, vrid uint8) []byte {
	vrrp := []byte{typ, vrid, 100, 1, 0, 1, 0, 0}
	if v6 {
		return vrrp
	}
	header := make([]byte, 24) // with an option
	header[0], header[9] = 0x46, wire.Protocol
	return append(header, vrrp...)
}

func passes(t *testing.T, vm *bpf.VM, packet []byte) bool {
	t.Helper()
	n, err := vm.Run(packet)
	if err != nil {
		t.Fatal(err)
	}
	return n > 0
}

func TestTheFilterPassesAdvertsOnly(t *testing.T) {
	var set VRIDs
	set.Add(51)
	for _, all := range []bool{false, true} {
		for _, v6 := range []bool{false, true} {
			vm, err := bpf.NewVM(vridFilter(kindOf(v6), all, &set))
			if err != nil {
				t.Fatal(err)
			}
			for version := range 16 {
				for typ := range 16 {
					packet := filtered(v6, uint8(version<<4|typ), 51)
					if got := passes(t, vm, packet); got != (typ == 1) {
						t.Errorf("v6 %v, version %d, type %d passes: %v", v6, version, typ, got)
					}
				}
			}
			if got := passes(t, vm, filtered(v6, 0x31, 52)); got != all {
				t.Errorf("v6 %v, all %v: another VRID passes: %v", v6, all, got)
			}
			for n := range filtered(v6, 0x31, 51)[:len(filtered(v6, 0x31, 51))-7] {
				if passes(t, vm, filtered(v6, 0x31, 51)[:n]) {
					t.Errorf("v6 %v: %d bytes pass", v6, n)
				}
			}
		}
	}
	udp := filtered(false, 0x21, 51)
	udp[9] = 17
	vm, _ := bpf.NewVM(vridFilter(behindIP, true, &set))
	if passes(t, vm, udp) {
		t.Error("another protocol passes")
	}
}

func FuzzHeader(f *testing.F) {
	f.Add(advert2(51, here4, group4, 255))
	f.Fuzz(func(t *testing.T, b []byte) {
		d := wire.Datagram{Data: b}
		describe4(&d)
		if d.Src.IsValid() != (len(b) >= 20) {
			t.Errorf("%d bytes give source %v", len(b), d.Src)
		}
	})
}

func TestFramesAreBuiltInPlace(t *testing.T) {
	var frame [naLength]byte
	mac, vip6 := [6]byte{2, 0, 0, 0, 0, 1}, over6
	if n := testing.AllocsPerRun(100, func() {
		if len(appendGARP(frame[:0], mac, over4, false)) != arpLength || len(appendNA(frame[:0], mac, vip6, true)) != naLength {
			t.Error("a frame has another length")
		}
	}); n != 0 {
		t.Errorf("%v allocations for two frames", n)
	}
}

// kindOf is what stands before the message of a family without authentication header.
func kindOf(v6 bool) kind {
	if v6 {
		return bare
	}
	return behindIP
}
