package engine

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/ipvs"
)

// marker is a packet filter in memory: its tables are what it was told last.
type marker struct {
	mu      sync.Mutex
	tables  map[string]string
	missing error
	change  chan host.FilterChange
	closed  int
}

// miss makes every change fail; nil: none.
func (m *marker) miss(err error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.missing = err
}

// forget is somebody else who removes everything.
func (m *marker) forget() {
	m.mu.Lock()
	defer m.mu.Unlock()
	clear(m.tables)
}

func (m *marker) Mark(op host.MarkOp) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.missing != nil {
		return m.missing
	}
	name := host.FamilyName(op.V6) + " " + op.Table
	if delete(m.tables, name); len(op.Marks) > 0 {
		m.tables[name] = op.String()
	}
	return nil
}

func (m *marker) Watch(ctx context.Context, report func(host.FilterChange)) error {
	for {
		select {
		case c := <-m.change:
			report(c)
		case <-ctx.Done():
			return nil
		}
	}
}

func (m *marker) Close() error { m.closed++; return nil }

func (m *marker) has(t *testing.T, want ...string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.tables) != len(want) {
		t.Errorf("there are %d tables, not %d: %v", len(m.tables), len(want), m.tables)
	}
	for _, w := range want {
		if name, _, _ := strings.Cut(strings.TrimPrefix(w, "table "), " {"); m.tables[name] != w {
			t.Errorf("%s is %q, not %q", name, m.tables[name], w)
		}
	}
}

// markingOrder is what a file with a virtual server of a group wants, whose addresses are marked.
func markingOrder(t *testing.T, entries string) BalanceOrder {
	t.Helper()
	tree, _ := conf.Parse(conf.MemoryFiles{"f": "global_defs {\nnftables_ipvs k\n}\nvirtual_server_group G {\n" + entries + "\n}\nvirtual_server group G {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.1.0.1 80 {\n}\n}\n"}, "f", conf.Options{})
	c, _ := config.Build(tree, config.Options{HostName: "node"})
	return BalanceOrder{Config: balancer.Part(c), Marks: host.FilterConfig{Table: "k"}}
}

const (
	markRules = "-A -f 1000 -s rr\n-a -f 1000 -r 10.1.0.1:80 -m -w 1\n"
	upInGroup = "Gained quorum 1+0=1 <= 1 for VS [G]:0"
	marksOfG  = "table ip k { 6 10.0.0.1 . 80 : 1000 }"
)

// mark gives a director a packet filter.
func (d *director) mark() *marker {
	m := &marker{tables: map[string]string{}, change: make(chan host.FilterChange)}
	d.Mark(func() (host.Marker, error) { return m, nil })
	return m
}

func TestAddressesOfAGroupAreMarkedAndNoMoreAfterTheStop(t *testing.T) {
	run(t, func(d *director) {
		m := d.mark()
		d.Order(markingOrder(t, "10.0.0.1 80"))
		d.after(0, markRules, upInGroup)
		m.has(t, marksOfG)
		if d.kept.Table != "k" || d.kept.Shares[ipvs.Share{Group: "G", Protocol: ipvs.TCP}] != 1000 {
			t.Errorf("it is not written down: %+v", d.kept)
		}
		d.Order(markingOrder(t, "10.0.0.2 80"))
		d.after(0, markRules, "VS [[10.0.0.2]:tcp:80] added into group G", "VS [[10.0.0.1]:tcp:80] in group G no longer exists")
		m.has(t, "table ip k { 6 10.0.0.2 . 80 : 1000 }")
		d.Stop(d.Context(), false)
		d.after(0, "", "Shutting down service [10.1.0.1]:tcp:80 from VS [G]:0")
		m.has(t)
		if !d.kept.Empty() || m.closed != 1 {
			t.Errorf("after the stop: %+v, closed %d times", d.kept, m.closed)
		}
	})
}

func TestMarksThatSomebodyElseChangesArePutBack(t *testing.T) {
	run(t, func(d *director) {
		m := d.mark()
		d.Order(markingOrder(t, "10.0.0.1 80"))
		d.after(0, markRules, upInGroup)
		m.forget()
		m.change <- host.FilterChange{By: "nft, process 7"}
		d.after(time.Millisecond, markRules)
		m.has(t, marksOfG)
		d.after(3*time.Second, markRules, "IPVS: somebody else changed what is ours: put back (1 so far)")
	})
}

func TestMarksThatCannotBeMadeAreSaidOnceAndTriedAgain(t *testing.T) {
	run(t, func(d *director) {
		m := d.mark()
		m.miss(errors.New("change the nftables table ip k: operation not supported"))
		d.Order(markingOrder(t, "10.0.0.1 80"))
		d.after(time.Minute, markRules, "IPVS: nftables_ipvs, ip: change the nftables table ip k: operation not supported", upInGroup)
		m.miss(nil)
		d.after(3*time.Second, markRules)
		m.has(t, marksOfG)
	})
}

func TestTheTableOfMarksThatACrashLeftGoes(t *testing.T) {
	run(t, func(d *director) {
		m := d.mark()
		m.tables["ip old"] = "x"
		d.Inherit(ipvs.Legacy{Table: "old"}, func(l ipvs.Legacy) { d.kept = l })
		d.Order(ordered(t, ""))
		d.after(0, serviceRule+serverRule, activating, gained)
		m.has(t)
		if d.kept.Table != "" {
			t.Errorf("it is still written down: %+v", d.kept)
		}
	})
}
