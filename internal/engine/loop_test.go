package engine

import (
	"net/netip"
	"testing"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/router"
)

// world is a World whose clock stands still until it is told.
type world struct {
	now   mono.Instant
	inbox []router.Event
	did   []string
}

func (w *world) Now() mono.Instant { return w.now }
func (w *world) Wait(mono.Instant) {}
func (w *world) Drain(step func(router.Event)) {
	for _, ev := range w.inbox {
		step(ev)
	}
	w.inbox = nil
}
func (w *world) Transmit(mono.Instant, *router.Effects) { w.did = append(w.did, "advert") }
func (w *world) Carry(*router.Effects)                  {}
func (w *world) Ahead() time.Duration                   { return 0 }
func (w *world) Late(mono.Instant)                      {}

// reload is a configuration of one router that is MASTER at once.
func reload(t *testing.T) router.Reload {
	t.Helper()
	const text = "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\npriority 255\nvirtual_ipaddress {\n10.0.0.1/24\n}\n}\n"
	tree, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{})
	c, found := config.Build(tree, config.Options{})
	if conf.Has(found, conf.Error) {
		t.Fatal(found)
	}
	return router.Prepare(router.Part(c))
}

// running is a loop whose router has sent its first advert.
func running(t *testing.T) (*Loop, *world) {
	t.Helper()
	w := &world{now: 1}
	l := &Loop{Router: router.New(nil, nil), World: w}
	w.inbox = []router.Event{
		router.Observed{State: host.State{
			Links: map[string]host.Link{"eth0": {Name: "eth0", Index: 2, Up: true, Carrier: true, Multicast: true}},
			Addrs: map[host.Addr]host.AddrOpts{{Prefix: netip.MustParsePrefix("10.0.0.9/24"), Link: "eth0"}: {}},
		}},
		reload(t),
	}
	for range 4 {
		l.turn()
		if at := l.Router.Deadline(); at != mono.Never && len(w.did) == 0 {
			w.now = at
		}
	}
	if l.Router.Deadline() == mono.Never {
		t.Fatal("nothing is ever due")
	}
	w.did = nil
	return l, w
}

func mark(w *world, what string) router.Event {
	return router.Ask{Look: func(*router.Router) { w.did = append(w.did, what) }}
}

// A reload that would make an advert late waits until the advert is sent, and
// what was said after the reload comes after it.
func TestAReloadWaitsForAnAdvertThatIsDueSoon(t *testing.T) {
	l, w := running(t)
	due := l.Router.Deadline()
	w.now = due - 1000
	w.inbox = []router.Event{reload(t), mark(w, "after the reload")}
	l.turn()
	if len(w.did) != 0 {
		t.Fatalf("done before the deadline: %v", w.did)
	}
	w.now = due
	l.turn()
	if len(w.did) < 2 || w.did[0] != "advert" || w.did[len(w.did)-1] != "after the reload" {
		t.Errorf("%v", w.did)
	}
}

func TestAReloadWithTimeToSpareIsDoneAtOnce(t *testing.T) {
	l, w := running(t)
	w.inbox = []router.Event{reload(t), mark(w, "after the reload")}
	l.turn()
	if len(w.did) == 0 || w.did[len(w.did)-1] != "after the reload" {
		t.Errorf("%v", w.did)
	}
}
