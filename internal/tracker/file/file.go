// Package file watches the numbers in files for track_file. It learns of changes
// from inotify, on the directories that lead to a file, so that a file may be
// missing, replaced or linked to. What a number means is decided by package tracker.
package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"golang.org/x/sys/unix"

	"holdfast/internal/tracker"
)

// Spec is one track_file.
type Spec struct{ Name, Path string }

// Watcher watches the files of a configuration. It has a goroutine and an inotify
// instance only while there are files.
type Watcher struct {
	report func(tracker.Sample)
	log    func(string)

	mu      sync.Mutex
	files   map[string]*watched // by name
	changes *changes            // nil without files
}

// watched is one file.
type watched struct {
	Spec
	value  int
	places []place // where a change may mean another content
}

// New returns a Watcher without files. It calls report when the number in one has
// changed; report may not call the Watcher.
func New(report func(tracker.Sample), log func(string)) *Watcher {
	return &Watcher{report: report, log: log, files: map[string]*watched{}}
}

// Preview reads those of specs that are not watched yet: a configuration that
// follows them is not to start without.
func (w *Watcher) Preview(specs []Spec) (samples []tracker.Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range specs {
		if old := w.files[s.Name]; old == nil || old.Spec != s {
			samples = append(samples, sample(s.Name, read(s.Path)))
		}
	}
	return samples
}

// Apply makes specs the files that are watched. Files that are new are reported.
func (w *Watcher) Apply(specs []Spec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	old, fresh := w.files, []*watched(nil)
	w.files = make(map[string]*watched, len(specs))
	for _, s := range specs {
		f := old[s.Name]
		if f == nil || f.Spec != s {
			f = &watched{Spec: s}
			fresh = append(fresh, f)
		}
		w.files[s.Name] = f
	}
	w.open()
	w.follow()
	for _, f := range fresh {
		w.first(f)
	}
}

// Close watches nothing any more.
func (w *Watcher) Close() { w.Apply(nil) }

// open has inotify ready if there are files, and not if there are none.
func (w *Watcher) open() {
	switch {
	case len(w.files) == 0 && w.changes != nil:
		w.changes.close()
		w.changes = nil
	case len(w.files) > 0 && w.changes == nil:
		c, err := newChanges()
		if err != nil {
			w.log(fmt.Sprintf("track_file: %v; changes of files are not noticed; raise fs.inotify.max_user_instances", err))
			return
		}
		w.changes = c
		go w.run(c)
	}
}

// follow watches all places, and looks again until nothing has moved meanwhile.
func (w *Watcher) follow() {
	if w.changes == nil {
		return
	}
	const tries = 8
	for range tries {
		moved := false
		for _, f := range w.files {
			moved = f.locate() || moved
		}
		err := w.changes.watch(w.places())
		if err != nil {
			w.log(fmt.Sprintf("track_file: %v; raise fs.inotify.max_user_watches if it is too low", err))
		}
		if err != nil || !moved {
			return
		}
	}
}

func (w *Watcher) places() map[place]bool {
	all := map[place]bool{}
	for _, f := range w.files {
		for _, p := range f.places {
			all[p] = true
		}
	}
	return all
}

// run takes changes until c is closed.
func (w *Watcher) run(c *changes) {
	for {
		events, err := c.next()
		if err != nil {
			return
		}
		w.mu.Lock()
		if w.changes == c {
			w.heed(c.concerns(events))
		}
		w.mu.Unlock()
	}
}

// heed reads the files that something has happened to.
func (w *Watcher) heed(changed map[place]bool, everything bool) {
	var touched []*watched
	for _, f := range w.files {
		if everything || slices.ContainsFunc(f.places, func(p place) bool { return changed[p] }) {
			touched = append(touched, f)
		}
	}
	if len(touched) == 0 {
		return
	}
	w.follow()
	for _, f := range touched {
		if v := read(f.Path); v != f.value {
			w.publish(f, v)
		}
	}
}

// first reads a file that is new here, when its places are watched.
func (w *Watcher) first(f *watched) {
	if kind := unheard(f.Path); kind != "" {
		w.log(fmt.Sprintf("track_file %s: %s is on %s, which does not report all changes; put it on a local file system, as in /run", f.Name, f.Path, kind))
	}
	w.publish(f, read(f.Path))
}

func (w *Watcher) publish(f *watched, value int) {
	f.value = value
	w.report(sample(f.Name, value))
}

func sample(name string, value int) tracker.Sample {
	return tracker.Sample{Kind: tracker.File, Tracker: name, State: tracker.Good, Value: value}
}

// most is how much of a file is read: a number with room around it.
const most = 128

// read is the number in a file; 0 if there is none, or no regular file.
func read(path string) int {
	fd, err := unix.Open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_CLOEXEC|unix.O_NOCTTY, 0)
	if err != nil {
		return 0
	}
	defer unix.Close(fd)
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil || st.Mode&unix.S_IFMT != unix.S_IFREG {
		return 0
	}
	var b [most]byte
	n, _ := unix.Read(fd, b[:])
	return tracker.FileValue(b[:max(n, 0)])
}

// Init writes a file before it is watched for the first time: only if it is
// missing, or whatever is there. A link in the last place is not followed.
func Init(path string, value int, overwrite bool) error {
	flags := os.O_WRONLY | os.O_CREATE | os.O_EXCL
	if overwrite {
		flags = os.O_WRONLY | os.O_CREATE | os.O_TRUNC | unix.O_NOFOLLOW | unix.O_NONBLOCK
	}
	f, err := os.OpenFile(path, flags, 0o666)
	if errors.Is(err, os.ErrExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("init_file: %w", err)
	}
	_, err = fmt.Fprintf(f, "%d\n", value)
	if err = errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("init_file: %w", err)
	}
	return nil
}

// unheard names the file system of a path if changes of its files go unnoticed:
// those that others make on a network, or the kernel in its own.
func unheard(path string) string {
	var st unix.Statfs_t
	for p := path; unix.Statfs(p, &st) != nil; p = filepath.Dir(p) {
		if p == "/" {
			return ""
		}
	}
	switch uint32(st.Type) {
	case unix.PROC_SUPER_MAGIC:
		return "proc"
	case unix.SYSFS_MAGIC:
		return "sysfs"
	case unix.NFS_SUPER_MAGIC:
		return "NFS"
	case unix.FUSE_SUPER_MAGIC:
		return "FUSE"
	}
	return ""
}
