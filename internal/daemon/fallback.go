package daemon

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"holdfast/internal/cli"
	"holdfast/internal/conf"
	"holdfast/internal/load"
)

// A daemon that dies while a configuration is on trial is not to start with it: the
// one before lies in a file until the trial is over.

// packed is the whole text of a reading.
func packed(read *load.Reading) []byte {
	var b bytes.Buffer
	z, _ := gzip.NewWriterLevel(&b, gzip.BestSpeed) // which is a level
	conf.Write(z, read.Tree)
	_ = z.Close() // into memory: it does not fail
	return b.Bytes()
}

// fallBackPath is where the configuration before lies.
func (w *workerProcess) fallBackPath() string { return filepath.Join(w.opts.RunDir, "trial.conf") }

// source is what to read: at a start after a trial that had no end, what was in force
// before it.
func (w *workerProcess) source() *cli.Options {
	path := w.fallBackPath()
	if _, err := os.Stat(path); err != nil || w.started {
		return &w.opts
	}
	w.log.Warn("The configuration on trial was not confirmed before the daemon died: the one before is in force; a reload takes the new one")
	o := w.opts
	o.ConfigFile, w.fellBack = path, true
	return &o
}

// fallBack writes the file, before a configuration is proposed that has to be confirmed.
func (w *workerProcess) fallBack() {
	if w.confirm == 0 || !w.started || w.trial != nil { // a second trial returns to where the first began
		return
	}
	err := w.unpack()
	if err != nil {
		w.log.Error(fmt.Sprintf("a daemon that dies in this trial will start with the new configuration: %v", err))
	}
}

func (w *workerProcess) unpack() error {
	var now told
	if err := w.slots.Recall(w.inForce, &now); err != nil {
		return err
	}
	z, err := gzip.NewReader(bytes.NewReader(now.Text))
	if err != nil {
		return err
	}
	return replace(w.fallBackPath(), 0o600, func(out io.Writer) { _, _ = io.Copy(out, z) })
}

// settleFallBack takes the file away when nothing is on trial, and it is not itself what
// is in force.
func (w *workerProcess) settleFallBack() {
	if w.trial == nil && !w.fellBack {
		_ = os.Remove(w.fallBackPath())
	}
}
