package metrics_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/internal/golden"
	"holdfast/internal/metrics"
	"holdfast/internal/status"
)

// full is a snapshot with something of everything.
func full() *status.Snapshot {
	epoch := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	master := status.Instance{
		Name: "V", Link: "eth0", VRID: 7, Role: "MASTER", Since: 40e9, Priority: 100, Effective: 150, Faults: 1, Repairs: 2,
		Stats: status.Stats{AdvertRcvd: 3, AdvertSent: 4, BecomeMaster: 1, TTLErr: 5, AuthExtInvalidHMAC: 6, PriZeroRcvd: 7, Contested: 1500 * time.Millisecond},
	}
	backup := status.Instance{Name: `odd"name\`, Link: "eth1", VRID: 8, V6: true, Role: "BACKUP", Since: 50e9, Priority: 90, Effective: 90}
	s := &status.Snapshot{
		Form: status.Form, Node: "n", Build: status.Build{Version: "1.2", Go: "go1.26"}, At: 100e9, Time: epoch,
		Router: &status.Router{
			At: 100e9, Lateness: 3 * time.Millisecond, Refused: []status.Count{{What: "too short", N: 9}}, Unknown: 8, Instances: []status.Instance{master, backup},
			Groups: []status.Group{{Name: "G", Role: "MASTER"}}, Sessions: []status.Session{{Name: "B", Neighbour: netip.MustParseAddr("10.0.0.2"), State: "Up"}},
			Trackers: []status.Tracker{{Kind: "script", Name: "chk", State: "good"}, {Kind: "script", Name: "new", State: "unknown"}, {Kind: "interface", Name: "eth9", State: "bad"}},
		},
		Worker: status.Worker{
			Started: epoch, Loaded: epoch.Add(time.Second), Reloads: status.Reloads{Taken: 2, Refused: 1}, Lost: 5,
			Transitions: []status.Transition{{Instance: "V", To: "MASTER", Cause: "master down", N: 1}},
			Checks:      []status.Checks{{Kind: "tcp", Passed: 10, Failed: 1}},
			Scripts:     []status.Scripts{{Kind: "notify", Passed: 3, Failed: 1}},
			Hooks:       []status.Hook{{Name: "ops", Sent: 4, Failed: 2, Lost: 1, Tries: 7, Waiting: 5}},
		},
		Balanced: &status.Balanced{Repairs: 1, Services: []status.Service{{
			Protocol: "TCP", Address: "10.0.0.100:80", Held: true, Counters: status.Counters{Conns: 11, InBytes: 12},
			Virtual: []status.Virtual{{Name: "[10.0.0.100]:tcp:80", Up: true, Quorum: 1, Weight: 2}},
			Destinations: []status.Destination{
				{Address: "10.1.0.1:80", Weight: 2, Held: true, Active: 3, Inactive: 4, Health: "up"},
				{Address: "10.1.0.2:80", Health: "down", Reason: "refused"},
			},
		}}},
	}
	s.Router.Late[0], s.Router.Late[23] = 1, 1
	s.Worker.Checks[0].Count(3 * time.Millisecond)
	s.Worker.Checks[0].Count(time.Hour)
	s.Worker.Scripts[0].Count(20 * time.Millisecond)
	s.Worker.Hooks[0].Count(2 * time.Second)
	return s
}

func written(t *testing.T, s *status.Snapshot) []byte {
	t.Helper()
	var out bytes.Buffer
	if err := metrics.Write(&out, s); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestTheMetricsOfASnapshot(t *testing.T) {
	golden.Check(t, "testdata/full.txt", string(written(t, full())))
}

func TestPromtoolFindsNothingWrong(t *testing.T) {
	cmd := exec.Command(promtool(t), "check", "metrics")
	cmd.Stdin = bytes.NewReader(written(t, full()))
	if out, err := cmd.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("%v\n%s", err, out)
	}
}

// Every line of a family stands behind its head, and no series comes twice.
func TestNoSeriesComesTwice(t *testing.T) {
	seen := map[string]bool{}
	for line := range strings.Lines(string(written(t, full()))) {
		series, _, _ := strings.Cut(line, "} ")
		if seen[series] {
			t.Errorf("twice: %s", line)
		}
		seen[series] = true
	}
}

func TestADaemonWithoutServersHasNoneInItsMetrics(t *testing.T) {
	s := full()
	s.Balanced = nil
	if text := string(written(t, s)); strings.Contains(text, "real_server") {
		t.Errorf("there are some:\n%s", text)
	}
}

// crowd is a snapshot with 4,000 instances and 100,000 real servers.
func crowd() *status.Snapshot {
	s := full()
	one, d := s.Router.Instances[0], s.Balanced.Services[0]
	s.Router.Instances, s.Balanced.Services = nil, nil
	for i := range 4000 {
		one.Name = fmt.Sprint("V", i)
		s.Router.Instances = append(s.Router.Instances, one)
	}
	for i := range 1000 {
		service := d
		service.Address, service.Destinations = fmt.Sprintf("10.0.%d.%d:80", i/250, i%250), nil
		for j := range 100 {
			service.Destinations = append(service.Destinations, status.Destination{Address: fmt.Sprintf("10.1.0.%d:80", j), Held: true, Health: "up"})
		}
		s.Balanced.Services = append(s.Balanced.Services, service)
	}
	return s
}

func BenchmarkWrite(b *testing.B) {
	s := crowd()
	b.ReportAllocs()
	for b.Loop() {
		var n counter
		if err := metrics.Write(&n, s); err != nil {
			b.Fatal(err)
		}
		b.SetBytes(int64(n))
	}
}

// counter counts what is written.
type counter int

func (c *counter) Write(p []byte) (int, error) {
	*c += counter(len(p))
	return len(p), nil
}
