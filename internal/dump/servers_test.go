package dump_test

import (
	"bytes"
	"io"
	"os"
	"strings"
	"testing"

	"holdfast/internal/balancer"
	"holdfast/internal/checker"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/golden"
	"holdfast/internal/notify"
)

// farm is what is known of the virtual servers of a file some time after the start: the first
// three checks have been made, and one of those failed.
func farm(t *testing.T, text string) *dump.Servers {
	t.Helper()
	tree, found := conf.Parse(conf.MemoryFiles{"f": text}, "f", conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: "node"})
	for _, d := range append(found, more...) {
		if d.Severity == conf.Error {
			t.Fatal(d)
		}
	}
	b, out := balancer.New(), &balancer.Effects{}
	b.Reload(0, balancer.Part(c), out)
	for i, k := range b.Checks()[:min(3, len(b.Checks()))] {
		b.Step(0, balancer.Checked{Report: checker.Report{Check: k.ID, Up: i != 1, First: true, Weight: int64(4 * i)}}, out)
	}
	return &dump.Servers{Global: &c.Global, SSL: c.SSL, Groups: c.ServerGroups, Virtual: b.Picture(), Files: c.Files,
		Owner: func(c *notify.Command) string { return "uid:gid 0:0" }}
}

// Reference, interfaces section 3: keepalived_check.data, as keepalived lays it out.
func TestTheFormOfTheDumpOfServers(t *testing.T) {
	text, err := os.ReadFile("testdata/servers.conf")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	farm(t, string(text)).Data(&out)
	golden.Check(t, "testdata/keepalived_check.data", out.String())
	if strings.Contains(out.String(), "secret") {
		t.Error("a password is told")
	}
}

func TestTheMarkOfAGroupIsDumped(t *testing.T) {
	var out bytes.Buffer
	farm(t, `global_defs {
	nftables_ipvs
}
virtual_server_group G {
	10.0.0.1 80
	fd00::1-3 80
}
virtual_server group G {
	lvs_method TUN
	lvs_sched rr
	protocol UDP
	real_server 10.0.1.1 80 {
	}
}
`).Data(&out)
	for _, want := range []string{" Virtual Server Group = G, IPv4 = yes, IPv6 = yes\n  Fwmark TCP: 0 UDP: 1000 SCTP: 0\n   VIP = 10.0.0.1, VPORT = 80\n     Alive: 0 tcp, 1 udp, 0 sctp\n",
		"   VIP Range = fd00::1-fd00::3, VPORT = 80\n", " VS GROUP = [G]:0\n   Address family = IPv4 & IPv6\n", " ipvs nftables table name = keepalived_ipvs\n"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, out.String())
		}
	}
}

func TestWithoutChecksThereIsNoSectionOfThem(t *testing.T) {
	var out bytes.Buffer
	s := farm(t, "virtual_server 10.0.0.1 80 {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.0.1.1 80 {\n}\n}\n")
	s.Data(&out)
	if text := out.String(); strings.Contains(text, "Health checkers") || strings.Contains(text, "SSL") || strings.Contains(text, "Track") {
		t.Errorf("there are headings without things:\n%s", text)
	}
	s.Data(io.Discard)
}
