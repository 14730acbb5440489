// Package broken holds configurations with one mistake each, and what holdfast
// says of them: NAME.conf is the file, NAME.txt the exit status of keepalived's
// own test and all findings.
package broken

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/check"
	"holdfast/internal/conf"
	"holdfast/internal/golden"
	"holdfast/internal/load"
)

// The first finding of each file names its cause: it stands where the mistake
// was made, and has the words by which somebody finds it.
func TestTheFirstFindingNamesTheCause(t *testing.T) {
	for _, m := range mistakes() {
		t.Run(m.name, func(t *testing.T) {
			said := output(t, m.name)
			first := firstFinding(said)
			if !stands(first, m.place) {
				t.Errorf("the first finding is not at %s\n%s", m.place, said)
			}
			for _, word := range m.words {
				if !strings.Contains(first, word) {
					t.Errorf("the first finding does not say %q\n%s", word, said)
				}
			}
		})
	}
}

// All findings, and the exit status of keepalived -t, are those that were read
// and found good.
func TestFindings(t *testing.T) {
	for _, m := range mistakes() {
		t.Run(m.name, func(t *testing.T) {
			got := fmt.Sprintf("keepalived -t: %d\n\n%s", status(m.name), output(t, m.name))
			if s := status(m.name); s != m.status {
				t.Errorf("keepalived -t ends with %d, want %d", s, m.status)
			}
			golden.Check(t, m.name+".txt", got)
		})
	}
}

// Every file is told in the table, and every golden text has its file.
func TestNoFileIsForgotten(t *testing.T) {
	told := map[string]bool{}
	for _, m := range mistakes() {
		if told[m.name] {
			t.Errorf("%s stands in the table twice", m.name)
		}
		told[m.name] = true
	}
	for _, pattern := range []string{"*.conf", "*.txt"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("no files %s: %v", pattern, err)
		}
		for _, file := range files {
			if name := strings.TrimSuffix(file, filepath.Ext(file)); !told[name] {
				t.Errorf("%s is not in the table", file)
			}
		}
	}
}

// The execute bit is the mistake of two files; it must not get lost.
func TestExecutableFilesAreExecutable(t *testing.T) {
	for _, file := range []string{"executable.conf", "parts/executable.inc"} {
		info, err := os.Stat(file)
		if err != nil || info.Mode()&0o111 == 0 {
			t.Errorf("%s is not executable: %v", file, err)
		}
	}
}

// stands reports whether a finding is at a place, FILE:LINE. What is true of many
// files is told in short, under a heading that names the file.
func stands(finding, place string) bool {
	file, line, _ := strings.Cut(place, ":")
	return strings.HasPrefix(finding, place+":") ||
		strings.HasPrefix(finding, file+": true of many files") && strings.Contains(finding, "line "+line+":")
}

// output is what `holdfast check` prints.
func output(t *testing.T, name string) string {
	t.Helper()
	var b bytes.Buffer
	if _, err := check.Files(check.Options{ID: "node"}, []string{name + ".conf"}, &b); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// status is that of keepalived -t, on a machine that has everything.
func status(name string) int {
	r := load.Read(load.Options{File: name + ".conf", ID: "node"})
	s := conf.ExitStatus(r.Findings, false)
	if s != 2 && slices.ContainsFunc(r.Findings, load.Unsecured) {
		return 6 // all scripts that are named run
	}
	return s
}

// firstFinding is the text up to where the next one begins.
func firstFinding(said string) string {
	first, rest, _ := strings.Cut(said, "\n")
	for line := range strings.Lines(rest) {
		if !strings.HasPrefix(line, " ") {
			break
		}
		first += "\n" + line
	}
	return first
}
