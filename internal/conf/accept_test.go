package conf

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// accepted gives every statement `at X` a finding of rule r, and answers which of
// them are acknowledged.
func accepted(t *testing.T, files MemoryFiles) []string {
	t.Helper()
	tree, found := Parse(files, "main", Options{})
	if len(found) > 0 {
		t.Fatal(found)
	}
	var names []string
	var walk func([]*Node)
	walk = func(nodes []*Node) {
		for _, n := range nodes {
			walk(n.Body)
			d := Diag{Severity: Complaint, Span: n.Span(), Rule: "r"}
			if n.Keyword.Text == "at" && slices.ContainsFunc(tree.Accepted, func(a Acceptance) bool { return a.Covers(d) }) {
				names = append(names, n.Args[0].Text)
			}
		}
	}
	walk(tree.Nodes)
	return names
}

func TestAcknowledgedFindings(t *testing.T) {
	inner := "at before\na {\n at in-a\n b {\n  at in-b\n }\n}\nat after\n"
	put := func(line, comment string) string { return strings.Replace(inner, line, line+comment, 1) }
	for _, tt := range []struct {
		name  string
		files MemoryFiles
		want  []string
	}{
		{"none", MemoryFiles{"main": inner}, nil},
		{"at the top level", MemoryFiles{"main": "# holdfast: accept r\n" + inner}, []string{"before", "in-a", "in-b", "after"}},
		{"last in the file", MemoryFiles{"main": inner + "! holdfast: accept x r"}, []string{"before", "in-a", "in-b", "after"}},
		{"in a block", MemoryFiles{"main": put(" at in-a\n", " #holdfast: accept r\n")}, []string{"in-a", "in-b"}},
		{"behind a statement", MemoryFiles{"main": put("  at in-b", "  # holdfast: accept x, r")}, []string{"in-b"}},
		{"behind the {", MemoryFiles{"main": put("a {", " # holdfast: accept r")}, []string{"in-a", "in-b"}},
		{"behind the }", MemoryFiles{"main": put(" }", " # holdfast: accept r")}, []string{"in-a", "in-b"}},
		{"of another rule", MemoryFiles{"main": "# holdfast: accept q\n" + inner}, nil},
		{"in a string", MemoryFiles{"main": inner + "x \"# holdfast: accept r\""}, nil},
		{"in an included file", MemoryFiles{"main": "at main\ninclude more\nat end\n", "more": "# holdfast: accept r\n" + inner}, []string{"before", "in-a", "in-b", "after"}},
		{"around an included file", MemoryFiles{"main": "at main\nz {\ninclude more\n# holdfast: accept r\n}\nat end\n", "more": inner}, []string{"before", "in-a", "in-b", "after"}},
		{"for what is included", MemoryFiles{"main": "# holdfast: accept r\ninclude more\n", "more": "at more\n"}, []string{"more"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, accepted(t, tt.files)); diff != "" {
				t.Errorf("acknowledged (-want +got):\n%s", diff)
			}
		})
	}
}

func TestAnErrorIsNeverAcknowledged(t *testing.T) {
	tree, _ := Parse(MemoryFiles{"main": "# holdfast: accept r\nx\n"}, "main", Options{})
	if tree.Accepted[0].Covers(Diag{Severity: Error, Span: tree.Nodes[0].Span(), Rule: "r"}) {
		t.Error("it is")
	}
}

func TestACommentThatAcceptsNothingIsSpokenOf(t *testing.T) {
	_, found := Parse(MemoryFiles{"main": "x # holdfast: accept \n"}, "main", Options{})
	if len(found) != 1 || found[0].Line() != "main:1:3: advice: this accepts nothing" {
		t.Error(found)
	}
}
