package nemesis

import (
	"slices"
	"testing"
	"time"
)

const (
	ms = time.Millisecond
	s  = time.Second
)

// quiet is a record of one router that node 0 has for ten seconds; the calm
// begins at the fourth.
func quiet() *Record {
	r := &Record{Routers: 1, Interval: 100 * ms, Calms: []Span{{4 * s, 10 * s}},
		Held: []Held{{0, 1, Span{0, 10 * s}}}}
	for at := time.Duration(0); at < 10*s; at += 100 * ms {
		r.Adverts = append(r.Adverts, Advert{At: at, VRID: 1, Priority: 100})
	}
	return r
}

func TestTheJudgeFindsWhatARecordViolates(t *testing.T) {
	for _, c := range []struct {
		name  string
		spoil func(*Record)
		want  []string
	}{
		{"a quiet record", func(*Record) {}, nil},
		{"the address is gone after the faults", func(r *Record) { r.Held[0].To = 9900 * ms }, []string{OneHolder}},
		{"it is gone for the moment of a handover", func(r *Record) {
			r.Held = []Held{{0, 1, Span{0, 7 * s}}, {0, 1, Span{7*s + 20*ms, 10 * s}}}
		}, nil},
		{"it moves during the storm", func(r *Record) {
			r.Held = []Held{{1, 1, Span{0, 3 * s}}, {0, 1, Span{3 * s, 10 * s}}}
		}, nil},
		{"two hold it after the faults", func(r *Record) { r.Held = append(r.Held, Held{1, 1, Span{8 * s, 8*s + 100*ms}}) }, []string{OneHolder}},
		{"one speaks without holding it", func(r *Record) { r.Adverts = slices.Insert(r.Adverts, 80, Advert{8*s - 50*ms, 1, 1, 90}) }, []string{OneSpeaks}},
		{"one resigns without holding it", func(r *Record) { r.Adverts = slices.Insert(r.Adverts, 80, Advert{8*s - 50*ms, 1, 1, 0}) }, nil},
		{"an advert is missing", func(r *Record) { r.Adverts = slices.Delete(r.Adverts, 80, 81) }, []string{Cadence}},
		{"an advert is missing on a machine that was late", func(r *Record) {
			r.Lates = []Span{{7950 * ms, 8010 * ms}}
			r.Adverts = slices.Delete(r.Adverts, 80, 81)
		}, nil},
		{"an advert is missing on a machine that was late earlier", func(r *Record) { r.Lates = []Span{{5 * s, 6 * s}}; r.Adverts = slices.Delete(r.Adverts, 80, 81) }, []string{Cadence}},
		{"the last adverts are missing", func(r *Record) { r.Adverts = r.Adverts[:97] }, []string{Cadence}},
		{"two hold it in the storm", func(r *Record) { r.Held = append(r.Held, Held{1, 1, Span{1 * s, 1300 * ms}}) }, []string{NotTwice}},
		{"two hold it in the storm, but not for long", func(r *Record) { r.Held = append(r.Held, Held{1, 1, Span{1 * s, 1200 * ms}}) }, nil},
		{"two hold it because one is deaf", func(r *Record) {
			r.Held = append(r.Held, Held{1, 1, Span{1 * s, 1300 * ms}})
			r.Harms = []Harm{{Fault{Kind: Deaf, Node: 1}, Span{900 * ms, 1200 * ms}}}
		}, nil},
		{"two hold it and a third is deaf", func(r *Record) {
			r.Held = append(r.Held, Held{1, 1, Span{1 * s, 1300 * ms}})
			r.Harms = []Harm{{Fault{Kind: Deaf, Node: 2}, Span{900 * ms, 1200 * ms}}}
		}, []string{NotTwice}},
		{"two go on after they were separated", func(r *Record) {
			r.Held = append(r.Held, Held{1, 1, Span{1 * s, 1600 * ms}})
			r.Harms = []Harm{{Fault{Kind: Split, Node: 1}, Span{900 * ms, 1200 * ms}}}
		}, []string{NotTwice}},
		{"routes stay where the address is not", func(r *Record) { r.Routing = []Routing{{9 * s, 0, 1, true, true}, {9 * s, 1, 1, true, false}} }, []string{Routed}},
		{"a rule is missing", func(r *Record) { r.Routing = []Routing{{9 * s, 0, 1, true, false}, {9 * s, 1, 1, false, false}} }, []string{Routed}},
		{"routes and rules are with the address", func(r *Record) { r.Routing = []Routing{{9 * s, 0, 1, true, true}, {9 * s, 1, 1, false, false}} }, nil},
		{"two go on after the deafness", func(r *Record) {
			r.Held = append(r.Held, Held{1, 1, Span{1 * s, 1600 * ms}})
			r.Harms = []Harm{{Fault{Kind: Deaf, Node: 1}, Span{900 * ms, 1200 * ms}}}
		}, []string{NotTwice}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := quiet()
			c.spoil(r)
			var got []string
			for _, v := range Judge(r) {
				got = append(got, v.Rule)
			}
			if !slices.Equal(got, c.want) {
				t.Errorf("found %q, want %q\n%v", got, c.want, Judge(r))
			}
		})
	}
}

func TestSilenceIsWhatIsMoreThanAnInterval(t *testing.T) {
	r := quiet()
	r.Adverts = slices.Delete(r.Adverts, 80, 84)
	if total, longest := r.Silence(); total != 350*ms || longest != 350*ms {
		t.Errorf("silence %v, longest %v, want 350 ms", total, longest)
	}
}

func TestAPlanIsDrawnFromItsSeedAlone(t *testing.T) {
	a, b := Draw(7), Draw(7)
	for range 10 {
		if x, y := a.Round(), b.Round(); !slices.Equal(x, y) {
			t.Fatalf("two rounds of one seed: %v and %v", x, y)
		}
	}
}

func TestFaultsOfOneResourceDoNotOverlap(t *testing.T) {
	p := Draw(1)
	for range 200 {
		round := p.Round()
		for i, a := range round {
			for _, b := range round[i+1:] {
				if a.Node == b.Node && a.Kind.resource() == b.Kind.resource() && b.At < a.At+a.For {
					t.Fatalf("%v and %v overlap", a, b)
				}
			}
		}
	}
}
