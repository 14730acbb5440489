// Package udp checks that a datagram is taken, or answered.
package udp

import (
	"context"
	"errors"

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

// Probe implements checker.Probe.
func (a *Ask) Probe(ctx context.Context, t checker.Target) checker.Result {
	return dial.Do(ctx, a, t)
}

// Begin implements dial.Asker. That a datagram cannot be sent is a failure here,
// not trouble of this machine (reference, section 3).
func (a *Ask) Begin(t checker.Target) dial.Step {
	s, err := dial.Datagram(t)
	if err != nil {
		return dial.End(checker.Fail("%v", err))
	}
	if err := heedErrors(s, t.Addr.Is6()); err != nil {
		return s.End(checker.Hinder("ask %s: %v", t, err))
	}
	payload := a.Payload
	if payload == "" {
		payload = text
	}
	if _, err := s.Write([]byte(payload)); err != nil {
		return s.End(checker.Fail("ask %s: %v", t, err))
	}
	return a.await(s, t)
}

func (a *Ask) await(s *dial.Socket, t checker.Target) dial.Step {
	return s.Readable(0, func(err error) dial.Step {
		if err == nil {
			answer := make([]byte, a.room())
			var n int
			if n, err = s.Read(answer); err == nil {
				return s.End(a.judge(answer[:n], t))
			}
		}
		switch {
		case errors.Is(err, dial.ErrNothing):
			return a.await(s, t) // what came was broken
		case dial.Late(err) && !a.Require:
			return s.End(checker.Pass())
		}
		return s.End(checker.Fail("ask %s: %v", t, err))
	})
}

// heedErrors makes ICMP errors known at once that a socket else waits out, such as
// host unreachable.
func heedErrors(s *dial.Socket, v6 bool) error {
	if v6 {
		return unix.SetsockoptInt(s.FD(), unix.SOL_IPV6, unix.IPV6_RECVERR, 1)
	}
	return unix.SetsockoptInt(s.FD(), unix.SOL_IP, unix.IP_RECVERR, 1)
}

// judge is the verdict on an answer.
func (a *Ask) judge(answer []byte, t checker.Target) checker.Result {
	if !a.good(answer) {
		return checker.Fail("%s answers %d bytes, not the reply that is required", t, len(answer))
	}
	return checker.Pass()
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
