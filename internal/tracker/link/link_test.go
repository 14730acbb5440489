package link

import (
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/tracker"
	"holdfast/test/space"
)

// driver is one that knows some of the methods, and what each says of the link.
type driver struct {
	mu   sync.Mutex
	says map[Method]bool
	told []string
}

func (d *driver) ask(link string, m Method) (bool, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	up, known := d.says[m]
	if !known {
		return false, errors.ErrUnsupported
	}
	return up, nil
}

func (d *driver) set(says map[Method]bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.says = says
}

func (d *driver) report(s tracker.Sample) {
	d.told = append(d.told, fmt.Sprint(s.Tracker, " ", s.State))
}

// Reference, section 8, interfaces: linkbeat falls back from MII to ETHTOOL to IOCTL.
func TestTheFirstMethodThatWorksAnswers(t *testing.T) {
	for _, c := range []struct {
		name   string
		wanted Method
		says   map[Method]bool
		want   tracker.State
	}{
		{"MII comes first", Any, map[Method]bool{MII: false, Ethtool: true, Flags: true}, tracker.Bad},
		{"then ethtool", Any, map[Method]bool{Ethtool: false, Flags: true}, tracker.Bad},
		{"then the flags", Any, map[Method]bool{Flags: true}, tracker.Good},
		{"what is wanted comes before", Flags, map[Method]bool{MII: false, Ethtool: false, Flags: true}, tracker.Good},
		{"what is wanted and not known is replaced", Ethtool, map[Method]bool{MII: false, Flags: true}, tracker.Bad},
		{"nothing is known", Any, nil, tracker.Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			d := driver{says: c.says}
			w := New(d.ask, d.report, func(string) {})
			got := w.Preview([]Spec{{"eth0", c.wanted}})
			if want := (tracker.Sample{Kind: tracker.Linkbeat, Tracker: "eth0", State: c.want}); !slices.Equal(got, []tracker.Sample{want}) {
				t.Errorf("got %v, want %v", got, want)
			}
		})
	}
}

func TestALinkIsAskedOnceASecondAndChangesAreReported(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := driver{says: map[Method]bool{MII: true}}
		var lines []string
		w := New(d.ask, d.report, func(s string) { lines = append(lines, s) })
		w.Apply([]Spec{{"eth0", Any}})
		defer w.Close()
		for _, says := range []map[Method]bool{{MII: true}, {MII: false}, {MII: false}, nil, nil, {MII: true}} {
			d.set(says)
			time.Sleep(every)
			synctest.Wait()
		}
		if want := []string{"eth0 good", "eth0 bad", "eth0 unknown", "eth0 good"}; !slices.Equal(d.told, want) {
			t.Errorf("got %q, want %q", d.told, want)
		}
		if len(lines) != 1 || !strings.Contains(lines[0], "eth0 cannot be asked") {
			t.Errorf("lines %q", lines)
		}
	})
}

func TestAReloadKeepsWhatIsKnownAndForgetsWhatIsNotAsked(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d := driver{says: map[Method]bool{MII: true}}
		w := New(d.ask, d.report, func(string) {})
		both := []Spec{{"eth0", Any}, {"eth1", Any}}
		w.Apply(both)
		w.Apply(both[:1])
		if got := w.Preview(both); len(got) != 1 || got[0].Tracker != "eth1" {
			t.Errorf("a preview says %v", got)
		}
		d.set(nil)
		w.Close()
		time.Sleep(3 * every)
		synctest.Wait()
		if want := []string{"eth0 good", "eth1 good"}; !slices.Equal(d.told, want) {
			t.Errorf("got %q, want %q", d.told, want)
		}
	})
}

// The kernel is asked in a namespace of its own: a veth knows ethtool and no
// transceiver, and a dormant link has a carrier and does not run.
func TestTheKernelIsAskedByEachMethod(t *testing.T) {
	space.Own(t)
	ip := func(args ...string) {
		t.Helper()
		if out, err := exec.Command("ip", args...).CombinedOutput(); err != nil {
			t.Fatalf("ip %s: %v: %s", strings.Join(args, " "), err, out)
		}
	}
	expect := func(when string, m Method, want bool) {
		t.Helper()
		end := time.Now().Add(2 * time.Second)
		for up, err := Ask("one", m); up != want || err != nil; up, err = Ask("one", m) {
			if time.Sleep(10 * time.Millisecond); time.Now().After(end) {
				t.Fatalf("%s: method %d says %v, %v", when, m, up, err)
			}
		}
	}
	ip("link", "add", "one", "type", "veth", "peer", "name", "other")
	ip("link", "set", "one", "up")
	expect("alone", Ethtool, false)
	expect("alone", Flags, false)
	ip("link", "set", "other", "up")
	expect("with its peer", Ethtool, true)
	expect("with its peer", Flags, true)
	ip("link", "set", "one", "state", "dormant")
	expect("dormant", Ethtool, true)
	expect("dormant", Flags, false)
	if _, err := Ask("one", MII); !errors.Is(err, unix.EOPNOTSUPP) {
		t.Errorf("a veth has a transceiver: %v", err)
	}
	for _, m := range []Method{MII, Ethtool, Flags} {
		if _, err := Ask("none", m); !errors.Is(err, unix.ENODEV) {
			t.Errorf("method %d of no interface: %v", m, err)
		}
	}
}
