package agentx

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/agentx/wire"
)

// session is a conversation with an agent. One goroutine reads and answers; others
// may send.
type session struct {
	conn   net.Conn
	in     *bufio.Reader // of a datagram it takes the whole
	agent  *Agent
	id     uint32 // given by the agent
	packet atomic.Uint32
	set    func() error // tested, and not done yet

	mu  sync.Mutex
	out []byte
}

func newSession(c net.Conn, a *Agent) *session {
	return &session{conn: c, in: bufio.NewReaderSize(c, 1<<16), agent: a}
}

// open introduces the subagent and registers what it answers for.
func (s *session) open() error {
	_ = s.conn.SetDeadline(time.Now().Add(patience))
	defer func() { _ = s.conn.SetDeadline(time.Time{}) }()
	c := &s.agent.config
	answer, err := s.ask(&wire.Message{Header: wire.Header{Type: wire.Open}, Subject: c.ID, Text: c.Name})
	if err != nil {
		return fmt.Errorf("open: %w", err)
	}
	s.id = answer.Session
	for _, part := range c.Parts {
		if _, err := s.ask(&wire.Message{Header: wire.Header{Type: wire.Register}, Priority: usual, Subject: part}); err != nil {
			return fmt.Errorf("register %s: %w", part, err)
		}
	}
	return nil
}

// usual is the priority of a registration that claims nothing in particular.
const usual = 127

// errTwice says that somebody else answers already.
var errTwice = errors.New("another subagent answers for it")

// ask waits for the answer to a message, before anything else is said.
func (s *session) ask(m *wire.Message) (*wire.Message, error) {
	if err := s.send(m); err != nil {
		return nil, err
	}
	for {
		answer, err := s.read()
		switch {
		case err != nil:
			return nil, err
		case answer.Type != wire.Response || answer.Packet != m.Packet:
		case answer.Error == wire.DuplicateRegister:
			return nil, errTwice
		case answer.Error != wire.NoError:
			return nil, fmt.Errorf("refused with code %d", answer.Error)
		default:
			return answer, nil
		}
	}
}

// send begins something of our own.
func (s *session) send(m *wire.Message) error {
	m.Session, m.Packet = s.id, s.packet.Add(1)
	return s.write(m)
}

func (s *session) write(m *wire.Message) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.out = m.Append(s.out[:0])
	_ = s.conn.SetWriteDeadline(time.Now().Add(patience))
	_, err := s.conn.Write(s.out)
	return err
}

// notify sends what waits for that.
func (s *session) notify() error {
	for _, t := range s.agent.waiting() {
		if err := s.send(&wire.Message{Header: wire.Header{Type: wire.Notify}, Bindings: t.with}); err != nil {
			return err
		}
	}
	return nil
}

// shutdown is the reason of a session's end (RFC 2741, section 6.2.2).
const shutdown = 5

// close takes leave.
func (s *session) close() {
	if s.id != 0 {
		_ = s.send(&wire.Message{Header: wire.Header{Type: wire.Close}, Reason: shutdown})
	}
	_ = s.conn.Close()
}

func (s *session) read() (*wire.Message, error) {
	var head [wire.HeaderSize]byte
	if _, err := io.ReadFull(s.in, head[:]); err != nil {
		return nil, err
	}
	h, err := wire.ParseHeader(head[:])
	if err != nil {
		return nil, err
	}
	body := make([]byte, h.Size)
	if _, err := io.ReadFull(s.in, body); err != nil {
		return nil, err
	}
	return wire.Decode(h, body)
}

var (
	errSilent = errors.New("the agent is silent")
	errGone   = errors.New("the agent does not know the session")
	errClosed = errors.New("the agent closed it")
)

// serve answers until the session ends, and says why it did.
func (s *session) serve() error {
	for {
		_ = s.conn.SetReadDeadline(time.Now().Add(2*proof + patience))
		m, err := s.read()
		if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() {
			return errSilent
		}
		if errors.Is(err, io.EOF) {
			return errClosed
		}
		if err != nil {
			return err
		}
		switch {
		case m.Type == wire.Close:
			return errClosed
		case m.Type == wire.Response && m.Error == wire.NotOpen:
			return errGone
		case m.Type == wire.Response: // to a ping or a notification
		default:
			if err := s.answer(m); err != nil {
				return err
			}
		}
	}
}

func (s *session) answer(m *wire.Message) error {
	r := &wire.Message{Header: wire.Header{Type: wire.Response, Session: m.Session, Transaction: m.Transaction, Packet: m.Packet}}
	r.UpTime = uint32(time.Since(s.agent.begun) / (10 * time.Millisecond))
	switch m.Type {
	case wire.Get:
		for _, q := range m.Ranges {
			r.Bindings = append(r.Bindings, wire.Binding{Name: q.Start, Value: s.agent.tree.Get(q.Start)})
		}
	case wire.GetNext:
		r.Bindings = s.next(m.Ranges)
	case wire.GetBulk:
		r.Bindings = s.bulk(m)
	case wire.TestSet:
		s.test(m, r)
	case wire.CommitSet:
		s.commit(r)
	case wire.UndoSet:
		r.Error = wire.UndoFailed // what was set is in effect
	case wire.CleanupSet:
		s.set = nil
		return nil // it has no answer
	default:
		r.Error = wire.ParseError
	}
	return s.write(r)
}

func (s *session) next(list []wire.Range) (found []wire.Binding) {
	for _, q := range list {
		found = append(found, s.agent.tree.Next(q))
	}
	return found
}

// bulk goes on with those that are to be repeated, row by row, until all have come to
// their ends or the answer is long enough.
func (s *session) bulk(m *wire.Message) []wire.Binding {
	const enough = 2000
	once := min(int(m.NonRepeaters), len(m.Ranges))
	found, going := s.next(m.Ranges[:once]), m.Ranges[once:]
	for range m.MaxRepetitions {
		row := s.next(going)
		found = append(found, row...)
		ends := 0
		for i := range row {
			if row[i].Kind == wire.EndOfView {
				ends++
			}
			going[i].Start, going[i].Include = row[i].Name, false
		}
		if ends == len(row) || len(found) >= enough {
			break
		}
	}
	return found
}

func (s *session) test(m, r *wire.Message) {
	set, code, place := s.agent.tree.Test(m.Bindings)
	s.set, r.Error, r.Index = set, code, uint16(place)
}

func (s *session) commit(r *wire.Message) {
	if s.set == nil {
		r.Error = wire.CommitFailed
		return
	}
	if err := s.set(); err != nil {
		s.agent.log(fmt.Sprintf("SNMP: set: %v", err))
		r.Error, r.Index = wire.CommitFailed, 1
	}
}
