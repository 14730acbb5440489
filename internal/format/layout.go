package format

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// row is one line of the result.
type row struct {
	// depth is -1 for what stands as it was.
	depth         int
	code, comment string
	// opens: a block begins behind the row. takes: a { of the next line may join it.
	opens, takes bool
}

// layout is a text on its way to its canonical form.
type layout struct {
	rows  []row
	depth int
	// waiting are the comments, and the groups of blank lines between them, that
	// are indented like what follows them.
	waiting []line
}

// deepest is the depth from which on lines are no longer indented further.
const deepest = 40

// layout lays the text out. Lines that a configuration with this id leaves out
// do not count as opening or closing blocks.
func (s *source) layout(id string) string {
	var o layout
	for i := range s.lines {
		o.add(&s.lines[i], id)
	}
	o.flush(o.depth, true)
	o.align()
	var b strings.Builder
	for _, r := range o.rows {
		b.WriteString(r.text())
		b.WriteByte('\n')
	}
	return b.String()
}

func (o *layout) add(l *line, id string) {
	switch l.kind {
	case empty, comment:
		o.waiting = append(o.waiting, *l)
	case verbatim:
		o.flush(o.depth, false)
		o.rows = append(o.rows, row{depth: -1, code: l.raw})
	case fixed:
		o.fixed(l, id)
	case free:
		o.free(l)
	}
}

// flush writes the comments that were waiting. A group of blank lines becomes
// one, and none at the ends of a block or of the file.
func (o *layout) flush(depth int, end bool) {
	for i, w := range o.waiting {
		switch {
		case w.kind == comment:
			o.rows = append(o.rows, remarkRow(depth, w.comment))
		case len(o.rows) == 0 || o.last().opens || o.last().blank():
		case end && !slices.ContainsFunc(o.waiting[i:], func(l line) bool { return l.kind == comment }):
		default:
			o.rows = append(o.rows, row{})
		}
	}
	o.waiting = o.waiting[:0]
}

func remarkRow(depth int, comment string) row {
	r := row{depth: depth, comment: comment}
	if r.tooLong() {
		r.depth = 0
	}
	return r
}

func (o *layout) last() *row { return &o.rows[len(o.rows)-1] }

func (r *row) blank() bool { return r.code == "" && r.comment == "" }

// fixed writes a line that keeps its shape.
func (o *layout) fixed(l *line, id string) {
	closes := leading(l.braces)
	o.flush(o.depth, closes > 0)
	r := row{depth: max(0, o.depth-closes), code: l.code, comment: l.comment, opens: strings.HasSuffix(l.code, "{")}
	if r.tooLong() {
		r.depth, r.code, r.comment = -1, strings.TrimRight(l.raw, blanks), ""
	}
	o.rows = append(o.rows, r)
	if l.kept(id) {
		o.braces(l.braces)
	}
}

// leading counts the braces that close before anything opens.
func leading(braces string) int { return len(braces) - len(strings.TrimLeft(braces, "}")) }

func (o *layout) braces(braces string) {
	for _, c := range braces {
		if c == '{' {
			o.depth++
		} else {
			o.depth = max(0, o.depth-1)
		}
	}
}

// free writes a line part by part. One whose parts grow beyond what keepalived
// reads keeps its shape.
func (o *layout) free(l *line) {
	parts, depth := l.parts, o.depth
	head, joins := o.joined(parts[0])
	if joins {
		parts, depth = parts[1:], depth+1
	}
	rows := rowsOf(parts, depth)
	above := remark(rows, l.comment, within(l.parts))
	if slices.ContainsFunc(rows, row.tooLong) {
		o.fixed(l, "")
		return
	}
	if joins {
		*o.last() = head
		above = o.last().remark(len(rows) == 0, above)
	}
	o.write(rows, above, depth)
	o.depth = depth
	o.braces(bracesIn(parts))
}

// joined is the last row with a { that stands on the line after it. A comment
// that acknowledges findings does not get into a block that way.
func (o *layout) joined(part string) (row, bool) {
	if part != "{" || len(o.rows) == 0 || !o.last().takes || accepts(o.last().comment) ||
		slices.ContainsFunc(o.waiting, func(l line) bool { return accepts(l.comment) }) {
		return row{}, false
	}
	r := *o.last()
	r.code, r.opens, r.takes = r.code+" {", true, false
	return r, !r.tooLong()
}

