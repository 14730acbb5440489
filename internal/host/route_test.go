package host_test

import (
	"net/netip"
	"reflect"
	"testing"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
)

// What goes into messages as it is has the numbers of the kernel.
func TestNumbersOfRoutesAreTheKernels(t *testing.T) {
	for _, c := range []struct {
		name      string
		got, want int
	}{
		{"unicast", int(host.Unicast), unix.RTN_UNICAST},
		{"broadcast", int(host.Broadcast), unix.RTN_BROADCAST},
		{"blackhole", int(host.Blackhole), unix.RTN_BLACKHOLE},
		{"xresolve", int(host.XResolve), unix.RTN_XRESOLVE},
		{"mtu", int(host.MTU), unix.RTAX_MTU},
		{"rttvar", int(host.RTTVar), unix.RTAX_RTTVAR},
		{"cwnd", int(host.CongestionWindow), unix.RTAX_CWND},
		{"hoplimit", int(host.HopLimit), unix.RTAX_HOPLIMIT},
		{"rto_min", int(host.RTOMin), unix.RTAX_RTO_MIN},
		{"quickack", int(host.QuickACK), unix.RTAX_QUICKACK},
		{"fastopen_no_cookie", int(host.FastOpenNoCookie), unix.RTAX_FASTOPEN_NO_COOKIE},
		{"ecn", host.FeatureECN, unix.RTAX_FEATURE_ECN},
		{"mpls", int(host.EncapMPLS), unix.LWTUNNEL_ENCAP_MPLS},
		{"ip6", int(host.EncapIP6), unix.LWTUNNEL_ENCAP_IP6},
		{"table", int(host.ToTable), unix.FR_ACT_TO_TBL},
		{"goto", int(host.Goto), unix.FR_ACT_GOTO},
		{"rule prohibit", int(host.RuleProhibit), unix.FR_ACT_PROHIBIT},
		{"main", host.TableMain, unix.RT_TABLE_MAIN},
		{"protocol", host.Protocol, unix.RTPROT_KEEPALIVED},
	} {
		if c.got != c.want {
			t.Errorf("%s: %d, the kernel has %d", c.name, c.got, c.want)
		}
	}
}

func TestMetricsAreOrderedAndThereOnce(t *testing.T) {
	var r host.Route
	for _, m := range []host.Metric{{host.InitCwnd, 10, false}, {host.MTU, 1500, false}, {host.HopLimit, 9, false}, {host.MTU, 1400, true}} {
		r.SetMetric(m)
	}
	want := []host.Metric{{host.MTU, 1400, true}, {host.HopLimit, 9, false}, {host.InitCwnd, 10, false}}
	if !reflect.DeepEqual(r.Metrics, want) {
		t.Errorf("got %v, want %v", r.Metrics, want)
	}
}

func TestRoutesArePrintedAsIPRouteTakesThem(t *testing.T) {
	r := host.Route{
		Dst: netip.MustParsePrefix("10.9.0.0/16"), Type: host.Prohibit, Table: 5, Protocol: 18, Scope: 253, Metric: 7, TOS: 0x10,
		PrefSrc: netip.MustParseAddr("10.0.0.1"), Congestion: "reno", TTLPropagate: host.Some(1),
		Hop:     host.NextHop{Via: netip.MustParseAddr("fe80::1"), Link: "eth0", OnLink: true, Realms: host.Realms{From: 1, To: 2}},
		Metrics: []host.Metric{{host.MTU, 1400, true}},
	}
	want := "prohibit 10.9.0.0/16 tos 0x10 via inet6 fe80::1 dev eth0 onlink realms 1/2 src 10.0.0.1 table 5 proto 18 scope link metric 7 mtu lock 1400 congctl reno ttl-propagate enabled"
	if got := r.String(); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}
