package conf_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/golden"
)

// Every testdata/NAME.conf has its findings and the tree that is left in
// NAME.golden.
func TestFindings(t *testing.T) {
	names, err := filepath.Glob("testdata/*.conf")
	if err != nil || len(names) == 0 {
		t.Fatalf("no samples: %v", err)
	}
	for _, name := range names {
		t.Run(filepath.Base(name), func(t *testing.T) {
			text, err := os.ReadFile(name)
			if err != nil {
				t.Fatal(err)
			}
			base := filepath.Base(name)
			tree, diags := conf.Parse(conf.MemoryFiles{base: string(text)}, base, conf.Options{ID: "foo"})
			var b strings.Builder
			for _, d := range diags {
				b.WriteString(d.String())
			}
			b.WriteString("----\n" + conf.Print(tree))
			golden.Check(t, strings.TrimSuffix(name, ".conf")+".golden", b.String())
		})
	}
}

func TestAFindingNamesTheIncludeChain(t *testing.T) {
	files := conf.MemoryFiles{"main.conf": "a {\n  include sub/b.conf\n}\n", "sub/b.conf": "\n@foo include c.conf\n", "sub/c.conf": "x }\n }\n  }"}
	_, diags := conf.Parse(files, "main.conf", conf.Options{ID: "foo"})
	want := `sub/c.conf:2:2: error: this } closes nothing
    2 |  }
      |  ^ delete it, or look for a missing { above
   included from sub/b.conf:2, included from main.conf:2
`
	if len(diags) != 3 || diags[0].String() != want {
		t.Errorf("got %d\n%s", len(diags), cmp.Diff(want, diags[0].String()))
	}
}

func TestALongLineIsShownAroundItsMark(t *testing.T) {
	_, diags := conf.Parse(conf.MemoryFiles{"a": strings.Repeat("x", 700) + " } " + strings.Repeat("y", 200)}, "a", conf.Options{})
	if got := diags[0].String(); len(got) > 500 || !strings.Contains(got, "x } y") {
		t.Errorf("got %s", got)
	}
}

func TestSortDropsWhatIsSaidTwice(t *testing.T) {
	o := &conf.Origin{File: &conf.File{Name: "a"}}
	at := func(line uint32) conf.Span { return conf.Span{Origin: o, Line: line, Col: 1, End: 2} }
	got := conf.Sort([]conf.Diag{{Span: at(2), Text: "b"}, {Span: at(1), Text: "a"}, {Span: at(2), Text: "b"}, {Span: at(2), Text: "c"}})
	var texts []string
	for _, d := range got {
		texts = append(texts, d.Text)
	}
	if strings.Join(texts, "") != "abc" {
		t.Errorf("got %v", texts)
	}
}

func TestExitStatus(t *testing.T) {
	for _, c := range []struct {
		name    string
		classes []conf.Class
		all     bool
		want    int
	}{
		{"nothing", nil, false, 0},
		{"what keepalived does not count", []conf.Class{conf.Unclassed}, false, 0},
		{"an ordinary complaint", []conf.Class{conf.Unclassed, conf.Faulty}, false, 5},
		{"security hides it", []conf.Class{conf.Insecure, conf.Faulty}, false, 6},
		{"a missing argument ends everything", []conf.Class{conf.Insecure, conf.Incomplete}, false, 2},
		{"no file", []conf.Class{conf.NoFile}, false, 0},
		{"no file and all checks", []conf.Class{conf.NoFile}, true, 4},
	} {
		t.Run(c.name, func(t *testing.T) {
			var diags []conf.Diag
			for _, class := range c.classes {
				diags = append(diags, conf.Diag{Class: class})
			}
			if got := conf.ExitStatus(diags, c.all); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}
