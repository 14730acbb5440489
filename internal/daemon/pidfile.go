package daemon

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"
)

// errRunning says that another daemon holds the lock of a pid file.
var errRunning = errors.New("daemon is already running")

// pidFile is a pid file, locked for as long as its process lives: a file left
// by a dead process carries no lock and stops nobody.
type pidFile struct{ *os.File }

// patience is how long the lock of a dying process is waited for: the kernel
// closes its files one after the other.
const patience = 200 * time.Millisecond

// lockPIDFile opens, locks and empties a pid file. Symbolic links are refused.
func lockPIDFile(path string) (*pidFile, error) {
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("make the directory of pid file %s: %w", path, err)
	}
	for end := time.Now().Add(patience); ; {
		f, err := openLocked(path, end)
		if err != nil {
			return nil, err
		}
		if f.current() {
			_ = f.Chmod(0o644) // whatever the umask
			return f, f.Truncate(0)
		}
		_ = f.Close()
	}
}

func openLocked(path string, end time.Time) (*pidFile, error) {
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open pid file: %w", err)
	}
	if err := lockUntil(f, end); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another process has pid file %s locked: %w", path, errRunning)
	}
	return &pidFile{f}, nil
}

func lockUntil(f *os.File, end time.Time) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	for ; ; time.Sleep(2 * time.Millisecond) {
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
}

// current reports whether the file is still the one of its name: whoever held
// the lock before may have taken the file away at its end.
func (p *pidFile) current() bool {
	here, err := p.Stat()
	if err != nil {
		return false
	}
	there, err := os.Lstat(p.Name())
	return err == nil && os.SameFile(here, there)
}

// write states the process.
func (p *pidFile) write(pid int) error {
	if err := p.Truncate(0); err != nil {
		return fmt.Errorf("empty pid file %s: %w", p.Name(), err)
	}
	_, err := p.WriteAt(fmt.Appendf(nil, "%d\n", pid), 0)
	return err
}

// remove takes the file away and its lock with it.
func (p *pidFile) remove() {
	_ = os.Remove(p.Name())
	_ = p.Close()
}
