package daemon

import (
	"cmp"
	"context"
	"maps"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/agentx"
	"holdfast/internal/agentx/wire"
	"holdfast/internal/balancer"
	"holdfast/internal/cli"
	"holdfast/internal/config"
	"holdfast/internal/engine"
	"holdfast/internal/mib"
	"holdfast/internal/mono"
	"holdfast/internal/relay"
	"holdfast/internal/status"
	"holdfast/internal/vrrp"
)

// snmp is the subagent of an SNMP agent. But for the drawing of answers it belongs to
// the worker's loop.
type snmp struct {
	control control // for who is not in the loop
	log     func(string)
	// version is that of the program.
	version string

	setup   snmpSetup
	speaker mib.Speaker
	agent   *agentx.Agent // nil: nobody asks for it
	forest  *forest
	end     func(context.Context) // of the agent
	// herald is for what happens to servers, in any goroutine; nil: nobody hears.
	herald atomic.Pointer[herald]
}

// herald is who hears of servers, and what is the same each time.
type herald struct {
	speaker mib.Speaker
	agent   *agentx.Agent
	forest  *forest
	traps   bool
}

// snmpSetup is what an agent is started anew for when it changes.
type snmpSetup struct {
	address string
	parts   mib.Parts
	traps   bool
}

// snmpSetupOf is what the command line and the configuration say together.
func snmpSetupOf(o *cli.Options, s *config.SNMP) snmpSetup {
	p := mib.Parts{VRRP: s.VRRP || o.SNMP, Checker: s.Checker || o.SNMP, RFC2787: s.RFC2787 || o.SNMP, RFC6527: s.RFC6527 || o.SNMP}
	p.Global = p.VRRP || p.Checker
	return snmpSetup{address: cmp.Or(o.SNMPSocket, s.Socket, agentx.DefaultAddress), parts: p, traps: s.Traps}
}

// apply takes a configuration over.
func (s *snmp) apply(o *cli.Options, t *told) {
	next := snmpSetupOf(o, &t.Global.SNMP)
	s.speaker = mib.Speaker{RouterID: t.Global.RouterID}
	if next.traps {
		s.speaker.Masters = t.masters()
	}
	if next != s.setup {
		briefly(s.close)
		s.setup = next
		s.begin()
	}
	if s.forest != nil {
		s.forest.stale.Store(true)
	}
	s.herald.Store(nil)
	if s.agent != nil && next.parts.Checker {
		s.herald.Store(&herald{s.speaker, s.agent, s.forest, next.traps})
	}
}

// masters are the instances that begin as such.
func (t *told) masters() map[string]bool {
	all := map[string]bool{}
	for i := range t.Instances {
		if t.Instances[i].StartMaster {
			all[t.Instances[i].Name] = true
		}
	}
	return all
}

// turned tells of servers. It may be called by any goroutine.
func (s *snmp) turned(list []balancer.Turn) {
	h := s.herald.Load()
	if h == nil {
		return
	}
	h.forest.turned.Store(true)
	h.forest.stale.Store(true)
	if !h.traps {
		return
	}
	for i := range list {
		sendTraps(h.agent, []mib.Trap{h.speaker.Turn(&list[i])})
	}
}

// briefly does something that may take no more than a second.
func briefly(do func(context.Context)) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	do(ctx)
}

func (s *snmp) begin() {
	parts := s.setup.parts.Roots()
	if len(parts) == 0 {
		return
	}
	s.forest = &forest{control: s.control, version: "Keepalived v" + cli.KeepalivedVersion + " (holdfast " + s.version + ")", parts: s.setup.parts, past: map[string]mib.Past{}, begun: engine.Now()}
	s.agent = agentx.New(agentx.Config{Address: s.setup.address, Name: "holdfast", ID: mib.Root(), Parts: parts}, s.forest, s.log)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func(a *agentx.Agent) { defer close(done); a.Run(ctx) }(s.agent)
	s.end = func(until context.Context) {
		cancel()
		select {
		case <-done:
		case <-until.Done():
		}
	}
}

// close ends the session, after what is left to notify of.
func (s *snmp) close(ctx context.Context) {
	if s.agent != nil {
		s.end(ctx)
	}
	s.agent, s.forest = nil, nil
}

// hear passes on what happened.
func (s *snmp) hear(m *relay.Up) {
	if s.agent == nil {
		return
	}
	s.forest.hear(m)
	if !s.setup.traps {
		return
	}
	for i := range m.Changes {
		s.tell(m.Changes[i])
	}
	for i := range m.Notes {
		sendTraps(s.agent, mib.Complaint(s.setup.parts, &m.Notes[i]))
	}
}

