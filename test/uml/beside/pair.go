package beside

import (
	"fmt"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/ipvs/netlink"
	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
	"holdfast/test/uml/guest"
)

// Pair is keepalived and holdfast, in this order, each on a director before the same farm.
type Pair struct {
	*stand.Stage
	Farm      *Farm
	Directors [2]*netns.Node
	Daemons   [2]*stand.Daemon
	Changes   int // how often keepalived's table was another one when it was compared
	// Forgiven are the lines of services that keepalived may leave behind, if they are empty; nil: none.
	Forgiven func(line string) bool
	before   []string
	kernels  [2]*netlink.Kernel
}

// NewPair is a pair that has not begun yet, with its farm.
func NewPair(s *stand.Stage) *Pair {
	s.Helper()
	p := &Pair{Stage: s, Farm: NewFarm(s)}
	for i, name := range []string{"keepalived", "holdfast"} {
		p.Directors[i] = s.Node(name, fmt.Sprintf("inside eth0 10.0.2.%d/24", 3+i))
		s.Sh(p.Directors[i], fmt.Sprintf("ip addr add fd00:2::%d/64 dev eth0 nodad", 3+i))
		s.Must(p.Directors[i].Do(func() (err error) { p.kernels[i], err = netlink.Open(s.Context(), ""); return err }))
		s.Cleanup(func() { _ = p.kernels[i].Close() })
	}
	return p
}

// Write writes a file on both directors.
func (p *Pair) Write(path, text string) {
	p.Helper()
	for _, n := range p.Directors {
		p.Must(n.WriteFile(path, text, 0o644))
	}
}

// Start starts both with a configuration.
func (p *Pair) Start(text string) {
	p.Helper()
	p.Write(stand.ConfPath, text)
	p.Daemons[0] = p.Launch(p.Directors[0], "keepalived", "-n", "-l", "-D", "-G", "-f", stand.ConfPath)
	p.Daemons[1] = p.Launch(p.Directors[1], stand.Program(), "run", "-D", "-f", stand.ConfPath)
	for _, d := range p.Daemons {
		d.Tells(patience, "Startup complete")
	}
}

// Reload gives both another configuration.
func (p *Pair) Reload(text string) {
	p.Helper()
	p.Write(stand.ConfPath, text)
	for _, d := range p.Daemons {
		d.Signal(syscall.SIGHUP)
	}
}

// Stop ends both.
func (p *Pair) Stop() {
	p.Helper()
	for _, d := range p.Daemons {
		d.Stop(syscall.SIGTERM)
	}
}

// settling is longer than both take to notice and to answer, patience what they get of a machine
// that has much to do, rarely how often tables that differ are looked at more closely.
const (
	settling = 2500 * time.Millisecond
	patience = 15 * time.Second
	rarely   = 5 * time.Second
)

// Same compares what ipvsadm says of the tables, some time after something happened.
func (p *Pair) Same(when string) {
	p.Helper()
	time.Sleep(settling)
	var want, got []string
	looked := time.Now()
	for end := time.Now().Add(p.Slow * patience); ; time.Sleep(250 * time.Millisecond) {
		late := time.Now().After(end)
		if !late && !p.alike() && (p.Forgiven == nil || time.Since(looked) < rarely) {
			continue
		}
		looked = time.Now()
		want, got = guest.Rules(p.Stage, p.Directors[0]), guest.Rules(p.Stage, p.Directors[1])
		want = p.forgive(want, got)
		if late || slices.Equal(want, got) {
			break
		}
	}
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		p.Errorf("%s (-keepalived +holdfast):\n%s", when, diff)
	}
	if !slices.Equal(want, p.before) {
		p.Changes++
	}
	p.before = want
}

// forgive leaves out the services without servers that keepalived has not removed, and may forget.
func (p *Pair) forgive(want, got []string) []string {
	return slices.DeleteFunc(want, func(line string) bool {
		service, found := strings.CutPrefix(line, "-A ")
		if !found || p.Forgiven == nil || !p.Forgiven(line) || slices.Contains(got, line) {
			return false
		}
		at := strings.Join(strings.Fields(service)[:2], " ")
		return !slices.ContainsFunc(want, func(l string) bool { return strings.HasPrefix(l, "-a "+at+" ") })
	})
}

// Clear empties both tables.
func (p *Pair) Clear() {
	p.Helper()
	for _, n := range p.Directors {
		p.Sh(n, "ipvsadm -C")
	}
	p.before = nil
}

// alike reports whether the tables are the same. It costs less than to start ipvsadm.
func (p *Pair) alike() bool {
	p.Helper()
	var rules [2]string
	for i, k := range p.kernels {
		table, err := k.Observe(nil)
		p.Must(err)
		rules[i] = table.Rules()
	}
	return rules[0] == rules[1]
}
