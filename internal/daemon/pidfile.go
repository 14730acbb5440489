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

// lockPIDFile opens, locks and empties a pid file. Symbolic links are refused.
func lockPIDFile(path string) (*pidFile, error) {
	if err := makeDir(filepath.Dir(path)); err != nil {
		return nil, fmt.Errorf("make the directory of pid file %s: %w", path, err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open pid file: %w", err)
	}
	if err := lockSoon(f); err != nil {
		_ = f.Close()
		return nil, fmt.Errorf("another process has pid file %s locked: %w", path, errRunning)
	}
	_ = f.Chmod(0o644) // whatever the umask
	return &pidFile{f}, f.Truncate(0)
}

// patience is how long the lock of a dying process is waited for: the kernel
// closes its files one after the other.
const patience = 200 * time.Millisecond

func lockSoon(f *os.File) error {
	lock := unix.Flock_t{Type: unix.F_WRLCK}
	for end := time.Now().Add(patience); ; time.Sleep(2 * time.Millisecond) {
		err := unix.FcntlFlock(f.Fd(), unix.F_OFD_SETLK, &lock)
		if err == nil || time.Now().After(end) {
			return err
		}
	}
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
