package cluster_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"holdfast/internal/cluster"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/golden"
)

// node reads the text of one node. Its file is called NAME.conf.
func node(t testing.TB, name, text string) cluster.Node {
	t.Helper()
	file := name + ".conf"
	tree, found := conf.Parse(conf.MemoryFiles{file: text}, file, conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: name})
	for _, d := range append(found, more...) {
		if d.Severity == conf.Error && d.Class != conf.Unclassed { // what this version cannot run yet
			t.Fatalf("the file of %s has an error: %s", name, d)
		}
	}
	return cluster.Node{Name: name, Tree: tree, Config: c}
}

// read is the text of a file of a scenario.
func read(t testing.TB, path string) string {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

const scenarios = "../config/testdata/scenarios"

// scenario reads the nodes of a scenario; change may alter the text of each.
func scenario(t testing.TB, name string, change func(node, text string) string) []cluster.Node {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(scenarios, name, "*.conf"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenario %s: %v", name, err)
	}
	var nodes []cluster.Node
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".conf")
		nodes = append(nodes, node(t, name, change(name, read(t, file))))
	}
	return nodes
}

func same(_, text string) string { return text }

// report is what people are shown: findings, then the forecast.
func report(nodes []cluster.Node) string {
	found, forecast := cluster.Check(nodes)
	var b strings.Builder
	for _, d := range found {
		b.WriteString(strings.Replace(d.String(), ": "+d.Text, ": ["+d.Rule+"] "+d.Text, 1))
	}
	cluster.Print(&b, forecast)
	return b.String()
}

// Every pair of the scenarios works as it is; what is found is true. The golden
// files hold each of them, read by a person.
func TestScenarios(t *testing.T) {
	pairs, err := filepath.Glob(filepath.Join(scenarios, "*"))
	if err != nil || len(pairs) != 14 {
		t.Fatalf("%d scenarios: %v", len(pairs), err)
	}
	for _, pair := range pairs {
		name := filepath.Base(pair)
		t.Run(name, func(t *testing.T) {
			nodes := scenario(t, name, same)
			if len(nodes) < 2 {
				return // one machine alone
			}
			golden.Check(t, filepath.Join("testdata", "scenarios", name+".golden"), report(nodes))
		})
	}
}
