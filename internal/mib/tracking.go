package mib

import (
	"slices"
	"strings"
	"time"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
)

// tracking draws who tracks what: a table for each kind of thing, of instances and of
// sync groups. What a group tracks is in the group's.
func (d *drawing) tracking() {
	for _, k := range []struct {
		kind              tracker.Kind
		instances, groups uint32 // the tables
		first             uint32 // column
	}{
		{tracker.Interface, 4, 14, 1},
		{tracker.Script, 5, 15, 2},
		{tracker.File, 12, 16, 2},
		{tracker.BFD, 17, 19, 2},
		{tracker.Process, 20, 22, 2},
	} {
		var own, shared []row[tracker.Track]
		for n := range d.instances {
			own = append(own, tracked(k.kind, d.own(&d.instances[n]), uint32(n+1))...)
		}
		for n, g := range d.Source.Router.Groups {
			shared = append(shared, tracked(k.kind, d.Source.Groups[g.Name].Tracks, uint32(n+1))...)
		}
		add(d.tree, keepalived(2, k.instances, 1), own, trackFields(k.first))
		add(d.tree, keepalived(2, k.groups, 1), shared, trackFields(k.first))
	}
}

// own are the tracks of an instance without those of its group.
func (d *drawing) own(i *dump.Instance) (list []tracker.Track) {
	shared := d.Source.Groups[i.Now.Group].Tracks
	for _, t := range i.Tracks {
		if !t.Hold && !slices.Contains(shared, t) {
			list = append(list, t)
		}
	}
	return list
}

// interfaces are those that an instance tracks beside its own.
func (d *drawing) interfaces(i *dump.Instance) []tracker.Track {
	return slices.DeleteFunc(d.own(i), func(t tracker.Track) bool { return t.Kind != tracker.Interface })
}

// tracked are the rows of a kind, numbered as they come.
func tracked(k tracker.Kind, list []tracker.Track, below uint32) (rows []row[tracker.Track]) {
	for i := range list {
		if list[i].Kind == k {
			rows = append(rows, row[tracker.Track]{wire.OID{below, uint32(len(rows) + 1)}, &list[i]})
		}
	}
	return rows
}

func trackFields(first uint32) []field[tracker.Track] {
	return []field[tracker.Track]{
		{first, func(t *tracker.Track) wire.Value { return wire.Text(t.Name) }},
		{first + 1, func(t *tracker.Track) wire.Value { return wire.Int(t.Weight) }},
		{first + 2, func(t *tracker.Track) wire.Value { return yes(t.Reverse) }},
	}
}

// trackers draws what can be tracked.
func (d *drawing) trackers() {
	d.scripts()
	d.files()
	d.sessions()
	d.processes()
}

// known is what a tracker said last.
func (d *drawing) known(k tracker.Kind, name string) (t status.Tracker) {
	for i := range d.Trackers {
		if d.Trackers[i].Kind == k.String() && d.Trackers[i].Name == name {
			return d.Trackers[i]
		}
	}
	return t
}

func (d *drawing) scripts() {
	type one = config.Script
	add(d.tree, keepalived(2, 9, 1), rowsOf(d.Scripts), []field[one]{
		{2, func(s *one) wire.Value { return wire.Text(s.Name) }},
		{3, func(s *one) wire.Value { return script(&s.Command) }},
		{4, func(s *one) wire.Value { return wire.Int(int(s.Interval / time.Second)) }},
		{5, func(s *one) wire.Value { return wire.Int(s.Weight) }},
		{6, func(s *one) wire.Value { return result(d.known(tracker.Script, s.Name)) }},
		{7, func(s *one) wire.Value { return wire.Gauge(s.Rise) }},
		{8, func(s *one) wire.Value { return wire.Gauge(s.Fall) }},
		{9, func(s *one) wire.Value { return yes(s.Reverse) }},
		{10, func(s *one) wire.Value { return program(s) }},
		{11, func(s *one) wire.Value { return wire.Gauge(s.Interval.Microseconds()) }},
		{12, func(s *one) wire.Value { return wire.Gauge(s.Timeout.Microseconds()) }},
	})
}

func program(s *config.Script) wire.Value {
	if len(s.Command.Argv) == 0 {
		return wire.Value{}
	}
	return wire.Text(s.Command.Argv[0])
}

// result is init(1), bad(2) or good(3).
func result(t status.Tracker) wire.Value {
	switch t.State {
	case "good":
		return wire.Int(3)
	case "bad":
		return wire.Int(2)
	}
	return wire.Int(1)
}

func (d *drawing) files() {
	type one = config.File
	add(d.tree, keepalived(2, 13, 1), rowsOf(d.Files), []field[one]{
		{2, func(f *one) wire.Value { return wire.Text(f.Name) }},
		{3, func(f *one) wire.Value { return wire.Text(f.Path) }},
		{4, func(f *one) wire.Value { return wire.Int(d.known(tracker.File, f.Name).Value) }},
		{5, func(f *one) wire.Value { return wire.Int(f.Weight) }},
		{6, func(f *one) wire.Value { return yes(f.Reverse) }},
	})
}

// sessions draws vrrpBfdTable. A session by itself has no weight.
func (d *drawing) sessions() {
	type one = status.Session
	add(d.tree, keepalived(2, 18, 1), rowsOf(d.Sessions), []field[one]{
		{2, func(s *one) wire.Value { return wire.Text(s.Name) }},
		{3, func(s *one) wire.Value { return yes(s.State == "Up") }},
		{4, func(s *one) wire.Value { return wire.Int(0) }},
		{5, func(s *one) wire.Value { return wire.Int(2) }},
	})
}

func (d *drawing) processes() {
	type one = config.Process
	add(d.tree, keepalived(2, 21, 1), rowsOf(d.Processes), []field[one]{
		{2, func(p *one) wire.Value { return wire.Text(p.Name) }},
		{3, func(p *one) wire.Value { return wire.Text(p.Program) }},
		{4, func(p *one) wire.Value { return wire.Text(strings.Join(p.Params, " ")) }},
		{5, func(p *one) wire.Value { return wire.Int(match(p.Match)) }},
		{6, func(p *one) wire.Value { return wire.Int(p.Weight) }},
		{7, func(p *one) wire.Value { return yes(p.Reverse) }},
		{8, func(p *one) wire.Value { return wire.Gauge(p.Quorum) }},
		{9, func(p *one) wire.Value { return wire.Int(most(p)) }},
		{10, func(p *one) wire.Value { return wire.Gauge(p.ForkDelay.Microseconds()) }},
		{11, func(p *one) wire.Value { return wire.Gauge(p.TerminateDelay.Microseconds()) }},
		{12, func(p *one) wire.Value { return yes(p.FullCommand) }},
		{13, func(p *one) wire.Value { return wire.Int(d.Tallies[p.Name].N) }},
		{14, func(p *one) wire.Value { return yes(d.Tallies[p.Name].Good) }},
	})
}

func most(p *config.Process) int {
	if p.QuorumMax == tracker.NoMaximum {
		return -1
	}
	return p.QuorumMax
}

// match is how parameters are compared, by keepalived's numbers.
func match(m tracker.Match) int {
	return map[tracker.Match]int{tracker.MatchNone: 0, tracker.MatchAll: 1, tracker.MatchFirst: 2, tracker.MatchBeginning: 3}[m]
}
