package packages

import (
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/need"
	"holdfast/test/stand"
)

// step is a block of commands of doc/migration.md: for whom, and below which heading.
type step struct{ heading, node, commands string }

func steps(t *testing.T) (list []step) {
	t.Helper()
	text, err := os.ReadFile("../../doc/migration.md")
	if err != nil {
		t.Fatal(err)
	}
	var heading string
	var open *step
	for line := range strings.Lines(string(text)) {
		node, begins := strings.CutPrefix(strings.TrimSpace(line), "```sh ")
		switch {
		case begins:
			open = &step{heading: heading, node: node}
		case open != nil && strings.HasPrefix(line, "```"):
			list, open = append(list, *open), nil
		case open != nil:
			open.commands += line
		case strings.HasPrefix(line, "## "):
			heading = strings.TrimSpace(line[3:])
		}
	}
	return list
}

// loss is what a client that asks each millisecond may lose at a step: nothing where only a backup changes; while an
// address moves, what passes from the first advert of the new owner until the old one has heard it and all know.
func loss(s step) int {
	if strings.Contains(s.commands, "holdfast-switch") {
		return 0
	}
	return 50
}

// A pair of Debian's keepalived is migrated as the page says, node by node.
func TestAPairIsMigratedAsThePageSays(t *testing.T) {
	need.Programs(t, "keepalived")
	dir := packages(t)
	s := stand.New(t)
	s.Must(s.World.Bridge("lan"))
	vip := netip.MustParseAddr("10.0.0.100")
	client := s.Node("client", "lan eth0 10.0.0.9/24")
	machines := map[string]*machine{
		"master": boot(s, s.Node("a", "lan eth0 10.0.0.1/24")),
		"backup": boot(s, s.Node("b", "lan eth0 10.0.0.2/24")),
	}
	for name, priority := range map[string]int{"master": 150, "backup": 100} {
		m := machines[name]
		m.write("/etc/keepalived/keepalived.conf", conf(priority))
		m.bring(filepath.Join(dir, deb))
		m.sh("systemctl start keepalived")
	}
	machines["master"].hasTheAddress()
	time.Sleep(2 * time.Second) // an election that is over
	probe, err := client.Probe(time.Millisecond, vip)
	s.Must(err)
	defer probe.Close()
	s.Eventually(3*time.Second, "the address answers", func() bool { return probe.Answered(vip) })

	list := steps(t)
	if len(list) != 5 {
		t.Fatalf("the page has %d blocks of commands", len(list))
	}
	for _, step := range list {
		begun := time.Now()
		machines[step.node].sh("cd /tmp && set -e\n" + step.commands)
		time.Sleep(time.Second) // what follows from it belongs to it
		lost := lost(probe, begun, vip)
		t.Logf("%s, %s: %d probes of 1 ms lost", step.heading, step.node, lost)
		if lost > loss(step) {
			t.Errorf("%s, %s: %d probes were lost, at most %d may be", step.heading, step.node, lost, loss(step))
		}
	}
	for name, m := range machines {
		m.runs("keepalived", "/usr/bin/holdfast")
		if held := strings.Contains(m.sh("ip -o addr show dev eth0"), " 10.0.0.100/24 "); held != (name == "master") {
			t.Errorf("at the end the address is at the %s: %v", name, held)
		}
	}
}

// lost is how many probes had no answer since an instant.
func lost(p *netns.Prober, since time.Time, at netip.Addr) (n int) {
	p.Settle()
	for _, span := range p.Since(since, at) {
		n += span.Lost
	}
	return n
}
