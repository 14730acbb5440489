package life

import (
	"os"
	"testing"
	"time"
)

// Where the kernel has no IPVS, all but the balancing goes on.
func TestVirtualServersDoNotNeedIPVS(t *testing.T) {
	s := newStage(t)
	lines := 1
	if _, err := os.Stat("/proc/net/ip_vs"); err == nil {
		lines = 0
	}
	d := s.Start(s.a, conf(100, "", vip)+"virtual_server 10.0.0.100 80 {\n\tlvs_sched rr\n\tlvs_method NAT\n\tprotocol TCP\n\tdelay_loop 0.5\n\twarmup 0\n\treal_server 10.0.0.1 81 {\n\t\tTCP_CHECK {\n\t\t}\n\t}\n}\n")
	d.Says("Entering MASTER STATE")
	d.Says("Removing service .10.0.0.1.:tcp:81 from VS .10.0.0.100.:tcp:80")
	time.Sleep(3 * time.Second) // the table is looked at meanwhile
	if got := d.Count("IPVS: real servers are checked, and nothing is balanced: this kernel has no IPVS"); got != lines || !s.holds(s.a, vip) {
		t.Errorf("%d lines, not %d:\n%s", got, lines, d.Log())
	}
}
