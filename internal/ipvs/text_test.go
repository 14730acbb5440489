package ipvs_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/ipvs"
)

// What ipvsadm prints of the same table test/uml/ipvs compares.
func TestATableIsPrintedAsIpvsadmDoes(t *testing.T) {
	key := ipvs.Key{Protocol: ipvs.SCTP, At: at("192.0.2.1:9")}
	table := ipvs.Table{key: {
		Service: ipvs.Service{Scheduler: "mh", Flags: ipvs.Persistent | ipvs.Sched2, Timeout: 60, Granularity: 0xffffff00},
		Servers: to("[2001:db8::9]:9", ipvs.Destination{Forward: ipvs.Tunnel, Weight: 3, Wrap: ipvs.GUE, Port: 6080, Sum: ipvs.RemoteSum}),
	}}
	rules := `-A --sctp-service 192.0.2.1:9 -s mh -p 60 -M 255.255.255.0 -b mh-port
-a --sctp-service 192.0.2.1:9 -r [2001:db8::9]:9 -i -w 3 --tun-type gue --tun-port 6080 --tun-remcsum
`
	if diff := cmp.Diff(rules, table.Rules()); diff != "" {
		t.Errorf("rules (-want +got):\n%s", diff)
	}
	protocol, address := key.Listed()
	if got := protocol + " " + address + " " + table[key].Listed(false); got != "SCTP 192.0.2.1:9 (mh-port) persistent 60 mask 255.255.255.0" {
		t.Errorf("listed as %s", got)
	}
}
