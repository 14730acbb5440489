package daemon

import (
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"

	"holdfast/internal/host"
)

// sysctlFile names the small file that says what sysctls were before holdfast set
// them, so that a run after a crash can give them back. A line of it is
// ipv4 LINK NAME VALUE.
type sysctlFile string

// read takes what an earlier run left; a line that is none is left out.
func (f sysctlFile) read() host.Settings {
	b, _ := os.ReadFile(string(f)) // none: nothing is to be given back
	before := host.Settings{}
	for line := range strings.Lines(string(b)) {
		if w := strings.Fields(line); len(w) == 4 && (w[0] == "ipv4" || w[0] == "ipv6") {
			before[host.Sysctl{V6: w[0] == "ipv6", Link: w[1], Name: w[2]}] = w[3]
		}
	}
	return before
}

// write replaces the file as a whole, or removes it when nothing is left to say.
func (f sysctlFile) write(before host.Settings) error {
	if len(before) == 0 {
		if err := os.Remove(string(f)); !errors.Is(err, os.ErrNotExist) {
			return err
		}
		return nil
	}
	var lines []string
	for s := range maps.Keys(before) {
		family := "ipv4"
		if s.V6 {
			family = "ipv6"
		}
		lines = append(lines, fmt.Sprintf("%s %s %s %s\n", family, s.Link, s.Name, before[s]))
	}
	slices.Sort(lines)
	next := string(f) + ".new"
	if err := os.WriteFile(next, []byte(strings.Join(lines, "")), 0o600); err != nil {
		return fmt.Errorf("keep the values of sysctls: %w", err)
	}
	return os.Rename(next, string(f))
}
