package conf

import (
	"cmp"
	"slices"
	"strings"
)

// Template is what a reading found of marks that somebody, or some program, was
// to replace before the text became a configuration: {{ X }}, {% X %}, <X>,
// %X%, @X@, __X__, #X#, and ${X} where nothing is defined.
type Template struct {
	// Places are the marks, in the order in which they were read.
	Places []Span
	// Class is the worst of the findings that the marks caused and that are not
	// told, since filling them in removes them.
	Class Class
	// undefined: a mark is ${X}, which may also lack its definition.
	undefined bool
	lines     map[fileLine]bool
	seen      map[Span]bool
}

type fileLine struct {
	file *File
	line uint32
}

// Add takes a mark, also one that was recognised where its value was needed. A
// place counts once.
func (t *Template) Add(at Span) {
	if at.Origin == nil || len(t.Places) >= diagsLimit || t.seen[at] {
		return
	}
	if t.lines == nil {
		t.lines, t.seen = map[fileLine]bool{}, map[Span]bool{}
	}
	t.seen[at] = true
	t.lines[fileLine{at.Origin.File, at.Line}] = true
	t.Places = append(t.Places, at)
}

// Marks reports whether a place is in a line with a mark, or in one that is to
// blame.
func (t *Template) Marks(at Span) bool {
	return len(t.lines) > 0 && at.Origin != nil && t.lines[fileLine{at.Origin.File, at.Line}]
}

// Blame says that findings in a line are caused by a mark elsewhere.
func (t *Template) Blame(at Span) { t.lines[fileLine{at.Origin.File, at.Line}] = true }

// Causes reports whether a finding stands in a line that is to be filled in, and
// keeps what it would do to the exit status.
func (t *Template) Causes(d Diag) bool {
	if !t.Marks(d.Span) {
		return false
	}
	t.Class = max(t.Class, d.Class)
	return true
}

// Finding is the one finding about all marks; false: there are none.
func (t *Template) Finding() (Diag, bool) {
	if len(t.Places) == 0 {
		return Diag{}, false
	}
	slices.SortStableFunc(t.Places, func(a, b Span) int { return slices.CompareFunc(a.way(), b.way(), compareWays) })
	n := len(t.Places)
	text, fix := "this is a template: fill in "+itoa(uint32(n))+" places", "this is the first one"
	if n == 1 {
		text, fix = "this is a template: fill in 1 place", "write the value"
	}
	if t.undefined {
		fix += ", or define the parameter above"
	}
	return Diag{Severity: Error, Class: t.Class, Span: t.Places[0], Text: text, Fix: fix}, true
}

// finishTemplate drops the findings that the marks caused; braces do not match
// for other reasons. A parameter that is
// not defined is a mark only where nothing is: whoever defines parameters knows
// what they are.
func (r *reader) finishTemplate() {
	t := &r.tree.Template
	for _, d := range r.unset {
		if r.defines {
			r.report(d)
			continue
		}
		t.Add(d.Span)
		t.undefined = true
		t.Class = max(t.Class, d.Class)
	}
	if len(t.Places) > 0 {
		r.diags = slices.DeleteFunc(r.diags, func(d Diag) bool { return d.Severity != Error && t.Causes(d) })
	}
}

// mark is a mark in the text of a file.
type mark struct{ off, len int }

// filledLater tells a mark in a line of the keyword template, of a webhook: that is filled in when
// there is something to tell.
func filledLater(text string, off int) bool {
	line := strings.TrimLeft(text[strings.LastIndexByte(text[:off], '\n')+1:off], " \t\"")
	rest, is := strings.CutPrefix(line, "template")
	return is && rest != "" && strings.IndexByte(" \t\"", rest[0]) >= 0
}

