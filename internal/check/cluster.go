package check

import (
	"fmt"
	"io"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/internal/cluster"
	"holdfast/internal/conf"
)

// together is what several files say as the nodes of one cluster. Findings and
// Accepted are as those of a file.
type together struct {
	Names              []string
	Findings, Accepted []conf.Diag
	Forecast           cluster.Forecast
	// Not says why the files were not compared; empty: they were.
	Not string
}

// between looks at all files together; nil when there is one only. Files with
// errors are not compared, as much of what would be found would be their doing.
func between(nodes []*node) *together {
	if len(nodes) < 2 {
		return nil
	}
	t := &together{}
	var all []cluster.Node
	for _, n := range nodes {
		t.Names = append(t.Names, n.Name)
		all = append(all, cluster.Node{Name: n.Name, Tree: n.Tree, Config: n.Config})
		if t.Not == "" && slices.ContainsFunc(n.Findings, broken) {
			t.Not = n.File + " has errors"
		}
	}
	if t.Not != "" {
		return t
	}
	for _, n := range nodes {
		n.Findings = slices.DeleteFunc(n.Findings, guessed)
	}
	found, forecast := cluster.Check(all)
	t.Forecast = forecast
	for _, f := range found {
		if nodes[f.Node].accepts(f.Diag) {
			t.Accepted = append(t.Accepted, f.Diag)
			continue
		}
		t.Findings = append(t.Findings, f.Diag)
	}
	return t
}

// guessed tells what one file can only suppose, and both together know.
func guessed(d conf.Diag) bool { return d.Rule == "small-weight" }

// broken tells an error that changes what the file means, or that there is nothing
// in it. What only this version of holdfast cannot run, which is of no class and
// no rule, does not.
func broken(d conf.Diag) bool {
	return d.Severity == conf.Error && (d.Class != conf.Unclassed || d.Rule != "")
}

// clusterRules names the rules that compare nodes.
func clusterRules() (names []string) {
	for _, r := range cluster.Rules() {
		names = append(names, r.Name)
	}
	return names
}

// accepts reports whether the file acknowledges the finding.
func (n *node) accepts(d conf.Diag) bool {
	return slices.ContainsFunc(n.Tree.Accepted, func(a conf.Acceptance) bool { return a.Covers(d) })
}

// writeFindings prints what was found between the nodes.
func (t *together) writeFindings(w io.Writer, o Options) {
	for _, d := range t.Findings {
		tell(w, o, d, "")
	}
}

// writeRest prints how much that was, and the forecast.
func (t *together) writeRest(w io.Writer, o Options) {
	last := len(t.Names) - 1
	title := "between " + strings.Join(t.Names[:last], ", ") + " and " + t.Names[last]
	if t.Not != "" {
		fmt.Fprintf(w, "%s: not compared, as %s\n", title, t.Not)
		return
	}
	if o.All {
		for _, d := range t.Accepted {
			tell(w, o, d, "acknowledged ")
		}
	}
	fmt.Fprintf(w, "%s: %s\n", title, total(o, t.Findings, t.Accepted))
	if len(t.Forecast.Instances) > 0 || t.Forecast.Note != "" {
		fmt.Fprint(w, "\nexpected MASTER:\n")
		cluster.Print(w, t.Forecast)
	}
}

// clusterJSON is what --json says of several files.
type clusterJSON struct {
	Nodes []string `json:"nodes"`
	// NotCompared is the reason when the files were not compared.
	NotCompared string         `json:"not_compared,omitempty"`
	Counts      counts         `json:"counts"`
	Findings    []findingJSON  `json:"findings"`
	Forecast    []cluster.Fate `json:"forecast"`
	Note        string         `json:"forecast_note,omitempty"`
}

func (t *together) json(o Options) *clusterJSON {
	if t == nil {
		return nil
	}
	c := &clusterJSON{Nodes: t.Names, NotCompared: t.Not, Forecast: t.Forecast.Instances, Note: t.Forecast.Note}
	c.Counts, c.Findings = listJSON(o, t.Findings, t.Accepted)
	if c.Forecast == nil {
		c.Forecast = []cluster.Fate{}
	}
	return c
}

// Named gives every file a name as a node. Where base names repeat, as in
// lb1/keepalived.conf lb2/keepalived.conf, the folders tell them apart, or else
// the paths. A name that was given stays, unless it was given twice.
func Named(args []string) (names, files []string) {
	for _, arg := range args {
		name, file := nodeName(arg)
		names, files = append(names, name), append(files, file)
	}
	for _, other := range []func(i int) string{
		func(i int) string { return filepath.Base(filepath.Dir(files[i])) },
		func(i int) string { return files[i] },
	} {
		if unique(names) {
			return names, files
		}
		for i := range args {
			if args[i] == files[i] {
				names[i] = other(i)
			}
		}
	}
	for i, name := range names {
		if at := slices.Index(names, name); at < i {
			names[i] = fmt.Sprintf("%s#%d", name, i+1)
		}
	}
	return names, files
}

func unique(names []string) bool {
	sorted := slices.Sorted(slices.Values(names))
	return len(slices.Compact(sorted)) == len(names)
}
