package config_test

import (
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"holdfast/internal/conf"
)

// A brace that is missing or too much, at every place of every scenario: at most
// two errors, and one of them names the place within a few lines.
func TestEveryBraceOfTheScenarios(t *testing.T) {
	files, err := filepath.Glob("testdata/scenarios/*/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range misbraced(string(text)) {
			_, diags := buildText(c.text)
			checkBrace(t, file, c, diags)
		}
	}
}

// mishap is a text with one brace more or less than it should have, in a line.
type mishap struct {
	what, text string
	line       int
}

// misbraced lists what one brace can do to a text: each left out, each written twice.
func misbraced(text string) (out []mishap) {
	line := 1
	for i := range len(text) {
		switch c := text[i]; c {
		case '\n':
			line++
		case '{', '}':
			if comment := strings.LastIndexAny(text[:i], "#!\n"); comment >= 0 && text[comment] != '\n' {
				continue
			}
			out = append(out,
				mishap{"without " + string(c), text[:i] + text[i+1:], line},
				mishap{"with a second " + string(c), text[:i+1] + string(c) + text[i+1:], line},
				mishap{"with a second line " + string(c), text[:i+1] + "\n" + string(c) + text[i+1:], line})
		}
	}
	return out
}

// linesOf are the lines that a finding names.
func linesOf(d conf.Diag) []int {
	lines := []int{int(d.Span.Line)}
	words := strings.FieldsFunc(d.Text+" "+d.Fix, func(r rune) bool { return strings.ContainsRune(" ,:()", r) })
	for i := range len(words) - 1 {
		if n, err := strconv.Atoi(words[i+1]); err == nil && words[i] == "line" {
			lines = append(lines, n)
		}
	}
	return lines
}

func checkBrace(t *testing.T, file string, c mishap, diags []conf.Diag) {
	t.Helper()
	errors, near := 0, false
	for _, d := range diags {
		if d.Severity != conf.Error {
			continue
		}
		errors++
		near = near || slices.ContainsFunc(linesOf(d), func(line int) bool { return max(line-c.line, c.line-line) <= 3 })
	}
	if errors == 0 || errors > 2 || !near {
		t.Errorf("%s line %d %s: %d errors, near: %t", file, c.line, c.what, errors, near)
		for _, d := range diags {
			if d.Severity == conf.Error {
				t.Logf("%s", d)
			}
		}
	}
}
