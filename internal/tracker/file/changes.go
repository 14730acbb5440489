package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// place is an entry of a directory.
type place struct{ dir, name string }

// maxLinks is how many symbolic links one path may have, as the kernel has it.
const maxLinks = 40

// locate finds the places that lead to the file and reports whether they are
// others than before: its own entry, those of the links on the way, and, where
// the way ends early, the entry that is missing.
func (f *watched) locate() (moved bool) {
	now := route(f.Path)
	moved = !slices.Equal(now, f.places)
	f.places = now
	return moved
}

func route(path string) (places []place) {
	if whole, err := filepath.Abs(path); err == nil {
		path = whole
	}
	dir, rest := "/", elements(path)
	for links := 0; len(rest) > 0; {
		here := place{dir, rest[0]}
		full := filepath.Join(dir, rest[0])
		target, err := os.Readlink(full)
		rest = rest[1:]
		switch {
		case err == nil && links == maxLinks:
			return places
		case err == nil:
			links++
			places = append(places, here)
			if filepath.IsAbs(target) {
				dir = "/"
			}
			rest = append(elements(target), rest...)
		case len(rest) == 0 || !isDir(full):
			return append(places, here)
		default:
			dir = full
		}
	}
	return places
}

func elements(path string) []string {
	return strings.Split(strings.Trim(filepath.Clean(path), "/"), "/")
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// changes tells what happens to entries of directories.
type changes struct {
	file *os.File
	fd   int
	dirs map[int32]string // by watch
	wds  map[string]int32
	buf  [64 << 10]byte
}

// event is what happened: to an entry, or to the directory itself.
type event struct {
	wd   int32
	mask uint32
	name string
}

// wanted are the events that matter: contents count when their writer is done.
const wanted = unix.IN_CLOSE_WRITE | unix.IN_CREATE | unix.IN_MOVED_TO | unix.IN_MOVED_FROM | unix.IN_DELETE |
	unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_ONLYDIR

// uprooted are the events after which a path leads elsewhere than the watch.
const uprooted = unix.IN_DELETE_SELF | unix.IN_MOVE_SELF | unix.IN_UNMOUNT | unix.IN_IGNORED

func newChanges() (*changes, error) {
	fd, err := unix.InotifyInit1(unix.IN_CLOEXEC | unix.IN_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("start inotify: %w", err)
	}
	return &changes{file: os.NewFile(uintptr(fd), "inotify"), fd: fd, dirs: map[int32]string{}, wds: map[string]int32{}}, nil
}

func (c *changes) close() { _ = c.file.Close() }

// watch makes the directories of places those that are watched.
func (c *changes) watch(places map[place]bool) (err error) {
	needed := map[string]bool{}
	for p := range places {
		needed[p.dir] = true
	}
	for dir, wd := range c.wds {
		if !needed[dir] {
			c.forget(wd)
		}
	}
	for dir := range needed {
		if _, watched := c.wds[dir]; !watched {
			err = errors.Join(err, c.add(dir))
		}
	}
	return err
}

// add watches a directory; one that is not there any more is no error.
func (c *changes) add(dir string) error {
	wd, err := unix.InotifyAddWatch(c.fd, dir, wanted)
	switch {
	case errors.Is(err, unix.ENOENT), errors.Is(err, unix.ENOTDIR):
		return nil
	case err != nil:
		return fmt.Errorf("watch %s: %w", dir, err)
	}
	c.dirs[int32(wd)], c.wds[dir] = dir, int32(wd)
	return nil
}

// forget drops a watch, if it is one.
func (c *changes) forget(wd int32) {
	if dir, watched := c.dirs[wd]; watched {
		_, _ = unix.InotifyRmWatch(c.fd, uint32(wd)) // it may be gone already
		delete(c.dirs, wd)
		delete(c.wds, dir)
	}
}

// next waits for events. It fails when c is closed.
func (c *changes) next() (list []event, err error) {
	n, err := c.file.Read(c.buf[:])
	for b := c.buf[:max(n, 0)]; len(b) >= unix.SizeofInotifyEvent; {
		size := unix.SizeofInotifyEvent + int(binary.NativeEndian.Uint32(b[12:]))
		name, _, _ := strings.Cut(string(b[unix.SizeofInotifyEvent:size]), "\x00")
		list = append(list, event{int32(binary.NativeEndian.Uint32(b)), binary.NativeEndian.Uint32(b[4:]), name})
		b = b[size:]
	}
	return list, err
}

// concerns draws from events what has changed: some places, or nobody knows what.
func (c *changes) concerns(list []event) (changed map[place]bool, everything bool) {
	changed = map[place]bool{}
	for _, e := range list {
		dir, watched := c.dirs[e.wd]
		switch at := (place{dir, e.name}); {
		case e.mask&unix.IN_Q_OVERFLOW != 0:
			everything = true
		case !watched:
		case e.mask&uprooted != 0:
			c.forget(e.wd)
			everything = true
		case e.mask&unix.IN_CREATE == 0 || !at.regular():
			changed[at] = true
		}
	}
	return changed, everything
}

// regular tells of a file that was created that its writer will close it.
func (p place) regular() bool {
	st, err := os.Lstat(filepath.Join(p.dir, p.name))
	return err == nil && st.Mode().IsRegular()
}
