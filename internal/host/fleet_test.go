package host

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// harbour is a fake kernel with a fleet that looks after it.
type harbour struct {
	*testing.T
	k    *Fake
	f    *Fleet
	told []string
}

func newHarbour(t *testing.T, links ...Link) *harbour {
	return &harbour{T: t, k: NewFake(links...), f: NewFleet()}
}

func up(name string) Link { return Link{Name: name, Up: true, Carrier: true} }

func vmac(name, parent string, vrid byte) Device {
	return Device{Name: name, Parent: parent, MAC: [6]byte{0, 0, 0x5e, 0, 1, vrid}}
}

// do carries out steps and what follows from the reports of them.
func (h *harbour) do(ops []LinkOp) {
	for range 10 {
		for i, err := range h.k.Shape(ops) {
			if m := h.f.Done(ops[i], err); m.Fate != Nothing {
				h.told = append(h.told, fmt.Sprintf("%s %s", m.Name, m.Fate))
			}
		}
		if ops = h.f.See(h.k.Changes()...); len(ops) == 0 {
			return
		}
	}
	h.Fatal("it never settles")
}

func (h *harbour) observe() {
	s, _ := h.k.Observe()
	h.do(h.f.Observe(s.Links))
}

// did expects these operations since the last time.
func (h *harbour) did(want ...string) {
	h.Helper()
	var got []string
	for _, op := range h.k.Shaped() {
		got = append(got, op.String())
	}
	if d := cmp.Diff(want, got); d != "" {
		h.Errorf("operations (-want +got):\n%s", d)
	}
}

const (
	makeOne = "ip link add vrrp.1 link eth0 address 00:00:5e:00:01:01 group 0 type macvlan mode private"
	mendOne = "ip link set vrrp.1 address 00:00:5e:00:01:01 group 0 alias holdfast up"
)

func TestADeviceIsMadeAndThenBroughtUp(t *testing.T) {
	h := newHarbour(t, up("eth0"))
	h.observe()
	h.do(h.f.Want([]Device{vmac("vrrp.1", "eth0", 1)}))
	h.did(makeOne, mendOne)
	if got := strings.Join(h.told, ", "); got != "vrrp.1 held" {
		t.Errorf("told %q", got)
	}
	h.do(h.f.Want(nil))
	h.did("ip link del vrrp.1")
}

func TestWhatAnEarlierRunLeftIsAdoptedOrDeleted(t *testing.T) {
	h := newHarbour(t, up("eth0"))
	h.do(append(h.f.Want([]Device{vmac("vrrp.1", "eth0", 1), vmac("vrrp.2", "eth0", 2)}), h.f.Observe(mustObserve(h.k).Links)...))
	h.k.Shaped()
	h.f = NewFleet()
	h.f.Want([]Device{vmac("vrrp.2", "eth0", 2)})
	h.observe()
	h.did("ip link del vrrp.1")
}

func mustObserve(k *Fake) State {
	s, _ := k.Observe()
	return s
}

func TestStrangersAreLeftAlone(t *testing.T) {
	h := newHarbour(t, up("eth0"), Link{Name: "mv0", Kind: "macvlan", Up: true}, Link{Name: "vrrp.1", Kind: "dummy", Up: true})
	h.observe()
	h.do(h.f.Want([]Device{vmac("vrrp.1", "eth0", 1)}))
	h.do(h.f.Want(nil))
	h.did()
}

func TestWhatSomebodyChangesIsPutBackAndCounted(t *testing.T) {
	for name, harm := range map[string]func(*Fake, Link){
		"the MAC address":                func(k *Fake, l Link) { l.MAC = [6]byte{2}; k.SetLink(l) },
		"its state":                      func(k *Fake, l Link) { l.Up = false; k.SetLink(l) },
		"its group":                      func(k *Fake, l Link) { l.Group = 7; k.SetLink(l) },
		"its alias":                      func(k *Fake, l Link) { l.Alias = ""; k.SetLink(l) },
		"its mode":                       func(k *Fake, l Link) { l.Private = false; k.SetLink(l) },
		"all of it":                      func(k *Fake, _ Link) { k.DelLink("vrrp.1") },
		"all of it, which is down first": func(k *Fake, l Link) { l.Up = false; k.SetLink(l); k.DelLink("vrrp.1") },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHarbour(t, up("eth0"))
			h.observe()
			h.do(h.f.Want([]Device{vmac("vrrp.1", "eth0", 1)}))
			before := mustObserve(h.k).Links["vrrp.1"]
			harm(h.k, before)
			h.do(h.f.See(h.k.Changes()...))
			after := mustObserve(h.k).Links["vrrp.1"]
			after.Index = before.Index
			if d := cmp.Diff(before, after); d != "" {
				t.Errorf("not as before (-want +got):\n%s", d)
			}
			if n := h.f.Repairs(); n != 1 {
				t.Errorf("%d repairs", n)
			}
		})
	}
}

