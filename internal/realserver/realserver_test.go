package realserver

import (
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// machine is a machine in memory, with the switches of a fresh kernel.
type machine map[string]string

func fresh() machine {
	return machine{"switch " + ignore: "0", "switch " + announce: "0", "up lo": isUp, "switch ipv4/conf/tunl0/rp_filter": "1"}
}

func (machine) key(n Need) string {
	if n.Kind == Address {
		return fmt.Sprint(n.Kind, " ", n.Where, " ", n.What)
	}
	return fmt.Sprint(n.Kind, " ", n.Where)
}

func (m machine) Read(n Need) (string, error) { return m[m.key(n)], nil }

func (m machine) Set(n Need, value string) error {
	if value == Absent {
		delete(m, m.key(n))
		return nil
	}
	m[m.key(n)] = value
	return nil
}

// apply returns what was said.
func apply(t *testing.T, k Machine, m *Memory) string {
	t.Helper()
	var said strings.Builder
	err := Job{Machine: k, Keep: func(Memory) error { return nil }, Say: func(f string, a ...any) { fmt.Fprintf(&said, f+"\n", a...) }}.Apply(m)
	if err != nil {
		t.Fatal(err)
	}
	return said.String()
}

func service(text string) Service {
	address, tunnel := strings.CutPrefix(text, "tun ")
	return Service{netip.MustParseAddr(address), tunnel}
}

func TestWhatIsChangedIsUndone(t *testing.T) {
	for _, text := range []string{"192.0.2.100", "2001:db8::100", "tun 192.0.2.100", "tun 2001:db8::100"} {
		t.Run(text, func(t *testing.T) {
			k, m := fresh(), Memory{}
			m.Add(service(text))
			if said := apply(t, k, &m); !strings.Contains(said, "has "+m.Services[0].Address.String()) {
				t.Errorf("it said: %s", said)
			}
			for _, n := range Needs(m.Services) {
				if now, _ := k.Read(n); !n.Held(now) {
					t.Errorf("not so: %s", n)
				}
			}
			if said := apply(t, k, &m); said != "" {
				t.Errorf("a second time: %s", said)
			}
			m.Drop(m.Services[0].Address)
			apply(t, k, &m)
			if diff := cmp.Diff(fresh(), k); diff != "" || len(m.Done) > 0 {
				t.Errorf("left, and remembered %v (-before +after):\n%s", m.Done, diff)
			}
		})
	}
}

func TestWhatAnotherAddressNeedsStays(t *testing.T) {
	k, m := fresh(), Memory{}
	m.Add(service("192.0.2.100"))
	apply(t, k, &m)
	m.Add(service("192.0.2.101"))
	apply(t, k, &m)
	m.Drop(netip.MustParseAddr("192.0.2.100"))
	if said := apply(t, k, &m); said != "undone: lo has 192.0.2.100/32\n" {
		t.Errorf("it said: %s", said)
	}
	m.Drop(netip.MustParseAddr("192.0.2.101"))
	apply(t, k, &m)
	if diff := cmp.Diff(fresh(), k); diff != "" {
		t.Errorf("left (-before +after):\n%s", diff)
	}
}

func TestWhatWasSoBeforeStays(t *testing.T) {
	k, m := fresh(), Memory{}
	k["switch "+ignore], k["address lo 192.0.2.100/32"] = "2", "192.0.2.100/32"
	m.Add(service("192.0.2.100"))
	apply(t, k, &m)
	m.Drop(netip.MustParseAddr("192.0.2.100"))
	apply(t, k, &m)
	if k["switch "+ignore] != "2" || k["address lo 192.0.2.100/32"] == "" || k["switch "+announce] != "0" {
		t.Errorf("left: %v", k)
	}
}

func TestWhatSomebodyElseChangesIsLeftAloneAndTold(t *testing.T) {
	k, m := fresh(), Memory{}
	m.Add(service("192.0.2.100"))
	apply(t, k, &m)
	k["switch "+announce] = "1"
	delete(k, "address lo 192.0.2.100/32")
	m.Drop(netip.MustParseAddr("192.0.2.100"))
	said := apply(t, k, &m)
	if k["switch "+announce] != "1" || !strings.Contains(said, "arp_announce is 2 no longer: it is 1 by now") || len(m.Done) > 0 {
		t.Errorf("left: %v, remembered %v, said: %s", k, m.Done, said)
	}
}

func TestWhatIsMissingIsPutBack(t *testing.T) {
	k, m := fresh(), Memory{}
	m.Add(service("192.0.2.100"))
	apply(t, k, &m)
	delete(k, "address lo 192.0.2.100/32")
	k["switch "+ignore] = "0"
	if said := apply(t, k, &m); strings.Count(said, "done: ") != 2 {
		t.Errorf("it said: %s", said)
	}
	m.Drop(netip.MustParseAddr("192.0.2.100"))
	apply(t, k, &m)
	if diff := cmp.Diff(fresh(), k); diff != "" {
		t.Errorf("left (-before +after):\n%s", diff)
	}
}

// refusing is a machine that does not let itself be changed.
type refusing struct{ machine }

func (refusing) Set(Need, string) error { return errors.New("read-only file system") }

func TestAMachineThatRefusesIsNamedWithWhatWasMeant(t *testing.T) {
	m := Memory{}
	m.Add(service("192.0.2.100"))
	err := Job{Machine: refusing{fresh()}, Keep: func(Memory) error { return nil }}.Apply(&m)
	if want := "see to it that net/ipv4/conf/all/arp_ignore is 1: read-only file system"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("%v, want %q", err, want)
	}
}
