package engine

import (
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/relay"
	"holdfast/internal/router"
)

// heard collects what a Hosting says.
type heard struct {
	mu     sync.Mutex
	events []router.Event
	lines  []string
}

func (h *heard) tell(ev router.Event) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events = append(h.events, ev)
}

func (h *heard) say(l relay.Line) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.lines = append(h.lines, l.Text)
}

// settled lists the answers about addresses.
func (h *heard) settled() []router.Settled {
	h.mu.Lock()
	defer h.mu.Unlock()
	var list []router.Settled
	for _, ev := range h.events {
		if s, ok := ev.(router.Settled); ok {
			list = append(list, s)
		}
	}
	h.events = nil
	return list
}

func vip(text string) host.Wish {
	return host.Wish{Addr: host.Addr{Link: "eth0", Prefix: netip.MustParsePrefix(text)}, AddrOpts: host.AddrOpts{Preferred: host.Forever}}
}

// hosting starts one over a fake kernel with eth0, inside a bubble of synctest.
func hosting(t *testing.T, k *host.Fake) (*Hosting, *heard) {
	ear := &heard{}
	h := NewHosting(k, ear.tell, ear.say)
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	if err := h.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	go h.Run(ctx)
	synctest.Wait()
	return h, ear
}

func TestHostingHoldsWhatIsOrderedAndSaysSo(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		h, ear := hosting(t, k)
		h.Order(HostOrder{Whole: true})
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{vip("10.0.0.10/32")}}})
		synctest.Wait()
		want := []router.Settled{{Addr: vip("10.0.0.10/32").Addr, Held: true}}
		if got := ear.settled(); !slices.Equal(got, want) {
			t.Errorf("settled %v, want %v", got, want)
		}
		if !strings.Contains(k.String(), "10.0.0.10/32") {
			t.Errorf("the kernel holds\n%s", k)
		}
	})
}

func TestHostingPutsBackWhatSomebodyElseRemoves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		h, ear := hosting(t, k)
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{vip("10.0.0.10/32")}}, Whole: true})
		synctest.Wait()
		ear.settled()
		k.Del(vip("10.0.0.10/32").Addr)
		synctest.Wait()
		want := []router.Settled{{Addr: vip("10.0.0.10/32").Addr, Held: true, Repaired: true}}
		if got := ear.settled(); !slices.Equal(got, want) {
			t.Errorf("settled %v, want %v", got, want)
		}
		if !slices.ContainsFunc(ear.lines, func(l string) bool { return strings.Contains(l, "IP 10.0.0.10 removed from eth0") }) {
			t.Errorf("nobody was told of it: %q", ear.lines)
		}
	})
}

func TestAForeignAddressThatComesAndGoesAThousandTimesASecondIsToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		h, ear := hosting(t, k)
		h.Order(HostOrder{Whole: true})
		for n := range 3001 {
			if k.Add(vip("10.0.0.77/24")); n < 3000 {
				k.Del(vip("10.0.0.77/24").Addr)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if n := len(ear.lines); n < 3 || n > 5 || ear.lines[0] != "Assigned address 10.0.0.77 for interface eth0" || ear.lines[n-1] != ear.lines[0] {
			t.Errorf("told %q", ear.lines)
		}
	})
}

func TestADeviceThatIsTakenDownAThousandTimesASecondIsToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		eth0 := host.Link{Name: "eth0", Index: 2, Up: true, Carrier: true}
		k := host.NewFake(eth0)
		h, ear := hosting(t, k)
		h.Order(HostOrder{Delta: host.Delta{Devices: &[]host.Device{{Name: "vrrp.8", Parent: "eth0"}}}, Whole: true})
		synctest.Wait()
		state, _ := k.Observe()
		down := state.Links["vrrp.8"]
		down.Up = false
		for range 3000 {
			k.SetLink(down)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		told := 0
		for _, l := range ear.lines {
			if strings.Contains(l, "was changed or deleted by somebody else") {
				told++
			}
		}
		if told < 3 || told > 5 {
			t.Errorf("told %q", ear.lines)
		}
		if state, _ := k.Observe(); !state.Links["vrrp.8"].Up {
			t.Error("it is left down")
		}
	})
}

