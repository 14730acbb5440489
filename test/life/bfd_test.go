package life

import (
	"fmt"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/stand"
)

// talk is a session with a neighbour, from the other node of the stage.
func talk(from, to, more string) string {
	return fmt.Sprintf("bfd_instance peer {\n\tneighbor_ip %s\n\tsource_ip %s\n\tmultiplier 20\n\t%s\n}\n", to, from, more)
}

// pair is two daemons whose session is up.
func (s *stage) pair(more string) (a, b *stand.Daemon) {
	s.Helper()
	a, b = s.Start(s.a, talk("10.0.0.1", "10.0.0.2", more)), s.Start(s.b, talk("10.0.0.2", "10.0.0.1", ""))
	a.Says(`\(peer\) Entering Up state`)
	b.Says(`\(peer\) Entering Up state`)
	return a, b
}

// A file without an instance is enough for sessions. At the end nothing is sent: the
// neighbour notices by itself.
func TestSectionOneADaemonMayHaveSessionsOnly(t *testing.T) {
	s := newStage(t)
	a, b := s.pair("")
	packets := s.listen(s.b, "udp dst port 3784 and src host 10.0.0.1")
	time.Sleep(300 * time.Millisecond)
	a.Signal(syscall.SIGTERM)
	if got := a.Exit(); got != 0 {
		t.Errorf("exit status %d", got)
	}
	b.Says(`\(peer\) Expired after 2\d\d ms`)
	b.Says(`\(peer\) Entering Down state \(Local diagnostic - Control Detection Time Expired`)
	sent := packets()
	for _, p := range sent {
		if !strings.Contains(p.text, "State Up") {
			t.Errorf("sent %s", p.text)
		}
	}
	if len(sent) == 0 {
		t.Error("nothing was heard of it, so that nothing is known of its end")
	}
}

// What a reload changes of a session is agreed upon with the neighbour; neither end goes
// down, and the port by which the session is known stays.
func TestSectionNineAReloadKeepsSessionAndPort(t *testing.T) {
	s := newStage(t)
	a, b := s.pair("")
	packets := s.listen(s.b, "udp dst port 3784 and src host 10.0.0.1")
	for _, more := range []string{"min_tx 40", "min_tx 5", "min_rx 50", "multiplier 40\n\tidle_tx 2000", ""} {
		a.Reload(talk("10.0.0.1", "10.0.0.2", more))
		time.Sleep(300 * time.Millisecond)
	}
	ports := map[string]bool{}
	for _, p := range packets() {
		ports[regexp.MustCompile(`10\.0\.0\.1\.(\d+) >`).FindString(p.text)] = true
	}
	if len(ports) != 1 || ports[""] {
		t.Errorf("packets came from %v", ports)
	}
	for _, d := range []*stand.Daemon{a, b} {
		if n := d.Count(`\(peer\) Entering (Down|Init|Up) state`); n > 2 {
			t.Errorf("%d transitions:\n%s", n, d.Log())
		}
	}
	if a.Count("Starting poll sequence") < 4 {
		t.Errorf("it asked for too little:\n%s", a.Log())
	}
}
