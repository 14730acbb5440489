package agentx

import (
	"context"
	"errors"
	"io"
	"net"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/agentx/wire"
)

// two is a tree with the objects 1.3.1 and 1.3.2; the second can be set.
type two struct{ set []wire.Binding }

func (t *two) Get(o wire.OID) wire.Value {
	for n := uint32(1); n <= 2; n++ {
		if o.Compare(wire.OID{1, 3, n}) == 0 {
			return wire.Int(n)
		}
	}
	return wire.Value{Kind: wire.NoSuchObject}
}

func (t *two) Next(r wire.Range) wire.Binding {
	for n := uint32(1); n <= 2; n++ {
		o := wire.OID{1, 3, n}
		if c := o.Compare(r.Start); c > 0 || c == 0 && r.Include {
			return wire.Binding{Name: o, Value: wire.Int(n)}
		}
	}
	return wire.Binding{Name: r.Start, Value: wire.Value{Kind: wire.EndOfView}}
}

func (t *two) Test(list []wire.Binding) (func() error, wire.Error, int) {
	for i, b := range list {
		switch {
		case b.Name.Compare(wire.OID{1, 3, 2}) != 0:
			return nil, wire.NotWritable, i + 1
		case b.Number == 99:
			return func() error { return errors.New("broken") }, wire.NoError, 0
		}
	}
	return func() error { t.set = list; return nil }, wire.NoError, 0
}

// master is the agent's side.
type master struct {
	*testing.T
	listener net.Listener
	conn     net.Conn
	lines    chan string
	tree     *two
	agent    *Agent
}

