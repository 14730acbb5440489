package netlink

import (
	"encoding/hex"
	"flag"
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	nl "github.com/mdlayher/netlink"
	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

var update = flag.Bool("update", false, "read the seeds of the fuzz tests from this kernel anew")

// seeds reads messages that a kernel sent, one in hexadecimal per line.
func seeds(t testing.TB, file string) (list [][]byte) {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(b)) {
		m, err := hex.DecodeString(strings.TrimSpace(line))
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, m)
	}
	return list
}

// TestSeedsDecode reads every message that a kernel sent; with -update it has
// one send them.
func TestSeedsDecode(t *testing.T) {
	if *update {
		record(t)
	}
	names := map[string]bool{}
	for _, m := range seeds(t, "links.hex") {
		l, err := decodeLink(m)
		if err != nil || l.Index == 0 || l.MTU == 0 {
			t.Errorf("%x: %+v, %v", m, l, err)
		}
		names[l.Name] = true
	}
	if !names["lo"] || !names["v0"] || !names["v1"] {
		t.Errorf("links are %v", names)
	}
	found := map[string]bool{}
	for _, m := range seeds(t, "addrs.hex") {
		index, w, err := decodeAddr(m)
		if err != nil || index == 0 {
			t.Errorf("%x: %+v, %v", m, w, err)
		}
		found[w.Prefix.String()] = true
	}
	for _, p := range []string{"127.0.0.1/8", "::1/128", "192.0.2.1/24", "203.0.113.1/30", "2001:db8::1/128"} {
		if !found[p] {
			t.Errorf("%s is not among %v", p, found)
		}
	}
	var texts []string
	for _, m := range seeds(t, "acks.hex") {
		for a := range acks(m) {
			texts = append(texts, fmt.Sprint(a.errno, ": ", a.text))
		}
	}
	if s := strings.Join(texts, "\n"); !strings.Contains(s, "file exists") || !strings.Contains(s, "cannot assign requested address: ") {
		t.Errorf("acknowledgements are\n%s", s)
	}
}

func record(t *testing.T) {
	namespace(t)
	k := open(t)
	peer := add("v0", "203.0.113.1/30", func(w *host.Wish) { w.Peer = netip.MustParsePrefix("203.0.113.2/30") })
	ops := []host.Op{add("v0", "192.0.2.1/24"), peer, add("v0", "2001:db8::1/128", func(w *host.Wish) { w.NoDAD, w.Preferred = true, 0 })}
	k.Do(ops)
	var all [2][]string
	for i, kind := range []nl.HeaderType{unix.RTM_GETLINK, unix.RTM_GETADDR} {
		query := [][]byte{linkQuery(), addrQuery()}[i]
		err := k.dump(kind, query, func(m []byte) error {
			all[i] = append(all[i], hex.EncodeToString(m))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	save(t, "links.hex", all[0])
	save(t, "addrs.hex", all[1])
	save(t, "acks.hex", recordAcks(t, k.writer, []host.Op{ops[0], del(add("v0", "192.0.2.9/24")), ops[2], add("v0", "192.0.2.7/24")}))
}

func recordAcks(t *testing.T, w *writer, ops []host.Op) (list []string) {
	w.encode(ops, make([]error, len(ops)))
	if _, err := unix.Write(w.fd, w.out); err != nil {
		t.Fatal(err)
	}
	for {
		n, err := unix.Read(w.fd, w.in)
		if err != nil {
			return list
		}
		list = append(list, hex.EncodeToString(w.in[:n]))
	}
}

func save(t *testing.T, file string, lines []string) {
	if err := os.MkdirAll("testdata", 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join("testdata", file), []byte(strings.Join(lines, "\n")+"\n"), 0o644); err != nil {
		t.Fatal(err)
	}
}

func FuzzLink(f *testing.F) {
	for _, m := range seeds(f, "links.hex") {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		if l, err := decodeLink(m); err != nil && l.Name != "" {
			t.Errorf("an error and a link: %+v, %v", l, err)
		}
	})
}

func FuzzAddr(f *testing.F) {
	for _, m := range seeds(f, "addrs.hex") {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		index, w, err := decodeAddr(m)
		if err != nil {
			return
		}
		if !w.Prefix.IsValid() || w.Peer.IsValid() && w.Peer.Addr().Is6() != w.V6() {
			t.Fatalf("no valid address: %+v", w)
		}
		again := appendOp(nil, host.Op{Wish: w}, index, 1)[unix.SizeofNlMsghdr:]
		if i, v, err := decodeAddr(again); err != nil || i != index || v.Addr != w.Addr.Canonical() {
			t.Errorf("%+v is written and read as %+v, %v", w.Addr, v.Addr, err)
		}
	})
}

func FuzzAcks(f *testing.F) {
	for _, m := range seeds(f, "acks.hex") {
		f.Add(m)
	}
	f.Fuzz(func(t *testing.T, m []byte) {
		n := 0
		for range acks(m) {
			n++
		}
		if n > len(m)/unix.SizeofNlMsghdr {
			t.Errorf("%d answers in %d bytes", n, len(m))
		}
	})
}
