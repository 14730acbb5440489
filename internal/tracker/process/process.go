// Package process counts processes for vrrp_track_process. It learns of them from
// the kernel's process connector, and where there is none by looking at /proc each
// second. Which processes count, and whether they are enough, is decided by
// package tracker.
package process

import (
	"errors"
	"fmt"
	"sync"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/tracker"
)

// Spec is one vrrp_track_process.
type Spec struct {
	Name    string
	Program tracker.Program
	Quorum  tracker.Quorum
}

// Buffer is process_monitor_rcv_bufs: the room for reports of the kernel, in bytes;
// 0: its default. Force exceeds net.core.rmem_max.
type Buffer struct {
	Size  int
	Force bool
}

// Watcher counts the processes of a configuration. It has a goroutine and a
// socket only while there is something to count.
type Watcher struct {
	report func(tracker.Sample)
	log    func(string)
	origin time.Time

	mu      sync.Mutex
	specs   []Spec
	quorums []tracker.Quorum // of specs, as they stand
	census  *tracker.Census
	source  source // nil: nothing is counted
}

// source tells of processes.
type source interface {
	// wait returns what happened, at the latest at until or after wake. The error is
	// errRescan if something was missed, and another one when it is closed.
	wait(until time.Time) ([]event, error)
	wake()
	close()
}

// errRescan says that /proc is to be looked at.
var errRescan = errors.New("events were lost")

// New returns a Watcher that counts nothing. It calls report when a quorum is lost
// or gained; report may not call the Watcher.
func New(report func(tracker.Sample), log func(string)) *Watcher {
	return &Watcher{report: report, log: log, origin: time.Now(), census: tracker.NewCensus(nil)}
}

// Preview counts those of specs that are not watched yet: a configuration that
// follows them is not to start without.
func (w *Watcher) Preview(specs []Spec) (samples []tracker.Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	var fresh []Spec
	for _, s := range specs {
		if w.find(&s) < 0 {
			fresh = append(fresh, s)
		}
	}
	if len(fresh) == 0 {
		return nil
	}
	census := newCensus(fresh)
	scan(census)
	for i, s := range fresh {
		s.Quorum.Count(w.now(), census.Count(i))
		samples = append(samples, sample(s.Name, s.Quorum.State()))
	}
	return samples
}

// Apply makes specs those that are watched. One that counts the same processes as
// before keeps its state, and what its new bounds say of it must last for the
// delays; others are reported.
func (w *Watcher) Apply(specs []Spec, room Buffer) {
	w.mu.Lock()
	defer w.mu.Unlock()
	quorums := make([]tracker.Quorum, len(specs))
	for i := range specs {
		quorums[i] = specs[i].Quorum
		if old := w.find(&specs[i]); old >= 0 {
			quorums[i].Carry(w.quorums[old].State())
		}
	}
	w.specs, w.quorums, w.census = specs, quorums, newCensus(specs)
	w.open(room)
	if len(specs) > 0 {
		w.rescan()
	}
}

// Tallies are what was counted, by the names of the specs.
func (w *Watcher) Tallies() map[string]tracker.Tally {
	w.mu.Lock()
	defer w.mu.Unlock()
	all := make(map[string]tracker.Tally, len(w.specs))
	for i := range w.specs {
		all[w.specs[i].Name] = w.quorums[i].Tally()
	}
	return all
}

// Close counts nothing any more.
func (w *Watcher) Close() { w.Apply(nil, Buffer{}) }

// find is the place of what has the name of s and counts the same processes; -1
// if there is none.
func (w *Watcher) find(s *Spec) int {
	for i := range w.specs {
		if w.specs[i].Name == s.Name && w.specs[i].Program.Equal(&s.Program) {
			return i
		}
	}
	return -1
}

// open has a source if there is something to count, and none if there is nothing.
func (w *Watcher) open(room Buffer) {
	switch {
	case len(w.specs) == 0 && w.source != nil:
		w.source.close()
		w.source = nil
	case len(w.specs) > 0 && w.source == nil:
		w.source = w.newSource(room)
		go w.run(w.source)
	case w.source != nil:
		w.source.wake() // its deadline may be another
	}
}

func (w *Watcher) newSource(room Buffer) source {
	c, err := dial(room)
	if err == nil {
		return c
	}
	w.log(fmt.Sprintf("track_process: %v; processes are looked at once a second", err))
	return newPoll(time.Second)
}

// run takes events until the source is closed.
func (w *Watcher) run(s source) {
	for {
		events, err := s.wait(w.deadline())
		if err != nil && !errors.Is(err, errRescan) {
			return
		}
		w.mu.Lock()
		if w.source == s {
			w.heed(events, err != nil)
		}
		w.mu.Unlock()
	}
}

func (w *Watcher) deadline() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	next := mono.Never
	for i := range w.quorums {
		next = min(next, w.quorums[i].Deadline())
	}
	if next == mono.Never {
		return time.Time{}
	}
	return w.origin.Add(time.Duration(next))
}

func (w *Watcher) heed(events []event, lost bool) {
	if lost {
		w.rescan()
		return
	}
	for i := range events {
		events[i].tell(w.census)
	}
	w.judge()
}

func (w *Watcher) rescan() {
	w.census.Clear()
	scan(w.census)
	w.judge()
}

// judge counts for each quorum what the census says now.
func (w *Watcher) judge() {
	now := w.now()
	for i := range w.quorums {
		before := w.quorums[i].State()
		if w.quorums[i].Count(now, w.census.Count(i)) {
			w.publish(w.specs[i].Name, before, w.quorums[i].State())
		}
	}
}

// publish reports a state, and logs one that is no first result.
func (w *Watcher) publish(name string, before, now tracker.State) {
	switch {
	case now == tracker.Bad:
		w.log("Quorum lost for tracked process " + name)
	case before != tracker.Unknown:
		w.log("Quorum gained for tracked process " + name)
	}
	w.report(sample(name, now))
}

func (w *Watcher) now() mono.Instant { return mono.Instant(time.Since(w.origin)) }

func newCensus(specs []Spec) *tracker.Census {
	programs := make([]tracker.Program, len(specs))
	for i := range specs {
		programs[i] = specs[i].Program
	}
	return tracker.NewCensus(programs)
}

func sample(name string, state tracker.State) tracker.Sample {
	return tracker.Sample{Kind: tracker.Process, Tracker: name, State: state}
}
