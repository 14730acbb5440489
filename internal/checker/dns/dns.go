// Package dns checks that a resolver answers.
package dns

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"

	"golang.org/x/net/dns/dnsmessage"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
)

// Query is the check of a resolver: one question by UDP.
type Query struct {
	Name string // empty or ".": the root
	Type uint16 // of the record that is asked for
	// Needed asks for a record of that type in the answer; without it, an answer
	// without records is good too.
	Needed bool
}

// Probe implements checker.Probe.
func (q *Query) Probe(ctx context.Context, t checker.Target) checker.Result {
	return dial.Do(ctx, q, t)
}

// Begin implements dial.Asker.
func (q *Query) Begin(t checker.Target) dial.Step {
	id := uint16(rand.Uint32())
	packet, err := q.pack(id)
	if err != nil {
		return dial.End(checker.Hinder("ask for %s: %v", q.Name, err))
	}
	s, err := dial.Datagram(t)
	if err != nil {
		return dial.End(dial.Judge(err).As("connection error."))
	}
	if _, err := s.Write(packet); err != nil {
		return s.End(dial.Judge(fmt.Errorf("ask %s: %w", t, err)).As("connection error."))
	}
	return q.await(s, id, t)
}

func (q *Query) await(s *dial.Socket, id uint16, t checker.Target) dial.Step {
	return s.Readable(0, func(err error) dial.Step {
		for err == nil {
			var r checker.Result
			var ours bool
			if r, ours, err = q.hear(s, id, t); ours {
				return s.End(r)
			} // else forged, late or garbage: the answer may still come
		}
		if errors.Is(err, dial.ErrNothing) {
			return q.await(s, id, t)
		}
		return s.End(checker.Fail("ask %s: %v", t, err).As(silence(err)))
	})
}

// hear reads one datagram.
func (q *Query) hear(s *dial.Socket, id uint16, t checker.Target) (r checker.Result, ours bool, err error) {
	var buffer [4096]byte
	n, err := s.Read(buffer[:])
	if err != nil {
		return r, false, err
	}
	r, ours = q.judge(buffer[:n], id)
	if ours && r.Outcome != checker.Passed {
		r.Why = fmt.Sprintf("%s says of %s: %s", t, q.name(), r.Why)
	}
	return r, ours, nil
}

// silence is keepalived's text for an answer that does not come.
func silence(err error) string {
	if dial.Late(err) {
		return "read timeout from socket"
	}
	return fmt.Sprintf("failed to read socket; %v", err)
}

func (q *Query) name() string { return strings.TrimSuffix(q.Name, ".") + "." }

// pack makes the question, with the wish that the resolver asks others.
func (q *Query) pack(id uint16) ([]byte, error) {
	name, err := dnsmessage.NewName(q.name())
	if err != nil {
		return nil, err
	}
	m := dnsmessage.Message{
		Header:    dnsmessage.Header{ID: id, RecursionDesired: true},
		Questions: []dnsmessage.Question{{Name: name, Type: dnsmessage.Type(q.Type), Class: dnsmessage.ClassINET}},
	}
	return m.Pack()
}

// judge reads a datagram: whether it answers our question, and how.
func (q *Query) judge(packet []byte, id uint16) (r checker.Result, ours bool) {
	var p dnsmessage.Parser
	h, err := p.Start(packet)
	if err != nil || h.ID != id || !h.Response {
		return r, false
	}
	if h.RCode != dnsmessage.RCodeSuccess {
		return checker.Fail("%s", strings.TrimPrefix(h.RCode.String(), "RCode")).As(fmt.Sprintf("read error occurred. (rcode = %d)", h.RCode)), true
	}
	if q.Needed && !q.answered(&p) {
		return checker.Fail("no such record"), true
	}
	return checker.Pass(), true
}

// answered reports whether there is a record of the type.
func (q *Query) answered(p *dnsmessage.Parser) bool {
	if p.SkipAllQuestions() != nil {
		return false
	}
	for {
		h, err := p.AnswerHeader()
		if err != nil {
			return false
		}
		if uint16(h.Type) == q.Type {
			return true
		}
		if p.SkipAnswer() != nil {
			return false
		}
	}
}
