package host

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// FakeFirewall is a packet filter in memory, for tests. Like the kernel's it
// refuses elements of sets that are not there, and removals of what is not.
type FakeFirewall struct {
	mu     sync.Mutex
	tables [2]*fakeTable
	ops    []FilterOp
	refuse error
	unsent []FilterChange
	news   chan struct{}
}

type fakeTable struct {
	FilterConfig
	sets     FilterSet
	elements []Element
}

// NewFakeFirewall returns one without tables.
func NewFakeFirewall() *FakeFirewall {
	return &FakeFirewall{news: make(chan struct{}, 1)}
}

// Refuse lets every transaction fail with err; nil lets none.
func (w *FakeFirewall) Refuse(err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.refuse = err
}

// Flush is somebody else removing all tables.
func (w *FakeFirewall) Flush(by string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for i, t := range w.tables {
		if t != nil {
			w.unsent = append(w.unsent, FilterChange{V6: i == 1, By: by})
		}
	}
	w.tables = [2]*fakeTable{}
	select {
	case w.news <- struct{}{}:
	default:
	}
}

// Do implements Firewall.
func (w *FakeFirewall) Do(op FilterOp) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ops = append(w.ops, op)
	if w.refuse != nil {
		return w.refuse
	}
	t := w.tables[family(op.V6)]
	if op.Whole {
		t = &fakeTable{FilterConfig: op.FilterConfig, sets: op.Sets}
	}
	if t == nil {
		return errors.New("no such table")
	}
	if err := t.apply(op); err != nil {
		return err
	}
	w.tables[family(op.V6)] = t
	if t.sets == 0 {
		w.tables[family(op.V6)] = nil
	}
	return nil
}

// apply changes nothing when it fails.
func (t *fakeTable) apply(op FilterOp) error {
	elements := slices.Clone(t.elements)
	for _, e := range op.Add {
		if e.Set&t.sets == 0 {
			return fmt.Errorf("no set for %v", e)
		}
		elements = append(elements, e)
	}
	for _, e := range op.Del {
		i := slices.Index(elements, e)
		if i < 0 {
			return fmt.Errorf("%v is not there", e)
		}
		elements = slices.Delete(elements, i, i+1)
	}
	t.elements = sorted(elements)
	return nil
}

// Ops returns and forgets what Do was asked for.
func (w *FakeFirewall) Ops() []FilterOp {
	w.mu.Lock()
	defer w.mu.Unlock()
	ops := w.ops
	w.ops = nil
	return ops
}

// Watch implements Firewall.
func (w *FakeFirewall) Watch(ctx context.Context, report func(FilterChange)) error {
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-w.news:
		}
		for _, c := range w.Changes() {
			report(c)
		}
	}
}

// Changes returns and forgets the reports that Watch has not delivered.
func (w *FakeFirewall) Changes() []FilterChange {
	w.mu.Lock()
	defer w.mu.Unlock()
	list := w.unsent
	w.unsent = nil
	return list
}

// Close implements Firewall.
func (w *FakeFirewall) Close() error { return nil }

// String prints the tables, a line each.
func (w *FakeFirewall) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	var lines []string
	for i, t := range w.tables {
		if t != nil {
			op := FilterOp{FilterConfig: t.FilterConfig, V6: i == 1, Whole: true, Sets: t.sets, Add: t.elements}
			lines = append(lines, op.String())
		}
	}
	return strings.Join(lines, "\n")
}