func TestAThousandRemovalsASecondAreRepairedAndToldOnceASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		h, ear := hosting(t, k)
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{vip("10.0.0.10/32")}}, Whole: true})
		synctest.Wait()
		ear.settled()
		for range 3000 {
			k.Del(vip("10.0.0.10/32").Addr)
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * time.Second)
		synctest.Wait()
		if got := ear.settled(); len(got) != 3000 {
			t.Errorf("the loop heard of %d repairs, want 3000", len(got))
		}
		var told []string
		for _, l := range ear.lines {
			if strings.Contains(l, "put back") {
				told = append(told, l)
			}
		}
		if len(told) < 3 || len(told) > 5 || !strings.Contains(told[len(told)-1], "(3000 so far)") {
			t.Errorf("told %q", told)
		}
	})
}

func TestHostingLeavesWhatAnotherCopyHolds(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		theirs := vip("10.0.0.99/32")
		theirs.Protocol = host.Protocol
		if err := k.Add(theirs); err != nil {
			t.Fatal(err)
		}
		h, ear := hosting(t, k)
		h.Share(host.Mark("two"))
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{vip("10.0.0.10/32")}}, Whole: true})
		synctest.Wait()
		ear.settled()
		h.Order(HostOrder{Delta: host.Delta{Drop: []host.Addr{vip("10.0.0.10/32").Addr}}})
		synctest.Wait()
		if s := k.String(); !strings.Contains(s, "10.0.0.99") || strings.Contains(s, "10.0.0.10/32") {
			t.Errorf("the kernel holds\n%s", s)
		}
	})
}

func TestHostingRemovesWhatAnEarlierRunLeft(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		left := vip("10.0.0.99/32")
		left.Protocol = host.Protocol
		for _, w := range []host.Wish{left, vip("10.0.0.1/24")} {
			if err := k.Add(w); err != nil {
				t.Fatal(err)
			}
		}
		h, _ := hosting(t, k)
		h.Order(HostOrder{Whole: true})
		synctest.Wait()
		if s := k.String(); strings.Contains(s, "10.0.0.99") || !strings.Contains(s, "10.0.0.1/24") {
			t.Errorf("the kernel holds\n%s", s)
		}
	})
}

// Somebody removes a route and a rule a thousand times a second for three seconds.
func TestAStormOnRoutesAndRulesIsRepairedCountedAndToldOnceATick(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		h, ear := hosting(t, k)
		r := &host.Route{Dst: netip.MustParsePrefix("10.9.0.0/16"), Type: host.Unicast, Table: host.TableMain, Protocol: host.Protocol, Hop: host.NextHop{Link: "eth0"}}
		u := &host.Rule{Preference: 5, Action: host.ToTable, Table: 100, Protocol: host.Protocol}
		h.Order(HostOrder{Delta: host.Delta{Things: []host.Thing{r, u}}, Whole: true})
		synctest.Wait()
		for range 3000 {
			if err := errors.Join(k.DelThing(r), k.DelThing(u)); err != nil {
				t.Fatal(err)
			}
			time.Sleep(time.Millisecond)
		}
		time.Sleep(2 * retry)
		ear.mu.Lock()
		defer ear.mu.Unlock()
		if n := len(ear.lines); n < 2 || n > 2*5 {
			t.Errorf("%d lines in three seconds about two things: %q", n, ear.lines)
		}
		if last := strings.Join(ear.lines, "\n"); strings.Count(last, "(3000 so far)") != 2 {
			t.Errorf("the last lines do not count all repairs: %s", last)
		}
		if state, _ := k.Observe(); len(state.Things) != 2 {
			t.Errorf("the kernel holds %v", state.Things)
		}
	})
}

// dim is a kernel that cannot be observed for some time.
type dim struct {
	*host.Fake
	dark atomic.Bool
}

func (k *dim) Observe() (host.State, error) {
	if k.dark.Load() {
		return host.State{}, errors.New("it changes faster than it can be read")
	}
	return k.Fake.Observe()
}

func TestWhatWasLostIsLookedForUntilItIsSeen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := &dim{Fake: host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})}
		ear := &heard{}
		h := NewHosting(k, ear.tell, ear.say)
		if err := h.Begin(t.Context()); err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go h.Run(ctx)
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{vip("10.0.0.10/32")}}, Whole: true})
		synctest.Wait()
		k.dark.Store(true)
		if err := k.Del(vip("10.0.0.10/32").Addr); err != nil {
			t.Fatal(err)
		}
		k.Overflow()
		time.Sleep(3 * retry)
		k.dark.Store(false)
		time.Sleep(2 * retry)
		if !strings.Contains(k.String(), "10.0.0.10/32") {
			t.Errorf("the address is not put back: %s", k)
		}
	})
}
