package engine

import (
	"fmt"

	"holdfast/internal/router"
)

// openTalks makes the sockets of BFD those that the sessions need.
func (m *Machine) openTalks() {
	m.hands.Talker.Apply(m.router.Paths(), m.noSocket)
	m.talks = map[int]Listener{}
	for _, l := range m.hands.Talker.Listeners() {
		m.talks[l.FD()] = l
		if err := m.poll.watch(l.FD()); err != nil {
			m.hands.Tell(Told{Trouble: err.Error()})
		}
	}
}

// noSocket tells of a session that has no socket: people, and the router.
func (m *Machine) noSocket(name string, err error) {
	m.hands.Tell(Told{Trouble: fmt.Sprintf("(%s) Unable to open output socket, disabling instance: %v", name, err)})
	m.Inbox.Put(router.NoSocket{Name: name})
}

// muted tells of a session whose packets cannot be sent.
func (m *Machine) muted(name string, err error) {
	m.hands.Tell(Told{Trouble: fmt.Sprintf("(%s) Error sending packet: %v", name, err)})
}

// listen reads BFD packets as read does adverts.
func (m *Machine) listen(l Listener, step func(router.Event)) {
	now := Now()
	n, err := l.Read(now, m.talk)
	if err != nil {
		return // as for adverts: what it means shows in the sessions
	}
	m.heard = now
	for i := range n {
		step(router.Packet{Datagram: &m.talk[i]})
	}
}
