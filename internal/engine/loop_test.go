package engine

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/router"
	"holdfast/internal/vrrp/wire"
)

// world is a World whose clock stands still until it is told.
type world struct {
	now   mono.Instant
	inbox []router.Event
	did   []string
	ahead time.Duration // of the wall clock
	sent  []byte        // the last advert
}

func (w *world) Now() mono.Instant { return w.now }
func (w *world) Wait(mono.Instant) {}
func (w *world) Drain(step func(router.Event)) {
	for _, ev := range w.inbox {
		step(ev)
	}
	w.inbox = nil
}
func (w *world) Transmit(_ mono.Instant, fx *router.Effects) {
	w.did = append(w.did, "advert")
	for _, s := range fx.Sends {
		w.sent = slices.Clone(s.Data)
	}
}
func (w *world) Carry(*router.Effects) {}
func (w *world) Ahead() time.Duration  { return w.ahead }
func (w *world) Late(mono.Instant)     {}

// reload is a configuration of one router that is MASTER at once.
func reload(t *testing.T, more ...string) router.Reload {
	t.Helper()
	text := "vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\npriority 255\n" + strings.Join(more, "\n") + "virtual_ipaddress {\n10.0.0.1/24\n}\n}\n"
	tree, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{})
	c, found := config.Build(tree, config.Options{})
	if conf.Has(found, conf.Error) {
		t.Fatal(found)
	}
	return router.Prepare(router.Part(c))
}

// running is a loop whose router has sent its first advert.
func running(t *testing.T, more ...string) (*Loop, *world) {
	t.Helper()
	w := &world{now: 1, ahead: 1700000000 * time.Second}
	l := &Loop{Router: router.New(nil, nil), World: w}
	w.inbox = []router.Event{
		router.Observed{State: host.State{
			Links: map[string]host.Link{"eth0": {Name: "eth0", Index: 2, Up: true, Carrier: true, Multicast: true}},
			Addrs: map[host.Addr]host.AddrOpts{{Prefix: netip.MustParsePrefix("10.0.0.9/24"), Link: "eth0"}: {}},
		}},
		reload(t, more...),
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

// So does a look at everything.
func TestALongLookWaitsForAnAdvertThatIsDueSoon(t *testing.T) {
	l, w := running(t)
	look := mark(w, "looked").(router.Ask)
	look.Long = router.Look(4000)
	w.now = l.Router.Deadline() - 1000
	w.inbox = []router.Event{look}
	l.turn()
	if len(w.did) != 0 {
		t.Fatalf("done before the deadline: %v", w.did)
	}
	w.now = l.Router.Deadline()
	l.turn()
	if !slices.Equal(w.did, []string{"advert", "looked"}) {
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

// Section 7: stamps follow the wall clock wherever it steps, unless it is set back by less
// than the window: then they go on growing. The rhythm of the adverts is another clock's.
func TestKeepalived_7_HMAC_AStepOfTheWallClockIsFollowed(t *testing.T) {
	const second = time.Second
	l, w := running(t, "auth_hmac {\nkey 1 0123456789abcdef0123456789abcdef\nactive_key 1\n}\n")
	last := w.stamp(t)
	for _, step := range []struct {
		name    string
		by      time.Duration
		follows bool
	}{
		{"no step", 0, true},
		{"an hour on", time.Hour, true},
		{"three seconds back", -3 * second, false},
		{"an hour back", -time.Hour, true},
		{"a year on", 365 * 24 * time.Hour, true},
	} {
		w.ahead += step.by
		w.now = w.now.Add(second)
		if due := l.Router.Deadline(); due != w.now {
			t.Fatalf("%s: the next advert is due at %v, not at %v", step.name, due, w.now)
		}
		l.turn()
		got, clock := w.stamp(t), wire.StampOf(time.Duration(w.now)+w.ahead)
		if step.follows && got != clock || !step.follows && got != last+1 {
			t.Errorf("%s: stamped %x after %x, the clock is at %x", step.name, got, last, clock)
		}
		last = got
	}
}

// stamp is that of the last advert.
func (w *world) stamp(t *testing.T) wire.Stamp {
	t.Helper()
	a, flaw := wire.Decode(&wire.Datagram{Data: w.sent})
	if flaw != wire.Sound {
		t.Fatal(flaw)
	}
	a.Unseal()
	return a.Trailer().Stamp()
}
