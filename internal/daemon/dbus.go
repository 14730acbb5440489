package daemon

import (
	"cmp"
	"context"

	"holdfast/internal/bus"
	"holdfast/internal/relay"
	"holdfast/internal/status"
	"holdfast/internal/vrrp"
)

// onBus is the daemon on D-Bus. It belongs to the worker's loop.
type onBus struct {
	w      *workerProcess
	config bus.Config
	bus    *bus.Bus // nil: it is not wanted
	end    func(context.Context)
}

// apply takes a configuration over.
func (b *onBus) apply(t *told) {
	d, c := &t.Global.DBus, &t.Global.Copy
	next := bus.Config{Service: cmp.Or(d.Service, "org.keepalived.Vrrp1"), Root: bus.Root(c.NetNS, c.Instance)}
	list := shown(t)
	switch {
	case !d.Enabled:
		briefly(b.close)
	case b.bus == nil || next != b.config:
		briefly(b.close)
		b.begin(next)
		b.bus.Started(list)
	default:
		b.bus.Reloaded(list)
	}
}

// shown are the instances as the bus names them.
func shown(t *told) (list []bus.Instance) {
	for i := range t.Instances {
		n := &t.Instances[i]
		list = append(list, bus.Instance{Name: n.Name, Link: cmp.Or(n.Link, t.Global.DBus.NoInterface, "none"), VRID: n.VRID, V6: n.V6})
	}
	return list
}

func (b *onBus) begin(c bus.Config) {
	b.config, b.bus = c, bus.New(c, commands{b.w}, b.w.logText)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func(on *bus.Bus) { defer close(done); on.Run(ctx) }(b.bus)
	b.end = func(until context.Context) {
		cancel()
		select {
		case <-done:
		case <-until.Done():
		}
	}
	b.w.send(&relay.Down{Ask: true}) // the roles, of which nobody may have told
}

// close leaves the bus.
func (b *onBus) close(ctx context.Context) {
	if b.bus == nil {
		return
	}
	b.bus.Stopped()
	b.end(ctx)
	b.bus = nil
}

// hear passes on what happened.
func (b *onBus) hear(changes []vrrp.Change) {
	if b.bus == nil {
		return
	}
	for i := range changes {
		if c := &changes[i]; !c.Group {
			b.bus.Change(c.Name, c.To)
		}
	}
}

// see does the same with what nobody told of.
func (b *onBus) see(s *status.Router) {
	if b.bus == nil {
		return
	}
	for i := range s.Instances {
		b.bus.See(s.Instances[i].Name, roleOf(s.Instances[i].Role))
	}
}

func roleOf(word string) vrrp.Role {
	for _, r := range []vrrp.Role{vrrp.Backup, vrrp.Master, vrrp.Fault} {
		if r.String() == word {
			return r
		}
	}
	return vrrp.Initial
}

// commands is the worker as the bus sees it.
type commands struct{ w *workerProcess }

// PrintData implements bus.Control.
func (c commands) PrintData() { c.w.send(&relay.Down{Ask: true, Dump: relay.DumpData}) }

// PrintStats implements bus.Control.
func (c commands) PrintStats() { c.w.send(&relay.Down{Ask: true, Dump: relay.DumpStats}) }

// PrintStatsClear implements bus.Control.
func (c commands) PrintStatsClear() { c.w.send(&relay.Down{Ask: true, Dump: relay.DumpAndClear}) }

// ReloadConfig implements bus.Control.
func (c commands) ReloadConfig() { c.w.asks <- c.w.begin }

// SendGARP implements bus.Control.
func (c commands) SendGARP(instance string) { c.w.send(&relay.Down{Announce: instance}) }
