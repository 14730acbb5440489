package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"
)

// makeOwnDir makes a folder that only the daemon enters, whatever the umask.
func makeOwnDir(dir string) error {
	err := os.Mkdir(dir, 0o700)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	return os.Chmod(dir, 0o700)
}

// makeDir makes a folder, and those above it that are missing, for everybody to
// enter: whatever the umask, others find sockets and pid files in it.
func makeDir(dir string) error {
	err := os.Mkdir(dir, 0o755)
	if errors.Is(err, fs.ErrNotExist) {
		if err := makeDir(filepath.Dir(dir)); err != nil {
			return err
		}
		err = os.Mkdir(dir, 0o755)
	}
	if err == nil {
		return os.Chmod(dir, 0o755)
	}
	if info, missing := os.Stat(dir); missing == nil && info.IsDir() {
		return nil
	}
	return err
}
