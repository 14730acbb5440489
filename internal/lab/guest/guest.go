// Package guest runs this very program inside a kernel of its own, for what the
// kernel of this machine may lack: VRFs, tunnels, IPVS. The kernel is User-Mode
// Linux (Debian's package user-mode-linux); its root is the file system of this
// machine, and the program itself is its init.
//
// A program that boots guests asks Inside first of all, and if it is inside calls
// Serve with what it does there.
package guest

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"runtime"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// Kernel is the program that is the kernel of a guest, and Package what has it.
const (
	Kernel  = "linux.uml"
	Package = "user-mode-linux"
)

// variable is set inside.
const variable = "HOLDFAST_GUEST"

// Errand is what the inside is to do.
type Errand struct {
	Args    []string // of the program, without its name
	Modules []string // of the kernel, by name
	Memory  string   // of the machine, as the kernel's option mem= has it; "": 1G
}

// Stdio is what the program inside has for its standard input, output and errors.
type Stdio struct {
	In        *os.File // nil: nothing; a terminal's size is that of the one inside
	Out, Errs io.Writer
	// Signals go on to the program. One that asks it to end is the last: it is
	// given a while, and then the guest ends.
	Signals <-chan os.Signal
}

// Relayed has the signals sent to this process relayed to a guest that it boots,
// until stop is called.
func Relayed() (signals <-chan os.Signal, stop func()) {
	c := make(chan os.Signal, 8)
	signal.Notify(c, unix.SIGINT, unix.SIGTERM, unix.SIGHUP, unix.SIGWINCH)
	return c, func() { signal.Stop(c) }
}

// Inside reports whether this process is the init of a guest.
func Inside() bool { return os.Getpid() == 1 && os.Getenv(variable) != "" }

// Boot starts a guest, waits until what it does has ended and returns the exit
// code of that. It leaves nothing behind: the guest ends with the context and with
// this process, whatever ends that.
func Boot(ctx context.Context, e Errand, s Stdio) (code int, err error) {
	runtime.LockOSThread() // the kernel dies with the thread that started it
	defer runtime.UnlockOSThread()
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	w, err := layWires()
	if err != nil {
		return 0, err
	}
	defer w.close()
	dir, err := os.MkdirTemp("", "holdfast-guest-")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	var console bytes.Buffer
	cmd := kernel(ctx, e.Memory, dir)
	cmd.Stdout, cmd.Stderr, cmd.ExtraFiles = &console, &console, w.inner()
	if err := cmd.Start(); err != nil {
		return 0, fmt.Errorf("boot %s: %w", Kernel, err)
	}
	w.closeInner()
	o := outside{Stdio: s, wires: w, dir: dir, stop: stop}
	verdict := o.talk(e)
	err = cmd.Wait()
	if ctx.Err() != nil {
		return 0, fmt.Errorf("it did not end in time: %w (%v)", ctx.Err(), err)
	}
	select {
	case code, ok := <-verdict:
		if ok {
			return code, nil
		}
	case <-time.After(lastWords):
	}
	return 0, fmt.Errorf("it ended before its work did:\n%s", strings.TrimSpace(console.String()))
}

// lastWords is how long what a guest said may take to get here after its end.
const lastWords = 5 * time.Second

// kernel is the command that runs the guest. The kernel is a family of processes,
// which end together: as a group when they are told to, and, where this is
// permitted, as all that are in their namespace, whose first one dies with the
// thread that starts it. dir is for what its console tool needs, which is not used here.
func kernel(ctx context.Context, memory, dir string) *exec.Cmd {
	if memory == "" {
		memory = "1G"
	}
	self, err := os.Executable()
	if err != nil {
		self = os.Args[0]
	}
	cmd := exec.CommandContext(ctx, Kernel, "rootfstype=hostfs", "rootflags=/", "rw", "loglevel=1", "mem="+memory, "uml_dir="+dir+"/",
		"con=null", "con0=null,fd:1", "ssl=null", "ssl0=fd:3,fd:4", "ssl1=null,fd:5", "ssl2=fd:6,fd:7", "panic=-1", "init="+self, variable+"=1")
	cmd.Env = append(os.Environ(), "TMPDIR="+os.TempDir())
	cmd.SysProcAttr = &unix.SysProcAttr{Setpgid: true, Pdeathsig: unix.SIGKILL}
	if os.Geteuid() == 0 {
		cmd.SysProcAttr.Cloneflags = unix.CLONE_NEWPID
	}
	cmd.Cancel = func() error { return unix.Kill(-cmd.Process.Pid, unix.SIGKILL) }
	cmd.WaitDelay = lastWords
	return cmd
}

// outside is this side of a guest.
type outside struct {
	Stdio
	*wires
	dir  string // needed until the inside is ready
	stop func() // the guest, at once
}

// talk connects what the guest is connected to. The verdict is sent once everything
// that was printed is here; the channel is closed without one if there is none.
func (o *outside) talk(e Errand) <-chan int {
	printed := make(chan struct{}, 2)
	for r, w := range map[*os.File]io.Writer{o.out.outer: o.Out, o.errs.outer: o.Errs} {
		go func() {
			_, _ = io.Copy(w, r)
			printed <- struct{}{}
		}()
	}
	verdict := make(chan int, 1)
	go func() {
		defer close(verdict)
		code, err := o.converse(e)
		<-printed
		<-printed
		if err == nil {
			verdict <- code
		}
	}()
	return verdict
}

// converse gives the errand to the inside once that is ready, and waits for its end.
func (o *outside) converse(e Errand) (code int, err error) {
	said := bufio.NewScanner(o.answers.outer)
	if !said.Scan() {
		return 0, io.ErrUnexpectedEOF
	}
	_ = os.RemoveAll(o.dir) // nothing is left even if this process is killed
	p, err := pack(e)
	if err != nil {
		return 0, err
	}
	if err := o.order(order{Parcel: p}); err != nil {
		return 0, err
	}
	done := make(chan struct{})
	defer close(done)
	go o.relay(done)
	if o.In != nil {
		go func() { _, _ = io.Copy(o.in.outer, o.In) }()
	}
	if !said.Scan() {
		return 0, io.ErrUnexpectedEOF
	}
	return strconv.Atoi(said.Text())
}

// relay hands on signals, and the size of the terminal.
func (o *outside) relay(done <-chan struct{}) {
	o.resize()
	for {
		select {
		case <-done:
			return
		case s := <-o.Signals:
			if s == unix.SIGWINCH {
				o.resize()
				continue
			}
			if number, ok := s.(unix.Signal); ok {
				_ = o.order(order{Signal: number})
				time.AfterFunc(endPatience, o.stop)
			}
		}
	}
}

// endPatience is how long a program may take to end after a signal.
const endPatience = 20 * time.Second

func (o *outside) resize() {
	if o.In == nil {
		return
	}
	if size, err := unix.IoctlGetWinsize(int(o.In.Fd()), unix.TIOCGWINSZ); err == nil {
		_ = o.order(order{Size: size})
	}
}
