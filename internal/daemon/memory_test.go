package daemon

import (
	"bytes"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
)

// three are routers that differ in every part of a key.
func three() []vrrp.Key {
	return []vrrp.Key{
		{Link: "eth0", VRID: 51},
		{Link: "fifteen-letters", VRID: 255, V6: true, From: netip.MustParseAddr("fe80::1")},
		{Link: "eth0", VRID: 51, From: netip.MustParseAddr("192.0.2.1")},
	}
}

func opened(t *testing.T, path string) *memory {
	t.Helper()
	m, err := openMemory(path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		m.unmap()
		_ = m.file.Close()
	})
	return m
}

func assign(t *testing.T, m *memory, keys []vrrp.Key, roles ...vrrp.Role) {
	t.Helper()
	if err := m.Assign(keys, roles); err != nil {
		t.Fatal(err)
	}
}

// left is what a daemon that starts now finds of routers.
func left(t *testing.T, path string, keys []vrrp.Key) (all []vrrp.Memory) {
	t.Helper()
	m := opened(t, path)
	for _, k := range keys {
		past, ok := m.Past(k)
		if !ok && past != (vrrp.Memory{}) {
			t.Errorf("%v: nothing, but %+v", k, past)
		}
		all = append(all, past)
	}
	return all
}

// crashed is the file of a daemon that was killed as master of two of three.
func crashed(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "roles")
	m := opened(t, path)
	assign(t, m, three(), vrrp.Backup, vrrp.Backup, vrrp.Fault)
	for id := range vrrp.ID(2) {
		m.Role(id, vrrp.Master)
		m.Sent(id, mono.Instant(100+10*id))
	}
	m.Role(99, vrrp.Master) // a router that is newer than the file
	m.Sent(99, 1)
	return path
}

func TestWhatAnEarlierRunLeftIsRecalled(t *testing.T) {
	want := []vrrp.Memory{{Role: vrrp.Master, LastAdvert: 100}, {Role: vrrp.Master, LastAdvert: 110}, {Role: vrrp.Fault}}
	if diff := cmp.Diff(want, left(t, crashed(t), three())); diff != "" {
		t.Error(diff)
	}
}

func TestAnOrderlyStopLeavesNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "roles")
	m, err := openMemory(path)
	if err != nil {
		t.Fatal(err)
	}
	assign(t, m, three(), vrrp.Master, vrrp.Master, vrrp.Master)
	m.forget()
	if _, err := os.Stat(path); !os.IsNotExist(err) {
		t.Errorf("the file is still there: %v", err)
	}
}

// A reload may bring routers in another order, take some away and add others;
// a start takes over what was recalled.
func TestAssignKeepsTheLastAdvertByKey(t *testing.T) {
	path := crashed(t)
	m := opened(t, path)
	k := three()
	assign(t, m, []vrrp.Key{k[1], k[2], k[0]}, vrrp.Backup, vrrp.Master, vrrp.Master)
	want := []vrrp.Memory{{Role: vrrp.Master, LastAdvert: 100}, {Role: vrrp.Backup, LastAdvert: 110}, {Role: vrrp.Master}}
	if diff := cmp.Diff(want, left(t, path, k)); diff != "" {
		t.Error("after a start:", diff)
	}
	m.Sent(1, 500)
	added := vrrp.Key{Link: "eth9", VRID: 9}
	assign(t, m, []vrrp.Key{added, k[2], k[1], k[0]}, vrrp.Backup, vrrp.Master, vrrp.Backup, vrrp.Master)
	want = append(want, vrrp.Memory{Role: vrrp.Backup})
	want[2].LastAdvert = 500
	if diff := cmp.Diff(want, left(t, path, append(k, added))); diff != "" {
		t.Error("after one more:", diff)
	}
	assign(t, m, []vrrp.Key{k[0]}, vrrp.Master)
	if diff := cmp.Diff([]vrrp.Memory{want[0], {}, {}, {}}, left(t, path, append(k, added))); diff != "" {
		t.Error("after three less:", diff)
	}
}

// The file may be anything; the worst that follows is a start as after a boot.
func TestAnUnreadableMemoryIsIgnored(t *testing.T) {
	good, err := os.ReadFile(crashed(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		name, text string
		want       int // routers still known
	}{
		{"empty", "", 0},
		{"one byte", "x", 0},
		{"text", strings.Repeat("garbage ", 100), 0},
		{"all ones", strings.Repeat("\xff", 3*recordSize), 0},
		{"zeroes", strings.Repeat("\x00", 3*recordSize), 0},
		{"shifted", string(good[1:]), 0},
		{"cut within the last record", string(good[:len(good)-1]), 2},
		{"cut within the first record", string(good[:recordSize/2]), 0},
		{"longer", string(good) + "tail", 3},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := write(t, "roles", tt.text)
			m := opened(t, path)
			if len(m.past) != tt.want {
				t.Errorf("%d routers are known, want %d", len(m.past), tt.want)
			}
			assign(t, m, three(), vrrp.Master, vrrp.Backup, vrrp.Backup)
			m.Sent(0, 7)
			if got := left(t, path, three())[0]; got != (vrrp.Memory{Role: vrrp.Master, LastAdvert: 7}) {
				t.Errorf("it is of no use afterwards: %+v", got)
			}
			if text, _ := os.ReadFile(path); len(text) != 3*recordSize || bytes.Contains(text, []byte("tail")) {
				t.Errorf("%d bytes are left", len(text))
			}
		})
	}
}

// Who can write to the folder must not make the daemon write elsewhere.
func TestMemoryIsNotFollowedThroughALink(t *testing.T) {
	target := write(t, "target", "")
	link := target + ".link"
	if err := os.Symlink(target, link); err != nil {
		t.Fatal(err)
	}
	if _, err := openMemory(link); err == nil {
		t.Error("opened")
	}
}
