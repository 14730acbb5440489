package check

import (
	"encoding/json"
	"io"
	"net/url"
	"path/filepath"
	"strings"
	"unicode/utf8"

	"holdfast/internal/cluster"
	"holdfast/internal/conf"
	"holdfast/internal/lint"
)

// The parts of SARIF 2.1.0 (OASIS) that findings need.
type sarifLog struct {
	Schema  string     `json:"$schema"`
	Version string     `json:"version"`
	Runs    []sarifRun `json:"runs"`
}

type sarifRun struct {
	Tool       sarifTool     `json:"tool"`
	ColumnKind string        `json:"columnKind"`
	Results    []sarifResult `json:"results"`
}

type sarifTool struct {
	Driver sarifDriver `json:"driver"`
}

type sarifDriver struct {
	Name    string      `json:"name"`
	Version string      `json:"version,omitempty"`
	Rules   []sarifRule `json:"rules"`
}

type sarifRule struct {
	ID      string        `json:"id"`
	Short   sarifText     `json:"shortDescription"`
	Help    sarifText     `json:"help"`
	Default sarifSettings `json:"defaultConfiguration"`
}

type sarifSettings struct {
	Level string `json:"level"`
}

type sarifText struct {
	Text string `json:"text"`
}

type sarifResult struct {
	RuleID       string             `json:"ruleId"`
	RuleIndex    int                `json:"ruleIndex"`
	Level        string             `json:"level"`
	Message      sarifText          `json:"message"`
	Locations    []sarifLocation    `json:"locations"`
	Related      []sarifLocation    `json:"relatedLocations,omitempty"`
	Suppressions []sarifSuppression `json:"suppressions,omitempty"`
}

type sarifSuppression struct {
	Kind string `json:"kind"`
}

type sarifLocation struct {
	Physical sarifPhysical `json:"physicalLocation"`
	Message  *sarifText    `json:"message,omitempty"`
}

type sarifPhysical struct {
	Artifact sarifArtifact `json:"artifactLocation"`
	Region   *sarifRegion  `json:"region,omitempty"`
}

type sarifArtifact struct {
	URI string `json:"uri"`
}

type sarifRegion struct {
	StartLine   int `json:"startLine"`
	StartColumn int `json:"startColumn,omitempty"`
	EndColumn   int `json:"endColumn,omitempty"`
}

// languageRule is that of findings without a rule of their own: those of the
// language itself.
const languageRule = "language"

// writeSARIF prints what services that collect findings read. What a file
// acknowledges is there, as suppressed.
func writeSARIF(out io.Writer, o Options, nodes []*node, all *together) error {
	rules, index := sarifRules()
	run := sarifRun{Tool: sarifTool{sarifDriver{"holdfast", o.Version, rules}}, ColumnKind: "unicodeCodePoints", Results: []sarifResult{}}
	add := func(found, accepted []conf.Diag) {
		for _, d := range found {
			run.Results = append(run.Results, toSARIF(d, index))
		}
		for _, d := range accepted {
			r := toSARIF(d, index)
			r.Suppressions = []sarifSuppression{{"inSource"}}
			run.Results = append(run.Results, r)
		}
	}
	for _, n := range nodes {
		add(n.Findings, n.Accepted)
	}
	if all != nil {
		add(all.Findings, all.Accepted)
	}
	e := json.NewEncoder(out)
	e.SetIndent("", "  ")
	e.SetEscapeHTML(false)
	return e.Encode(sarifLog{"https://json.schemastore.org/sarif-2.1.0.json", "2.1.0", []sarifRun{run}})
}

// sarifRules lists all rules and where each stands in the list.
func sarifRules() ([]sarifRule, map[string]int) {
	rules := []sarifRule{{languageRule, sarifText{"What is written is not what keepalived.conf allows there."}, sarifText{"The finding says what to write."}, sarifSettings{"error"}}}
	index := map[string]int{languageRule: 0}
	for _, r := range lint.Rules() {
		index[r.Name] = len(rules)
		rules = append(rules, sarifRule{r.Name, sarifText{r.Why}, sarifText{r.Do}, sarifSettings{sarifLevel(r.Severity)}})
	}
	for _, r := range cluster.Rules() {
		index[r.Name] = len(rules)
		rules = append(rules, sarifRule{r.Name, sarifText{r.Why}, sarifText{r.Do}, sarifSettings{sarifLevel(r.Severity)}})
	}
	return rules, index
}

func sarifLevel(s conf.Severity) string {
	switch s {
	case conf.Error:
		return "error"
	case conf.Complaint:
		return "warning"
	}
	return "note"
}

func toSARIF(d conf.Diag, index map[string]int) sarifResult {
	rule := d.Rule
	if _, known := index[rule]; !known {
		rule = languageRule
	}
	text := valid(d.Text)
	if d.Fix != "" {
		text += " (" + valid(d.Fix) + ")"
	}
	r := sarifResult{RuleID: rule, RuleIndex: index[rule], Level: sarifLevel(d.Severity), Message: sarifText{text}, Locations: []sarifLocation{place(d)}}
	for _, l := range d.Chain() {
		r.Related = append(r.Related, sarifLocation{
			Physical: sarifPhysical{sarifArtifact{uri(l.File)}, &sarifRegion{StartLine: l.Line}}, Message: &sarifText{strings.TrimSpace(kindWord(l.Kind) + " " + l.Name)},
		})
	}
	return r
}

func place(d conf.Diag) sarifLocation {
	p := sarifPhysical{Artifact: sarifArtifact{uri(d.Span.File())}}
	if d.Span.Line > 0 {
		line := d.Span.Origin.File.Line(int(d.Span.Line))
		p.Region = &sarifRegion{int(d.Span.Line), character(line, int(d.Span.Col)), character(line, int(d.Span.End))}
	}
	return sarifLocation{Physical: p}
}

// character makes a column that counts characters of one that counts bytes.
func character(line string, col int) int {
	return utf8.RuneCountInString(line[:min(max(col-1, 0), len(line))]) + 1
}

// uri writes a path as SARIF wants it: relative ones stay relative.
func uri(file string) string {
	u := url.URL{Path: filepath.ToSlash(file)}
	if filepath.IsAbs(file) {
		u.Scheme = "file"
	}
	return u.String()
}
