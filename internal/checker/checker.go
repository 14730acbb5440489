// Package checker knows what a health check finds out and what that amounts to.
// The probes, which ask, are in the packages below it.
package checker

import (
	"context"
	"fmt"
	"net/netip"
	"time"
)

// Outcome is how a probe ended.
type Outcome uint8

// The outcomes. Failed is the zero value: what says nothing has not succeeded.
// Trouble is that of this machine (no socket, no such device, no such source
// address): it says nothing about what is checked, and counts as no result.
const (
	Failed Outcome = iota
	Passed
	Trouble
)

// Result is what one probe found.
type Result struct {
	Outcome Outcome
	Why     string // in words; empty when it passed
	// Text is what keepalived's log has for it, where it has words of its own.
	Text string
	// Weight is what is added to the weight of a server; 0 for most checks.
	Weight int64
}

// Pass is the result of a probe that found all well.
func Pass() Result { return Result{Outcome: Passed} }

// Fail is the result of a probe that did not, and why.
func Fail(format string, args ...any) Result {
	return Result{Outcome: Failed, Why: fmt.Sprintf(format, args...)}
}

// Hinder is the result of a probe that this machine could not make.
func Hinder(format string, args ...any) Result {
	return Result{Outcome: Trouble, Why: fmt.Sprintf(format, args...)}
}

// As is r with keepalived's words for it.
func (r Result) As(text string) Result {
	r.Text = text
	return r
}

// From is how a probe leaves this machine. Zero values leave it to the kernel.
type From struct {
	Addr netip.Addr
	Port uint16
	Link string // SO_BINDTODEVICE
	Mark uint32 // SO_MARK
}

// Target is what a probe is aimed at. Probes of this machine itself have none.
type Target struct {
	Addr netip.Addr
	Port uint16 // 0 where the protocol has none
	From From
	// Patience is how long connecting and each further step may take; 0: all the
	// time that a probe has.
	Patience time.Duration
}

// String is the address and, if there is one, the port.
func (t Target) String() string {
	if t.Port == 0 {
		return t.Addr.String()
	}
	return netip.AddrPortFrom(t.Addr, t.Port).String()
}

// Probe asks once. It comes back when ctx ends at the latest, whatever the other
// side does, and keeps nothing of what it was told.
type Probe interface {
	Probe(ctx context.Context, t Target) Result
}
