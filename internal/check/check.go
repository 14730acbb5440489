// Package check is the command that says what is wrong with configurations, and
// keepalived's own configuration test.
package check

import (
	"io"
	"path/filepath"
	"slices"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/lint"
	"holdfast/internal/load"
)

// The exit statuses of `holdfast check`: the worst severity found.
const (
	clean = iota
	advice
	complaint
	fault
)

// Options is how to check and what to print.
type Options struct {
	// ID is the value for `@id` lines.
	ID string
	// Host looks at this machine too: interfaces, accounts, scripts.
	Host bool
	// All shows what the files acknowledge.
	All bool
	// Portable lists the words that keepalived does not know.
	Portable bool
	// Strict makes advice alone a status of 1.
	Strict bool
	// JSON and SARIF choose another form of output.
	JSON, SARIF bool
	// Colour marks severities, for a terminal.
	Colour bool
	// Version is that of the program, for SARIF.
	Version string
}

// node is one file that is checked.
type node struct {
	// Name is what the file is called as a node of a cluster.
	Name string
	*load.Reading
	// Findings are what is told, Accepted what the file acknowledges.
	Findings, Accepted []conf.Diag
}

// Files prints all findings of each file and returns the exit status. Without
// Host it looks at the text alone: interfaces, users and scripts are for the
// machine to have that runs it.
func Files(o Options, files []string, out io.Writer) (int, error) {
	var nodes []*node
	names, files := Named(files)
	for i, file := range files {
		nodes = append(nodes, read(o, names[i], file, len(files) > 1))
	}
	all := between(nodes)
	var err error
	switch {
	case o.SARIF:
		err = writeSARIF(out, o, nodes, all)
	case o.JSON:
		err = writeJSON(out, o, nodes, all)
	default:
		err = writeText(out, o, nodes, all)
	}
	return status(o, nodes, all), err
}

// read reads one file and lets all rules look at it. One of several nodes takes
// its own name for `@id` lines where no other is given.
func read(o Options, name, file string, several bool) *node {
	if several && o.ID == "" {
		o.ID = name
	}
	n := &node{Name: name, Reading: load.Read(load.Options{File: file, ID: o.ID, Portable: o.Portable})}
	found := n.Reading.Findings
	if !slices.ContainsFunc(found, func(d conf.Diag) bool { return d.Class == conf.NoFile }) {
		found = append(found, lint.Check(n.Tree, n.Config, clusterRules()...)...)
	}
	if o.Host {
		found = append(found, machine(load.Read(load.Options{File: file, ID: o.ID}))...)
	}
	for _, d := range conf.Sort(found) {
		if n.accepts(d) {
			n.Accepted = append(n.Accepted, d)
			continue
		}
		n.Findings = append(n.Findings, d)
	}
	return n
}

// nodeName splits NAME=FILE; without a name a node is called as its file is,
// without .conf.
func nodeName(arg string) (name, file string) {
	if name, file, found := strings.Cut(arg, "="); found && name != "" && !strings.Contains(name, "/") {
		return name, file
	}
	return strings.TrimSuffix(filepath.Base(arg), ".conf"), arg
}

// status is the worst of what was found and not acknowledged.
func status(o Options, nodes []*node, all *together) int {
	worst := clean
	if all != nil {
		for _, d := range all.Findings {
			worst = max(worst, weight(d.Severity))
		}
	}
	for _, n := range nodes {
		for _, d := range n.Findings {
			worst = max(worst, weight(d.Severity))
		}
	}
	if worst == advice && !o.Strict {
		return clean
	}
	return worst
}

func weight(s conf.Severity) int {
	switch s {
	case conf.Error:
		return fault
	case conf.Complaint:
		return complaint
	}
	return advice
}

// common names the rules that are true of half of all files.
func common() map[string]bool {
	names := map[string]bool{}
	for _, r := range lint.Rules() {
		if r.Common {
			names[r.Name] = true
		}
	}
	return names
}