// The report that it came and the one that somebody took it down again are read together.
func TestADeviceThatIsTakenDownAsSoonAsItIsUpIsBroughtUpAgain(t *testing.T) {
	h := newHarbour(t, up("eth0"))
	h.observe()
	h.do(h.f.Want([]Device{vmac("vrrp.1", "eth0", 1)}))
	h.k.Shaped()
	down := mustObserve(h.k).Links["vrrp.1"]
	down.Up = false
	h.k.SetLink(down)
	ops := h.f.See(h.k.Changes()...)
	for i, err := range h.k.Shape(ops) {
		h.f.Done(ops[i], err)
	}
	h.k.SetLink(down)
	h.do(h.f.See(h.k.Changes()...))
	h.did(mendOne, mendOne)
	if !mustObserve(h.k).Links["vrrp.1"].Up || h.f.Repairs() != 2 {
		t.Errorf("%d repairs", h.f.Repairs())
	}
}

func TestADeviceComesBackWithItsParent(t *testing.T) {
	h := newHarbour(t)
	h.observe()
	h.do(h.f.Want([]Device{vmac("vrrp.1", "eth0", 1)}))
	h.did()
	h.k.SetLink(up("eth0"))
	h.do(h.f.See(h.k.Changes()...))
	h.did(makeOne, mendOne)
	h.k.DelLink("vrrp.1")
	h.k.DelLink("eth0")
	h.do(h.f.See(h.k.Changes()...))
	h.did()
	h.k.SetLink(up("eth0"))
	h.do(h.f.See(h.k.Changes()...))
	h.did(makeOne, mendOne)
}

func TestADeviceFollowsGroupAndVRFOfItsParent(t *testing.T) {
	eth0 := up("eth0")
	h := newHarbour(t, eth0, Link{Name: "blue", Kind: "vrf", Up: true}, Link{Name: "br0", Kind: "bridge", Up: true})
	h.observe()
	h.do(h.f.Want([]Device{vmac("vrrp.1", "eth0", 1)}))
	links := mustObserve(h.k).Links
	for _, want := range []struct {
		master, vrf int
		group       uint32
	}{{links["blue"].Index, links["blue"].Index, 3}, {links["br0"].Index, 0, 0}} {
		eth0.Master, eth0.Group = want.master, want.group
		h.k.SetLink(eth0)
		h.do(h.f.See(h.k.Changes()...))
		if l := mustObserve(h.k).Links["vrrp.1"]; l.Master != want.vrf || l.Group != want.group {
			t.Errorf("parent in master %d, group %d: the device is in %d, %d", want.master, want.group, l.Master, l.Group)
		}
	}
}

func TestWhatIsRefusedIsToldOnceAndAskedForAgain(t *testing.T) {
	h := newHarbour(t, up("eth0"))
	h.observe()
	ops := h.f.Want([]Device{vmac("vrrp.1", "eth0", 1)})
	for range 3 {
		for _, op := range ops {
			if m := h.f.Done(op, fmt.Errorf("no")); m.Fate != Nothing {
				h.told = append(h.told, m.Fate.String())
			}
		}
		ops = h.f.Retry()
		if len(ops) != 1 {
			t.Fatalf("asked again for %v", ops)
		}
	}
	if d := cmp.Diff([]string{"failed"}, h.told); d != "" {
		t.Error(d)
	}
}

// tuned carries out what a Tuner says on the settings of a kernel.
func tuned(t *Tuner, kernel Settings, devices []Device, links ...string) {
	todo := t.Tune(devices, links, func(s Sysctl) (string, bool) { v, ok := kernel[s]; return v, ok })
	for _, w := range append(todo.Write, todo.Back...) {
		kernel[w.Sysctl] = w.Value
	}
	t.Forget(todo.Back)
}

func v4(link, name string) Sysctl { return Sysctl{Link: link, Name: name} }

