package router_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/internal/bfd"
	"holdfast/internal/bfd/wire"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
	"holdfast/internal/tracker"
)

// talk is a router with one instance that follows one session, and a neighbour
// that answers as far as it is told to.
type talk struct {
	*bench
	neighbour netip.Addr
	followed  []router.Followed
	told      []bfd.Verdict
}

func newTalk(t *testing.T, track tracker.Track) *talk {
	b := &talk{bench: newBench(t, nil), neighbour: netip.MustParseAddr("10.0.0.2")}
	b.configure(track)
	return b
}

func (b *talk) configure(track tracker.Track) {
	track.Kind, track.Name = tracker.BFD, "peer"
	i := instance("A", 1, "10.0.0.10")
	i.Tracks = []tracker.Track{track}
	session := bfd.Config{
		Name: "peer", Neighbour: b.neighbour, MinRX: 10 * time.Millisecond, MinTX: 10 * time.Millisecond, IdleTX: time.Second,
		Multiplier: 5, TTL: 255, LeastTTL: 255,
	}
	b.hear(router.Prepare(router.Part(&config.Config{Instances: []config.Instance{i}, BFDs: []config.BFD{{Config: session}}})))
}

// hear is step, with what is said of sessions kept.
func (b *talk) hear(ev router.Event) {
	b.r.Step(b.now, ev, &b.fx)
	b.followed = append(b.followed, b.fx.Followed...)
	b.told = append(b.told, b.fx.BFD.Verdicts...)
	b.obey()
}

// packet is one of the neighbour's.
func (b *talk) packet(state wire.State) {
	s := b.r.Status(b.now).Sessions[0]
	p := wire.Packet{State: state, Multiplier: 5, Mine: 7, Yours: s.Discriminator, DesiredMinTx: 10 * time.Millisecond, RequiredMinRx: 10 * time.Millisecond}
	b.hear(router.Packet{Datagram: &bfd.Datagram{Data: p.Append(nil), Src: b.neighbour, TTL: 255, At: b.now}})
}

func (b *talk) comesUp() {
	b.packet(wire.Down)
	b.packet(wire.Up)
}

// silence lasts longer than the detection time.
func (b *talk) silence() {
	for end := b.now.Add(time.Second); b.r.Deadline() <= end; {
		b.now = max(b.now, b.r.Deadline())
		b.hear(router.Expired{})
	}
}

func (b *talk) role() (role string, priority uint8) {
	i := b.r.Status(b.now).Instances[0]
	return i.Role, i.Effective
}

func TestASessionOfWeightZeroIsDownAtFirstAndMeansFault(t *testing.T) {
	b := newTalk(t, tracker.Track{})
	if role, _ := b.role(); role != "FAULT" || len(b.followed) != 0 {
		t.Fatalf("%s, told %v", role, b.followed)
	}
	b.comesUp()
	if role, _ := b.role(); role != "BACKUP" {
		t.Errorf("with the session up: %s", role)
	}
	b.silence()
	if role, _ := b.role(); role != "FAULT" {
		t.Errorf("after silence: %s", role)
	}
	if want := []router.Followed{{Instance: "A", Session: "peer", Up: true}, {Instance: "A", Session: "peer"}}; !slices.Equal(b.followed, want) {
		t.Errorf("told %v, want %v", b.followed, want)
	}
	if got, want := b.followed[0].String(), "VRRP_Instance(A) Tracked BFD instance peer is UP"; got != want {
		t.Errorf("the line is %q", got)
	}
	if want := []bfd.Verdict{{Name: "peer"}, {Name: "peer", Up: true}, {Name: "peer"}}; !slices.Equal(b.told, want) {
		t.Errorf("those who follow sessions elsewhere were told %v, want %v", b.told, want)
	}
}

func TestTheWeightsOfASession(t *testing.T) {
	for _, c := range []struct {
		name     string
		track    tracker.Track
		down, up uint8
	}{
		{"positive: added while it is up", tracker.Track{Weight: 20}, 100, 120},
		{"negative: taken away while it is down", tracker.Track{Weight: -20}, 80, 100},
		{"positive, reversed", tracker.Track{Weight: 20, Reverse: true}, 100, 80},
		{"negative, reversed", tracker.Track{Weight: -20, Reverse: true}, 120, 100},
	} {
		t.Run(c.name, func(t *testing.T) {
			b := newTalk(t, c.track)
			if role, p := b.role(); role != "BACKUP" || p != c.down {
				t.Errorf("down: %s, priority %d, want %d", role, p, c.down)
			}
			b.comesUp()
			if _, p := b.role(); p != c.up {
				t.Errorf("up: priority %d, want %d", p, c.up)
			}
		})
	}
}

