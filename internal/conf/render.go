package conf

import (
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// String renders the finding with its source line, the place marked under it:
//
//	keepalived.conf:14:15: error: unknown interface "eth9"
//	   14 |     interface eth9
//	      |               ^^^^ did you mean "eth0"?
//	   in vrrp_instance VI_1 (line 9), included from site.conf:3
func (d Diag) String() string {
	var b strings.Builder
	b.WriteString(d.Line())
	b.WriteByte('\n')
	d.writeSource(&b)
	if where := d.where(); where != "" {
		fmt.Fprintf(&b, "   %s\n", where)
	}
	return b.String()
}

// Line renders the finding on one line, without the source.
func (d Diag) Line() string {
	if d.Span.Origin == nil {
		return fmt.Sprintf("%s: %s", d.Severity, printable(d.Text))
	}
	if d.Span.Line == 0 {
		return fmt.Sprintf("%s: %s: %s", d.Span.File(), d.Severity, printable(d.Text))
	}
	return fmt.Sprintf("%s:%d:%d: %s: %s", d.Span.File(), d.Span.Line, d.Span.Col, d.Severity, printable(d.Text))
}

// window is how many bytes of a long line are shown around the mark.
const window = 100

func (d Diag) writeSource(b *strings.Builder) {
	if d.Span.Origin == nil || d.Span.Line == 0 || d.Span.Col == 0 {
		if d.Fix != "" {
			fmt.Fprintf(b, "   %s\n", printable(d.Fix))
		}
		return
	}
	line := Conceal(d.Span.Origin.File.Line(int(d.Span.Line)))
	start := min(int(d.Span.Col)-1, len(line))
	end := min(max(int(d.Span.End)-1, start), len(line))
	from, to := max(0, start-window), min(len(line), max(end, start+1)+window)
	if len(line) <= 2*window {
		from, to = 0, len(line)
	}
	margin := fmt.Sprintf("%5d", d.Span.Line)
	fmt.Fprintf(b, "%s | %s\n", margin, printable(line[from:to]))
	mark := strings.Repeat("^", max(1, columns(line[start:end])))
	fmt.Fprintf(b, "%s | %s%s", strings.Repeat(" ", len(margin)), padding(line[from:start]), mark)
	if d.Fix != "" {
		b.WriteByte(' ')
		b.WriteString(printable(d.Fix))
	}
	b.WriteByte('\n')
}

// where tells the block and the chain of includes and definitions.
func (d Diag) where() string {
	var parts []string
	if d.Block != "" {
		parts = append(parts, "in "+printable(d.Block))
	}
	for o := d.Span.Origin; o != nil; o = o.from() {
		switch o.Kind {
		case Included:
			parts = append(parts, fmt.Sprintf("included from %s:%d", o.From.File(), o.From.Line))
		case Replaced:
			parts = append(parts, fmt.Sprintf("$%s defined at %s:%d", o.Name, o.From.File(), o.From.Line))
		case Expanded:
			parts = append(parts, fmt.Sprintf("$%s used at %s:%d", o.Name, o.From.File(), o.From.Line))
		}
	}
	return strings.Join(parts, ", ")
}

// printable replaces what would disturb a terminal: control characters other
// than the tab, and bytes that are not UTF-8.
func printable(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\t' && !unicode.IsPrint(r) {
			return utf8.RuneError
		}
		return r
	}, s)
}

// padding is as wide as s when it is printed, and keeps its tabs.
func padding(s string) string {
	var b strings.Builder
	for _, r := range s {
		switch {
		case r == '\t':
			b.WriteByte('\t')
		case wide(r):
			b.WriteString("  ")
		default:
			b.WriteByte(' ')
		}
	}
	return b.String()
}

// columns is how many columns of a terminal s takes.
func columns(s string) int {
	n := 0
	for _, r := range s {
		if wide(r) {
			n++
		}
		n++
	}
	return n
}

// wide reports whether a terminal shows r in two columns: East Asian scripts
// and full-width punctuation, which stand in the comments of real files.
func wide(r rune) bool {
	return r >= 0x1100 && r <= 0x115f || r >= 0x2e80 && r <= 0xa4cf || r >= 0xac00 && r <= 0xd7a3 ||
		r >= 0xf900 && r <= 0xfaff || r >= 0xfe30 && r <= 0xfe6f || r >= 0xff00 && r <= 0xff60
}
