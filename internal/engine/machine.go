package engine

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Sender sends adverts, several in one system call. It must not block.
type Sender interface {
	// Send reports failures to failed, which may be called for each packet.
	Send(packets []vrrp.Send, ifindex func(link string) int, failed func(i int, err error))
}

// Receiver is one open port.
type Receiver interface {
	FD() int
	// Read fills out without waiting, with the kernel's receive times.
	Read(now mono.Instant, out []wire.Datagram) (int, error)
	Listen(port *router.Port) error
	Close() error
}

// Announcer sends gratuitous ARP and unsolicited NA in its own time.
type Announcer interface {
	Announce(list []router.Announcement)
	Hush(ids []vrrp.ID)
}

// Talker holds the sockets of BFD. It must not block.
type Talker interface {
	// Apply makes the sockets those of the paths; failed is told which session lacks one.
	Apply(paths []bfd.Path, failed func(name string, err error))
	// Send tells failed once of each session whose packets cannot be sent.
	Send(packets []bfd.Send, failed func(name string, err error))
	// Listeners are what is to be read, until the next Apply.
	Listeners() []Listener
}

// Listener is an open port of BFD.
type Listener interface {
	FD() int
	// Read fills out without waiting, with the kernel's receive times.
	Read(now mono.Instant, out []bfd.Datagram) (int, error)
}

// Memory outlives a crash of the process. Its methods only store.
type Memory interface {
	Role(id vrrp.ID, role vrrp.Role)
	Sent(id vrrp.ID, at mono.Instant)
}

// Hands are what a Machine acts with.
type Hands struct {
	Sender    Sender
	Open      func(port *router.Port, ifindex int) (Receiver, error)
	Announcer Announcer
	Talker    Talker
	Memory    Memory
	// Host takes the wanted state on; whole says that it is all of it.
	Host func(want HostOrder)
	// Tell takes what is to be told to the worker.
	Tell func(Told)
	// Late is told how long after its deadline the router was stepped; nil: nobody
	// wants to know. It must not block.
	Late func(by time.Duration)
}

// Told is what one turn of the loop has to say.
type Told struct {
	Changes []vrrp.Change
	Signals []vrrp.Signal
	Notes   []vrrp.Note
	BFD     BFD
	Trouble string
}

// BFD is what its sessions have to say.
type BFD struct {
	Changes  []bfd.Change
	Notes    []bfd.Note
	Verdicts []bfd.Verdict
	Followed []router.Followed
}

// Empty reports whether there is nothing.
func (b *BFD) Empty() bool {
	return len(b.Changes)+len(b.Notes)+len(b.Verdicts)+len(b.Followed) == 0
}

// Machine is the World of a running daemon.
type Machine struct {
	Inbox  Mailbox[router.Event]
	poll   *poller
	router *router.Router
	hands  Hands
	ears   *ears
	opened Mailbox[opened] // from the ears
	close  func()          // ends the ears
	serial uint64          // of the last order to them
	want   []port          // what it asked for
	ports  []port          // those that are read
	deaf   []router.Ear    // those that are not, as the router knows
	byFD   map[int]int     // descriptor to index in ports
	byEar  map[router.Ear]bool
	batch  []wire.Datagram
	talks  map[int]Listener // of BFD, by descriptor
	talk   []bfd.Datagram
	late   Lateness
	failed func(int, error) // made once, so that sending allocates nothing
	mute   func(string, error)
	index  func(string) int
	send   *router.Effects // the effects being transmitted
	heard  mono.Instant    // when this turn read datagrams; 0: it did not
	sick   map[string]bool // links whose last send failed: complained about once
}

// NewMachine makes a world for r.
func NewMachine(r *router.Router, hands Hands) (*Machine, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	m := &Machine{poll: p, router: r, hands: hands, byFD: map[int]int{}, byEar: map[router.Ear]bool{}, batch: make([]wire.Datagram, 64), talk: make([]bfd.Datagram, 64), sick: map[string]bool{}}
	m.Inbox.Wake, m.opened.Wake = p.knock, p.knock
	m.ears = newEars(&m.hands, &m.opened)
	ctx, cancel := context.WithCancel(context.Background())
	m.close = cancel
	go m.ears.run(ctx)
	m.failed, m.index, m.mute = m.sendFailed, r.IfIndex, m.muted
	return m, nil
}

// Now implements World.
func (m *Machine) Now() mono.Instant { return Now() }

// Ahead implements World.
func (m *Machine) Ahead() time.Duration {
	return time.Duration(time.Now().UnixNano()) - time.Duration(Now())
}

// Late implements World.
func (m *Machine) Late(by mono.Instant) {
	m.late.add(time.Duration(by))
	if m.hands.Late != nil {
		m.hands.Late(time.Duration(by))
	}
}

// Lateness is how late the loop has been.
func (m *Machine) Lateness() *Lateness { return &m.late }

// company is how long a datagram may wait for others while many come: under a
// flood, waking for each costs more than reading it.
const company = 500 * time.Microsecond

// Wait implements World.
func (m *Machine) Wait(until mono.Instant) {
	now := Now()
	if early := company - now.Sub(m.heard); m.heard != 0 && early > 0 {
		m.poll.pause(min(early, max(0, until.Sub(now))))
	}
	m.heard = 0
	m.poll.wait(until)
}

// rounds bounds how often one turn goes back to the sockets, so that a flood
// cannot keep a deadline from expiring.
const rounds = 4

// Drain implements World.
func (m *Machine) Drain(step func(router.Event)) {
	for range rounds {
		if m.readReady(step) {
			m.poll.hush()
			m.opened.Take(m.adopt)
			m.Inbox.Take(step)
		}
		if m.poll.poll(); m.poll.count == 0 {
			return
		}
	}
}

