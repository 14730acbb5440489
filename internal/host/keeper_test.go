package host_test

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/host"
)

func route(dst, link string) *host.Route {
	return &host.Route{Dst: netip.MustParsePrefix(dst), Type: host.Unicast, Table: host.TableMain, Protocol: host.Protocol, Hop: host.NextHop{Link: link}}
}

func rule(preference uint32) *host.Rule {
	return &host.Rule{From: netip.MustParsePrefix("10.0.0.0/8"), Preference: preference, Action: host.ToTable, Table: 100, Protocol: host.Protocol}
}

// keeping is a bench for routes and rules.
type keeping struct{ *bench }

func newKeeping(t *testing.T) keeping { return keeping{newBench(t)} }

// want says what is wanted on and no more, and returns what came of it.
func (k keeping) want(d host.Delta) string { return k.came(k.rec.Want(d)) }

// seen takes in what the kernel reports.
func (k keeping) seen() string { return k.came(k.rec.See(k.kernel.Changes()...)) }

// came carries steps out and returns what came of them, a result a line.
func (k keeping) came(ops []host.Op) string {
	k.t.Helper()
	k.log.Reset()
	k.do(ops)
	steps := map[string]bool{}
	for _, op := range ops {
		steps[op.String()] = true
	}
	results := slices.DeleteFunc(strings.Split(trim(k.log.String()), "\n"), func(line string) bool { return steps[line] })
	return strings.Join(results, "\n")
}

func (k keeping) expect(when, got string, want ...string) {
	k.t.Helper()
	if text := strings.Join(want, "\n"); got != text {
		k.t.Errorf("%s:\n%s\nwant\n%s", when, got, text)
	}
}

// gone is somebody else removing things.
func (k keeping) gone(things ...host.Thing) {
	k.t.Helper()
	for _, t := range things {
		if err := k.kernel.DelThing(t); err != nil {
			k.t.Fatal(err)
		}
	}
}

const (
	r9 = "route 10.9.0.0/16 dev eth0 proto 18"
	u5 = "rule from 10.0.0.0/8 pref 5 lookup 100 protocol 18"
)

func TestKeeperPutsBackWhatSomebodyRemoves(t *testing.T) {
	k := newKeeping(t)
	r, u := route("10.9.0.0/16", "eth0"), rule(5)
	k.expect("wanted", k.want(host.Delta{Things: []host.Thing{u, r}}), r9+": held", u5+": held")
	k.gone(r, u)
	k.expect("removed", k.seen(), r9+": repaired (1)", u5+": repaired (1)")
	k.gone(r)
	k.expect("removed again", k.seen(), r9+": repaired (2)")
	k.expect("in peace", k.seen())
	if n := k.rec.Repairs(); n != 3 {
		t.Errorf("%d repairs, want 3", n)
	}
}

func TestKeeperAnswersAStormStepByStepOrTogether(t *testing.T) {
	k := newKeeping(t)
	r, u := route("10.9.0.0/16", "eth0"), rule(5)
	k.want(host.Delta{Things: []host.Thing{r, u}})
	for range 1000 {
		k.gone(r, u)
		k.seen()
	}
	if n := k.rec.Repairs(); n != 2000 {
		t.Errorf("%d repairs of 2000", n)
	}
	k.gone(r, u)
	removed := k.kernel.Changes()
	ops := k.rec.See(slices.Repeat(removed, 1000)...)
	if len(ops) != 2 {
		t.Errorf("%d steps for a thousand reports that waited together, want one for each thing", len(ops))
	}
	k.expect("together", k.came(ops), r9+": repaired (1001)", u5+": repaired (1001)")
}

// A kernel that reports nothing for another route of the same place is asked as well:
// what is there already is no repair.
func TestKeeperCountsOnlyWhatWasGone(t *testing.T) {
	k := newKeeping(t)
	r := route("10.9.0.0/16", "eth0")
	k.want(host.Delta{Things: []host.Thing{r}})
	k.expect("a route of the same place went", k.came(k.rec.See(host.Change{Gone: true, Thing: route("10.9.0.0/16", "eth7")})))
	if n := k.rec.Repairs(); n != 0 {
		t.Errorf("%d repairs", n)
	}
}

