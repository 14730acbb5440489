package check

import (
	"bufio"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/conf"
)

// writeText is what people read, the cause of trouble first: what is wrong in
// each file, with its source, errors and complaints before advice; what the files
// say together; then in short what is true of most files, how much it was, and
// what the nodes will do.
func writeText(out io.Writer, o Options, nodes []*node, all *together) error {
	w := bufio.NewWriter(out)
	for _, n := range nodes {
		n.writeFindings(w, o, n.often())
	}
	if all != nil {
		all.writeFindings(w, o)
	}
	for _, n := range nodes {
		n.writeRest(w, o, n.often())
	}
	if all != nil {
		all.writeRest(w, o)
	}
	return w.Flush()
}

// many is from how many places on a rule's advice is told in short: nobody reads more.
const many = 100

// often are the rules that are told in short: those that are true of many files, and
// those that advise about very many places of this one.
func (n *node) often() map[string]bool {
	often, places := common(), map[string]int{}
	for _, d := range n.Findings {
		if d.Severity != conf.Advice || d.Rule == "" {
			continue
		}
		places[d.Rule]++
		often[d.Rule] = often[d.Rule] || places[d.Rule] >= many
	}
	return often
}

// writeFindings prints what is the matter with this file in particular.
func (n *node) writeFindings(w io.Writer, o Options, often map[string]bool) {
	var later []conf.Diag
	for _, d := range n.Findings {
		switch {
		case often[d.Rule], d.Turn == conf.Ours:
		case d.Severity == conf.Advice && !explains(d, n.Findings):
			later = append(later, d)
		default:
			tell(w, o, d, "")
		}
	}
	for _, d := range later {
		tell(w, o, d, "")
	}
}

// writeRest prints what this version does not do, the others in short, and the sums.
func (n *node) writeRest(w io.Writer, o Options, often map[string]bool) {
	short := map[string]*brief{}
	var order []conf.Diag
	for _, d := range n.Findings {
		if !often[d.Rule] {
			if d.Turn == conf.Ours {
				tell(w, o, d, "")
			}
			continue
		}
		if short[d.Rule] == nil {
			short[d.Rule] = &brief{}
			order = append(order, d)
		}
		short[d.Rule].add(n, d)
	}
	if len(order) > 0 {
		fmt.Fprintf(w, "%s: true of many files (# holdfast: accept RULE in a comment acknowledges)\n", n.File)
	}
	for _, d := range order {
		fmt.Fprintln(w, short[d.Rule].line(d))
	}
	if o.All {
		n.writeAccepted(w, o)
	}
	fmt.Fprintf(w, "%s: %s\n", n.File, total(o, n.Findings, n.Accepted))
}

func (n *node) writeAccepted(w io.Writer, o Options) {
	for i, d := range n.Accepted {
		if i == 0 {
			fmt.Fprintln(w)
		}
		tell(w, o, d, "acknowledged ")
	}
}

// explains reports whether advice about how a word is read is the cause of a
// complaint about that word.
func explains(d conf.Diag, found []conf.Diag) bool {
	return d.Rule == "quirk" && slices.ContainsFunc(found, func(o conf.Diag) bool {
		return o.Severity != conf.Advice && o.Turn == conf.Cause && o.Span.Line == d.Span.Line && o.Span.Col == d.Span.Col && o.Span.File() == d.Span.File()
	})
}

// tell prints one finding with its source, the rule behind its text.
func tell(w io.Writer, o Options, d conf.Diag, mark string) {
	if d.Rule != "" {
		d.Text += " [" + d.Rule + "]"
	}
	text := d.String()
	word := d.Severity.String() + ": "
	shown := mark + word
	if o.Colour {
		shown = colour(d.Severity) + shown[:len(shown)-2] + "\x1b[0m: "
	}
	fmt.Fprintln(w, strings.Replace(text, word, shown, 1))
}

// colour is that of a severity: red, yellow, cyan.
func colour(s conf.Severity) string {
	switch s {
	case conf.Error:
		return "\x1b[1;31m"
	case conf.Complaint:
		return "\x1b[1;33m"
	}
	return "\x1b[36m"
}

// brief gathers the places of one rule.
type brief struct{ places []string }

func (b *brief) add(n *node, d conf.Diag) {
	place := strconv.Itoa(int(d.Span.Line))
	if f := d.Span.File(); f != n.File {
		place = f + ":" + place
	}
	b.places = append(b.places, place)
}

// placesShown bounds the line of a rule.
const placesShown = 12

// line is the rule in short: its places, what it says of the first, what to do.
func (b *brief) line(d conf.Diag) string {
	word := "line"
	if len(b.places) > 1 {
		word = "lines"
	}
	shown, more := b.places, ""
	if n := len(shown) - placesShown; n > 0 {
		shown, more = shown[:placesShown], fmt.Sprintf(" and %d more", n)
	}
	text := d.Text
	if len(b.places) > 1 {
		text = "the first: " + text
	}
	if d.Severity != conf.Advice {
		word = d.Severity.String() + ", " + word
	}
	return fmt.Sprintf("   [%s] %s %s%s: %s; %s", d.Rule, word, strings.Join(shown, ", "), more, text, d.Fix)
}

// total counts findings.
func total(o Options, found, accepted []conf.Diag) string {
	var count [3]int
	for _, d := range found {
		count[d.Severity]++
	}
	var parts []string
	for s, word := range [3][2]string{{"error", "errors"}, {"complaint", "complaints"}, {"advice", "advice"}} {
		switch count[s] {
		case 0:
		case 1:
			parts = append(parts, "1 "+word[0])
		default:
			parts = append(parts, fmt.Sprintf("%d %s", count[s], word[1]))
		}
	}
	line := strings.Join(parts, ", ")
	if line == "" {
		line = "nothing found"
	}
	if k := len(accepted); k > 0 {
		line += fmt.Sprintf("; %d acknowledged", k)
		if !o.All {
			line += " (--all shows them)"
		}
	}
	return line
}
