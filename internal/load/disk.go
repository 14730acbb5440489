package load

import (
	"os"
	"path/filepath"

	"golang.org/x/sys/unix"

	"holdfast/internal/conf"
)

// Disk is the machine's files, as the reader of the language sees them.
type Disk struct{}

// Read implements conf.Files.
func (Disk) Read(path string) ([]byte, conf.Kind, error) {
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
func (Disk) Glob(pattern string) ([]string, error) { return filepath.Glob(pattern) }

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