func TestASessionOfWeightZeroReversedMeansFaultWhileItIsUp(t *testing.T) {
	b := newTalk(t, tracker.Track{Reverse: true})
	if role, _ := b.role(); role != "BACKUP" {
		t.Errorf("down: %s", role)
	}
	b.comesUp()
	if role, _ := b.role(); role != "FAULT" {
		t.Errorf("up: %s", role)
	}
}

func TestAReloadCarriesTheStateOfASessionOverByItsName(t *testing.T) {
	b := newTalk(t, tracker.Track{})
	b.comesUp()
	b.followed = nil
	b.configure(tracker.Track{Weight: 30})
	if role, p := b.role(); role != "BACKUP" || p != 130 || len(b.followed) != 0 {
		t.Errorf("%s, priority %d, told %v", role, p, b.followed)
	}
}

func TestANeighbourThatIsTakenDownOnPurposeIsStillBelievedIn(t *testing.T) {
	b := newTalk(t, tracker.Track{})
	b.comesUp()
	b.packet(wire.AdminDown)
	if role, _ := b.role(); role != "BACKUP" {
		t.Errorf("%s", role)
	}
}

// A worker that replaces a dead one is told what the one before believed.
func TestVerdictsOfAllSessionsAreWhatWasToldOfThem(t *testing.T) {
	b := newTalk(t, tracker.Track{})
	for _, step := range []struct {
		name string
		do   func()
		up   bool
	}{
		{"at first", func() {}, false},
		{"up", b.comesUp, true},
		{"taken down on purpose", func() { b.packet(wire.AdminDown) }, true},
		{"up again", b.comesUp, true},
		{"silent", b.silence, false},
	} {
		step.do()
		if got, want := b.r.Verdicts(), []bfd.Verdict{{Name: "peer", Up: step.up}}; !slices.Equal(got, want) {
			t.Errorf("%s: %v, want %v", step.name, got, want)
		}
	}
}

func TestASessionWithoutASocketIsDown(t *testing.T) {
	b := newTalk(t, tracker.Track{})
	b.comesUp()
	b.hear(router.NoSocket{Name: "peer"})
	if role, _ := b.role(); role != "FAULT" || len(b.r.Paths()) != 0 {
		t.Errorf("%s, sockets for %v", role, b.r.Paths())
	}
}

func TestASessionTriesAgainWhenItsSourceAppears(t *testing.T) {
	b := newTalk(t, tracker.Track{})
	session := bfd.Config{Name: "late", Source: netip.MustParseAddr("10.0.0.7"), Neighbour: b.neighbour, MinRX: time.Second, MinTX: time.Second, IdleTX: time.Second, Multiplier: 3, TTL: 255}
	b.hear(router.Prepare(router.Part(&config.Config{BFDs: []config.BFD{{Config: session}}})))
	b.hear(router.NoSocket{Name: "late"})
	w := addr("10.0.0.7/24").Wish
	b.hear(router.Seen{Change: host.Change{Addr: &w}})
	if p := b.r.Paths(); len(p) != 1 || p[0].Name != "late" {
		t.Errorf("sockets for %v", p)
	}
}

func TestTheRealTimePriorityIsTheHigherOfVRRPAndBFD(t *testing.T) {
	for _, c := range []struct {
		name            string
		vrrp, bfd, want int
		sessions        []config.BFD
	}{
		{"only of BFD", 0, 50, 50, make([]config.BFD, 1)},
		{"the higher one", 60, 50, 60, make([]config.BFD, 1)},
		{"nobody speaks BFD", 20, 50, 20, nil},
	} {
		g := config.Global{VRRP: config.ProcessSettings{RealTime: c.vrrp}, BFD: config.ProcessSettings{RealTime: c.bfd}}
		if got := router.Part(&config.Config{Global: g, BFDs: c.sessions}).Global.Process.RealTime; got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
	}
}
