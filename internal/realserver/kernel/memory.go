package kernel

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast/internal/realserver"
)

// Store is the file that remembers what was changed. It is for one at a time.
type Store struct {
	path string
	lock *os.File
}

// OpenStore waits for its turn and reads what is remembered in a folder.
func OpenStore(dir string) (*Store, realserver.Memory, error) {
	var m realserver.Memory
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, m, err
	}
	lock, err := os.Open(dir)
	if err != nil {
		return nil, m, err
	}
	if err := unix.Flock(int(lock.Fd()), unix.LOCK_EX); err != nil {
		lock.Close()
		return nil, m, fmt.Errorf("lock %s: %w", dir, err)
	}
	s := &Store{filepath.Join(dir, "realserver.json"), lock}
	if m, err = s.read(); err != nil {
		lock.Close()
		return nil, m, err
	}
	return s, m, nil
}

func (s *Store) read() (m realserver.Memory, err error) {
	b, err := os.ReadFile(s.path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		return m, nil
	case err != nil:
		return m, err
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("read %s (delete it to forget what was changed): %w", s.path, err)
	}
	return m, nil
}

// Keep remembers. Nothing to remember leaves no file.
func (s *Store) Keep(m realserver.Memory) error {
	if len(m.Services)+len(m.Done) == 0 {
		if err := os.Remove(s.path); err != nil && !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(s.path+".new", append(b, '\n'), 0o600); err != nil {
		return err
	}
	return os.Rename(s.path+".new", s.path)
}

// Close lets the next one in.
func (s *Store) Close() error { return s.lock.Close() }

// Elsewhere is the link that has an address although another one is its home; empty
// if none has.
func Elsewhere(s realserver.Service) (string, error) {
	links, err := net.Interfaces()
	if err != nil {
		return "", err
	}
	for _, link := range links {
		addrs, err := link.Addrs()
		if err != nil {
			return "", err
		}
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr() == s.Address && link.Name != s.Home() {
				return link.Name, nil
			}
		}
	}
	return "", nil
}
