package check

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/golden"
)

// transcript is an example of doc/diagnostics.md: the files of a folder of
// testdata/transcripts, some lines of which are shown.
type transcript struct {
	folder, title, about string
	shown                []excerpt
}

// excerpt is some lines of a file, counted from 1, both ends included.
type excerpt struct {
	file     string
	from, to int
}

func transcripts() []transcript {
	return []transcript{
		{"typo", "A typo", "A block under an unknown keyword is not read; here the instance would be left without an address.",
			[]excerpt{{"lb1.conf", 16, 27}}},
		{"brace", "A missing brace", "What is told is the block that lacks it, not every line after it.",
			[]excerpt{{"lb1.conf", 16, 26}}},
		{"argument", "A missing argument", "keepalived ends at once; its -t answers 2.",
			[]excerpt{{"lb1.conf", 16, 21}}},
		{"security", "Scripts without security", "keepalived then runs scripts as root that others can write to; its -t answers 6.",
			[]excerpt{{"lb1.conf", 1, 12}}},
		{"range", "A value out of range", "The value is dropped, and the instance is left without one.",
			[]excerpt{{"lb1.conf", 16, 20}}},
		{"vrid", "Two nodes, two VRIDs", "Each file is right. Together they make two MASTERs of one address.",
			[]excerpt{{"lb1.conf", 16, 23}, {"lb2.conf", 16, 23}}},
		{"priority", "The MASTER has the lower priority", "The state is only a wish; who has the higher priority is MASTER.",
			[]excerpt{{"lb1.conf", 16, 20}, {"lb2.conf", 16, 20}}},
		{"weight", "A weight too small to matter", "The script fails, the priority falls from 150 to 148, and the address stays where nothing works.",
			[]excerpt{{"lb1.conf", 7, 20}, {"lb2.conf", 16, 20}}},
		{"peer", "A peer that is nobody", "One digit in a peer list: all seems well until the wrong node fails.",
			[]excerpt{{"lb1.conf", 21, 24}, {"lb2.conf", 21, 24}}},
		{"address", "An address on one node only", "An address is rolled out node by node. With older versions of keepalived the first step makes two MASTERs.",
			[]excerpt{{"lb1.conf", 21, 24}, {"lb2.conf", 21, 23}}},
	}
}

// The ten examples of doc/diagnostics.md are what the program prints.
func TestTheExamplesOfTheDocumentationAreTrue(t *testing.T) {
	here, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	var doc strings.Builder
	doc.WriteString("# What `holdfast check` says\n\nTen mistakes: five that one file shows, five that only the files of both nodes show together.\n" +
		"A test makes this page from `internal/check/testdata/transcripts` (`go test ./internal/check -update`).\n")
	for _, tr := range transcripts() {
		t.Chdir(filepath.Join(here, "testdata/transcripts", tr.folder))
		doc.WriteString(tr.write(t))
	}
	golden.Check(t, filepath.Join(here, "../../doc/diagnostics.md"), doc.String())
}

// write runs the example in its folder.
func (tr transcript) write(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob("*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("%s: no files: %v", tr.folder, err)
	}
	var b strings.Builder
	fmt.Fprintf(&b, "\n## %s\n\n%s\n", tr.title, tr.about)
	for _, e := range tr.shown {
		fmt.Fprintf(&b, "\n`%s`, lines %d to %d:\n\n```\n%s```\n", e.file, e.from, e.to, e.text(t))
	}
	out, s := output(t, Options{}, files...)
	if s == clean && tr.folder != "priority" && tr.folder != "weight" {
		t.Errorf("%s: nothing worse than advice was found", tr.folder)
	}
	fmt.Fprintf(&b, "\n```\n$ holdfast check %s\n%s```\n", strings.Join(files, " "), out)
	return b.String()
}

func (e excerpt) text(t *testing.T) string {
	t.Helper()
	b, err := os.ReadFile(e.file)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(b), "\n")
	if e.to > len(lines) {
		t.Fatalf("%s has no line %d", e.file, e.to)
	}
	return strings.Join(lines[e.from-1:e.to], "")
}
