package balancer

import (
	"net/netip"
	"strings"
	"testing"
)

// wish asks for something, and returns why it is refused.
func (r *rig) wish(server, of string, change func(*Wish)) string {
	r.Helper()
	w := Wish{Real: netip.MustParseAddrPort(server), Of: of}
	change(&w)
	err := r.b.Wish(w, &r.out)
	r.follow()
	if err != nil {
		return err.Error()
	}
	return ""
}

func drain(w *Wish) { w.Drain = true }

func enable(*Wish) {}

func weighing(n int32) func(*Wish) { return func(w *Wish) { w.Weight = &n } }

// weights are those of the kernel, in the order of addresses.
func (r *rig) weights(want ...uint32) {
	r.Helper()
	var got []uint32
	for _, k := range r.kernel.Keys() {
		for _, at := range []string{"10.1.0.1:80", "10.1.0.2:80"} {
			if d, there := r.kernel[k].Find(netip.MustParseAddrPort(at)); there {
				got = append(got, d.Weight)
			}
		}
	}
	if len(got) != len(want) || got[0] != want[0] || got[1] != want[1] {
		r.Errorf("the weights are %v, want %v", got, want)
	}
}

func TestADrainedServerStaysInTheTableWithWeight0(t *testing.T) {
	text := web("")
	r := newRig(t, text)
	r.weights(1, 1)
	r.quiet()
	if why := r.wish("10.1.0.1:80", "", drain); why != "" {
		t.Fatal(why)
	}
	r.weights(0, 1)
	r.load(text)
	r.weights(0, 1)
	r.down("10.1.0.1:80")
	r.up("10.1.0.1:80")
	r.weights(0, 1)
	for _, s := range r.b.Status(0, Held{Table: r.kernel}).Services {
		if s.Destinations[0].Order != "drained" || s.Destinations[1].Order != "" {
			t.Errorf("the status is %+v", s.Destinations)
		}
	}
	r.wish("10.1.0.1:80", "", enable)
	r.weights(1, 1)
	if n := len(r.b.Orders()); n != 0 {
		t.Errorf("%d orders are left", n)
	}
}

func TestOrdersAreKeptOverARestart(t *testing.T) {
	text := web("")
	before := newRig(t, text)
	before.wish("10.1.0.2:80", "10.0.0.1:80", weighing(7))
	before.wish("10.1.0.1:80", "", drain)
	r := &rig{T: t, b: New(), kernel: before.kernel}
	r.b.Recall(before.b.Orders())
	r.b.Adopt(before.kernel)
	r.load(text)
	r.weights(0, 7)
	if !r.b.virtual[0].reals[0].Alive {
		t.Error("the drained one is taken to be down")
	}
}

func TestWhatWouldLoseAQuorumIsRefused(t *testing.T) {
	r := newRig(t, web(""))
	r.wish("10.1.0.1:80", "", drain)
	if why := r.wish("10.1.0.2:80", "", drain); !strings.Contains(why, "would lose its quorum") {
		t.Errorf("the last one is drained: %q", why)
	}
	if why := r.wish("10.1.0.2:80", "", weighing(0)); !strings.Contains(why, "would lose its quorum") {
		t.Errorf("the last one weighs nothing: %q", why)
	}
	r.weights(0, 1)
	if why := r.wish("10.1.0.2:80", "", func(w *Wish) { w.Drain, w.Force = true, true }); why != "" || r.b.virtual[0].Up {
		t.Errorf("forced: %q", why)
	}
}

func TestOrdersAreForServersThatThereAre(t *testing.T) {
	r := newRig(t, web(""))
	for _, tt := range []struct{ server, of string }{{"10.1.0.9:80", ""}, {"10.1.0.1:81", ""}, {"10.1.0.1:80", "10.0.0.9:80"}} {
		if why := r.wish(tt.server, tt.of, drain); !strings.HasPrefix(why, "there is no real server "+tt.server) {
			t.Errorf("%+v: %q", tt, why)
		}
	}
	r.wish("10.1.0.1:80", "", drain)
	r.load(strings.Replace(web(""), "10.1.0.1", "10.1.0.3", 1))
	if n := len(r.b.Orders()); n != 0 {
		t.Errorf("%d orders are for servers that are gone", n)
	}
}

func TestTheChecksOfAServerAreFoundByItsName(t *testing.T) {
	r := newRig(t, web(""))
	for _, tt := range []struct {
		name, server, of string
		want             int
		refused          string
	}{
		{"a server", "10.1.0.1:80", "", 1, ""},
		{"a server of a virtual one", "10.1.0.2:80", "10.0.0.1:80", 1, ""},
		{"all of a virtual server", "", "10.0.0.1:80", 2, ""},
		{"no such server", "10.1.0.9:80", "", 0, "there is no real server 10.1.0.9:80; `holdfast ipvs` lists them"},
		{"no such virtual server", "", "10.0.0.9:80", 0, "there is no virtual server 10.0.0.9:80 with real servers; `holdfast ipvs` lists them"},
	} {
		var at netip.AddrPort
		if tt.server != "" {
			at = netip.MustParseAddrPort(tt.server)
		}
		ids, err := r.b.ChecksOf(at, tt.of)
		if len(ids) != tt.want || err == nil != (tt.refused == "") || err != nil && err.Error() != tt.refused {
			t.Errorf("%s: %d checks, %v", tt.name, len(ids), err)
		}
	}
}
