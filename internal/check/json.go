package check

import (
	"encoding/json"
	"io"
	"strings"

	"holdfast/internal/conf"
)

// document is what --json prints; doc/check-json.md describes it.
type document struct {
	Version int        `json:"version"`
	Status  int        `json:"status"`
	Files   []fileJSON `json:"files"`
	// Cluster is there when there are several files.
	Cluster *clusterJSON `json:"cluster,omitempty"`
}

type fileJSON struct {
	Node     string        `json:"node"`
	File     string        `json:"file"`
	Counts   counts        `json:"counts"`
	Findings []findingJSON `json:"findings"`
}

type counts struct {
	Error        int `json:"error"`
	Complaint    int `json:"complaint"`
	Advice       int `json:"advice"`
	Acknowledged int `json:"acknowledged"`
}

type findingJSON struct {
	File      string `json:"file"`
	Line      int    `json:"line,omitempty"`
	Column    int    `json:"column,omitempty"`
	EndColumn int    `json:"end_column,omitempty"`
	Severity  string `json:"severity"`
	Rule      string `json:"rule,omitempty"`
	Text      string `json:"text"`
	Fix       string `json:"fix,omitempty"`
	Block     string `json:"block,omitempty"`
	// Chain leads from the place back to the main file.
	Chain  []linkJSON `json:"chain,omitempty"`
	Source string     `json:"source,omitempty"`
	// Acknowledged findings are there with --all only.
	Acknowledged bool `json:"acknowledged,omitempty"`
}

type linkJSON struct {
	Kind string `json:"kind"` // included, replaced, expanded
	Name string `json:"name,omitempty"`
	File string `json:"file"`
	Line int    `json:"line"`
}

// documentVersion changes when a field goes or means something else.
const documentVersion = 1

func writeJSON(out io.Writer, o Options, nodes []*node, all *together) error {
	doc := document{Version: documentVersion, Status: status(o, nodes, all), Files: []fileJSON{}, Cluster: all.json(o)}
	for _, n := range nodes {
		doc.Files = append(doc.Files, n.json(o))
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(doc)
}

func (n *node) json(o Options) fileJSON {
	f := fileJSON{Node: n.Name, File: n.File}
	f.Counts, f.Findings = listJSON(o, n.Findings, n.Accepted)
	return f
}

// listJSON counts and lists findings.
func listJSON(o Options, found, accepted []conf.Diag) (c counts, list []findingJSON) {
	c.Acknowledged, list = len(accepted), []findingJSON{}
	for _, d := range found {
		switch d.Severity {
		case conf.Error:
			c.Error++
		case conf.Complaint:
			c.Complaint++
		case conf.Advice:
			c.Advice++
		}
		list = append(list, toJSON(d, false))
	}
	if o.All {
		for _, d := range accepted {
			list = append(list, toJSON(d, true))
		}
	}
	return c, list
}

func toJSON(d conf.Diag, acknowledged bool) findingJSON {
	f := findingJSON{
		File: d.Span.File(), Line: int(d.Span.Line), Severity: d.Severity.String(), Rule: d.Rule,
		Text: valid(d.Text), Fix: valid(d.Fix), Block: valid(d.Block), Source: source(d), Acknowledged: acknowledged,
	}
	if d.Span.Line > 0 {
		f.Column, f.EndColumn = int(d.Span.Col), int(d.Span.End)
	}
	for _, l := range d.Chain() {
		f.Chain = append(f.Chain, linkJSON{kindWord(l.Kind), l.Name, l.File, l.Line})
	}
	return f
}

func kindWord(k conf.OriginKind) string {
	switch k {
	case conf.Included:
		return "included"
	case conf.Replaced:
		return "replaced"
	case conf.Expanded:
		return "expanded"
	}
	return "main"
}

// valid replaces bytes that are not UTF-8: real files have comments and names in
// legacy encodings.
func valid(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }

// source is the line of a finding. What is printed for machines is kept and sent
// on, so that lines with secrets are left out.
func source(d conf.Diag) string {
	line := d.Source()
	if words := strings.Fields(line); len(words) > 0 && secret(words[0]) {
		return ""
	}
	return line
}

func secret(word string) bool {
	switch word {
	case "auth_pass", "key", "password":
		return true
	}
	return false
}
