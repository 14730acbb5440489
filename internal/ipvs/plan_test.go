package ipvs_test

import (
	"net/netip"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"holdfast/internal/ipvs"
)

var equal = cmp.Options{cmpopts.EquateComparable(netip.AddrPort{}, ipvs.Key{}), cmpopts.EquateEmpty()}

func TestPlanLeadsFromAnyTableToAnyOther(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		have, want := tables().Draw(rt, "have"), tables().Draw(rt, "want")
		kernel := ipvs.Fake{Table: have}
		for _, err := range kernel.Do(ipvs.Plan(have, want)) {
			if err != nil {
				rt.Fatal(err)
			}
		}
		if diff := cmp.Diff(normal(want), normal(kernel.Table), equal); diff != "" {
			rt.Fatalf("the table is not what is wanted (-want +got):\n%s", diff)
		}
		if ops := ipvs.Plan(kernel.Table, want); len(ops) > 0 {
			rt.Fatalf("a second plan has steps: %v", ops)
		}
	})
}

func tables() *rapid.Generator[ipvs.Table] {
	return rapid.Map(rapid.MapOf(rapid.SampledFrom(someKeys()), pools()), func(m map[ipvs.Key]ipvs.Pool) ipvs.Table { return m })
}

func someKeys() []ipvs.Key {
	keys := []ipvs.Key{{Mark: 1}, {Mark: 1, V6: true}, {Mark: 2}}
	for _, p := range []ipvs.Protocol{ipvs.TCP, ipvs.UDP} {
		keys = slices.AppendSeq(keys, ipvs.Range(p, netip.MustParseAddr("192.0.2.1"), netip.MustParseAddr("192.0.2.2"), 80))
	}
	return append(keys, ipvs.Key{Protocol: ipvs.SCTP, At: netip.MustParseAddrPort("[2001:db8::1]:9")})
}

func pools() *rapid.Generator[ipvs.Pool] {
	servers := []netip.AddrPort{at("10.0.0.1:80"), at("10.0.0.2:80"), at("10.0.0.2:81")}
	return rapid.Custom(func(t *rapid.T) ipvs.Pool {
		return ipvs.Pool{
			Service: ipvs.Service{
				Scheduler: rapid.SampledFrom([]string{"rr", "wlc"}).Draw(t, "scheduler"),
				Flags:     ipvs.Flags(rapid.Uint32Range(0, 7).Draw(t, "flags")),
				Timeout:   rapid.Uint32Range(1, 2).Draw(t, "timeout"),
			},
			Servers: listed(rapid.MapOf(rapid.SampledFrom(servers), rapid.Custom(destination)).Draw(t, "servers")),
		}
	})
}

func listed(m map[netip.AddrPort]ipvs.Destination) (list []ipvs.Server) {
	for at, d := range m {
		list = append(list, ipvs.Server{At: at, Destination: d})
	}
	return ipvs.Sorted(list)
}

func to(s string, d ipvs.Destination) []ipvs.Server {
	return []ipvs.Server{{At: at(s), Destination: d}}
}

func destination(t *rapid.T) ipvs.Destination {
	return ipvs.Destination{
		Forward: ipvs.Forward(rapid.Uint32Range(0, 3).Draw(t, "forward")),
		Weight:  rapid.Uint32Range(0, 1).Draw(t, "weight"),
		Wrap:    ipvs.Wrap(rapid.Uint8Range(0, 2).Draw(t, "wrap")),
		Port:    rapid.Uint16Range(0, 1).Draw(t, "port"),
	}
}

func normal(t ipvs.Table) ipvs.Table {
	all := ipvs.Table{}
	for k, p := range t {
		var servers []ipvs.Server
		for _, s := range p.Servers {
			servers = append(servers, ipvs.Server{At: s.At, Destination: s.Destination.Normal()})
		}
		all[k] = ipvs.Pool{Service: p.Service.Normal(k.Is6()), Servers: servers}
	}
	return all
}

func at(s string) netip.AddrPort { return netip.MustParseAddrPort(s) }

func web() ipvs.Key { return ipvs.Key{Protocol: ipvs.TCP, At: at("192.0.2.1:80")} }

// pool is a service of round robin with direct routing to servers of these weights.
func pool(weights ...uint32) ipvs.Pool {
	p := ipvs.Pool{Service: ipvs.Service{Scheduler: "rr"}}
	a := netip.MustParseAddr("10.0.0.1")
	for _, w := range weights {
		p.Servers = append(p.Servers, ipvs.Server{At: netip.AddrPortFrom(a, 80), Destination: ipvs.Destination{Forward: ipvs.Direct, Weight: w}})
		a = a.Next()
	}
	return p
}

func TestPlanDoesNoMoreThanItMust(t *testing.T) {
	mail := ipvs.Key{Mark: 7}
	weighted := pool(1, 5)
	other := pool(1)
	other.Scheduler = "wlc"
	moved := ipvs.Pool{Service: pool().Service, Servers: to("10.0.0.9:80", ipvs.Destination{Weight: 1})}
	for _, c := range []struct {
		name       string
		have, want ipvs.Table
		ops        []string
	}{
		{"nothing changed", ipvs.Table{web(): pool(1, 2)}, ipvs.Table{web(): pool(1, 2)}, nil},
		{"a weight is changed in place", ipvs.Table{web(): pool(1, 2)}, ipvs.Table{web(): weighted}, []string{"change 10.0.0.2:80 of service [192.0.2.1]:tcp:80"}},
		{"a scheduler is changed in place", ipvs.Table{web(): pool(1)}, ipvs.Table{web(): other}, []string{"change service [192.0.2.1]:tcp:80"}},
		{"a destination comes before another goes", ipvs.Table{web(): pool(1)}, ipvs.Table{web(): moved},
			[]string{"add 10.0.0.9:80 to service [192.0.2.1]:tcp:80", "remove 10.0.0.1:80 from service [192.0.2.1]:tcp:80"}},
		{"a service goes whole, and last", ipvs.Table{web(): pool(1, 2)}, ipvs.Table{mail: pool(1)},
			[]string{"add service FWM 7 with scheduler rr", "add 10.0.0.1:80 to service FWM 7", "remove service [192.0.2.1]:tcp:80"}},
		{"what the kernel says of a service that does not persist is no difference",
			ipvs.Table{web(): {Service: ipvs.Service{Scheduler: "rr", Granularity: 0xffffffff, Flags: 2}}}, ipvs.Table{web(): pool()}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.ops, words(ipvs.Plan(c.have, c.want))); diff != "" {
				t.Errorf("steps (-want +got):\n%s", diff)
			}
		})
	}
}

func words(ops []ipvs.Op) (all []string) {
	for _, op := range ops {
		all = append(all, op.String())
	}
	return all
}
