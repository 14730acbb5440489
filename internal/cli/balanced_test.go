package cli

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/mono"
	"holdfast/internal/status"
)

func TestServicesAreListedWithTheHealthOfEachServer(t *testing.T) {
	const second = mono.Instant(1e9)
	b := &status.Balanced{At: 100 * second, Services: []status.Service{
		{Protocol: "TCP", Address: "10.0.0.1:80", Scheduler: "rr", Flags: "persistent 50", Held: true,
			Virtual:  []status.Virtual{{Name: "[10.0.0.1]:tcp:80", Quorum: 2, Weight: 1}},
			Counters: status.Counters{Conns: 7, InPackets: 99_999_999, OutPackets: 123_456_789, InBytes: 1_234_567_890, OutBytes: 123_456_789_012, ConnRate: 3},
			Destinations: []status.Destination{
				{Address: "10.1.0.1:80", Forward: "Masq", Weight: 1, Held: true, Active: 2, Inactive: 3, Health: "up", Since: 40 * second},
				{Address: "10.1.0.2:80", Forward: "Masq", Health: "down", Since: 97 * second, Reason: "no answer in time"},
				{Address: "10.1.0.9:80", Forward: "Masq", Weight: 1, Held: true, Health: "sorry"},
			}},
		{Protocol: "FWM", Address: "7 IPv6", Scheduler: "wlc"},
	}}
	want := `Prot LocalAddress:Port Scheduler Flags
  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn  Health
TCP  10.0.0.1:80 rr persistent 50  # [10.0.0.1]:tcp:80 has no quorum: 1 of 2
  -> 10.1.0.1:80                  Masq    1      2          3          up 1m0s
  -> 10.1.0.2:80                  Masq    -      0          0          down 3s: no answer in time
  -> 10.1.0.9:80                  Masq    1      0          0          sorry
FWM  7 IPv6 wlc  # not in the kernel
`
	if diff := cmp.Diff(want, Balanced(b, Connections)); diff != "" {
		t.Errorf("connections (-want +got):\n%s", diff)
	}
	b.Services = b.Services[:1]
	b.Services[0].Destinations = nil
	want = `Prot LocalAddress:Port               Conns   InPkts  OutPkts  InBytes OutBytes
  -> RemoteAddress:Port
TCP  10.0.0.1:80                         7 99999999  123456K    1234M     123G
`
	if diff := cmp.Diff(want, Balanced(b, Statistics)); diff != "" {
		t.Errorf("statistics (-want +got):\n%s", diff)
	}
	want = `Prot LocalAddress:Port                 CPS    InPPS   OutPPS    InBPS   OutBPS
  -> RemoteAddress:Port
TCP  10.0.0.1:80                         3        0        0        0        0
`
	if diff := cmp.Diff(want, Balanced(b, Rates)); diff != "" {
		t.Errorf("rates (-want +got):\n%s", diff)
	}
}
