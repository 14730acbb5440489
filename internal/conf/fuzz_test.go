package conf_test

import (
	"os"
	"path/filepath"
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

// FuzzParse: no text makes the reader panic or point outside of the text, and a
// tree that is printed and read again is the same tree.
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
		printed := conf.Print(tree)
		again, _ := conf.Parse(conf.MemoryFiles{"a": printed}, "a", conf.Options{ID: "foo"})
		if diff := cmp.Diff(shapes(tree.Nodes), shapes(again.Nodes)); diff != "" {
			t.Errorf("printed:\n%s\n%s", printed, diff)
		}
	})
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
