// Package life tests the life of the daemon on the real kernel: starts that
// are refused, reloads, signals, deaths and returns, addresses taken away, links
// that come and go. It needs root.
package life

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

func TestMain(m *testing.M) { os.Exit(stand.Main(m.Run)) }

// stage is a LAN with nodes a (10.0.0.1) and b (10.0.0.2) and a client (10.0.0.9).
type stage struct {
	*stand.Stage
	a, b, client *netns.Node
}

func newStage(t *testing.T) *stage {
	t.Helper()
	t.Parallel()
	s := &stage{Stage: stand.New(t)}
	s.Must(s.World.Bridge("lan"))
	s.a, s.b, s.client = s.Node("a", "lan eth0 10.0.0.1/24"), s.Node("b", "lan eth0 10.0.0.2/24"), s.Node("client", "lan eth0 10.0.0.9/24")
	return s
}

// holds tells whether a node has an address on eth0.
func (s *stage) holds(n *netns.Node, addr string) bool {
	return strings.Contains(s.Sh(n, "ip -o addr show"), " "+addr+"/")
}

const confPath = stand.ConfPath

// conf is a configuration with one instance on eth0, VRRPv3 at 0.1 s.
func conf(priority int, more string, vips ...string) string {
	return fmt.Sprintf(`global_defs {
	vrrp_version 3
}
vrrp_instance V {
	interface eth0
	virtual_router_id 7
	priority %d
	advert_int 0.1
	%s
	virtual_ipaddress {
		%s
	}
}
`, priority, more, strings.Join(vips, "\n\t\t"))
}

// replaceWorker kills the worker of a daemon and waits for the next one.
func (s *stage) replaceWorker(d *stand.Daemon) {
	s.Helper()
	worker, before := s.worker(d.Pid()), d.Count("Worker process goes on|Reload complete")
	s.Must(syscall.Kill(worker, syscall.SIGKILL))
	s.Eventually(3*time.Second, "there is another worker", func() bool {
		w := s.worker(d.Pid())
		return w != 0 && w != worker && d.Count("Worker process goes on|Reload complete") > before
	})
}
