// Package guest runs this very program inside a kernel of its own, for what the
// kernel of this machine may lack: VRFs, tunnels, IPVS. The kernel is User-Mode
// Linux (Debian's package user-mode-linux); its root is the file system of this
// machine, and the program itself is its init.
//
// A program that boots guests asks Inside first of all, and if it is inside calls
// Serve with what it does there.
package guest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// variable is set inside: the directory in which both sides leave word.
const variable = "HOLDFAST_GUEST"

// Errand is what the inside is to do.
type Errand struct {
	Args    []string // of the program, without its name
	Modules []string // of the kernel, by name
	Memory  string   // of the machine, as the kernel's option mem= has it; "": 1G
}

// parcel is an Errand on its way in, with what the inside cannot know.
type parcel struct {
	Errand
	Dir string   // where it works
	Env []string // the variables of the outside
}

// Inside reports whether this process is the init of a guest.
func Inside() bool { return os.Getenv(variable) != "" }

// Boot starts a guest, waits until what it does has ended and returns the exit
// code of that. What it prints goes to console.
func Boot(ctx context.Context, e Errand, console io.Writer) (code int, err error) {
	dir, err := os.MkdirTemp("", "holdfast-guest-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	if err := leave(dir, e); err != nil {
		return 0, err
	}
	cmd, err := kernel(ctx, dir, e.Memory)
	if err != nil {
		return 0, err
	}
	cmd.Stdout, cmd.Stderr = console, console
	if err := cmd.Run(); ctx.Err() != nil {
		return 0, fmt.Errorf("it did not end in time: %w (%v)", ctx.Err(), err)
	}
	return verdict(dir)
}

// kernel is the command that runs the guest.
func kernel(ctx context.Context, dir, memory string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	if memory == "" {
		memory = "1G"
	}
	cmd := exec.CommandContext(ctx, "linux.uml", "rootfstype=hostfs", "rootflags=/", "rw", "loglevel=1", "mem="+memory,
		"con=null", "con0=null,fd:1", "panic=-1", "init="+self, variable+"="+dir)
	cmd.Env = append(os.Environ(), "TMPDIR="+os.TempDir())
	// The kernel is a family of processes, which end together or not at all.
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = 5 * time.Second
	return cmd, nil
}

// leave writes down what the inside is to do.
func leave(dir string, e Errand) error {
	p := parcel{Errand: e, Env: os.Environ()}
	var err error
	if p.Dir, err = os.Getwd(); err != nil {
		return err
	}
	b, err := json.Marshal(p)
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(dir, "errand"), b, 0o600)
}

// verdict is the exit code that the inside has left. None means that it did not
// come to its end: the kernel panicked, or the program did.
func verdict(dir string) (int, error) {
	b, err := os.ReadFile(filepath.Join(dir, "verdict"))
	if errors.Is(err, os.ErrNotExist) {
		return 0, errors.New("it ended before its work did")
	}
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(string(b))
}

// Serve is the life of the init process: it makes the guest what programs expect
// of a machine, works, leaves the exit code behind and ends the guest. It does
// not return. While work runs, os.Args are those of the Errand.
func Serve(work func() (code int)) {
	defer powerOff()
	dir := os.Getenv(variable)
	if err := furnish(dir); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		return
	}
	code := strconv.Itoa(work())
	if err := os.WriteFile(filepath.Join(dir, "verdict"), []byte(code), 0o600); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
}

func furnish(dir string) error {
	if err := mountAll(); err != nil {
		return err
	}
	b, err := os.ReadFile(filepath.Join(dir, "errand"))
	if err != nil {
		return err
	}
	var p parcel
	if err := json.Unmarshal(b, &p); err != nil {
		return err
	}
	if err := load(p.Modules); err != nil {
		return err
	}
	os.Args = slices.Concat(os.Args[:1], p.Args)
	for _, v := range p.Env {
		name, value, _ := strings.Cut(v, "=")
		if err := os.Setenv(name, value); err != nil {
			return err
		}
	}
	return os.Chdir(p.Dir)
}
