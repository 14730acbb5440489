package balancer

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/checker"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/ipvs"
	"holdfast/internal/notify"
)

// rig is a Balancer with a kernel's table in memory. What happens is a transcript.
type rig struct {
	*testing.T
	b      *Balancer
	kernel ipvs.Table
	marked []host.Marked
	shares map[ipvs.Share]uint32
	lines  []string
	stood  Standing
	out    Effects
}

func newRig(t *testing.T, text string) *rig {
	t.Helper()
	r := &rig{T: t, b: New(), kernel: ipvs.Table{}}
	r.load(text)
	return r
}

// load takes over what a file says.
func (r *rig) load(text string) {
	r.Helper()
	tree, bad := conf.Parse(conf.MemoryFiles{"f": text}, "f", conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: "node"})
	for _, d := range slices.Concat(bad, more) {
		if d.Severity == conf.Error {
			r.Fatalf("%v", d)
		}
	}
	r.b.Reload(0, Part(c), &r.out)
	r.follow()
}

// hears is news of check number n of a real server, in all virtual servers that have it.
func (r *rig) hears(server string, n int, report checker.Report) {
	r.Helper()
	found := false
	for _, v := range r.b.virtual {
		for _, one := range v.reals {
			if one.At == netip.MustParseAddrPort(server) {
				report.Check, found = one.checks[n].id, true
				r.b.Step(0, Checked{report}, &r.out)
				r.follow()
			}
		}
	}
	if !found {
		r.Fatalf("there is no real server %s", server)
	}
}

func (r *rig) up(server string)   { r.Helper(); r.hears(server, 0, checker.Report{Up: true}) }
func (r *rig) down(server string) { r.Helper(); r.hears(server, 0, checker.Report{Reason: "refused"}) }

func (r *rig) stop() {
	r.b.Stop(0, &r.out)
	r.follow()
}

// follow carries out what a step asks for.
func (r *rig) follow() {
	r.lines = append(r.lines, r.out.Lines...)
	for _, d := range r.out.Tell {
		r.told(d)
	}
	if r.out.Table != nil {
		r.kernel, r.marked, r.shares = r.out.Table, r.out.Marked, r.out.Shares
	}
	for k, p := range r.out.Pools {
		r.kernel[k] = p
	}
	if r.out.Stands {
		r.stood = r.b.Standing()
	}
	r.out = Effects{}
}

func (r *rig) told(d notify.Delivery) {
	for _, run := range d.Runs {
		r.lines = append(r.lines, "run "+run.Command.Line)
	}
	if d.Line {
		r.lines = append(r.lines, "fifo "+strings.TrimRight(d.Message.Line(), "\n\x00"))
	}
	if d.Mail {
		l, _ := d.Letter("id")
		r.lines = append(r.lines, fmt.Sprintf("mail %s: %s", l.Subject, l.Text))
	}
}

// says checks what was logged and told since it was asked last.
func (r *rig) says(want ...string) {
	r.Helper()
	if diff := cmp.Diff(want, r.lines); diff != "" {
		r.Errorf("transcript (-want +got):\n%s", diff)
	}
	r.lines = nil
}

// quiet forgets what was logged and told.
func (r *rig) quiet() { r.lines = nil }

// said reports whether a line was logged or told since it was asked last.
func (r *rig) said(line string) bool {
	found := slices.Contains(r.lines, line)
	r.lines = nil
	return found
}

// holds checks the kernel's table; a line is what ipvsadm -Sn says.
func (r *rig) holds(want ...string) {
	r.Helper()
	got := strings.Split(strings.TrimSuffix(r.kernel.Rules(), "\n"), "\n")
	if diff := cmp.Diff(strings.Join(want, "\n"), strings.Join(got, "\n")); diff != "" {
		r.Errorf("table (-want +got):\n%s", diff)
	}
}
