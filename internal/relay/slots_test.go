package relay_test

import (
	"net/netip"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/relay"
	"holdfast/internal/router"
)

func slots(t *testing.T) relay.Slots {
	t.Helper()
	s, err := relay.NewSlots()
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		for _, f := range s {
			_ = f.Close()
		}
	})
	return s
}

// alike compares configurations by all fields that one can set.
func alike() cmp.Option {
	return cmp.Options{
		cmpopts.EquateComparable(netip.Addr{}, netip.Prefix{}),
		cmpopts.IgnoreFields(host.AddrOpts{}, "Protocol", "Tentative", "DADFailed", "Secondary", "Order"),
	}
}

// The router reads its part, field by field; a worker that replaces another
// reads everything behind it.
func TestAConfigurationIsReadAsItWasWritten(t *testing.T) {
	s, c := slots(t), filled[config.Config]()
	for _, part := range []*router.Config{router.Part(c), filled[router.Config](), {}} {
		slot, err := s.Write(1, part)
		if err != nil {
			t.Fatal(err)
		}
		if err := s.Keep(*slot, c); err != nil {
			t.Fatal(err)
		}
		got, err := s.Read(*slot)
		if diff := cmp.Diff(part, got, alike()); diff != "" || err != nil {
			t.Errorf("the router reads %v (-written +read):\n%s", err, diff)
		}
		var whole config.Config
		err = s.Recall(*slot, &whole)
		if diff := cmp.Diff(c, &whole, alike()); diff != "" || err != nil {
			t.Errorf("a new worker reads %v (-kept +read):\n%s", err, diff)
		}
	}
}

// What is in force stays readable while the next is written to the other slot,
// and a shorter one leaves nothing of a longer one.
func TestSlotsDoNotDisturbOneAnother(t *testing.T) {
	s, c := slots(t), filled[router.Config]()
	inForce, err := s.Write(0, c)
	if err != nil {
		t.Fatal(err)
	}
	for _, next := range []*router.Config{c, {}} {
		slot, err := s.Write(1, next)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.Read(*slot); err != nil || !cmp.Equal(next, got, alike()) {
			t.Errorf("the next one is read as %+v, %v", got, err)
		}
		if info, err := s[1].Stat(); err != nil || info.Size() != slot.Size {
			t.Errorf("the file has %d bytes, %v; %d are meant", info.Size(), err, slot.Size)
		}
		if err := s.Recall(*slot, new(config.Config)); err == nil {
			t.Error("what was not kept is recalled")
		}
	}
	if got, err := s.Read(*inForce); err != nil || !cmp.Equal(c, got, alike()) {
		t.Errorf("the one in force is read as %+v, %v", got, err)
	}
}
