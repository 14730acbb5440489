package daemon

import (
	"strconv"
	"sync"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/bfd"
	"holdfast/internal/notify"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// journal keeps what happened. Any goroutine may use it.
type journal struct {
	api.Chronicle

	mu       sync.Mutex
	trackers map[trackerID]tracker.Sample
	tally    status.Tally
}

// trackerID is a thing that is watched.
type trackerID struct {
	kind tracker.Kind
	name string
}

func newJournal() *journal {
	return &journal{trackers: map[trackerID]tracker.Sample{}}
}

// add takes an event in, now.
func (j *journal) add(e status.Event) {
	e.Time = time.Now()
	j.Add(e)
}

// know says which instances there are.
func (j *journal) know(list []toldName) {
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tally.Know(names)
}

// changed notes transitions.
func (j *journal) changed(list []vrrp.Change) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range list {
		c := &list[i]
		e := status.Event{Kind: status.RoleEvent, Name: c.Name, From: c.From.String(), To: c.To.String(), Reason: c.Reason}
		if c.Group {
			e.Kind = status.GroupEvent
		} else {
			j.tally.Add(c.Name, e.To, c.Reason)
		}
		j.add(e)
	}
}

// sampled notes a tracker that says something else than before.
func (j *journal) sampled(s tracker.Sample) {
	j.mu.Lock()
	defer j.mu.Unlock()
	id := trackerID{s.Kind, s.Tracker}
	before := j.trackers[id]
	if before.State == s.State && before.Value == s.Value {
		return
	}
	j.trackers[id] = s
	j.add(status.Event{Kind: status.TrackerEvent, Name: s.Tracker, Of: s.Kind.String(), From: said(before), To: said(s), Reason: s.Why})
}

// said is what a tracker says, in a word.
func said(s tracker.Sample) string {
	if s.Kind == tracker.File && s.State != tracker.Unknown {
		return strconv.Itoa(s.Value)
	}
	return s.State.String()
}

// spoke notes what BFD sessions became.
func (j *journal) spoke(list []bfd.Change) {
	for i := range list {
		c := &list[i]
		j.add(status.Event{Kind: status.SessionEvent, Name: c.Name, From: c.From.String(), To: c.To.String(), Reason: c.Local.String()})
	}
}

// served notes what real servers and virtual servers became. Mail, which speaks of single
// checks too, is left out.
func (j *journal) served(list []notify.Delivery) {
	for i := range list {
		m := &list[i].Message
		if !list[i].Line {
			continue
		}
		kind := status.ServerEvent
		if m.Kind == notify.VirtualServer {
			kind = status.QuorumEvent
		}
		j.add(status.Event{Kind: kind, Name: m.Name, Of: m.Of, To: m.State, Reason: m.Reason})
	}
}

// transitions are the counts, for the status.
func (j *journal) transitions() []status.Transition {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.tally.List()
}