func accepts(comment string) bool { return strings.Contains(comment, "holdfast:") }

// rowsOf gives each part a row; a { stands behind its statement.
func rowsOf(parts []string, depth int) []row {
	var rows []row
	for _, p := range parts {
		last := len(rows) - 1
		switch {
		case p == "{" && last >= 0 && rows[last].takes:
			rows[last].code, rows[last].opens, rows[last].takes = rows[last].code+" {", true, false
			depth++
		case p == "{":
			rows = append(rows, row{depth: depth, code: p, opens: true})
			depth++
		case p == "}":
			depth = max(0, depth-1)
			rows = append(rows, row{depth: depth, code: p})
		default:
			rows = append(rows, row{depth: depth, code: spaced(p), takes: !includes(p[:wordEnd(p, 0)])})
		}
	}
	return rows
}

// remark gives the comment of a line to its row. Of several rows it is the last
// one's, unless the line leaves the block that it began in as it was: then the
// comment has to stand above them.
func remark(rows []row, comment string, within bool) (above string) {
	last := len(rows) - 1
	if last < 0 || last > 0 && within {
		return comment
	}
	rows[last].comment = comment
	return ""
}

// within reports whether parts stay in their block and close what they open.
func within(parts []string) bool {
	depth := 0
	for _, p := range parts {
		switch p {
		case "{":
			depth++
		case "}":
			depth--
		}
		if depth < 0 {
			return false
		}
	}
	return depth == 0
}

// remark gives the comment of a { that joined a row to the row, if it is all
// that stood beside it.
func (r *row) remark(alone bool, comment string) (above string) {
	with := *r
	with.comment = comment
	if !alone || r.comment != "" || with.tooLong() {
		return comment
	}
	*r = with
	return ""
}

func bracesIn(parts []string) string {
	var b strings.Builder
	for _, p := range parts {
		if p == "{" || p == "}" {
			b.WriteString(p)
		}
	}
	return b.String()
}

// write puts out the rows of a line behind the comments that belong before them.
func (o *layout) write(rows []row, above string, depth int) {
	if above != "" {
		o.waiting = append(o.waiting, line{kind: comment, comment: above})
	}
	if len(rows) == 0 {
		return
	}
	o.flush(depth, rows[0].code == "}")
	o.rows = append(o.rows, rows...)
}

// indent is what stands before a row. Blocks within more blocks than anybody
// writes are not indented further.
func (r row) indent() string { return strings.Repeat("    ", min(r.depth, 40)) }

// tooLong reports whether a row is longer than keepalived reads.
func (r row) tooLong() bool { return len(r.text()) > lineLimit }

// gap is the least distance of a comment from what it is about.
const gap = "  "

func (r row) text() string {
	switch {
	case r.depth < 0:
		return r.code
	case r.code == "" && r.comment == "":
		return ""
	case r.code == "":
		return r.indent() + r.comment
	case r.comment == "":
		return r.indent() + r.code
	}
	return r.indent() + r.code + gap + r.comment
}

// align brings the comments at the ends of neighbouring lines into one column.
func (o *layout) align() {
	for from := 0; from < len(o.rows); {
		to := from + 1
		for to < len(o.rows) && o.rows[to].beside(&o.rows[from]) {
			to++
		}
		alignRun(o.rows[from:to])
		from = to
	}
}

// beside reports whether two rows have comments that may share a column.
func (r *row) beside(o *row) bool {
	return r.depth >= 0 && r.depth == o.depth && r.code != "" && r.comment != "" && o.code != "" && o.comment != ""
}

// raggedness is how far comments may be moved for the sake of a column.
const raggedness = 24

func alignRun(rows []row) {
	lo, hi := lineLimit, 0
	for _, r := range rows {
		n := utf8.RuneCountInString(r.code)
		lo, hi = min(lo, n), max(hi, n)
	}
	if len(rows) < 2 || hi-lo > raggedness {
		return
	}
	for i := range rows {
		padded := rows[i]
		padded.code += strings.Repeat(" ", hi-utf8.RuneCountInString(padded.code))
		if !padded.tooLong() {
			rows[i] = padded
		}
	}
}
