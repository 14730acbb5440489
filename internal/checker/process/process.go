// Package process checks that a program runs on this machine, by its name.
package process

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strconv"

	"holdfast/internal/checker"
)

// Running is the check of a program: one process of this name, as the kernel
// shows it, that is not a zombie. It is for one goroutine.
type Running struct {
	Name string
	Proc string // where /proc is mounted; empty: there

	last int // the process that was found, which is looked at first
}

// nameLimit is what the kernel keeps of a name, TASK_COMM_LEN - 1.
const nameLimit = 15

// Probe implements checker.Probe. The target does not matter.
func (r *Running) Probe(ctx context.Context, _ checker.Target) checker.Result {
	if r.last != 0 && r.is(r.last) {
		return checker.Pass()
	}
	r.last = 0
	dir, err := os.Open(r.proc())
	if err != nil {
		return checker.Hinder("look for %s: %v", r.Name, err)
	}
	defer dir.Close()
	for ctx.Err() == nil {
		names, err := dir.Readdirnames(256)
		if err != nil {
			return checker.Fail("no process %s runs", r.Name)
		}
		if r.find(names) {
			return checker.Pass()
		}
	}
	return checker.Fail("look for %s: not done in time", r.Name)
}

func (r *Running) proc() string {
	if r.Proc == "" {
		return "/proc"
	}
	return r.Proc
}

func (r *Running) find(names []string) bool {
	for _, name := range names {
		if pid, err := strconv.Atoi(name); err == nil && r.is(pid) {
			r.last = pid
			return true
		}
	}
	return false
}

// is reports whether a process has the name and is alive.
func (r *Running) is(pid int) bool {
	stat, err := read(filepath.Join(r.proc(), strconv.Itoa(pid), "stat"))
	if err != nil {
		return false // it ended
	}
	name, state := fields(stat)
	return state != 'Z' && state != 'X' && state != 0 && name == r.Name[:min(len(r.Name), nameLimit)]
}

// fields are name and state of a stat file: `PID (NAME) STATE ...`, where the
// name may have parentheses of its own.
func fields(stat []byte) (name string, state byte) {
	open, end := bytes.IndexByte(stat, '('), bytes.LastIndexByte(stat, ')')
	if open < 0 || end < open || end+2 >= len(stat) {
		return "", 0
	}
	return string(stat[open+1 : end]), stat[end+2]
}

// read reads the beginning of a small file without a buffer of its own size.
func read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	var buffer [512]byte
	n, err := f.Read(buffer[:])
	if n == 0 {
		return nil, err
	}
	return buffer[:n], nil
}
