package nemesis

import (
	"flag"
	"fmt"
	"os"
	"strconv"
	"testing"
	"time"

	"holdfast/bench/subject"
	"holdfast/test/need"
)

var (
	onlySeed = flag.Uint64("seed", 0, "fight with this seed alone and tell the whole story")
	first    = flag.Uint64("first", 1, "the first seed")
	length   = flag.Duration("for", 45*time.Second, "how long to go on; new seeds each 45 seconds")
	program  = flag.String("program", "holdfast", "who fights: holdfast or keepalived")
	write    = flag.String("write", "", "the page to write the outcome of both programs to")
)

const (
	// fight is how long one cluster is harmed, and atOnce how many fight beside one another.
	fight  = 45 * time.Second
	atOnce = 4
)

// The clusters wait for timers nearly all the time: all of a batch fight at once.
func TestMain(m *testing.M) {
	flag.Parse()
	flag.Set("test.parallel", strconv.Itoa(atOnce))
	os.Exit(m.Run())
}

// What must hold for real nodes is what must hold in the simulator: see Judge.
func TestClustersSurviveTheNemesis(t *testing.T) {
	need.Root(t, "network namespaces")
	if *write != "" {
		writePage(t)
		return
	}
	p := contender(t, *program)
	if *onlySeed != 0 {
		o := survive(t, p, *onlySeed)
		t.Log(o.story)
		return
	}
	for seed, left := *first, *length; left > 0; seed, left = seed+atOnce, left-fight {
		batch(t, p, seed)
	}
}

func contender(t *testing.T, name string) subject.Program {
	t.Helper()
	p, err := subject.Keepalived()
	if name == "holdfast" {
		p, err = subject.Build(t.Context(), t.TempDir())
	}
	must(t, err)
	return p
}

// batch lets the clusters of some seeds fight beside one another.
func batch(t *testing.T, p subject.Program, seed uint64) (all []outcome) {
	found := make([]outcome, atOnce)
	t.Run(fmt.Sprintf("%s from seed %d", p.Name, seed), func(t *testing.T) {
		for i := range found {
			t.Run(fmt.Sprintf("seed %d", seed+uint64(i)), func(t *testing.T) {
				t.Parallel()
				found[i] = survive(t, p, seed+uint64(i))
			})
		}
	})
	return found
}

// outcome is what came of one seed.
type outcome struct {
	harms, calms    int
	found           []Violation
	silent, longest time.Duration
	late            time.Duration // a sleeper was waked, at worst
	story           string
}

func survive(t *testing.T, p subject.Program, seed uint64) outcome {
	t.Helper()
	plan := Draw(seed)
	f := newField(t, plan, p)
	r := f.fight(fight)
	o := outcome{harms: len(r.Harms), calms: len(r.Calms), found: Judge(r)}
	o.silent, o.longest = r.Silence()
	o.late = r.late(Span{0, 2 * fight})
	t.Logf("%v: %d faults, %d adverts, silent for %v, at most %v; a sleeper was waked %v late at worst", plan, o.harms, len(r.Adverts), o.silent, o.longest, o.late)
	if *onlySeed != 0 {
		o.story = f.story(r, Span{0, 2 * fight})
	}
	for _, v := range o.found {
		f.tell(v)
	}
	if len(o.found) > 0 {
		at := o.found[0].At
		t.Logf("once more: go test ./test/nemesis -seed %d\n%s", seed, f.story(r, Span{at - 8*time.Second, at + 3*time.Second}))
	}
	return o
}

// tell complains, unless a comparison only counts.
func (f *field) tell(v Violation) {
	if *write != "" {
		f.Logf("%.3f %s: %s", v.At.Seconds(), v.Rule, v.Text)
		return
	}
	f.Errorf("%.3f %s: %s", v.At.Seconds(), v.Rule, v.Text)
}
