// Package udp checks that a datagram is taken, or answered.
package udp

import (
	"context"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
)

// Ask is the check of a port: one datagram. Silence is good unless an answer is
// required; an ICMP error is not.
type Ask struct {
	Payload string // empty: text
	Require bool
	// Reply is what an answer begins with, as far as both reach, and Mask has the
	// bits of it that count; empty: any answer is good, of any length.
	Reply, Mask string
	Min, Max    int // bytes of an answer
}

// text is sent by those who do not care.
const text = "holdfast checks this UDP service"

// Probe implements checker.Probe. That a datagram cannot be sent is a failure
// here, not trouble of this machine (reference, section 3).
func (a *Ask) Probe(ctx context.Context, t checker.Target) checker.Result {
	c, err := dial.Open(ctx, "udp", t)
	if err != nil {
		return checker.Fail("%v", err)
	}
	defer c.Close()
	if err := heedErrors(c, t.Addr.Is6()); err != nil {
		return checker.Hinder("ask %s: %v", t, err)
	}
	payload := a.Payload
	if payload == "" {
		payload = text
	}
	if _, err := c.Write([]byte(payload)); err != nil {
		return checker.Fail("ask %s: %v", t, err)
	}
	answer := make([]byte, a.room())
	n, err := c.Read(answer)
	switch {
	case dial.Late(err) && !a.Require:
		return checker.Pass()
	case err != nil:
		return checker.Fail("ask %s: %v", t, err)
	case !a.good(answer[:n]):
		return checker.Fail("%s answers %d bytes, not the reply that is required", t, n)
	}
	return checker.Pass()
}

// heedErrors makes ICMP errors known at once that a socket else waits out, such as
// host unreachable.
func heedErrors(c *dial.Conn, v6 bool) error {
	raw, err := c.Conn.(syscall.Conn).SyscallConn()
	if err != nil {
		return err
	}
	level, option := unix.SOL_IP, unix.IP_RECVERR
	if v6 {
		level, option = unix.SOL_IPV6, unix.IPV6_RECVERR
	}
	var failed error
	if err := raw.Control(func(fd uintptr) { failed = unix.SetsockoptInt(int(fd), level, option, 1) }); err != nil {
		return err
	}
	return failed
}

// room is how much of an answer has to be read to judge it.
func (a *Ask) room() int {
	if a.Reply == "" {
		return 1
	}
	return a.Max + 1
}

// good judges an answer.
func (a *Ask) good(answer []byte) bool {
	if a.Reply == "" {
		return true
	}
	if len(answer) < a.Min || len(answer) > a.Max {
		return false
	}
	for i := range min(len(answer), len(a.Reply)) {
		if (answer[i]^a.Reply[i])&a.Mask[i] != 0 {
			return false
		}
	}
	return true
}
