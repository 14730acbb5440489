package router

import (
	"maps"
	"net/netip"
	"slices"
	"strings"

	"holdfast/internal/bfd"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// watched names a thing that trackers follow.
type watched struct {
	kind tracker.Kind
	name string
}

// watch knows what is known of every watched thing, and who follows it.
type watch struct {
	state     map[watched]tracker.Sample
	followers map[watched][]vrrp.ID
	tracks    map[vrrp.ID][]tracker.Track
	sources   sources
}

// sources are the addresses of track_src_ip, by link.
type sources map[string][]netip.Addr

func (c *Config) sources() sources {
	all := sources{}
	for i := range c.Details {
		for _, t := range c.Details[i].Tracks {
			addr, link, _ := strings.Cut(t.Name, sourceOn)
			if a, err := netip.ParseAddr(addr); t.Kind == tracker.Address && err == nil {
				all[link] = append(all[link], a)
			}
		}
	}
	return all
}

func newWatch() watch {
	return watch{
		state:     map[watched]tracker.Sample{},
		followers: map[watched][]vrrp.ID{},
		tracks:    map[vrrp.ID][]tracker.Track{},
	}
}

// follow replaces all followers, who are told in the order of their numbers. What
// is known of the watched things stays.
func (w *watch) follow(tracks map[vrrp.ID][]tracker.Track) {
	w.tracks = tracks
	clear(w.followers)
	for _, id := range slices.Sorted(maps.Keys(tracks)) {
		for _, t := range tracks[id] {
			key := watched{t.Kind, t.Name}
			w.followers[key] = append(w.followers[key], id)
		}
	}
}

// sampled notes news of a script and the like, and returns who cares.
func (w *watch) sampled(s tracker.Sample) []vrrp.ID {
	key := watched{s.Kind, s.Tracker}
	w.state[key] = s
	return w.followers[key]
}

// judged notes what a BFD session says and returns who cares: nobody when it was
// known, as Down is of a session that has said nothing yet.
func (w *watch) judged(v bfd.Verdict) []vrrp.ID {
	s := sample(v)
	if w.known(s.Kind, s.Tracker).State == s.State {
		return nil
	}
	return w.sampled(s)
}

// known is the state of a thing. Sessions are down until they say otherwise, and an
// interface that was never seen does not exist.
func (w *watch) known(k tracker.Kind, name string) tracker.Sample {
	s := w.state[watched{k, name}]
	if (k == tracker.BFD || k == tracker.Interface) && s.State == tracker.Unknown {
		s.State = tracker.Bad
	}
	return s
}

// linked notes the state of an interface and returns who cares.
func (w *watch) linked(name string, good bool) []vrrp.ID {
	key := watched{tracker.Interface, name}
	state := tracker.Bad
	if good {
		state = tracker.Good
	}
	if w.state[key].State == state {
		return nil
	}
	w.state[key] = tracker.Sample{Kind: tracker.Interface, Tracker: name, State: state, Why: "interface " + name + " down"}
	return w.followers[key]
}

// sourced notes which sources are on a link, and returns who cares.
func (w *watch) sourced(l *link) (who []vrrp.ID) {
	for _, a := range w.sources[l.Name] {
		s := tracker.Sample{Kind: tracker.Address, Tracker: a.String() + sourceOn + l.Name, State: tracker.Bad}
		if l.has(a) {
			s.State = tracker.Good
		}
		if key := (watched{s.Kind, s.Tracker}); w.state[key].State != s.State {
			who = append(who, w.sampled(s)...)
		}
	}
	return who
}

// standing is what all trackers of a router say together.
func (w *watch) standing(id vrrp.ID) vrrp.Standing { return w.weigh(w.tracks[id]) }

func (w *watch) weigh(tracks []tracker.Track) vrrp.Standing {
	return vrrp.Standing(tracker.Weigh(tracks, func(k tracker.Kind, name string) (tracker.State, int) {
		s := w.known(k, name)
		return s.State, s.Value
	}))
}
