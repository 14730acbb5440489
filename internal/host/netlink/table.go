package netlink

import (
	"sync"

	"holdfast/internal/host"
)

// table knows the links by name and by index, so that nobody has to ask the
// kernel, which would list all of them.
type table struct {
	mu      sync.RWMutex
	byName  map[string]int
	byIndex map[int]host.Link
}

func (t *table) reset(links map[string]host.Link) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.byName, t.byIndex = map[string]int{}, map[int]host.Link{}
	for _, l := range links {
		t.byName[l.Name], t.byIndex[l.Index] = l.Index, l
	}
}

// put takes in a link and returns what was known of its index.
func (t *table) put(l host.Link) (old host.Link, known bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	old, known = t.byIndex[l.Index]
	if known && old.Name != l.Name {
		delete(t.byName, old.Name)
	}
	t.byName[l.Name], t.byIndex[l.Index] = l.Index, l
	return old, known
}

func (t *table) remove(index int) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if name := t.byIndex[index].Name; t.byName[name] == index {
		delete(t.byName, name)
	}
	delete(t.byIndex, index)
}

func (t *table) index(name string) (int, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	i, known := t.byName[name]
	return i, known
}

// running reports whether packets come in by a link.
func (t *table) running(name string) bool {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l := t.byIndex[t.byName[name]]
	return l.Up && l.Carrier
}

func (t *table) name(index int) (string, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	l, known := t.byIndex[index]
	return l.Name, known
}