func (s *snmp) tell(c vrrp.Change) {
	if s.setup.parts.VRRP {
		sendTraps(s.agent, []mib.Trap{s.speaker.Change(&c)})
	}
	if p := s.setup.parts; c.To == vrrp.Master && !c.Group && (p.RFC2787 || p.RFC6527) {
		forest, agent := s.forest, s.agent
		go func() { sendTraps(agent, forest.newMaster(&c)) }() // it has to look
	}
}

func sendTraps(a *agentx.Agent, list []mib.Trap) {
	for _, t := range list {
		a.Notify(t.Name, t.With)
	}
}

// forest is an agentx.Tree that is drawn anew when it has grown old.
type forest struct {
	control control
	version string // what programs that ask for it know
	parts   mib.Parts
	begun   mono.Instant
	stale   atomic.Bool // something happened
	turned  atomic.Bool // to a server

	mu    sync.Mutex
	past  map[string]mib.Past
	tree  *mib.Tree
	drawn time.Time

	servers []status.VirtualServer
	counted time.Time
}

// How old answers may be: by themselves, and after something happened.
const (
	treeAge  = time.Second
	staleAge = 50 * time.Millisecond
	// lookTime is how long a look may take, which is less than an agent waits for an
	// answer; then the old answers have to do, for as long as fresh ones would.
	lookTime = 800 * time.Millisecond
)

// hear notes what a snapshot does not tell.
func (f *forest) hear(m *relay.Up) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for i := range m.Changes {
		c := &m.Changes[i]
		f.stale.Store(true)
		if p := f.past[c.Name]; !c.Group && (c.From == vrrp.Initial || c.From == vrrp.Fault) {
			p.Left = c.At
			f.past[c.Name] = p
		}
	}
	for i := range m.Notes {
		if flaw := mib.Flaw(m.Notes[i].Kind); flaw != 0 {
			p := f.past[m.Notes[i].Name]
			p.Flaw = flaw
			f.past[m.Notes[i].Name] = p
		}
	}
}

// grown is the tree, drawn not long ago.
func (f *forest) grown() *mib.Tree {
	if age := time.Since(f.drawn); f.tree == nil || age > treeAge || f.stale.Load() && age > staleAge {
		f.draw()
	}
	if f.tree == nil {
		return &mib.Tree{}
	}
	return f.tree
}

func (f *forest) draw() {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	m, err := f.control.picture(ctx, f.stale.Swap(false))
	if err != nil {
		f.drawn = time.Now()
		return
	}
	f.countServers(ctx, m)
	f.mu.Lock()
	past := maps.Clone(f.past)
	f.mu.Unlock()
	source := &mib.Source{Source: m.source, Version: f.version, Past: past, Begun: f.begun,
		Servers: mib.Servers{Virtual: m.told.Servers.Virtual, Groups: m.told.Servers.Groups, Now: f.servers}}
	f.tree, f.drawn = mib.Draw(source, f.parts), time.Now()
}

// countServers looks at virtual servers again when what is known of them is older than
// the configuration allows, or something happened to one.
func (f *forest) countServers(ctx context.Context, m *managed) {
	age := m.told.Global.SNMP.VirtualAge
	if real := m.told.Global.SNMP.RealAge; real > 0 {
		age = min(age, real)
	}
	if !f.parts.Checker || !f.turned.Swap(false) && len(f.servers) == len(m.told.Servers.Virtual) && time.Since(f.counted) < age {
		return
	}
	if list, err := f.control.virtual(ctx); err == nil {
		f.servers, f.counted = list, time.Now()
	}
}

// Get implements agentx.Tree.
func (f *forest) Get(o wire.OID) wire.Value { return f.grown().Get(o) }

// Next implements agentx.Tree.
func (f *forest) Next(r wire.Range) wire.Binding { return f.grown().Next(r) }

// Test implements agentx.Tree: nothing can be set.
func (f *forest) Test([]wire.Binding) (func() error, wire.Error, int) {
	return nil, wire.NotWritable, 1
}

// newMaster is what the MIBs of the RFCs have to say of a transition.
func (f *forest) newMaster(c *vrrp.Change) []mib.Trap {
	ctx, cancel := context.WithTimeout(context.Background(), lookTime)
	defer cancel()
	m, err := f.control.picture(ctx, true)
	if err != nil {
		return nil
	}
	return mib.NewMaster(&mib.Source{Source: m.source}, f.parts, c)
}
