package service

import (
	"maps"
	"slices"
	"sync"
	"time"

	"holdfast/internal/lab/netns"
)

// answerWithin is how long a request may take before it counts as lost.
const answerWithin = time.Second

// Change says who answers a target from now on; Nobody for requests that are lost.
type Change struct {
	Target  Target
	Servers []string
}

// Count is what became of the requests to a target.
type Count struct {
	Target         Target
	Requests, Lost int
	By             map[string]int // without those that were lost
}

// Asker asks each target at fixed instants, each time by a connection of its own.
type Asker struct {
	do      func(func() error) error
	every   time.Duration
	targets []Target
	report  func(Change)
	stop    chan struct{}
	asking  sync.WaitGroup

	mu      sync.Mutex
	tallies []*tally
}

// Ask asks targets until Close. do runs a function where the client is; report is
// told of changes, one at a time.
func Ask(do func(func() error) error, every time.Duration, report func(Change), targets ...Target) *Asker {
	a := &Asker{do: do, every: every, targets: targets, report: report, stop: make(chan struct{})}
	for range targets {
		a.tallies = append(a.tallies, newTally())
	}
	a.asking.Go(a.run)
	return a
}

func (a *Asker) run() {
	tick := time.NewTicker(a.every)
	defer tick.Stop()
	for number := 0; ; number++ {
		at := time.Now()
		for i := range a.targets {
			a.asking.Go(func() { a.ask(i, number, at) })
		}
		select {
		case <-a.stop:
			return
		case <-tick.C:
		}
	}
}

func (a *Asker) ask(i, number int, at time.Time) {
	server, err := a.targets[i].ask(a.do, at.Add(answerWithin))
	if err != nil {
		server = Nobody
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	t := a.tallies[i]
	if t.take(number, answer{server, at}) {
		a.report(Change{a.targets[i], slices.Clone(t.now)})
	}
}

// Spans lists the runs of lost requests to a target.
func (a *Asker) Spans(i int) []netns.Span {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.tallies[i].spans)
}

// Now are those who answer a target at present, Nobody among them if requests are lost.
func (a *Asker) Now(i int) []string {
	a.mu.Lock()
	defer a.mu.Unlock()
	return slices.Clone(a.tallies[i].now)
}

// Counts are all requests that were judged so far.
func (a *Asker) Counts() (all []Count) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for i, t := range a.tallies {
		by := maps.Clone(t.by)
		delete(by, Nobody)
		all = append(all, Count{a.targets[i], t.judged, t.lost, by})
	}
	return all
}

// Settle waits until every request sent before it has been judged.
func (a *Asker) Settle() { time.Sleep(answerWithin + a.every) }

// Close ends all asking.
func (a *Asker) Close() {
	close(a.stop)
	a.asking.Wait()
}
