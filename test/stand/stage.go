package stand

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/need"
	"holdfast/test/wait"
)

// Stage is a test on nodes.
type Stage struct {
	*testing.T
	World *netns.World
	// Slow is how much longer everything may take than on a machine of our own.
	Slow time.Duration
}

// New begins a test on nodes, which end with it.
func New(t *testing.T) *Stage {
	t.Helper()
	need.Root(t, "network namespaces")
	w, err := netns.New()
	s := &Stage{T: t, World: w, Slow: 1}
	s.Must(err)
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// Part is the stage for a part of the test.
func (s *Stage) Part(t *testing.T) *Stage {
	part := *s
	part.T = t
	return &part
}

// Must ends the test at an error.
func (s *Stage) Must(err error) {
	s.Helper()
	if err != nil {
		s.Fatal(err)
	}
}

// Node makes a node with one cable for each "BRIDGE LINK PREFIX".
func (s *Stage) Node(name string, cables ...string) *netns.Node {
	s.Helper()
	n, err := s.World.Node(name)
	s.Must(err)
	for _, c := range cables {
		w := strings.Fields(c)
		s.Must(n.Attach(w[0], w[1], netip.MustParsePrefix(w[2])))
	}
	return n
}

// Sh runs a command of a shell on a node, which must succeed, and returns its output.
func (s *Stage) Sh(n *netns.Node, command string) string {
	s.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	out, err := n.Output(ctx, "sh", "-c", command)
	s.Must(err)
	return out
}

// Eventually waits for a condition; why is asked if it does not come true.
func (s *Stage) Eventually(within time.Duration, what string, ok func() bool, why ...func() string) {
	s.Helper()
	wait.For(s, s.Slow*within, what, ok, why...)
}

// Namesake is the program by the name of keepalived, as which it is installed too.
func (s *Stage) Namesake() string {
	s.Helper()
	path := filepath.Join(s.TempDir(), "keepalived")
	s.Must(os.Symlink(Program(), path))
	return path
}