func TestKeeperTellsARefusalOnceAndTriesAgain(t *testing.T) {
	k := newKeeping(t)
	r := route("10.9.0.0/16", "eth0")
	why := "network is unreachable"
	k.kernel.Refuse(func(op host.Op) error { return errors.New(why) })
	failed := func() string { return fmt.Sprintf("%s: failed: route add 10.9.0.0/16 dev eth0 proto 18: %s", r9, why) }
	k.expect("refused", k.want(host.Delta{Things: []host.Thing{r}}), failed())
	for range 3 {
		k.expect("again", k.came(k.rec.Retry()))
	}
	why = "invalid argument"
	k.expect("for another reason", k.came(k.rec.Retry()), failed())
	k.kernel.Refuse(nil)
	k.expect("no more", k.came(k.rec.Retry()), r9+": held")
	if ops := k.rec.Retry(); len(ops) > 0 {
		t.Errorf("there is still to do: %v", ops)
	}
}

func TestKeeperForgetsWhatIsWantedNoMore(t *testing.T) {
	k := newKeeping(t)
	r, u := route("10.9.0.0/16", "eth0"), rule(5)
	k.want(host.Delta{Things: []host.Thing{r, u}})
	k.expect("rules before routes", k.want(host.Delta{Gone: []host.Thing{r, u}}), u5+": released", r9+": released")
	k.expect("nobody puts them back", k.seen())
	k.want(host.Delta{Things: []host.Thing{r}})
	k.expect("dropped and wanted at once", k.want(host.Delta{Gone: []host.Thing{r}, Things: []host.Thing{r}}))
	k.kernel.Refuse(func(host.Op) error { return errors.New("no") })
	k.want(host.Delta{Things: []host.Thing{u}})
	if ops := k.rec.Want(host.Delta{Gone: []host.Thing{u}}); len(ops) > 0 {
		t.Errorf("what was refused is removed: %v", ops)
	}
}

func TestKeeperTriesARemovalThatIsRefusedAgain(t *testing.T) {
	k := newKeeping(t)
	r := route("10.9.0.0/16", "eth0")
	k.want(host.Delta{Things: []host.Thing{r}})
	k.kernel.Refuse(func(host.Op) error { return errors.New("busy") })
	k.expect("refused", k.want(host.Delta{Gone: []host.Thing{r}}), r9+": failed: route del 10.9.0.0/16 dev eth0 proto 18: busy")
	k.expect("again", k.came(k.rec.Retry()))
	k.kernel.Refuse(nil)
	k.expect("no more", k.came(k.rec.Retry()), r9+": released")
	if ops := k.rec.Retry(); len(ops) > 0 {
		t.Errorf("there is still to do: %v", ops)
	}
}

func TestKeeperWaitsForLinks(t *testing.T) {
	k := newKeeping(t)
	r := route("10.9.0.0/16", "eth0")
	k.want(host.Delta{Things: []host.Thing{r}})
	k.kernel.SetLink(host.Link{Name: "eth0"})
	k.expect("down", k.seen(), r9+": lost: eth0 is down")
	k.kernel.SetLink(up("eth0"))
	k.expect("up", k.seen(), r9+": held")
}

func TestKeeperAdoptsAndRemovesWhatAnEarlierRunLeft(t *testing.T) {
	k := newKeeping(t)
	r, old := route("10.9.0.0/16", "eth0"), route("10.8.0.0/16", "eth0")
	k.want(host.Delta{Things: []host.Thing{r, old}})
	k.rec = host.NewReconciler()
	k.want(host.Delta{Things: []host.Thing{r}})
	state, err := k.kernel.Observe()
	if err != nil {
		t.Fatal(err)
	}
	k.expect("adopted, and removed", k.came(k.rec.Observe(state)), "route 10.8.0.0/16 dev eth0 proto 18: released", r9+": held")
}