func (m *Machine) readReady(step func(router.Event)) (knocked bool) {
	for i := range m.poll.count {
		fd := int(m.poll.ready[i].Fd)
		if fd == m.poll.wake {
			knocked = true
			continue
		}
		if n, ok := m.byFD[fd]; ok {
			m.read(m.ports[n].receiver, step)
		} else if l, ok := m.talks[fd]; ok {
			m.listen(l, step)
		}
	}
	return knocked
}

func (m *Machine) read(r Receiver, step func(router.Event)) {
	now := Now()
	n, err := r.Read(now, m.batch)
	if err != nil {
		return // the link went away; the kernel's report of that closes the port
	}
	m.heard = now
	for i := range n {
		step(router.Advert{Datagram: &m.batch[i]})
	}
}

// Transmit implements World.
func (m *Machine) Transmit(now mono.Instant, fx *router.Effects) {
	if fx.BFD.Sockets {
		m.openTalks()
	}
	if len(fx.BFD.Sends) > 0 {
		m.hands.Talker.Send(fx.BFD.Sends, m.mute)
	}
	if len(fx.Sends) > 0 {
		m.send = fx
		m.hands.Sender.Send(fx.Sends, m.index, m.failed)
	}
	for i := range fx.Sends {
		m.hands.Memory.Sent(fx.Sends[i].ID, now)
	}
}

// sendFailed complains once about a link until it works again; the state of
// the routers on it is left alone (vrrp-behaviour section 6).
func (m *Machine) sendFailed(i int, err error) {
	s := &m.send.Sends[i]
	if m.sick[s.Link] {
		return
	}
	m.sick[s.Link] = true
	m.hands.Tell(Told{Trouble: fmt.Sprintf("(%s) send advert error on %s: %v", m.router.Name(s.ID), cmp.Or(s.Link, "no interface"), err)})
}

// Carry implements World.
func (m *Machine) Carry(fx *router.Effects) {
	for i := range fx.Changes {
		if c := &fx.Changes[i]; !c.Group {
			m.hands.Memory.Role(c.ID, c.To)
		}
	}
	if !fx.Host.Empty() || fx.HostWhole {
		m.hands.Host(HostOrder{Delta: fx.Host.Clone(), Whole: fx.HostWhole})
	}
	if len(fx.Hush) > 0 {
		m.hands.Announcer.Hush(fx.Hush)
	}
	if len(fx.Announcements) > 0 {
		m.hands.Announcer.Announce(fx.Announcements)
	}
	if len(fx.Changes)+len(fx.Signals)+len(fx.Notes) > 0 {
		m.hands.Tell(Told{Changes: slices.Clone(fx.Changes), Signals: slices.Clone(fx.Signals), Notes: slices.Clone(fx.Notes)})
	}
	told := BFD{fx.BFD.Changes, fx.BFD.Notes, fx.BFD.Verdicts, fx.Followed}
	if !told.Empty() {
		m.hands.Tell(Told{BFD: BFD{slices.Clone(told.Changes), slices.Clone(told.Notes), slices.Clone(told.Verdicts), slices.Clone(told.Followed)}})
	}
	if fx.Ports {
		m.openPorts()
	}
}

// openPorts orders the sockets that the configuration asks for on links that exist. Those
// that are not to stay are read no more.
func (m *Machine) openPorts() {
	clear(m.sick)
	if want := m.wanted(); !slices.EqualFunc(want, m.want, alike) {
		m.want = want
		m.serial++
		m.ears.orders.Put(order{m.serial, want})
		m.dropPorts()
		m.watchPorts()
	}
	m.tellDeaf()
}

// wanted are the ports on links that exist.
func (m *Machine) wanted() (want []port) {
	for _, p := range m.router.Ports() {
		index := m.router.IfIndex(p.Link)
		if index == 0 && p.Link != "" {
			continue
		}
		p.Buffer += p.MTUs * m.router.MTU(p.Link)
		want = append(want, port{Port: p, ifindex: index})
	}
	return want
}

// dropPorts forgets ports that are not wanted: they may be closed at any time.
func (m *Machine) dropPorts() {
	wanted := make(map[router.Ear]int, len(m.want))
	for i := range m.want {
		wanted[m.want[i].Ear] = m.want[i].ifindex
	}
	m.ports = slices.DeleteFunc(m.ports, func(p port) bool {
		if index, ok := wanted[p.Ear]; ok && index == p.ifindex {
			return false
		}
		m.poll.forget(p.receiver.FD())
		return true
	})
}

// adopt reads by the ports that are open now. Those of an order that has been overtaken
// are left alone, for the next one may close them.
func (m *Machine) adopt(o opened) {
	if o.serial != m.serial {
		return
	}
	m.ports = o.ports
	m.watchPorts()
	m.tellDeaf()
}

func (m *Machine) watchPorts() {
	clear(m.byFD)
	clear(m.byEar)
	for i := range m.ports {
		fd := m.ports[i].receiver.FD()
		m.byFD[fd], m.byEar[m.ports[i].Ear] = i, true
		if err := m.poll.watch(fd); err != nil {
			m.hands.Tell(Told{Trouble: err.Error()})
		}
	}
}

// tellDeaf tells the router which of its ports are not open.
func (m *Machine) tellDeaf() {
	var deaf []router.Ear
	for i := range m.router.Ports() {
		if e := m.router.Ports()[i].Ear; !m.byEar[e] {
			deaf = append(deaf, e)
		}
	}
	if !slices.Equal(deaf, m.deaf) {
		m.deaf = deaf
		m.Inbox.Put(router.Hearing{Deaf: deaf})
	}
}

// Close gives the descriptors back.
func (m *Machine) Close() {
	m.close()
	m.poll.close()
}
