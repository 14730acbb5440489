package lab

import (
	"context"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/internal/lab/service"
	"holdfast/internal/realserver"
	"holdfast/internal/realserver/kernel"
)

// ServerWord is the first argument of a process that is a real server.
const ServerWord = "lab-server"

// Serve is the life of such a process; what it serves is the second argument.
func Serve(what string) int { return service.Main(what) }

// balance makes directors routers where they translate, and real servers what
// packets that are sent to others need.
func (l *lab) balance() error {
	for _, m := range l.machines {
		var err error
		switch {
		case m.plan.Server != nil:
			err = m.becomeRealServer()
		case m.plan.translates():
			err = m.becomeRouter()
		}
		if err != nil {
			return fmt.Errorf("prepare %s for balancing: %w", m.plan.Name, err)
		}
	}
	l.steering = newSteering(l)
	return nil
}

// becomeRouter has the node pass on packets. It tells nobody of shorter ways, which
// would lead past it.
func (m *machine) becomeRouter() error {
	switches := []string{"ipv4/conf/all/send_redirects=0", "ipv4/ip_forward=1", "ipv6/conf/all/forwarding=1"}
	for _, link := range m.plan.Links {
		switches = append(switches, "ipv4/conf/"+link+"/send_redirects=0")
	}
	for _, s := range switches {
		name, value, _ := strings.Cut(s, "=")
		if err := m.node.Sysctl(name, value); err != nil && !strings.HasPrefix(name, "ipv6") {
			return err
		}
	}
	return nil
}

// becomeRealServer does what `holdfast realserver up` does.
func (m *machine) becomeRealServer() error {
	if len(m.plan.Server.Takes) == 0 {
		return nil
	}
	var memory realserver.Memory
	for _, s := range m.plan.Server.Takes {
		memory.Add(s)
	}
	return m.node.Do(func() error {
		k, err := kernel.Open()
		if err != nil {
			return err
		}
		defer k.Close()
		job := realserver.Job{Machine: k, Keep: func(realserver.Memory) error { return nil }, Say: func(string, ...any) {}}
		return job.Apply(&memory)
	})
}

// steering has the answers of real servers go the right way: by the director that
// holds the virtual server's address, if packets are translated there and no
// virtual address is on their own link.
type steering struct {
	l    *lab
	wake chan struct{}
	stop chan struct{}
	done sync.WaitGroup
	now  map[*machine][]string // the routes of each, as far as they were taken
}

func newSteering(l *lab) *steering {
	s := &steering{l: l, wake: make(chan struct{}, 1), stop: make(chan struct{}), now: map[*machine][]string{}}
	for _, m := range l.machines {
		m.moved = s.look
	}
	s.done.Go(s.run)
	s.look()
	return s
}

// look has the ways looked at again.
func (s *steering) look() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

func (s *steering) run() {
	for {
		select {
		case <-s.stop:
			return
		case <-s.wake:
		}
		for _, m := range s.l.machines[s.l.plan.directors:] {
			s.steer(m)
		}
	}
}

func (s *steering) steer(m *machine) {
	routes := s.l.plan.routes(m.plan, s.l.gateway(m.plan))
	slices.Sort(routes)
	if len(routes) == 0 || slices.Equal(routes, s.now[m]) {
		return
	}
	if _, err := m.node.Run(context.Background(), strings.NewReader(strings.Join(routes, "\n")+"\n"), "ip", "-batch", "-"); err != nil {
		s.l.line.note(m.plan.Name, "the way back: %v", err)
		return
	}
	s.now[m] = routes
}

// close waits for what is being done.
func (s *steering) close() {
	close(s.stop)
	s.done.Wait()
}

// gateway is by whom the answers of a real server go; not valid if they need nobody,
// or nobody is there.
func (l *lab) gateway(server *NodePlan) netip.Addr {
	sp := server.Server
	if len(sp.Behind) == 0 || sp.Gateway.IsValid() {
		return sp.Gateway
	}
	var latest time.Time
	var found netip.Addr
	for _, m := range l.directors() {
		if since, ok := m.holds(sp.Behind[0]); ok && !m.isDark() && since.After(latest) {
			latest, found = since, m.plan.on(server.Links[0], sp.Behind[0].Is6())
		}
	}
	return found
}

// served tells the timeline who answers from now on.
func (l *lab) served(c service.Change) {
	l.line.add(time.Now(), Entry{Kind: "served", Node: clientName, Address: c.Target.String(), Text: by(c.Servers)})
}

// by says who answers requests.
func by(servers []string) string {
	names := slices.DeleteFunc(slices.Clone(servers), func(s string) bool { return s == service.Nobody })
	switch {
	case len(names) == 0:
		return "is not answered"
	case len(names) < len(servers):
		return "is answered by " + strings.Join(names, ", ") + ", and requests are lost"
	}
	return "is answered by " + strings.Join(names, ", ")
}

// served reports whether somebody answers all requests.
func served(now []string) bool { return len(now) > 0 && !slices.Contains(now, service.Nobody) }

// allServed reports whether every virtual server answers all requests.
func (l *lab) allServed() bool {
	for i := range l.plan.Asked {
		if !served(l.asker.Now(i)) {
			return false
		}
	}
	return true
}

// answers reports whether a real server answers for a virtual one.
func (l *lab) answers(name string) bool {
	for i := range l.plan.Asked {
		if slices.Contains(l.asker.Now(i), name) {
			return true
		}
	}
	return false
}

// firstServer is the first real server that answers; empty if none does.
func (l *lab) firstServer() string {
	for _, n := range l.plan.Nodes[l.plan.directors:] {
		if l.answers(n.Name) {
			return n.Name
		}
	}
	return ""
}

// settle waits until what was sent so far has been judged.
func (l *lab) settle() {
	if l.asker != nil {
		l.asker.Settle()
	}
	l.prober.Settle()
}

// count is what became of the requests to a virtual server.
type count struct {
	Service  string         `json:"service"`
	Requests int            `json:"requests"`
	Lost     int            `json:"lost"`
	By       map[string]int `json:"by"`
}

func (l *lab) counts() (all []count) {
	if l.asker == nil {
		return nil
	}
	for _, c := range l.asker.Counts() {
		all = append(all, count{c.Target.String(), c.Requests, c.Lost, c.By})
	}
	return all
}

// String prints the count for people.
func (c count) String() string {
	text := fmt.Sprintf("%s: %d requests, %d lost", c.Service, c.Requests, c.Lost)
	for _, name := range slices.Sorted(maps.Keys(c.By)) {
		text += fmt.Sprintf(", %d answered by %s", c.By[name], name)
	}
	return text
}

// slowestCheck is the longest that checks may take to see that a server is gone.
func (p *Plan) slowestCheck() (longest time.Duration) {
	for _, n := range p.Nodes {
		for _, s := range n.Services {
			longest = max(longest, s.Slowest)
		}
	}
	return longest
}
