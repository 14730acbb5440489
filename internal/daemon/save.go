package daemon

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/load"
	"holdfast/internal/relay"
)

// What config_save_dir keeps: each configuration that is taken, all files in one, and
// the state before and after a reload.

// save keeps a configuration that is about to be proposed. Whatever comes of it, the
// load goes on.
func (w *workerProcess) save(read *load.Reading) {
	w.saving = ""
	dir := read.Config.Global.Paths.ConfigSave
	if dir == "" {
		return
	}
	path, err := keepText(dir, "# "+read.File+"\n"+conf.Print(read.Tree))
	if err != nil {
		w.log.Error(fmt.Sprintf("config_save_dir: %v", err))
		return
	}
	if w.started {
		w.saving = path
		w.saved(relay.DumpBefore)
	}
}

// keepText writes keepalived.conf.PID.N: the process id of the daemon, and the first
// number that is free.
func keepText(dir, text string) (path string, err error) {
	if err := makeOwnDir(dir); err != nil {
		return "", err
	}
	for n := 0; ; n++ {
		path = filepath.Join(dir, fmt.Sprintf("keepalived.conf.%d.%d", os.Getppid(), n))
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
		if errors.Is(err, fs.ErrExist) {
			continue
		}
		if err != nil {
			return "", err
		}
		_, err = io.WriteString(f, text)
		return path, errors.Join(err, f.Close())
	}
}

// saved asks for the state before or after a reload.
func (w *workerProcess) saved(which relay.Dump) {
	if w.saving != "" {
		w.send(&relay.Down{Ask: true, Dump: which})
	}
}

// savedPath is where the state goes: keepalived_vrrp.PID.N, and whether it is that of
// before or after.
func (w *workerProcess) savedPath(which relay.Dump) string {
	dir, name := filepath.Split(w.saving)
	when := ".pre"
	if which == relay.DumpAfter {
		when = ".post"
	}
	return dir + strings.Replace(name, ".conf.", "_vrrp.", 1) + when
}
