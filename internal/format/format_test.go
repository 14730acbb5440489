package format

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/golden"
)

// samples are all configurations of the project.
func samples(t testing.TB) map[string]string {
	t.Helper()
	out := map[string]string{}
	for _, pattern := range []string{"../*/testdata/*.conf", "../*/testdata/*/*.conf", "../config/testdata/*/*/*.conf", "../../examples/*/*.conf", "../../test/*/testdata/*.conf"} {
		names, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, name := range names {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			out[name] = string(text)
		}
	}
	if len(out) < 50 {
		t.Fatalf("only %d configurations", len(out))
	}
	return out
}

// laidOut is the layout of a text without the comparison behind it.
func laidOut(text string) string {
	s := scan(text)
	id, _ := s.balancedID()
	return s.layout(id)
}

func TestGolden(t *testing.T) {
	names, _ := filepath.Glob("testdata/*.conf")
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			got, diags := Source(conf.MemoryFiles{}, name, string(text))
			for _, d := range diags {
				got += d.String()
			}
			golden.Check(t, strings.TrimSuffix(name, ".conf")+".golden", got)
		})
	}
}

// Every configuration of the project means the same when it is laid out, down
// to the typed values, and the layout of a layout is itself.
func TestEverySampleKeepsItsMeaning(t *testing.T) {
	for name, text := range samples(t) {
		t.Run(name, func(t *testing.T) {
			out, diags := Source(conf.MemoryFiles{}, "a", text)
			if len(diags) > 0 && out != text {
				t.Error("not left alone")
			}
			if len(diags) > 0 {
				return
			}
			keeps(t, text, out)
			was, wasFound := typed(text)
			is, isFound := typed(out)
			if !reflect.DeepEqual(was, is) {
				t.Error("the configuration differs")
			}
			if diff := cmp.Diff(wasFound, isFound); diff != "" {
				t.Errorf("the findings differ:\n%s", diff)
			}
		})
	}
}

// typed is what the daemon makes of a text, and the severities of what it finds.
func typed(text string) (*config.Config, []conf.Severity) {
	tree, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{ID: "node1"})
	c, diags := config.Build(tree, config.Options{HostName: "node"})
	var found []conf.Severity
	for _, d := range diags {
		found = append(found, d.Severity)
	}
	return c, found
}

func keeps(t rapid.TB, text, out string) {
	t.Helper()
	if mismatched(text, "") {
		return
	}
	for _, id := range []string{"", "foo", "node1"} {
		if !mismatched(text, id) && !same(overlay{conf.MemoryFiles{}, "a", text}, overlay{conf.MemoryFiles{}, "a", out}, id) {
			a, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{ID: id})
			b, _ := conf.Parse(conf.MemoryFiles{"a": out}, "a", conf.Options{ID: id})
			t.Errorf("not the same with id %q\n--- from\n%s\n--- to\n%s\n%s", id, text, out, cmp.Diff(conf.Print(a), conf.Print(b)))
		}
	}
	if again := laidOut(out); again != out {
		t.Errorf("not idempotent, from\n%s\n%s", text, cmp.Diff(out, again))
	}
	for line := range strings.Lines(out) {
		if len(line) > lineLimit+1 && !strings.Contains(text, strings.TrimRight(line, "\n")) {
			t.Errorf("a line became too long: %.60q", line)
		}
	}
}

