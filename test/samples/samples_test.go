// Package samples holds configurations to copy, one for each use. They name no
// number, password or address that somebody should not keep without a thought.
package samples

import (
	"bytes"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/check"
	"holdfast/internal/config"
)

// files lists the samples.
func files(t *testing.T) []string {
	t.Helper()
	list, err := filepath.Glob("*.conf")
	if err != nil || len(list) < 30 {
		t.Fatalf("%d samples: %v", len(list), err)
	}
	return list
}

// Nothing is found in a sample, not even advice, but for what this version does
// not do yet, what the sample acknowledges, and what it says in "# expect: WORDS".
func TestNothingIsFound(t *testing.T) {
	for _, file := range files(t) {
		t.Run(file, func(t *testing.T) {
			var said bytes.Buffer
			if _, err := check.Files(check.Options{ID: "gw-a"}, []string{file}, &said); err != nil {
				t.Fatal(err)
			}
			expected := expectations(t, file)
			for line := range strings.Lines(said.String()) {
				if finding(line) && !named(expected, line) {
					t.Error(line)
				}
			}
		})
	}
}

// finding reports whether a line of `holdfast check` begins a finding that is the
// fault of the file.
func finding(line string) bool {
	ours := strings.Contains(line, "not done by this version of holdfast")
	found := strings.HasPrefix(line, "   [") || strings.Contains(line, ": error: ") || strings.Contains(line, ": complaint: ") || strings.Contains(line, ": advice: ")
	return found && !ours
}

// Each sample begins by saying what it is for, and uses nothing of the sample file
// that everybody copies.
func TestSamplesAreForCopying(t *testing.T) {
	for _, file := range files(t) {
		text := read(t, file)
		if !strings.HasPrefix(text, "# ") {
			t.Errorf("%s does not begin with a comment", file)
		}
		for _, mark := range []string{"virtual_router_id 51", "1111", "LVS_DEVEL", "192.168.200.", "acassen"} {
			if strings.Contains(text, mark) {
				t.Errorf("%s has %s", file, mark)
			}
		}
	}
}

// Each keyword is used by some sample, or there is a reason why none should.
func TestEveryKeywordIsUsed(t *testing.T) {
	used := map[string]bool{}
	for _, file := range append(files(t), "parts/mail.inc", "parts/more.inc", "parts/common.vrrp") {
		for _, word := range strings.FieldsFunc(uncommented(read(t, file)), separates) {
			used[word] = true
		}
	}
	left := unused()
	for e := range config.Keywords() {
		if e.Block == "(anywhere)" || strings.ContainsAny(e.Word, "<") {
			continue // the language, which definitions.conf is about; what is no word
		}
		switch {
		case used[e.Word] && left[e.Word] != "":
			t.Errorf("%s is used, and the list says that it is not", e.Word)
		case !used[e.Word] && left[e.Word] == "":
			t.Errorf("no sample uses %s (%s)", e.Word, e.Block)
		}
	}
}

func separates(r rune) bool { return strings.ContainsRune(" \t\n\\", r) }

// uncommented leaves comments out.
func uncommented(text string) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		line, _, _ = strings.Cut(strings.TrimSuffix(line, "\n"), "#")
		b.WriteString(line + "\n")
	}
	return b.String()
}

// expectations are the words that a sample says will be told of it.
func expectations(t *testing.T, file string) []string {
	t.Helper()
	var list []string
	for line := range strings.Lines(read(t, file)) {
		if _, words, found := strings.Cut(line, "# expect: "); found {
			list = append(list, strings.TrimSpace(words))
		}
	}
	return list
}

func named(expected []string, text string) bool {
	return slices.ContainsFunc(expected, func(words string) bool { return strings.Contains(text, words) })
}

func read(t *testing.T, file string) string {
	t.Helper()
	b, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
