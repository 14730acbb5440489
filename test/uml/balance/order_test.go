package balance

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
)

// order runs `holdfast server`, and answers with what it prints and its exit status.
func (s *stage) order(n *netns.Node, words string) string {
	s.Helper()
	return strings.TrimSpace(s.Sh(n, "$HOLDFAST_TEST_PROGRAM server "+words+" 2>&1; echo status $?"))
}

// weighing is the entry of a server with a weight.
func weighing(entry string, weight int) string {
	return strings.TrimSuffix(entry, "-w 1") + fmt.Sprint("-w ", weight)
}

// behind is which of both servers has the connection of the client, and the entry of each.
func (s *stage) behind(director *netns.Node) (server, its, others string) {
	s.Helper()
	for line := range strings.Lines(s.Sh(director, "ipvsadm -Lnc")) {
		if strings.Contains(line, "ESTABLISHED 10.0.1.9:") {
			if w := strings.Fields(line); w[len(w)-1] == "10.0.2.12:80" {
				return "10.0.2.12:80", second, first
			}
			return "10.0.2.11:80", first, second
		}
	}
	s.Fatal("nobody has a connection")
	return "", "", ""
}

func TestADrainedServerKeepsItsConnectionsOverReloadsCrashesAndRestarts(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, director := s.inside()
	d := s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	c := s.talk(client, "10.0.1.1:80")
	c.goOn("at first")
	server, its, others := s.behind(director)
	drained := weighing(its, 0)
	if got, want := s.order(director, "drain "+server+" --deadline 2s"), server+" gets no new connections and has still 1\nstatus 2"; got != want {
		t.Errorf("the drain says %q, not %q", got, want)
	}
	s.becomes(director, time.Second, service, drained, others)
	for _, then := range []struct {
		name string
		do   func()
	}{
		{"at once", func() {}},
		{"after a reload", func() { d.Reload(strings.Replace(nat, "delay_loop 1", "delay_loop 2", 1)) }},
		{"after the worker died", func() {
			s.Sh(director, "pkill -9 -f 'holdfast worke[r]'")
			d.Tells(5*time.Second, "Worker process goes on")
		}},
		{"after a crash", func() { d.Stop(syscall.SIGKILL); d = s.Again(director); d.Tells(5*time.Second, "Startup complete") }},
	} {
		then.do()
		s.becomes(director, 5*time.Second, service, drained, others)
		c.goOn(then.name)
		for range 4 {
			s.talk(client, "10.0.1.1:80").goOn("a new one " + then.name)
		}
		if n := strings.Count(s.Sh(director, "ipvsadm -Lnc | grep ESTABLISHED || true"), server); n != 1 {
			t.Errorf("%s the drained server has %d connections", then.name, n)
		}
	}
	d.Stop(syscall.SIGTERM)
	d = s.Again(director)
	s.becomes(director, 5*time.Second, service, drained, others)
	s.Must(c.Close())
	if got, want := s.order(director, "drain "+server+" --deadline 60s"), server+" is drained\nstatus 0"; got != want {
		t.Errorf("without connections the drain says %q, not %q", got, want)
	}
	if got := s.order(director, "enable "+server); got != "status 0" {
		t.Errorf("it is enabled with %q", got)
	}
	s.becomes(director, time.Second, service, first, second)
}

func TestADrainEndsWhenTheLastConnectionDoes(t *testing.T) {
	s := newStage(t, "outside", "inside")
	client, director := s.inside()
	s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	c := s.talk(client, "10.0.1.1:80")
	c.goOn("at first")
	server, _, _ := s.behind(director)
	go func() { time.Sleep(2 * time.Second); _ = c.Close() }()
	start := time.Now()
	got := s.order(director, "drain "+server)
	if took := time.Since(start); got != server+" is drained\nstatus 0" || took < 2*time.Second {
		t.Errorf("after %v it says %q", took, got)
	}
}

func TestAWeightByOrderHoldsUntilEnable(t *testing.T) {
	s := newStage(t, "outside", "inside")
	_, director := s.inside()
	d := s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	if got := s.order(director, "weight 10.0.2.12:80 7 --of 10.0.1.1:80"); got != "status 0" {
		t.Errorf("the weight is given with %q", got)
	}
	s.becomes(director, time.Second, service, first, weighing(second, 7))
	d.Reload(strings.ReplaceAll(nat, "TCP_CHECK", "weight 3\n\t\tTCP_CHECK"))
	s.becomes(director, 5*time.Second, service, weighing(first, 3), weighing(second, 7))
	d.Stop(syscall.SIGTERM)
	s.Again(director)
	s.becomes(director, 5*time.Second, service, weighing(first, 3), weighing(second, 7))
	s.order(director, "enable 10.0.2.12:80")
	s.becomes(director, time.Second, service, weighing(first, 3), weighing(second, 3))
}

func TestAnOrderThatLosesTheQuorumIsRefusedUnlessForced(t *testing.T) {
	s := newStage(t, "outside", "inside")
	_, director := s.inside()
	s.Start(director, nat)
	s.becomes(director, 5*time.Second, service, first, second)
	s.order(director, "drain 10.0.2.11:80")
	got := s.order(director, "drain 10.0.2.12:80 --deadline 0s")
	if !strings.Contains(got, "would lose its quorum") || !strings.Contains(got, "status 1") {
		t.Errorf("the last one is drained with %q", got)
	}
	s.becomes(director, time.Second, service, weighing(first, 0), second)
	if got := s.order(director, "drain 10.0.2.12:80 --deadline 0s --force"); got != "10.0.2.12:80 is drained\nstatus 0" {
		t.Errorf("forced it says %q", got)
	}
}

// With checks a minute apart, what is asked for is found at once.
func TestARecheckFindsAtOnceWhatTheNextCheckWouldFindLater(t *testing.T) {
	s := newStage(t, "inside")
	director := s.Node("director", "inside eth1 10.0.2.1/24")
	one, two := s.Node("one", "inside eth0 10.0.2.11/24"), s.Node("two", "inside eth0 10.0.2.12/24")
	s.web(one)
	s.Start(director, strings.Replace(strings.Replace(nat, "delay_loop 1", "delay_loop 600", 1), "warmup 0", "warmup 0\n\tretry 0", 1))
	s.becomes(director, 8*time.Second, service, first)
	got := s.order(director, "recheck --of 10.0.1.1:80")
	for _, want := range []string{"passed  [10.0.2.11]:tcp:80  of [10.0.1.1]:tcp:80  tcp", "failed  [10.0.2.12]:tcp:80  of [10.0.1.1]:tcp:80  tcp", "connect to 10.0.2.12:80: connection refused", "status 2"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is missing in\n%s", want, got)
		}
	}
	s.web(two)
	if got := s.order(director, "recheck 10.0.2.12:80"); !strings.HasPrefix(got, "passed") || !strings.HasSuffix(got, "status 0") {
		t.Errorf("of a server that came back it says\n%s", got)
	}
	s.becomes(director, time.Second, service, first, second)
	if got := s.Sh(director, "$HOLDFAST_TEST_PROGRAM events"); !strings.Contains(got, "servers/recheck") {
		t.Errorf("the events have no word of it:\n%s", got)
	}
}
