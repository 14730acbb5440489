package cluster_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/cluster"
	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// corpus is every configuration of the tests of this program, broken ones
// included.
func corpus(t *testing.T) (texts []string) {
	t.Helper()
	err := filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".conf") {
			return err
		}
		if info, err := d.Info(); err != nil || info.Size() > 100_000 {
			return err
		}
		text, err := os.ReadFile(path)
		texts = append(texts, string(text))
		return err
	})
	if err != nil || len(texts) < 40 {
		t.Fatalf("%d texts: %v", len(texts), err)
	}
	return texts
}

func parsed(name, text string) cluster.Node {
	tree, _ := conf.Parse(conf.MemoryFiles{name: text}, name, conf.Options{})
	c, _ := config.Build(tree, config.Options{HostName: name})
	return cluster.Node{Name: name, Tree: tree, Config: c}
}

// Whatever is in the files, comparing them ends, and every finding has a place
// and a rule. Two equal files differ in nothing.
func TestAnyFilesCanBeCompared(t *testing.T) {
	texts := corpus(t)
	equal := []string{"", "equal-priorities", "both-master", "two-owners", "same-source", "weight-too-small", "nopreempt-with-master",
		"nopreempt-against-weights", "unicast-peer-unknown", "sync-group-disagrees"}
	for i, text := range texts {
		a := parsed("a.conf", text)
		found, _ := cluster.Check([]cluster.Node{a, parsed("b.conf", text)})
		placed(t, found)
		for _, f := range found {
			if !slices.Contains(equal, f.Rule) {
				t.Errorf("two equal files differ: %s\n%s", f.Diag, text)
			}
		}
		found, _ = cluster.Check([]cluster.Node{a, parsed("b.conf", texts[(i+1)%len(texts)]), parsed("c.conf", texts[(i+7)%len(texts)])})
		placed(t, found)
	}
}

func placed(t *testing.T, found []cluster.Finding) {
	t.Helper()
	severities(t, found)
	for _, f := range found {
		if f.Span.Line == 0 || f.Text == "" || f.Rule == "" {
			t.Errorf("a finding without place, text or rule: %+v", f)
		}
	}
}
