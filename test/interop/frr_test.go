package interop

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/bench/subject"
	"holdfast/internal/lab/netns"
	"holdfast/test/need"
)

// frrDialects are what FRR's vrrpd speaks: no password, no unicast, always from the
// virtual MAC address.
func frrDialects() []dialect {
	all := []dialect{}
	for _, d := range dialects() {
		if d.vmac {
			all = append(all, d)
		}
	}
	old := all[0].with("VRRPv2 over IPv4, virtual MAC", 2, false, time.Second, "")
	return append(all, old)
}

func TestPairsWithFRR(t *testing.T) {
	need.Nodes(t, "/usr/lib/frr/vrrpd", "tcpdump", "tshark", "ip")
	us := find(t).holdfast
	frr, err := subject.FRR()
	must(t, err)
	for _, d := range frrDialects() {
		for _, order := range []struct {
			name           string
			master, backup subject.Program
		}{
			{"holdfast before FRR", us, frr},
			{"FRR before holdfast", frr, us},
		} {
			t.Run(d.name+"/"+order.name, func(t *testing.T) {
				t.Parallel()
				newStage(t, d, order.master, order.backup).play()
			})
		}
	}
}

func (s *stage) isFRR(node int) bool { return s.programs[node].Name == "FRR" }

// virtualRouter is what config says, for FRR.
func (s *stage) virtualRouter(node int) subject.VirtualRouter {
	v := subject.VirtualRouter{Link: link, Version: uint8(s.version), VRID: vrid, Priority: [2]int{strong, weak}[node], Interval: s.interval}
	for _, vip := range s.vips {
		v.Addresses = append(v.Addresses, netip.MustParsePrefix(vip))
	}
	return v
}

func (s *stage) furnish(node int) {
	s.Helper()
	must(s.T, s.virtualRouter(node).Furnish(s.Context(), s.nodes[node]))
}

// slack is what FRR may add to a take-over. Its first advert may find the device still
// without carrier, which zebra gives back meanwhile; the second comes an interval later.
// zebra itself may need a second to start. Over IPv6 the client's kernel keeps the
// neighbour of before for as long.
func (s *stage) slack() time.Duration {
	switch {
	case !s.isFRR(0) && !s.isFRR(1):
		return 0
	case s.probed().Is6():
		return s.interval + 2*time.Second
	}
	return s.interval + time.Second
}

// counted says that every lost probe is held against the pair. Over IPv6 the device of
// FRR has the addresses in every role, and the client loses a second or two when they
// move: there it has to be answered in the end.
func (s *stage) counted() bool { return !s.probed().Is6() || !s.isFRR(0) && !s.isFRR(1) }

// patience waits for the address to answer, beside FRR.
func (s *stage) patience(since time.Time) {
	answers := func() bool {
		spans := s.probe.Since(since, s.probed())
		return !slices.ContainsFunc(spans, func(o netns.Span) bool { return o.To.IsZero() })
	}
	_ = retry(s.Context(), s.slack(), answers) // it is told as a loss
}

// holdsByCarrier: FRR's addresses are there in every role, on a device that has a
// carrier only as MASTER.
func (s *stage) holdsByCarrier(node int) bool {
	s.Helper()
	out, err := s.nodes[node].Output(s.Context(), "ip", "-o", "link", "show", s.virtualRouter(node).Device())
	must(s.T, err)
	return strings.Contains(out, "LOWER_UP")
}
