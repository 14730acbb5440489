package load

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/sys/unix"

	"holdfast/internal/conf"
)

// Disk is the machine's files, as the reader of the language sees them.
type Disk struct{}

// sizeLimit is the largest file that is taken for a configuration, in bytes: ten
// times what 5,000 virtual servers with 20 real servers each need.
const sizeLimit = 256 << 20

// Read implements conf.Files. It never waits for another process: what stands at
// the path is looked at before it is opened, and again after, since it may have
// been replaced in between.
func (Disk) Read(path string) (string, conf.Kind, error) {
	info, err := os.Stat(path)
	if kind := kindOf(info, err); kind != conf.Regular {
		return "", kind, err
	}
	f, err := os.OpenFile(path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return "", kindOf(nil, err), err
	}
	defer func() { _ = f.Close() }()
	info, err = f.Stat()
	if kind := kindOf(info, err); kind != conf.Regular {
		return "", kind, err
	}
	text, err := readText(f, info.Size())
	if err != nil {
		return "", conf.Unreadable, err
	}
	return text, conf.Regular, nil
}

// kindOf judges what stands at a path.
func kindOf(info os.FileInfo, err error) conf.Kind {
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ENOTDIR):
		return conf.Missing
	case err != nil:
		return conf.Unreadable
	case info.IsDir():
		return conf.Directory
	case !info.Mode().IsRegular():
		return conf.Irregular
	case info.Mode()&0o111 != 0:
		return conf.Executable
	}
	return conf.Regular
}

// readText reads a file whose size is about known. The text is not in memory twice:
// it is the larger part of what a reading takes.
func readText(f io.Reader, size int64) (string, error) {
	if size > sizeLimit {
		return "", errTooLarge
	}
	var b strings.Builder
	b.Grow(int(size))
	n, err := io.Copy(&b, io.LimitReader(f, sizeLimit+1))
	if n > sizeLimit {
		return "", errTooLarge
	}
	return b.String(), err
}

var errTooLarge = errors.New("it is larger than 256 MiB")

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
