package life

import (
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// storm has `ip` change things on a node, a line every millisecond.
func (s *stage) storm(n *netns.Node, lasts time.Duration, lines ...string) {
	s.Helper()
	cmd := exec.Command("ip", "-force", "-batch", "-")
	in, err := cmd.StdinPipe()
	s.Must(err)
	s.Must(n.Start(cmd))
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for i := range int(lasts / time.Millisecond) {
		<-tick.C
		_, err := io.WriteString(in, lines[i%len(lines)]+"\n")
		s.Must(err)
	}
	s.Must(in.Close())
	_ = cmd.Wait() // some of it is there already, or not there
}

// latest is the longest time between two packets.
func latest(packets []event) (gap time.Duration) {
	for i := 1; i < len(packets); i++ {
		gap = max(gap, packets[i].at.Sub(packets[i-1].at))
	}
	return gap
}

// repaired is the greatest number of repairs that the log counts of a thing.
func repaired(d *stand.Daemon, thing string) (most int) {
	for _, found := range regexp.MustCompile(`Restoring deleted `+thing+` .*\((\d+) so far\)`).FindAllStringSubmatch(d.Log(), -1) {
		n, _ := strconv.Atoi(found[1])
		most = max(most, n)
	}
	return most
}

// Somebody removes the route and the rule, and adds others in their place, a thousand
// changes a second: they are repaired and counted, the log stays readable, no advert
// is late.
func TestAThousandForeignChangesASecondOfRoutesAndRules(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, routed(100, aRoute, aRule, ""))
	s.Eventually(5*time.Second, "it has route and rule", func() bool { return s.has(s.a, "10.9.0.0/16", "500:") })
	begin := time.Now()
	var late time.Duration
	for range 4 { // the machine may be busy with others: what we do ourselves shows each time
		adverts := s.listen(s.client, "proto 112")
		s.storm(s.a, 3*time.Second, "route del 10.9.0.0/16 proto 18", "rule del pref 500", "route add 10.9.0.0/16 dev eth0", "route del 10.9.0.0/16 proto boot")
		s.Eventually(3*time.Second, "route and rule are there", func() bool { return s.has(s.a, "10.9.0.0/16 via 10.0.0.9", "500:") })
		if late = latest(adverts()) - 100*time.Millisecond; late <= 5*time.Millisecond {
			break
		}
	}
	if late > 5*time.Millisecond {
		t.Errorf("an advert was %v late, each time", late)
	}
	time.Sleep(1500 * time.Millisecond) // the last line comes with a tick
	for _, thing := range []string{"route", "rule"} {
		if n := repaired(d, thing); n < 100 {
			t.Errorf("the log counts %d repairs of the %s in 750 removals", n, thing)
		}
	}
	seconds := int(time.Since(begin).Seconds())
	if n := d.Count("Restoring deleted"); n > 2*(seconds+2) {
		t.Errorf("%d lines about repairs in %d seconds", n, seconds)
	}
	if n := d.Count("Entering"); n != 2 {
		t.Errorf("%d changes of role, want 2", n)
	}
}

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
