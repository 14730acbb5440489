// Package dial asks over the network for health checks: by the device, from the
// address and with the mark that is asked for. It tells a target that is not well
// from trouble of this machine. A probe made with it waits nowhere but in one place
// that it names, so that one goroutine can await the sockets of a hundred thousand.
package dial

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
)

// Zoned is the address of a target, which on one link only (IPv6 fe80::/10) means
// nothing without that link.
func Zoned(t checker.Target) netip.Addr {
	if t.Addr.Is6() && t.Addr.IsLinkLocalUnicast() {
		return t.Addr.WithZone(t.From.Link)
	}
	return t.Addr
}

// Prepare gives a socket its mark, lets its port be used again and binds it to its
// device.
func Prepare(fd int, f checker.From) error {
	if f.Mark != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_MARK, int(f.Mark)); err != nil {
			return fmt.Errorf("set mark %d: %w", f.Mark, err)
		}
	}
	if f.Port != 0 {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_REUSEADDR, 1); err != nil {
			return fmt.Errorf("share port %d: %w", f.Port, err)
		}
	}
	if f.Link == "" {
		return nil
	}
	if err := unix.BindToDevice(fd, f.Link); err != nil {
		return fmt.Errorf("bind to %s: %w", f.Link, err)
	}
	return nil
}

// Conn is a connection that ends with the context it was opened under.
type Conn struct {
	net.Conn
	ctx     context.Context
	release func() bool
}

// Bound makes c end with ctx.
func Bound(ctx context.Context, c net.Conn) *Conn {
	return &Conn{c, ctx, context.AfterFunc(ctx, func() { _ = c.SetDeadline(past()) })}
}

// Late is closed when c ends, whatever becomes of it.
func (c *Conn) Late() <-chan struct{} { return c.ctx.Done() }

// past is a deadline that is over.
func past() time.Time { return time.Unix(1, 0) }

// Patient gives the next step no more time than d; 0: all there is.
func (c *Conn) Patient(d time.Duration) {
	if d == 0 {
		return
	}
	_ = c.SetDeadline(time.Now().Add(d))
	if c.ctx.Err() != nil {
		_ = c.SetDeadline(past())
	}
}

// Close ends the connection.
func (c *Conn) Close() error {
	c.release()
	return c.Conn.Close()
}

// Read reads as a net.Conn does, with plain errors.
func (c *Conn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	return n, Plain(err)
}

// Write writes as a net.Conn does, with plain errors.
func (c *Conn) Write(p []byte) (int, error) {
	n, err := c.Conn.Write(p)
	return n, Plain(err)
}

// ErrLate is the end of the time that a probe has.
var ErrLate = errors.New("no answer in time")

// Plain is an error in few words: without the addresses and calls that packages
// net and os add, which who reports it knows.
func Plain(err error) error {
	var op *net.OpError
	var call *os.SyscallError
	var file *fs.PathError
	switch {
	case err == nil:
		return nil
	case Late(err):
		return ErrLate
	case errors.As(err, &call):
		return call.Err
	case errors.As(err, &op):
		return op.Err
	case errors.As(err, &file):
		return file.Err
	}
	return err
}

// Late reports whether an error is the end of the time.
func Late(err error) bool {
	return errors.Is(err, ErrLate) || errors.Is(err, os.ErrDeadlineExceeded) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// Judge makes a result of an error on the way to a target. What the kernel says
// of the network and of the other side is a failure; anything else that prevents
// a connection is trouble of this machine (reference, section 8.1).
func Judge(err error) checker.Result {
	for _, e := range []error{ErrLate, unix.ENETUNREACH, unix.EHOSTUNREACH, unix.ECONNREFUSED, unix.EHOSTDOWN, unix.ENETDOWN, unix.ECONNRESET, unix.ECONNABORTED, unix.ETIMEDOUT} {
		if errors.Is(err, e) {
			return checker.Fail("%v", err)
		}
	}
	return checker.Hinder("%v", err)
}
