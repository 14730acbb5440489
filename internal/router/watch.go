package router

import (
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
}

func newWatch() watch {
	return watch{
		state:     map[watched]tracker.Sample{},
		followers: map[watched][]vrrp.ID{},
		tracks:    map[vrrp.ID][]tracker.Track{},
	}
}

// follow replaces all followers. What is known of the watched things stays.
func (w *watch) follow(tracks map[vrrp.ID][]tracker.Track) {
	w.tracks = tracks
	clear(w.followers)
	for id, list := range tracks {
		for _, t := range list {
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

// standing is what all trackers of a router say together.
func (w *watch) standing(id vrrp.ID) vrrp.Standing { return w.weigh(w.tracks[id]) }

func (w *watch) weigh(tracks []tracker.Track) vrrp.Standing {
	return vrrp.Standing(tracker.Weigh(tracks, func(k tracker.Kind, name string) (tracker.State, int) {
		s := w.state[watched{k, name}]
		return s.State, s.Value
	}))
}
