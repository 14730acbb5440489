package daemon

import (
	"errors"
	"io/fs"
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast/internal/conf"
)

// disk is the machine's files, as the reader of the language sees them.
type disk struct{}

// Read implements conf.Files.
func (disk) Read(path string) ([]byte, conf.Kind, error) {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return nil, conf.Missing, err
	case err != nil:
		return nil, conf.Unreadable, err
	case info.IsDir():
		return nil, conf.Directory, nil
	case !info.Mode().IsRegular():
		return nil, conf.Irregular, nil
	case info.Mode()&0o111 != 0:
		return nil, conf.Executable, nil
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, conf.Unreadable, err
	}
	return text, conf.Regular, nil
}

// Glob implements conf.Files.
func (disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

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

// hostID is the default of the config id: the host name up to its first dot.
func hostID() string {
	var u unix.Utsname
	if unix.Uname(&u) != nil {
		return ""
	}
	name := unix.ByteSliceToString(u.Nodename[:])
	for i := range len(name) {
		if name[i] == '.' {
			return name[:i]
		}
	}
	return name
}