func begin(t *testing.T) *master {
	t.Helper()
	path := filepath.Join(t.TempDir(), "agentx")
	l, err := net.Listen("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = l.Close() })
	m := &master{T: t, listener: l, lines: make(chan string, 16), tree: &two{}}
	m.agent = New(Config{Address: "unix:" + path, Name: "test", ID: wire.OID{1, 3}, Parts: []wire.OID{{1, 3}, {1, 4}}}, m.tree, func(s string) { m.lines <- s })
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); m.agent.Run(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return m
}

// accept answers for a session to be opened.
func (m *master) accept() {
	m.Helper()
	conn, err := m.listener.Accept()
	if err != nil {
		m.Fatal(err)
	}
	m.conn = conn
	m.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	for _, want := range []wire.Type{wire.Open, wire.Register, wire.Register} {
		got := m.hear()
		if got.Type != want {
			m.Fatalf("got %d, want %d", got.Type, want)
		}
		m.say(&wire.Message{Header: wire.Header{Type: wire.Response, Session: 7, Packet: got.Packet}})
	}
}

func (m *master) say(msg *wire.Message) {
	m.Helper()
	if _, err := m.conn.Write(msg.Append(nil)); err != nil {
		m.Fatal(err)
	}
}

func (m *master) hear() *wire.Message {
	m.Helper()
	head := make([]byte, wire.HeaderSize)
	if _, err := io.ReadFull(m.conn, head); err != nil {
		m.Fatal(err)
	}
	h, err := wire.ParseHeader(head)
	if err != nil {
		m.Fatal(err)
	}
	body := make([]byte, h.Size)
	if _, err := io.ReadFull(m.conn, body); err != nil {
		m.Fatal(err)
	}
	got, err := wire.Decode(h, body)
	if err != nil {
		m.Fatal(err)
	}
	return got
}

// ask sends a request and returns what is answered.
func (m *master) ask(msg *wire.Message) *wire.Message {
	m.Helper()
	msg.Session, msg.Transaction, msg.Packet = 7, 5, 6
	m.say(msg)
	got := m.hear()
	if got.Type != wire.Response || got.Session != 7 || got.Transaction != 5 || got.Packet != 6 {
		m.Fatalf("no answer to it: %+v", got)
	}
	return got
}

func header(t wire.Type) wire.Header { return wire.Header{Type: t} }

func TestRequestsAreAnswered(t *testing.T) {
	m := begin(t)
	m.accept()
	o := func(n ...uint32) wire.OID { return append(wire.OID{1, 3}, n...) }
	one, second := wire.Binding{Name: o(1), Value: wire.Int(1)}, wire.Binding{Name: o(2), Value: wire.Int(2)}
	end := wire.Binding{Name: o(2), Value: wire.Value{Kind: wire.EndOfView}}
	for _, c := range []struct {
		name string
		ask  wire.Message
		want []wire.Binding
	}{
		{"get", wire.Message{Header: header(wire.Get), Ranges: []wire.Range{{Start: o(1)}, {Start: o(3)}}},
			[]wire.Binding{one, {Name: o(3), Value: wire.Value{Kind: wire.NoSuchObject}}}},
		{"get next", wire.Message{Header: header(wire.GetNext), Ranges: []wire.Range{{Start: o(1)}, {Start: o(1), Include: true}}}, []wire.Binding{second, one}},
		{"get next at the end", wire.Message{Header: header(wire.GetNext), Ranges: []wire.Range{{Start: o(2)}}}, []wire.Binding{end}},
		{"get bulk", wire.Message{Header: header(wire.GetBulk), NonRepeaters: 1, MaxRepetitions: 3, Ranges: []wire.Range{{Start: o(0)}, {Start: o(0)}}},
			[]wire.Binding{one, one, second, end}},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, m.ask(&c.ask).Bindings); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestSetting(t *testing.T) {
	m := begin(t)
	m.accept()
	test := func(n uint32, v int) *wire.Message {
		return m.ask(&wire.Message{Header: header(wire.TestSet), Bindings: []wire.Binding{{Name: wire.OID{1, 3, n}, Value: wire.Int(v)}}})
	}
	if got := test(1, 5); got.Error != wire.NotWritable || got.Index != 1 {
		t.Errorf("what cannot be set: %d at %d", got.Error, got.Index)
	}
	if got := m.ask(&wire.Message{Header: header(wire.CommitSet)}); got.Error != wire.CommitFailed {
		t.Errorf("a commit without a test: %d", got.Error)
	}
	if got := test(2, 5); got.Error != wire.NoError || m.tree.set != nil {
		t.Errorf("the test: %d, set %v", got.Error, m.tree.set)
	}
	if got := m.ask(&wire.Message{Header: header(wire.CommitSet)}); got.Error != wire.NoError || len(m.tree.set) != 1 {
		t.Errorf("the commit: %d, set %v", got.Error, m.tree.set)
	}
	m.say(&wire.Message{Header: wire.Header{Type: wire.CleanupSet, Session: 7}})
	test(2, 99)
	if got := m.ask(&wire.Message{Header: header(wire.CommitSet)}); got.Error != wire.CommitFailed {
		t.Errorf("a commit that fails: %d", got.Error)
	}
}

// What happens while there is no session yet is notified of once there is one.
func TestNotificationsWaitForASession(t *testing.T) {
	m := begin(t)
	m.agent.Notify(wire.OID{1, 3, 0, 1}, []wire.Binding{{Name: wire.OID{1, 3, 1}, Value: wire.Int(5)}})
	m.accept()
	want := []wire.Binding{{Name: snmpTrapOID(), Value: wire.Name(wire.OID{1, 3, 0, 1})}, {Name: wire.OID{1, 3, 1}, Value: wire.Int(5)}}
	got := m.hear()
	if diff := cmp.Diff(want, got.Bindings); diff != "" || got.Type != wire.Notify {
		t.Errorf("%d %s", got.Type, diff)
	}
}

// An agent that starts again finds the subagent, which says so once each way.
func TestTheSessionIsOpenedAgain(t *testing.T) {
	m := begin(t)
	for range 2 {
		m.accept()
		if got := <-m.lines; got != "SNMP: AgentX session with "+m.agent.config.Address {
			t.Error(got)
		}
		_ = m.conn.Close()
		if got := <-m.lines; got != "SNMP: no AgentX session with "+m.agent.config.Address+": the agent closed it; trying on" {
			t.Error(got)
		}
	}
}

func TestASessionThatTheAgentForgotIsOpenedAgain(t *testing.T) {
	m := begin(t)
	m.accept()
	m.say(&wire.Message{Header: header(wire.Response), Error: wire.NotOpen})
	if got := m.hear(); got.Type != wire.Close {
		t.Errorf("got %d", got.Type)
	}
	m.accept()
}

func TestAddresses(t *testing.T) {
	for _, c := range []struct{ address, network, at string }{
		{"unix:/run/x", "unix", "/run/x"}, {"/run/x", "unix", "/run/x"}, {"tcp:127.0.0.1:705", "tcp", "127.0.0.1:705"}, {"tcp:705", "tcp", "localhost:705"},
		{"udp:127.0.0.1:705", "udp", "127.0.0.1:705"}, {"localhost:705", "udp", "localhost:705"}, {"705", "udp", "localhost:705"}, {"tcp6:[::1]:705", "tcp6", "[::1]:705"}, {"udpipv6:[::1]:705", "udp6", "[::1]:705"},
	} {
		t.Run(c.address, func(t *testing.T) {
			if network, at := target(c.address); network != c.network || at != c.at {
				t.Errorf("%s %s", network, at)
			}
		})
	}
}