// Texts of pieces that mean something in the wrong places.
func TestPiecesKeepTheirMeaning(t *testing.T) {
	pieces := []string{
		"{", "}", "{\n", "}\n", "\n", "\n", "\n\n", " ", "  ", "\t", "\r\n", "a", "b", "priority 1", "script '/x  y' z", `"q  r"`, `"`, "'", `\`, "\\\n",
		"# c\n", "#", "!", "@foo ", "@^foo ", "@ ", "$X=", "$X=a b\n", "$X={\n", "$Y=$X\\\n", "$X", "${X}", "${Y}", "${Z}", "$Z", "${_HASH}", "${_ENV A}", "${_RANDOM 1  1}",
		"~SEQ(X,2) ", "~SEQ(Y, 2)", "~LST({X,Y}, {1,2}, {3})", "~LST(X,a{,b)", "include  m  n", "include{m,n}", "notify_master", ",", ")", strings.Repeat("long ", 200),
	}
	rapid.Check(t, func(r *rapid.T) {
		text := strings.Join(rapid.SliceOfN(rapid.SampledFrom(pieces), 0, 30).Draw(r, "pieces"), "")
		for mismatched(text, "") && strings.Count(text, "{") > strings.Count(text, "\n}\n") {
			text += "\n}\n"
		}
		keeps(r, text, laidOut(text))
	})
}

// An acknowledgement holds for the same block before and after.
func TestAcknowledgementsStayInTheirBlocks(t *testing.T) {
	const accept = "# holdfast: accept r\n"
	for _, text := range []string{
		"a {\nb\n}\n" + accept, "a\n" + accept + "{\nb\n}\nc\n", "a " + accept + "{\nb\n}\nc\n", "a { " + accept + "b\n}\nc\n", "a { b } " + accept + "c\n",
		"a { x { b } " + accept + "c\n}\n", "a { x { b\nd } " + accept + "c\n}\n", "x { a\n{ " + accept + "b\n}\n}\nc\n", "x {\na\n} a { b " + accept + "}\nc\n", "x { a\n} a { b } " + accept + "c\n",
	} {
		if diff := cmp.Diff(accepted(t, text), accepted(t, laidOut(text))); diff != "" {
			t.Errorf("%s\n%s\n%s", text, laidOut(text), diff)
		}
	}
}

// accepted lists the keywords whose findings are acknowledged.
func accepted(t *testing.T, text string) []string {
	t.Helper()
	tree, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{})
	if len(tree.Accepted) != 1 {
		t.Fatal("no acknowledgement")
	}
	var out []string
	var walk func([]*conf.Node)
	walk = func(nodes []*conf.Node) {
		for _, n := range nodes {
			if tree.Accepted[0].Covers(conf.Diag{Severity: conf.Advice, Rule: "r", Span: n.Keyword.Span}) {
				out = append(out, n.Keyword.Text)
			}
			walk(n.Body)
		}
	}
	walk(tree.Nodes)
	return out
}

// What is included counts: where a file defines what is more than words, lines
// that use it keep their shape.
func TestIncludedDefinitions(t *testing.T) {
	files := conf.MemoryFiles{"words": "$Q=x\n", "quote": "$Q=\"\n"}
	for _, tt := range []struct{ text, want string }{
		{"include words\na  { ${Q}b  c${Q} }\n", "include words\na {\n    ${Q}b c${Q}\n}\n"},
		{"include quote\na  { ${Q}b  c${Q} }\n", "include quote\na  { ${Q}b  c${Q} }\n"},
	} {
		if got, diags := Source(files, "a", tt.text); got != tt.want || len(diags) > 0 {
			t.Errorf("%s %v", got, diags)
		}
	}
}

// mismatched reports whether the braces of a text do not match for an id. Where
// such text belongs is guessed by its indentation.
func mismatched(text, id string) bool {
	if _, template := unfilled(overlay{conf.MemoryFiles{}, "a", text}); template {
		return true
	}
	_, diags := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{ID: id})
	return slices.ContainsFunc(diags, func(d conf.Diag) bool {
		return d.Severity == conf.Error && (strings.Contains(d.Text, "this ") || strings.Contains(d.Text, "too many"))
	})
}

// FuzzFormat: a text that is laid out is read as the same tree, and laying it
// out again changes nothing.
func FuzzFormat(f *testing.F) {
	for _, text := range samples(f) {
		f.Add(text)
	}
	for _, text := range []string{
		"a { b c } # d\n}\n", "a\n# c\n{ # e\nb}\n", "$X=a {\\\n b \\ # c\n\n}\n$X\n", "~LST({A,B},{1,2}) a${A} { b }\n",
		"@foo a { b }\n@^foo $X=c\\\nd\n", "script 'a  b'  \"c  d\"\n", "include  a{b,c}  d # e\n", "a \\\n{\n}\n", "a${_HASH}  b { c }\n",
		"a {$X}\n$X=1\nb {$X }\n", "\t\ta\t{\r\n\r\n\r\nb  \"c d\"e\r\n}\r\n", "a { @foo b }\n", "$X=1\n$X=\"\na {  ${X}  b }\n",
	} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		files := conf.MemoryFiles{}
		out, found := Source(files, "a", text)
		if len(found) > 0 {
			return
		}
		before, after := overlay{files, "a", text}, overlay{files, "a", out}
		for _, id := range []string{"", "foo"} {
			if !mismatched(text, id) && !same(before, after, id) {
				t.Errorf("not the same with id %q, from\n%s\nto\n%s", id, text, out)
			}
		}
		if again, _ := Source(files, "a", out); again != out {
			t.Errorf("not idempotent, from\n%s\n%s", text, cmp.Diff(out, again))
		}
	})
}

// A configuration means the same each time it is read, and formatted.
func TestTypedConfigurationIsStable(t *testing.T) {
	files := samples(t)
	names, err := filepath.Glob("../../test/samples/*.conf")
	if err != nil || len(names) < 40 {
		t.Fatalf("%d samples: %v", len(names), err)
	}
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		files[name] = string(text)
	}
	typed := func(name, text string) *config.Config {
		tree, _ := conf.Parse(conf.MemoryFiles{name: text}, name, conf.Options{ID: "node"})
		c, _ := config.Build(tree, config.Options{HostName: "node"})
		return c
	}
	formatted := 0
	for name, text := range files {
		first := typed(name, text)
		if again := typed(name, text); !first.Equal(again) {
			t.Errorf("%s: another configuration when it is read again: %v", name, config.Diff(first, again))
		}
		out, diags := Source(conf.MemoryFiles{}, name, text)
		if len(diags) > 0 {
			continue // it is not formatted
		}
		formatted++
		if after := typed(name, out); !first.Equal(after) {
			t.Errorf("%s: another configuration when it is formatted: %v", name, config.Diff(first, after))
		}
	}
	if formatted < 80 {
		t.Errorf("only %d of %d files were formatted", formatted, len(files))
	}
}
