// Package smtp checks that a mail server greets.
package smtp

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
)

// Greet is the check of a mail server: its greeting, HELO, QUIT.
type Greet struct {
	Name string // we go by
}

// lines is how many lines of one reply are read.
const lines = 100

// Probe implements checker.Probe.
func (g *Greet) Probe(ctx context.Context, t checker.Target) checker.Result {
	return dial.Do(ctx, g, t)
}

// Begin implements dial.Asker. Each step has the target's patience. Once the server
// greets, a goroutine talks with it.
func (g *Greet) Begin(t checker.Target) dial.Step {
	s, err := dial.Stream(t)
	if err != nil {
		return dial.End(unconnected(err, t))
	}
	return s.Connected(func(err error) dial.Step {
		if err != nil {
			return s.End(unconnected(err, t))
		}
		return s.Readable(t.Patience, func(err error) dial.Step {
			if err != nil {
				return s.End(unheard(err, t))
			}
			return s.Alone(func(c *dial.Conn) checker.Result { return g.talk(c, t) })
		})
	})
}

func unconnected(err error, t checker.Target) checker.Result {
	return dial.Judge(err).As(at(t, "Connection timeout to", "Could not connect to", err))
}

func unheard(err error, t checker.Target) checker.Result {
	return checker.Fail("listen to %s: %v", t, err).As(at(t, "Read timeout from", "Read failure from", err))
}

func (g *Greet) talk(c *dial.Conn, t checker.Target) checker.Result {
	d := dialogue{c, bufio.NewReaderSize(c, 1024), t}
	for _, step := range []func() checker.Result{
		func() checker.Result { return d.hear("220", "Bad greeting banner from") },
		func() checker.Result { return d.say("HELO " + g.Name) },
		func() checker.Result { return d.hear("250", "Bad HELO response from") },
		func() checker.Result { return d.say("QUIT") },
	} {
		if r := step(); r.Outcome != checker.Passed {
			return r
		}
	}
	return d.hear("", "")
}

// at is keepalived's text for an error: one for the end of the time, one for
// anything else.
func at(t checker.Target, late, other string, err error) string {
	if dial.Late(err) {
		other = late
	}
	return other + " server " + t.String()
}

// dialogue is a conversation with a mail server.
type dialogue struct {
	*dial.Conn
	replies *bufio.Reader
	target  checker.Target
}

func (d *dialogue) say(line string) checker.Result {
	d.Patient(d.target.Patience)
	if _, err := io.WriteString(d.Conn, line+"\r\n"); err != nil {
		return checker.Fail("say %s to %s: %v", line, d.target, err).As(at(d.target, "Write timeout to", "Write failure to", err))
	}
	return checker.Pass()
}

// hear reads a reply, which begins with a code; without one, any line is good.
func (d *dialogue) hear(code, bad string) checker.Result {
	d.Patient(d.target.Patience)
	line, err := reply(d.replies)
	switch {
	case err != nil && !errors.Is(err, errGarbage):
		return unheard(err, d.target)
	case err != nil:
		return checker.Fail("%s says %v", d.target, err).As(bad + " server " + d.target.String())
	case code != "" && line != code && !strings.HasPrefix(line, code+" "):
		return checker.Fail("%s says %.80q", d.target, line).As(bad + " server " + d.target.String())
	}
	return checker.Pass()
}

var (
	errGarbage = errors.New("what is no reply of SMTP")
	errEnded   = errors.New("the connection was closed")
)

// reply reads a reply of any number of lines, of which the last counts: 220-a,
// 220-b, 220 c.
func reply(r *bufio.Reader) (last string, err error) {
	for range lines {
		line, err := r.ReadSlice('\n')
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			return "", fmt.Errorf("%w: a line of more than %d bytes", errGarbage, len(line))
		case errors.Is(err, io.EOF):
			return "", errEnded
		case err != nil:
			return "", err
		case len(line) < 4 || line[3] != '-':
			return strings.TrimRight(string(line), "\r\n"), nil
		}
	}
	return "", fmt.Errorf("%w: more than %d lines", errGarbage, lines)
}
