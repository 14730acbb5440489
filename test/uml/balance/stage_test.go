// Package balance tests the daemon as a load balancer: directors, real servers and clients
// as nodes of a kernel that has IPVS.
package balance

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
	"holdfast/test/uml/guest"
)

func TestMain(m *testing.M) {
	modules := append(guest.Balancing(), "dummy", "iptable_mangle", "xt_mark", "nlmon")
	os.Exit(stand.Main(func() int { return guest.Main(m, modules...) }))
}

// stage is a set of nodes.
type stage struct{ *stand.Stage }

func newStage(t *testing.T, bridges ...string) *stage {
	t.Helper()
	s := &stage{stand.New(t)}
	s.Slow = 4 // the guest has one processor, and perhaps not all of it
	for _, b := range bridges {
		s.Must(s.World.Bridge(b))
	}
	return s
}

// web serves its name on port 80 of a node.
func (s *stage) web(n *netns.Node) {
	s.Helper()
	s.Must(n.WriteFile("/run/nginx.conf", fmt.Sprintf(`pid /run/nginx.pid;
worker_processes 1;
error_log /run/nginx.log;
events {}
http {
	access_log off;
	server { listen 80; listen [::]:80; location / { return 200 "%s\n"; } }
}
`, n.Name), 0o644))
	s.Sh(n, "nginx -c /run/nginx.conf")
}

// ask is who answers count requests from a node, one connection for each, in order. url may
// have options of curl before it.
func (s *stage) ask(n *netns.Node, url string, count int) []string {
	s.Helper()
	var names []string
	for range count {
		out, err := n.Output(s.Context(), "curl", append([]string{"-s", "-m", "2"}, strings.Fields(url)...)...)
		if err != nil {
			out = "none"
		}
		names = append(names, strings.TrimSpace(out))
	}
	return names
}

func (s *stage) rules(n *netns.Node) []string { s.Helper(); return guest.Rules(s.Stage, n) }

// becomes waits until the table of a node is as wanted.
func (s *stage) becomes(n *netns.Node, within time.Duration, want ...string) {
	s.Helper()
	slices.Sort(want)
	var got []string
	for end := time.Now().Add(s.Slow * within); ; time.Sleep(100 * time.Millisecond) {
		if got = s.rules(n); slices.Equal(got, want) {
			return
		}
		if time.Now().After(end) {
			s.Fatalf("after %v the table is\n  %s\nand not\n  %s", within, strings.Join(got, "\n  "), strings.Join(want, "\n  "))
		}
	}
}

const confPath = stand.ConfPath
