package internal_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// A test that is left out tells nobody that what it holds is broken: only package need may
// leave one out, for who is not root or is in a hurry.
func TestOnlyNeedLeavesTestsOut(t *testing.T) {
	tests := 0
	err := filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if strings.HasSuffix(path, "_test.go") && path != "../test/netns/cluster_test.go" { // there it may be keepalived that is tested
			tests++
			leavesNothingOut(t, path)
		}
		return err
	})
	if err != nil || tests < 100 {
		t.Errorf("%d files of tests were read: %v", tests, err)
	}
}

func leavesNothingOut(t *testing.T, path string) {
	t.Helper()
	places := token.NewFileSet()
	file, err := parser.ParseFile(places, path, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Skip", "Skipf", "SkipNow"}, s.Sel.Name) {
			t.Errorf("%s leaves a test out: say what it needs with package test/need, as root that is a failure", places.Position(s.Pos()))
		}
		return true
	})
}
