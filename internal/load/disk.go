package load

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/internal/conf"
)

// Disk is the machine's files, as the reader of the language sees them.
type Disk struct{}

// Read implements conf.Files.
func (Disk) Read(path string) (string, conf.Kind, error) {
	info, err := os.Stat(path)
	switch {
	case os.IsNotExist(err):
		return "", conf.Missing, err
	case err != nil:
		return "", conf.Unreadable, err
	case info.IsDir():
		return "", conf.Directory, nil
	case !info.Mode().IsRegular():
		return "", conf.Irregular, nil
	case info.Mode()&0o111 != 0:
		return "", conf.Executable, nil
	}
	text, err := readText(path, info.Size())
	if err != nil {
		return "", conf.Unreadable, err
	}
	return text, conf.Regular, nil
}

// readText reads a file whose size is about known. The text is not in memory twice:
// it is the larger part of what a reading takes.
func readText(path string, size int64) (string, error) {
	f, err := os.Open(path)
	if err != nil {
		return "", err
	}
	defer func() { _ = f.Close() }()
	var b strings.Builder
	b.Grow(int(size))
	_, err = io.Copy(&b, f)
	return b.String(), err
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
