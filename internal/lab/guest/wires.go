package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// wire is a pipe between the sides, to the kernel of the guest a serial line.
type wire struct{ outer, inner *os.File }

// wires are what the sides have in common, beside the file system.
type wires struct {
	in, out, errs   wire // of the program
	orders, answers wire
}

// layWires makes the pipes. The kernel knows them by their order in inner.
func layWires() (*wires, error) {
	var w wires
	for _, p := range []struct {
		wire   *wire
		inward bool
	}{{&w.in, true}, {&w.out, false}, {&w.errs, false}, {&w.orders, true}, {&w.answers, false}} {
		r, out, err := os.Pipe()
		if err != nil {
			w.close()
			return nil, fmt.Errorf("lay a wire to the guest: %w", err)
		}
		if *p.wire = (wire{r, out}); p.inward {
			*p.wire = wire{out, r}
		}
	}
	return &w, nil
}

// inner are the ends of the guest: descriptors 3 to 7 of its kernel.
func (w *wires) inner() []*os.File {
	return []*os.File{w.in.inner, w.out.inner, w.errs.inner, w.orders.inner, w.answers.inner}
}

func (w *wires) closeInner() {
	for _, f := range w.inner() {
		_ = f.Close()
	}
}

func (w *wires) close() {
	w.closeInner()
	for _, f := range []*os.File{w.in.outer, w.out.outer, w.errs.outer, w.orders.outer, w.answers.outer} {
		_ = f.Close()
	}
}

// parcel is an Errand on its way in, with what the inside cannot know.
type parcel struct {
	Errand
	Dir string   // where it works
	Env []string // the variables of the outside
}

// pack adds what the inside cannot know.
func pack(e Errand) (*parcel, error) {
	dir, err := os.Getwd()
	return &parcel{Errand: e, Dir: dir, Env: os.Environ()}, err
}

// order is one message from the outside.
type order struct {
	Parcel *parcel       `json:",omitempty"`
	Signal unix.Signal   `json:",omitempty"`
	Size   *unix.Winsize `json:",omitempty"` // of the terminal
}

func (w *wires) order(o order) error { return json.NewEncoder(w.orders.outer).Encode(o) }

// The serial lines inside.
const (
	lineOfProgram = "/dev/ttyS0"
	lineOfErrors  = "/dev/ttyS1"
	lineOfOrders  = "/dev/ttyS2"
)

// openLine opens a serial line that hands on what it is given as it is.
func openLine(name string) (*os.File, error) {
	fd, err := unix.Open(name, unix.O_RDWR|unix.O_NOCTTY|unix.O_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	f := os.NewFile(uintptr(fd), name)
	t, err := unix.IoctlGetTermios(fd, unix.TCGETS)
	if err == nil {
		t.Iflag, t.Oflag, t.Lflag = 0, 0, 0
		t.Cc[unix.VMIN], t.Cc[unix.VTIME] = 1, 0
		err = unix.IoctlSetTermios(fd, unix.TCSETS, t)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare %s: %w", name, err), f.Close())
	}
	return f, nil
}

// becomeStandard makes a line what a descriptor of this process is.
func becomeStandard(name string, fds ...int) error {
	f, err := openLine(name)
	if err != nil {
		return err
	}
	defer f.Close()
	for _, fd := range fds {
		if err := unix.Dup3(int(f.Fd()), fd, 0); err != nil {
			return fmt.Errorf("make %s descriptor %d: %w", name, fd, err)
		}
	}
	return nil
}
