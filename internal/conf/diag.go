package conf

import (
	"cmp"
	"slices"
)

// Severity says what a finding means for somebody who wants to run the file.
type Severity uint8

// The severities, worst first.
const (
	// Error: keepalived cannot run it.
	Error Severity = iota
	// Complaint: keepalived says something, drops or changes what was written,
	// and runs.
	Complaint
	// Advice: legal, but it causes outages or surprises.
	Advice
)

// String is the word that people read.
func (s Severity) String() string {
	switch s {
	case Error:
		return "error"
	case Complaint:
		return "complaint"
	}
	return "advice"
}

// Class is what a finding does to the exit status of keepalived's own
// configuration test (interfaces, "Exit status").
type Class uint8

// The classes, in the order of keepalived's ranking.
const (
	// Unclassed findings leave the status alone: keepalived is silent or logs only.
	Unclassed Class = iota
	// NoFile: the main file cannot be read. 0, or 4 when all includes are checked.
	NoFile
	// Faulty: everything ordinary. 5.
	Faulty
	// Insecure: scripts without script security, or an include that was checked. 6.
	Insecure
	// Incomplete: an argument is missing, keepalived ends at once. 2.
	Incomplete
)

// Turn is when a finding is told among others.
type Turn uint8

// The turns: findings of one are in the order of the file.
const (
	// Cause: what was written in its place is the mistake.
	Cause Turn = iota
	// Consequence: something is missing where all of a block was read; another
	// finding may say why.
	Consequence
	// Ours: the file is right, and this version does not do what it says.
	Ours
)

// Diag is one finding.
type Diag struct {
	Severity Severity
	Class    Class
	Span     Span
	Text     string
	// Fix is what to write instead or where to look, when known. It stands
	// behind the marks under the source line.
	Fix string
	// Block names the block the finding is in: "vrrp_instance VI_1 (line 9)".
	Block string
	// Rule names what was checked, "sample-vrid"; it is what a file acknowledges
	// and what tools sort by. Findings of the language itself have none.
	Rule string
	// Turn says when it is told.
	Turn Turn
}

// finding is one without a rule, as the reader of the language makes them.
func finding(s Severity, c Class, at Span, text, fix, block string) Diag {
	return Diag{Severity: s, Class: c, Span: at, Text: text, Fix: fix, Block: block}
}

// Sort puts findings into the order in which a reader meets their places, causes
// before consequences, and removes those that say the same of the same place.
func Sort(diags []Diag) []Diag {
	type keyed struct {
		way []step
		d   Diag
	}
	all := make([]keyed, len(diags))
	for i, d := range diags {
		all[i] = keyed{d.Span.way(), d}
	}
	slices.SortStableFunc(all, func(a, b keyed) int {
		if a.d.Turn != b.d.Turn {
			return cmp.Compare(a.d.Turn, b.d.Turn)
		}
		return slices.CompareFunc(a.way, b.way, compareWays)
	})
	out := diags[:0]
	for i, k := range all {
		if i > 0 && k.d == all[i-1].d {
			continue
		}
		out = append(out, k.d)
	}
	return out
}

// Has reports whether a finding of this severity or a worse one is there.
func Has(diags []Diag, s Severity) bool {
	return slices.ContainsFunc(diags, func(d Diag) bool { return d.Severity <= s })
}

// ExitStatus is what keepalived's configuration test answers for the findings.
// allChecks is its option -e, which makes a missing main file count.
func ExitStatus(diags []Diag, allChecks bool) int {
	worst := Unclassed
	for _, d := range diags {
		worst = max(worst, d.Class)
	}
	switch {
	case worst == Incomplete:
		return 2
	case worst == Insecure:
		return 6
	case worst == Faulty:
		return 5
	case worst == NoFile && allChecks:
		return 4
	}
	return 0
}
