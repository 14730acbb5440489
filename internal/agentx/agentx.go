// Package agentx answers for a part of the tree of an SNMP agent, as a subagent
// (RFC 2741): it keeps a session with the agent, whatever becomes of that, and
// sends notifications. What the tree holds is for a Tree to say.
package agentx

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"sync"
	"time"

	"holdfast/internal/agentx/wire"
)

// Tree is what is answered for. The methods are called one at a time.
type Tree interface {
	// Get is the value of an object; of Kind NoSuchObject or NoSuchInstance if there is none.
	Get(wire.OID) wire.Value
	// Next is the first object of a range; EndOfView at the start of the range if there is none.
	Next(wire.Range) wire.Binding
	// Test finds out whether values can be set. set does it; place says which cannot,
	// from 1.
	Test([]wire.Binding) (set func() error, code wire.Error, place int)
}

// Config says with whom a session is kept, and for what.
type Config struct {
	// Address is as net-snmp writes it: unix:PATH, tcp:HOST:PORT, udp:HOST:PORT.
	Address string
	Name    string     // of the subagent, in words
	ID      wire.OID   // and as an object
	Parts   []wire.OID // of the tree
}

// DefaultAddress is where net-snmp listens unless told otherwise.
const DefaultAddress = "unix:/var/agentx/master"

// The times of a session.
const (
	// patience is how long the agent may take to answer for a session to be opened.
	patience = 5 * time.Second
	// again is the pause between attempts to find an agent.
	again = 2 * time.Second
	// proof is how often the agent has to prove that it is there.
	proof = 30 * time.Second
	// news is how long a notification waits for a session.
	news = 10 * time.Second
)

// most is how many notifications wait.
const most = 1 << 14

// Agent is a subagent.
type Agent struct {
	config Config
	tree   Tree
	log    func(string)
	begun  time.Time

	mu    sync.Mutex
	traps []trap
	kick  chan struct{} // there are some
}

// trap is a notification that is to be sent.
type trap struct {
	with []wire.Binding
	at   time.Time
}

// New returns a subagent that is not running. Log lines go to log, one for each change
// from being connected to not, and back.
func New(c Config, t Tree, log func(string)) *Agent {
	return &Agent{config: c, tree: t, log: log, begun: time.Now(), kick: make(chan struct{}, 1)}
}

// Notify sends a notification by that name. It does not wait: what cannot be sent
// soon is lost.
func (a *Agent) Notify(name wire.OID, with []wire.Binding) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if len(a.traps) == most {
		return
	}
	a.traps = append(a.traps, trap{append([]wire.Binding{{Name: snmpTrapOID(), Value: wire.Name(name)}}, with...), time.Now()})
	select {
	case a.kick <- struct{}{}:
	default:
	}
}

// waiting takes what is to be sent and is still news.
func (a *Agent) waiting() (list []trap) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, t := range a.traps {
		if time.Since(t.at) < news {
			list = append(list, t)
		}
	}
	a.traps = nil
	return list
}

func snmpTrapOID() wire.OID { return wire.OID{1, 3, 6, 1, 6, 3, 1, 1, 4, 1, 0} }

// Run keeps a session until the end of ctx, and sends what was notified before that.
func (a *Agent) Run(ctx context.Context) {
	told := ""
	for {
		err := a.live(ctx, func() { a.log("SNMP: AgentX session with " + a.config.Address); told = "" })
		if ctx.Err() != nil {
			return
		}
		if why := err.Error(); why != told {
			a.log(fmt.Sprintf("SNMP: no AgentX session with %s: %s; trying on", a.config.Address, why))
			told = why
		}
		select {
		case <-time.After(again):
		case <-ctx.Done():
			return
		}
	}
}

// live is one session, from its beginning to its end.
func (a *Agent) live(ctx context.Context, begun func()) error {
	conn, err := dial(ctx, a.config.Address)
	if err != nil {
		return err
	}
	s := newSession(conn, a)
	defer s.close()
	if err := s.open(); err != nil {
		return err
	}
	begun()
	ended := make(chan error, 1)
	go func() { ended <- s.serve() }()
	for err == nil {
		select {
		case err := <-ended:
			return err
		case <-a.kick:
			err = s.notify()
		case <-time.After(proof):
			err = s.send(&wire.Message{Header: wire.Header{Type: wire.Ping}})
		case <-ctx.Done():
			_ = s.notify()
			return ctx.Err()
		}
	}
	_ = conn.Close()
	<-ended // who asks for the tree does so no more
	return err
}

// dial connects to an address as net-snmp writes it.
func dial(ctx context.Context, address string) (net.Conn, error) {
	network, at := target(address)
	d := net.Dialer{Timeout: patience}
	c, err := d.DialContext(ctx, network, at)
	if op := (*net.OpError)(nil); errors.As(err, &op) {
		err = op.Err // the address is in the log line already
	}
	return c, err
}

// target understands an address: a path is a socket, anything else without a word
// before it UDP.
func target(address string) (network, at string) {
	network, at, found := strings.Cut(address, ":")
	switch {
	case strings.HasPrefix(address, "/"):
		return "unix", address
	case !found || !known(network):
		network, at = "udp", address
	case strings.HasSuffix(network, "ipv6"):
		network = network[:3] + "6"
	}
	if network != "unix" && !strings.Contains(at, ":") {
		at = net.JoinHostPort("localhost", at)
	}
	return network, at
}

func known(network string) bool {
	switch network {
	case "unix", "tcp", "udp", "tcp6", "udp6", "tcpipv6", "udpipv6":
		return true
	}
	return false
}
