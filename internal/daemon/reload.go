package daemon

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/cli"
	"holdfast/internal/config"
	"holdfast/internal/load"
)

// What surrounds a reload: the words of global_defs that begin with reload_, and
// the settings that it cannot change.

// reload has the configuration read, now or when the reload before is done.
func (w *workerProcess) reload() {
	if w.candidate != nil {
		w.again = true
		return
	}
	w.load()
}

// readConfig reads the configuration that the options name, and judges its
// scripts. The marker of reload_file is there for as long; at a start it can come
// only when the file has been read.
func readConfig(o *cli.Options, now *config.Global, log func(string)) *load.Reading {
	m := marker{path: markerPath(o, now)}
	m.raise(log)
	read := load.Read(load.Options{File: o.Config(), ID: o.ConfigID, AllChecks: o.AllConfig})
	if path := newMarker(o, read); path != m.path {
		m.lower()
		m.path = path
		m.raise(log)
	}
	defer m.lower()
	read.Judge()
	return read
}

func newMarker(o *cli.Options, r *load.Reading) string {
	if r.Config == nil {
		return ""
	}
	return markerPath(o, &r.Config.Global)
}

// markerPath is where the file of reload_file is; empty: there is none.
func markerPath(o *cli.Options, g *config.Global) string {
	if !g.Reload.Marker {
		return ""
	}
	return cmp.Or(g.Reload.MarkerFile, filepath.Join(filepath.Dir(o.PIDFile), "keepalived.reload"))
}

// marker is a file that others wait for to go.
type marker struct{ path string }

func (m *marker) raise(log func(string)) {
	if m.path == "" {
		return
	}
	f, err := os.OpenFile(m.path, os.O_WRONLY|os.O_CREATE|unix.O_NOFOLLOW, 0o644)
	if err != nil {
		log(fmt.Sprintf("reload_file: %v", err))
		m.path = ""
		return
	}
	_ = f.Chmod(0o644) // whatever the umask
	_ = f.Close()
}

func (m *marker) lower() {
	if m.path != "" {
		_ = os.Remove(m.path)
	}
}

// timekeeper looks at reload_time_file, once a second: whatever becomes of the
// file, its folder or the clock, the next look finds what holds now.
type timekeeper struct {
	path string
	next appointment
	tick *time.Ticker // nil: there is no such file
}

// ticks is when to look; it never comes without a file.
func (k *timekeeper) ticks() <-chan time.Time {
	if k.tick == nil {
		return nil
	}
	return k.tick.C
}

// apply takes a configuration over.
func (k *timekeeper) apply(r *config.Reload, log func(string)) {
	if r.TimeFile != k.path {
		k.close()
		*k = timekeeper{path: r.TimeFile}
	}
	k.next.repeat = r.Repeat
	if k.path != "" && k.tick == nil {
		k.tick = time.NewTicker(time.Second)
		k.look(log)
	}
}

// look reports whether it is time for a reload.
func (k *timekeeper) look(log func(string)) (reload bool) {
	now := time.Now()
	if say := k.next.look(now, k.read()); say != "" {
		log(say)
	}
	reload, remove := k.next.fire(now)
	if !remove {
		return reload
	}
	if err := os.Remove(k.path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		log(fmt.Sprintf("remove reload_time_file: %v", err))
		k.next.text = k.read() // so that it does not fire again
	}
	return reload
}

// timeFileLimit is more than a moment takes.
const timeFileLimit = 64

// read is what the file holds; empty if it cannot be read.
func (k *timekeeper) read() string {
	f, err := os.OpenFile(k.path, os.O_RDONLY|unix.O_NONBLOCK, 0)
	if err != nil {
		return ""
	}
	defer func() { _ = f.Close() }()
	text, _ := io.ReadAll(io.LimitReader(f, timeFileLimit))
	return string(text)
}

func (k *timekeeper) close() {
	if k.tick != nil {
		k.tick.Stop()
	}
}
