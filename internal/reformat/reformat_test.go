package reformat

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const (
	untidy = "global_defs {\nrouter_id   a # name\n\n}\n"
	tidy   = "global_defs {\n    router_id a  # name\n}\n"
	broken = "global_defs {\n router_id a\n"
)

// result is what a run leaves behind.
type result struct {
	Status   int
	Out, Err string
	Text     string // of the file
}

func run(t *testing.T, o Options, text string) result {
	t.Helper()
	path := filepath.Join(t.TempDir(), "k.conf")
	if err := os.WriteFile(path, []byte(text), 0o640); err != nil {
		t.Fatal(err)
	}
	var out, errs bytes.Buffer
	o.Out, o.Err = &out, &errs
	r := result{Status: Files(o, []string{path})}
	after, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r.Text = string(after)
	r.Out = strings.ReplaceAll(out.String(), path, "k.conf")
	r.Err = strings.ReplaceAll(errs.String(), path, "k.conf")
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode() != 0o640 {
		t.Errorf("the mode became %s", info.Mode())
	}
	if left, _ := filepath.Glob(filepath.Dir(path) + "/.h*"); len(left) > 0 {
		t.Errorf("left behind: %s", left)
	}
	return r
}

const difference = `--- k.conf
+++ k.conf (formatted)
@@ -1,4 +1,3 @@
 global_defs {
-router_id   a # name
-
+    router_id a  # name
 }
`

const unclosed = `k.conf:1:1: error: this block is not closed: a } is missing
    1 | global_defs {
      | ^^^^^^^^^^^ add } behind line 2

`

func TestFiles(t *testing.T) {
	for _, tt := range []struct {
		name string
		o    Options
		text string
		want result
	}{
		{"prints", Options{}, untidy, result{0, tidy, "", untidy}},
		{"writes", Options{Write: true}, untidy, result{0, "", "", tidy}},
		{"shows the difference", Options{Diff: true}, untidy, result{1, difference, "", untidy}},
		{"shows and writes", Options{Diff: true, Write: true}, untidy, result{1, difference, "", tidy}},
		{"has nothing to show", Options{Diff: true}, tidy, result{0, "", "", tidy}},
		{"has nothing to write", Options{Write: true}, tidy, result{0, "", "", tidy}},
		{"leaves what is broken alone", Options{Write: true}, broken, result{3, "", unclosed, broken}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, run(t, tt.o, tt.text)); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestStandardInput(t *testing.T) {
	var out bytes.Buffer
	o := Options{In: strings.NewReader(untidy), Out: &out, Write: true}
	if s := Files(o, []string{"-"}); s != done || out.String() != tidy {
		t.Errorf("%d %q", s, out.String())
	}
}

func TestAFileIsWrittenWhereItsLinkLeads(t *testing.T) {
	dir := t.TempDir()
	file, link := filepath.Join(dir, "file"), filepath.Join(dir, "link")
	if err := os.WriteFile(file, []byte(untidy), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink("file", link); err != nil {
		t.Fatal(err)
	}
	Files(Options{Write: true, Err: os.Stderr}, []string{link})
	text, _ := os.ReadFile(file)
	if to, err := os.Readlink(link); string(text) != tidy || err != nil || to != "file" {
		t.Errorf("%q %q %v", text, to, err)
	}
}

func TestNothingIsReadThatIsNoFile(t *testing.T) {
	var errs bytes.Buffer
	if s := Files(Options{Err: &errs}, []string{t.TempDir(), "/dev/zero", "/nonexistent"}); s != refused || strings.Count(errs.String(), "\n") != 3 {
		t.Errorf("%d %s", s, errs.String())
	}
}
