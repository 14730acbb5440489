package cluster

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"
)

// Print writes the forecast as a table: a block for each instance, or for all
// instances that fare alike, and a line for each outcome with the failures that
// lead to it.
func Print(out io.Writer, f Forecast) {
	rows := [][3]string{{"INSTANCE", "ALL WELL", "AFTER ONE FAILURE"}}
	if len(f.Instances) == 0 {
		rows = nil
	}
	for _, fate := range together(f.Instances, func(f Fate) string { return fmt.Sprint(f.Well, f.After) }) {
		rows = append(rows, fate.rows()...)
	}
	width := [2]int{}
	for _, r := range rows {
		for i := range width {
			width[i] = max(width[i], utf8.RuneCountInString(r[i]))
		}
	}
	for _, r := range rows {
		line := pad(r[0], width[0]) + "  " + pad(r[1], width[1]) + "  " + r[2]
		fmt.Fprintln(out, strings.TrimRight(line, " "))
	}
	for _, fate := range together(f.Instances, func(f Fate) string { return strings.Join(f.Orders, ", ") }) {
		if len(fate.Orders) > 0 {
			fmt.Fprintf(out, "%s: the weights allow the order %s\n", label(fate.Instances), shortened(fate.Orders))
		}
	}
	if f.Note != "" {
		fmt.Fprintln(out, f.Note)
	}
}

// shortened joins orders and counts those after the sixth.
func shortened(orders []string) string {
	if n := len(orders); n > 6 {
		orders = append(orders[:5:5], fmt.Sprintf("and %d more", n-5))
	}
	return strings.Join(orders, ", ")
}

func pad(s string, width int) string {
	return s + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(s)))
}

// rows are the lines of a fate.
func (f Fate) rows() [][3]string {
	var rows [][3]string
	for _, o := range f.outcomes() {
		for i, line := range wrap(f.leading(o)) {
			result := ""
			if i == 0 {
				result = o.String() + ": "
			}
			rows = append(rows, [3]string{"", "", pad(result, utf8.RuneCountInString(o.String())+2) + line})
		}
	}
	if len(rows) == 0 {
		rows = append(rows, [3]string{})
	}
	rows[0][0], rows[0][1] = label(f.Instances), f.Well.String()
	return rows
}

// outcomes lists what failures can lead to, what changes most first.
func (f Fate) outcomes() (all []Outcome) {
	add := func(changed bool) {
		for _, a := range f.After {
			known := false
			for _, o := range all {
				known = known || o.equal(a.Outcome)
			}
			if !known && a.Outcome.equal(f.Well) != changed {
				all = append(all, a.Outcome)
			}
		}
	}
	add(true)
	add(false)
	return all
}

// leading lists the failures that lead to an outcome.
func (f Fate) leading(o Outcome) (all []string) {
	for _, a := range f.After {
		if a.Outcome.equal(o) {
			all = append(all, a.Failure.String())
		}
	}
	return all
}

// lineWidth is how many characters of failures stand on one line.
const lineWidth = 72

// wrap joins words with commas into lines.
func wrap(words []string) (lines []string) {
	for _, w := range words {
		if n := len(lines); n > 0 && len(lines[n-1])+2+len(w) <= lineWidth {
			lines[n-1] += ", " + w
			continue
		}
		if n := len(lines); n > 0 {
			lines[n-1] += ","
		}
		lines = append(lines, w)
	}
	return lines
}

// label names the instances of a block.
func label(names []string) string {
	if n := len(names); n > 3 {
		return fmt.Sprintf("%s and %d more", names[0], n-1)
	}
	return strings.Join(names, ", ")
}

// together puts instances together that are alike.
func together(fates []Fate, by func(Fate) string) []Fate {
	var all []Fate
	at := map[string]int{}
	for _, f := range fates {
		k := by(f)
		i, known := at[k]
		if !known {
			at[k] = len(all)
			all = append(all, f)
			continue
		}
		all[i].Instances = append(all[i].Instances[:len(all[i].Instances):len(all[i].Instances)], f.Instances...)
	}
	return all
}
