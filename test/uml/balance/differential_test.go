package balance

import (
	"errors"
	"flag"
	"fmt"
	"net"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// farm is the machines of the real servers: one node, on whose addresses something
// listens, or does not.
type farm struct {
	*stage
	node *netns.Node
	open map[int][]net.Listener // by machine
}

func (s *stage) farm() *farm {
	s.Helper()
	f := &farm{stage: s, node: s.Node("farm", "inside eth0 10.0.2.2/24"), open: map[int][]net.Listener{}}
	s.Sh(f.node, "ip addr add fd00:2::2/64 dev eth0 nodad; for i in 1 2 3 4; do ip addr add 10.0.2.1$i/24 dev eth0; ip addr add fd00:2::1$i/64 dev eth0 nodad; done")
	for h := range hosts {
		f.up(h)
	}
	return f
}

func (f *farm) up(h int) {
	f.Helper()
	if f.open[h] != nil {
		return
	}
	f.Must(f.node.Do(func() (err error) {
		for _, v6 := range []bool{false, true} {
			for port := 80; port <= 81; port++ {
				l, bad := net.Listen("tcp", net.JoinHostPort((&balanced{v6: v6}).host(h), fmt.Sprint(port)))
				err = errors.Join(err, bad)
				f.open[h] = append(f.open[h], l)
			}
		}
		return err
	}))
}

func (f *farm) down(h int) {
	f.Helper()
	for _, l := range f.open[h] {
		f.Must(l.Close())
	}
	f.open[h] = nil
}

// pair is keepalived and holdfast, each on a director.
type pair struct {
	*stage
	directors [2]*netns.Node
	daemons   [2]*stand.Daemon
}

func (s *stage) pair() *pair {
	s.Helper()
	p := &pair{stage: s}
	for i, name := range []string{"keepalived", "holdfast"} {
		p.directors[i] = s.Node(name, fmt.Sprintf("inside eth0 10.0.2.%d/24", 3+i))
		s.Sh(p.directors[i], fmt.Sprintf("ip addr add fd00:2::%d/64 dev eth0 nodad", 3+i))
	}
	return p
}

func (p *pair) write(text string) {
	p.Helper()
	for _, n := range p.directors {
		p.Must(n.WriteFile(confPath, text, 0o644))
	}
}

func (p *pair) start(text string) {
	p.Helper()
	p.write(text)
	p.daemons[0] = p.Launch(p.directors[0], "keepalived", "-n", "-l", "-D", "-G", "-f", confPath)
	p.daemons[1] = p.Launch(p.directors[1], stand.Program(), "run", "-D", "-f", confPath)
}

func (p *pair) signal(sig syscall.Signal) {
	for _, d := range p.daemons {
		d.Signal(sig)
	}
}

// settling is longer than both take to notice and to answer.
const settling = 2500 * time.Millisecond

// same compares the tables, some time after something happened.
func (p *pair) same(when string) {
	p.Helper()
	time.Sleep(settling)
	var want, got []string
	for end := time.Now().Add(15 * time.Second); time.Now().Before(end); time.Sleep(200 * time.Millisecond) {
		want, got = p.rules(p.directors[0]), p.rules(p.directors[1])
		if cmp.Equal(want, got) {
			return
		}
	}
	p.Errorf("%s (-keepalived +holdfast):\n%s", when, cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")))
}

// play runs a file through its life.
func (p *pair) play(f *file, real *farm) {
	text := f.String()
	p.start(text)
	p.same("at the start")
	for h := range hosts {
		if f.rand.IntN(2) == 0 {
			real.down(h)
			p.same(fmt.Sprintf("without machine %d", h))
		}
	}
	f.edit()
	p.write(f.String())
	p.signal(syscall.SIGHUP)
	p.same("after a reload")
	for h := range hosts {
		real.up(h)
	}
	p.same("when all are back")
	for _, d := range p.daemons {
		d.Stop(syscall.SIGTERM)
	}
	p.same("after the stop")
	if p.Failed() {
		p.Logf("the file:\n%s\nafter the reload:\n%s", text, f)
	}
}

// How many random files are compared, and the seed of the first of them.
var (
	files     = flag.Uint64("files", 5, "how many random files are compared with keepalived")
	firstFile = flag.Uint64("first", 1, "the seed of the first of them")
)

func TestTheTableIsKeepaliveds(t *testing.T) {
	for seed := *firstFile; seed < *firstFile+*files; seed++ {
		t.Run(fmt.Sprintf("file %d", seed), func(t *testing.T) {
			t.Parallel()
			s := newStage(t, "inside")
			s.pair().play(newFile(seed), s.farm())
		})
	}
}
