package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"path/filepath"
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
)

// memory is the small file under /run that lets a router process which starts
// after a crash go on as MASTER: the role and the last advert of each virtual
// router. It is mapped, so that remembering is a store and not a system call,
// and it is worth nothing after a reboot, as is CLOCK_BOOTTIME.
type memory struct {
	file    *os.File
	mapped  []byte
	records []record
	past    map[vrrp.Key]vrrp.Memory
}

// record is one virtual router. Its size divides a page.
type record struct {
	link [16]byte // IFNAMSIZ
	from [16]byte
	sent atomic.Int64 // mono.Instant of the last advert
	role atomic.Uint32
	mark uint32 // recordMark; anything else is not a record
	vrid uint8
	v6   uint8 // 0 or 1
	_    [14]byte
}

// recordMark tells a record of this layout from whatever else the file may hold.
const recordMark = 0x68_66_0001

const recordSize = int(unsafe.Sizeof(record{}))

// openMemory maps the file and reads what an earlier run left in it.
func openMemory(path string) (*memory, error) {
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("make the directory of %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, fmt.Errorf("open the memory of roles: %w", err)
	}
	m := &memory{file: f, past: map[vrrp.Key]vrrp.Memory{}}
	if err := m.recall(); err != nil {
		return nil, err
	}
	return m, nil
}

// recall reads what is there and lets go of it: until Assign there is nothing
// to remember.
func (m *memory) recall() error {
	info, err := m.file.Stat()
	if err != nil {
		return fmt.Errorf("look at the memory of roles: %w", err)
	}
	n := int(info.Size()) / recordSize
	if n == 0 {
		return nil
	}
	if err := m.mmap(n); err != nil {
		return err
	}
	for i := range m.records {
		if r := &m.records[i]; r.mark == recordMark {
			m.past[r.key()] = vrrp.Memory{Role: vrrp.Role(r.role.Load()), LastAdvert: mono.Instant(r.sent.Load())}
		}
	}
	m.unmap()
	return nil
}

// Past is what an earlier run left of a router.
func (m *memory) Past(k vrrp.Key) (vrrp.Memory, bool) {
	past, ok := m.past[k]
	return past, ok
}

func (m *memory) mmap(n int) error {
	m.unmap()
	b, err := unix.Mmap(int(m.file.Fd()), 0, n*recordSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	if err != nil {
		return fmt.Errorf("map the memory of roles: %w", err)
	}
	m.mapped, m.records = b, unsafe.Slice((*record)(unsafe.Pointer(&b[0])), n)
	return nil
}

func (m *memory) unmap() {
	if m.mapped != nil {
		_ = unix.Munmap(m.mapped)
		m.mapped, m.records = nil, nil
	}
}

// Assign lays out one record per router, by ID, keeping what is known of each.
// The loop calls it right after it took a configuration over.
func (m *memory) Assign(keys []vrrp.Key, roles []vrrp.Role) error {
	if len(keys) == 0 || m.lists(keys) {
		return nil
	}
	sent := m.sent()
	if err := m.resize(len(keys)); err != nil {
		return err
	}
	for i, k := range keys {
		m.records[i].set(k, roles[i], sent[k])
	}
	m.past = nil
	return nil
}

// lists reports whether the records are those of keys already: roles and adverts
// have been kept in them all the time.
func (m *memory) lists(keys []vrrp.Key) bool {
	if len(keys) != len(m.records) {
		return false
	}
	for i, k := range keys {
		if !m.records[i].of(k) {
			return false
		}
	}
	return true
}

// sent is the last advert of every router known so far.
func (m *memory) sent() map[vrrp.Key]int64 {
	sent := make(map[vrrp.Key]int64, len(m.records)+len(m.past))
	for k, p := range m.past {
		sent[k] = int64(p.LastAdvert)
	}
	for i := range m.records {
		sent[m.records[i].key()] = m.records[i].sent.Load()
	}
	return sent
}

func (m *memory) resize(n int) error {
	if n == len(m.records) {
		return nil
	}
	if err := m.file.Truncate(int64(n * recordSize)); err != nil {
		return fmt.Errorf("size the memory of roles: %w", err)
	}
	return m.mmap(n)
}

// Role implements engine.Memory.
func (m *memory) Role(id vrrp.ID, role vrrp.Role) {
	if int(id) < len(m.records) {
		m.records[id].role.Store(uint32(role))
	}
}

// Sent implements engine.Memory.
func (m *memory) Sent(id vrrp.ID, at mono.Instant) {
	if int(id) < len(m.records) {
		m.records[id].sent.Store(int64(at))
	}
}

// forget takes the file away after an orderly stop.
func (m *memory) forget() {
	_ = os.Remove(m.file.Name())
	_ = m.file.Close()
}

func (r *record) set(k vrrp.Key, role vrrp.Role, sent int64) {
	r.link, r.from = [16]byte{}, [16]byte{}
	copy(r.link[:], k.Link)
	if k.From.IsValid() {
		r.from = k.From.As16()
	}
	r.vrid, r.v6, r.mark = k.VRID, 0, recordMark
	if k.V6 {
		r.v6 = 1
	}
	r.role.Store(uint32(role))
	r.sent.Store(sent)
}

func (r *record) of(k vrrp.Key) bool {
	from := netip.AddrFrom16(r.from).Unmap()
	return r.vrid == k.VRID && (r.v6 == 1) == k.V6 && (from == k.From || from.IsUnspecified() && !k.From.IsValid()) &&
		string(r.link[:len(k.Link)]) == k.Link && (len(k.Link) == len(r.link) || r.link[len(k.Link)] == 0)
}

func (r *record) key() vrrp.Key {
	k := vrrp.Key{Link: unix.ByteSliceToString(r.link[:]), VRID: r.vrid, V6: r.v6 == 1}
	if a := netip.AddrFrom16(r.from); !a.IsUnspecified() {
		k.From = a.Unmap()
	}
	return k
}
