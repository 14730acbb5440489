package lvs_test

import (
	"math"
	"net/netip"
	"testing"

	"holdfast/internal/ipvs"
	"holdfast/internal/lvs"
)

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

// pool is a virtual server whose real servers 10.1.0.1 and so on have these weights.
func pool(quorum, hysteresis uint32, weights ...int32) *lvs.Virtual {
	v := &lvs.Virtual{Quorum: quorum, Hysteresis: hysteresis}
	addr := netip.MustParseAddr("10.1.0.0")
	for _, w := range weights {
		addr = addr.Next()
		v.Servers = append(v.Servers, &lvs.Server{At: netip.AddrPortFrom(addr, 8080), Weight: w, Alive: true})
	}
	return v
}

func TestWeightsStayInTheRangeOfTheKernel(t *testing.T) {
	for _, c := range []struct {
		weight int32
		extra  int64
		want   uint32
	}{{3, 0, 3}, {3, 4, 7}, {3, -3, 0}, {3, -9, 0}, {3, math.MaxInt32, math.MaxInt32}, {0, math.MinInt32, 0}} {
		if got := (&lvs.Server{Weight: c.weight, Extra: c.extra}).Effective(); got != c.want {
			t.Errorf("%d and %d make %d, not %d", c.weight, c.extra, got, c.want)
		}
	}
}

func TestTheQuorumIsGainedAboveTheMarginAndLostBelowIt(t *testing.T) {
	v := pool(5, 2, 0)
	for _, c := range []struct {
		weight  int32
		up      bool
		changed bool
	}{{6, false, false}, {7, true, true}, {3, true, false}, {2, false, true}, {6, false, false}, {8, true, true}, {0, false, true}} {
		v.Servers[0].Weight = c.weight
		if changed := v.Review(); changed != c.changed || v.Up != c.up {
			t.Errorf("weight %d: up %t, changed %t", c.weight, v.Up, changed)
		}
	}
}

func TestServersWithoutWeightMakeNoQuorum(t *testing.T) {
	v := pool(0, 0, 0, 0)
	if v.Review(); v.Up {
		t.Error("a sum of 0 is enough")
	}
	v = pool(0, math.MaxUint32, 9) // as settled when all configured weights are 0
	if v.Review(); v.Up {
		t.Error("the quorum that cannot be gained was")
	}
}

func TestWhatAServiceHolds(t *testing.T) {
	tcp := ipvs.Key{Protocol: ipvs.TCP, At: at("10.0.0.1:80")}
	sorry := &lvs.Sorry{At: at("10.1.0.9:80")}
	for _, c := range []struct {
		name   string
		change func(*lvs.Virtual)
		key    ipvs.Key
		want   map[string]uint32
	}{
		{"all live", func(*lvs.Virtual) {}, tcp, map[string]uint32{"10.1.0.1:8080": 1, "10.1.0.2:8080": 2}},
		{"one is down", func(v *lvs.Virtual) { v.Servers[0].Alive = false }, tcp, map[string]uint32{"10.1.0.2:8080": 2}},
		{"one is down and inhibited", func(v *lvs.Virtual) { v.Servers[0].Alive, v.Servers[0].Inhibit = false, true }, tcp, map[string]uint32{"10.1.0.1:8080": 0, "10.1.0.2:8080": 2}},
		{"DR keeps the port of the service", func(v *lvs.Virtual) { v.Servers[0].Way.Forward = ipvs.Direct }, tcp, map[string]uint32{"10.1.0.1:80": 1, "10.1.0.2:8080": 2}},
		{"DR has no port by mark", func(v *lvs.Virtual) { v.Servers[0].Way.Forward = ipvs.Direct }, ipvs.Key{Mark: 7}, map[string]uint32{"10.1.0.1:0": 1, "10.1.0.2:8080": 2}},
		{"the sorry server is not needed", func(v *lvs.Virtual) { v.Sorry = sorry }, tcp, map[string]uint32{"10.1.0.1:8080": 1, "10.1.0.2:8080": 2}},
		{"it is inhibited", func(v *lvs.Virtual) { v.Sorry = &lvs.Sorry{At: sorry.At, Inhibit: true} }, tcp, map[string]uint32{"10.1.0.1:8080": 1, "10.1.0.2:8080": 2, "10.1.0.9:80": 0}},
		{"it stands in", func(v *lvs.Virtual) { v.Sorry, v.Quorum = sorry, 9 }, tcp, map[string]uint32{"10.1.0.9:80": 1}},
		{"it stands in beside an inhibited one", func(v *lvs.Virtual) { v.Sorry, v.Quorum, v.Servers[1].Inhibit = sorry, 9, true }, tcp, map[string]uint32{"10.1.0.9:80": 1, "10.1.0.2:8080": 0}},
		{"it is a real server too", func(v *lvs.Virtual) { v.Sorry = &lvs.Sorry{At: at("10.1.0.1:8080"), Inhibit: true} }, tcp, map[string]uint32{"10.1.0.1:8080": 1, "10.1.0.2:8080": 2}},
	} {
		t.Run(c.name, func(t *testing.T) {
			v := pool(1, 0, 1, 2)
			c.change(v)
			v.Review()
			got := v.Pool(c.key)
			for a, weight := range c.want {
				if d, held := (ipvs.Pool{Servers: got}).Find(at(a)); !held || d.Weight != weight {
					t.Errorf("%s has weight %d (held: %t), not %d", a, d.Weight, held, weight)
				}
			}
			if len(got) != len(c.want) {
				t.Errorf("%d destinations: %v", len(got), got)
			}
		})
	}
}
