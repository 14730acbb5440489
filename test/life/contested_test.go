package life

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"
)

// A receive buffer that is too small for what others do: reports are lost, and so
// everything is looked at anew. What was removed unseen is back.
func TestReportsThatTheKernelCouldNotDeliverAreMadeUpFor(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, "global_defs {\nvrrp_netlink_monitor_rcv_bufs 4096\n}\n"+routed(100, aRoute, aRule, ""))
	s.Eventually(5*time.Second, "it has route and rule", func() bool { return s.has(s.a, "10.9.0.0/16", "500:") })
	var flood strings.Builder
	for i := range 500 {
		fmt.Fprintf(&flood, "route add 10.200.%d.%d dev eth0 table 99\nroute del 10.200.%d.%d dev eth0 table 99\n", i/250, i%250, i/250, i%250)
	}
	flood.WriteString("route del 10.9.0.0/16\nrule del pref 500\naddr del 10.0.0.100/24 dev eth0\n")
	d.Signal(syscall.SIGSTOP)
	_, err := s.a.Run(t.Context(), strings.NewReader(flood.String()), "ip", "-force", "-batch", "-")
	begin := time.Now()
	d.Signal(syscall.SIGCONT)
	if err != nil {
		t.Log(err) // the route goes with the address on some kernels
	}
	if lost := s.Sh(s.a, "awk 'NR > 1 { sum += $9 } END { print sum }' /proc/net/netlink"); strings.TrimSpace(lost) == "0" {
		t.Fatal("nothing was lost: nothing was tested")
	}
	s.Eventually(3*time.Second, "all is back", func() bool { return s.has(s.a, "10.9.0.0/16 via 10.0.0.9", "500:") && s.holds(s.a, "10.0.0.100") })
	if took := time.Since(begin); took > time.Second {
		t.Errorf("it took %v", took)
	}
}
