package engine

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/host"
)

// shielding starts a Hosting over a fake kernel and a fake packet filter.
func shielding(t *testing.T, k *host.Fake, w host.Firewall) (h *Hosting, ear *heard, end func()) {
	ear = &heard{}
	h = NewHosting(k, ear.tell, ear.say)
	h.Shield(func() (host.Firewall, error) { return w, nil })
	ctx, cancel := context.WithCancel(t.Context())
	t.Cleanup(cancel)
	if err := h.Begin(ctx); err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); h.Run(ctx) }()
	h.Order(HostOrder{Whole: true, Delta: host.Delta{Filter: &host.FilterConfig{Table: "keepalived"}}})
	synctest.Wait()
	return h, ear, func() { cancel(); <-ended }
}

func shielded(text string) host.Wish {
	w := vip(text)
	w.Shield = host.ShieldedByIndex
	return w
}

// both notes in one list what is asked of the kernel and of the packet filter.
type both struct {
	*host.FakeFirewall
	kernel *host.Fake
	order  []string
}

func (b *both) Do(op host.FilterOp) error {
	for _, other := range b.kernel.Ops() {
		b.order = append(b.order, other.String())
	}
	b.order = append(b.order, op.String())
	return b.FakeFirewall.Do(op)
}

func TestRulesAreThereBeforeTheAddressesAndGoAfterThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k := host.NewFake(host.Link{Name: "eth0", Up: true, Carrier: true})
		w := &both{FakeFirewall: host.NewFakeFirewall(), kernel: k}
		h, _, end := shielding(t, k, w)
		w.order = nil
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{shielded("10.0.0.1/32")}}})
		synctest.Wait()
		h.Order(HostOrder{Delta: host.Delta{Drop: []host.Addr{vip("10.0.0.1/32").Addr}}})
		synctest.Wait()
		end()
		want := []string{
			"table ip keepalived (vips) { 10.0.0.1 }",
			"ip addr add 10.0.0.1/32 dev eth0 proto 18",
			"ip addr del 10.0.0.1/32 dev eth0",
			"delete element ip keepalived { 10.0.0.1 }",
			"delete table ip keepalived",
		}
		if !slices.Equal(w.order, want) {
			t.Errorf("done in this order:\n%s", strings.Join(w.order, "\n"))
		}
	})
}

func TestWhatOthersDoToTheFilterIsPutRightAndToldNowAndThen(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := host.NewFakeFirewall()
		h, ear, _ := shielding(t, host.NewFake(host.Link{Name: "eth0", Up: true}), w)
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{shielded("10.0.0.1/32")}}})
		synctest.Wait()
		for range 100 {
			w.Flush("nft, process 7")
			synctest.Wait()
			if w.String() != "table ip keepalived (vips) { 10.0.0.1 }" {
				t.Fatalf("flushed, and the filter is %q", w)
			}
		}
		time.Sleep(repairGap)
		w.Flush("")
		synctest.Wait()
		want := []string{
			"the nftables table ip keepalived was changed by nft, process 7: put back (1 so far)",
			"the nftables table ip keepalived was changed by somebody else: put back (101 so far)",
		}
		if !slices.Equal(ear.lines, want) {
			t.Errorf("told:\n%s", strings.Join(ear.lines, "\n"))
		}
	})
}

func TestAFilterThatCannotBeIsToldOnceAndTheAddressesAreAdded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		k, w := host.NewFake(host.Link{Name: "eth0", Up: true}), host.NewFakeFirewall()
		h, ear, _ := shielding(t, k, w)
		w.Refuse(errors.New("no nf_tables"))
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{shielded("10.0.0.1/32")}}})
		time.Sleep(10 * retry)
		synctest.Wait()
		if !strings.Contains(k.String(), "10.0.0.1/32") {
			t.Errorf("the kernel holds\n%s", k)
		}
		w.Refuse(nil)
		time.Sleep(2 * retry)
		synctest.Wait()
		if !strings.Contains(w.String(), "10.0.0.1") {
			t.Errorf("the filter holds %q", w)
		}
		want := []string{"no nf_tables", "the nftables table ip keepalived is in place"}
		if !slices.Equal(ear.lines, want) {
			t.Errorf("told:\n%s", strings.Join(ear.lines, "\n"))
		}
	})
}

func TestAnElementThatSomebodyRemovedDoesNotStopOthers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := host.NewFakeFirewall()
		h, _, _ := shielding(t, host.NewFake(host.Link{Name: "eth0", Up: true}), w)
		h.Order(HostOrder{Delta: host.Delta{Want: []host.Wish{shielded("10.0.0.1/32"), shielded("10.0.0.2/32")}}})
		synctest.Wait()
		if err := w.Do(host.FilterOp{FilterConfig: host.FilterConfig{Table: "keepalived"}, Whole: true, Sets: host.VIPs}); err != nil {
			t.Fatal(err)
		}
		h.Order(HostOrder{Delta: host.Delta{Drop: []host.Addr{vip("10.0.0.1/32").Addr}}})
		synctest.Wait()
		if w.String() != "table ip keepalived (vips) { 10.0.0.2 }" {
			t.Errorf("the filter is %q", w)
		}
	})
}
