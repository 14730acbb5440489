package guest

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"golang.org/x/sys/unix"
)

// inside is that side of a guest.
type inside struct {
	line   *os.File // of orders and answers
	orders *json.Decoder
}

// Serve is the life of the init process: it makes the guest what programs expect
// of a machine, works, leaves the exit code behind and ends the guest. It does
// not return. While work runs, os.Args are those of the Errand.
func Serve(work func() (code int)) {
	defer powerOff()
	in, err := enter()
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		return
	}
	go in.obey()
	in.leave(work())
}

// enter makes the guest a machine and this process what the errand asks for.
func enter() (*inside, error) {
	if err := mountAll(); err != nil {
		return nil, err
	}
	in, err := connect()
	if err != nil {
		return nil, err
	}
	if _, err := fmt.Fprintln(in.line, "ready"); err != nil {
		return nil, err
	}
	var o order
	if err := in.orders.Decode(&o); err != nil {
		return nil, fmt.Errorf("read the errand: %w", err)
	}
	if o.Parcel == nil {
		return nil, errors.New("the first order is no errand")
	}
	return in, o.Parcel.open()
}

func connect() (*inside, error) {
	if err := becomeStandard(lineOfProgram, 0, 1); err != nil {
		return nil, err
	}
	if err := becomeStandard(lineOfErrors, 2); err != nil {
		return nil, err
	}
	f, err := openLine(lineOfOrders)
	return &inside{f, json.NewDecoder(f)}, err
}

// open makes this process the one that the errand is for.
func (p *parcel) open() error {
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

// obey does what the outside says. When it is gone, so is the guest.
func (in *inside) obey() {
	for {
		var o order
		if err := in.orders.Decode(&o); err != nil {
			powerOff()
		}
		if o.Size != nil {
			_ = unix.IoctlSetWinsize(0, unix.TIOCSWINSZ, o.Size)
		}
		if o.Signal != 0 {
			_ = unix.Kill(os.Getpid(), o.Signal)
		}
	}
}

// leave waits until everything that was said is outside.
func (in *inside) leave(code int) {
	drain(1)
	drain(2)
	if _, err := fmt.Fprintln(in.line, code); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
	drain(int(in.line.Fd()))
}

// drain is tcdrain(3).
func drain(fd int) { _ = unix.IoctlSetInt(fd, unix.TCSBRK, 1) }