// marks finds what is to be filled in, and answers whether something is.
func (r *reader) marks(o *Origin, text string) bool {
	found := slices.Concat(
		marksOf(text, "{{", braced), marksOf(text, "{%", braced), marksOf(text, "<", angled),
		marksOf(text, "%", func(s string) int { return between(s, "%", upper) }),
		marksOf(text, "@", func(s string) int { return between(s, "@", alphanumeric) }),
		marksOf(text, "__", func(s string) int { return between(s, "__", upper) }),
		marksOf(text, "#", func(s string) int { return between(s, "#", upper) }))
	found = slices.DeleteFunc(found, func(m mark) bool { return filledLater(text, m.off) })
	slices.SortFunc(found, func(a, b mark) int { return cmp.Compare(a.off, b.off) })
	before := len(r.tree.Template.Places)
	n, end := uint32(0), 0
	start, whole, rest := 0, "", text
	for _, m := range found {
		for n == 0 || m.off > start+len(whole) {
			start = len(text) - len(rest)
			whole, rest, _ = strings.Cut(rest, "\n")
			n++
		}
		if m.off >= end && len(whole) <= lineLimit && marked(whole, m.off-start, m.len) {
			r.tree.Template.Add(Span{o, n, uint16(m.off - start + 1), uint16(m.off - start + 1 + m.len)})
			end = m.off + m.len
			if text[m.off] == '{' && strings.Count(whole[:m.off-start], `"`)%2 == 0 {
				r.tree.Template.Class = Faulty // the braces are out of place
			}
		}
	}
	return len(r.tree.Template.Places) > before
}

// marksOf lists the marks that begin in one way; length answers how long the one
// at the beginning of a text is.
func marksOf(text, begin string, length func(string) int) []mark {
	var found []mark
	if begin[0] == '{' && !strings.Contains(text, "}") {
		return nil
	}
	for i := 0; len(found) < diagsLimit; {
		next := strings.Index(text[i:], begin)
		if next < 0 {
			break
		}
		i += next
		if n := length(text[i:]); n > 0 {
			found = append(found, mark{i, n})
			i += n
			continue
		}
		i += len(begin)
	}
	return found
}

// marked judges a mark by what stands around it in its line. Commands may hold
// what looks like one: the formats of other programs, in quotes, and HTML.
func marked(line string, at, n int) bool {
	comment := commentAt(line)
	before, after := line[:at], line[at+n:]
	quoted := strings.Count(before, `"`)%2 == 1
	alone := strings.HasSuffix(before, `"`) && strings.HasPrefix(after, `"`)
	switch line[at] {
	case '#':
		return comment == at && trimRight(after) == "" && at > 0 && blank(line[at-1]) && trimLeft(before) != ""
	case '{':
		inside := trimLeft(strings.Trim(line[at:at+n], "{}%"))
		goFormat := strings.HasPrefix(inside, ".") || strings.Contains(inside, " .")
		if quoted && !alone && goFormat {
			return false
		}
	case '<':
		if quoted && !alone {
			return false
		}
	case '@', '_':
		if at > 0 && alphanumeric(line[at-1]) || after != "" && alphanumeric(after[0]) {
			return false
		}
	}
	return comment < 0 || at < comment
}

// braced is the length of {{ X }} or {% X %} at the beginning of s, within a line.
func braced(s string) int {
	if len(s) < 2 || s[0] != '{' || s[1] != '{' && s[1] != '%' {
		return 0
	}
	end := "}}"
	if s[1] == '%' {
		end = "%}"
	}
	s, _, _ = strings.Cut(s[:min(len(s), lineLimit)], "\n")
	if i := strings.Index(s[2:], end); i > 0 {
		return i + 4
	}
	return 0
}

// angled is the length of <X>: a letter, and words without signs. Addresses of
// mail stand in such brackets too.
func angled(s string) int {
	for i := 1; i < len(s); i++ {
		switch c := s[i]; {
		case c == '>' && i > 1 && s[i-1] != ' ':
			return i + 1
		case i == 1 && !letter(c), c != ' ' && c != '-' && c != '.' && !alphanumeric(c):
			return 0
		}
	}
	return 0
}

// between is the length of a name of two letters or more between two signs.
func between(s, sign string, in func(byte) bool) int {
	i := len(sign)
	if i >= len(s) || !letter(s[i]) || s[i] == '_' {
		return 0
	}
	for ; i < len(s) && !strings.HasPrefix(s[i:], sign); i++ {
		if !in(s[i]) {
			return 0
		}
	}
	if i == len(s) || i < len(sign)+2 {
		return 0
	}
	return i + len(sign)
}

// upper and alphanumeric say what names are made of.
func upper(c byte) bool { return c == '_' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' }

func alphanumeric(c byte) bool { return letter(c) || c >= '0' && c <= '9' }

// controls reports whether a line only says what a program does with the lines
// around it.
func controls(raw string) bool {
	raw = trimLeft(raw)
	return strings.HasPrefix(raw, "{%") && braced(raw) > 0
}
