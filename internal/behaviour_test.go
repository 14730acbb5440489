package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// doc/behaviour-tests.md names the tests that hold keepalived's behaviour, rule by
// rule. It is kept from rotting: every name in it exists, every rule has one, and no
// test that is named after a section is missing.

const behaviour = "../doc/behaviour-tests.md"

func TestEveryRuleOfBehaviourIsHeldByTestsThatExist(t *testing.T) {
	text, err := os.ReadFile(behaviour)
	if err != nil {
		t.Fatal(err)
	}
	named := regexp.MustCompile("`([a-z0-9/]+)\\.((?:Test|Fuzz)\\w+)(?:/([^`]+))?`") // folder.TestName/row
	folders, rules := map[string]*suite{}, 0
	for line := range strings.Lines(string(text)) {
		if !strings.HasPrefix(line, "| ") || strings.HasPrefix(line, "| rule ") || strings.HasPrefix(line, "| words ") || strings.HasPrefix(line, "| --- ") {
			continue
		}
		rules++
		tests := named.FindAllStringSubmatch(line, -1)
		if len(tests) == 0 {
			t.Errorf("no test holds: %s", line)
		}
		for _, one := range tests {
			if folders[one[1]] == nil {
				folders[one[1]] = readSuite(t, one[1])
			}
			if !folders[one[1]].has(one[2], one[3]) {
				t.Errorf("there is no %s in: %s", one[0], line)
			}
		}
	}
	if rules < 100 {
		t.Errorf("only %d rules were found", rules)
	}
}

func TestNoTestNamedAfterASectionIsMissingFromThePage(t *testing.T) {
	text, err := os.ReadFile(behaviour)
	if err != nil {
		t.Fatal(err)
	}
	afterSection := regexp.MustCompile(`^Test(Keepalived_\d|Section[A-Z])`)
	for _, folder := range []string{"vrrp", "router", "bfd", "engine", "lan", "test/life", "test/netns"} {
		for name := range readSuite(t, folder).parts {
			if afterSection.MatchString(name) && !strings.Contains(string(text), "`"+folder+"."+name) {
				t.Errorf("`%s.%s` holds a rule: add it to doc/behaviour-tests.md", folder, name)
			}
		}
	}
}

// The page's last table has lines of a block and its words. It is compared with keepalived's list.
func TestEveryWordOfServersIsHeldByATest(t *testing.T) {
	page, err := os.ReadFile(behaviour)
	if err != nil {
		t.Fatal(err)
	}
	_, table, _ := strings.Cut(string(page), "## LVS, word by word")
	held := map[string]bool{}
	for line := range strings.Lines(table) {
		head, _, _ := strings.Cut(strings.TrimPrefix(line, "| "), " | ")
		block, words, _ := strings.Cut(head, ": ")
		for word := range strings.FieldsSeq(words) {
			held[block+"\t"+word] = false
		}
	}
	list, err := os.ReadFile("config/testdata/keywords-lvs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	count := 0
	for line := range strings.Lines(string(list)) {
		columns := strings.SplitN(line, "\t", 3)
		if len(columns) < 3 || columns[0] == "block" {
			continue
		}
		count++
		one, whole := columns[0]+"\t"+columns[1], columns[0]+"\t*"
		found := 0
		for _, name := range []string{one, whole} {
			if _, there := held[name]; there {
				held[name] = true
				found++
			}
		}
		if found != 1 {
			t.Errorf("%s: it is in %d lines", one, found)
		}
	}
	for word, known := range held {
		if !known {
			t.Errorf("keepalived has no %s", word)
		}
	}
	if count < 400 {
		t.Errorf("only %d words were found", count)
	}
}

// suite is what the test files of a folder declare.
type suite struct {
	parts map[string]*part
	files map[string]bool // below testdata, and the scenarios, without their extension
}

// part is a declaration: the texts in it, and the names that it uses.
type part struct {
	texts, uses map[string]bool
}

func readSuite(t *testing.T, folder string) *suite {
	t.Helper()
	dir := folder
	if strings.HasPrefix(folder, "test/") {
		dir = "../" + folder
	}
	s := &suite{parts: map[string]*part{}, files: map[string]bool{}}
	paths, err := filepath.Glob(dir + "/*_test.go")
	if err != nil || len(paths) == 0 {
		t.Fatalf("no tests in %s: %v", dir, err)
	}
	for _, p := range paths {
		f, err := parser.ParseFile(token.NewFileSet(), p, nil, parser.SkipObjectResolution)
		if err != nil {
			t.Fatal(err)
		}
		for _, d := range f.Decls {
			s.add(d)
		}
	}
	for _, below := range []string{dir + "/testdata", "../test/scenarios"} {
		_ = filepath.WalkDir(below, func(path string, e fs.DirEntry, err error) error { // there may be none
			if err == nil {
				s.files[strings.TrimSuffix(e.Name(), filepath.Ext(path))] = true
			}
			return nil
		})
	}
	return s
}

// add notes a function, or the constants and variables of a declaration.
func (s *suite) add(d ast.Decl) {
	p := &part{map[string]bool{}, map[string]bool{}}
	names := []string{}
	switch d := d.(type) {
	case *ast.FuncDecl:
		names = append(names, d.Name.Name)
	case *ast.GenDecl:
		for _, spec := range d.Specs {
			if v, ok := spec.(*ast.ValueSpec); ok {
				for _, n := range v.Names {
					names = append(names, n.Name)
				}
			}
		}
	}
	ast.Inspect(d, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.BasicLit:
			if text, err := strconv.Unquote(n.Value); err == nil && n.Kind == token.STRING {
				p.texts[text] = true
			}
		case *ast.Ident:
			p.uses[n.Name] = true
		}
		return true
	})
	for _, n := range names {
		s.parts[n] = p
	}
}

// has reports whether there is a test, and whether its row is written in it, in what
// it uses, or is the name of a file that it may read.
func (s *suite) has(test, row string) bool {
	if s.parts[test] == nil {
		return false
	}
	return row == "" || s.files[row] || s.written(test, row, map[string]bool{})
}

func (s *suite) written(name, row string, seen map[string]bool) bool {
	p := s.parts[name]
	if p == nil || seen[name] {
		return false
	}
	seen[name] = true
	if p.texts[row] {
		return true
	}
	for use := range p.uses {
		if s.written(use, row, seen) {
			return true
		}
	}
	return false
}
