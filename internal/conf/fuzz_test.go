package conf_test

import (
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
)

// shape is a tree without its places.
type shape struct {
	Words []string
	Body  []shape
	Block bool
}

func shapes(nodes []*conf.Node) []shape {
	var out []shape
	for _, n := range nodes {
		s := shape{Words: []string{n.Keyword.Text}, Body: shapes(n.Body), Block: n.Block}
		for _, a := range n.Args {
			s.Words = append(s.Words, a.Text)
		}
		out = append(out, s)
	}
	return out
}

// written is a tree as text, with quotes around every word. Reading it gives the same
// tree, unless a word holds a backslash or uses a predefined parameter: what those mean
// depends on what stands around them, and nothing takes it from them.
func written(b *strings.Builder, nodes []*conf.Node) {
	for _, n := range nodes {
		for _, w := range append([]conf.Token{n.Keyword}, n.Args...) {
			b.WriteString(`"` + w.Text + `" `)
		}
		if n.Block {
			b.WriteString("{\n")
			written(b, n.Body)
			b.WriteByte('}')
		}
		b.WriteByte('\n')
	}
}

// FuzzParse: no text makes the reader panic or point outside of the text, and a
// tree that is written and read again is the same tree.
func FuzzParse(f *testing.F) {
	seeds, _ := filepath.Glob("../config/testdata/*/*/*.conf")
	own, _ := filepath.Glob("testdata/*.conf")
	for _, name := range append(seeds, own...) {
		text, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(text))
	}
	f.Add("~LST({A,B},{1,2}) a${A} {\n}\n~SEQx(X,9,11) $X\n@foo b \\#c\ninclude {x,y}*\n")
	f.Fuzz(func(t *testing.T, text string) {
		tree, diags := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{ID: "foo"})
		for _, d := range diags {
			_ = d.String()
		}
		inside(t, tree.Nodes)
		var b strings.Builder
		written(&b, tree.Nodes)
		text = b.String()
		if slices.ContainsFunc(strings.Split(text, "\n"), func(line string) bool { return len(line) > 1023 }) {
			return // quotes that were added make it too long to be read again
		}
		if strings.Contains(text, `\`) || strings.Contains(text, "${_") {
			return // what backslashes mean is FuzzTokens' subject
		}
		if strings.Contains(text, "{{") || strings.Contains(text, "{%") {
			return // a mark of a template may hold a quote
		}
		again, _ := conf.Parse(conf.MemoryFiles{"a": text}, "a", conf.Options{ID: "foo"})
		if was, is := shapes(tree.Nodes), shapes(again.Nodes); !reflect.DeepEqual(was, is) {
			t.Errorf("written:\n%s\n%s", text, cmp.Diff(was, is))
		}
	})
}

// FuzzTokens: the words of a line are those that the rules of quotes, blanks,
// comments and backslashes make, one after the other.
func FuzzTokens(f *testing.F) {
	for _, line := range []string{
		`router_id a!b # c`, `smtp_helo_name \#a\!b # x`, `router_id "r#x y" z`, `a "b\" c`, `"priority" 9`, `ab"c d"e`, `a ""`, "a\t\v\fb", `a \\ b \`, `a "b`, "a \"b\\\" #c", `notify_master "/x/n.sh 'b c' #h d\x41 \103 \"zz\""`,
	} {
		f.Add(line)
	}
	f.Fuzz(func(t *testing.T, line string) {
		if len(line) > 1000 || strings.ContainsAny(line, "\x00\n\r$@~{}<%_\ufeff") || strings.Contains(line, "include") || strings.Contains(line, "\xff\xfe") || strings.Contains(line, "\xfe\xff") {
			return
		}
		want := wordsOf(withoutComment(line))
		tree, _ := conf.Parse(conf.MemoryFiles{"a": line}, "a", conf.Options{ID: "foo"})
		var got []string
		for _, s := range shapes(tree.Nodes) {
			got = append(got, s.Words...)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%q (-want +got):\n%s", line, diff)
		}
	})
}

// withoutComment is rules 1.4 to 1.7 and 1.10, a byte at a time.
func withoutComment(line string) string {
	line = strings.Trim(line, " \t\f\v")
	var out []byte
	quoted := false
	for i := 0; i < len(line); i++ {
		c := line[i]
		switch {
		case c == '\\' && i+1 < len(line):
			i++
			if quoted || line[i] != '#' && line[i] != '!' {
				out = append(out, c)
			}
			out = append(out, line[i])
			continue
		case c == '"':
			quoted = !quoted
		case (c == '#' || c == '!') && !quoted:
			i = len(line)
			continue
		}
		out = append(out, c)
	}
	text := strings.TrimRight(string(out), " \t\f\v")
	if rest, ends := strings.CutSuffix(text, "\\"); ends && rest != "" {
		return strings.TrimRight(rest, " \t\f\v") + "\\"
	}
	return text
}

// wordsOf is section 2: blanks and quotes end words, and an open quote loses the
// rest.
func wordsOf(text string) (words []string) {
	for {
		text = strings.TrimLeft(text, " \t\f\v")
		if text == "" {
			return words
		}
		if rest, quoted := strings.CutPrefix(text, `"`); quoted {
			word, after, closed := strings.Cut(rest, `"`)
			if !closed {
				return words
			}
			words, text = append(words, word), after
			continue
		}
		end := strings.IndexAny(text, " \t\f\v\"")
		if end < 0 {
			end = len(text)
		}
		words, text = append(words, text[:end]), text[end:]
	}
}

// inside demands that every word lies in the line it names.
func inside(t *testing.T, nodes []*conf.Node) {
	for _, n := range nodes {
		for _, w := range append([]conf.Token{n.Keyword}, n.Args...) {
			s := w.Span
			if line := s.Origin.File.Line(int(s.Line)); s.Col < 1 || s.End < s.Col || int(s.End) > len(line)+1 {
				t.Errorf("%q at %d:%d-%d of %q", w.Text, s.Line, s.Col, s.End, line)
			}
		}
		inside(t, n.Body)
	}
}