func TestSysctlsAreSetAndGivenBack(t *testing.T) {
	kernel := Settings{
		v4("all", "rp_filter"): "1", v4("default", "rp_filter"): "0", v4("eth0", "rp_filter"): "0", v4("eth1", "rp_filter"): "2",
		v4("eth0", "arp_ignore"): "0", v4("eth0", "arp_filter"): "0", v4("vrrp.1", "rp_filter"): "1",
	}
	before := Settings{}
	for s, v := range kernel {
		before[s] = v
	}
	devices := []Device{vmac("vrrp.1", "eth0", 1)}
	var tuner Tuner
	tuned(&tuner, kernel, devices, "eth0", "eth1")
	want := Settings{
		v4("all", "rp_filter"): "0", v4("default", "rp_filter"): "1", v4("eth0", "rp_filter"): "1", v4("eth1", "rp_filter"): "2",
		v4("eth0", "arp_ignore"): "1", v4("eth0", "arp_filter"): "1", v4("vrrp.1", "rp_filter"): "0",
	}
	if d := cmp.Diff(want, kernel); d != "" {
		t.Errorf("with a device (-want +got):\n%s", d)
	}
	kernel[v4("eth0", "arp_ignore")] = "0" // somebody else
	tuner = Tuner{Before: tuner.Before}    // another run
	tuned(&tuner, kernel, devices, "eth0", "eth1")
	if d := cmp.Diff(want, kernel); d != "" {
		t.Errorf("after a crash and a change (-want +got):\n%s", d)
	}
	tuned(&tuner, kernel, nil, "eth0", "eth1")
	before[v4("vrrp.1", "rp_filter")] = "0" // goes with its link
	if d := cmp.Diff(before, kernel); d != "" {
		t.Errorf("given back (-want +got):\n%s", d)
	}
	if len(tuner.Before) != 0 {
		t.Errorf("still remembers %v", tuner.Before)
	}
}

// Copies of the daemon in one network namespace have names, which are in their marks.
func TestACopyLeavesTheDevicesOfAnother(t *testing.T) {
	h := newHarbour(t, up("eth0"))
	h.f.Mark = Mark("one")
	theirs := Link{Name: "vrrp.2", Kind: "macvlan", Private: true, Parent: 1, MAC: [6]byte{0, 0, 0x5e, 0, 1, 2}, Up: true, Alias: Mark("two")}
	for _, alias := range []string{Mark("two"), Mark(""), Mark("one")} {
		theirs.Alias = alias
		theirs.Name += "x"
		h.k.SetLink(theirs)
	}
	h.do(h.f.Want(nil))
	h.observe()
	h.did("ip link del vrrp.2xxx")
}

// What an earlier version left, or the copy that had no name then, is taken over;
// with another copy that has a name there is no dispute about the mark.
func TestTheMarkOfADeviceThatIsWanted(t *testing.T) {
	for alias, want := range map[string]string{"": Mark("one"), DeviceAlias: Mark("one"), Mark("two"): Mark("two"), Mark("one"): Mark("one")} {
		h := newHarbour(t, up("eth0"))
		h.f.Mark = Mark("one")
		d := vmac("vrrp.1", "eth0", 1)
		h.k.SetLink(Link{Name: d.Name, Kind: "macvlan", Private: true, Parent: 1, MAC: d.MAC, Up: true, Carrier: true, Alias: alias})
		h.do(h.f.Want([]Device{d}))
		h.observe()
		s, _ := h.k.Observe()
		if got := s.Links[d.Name].Alias; got != want {
			t.Errorf("found with %q it has %q, want %q", alias, got, want)
		}
	}
}

func TestAnIPVLANIsADeviceToo(t *testing.T) {
	h := newHarbour(t, up("eth0"))
	d := Device{Name: "iv0", Parent: "eth0", IPVLAN: IPVLANPrivate}
	h.do(h.f.Want([]Device{d}))
	h.observe()
	h.did("ip link add iv0 link eth0 group 0 type ipvlan mode l2 private", "ip link set iv0 group 0 alias holdfast up")
	d.IPVLAN = IPVLANVEPA
	h.do(h.f.Want([]Device{d}))
	h.did("ip link del iv0", "ip link add iv0 link eth0 group 0 type ipvlan mode l2 vepa", "ip link set iv0 group 0 alias holdfast up")
	if list := h.f.VMACs(); len(list) != 0 {
		t.Errorf("it has its parent's MAC address, and yet these are filtered: %v", list)
	}
	h.do(h.f.Want(nil))
	h.did("ip link del iv0")
}
