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

// writeText is what people read: errors and complaints of a file, then advice,
// each in the order of the file and with its source; then in short what is true
// of most files; then how much it was.
func writeText(out io.Writer, o Options, nodes []*node, all *together) error {
	w := bufio.NewWriter(out)
	for i, n := range nodes {
		if i > 0 {
			fmt.Fprintln(w)
		}
		n.write(w, o)
	}
	if all != nil {
		all.write(w, o)
	}
	return w.Flush()
}

func (n *node) write(w io.Writer, o Options) {
	often := common()
	short := map[string]*brief{}
	var order, later, last []conf.Diag
	for _, d := range n.Findings {
		switch {
		case often[d.Rule]:
			if short[d.Rule] == nil {
				short[d.Rule] = &brief{}
				order = append(order, d)
			}
			short[d.Rule].add(n, d)
		case d.Turn == conf.Ours:
			last = append(last, d)
		case d.Severity == conf.Advice && !explains(d, n.Findings):
			later = append(later, d)
		default:
			tell(w, o, d, "")
		}
	}
	for _, d := range append(later, last...) {
		tell(w, o, d, "")
	}
	if len(order) > 0 {
		fmt.Fprintf(w, "%s: true of many files (# holdfast: accept RULE in a comment acknowledges)\n", n.File)
		for _, d := range order {
			fmt.Fprintln(w, short[d.Rule].line(d))
		}
	}
	if o.All {
		if len(order) > 0 {
			fmt.Fprintln(w)
		}
		for _, d := range n.Accepted {
			tell(w, o, d, "acknowledged ")
		}
	}
	fmt.Fprintf(w, "%s: %s\n", n.File, total(o, n.Findings, n.Accepted))
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
