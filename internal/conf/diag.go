package conf

import (
	"cmp"
	"slices"
	"strings"
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
// before consequences, and removes those that say the same of the same place, be it
// of other values: what is written once and read several times is one mistake.
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
	told := map[mistake]bool{}
	for i, k := range all {
		if i > 0 && k.d == all[i-1].d {
			continue
		}
		if k.d.again() {
			m := k.d.mistake()
			if told[m] {
				continue
			}
			told[m] = true
		}
		out = append(out, k.d)
	}
	return out
}

// mistake is what makes findings one: the place and what is said, without values.
type mistake struct {
	file            *File
	line            uint32
	col, end        uint16
	severity        Severity
	class           Class
	rule, text, fix string
}

func (d Diag) mistake() mistake {
	return mistake{d.Span.Origin.File, d.Span.Line, d.Span.Col, d.Span.End, d.Severity, d.Class, d.Rule, valueless(d.Text), d.Fix}
}

// again reports whether a finding is in text that may be read several times:
// definitions and repetitions.
func (d Diag) again() bool {
	return d.Span.Line > 0 && d.Span.Origin != nil && (d.Span.Origin.Kind == Replaced || d.Span.Origin.Kind == Expanded)
}

// valueless is a text without its quoted parts and numbers.
func valueless(text string) string {
	quoted := false
	return strings.Map(func(r rune) rune {
		if r == '"' {
			quoted = !quoted
		}
		if quoted || r >= '0' && r <= '9' {
			return -1
		}
		return r
	}, text)
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
