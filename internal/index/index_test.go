package index_test

import (
	"net/netip"
	"slices"
	"testing"

	"holdfast/internal/index"
)

type thing struct{ name string }

func hashes() map[string]func(string) index.Hash {
	return map[string]func(string) index.Hash{
		"as they come": index.Of,
		"all the same": func(string) index.Hash { return 7 },
		"in pairs":     func(s string) index.Hash { return index.Hash(s[0]) / 2 },
	}
}

func TestAnIndexIsAMapWhateverTheHashes(t *testing.T) {
	for name, hash := range hashes() {
		t.Run(name, func(t *testing.T) {
			x := index.New(hash, func(v *thing) string { return v.name })
			like := map[string]*thing{}
			for i := range 2000 {
				k := string(rune('a' + i*7%26))
				if i%3 == 2 {
					x.Delete(k)
					delete(like, k)
				} else {
					v := &thing{k}
					x.Put(v)
					like[k] = v
				}
				compare(t, x, like)
			}
		})
	}
}

func compare(t *testing.T, x *index.Index[string, *thing], like map[string]*thing) {
	t.Helper()
	for c := 'a'; c <= 'z'; c++ {
		got, found := x.Get(string(c))
		if want, there := like[string(c)]; found != there || got != want {
			t.Fatalf("%c is %v, %v, want %v, %v", c, got, found, want, there)
		}
	}
	if all := slices.Collect(x.Values()); len(all) != len(like) {
		t.Fatalf("%d values, want %d", len(all), len(like))
	}
}

func TestHashesOfNeighboursDiffer(t *testing.T) {
	seen := map[index.Hash]bool{}
	a := netip.MustParseAddr("10.0.0.0")
	for i := range 100_000 {
		h := index.Of("eth0").With(uint64(i % 255)).WithAddr(a)
		if seen[h] {
			t.Fatalf("the %d-th has the hash of another", i)
		}
		seen[h], a = true, a.Next()
	}
	if index.Of("eth0").WithAddr(netip.Addr{}) == index.Of("eth0").WithAddr(netip.IPv6Unspecified()) {
		t.Error("no address has the hash of ::")
	}
}
