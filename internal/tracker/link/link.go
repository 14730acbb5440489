// Package link asks network interfaces once a second whether they have a link
// (linkbeat), for drivers that do not tell the kernel when it is lost. What follows
// from the answer is decided by package router.
package link

import (
	"context"
	"fmt"
	"sync"
	"time"

	"holdfast/internal/tracker"
)

// Method is how an interface is asked.
type Method uint8

// The methods. Any is the first that works of the others, in their order.
const (
	Any Method = iota
	MII
	Ethtool
	Flags
)

// Spec is one interface to be asked, and by what method first.
type Spec struct {
	Link string
	Method
}

// Asker asks an interface by one of the methods but Any. An error says that it cannot
// be asked so.
type Asker func(link string, m Method) (up bool, err error)

// every is the time between two questions.
const every = time.Second

// Watcher asks the interfaces of a configuration. It has a goroutine only while there
// are some.
type Watcher struct {
	ask    Asker
	report func(tracker.Sample)
	log    func(string)

	mu    sync.Mutex
	specs []Spec
	said  map[Spec]tracker.State
	stop  context.CancelFunc // nil: nobody is asked
}

// New returns a Watcher that asks nobody. It calls report when an answer is another
// than before; report may not call the Watcher.
func New(ask Asker, report func(tracker.Sample), log func(string)) *Watcher {
	return &Watcher{ask: ask, report: report, log: log, said: map[Spec]tracker.State{}}
}

// Preview asks those of specs that are not watched yet: a configuration that polls
// them is not to start without.
func (w *Watcher) Preview(specs []Spec) (samples []tracker.Sample) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range specs {
		if _, watched := w.said[s]; !watched {
			samples = append(samples, sample(s, w.answer(s)))
		}
	}
	return samples
}

// Apply makes specs those that are asked. Those that are new are reported.
func (w *Watcher) Apply(specs []Spec) {
	w.mu.Lock()
	defer w.mu.Unlock()
	said := make(map[Spec]tracker.State, len(specs))
	for _, s := range specs {
		if state, watched := w.said[s]; watched {
			said[s] = state
		}
	}
	w.specs, w.said = specs, said
	for _, s := range specs {
		w.look(s)
	}
	w.keepAsking()
}

// Close asks nobody any more.
func (w *Watcher) Close() { w.Apply(nil) }

// keepAsking has a goroutine if there is somebody to ask, and none if there is nobody.
func (w *Watcher) keepAsking() {
	switch {
	case len(w.specs) == 0 && w.stop != nil:
		w.stop()
		w.stop = nil
	case len(w.specs) > 0 && w.stop == nil:
		ctx, stop := context.WithCancel(context.Background())
		w.stop = stop
		go w.run(ctx)
	}
}

func (w *Watcher) run(ctx context.Context) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			w.lookAtAll()
		case <-ctx.Done():
			return
		}
	}
}

func (w *Watcher) lookAtAll() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.specs {
		w.look(s)
	}
}

// look reports an answer that is another than before. An interface that cannot be
// asked is told once: until it can be, what the kernel reports of it counts.
func (w *Watcher) look(s Spec) {
	before, watched := w.said[s]
	state := w.answer(s)
	w.said[s] = state
	if watched && state == before {
		return
	}
	w.report(sample(s, state))
	if state == tracker.Unknown {
		w.log(fmt.Sprintf("linkbeat: %s cannot be asked for its link: what the kernel reports of it counts", s.Link))
	}
}

// answer asks by the method that is wanted, and by the others if it does not work.
func (w *Watcher) answer(s Spec) tracker.State {
	for _, m := range []Method{s.Method, MII, Ethtool, Flags} {
		if m == Any {
			continue
		}
		if up, err := w.ask(s.Link, m); err == nil {
			return state(up)
		}
	}
	return tracker.Unknown
}

func state(up bool) tracker.State {
	if up {
		return tracker.Good
	}
	return tracker.Bad
}

func sample(s Spec, state tracker.State) tracker.Sample {
	return tracker.Sample{Kind: tracker.Linkbeat, Tracker: s.Link, State: state}
}
