package main

import (
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"holdfast/bench/wiretap"
)

// bound is what is asked of holdfast in one row.
type bound struct {
	ratio float64 // at most so many times keepalived's figure; 0: no such bound
	slack float64 // and so much more, in the row's unit, for the noise of measuring
	limit float64 // at most this figure, if limited
	// limited says that limit counts; its zero value is a limit of its own.
	limited bool
	// worst says that the worst run counts instead of the median.
	worst bool
}

// none is the bound of a row that is shown for information.
func none() bound { return bound{} }

// atMost asks for a ratio to keepalived's median, plus slack.
func atMost(ratio, slack float64) bound { return bound{ratio: ratio, slack: slack} }

// within asks for a figure in every run.
func within(limit float64) bound { return bound{limit: limit, limited: true, worst: true} }

// and asks for a median within a limit, too.
func (b bound) and(limit float64) bound {
	b.limit, b.limited = limit, true
	return b
}

// medianWithin asks for a median.
func medianWithin(limit float64) bound { return bound{limit: limit, limited: true} }

// String is the bound as the table shows it.
func (b bound) String() string {
	var parts []string
	if b.ratio > 0 {
		part := "≤ " + figure(b.ratio) + " ×"
		if b.slack > 0 {
			part += " + " + figure(b.slack)
		}
		parts = append(parts, part)
	}
	if b.limited {
		parts = append(parts, "≤ "+figure(b.limit)+map[bool]string{true: " in each run"}[b.worst])
	}
	return strings.Join(parts, ", ")
}

// verdict judges the runs of the second program by those of the first.
func (b bound) verdict(reference, subject []float64) string {
	if len(subject) == 0 || b.ratio == 0 && !b.limited {
		return ""
	}
	got := median(subject)
	if b.worst {
		got = slices.Max(subject)
	}
	ok := !b.limited || got <= b.limit
	if b.ratio > 0 && len(reference) > 0 {
		ok = ok && got <= b.ratio*median(reference)+b.slack
	}
	return map[bool]string{true: "pass", false: "FAIL"}[ok]
}

// row is one line of the table with the runs of both programs.
type row struct {
	name, unit string
	bound      bound
	runs       [2][]float64 // of keepalived and of holdfast
}

// table collects rows in the order in which their first figure comes.
type table struct {
	rows   []*row
	broken []string // runs that could not be made
}

// add appends a run of program 0 or 1 to the row of that name.
func (t *table) add(program int, name, unit string, b bound, value float64) {
	i := slices.IndexFunc(t.rows, func(r *row) bool { return r.name == name })
	if i < 0 {
		i = len(t.rows)
		t.rows = append(t.rows, &row{name: name, unit: unit, bound: b})
	}
	t.rows[i].runs[program] = append(t.rows[i].runs[program], value)
}

// failed counts the rows that miss their bound and the runs that broke.
func (t *table) failed() int {
	n := len(t.broken)
	for _, r := range t.rows {
		if r.bound.verdict(r.runs[0], r.runs[1]) == "FAIL" {
			n++
		}
	}
	return n
}

// columns are the headings of the table.
func columns() []string {
	return []string{"measurement", "unit", "keepalived", "holdfast", "ratio", "asked", "verdict"}
}

func (r *row) cells() []string {
	return []string{r.name, r.unit, show(r.runs[0]), show(r.runs[1]), r.quotient(), r.bound.String(), r.bound.verdict(r.runs[0], r.runs[1])}
}

// quotient is the ratio of the medians, where there is one.
func (r *row) quotient() string {
	if len(r.runs[0]) == 0 || len(r.runs[1]) == 0 || median(r.runs[0]) <= 0 {
		return ""
	}
	return strconv.FormatFloat(median(r.runs[1])/median(r.runs[0]), 'f', 2, 64)
}

// show is the median and, in brackets, the smallest and largest run.
func show(runs []float64) string {
	switch len(runs) {
	case 0:
		return "-"
	case 1:
		return figure(runs[0])
	}
	return fmt.Sprintf("%s (%s..%s)", figure(median(runs)), figure(slices.Min(runs)), figure(slices.Max(runs)))
}

// figure shows a number with three digits that mean something.
func figure(v float64) string {
	switch a := max(v, -v); {
	case a == 0 || a >= 100 || a == float64(int(a)):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	case a >= 1:
		return strconv.FormatFloat(v, 'f', 2, 64)
	}
	return strconv.FormatFloat(v, 'f', 3, 64)
}

func median(values []float64) float64 {
	sorted := slices.Sorted(slices.Values(values))
	if n := len(sorted); n%2 == 0 && n > 0 {
		return (sorted[n/2-1] + sorted[n/2]) / 2
	}
	return wiretap.Quantile(sorted, 0.5)
}

// print writes the table for a terminal.
func (t *table) print(w io.Writer) {
	tw := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(tw, strings.Join(columns(), "\t"))
	for _, r := range t.rows {
		fmt.Fprintln(tw, strings.Join(r.cells(), "\t"))
	}
	tw.Flush()
	for _, b := range t.broken {
		fmt.Fprintln(w, "failed:", b)
	}
}

// markdown writes the table for a page.
func (t *table) markdown(w io.Writer) {
	fmt.Fprintf(w, "| %s |\n| --- | --- | ---: | ---: | ---: | --- | --- |\n", strings.Join(columns(), " | "))
	for _, r := range t.rows {
		fmt.Fprintf(w, "| %s |\n", strings.Join(r.cells(), " | "))
	}
}
