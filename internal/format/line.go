package format

import (
	"slices"
	"strings"
)

// lineLimit is the longest line that keepalived reads; longer ones it leaves out.
const lineLimit = 1023

// kind is what a line is, as far as its layout goes.
type kind uint8

const (
	// empty lines hold nothing.
	empty kind = iota
	// comment lines hold nothing else.
	comment
	// verbatim lines are not touched: those nobody reads, and those that go on
	// with a definition.
	verbatim
	// fixed lines are indented and keep their shape.
	fixed
	// free lines are parted at their braces, and their blanks are put in order.
	free
)

// line is one line of the source.
type line struct {
	kind kind
	// raw is the line as it was, without line end; code and comment are its parts.
	raw, code, comment string
	// heads are the conditions and repetitions before the text: "@node1", "~SEQ(I,3)".
	heads []string
	// parts are the statements and braces of a free line.
	parts []string
	// braces are those of the line in their order, those of its parameters too.
	braces string
	// unquoted: a quote is left open.
	unquoted bool
}

// source is a text in lines.
type source struct {
	lines []line
	names names
	// cautious: a line with a parameter keeps its shape.
	cautious bool
}

// scan reads a text. Of a line that may or may not go on with a definition,
// depending on conditions, it is assumed that it does: such lines stay as they are.
func scan(text string) *source { return (&source{names: names{}}).scan(text) }

// scanCautiously takes every parameter for one that may hold anything.
func scanCautiously(text string) *source {
	return (&source{names: names{}, cautious: true}).scan(text)
}

func (s *source) scan(text string) *source {
	texts := strings.Split(text, "\n")
	if last := len(texts) - 1; texts[last] == "" {
		texts = texts[:last]
	}
	s.names.gather(texts)
	open := ""
	for _, raw := range texts {
		l := s.line(strings.TrimRight(raw, "\r"), open != "")
		if l.kind != verbatim || !unread(l.raw) {
			open = s.names.follow(&l, open)
		}
		s.lines = append(s.lines, l)
	}
	return s
}

// unread reports whether keepalived leaves a line out.
func unread(raw string) bool { return len(raw) > lineLimit || strings.IndexByte(raw, 0) >= 0 }

// line reads one line; inside says that it goes on with a definition.
func (s *source) line(raw string, inside bool) line {
	l := line{raw: raw}
	if unread(raw) {
		l.kind = verbatim
		return l
	}
	l.code, l.comment = cutComment(raw)
	switch {
	case inside:
		l.kind, l.raw = verbatim, strings.TrimRight(raw, blanks)
	case l.code == "" && l.comment == "":
		l.kind = empty
	case l.code == "":
		l.kind = comment
	default:
		s.statement(&l)
	}
	return l
}

// statement reads a line that says something.
func (s *source) statement(l *line) {
	var text string
	l.heads, text = heads(l.code)
	l.kind = fixed
	if isDefinition(text) {
		l.code = headed(l.heads, text)
		return
	}
	l.braces, l.unquoted = s.names.bracesOf(text), leftOpen(text)
	l.parts = s.parts(text)
	switch {
	case l.parts == nil || strings.HasPrefix(text, "~"):
	case len(l.heads) == 0:
		l.kind = free
	case len(l.parts) == 1:
		l.code = headed(l.heads, spaced(l.parts[0]))
	case len(l.parts) == 2 && l.parts[1] == "{":
		l.code = headed(l.heads, spaced(l.parts[0])+" {")
	}
}

// headed puts conditions and repetitions before a text.
func headed(heads []string, text string) string {
	return strings.TrimRight(strings.Join(append(slices.Clone(heads), text), " "), blanks)
}

// parts are the statements and braces of a text, or nil if it has to keep its shape.
func (s *source) parts(text string) []string {
	if s.obscure(text) || leftOpen(text) || strings.Contains(text, `\`) {
		return nil
	}
	parts := split(text)
	if len(parts) == 0 || len(parts) > 1 && touching(text) || !movable(parts) {
		return nil
	}
	return parts
}

// obscure reports whether a text has parameters that may be more than words.
func (s *source) obscure(code string) bool {
	return s.cautious && strings.Contains(code, "$") || !s.names.plainText(code)
}

// movable reports whether each part means the same at the beginning of a line
// and at the end of one.
func movable(parts []string) bool {
	for _, p := range parts[1:] {
		if strings.ContainsAny(p[:1], "@~") || isDefinition(p) {
			return false
		}
	}
	return true
}

// touching reports whether a brace stands right behind a $NAME: apart from it the
// $NAME would be a parameter.
func touching(text string) bool {
	for i := range len(text) {
		if _, length := reference(text[i:]); text[i] != '$' || length > 0 {
			continue
		}
		if end := i + 1 + nameLen(text[i+1:]); end < len(text) && strings.IndexByte("{}", text[end]) >= 0 {
			return true
		}
	}
	return false
}

// heads takes off what stands before the text of a line: a condition @ID, and
// repetitions ~SEQ(...), ~SEQx(...) and ~LST(...), each of which another
// condition may follow.
func heads(code string) (taken []string, text string) {
	text = code
	condition := true
	for {
		end := 0
		switch {
		case condition && strings.HasPrefix(text, "@"):
			end = strings.IndexAny(text+" ", blanks)
		case strings.HasPrefix(text, "~SEQ(") || strings.HasPrefix(text, "~SEQx(") || strings.HasPrefix(text, "~LST("):
			end = strings.IndexByte(text, ')') + 1
		}
		if end == 0 {
			return taken, text
		}
		condition = text[0] == '~'
		taken, text = append(taken, text[:end]), trim(text[end:])
	}
}

// kept reports whether a line is read where the configuration has this id.
func (l *line) kept(id string) bool {
	for _, h := range l.heads {
		name, unless := strings.CutPrefix(h[1:], "^")
		if h[0] == '@' && (name == "" || (name == id) == unless) {
			return false
		}
	}
	return true
}

// isDefinition reports whether a text has the form $NAME=.
func isDefinition(text string) bool {
	if !strings.HasPrefix(text, "$") {
		return false
	}
	n := nameLen(text[1:])
	return n > 0 && strings.HasPrefix(text[n+1:], "=")
}

// ids are the config ids that can make a difference: none, and those the text
// names, a few of them.
func (s *source) ids() []string {
	ids := []string{""}
	for i := range s.lines {
		for _, h := range s.lines[i].heads {
			id := strings.TrimPrefix(h[1:], "^")
			if h[0] == '@' && len(ids) < idsLimit && !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

// idsLimit bounds how many ids are tried.
const idsLimit = 8

// balancedID answers the first id with which the braces match and no quote is
// left open, or false when there is none.
func (s *source) balancedID() (string, bool) {
	for _, id := range s.ids() {
		if s.balanced(id) {
			return id, true
		}
	}
	return "", false
}

func (s *source) balanced(id string) bool {
	depth := 0
	for i := range s.lines {
		l := &s.lines[i]
		if !l.kept(id) {
			continue
		}
		if l.unquoted {
			return false
		}
		for _, c := range l.braces {
			depth++
			if c == '}' {
				depth -= 2
			}
			if depth < 0 {
				return false
			}
		}
	}
	return depth == 0
}
