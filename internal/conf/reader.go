package conf

import (
	"math/rand/v2"
	"slices"
	"strings"
)

// Options is what a text may depend on beside itself.
type Options struct {
	// ID is what @ID lines are compared with: the option -i, or the host name up
	// to its first dot.
	ID string
	// Env answers for ${_ENV NAME}; nil knows no variable.
	Env func(name string) (string, bool)
	// Seed begins the numbers of ${_RANDOM}.
	Seed uint64
	// AllChecks makes every include problem an error (option -e).
	AllChecks bool
}

// linesLimit bounds what definitions and repetitions produce.
const linesLimit = 500_000

// reader turns files into a tree.
type reader struct {
	files   Files
	opt     Options
	tree    *Tree
	build   builder
	diags   []Diag
	defs    map[string]*definition
	origins map[usage]*Origin
	// opened is a definition whose value goes on in the next line.
	opened *definition
	ended  ending // where the latest of several lines ended
	checks checks
	rand   *rand.Rand
	spent  int
	steps  int     // of the definition that is being expanded
	words  []Token // scratch
	// unset are the uses of parameters without definition: marks of a template
	// unless the text defines some.
	unset   []Diag
	defines bool
	// stopped: so much is wrong that the rest is not read.
	stopped bool
}

// Parse reads a configuration. path may be a pattern; several matches are read
// one after the other. The tree is complete as far as the text allows, whatever
// was found; the findings are in the order of their places.
func Parse(files Files, path string, opt Options) (*Tree, []Diag) {
	r := newReader(files, opt)
	r.all(path)
	if r.build.mismatched > 0 {
		r = r.mended(path)
	}
	r.finishTemplate()
	return r.tree, Sort(r.diags)
}

func newReader(files Files, opt Options) *reader {
	r := &reader{
		files: files, opt: opt, tree: &Tree{},
		defs: map[string]*definition{}, origins: map[usage]*Origin{},
		rand: rand.New(rand.NewPCG(opt.Seed, 0)),
	}
	if opt.AllChecks {
		r.checks = checkAll
	}
	r.build.report = r.report
	r.build.stop = func() { r.stopped = true }
	return r
}

// all reads all files that a path stands for.
func (r *reader) all(path string) {
	for i, name := range r.mainFiles(path) {
		r.main(name, i)
	}
	r.tree.Nodes = r.build.end()
}

// mainFiles lists the files a path stands for.
func (r *reader) mainFiles(path string) []string {
	if !strings.ContainsAny(path, "*?[{") {
		return []string{path}
	}
	var names []string
	for _, pattern := range braces(path) {
		found, err := r.files.Glob(pattern)
		if err == nil {
			names = append(names, slices.Sorted(slices.Values(found))...)
		}
	}
	if len(names) == 0 {
		return []string{path}
	}
	if len(names) > 1 {
		o := &Origin{File: &File{Name: path}}
		r.report(finding(Complaint, Faulty, Span{Origin: o}, "several files match; all are read, in order", "", ""))
	}
	return names
}

func (r *reader) main(name string, seq int) {
	text, kind, err := r.files.Read(name)
	o := &Origin{File: r.add(name, text), seq: seq}
	if kind != Regular {
		d := finding(Error, NoFile, Span{Origin: o}, "the file "+reason(kind, err), "", "")
		d.Rule = "ignored-file"
		r.report(d)
		return
	}
	r.read(o, 0)
}

func (r *reader) add(name, text string) *File {
	f := &File{Name: name, text: text}
	r.tree.Files = append(r.tree.Files, f)
	return f
}

// read reads one file line by line.
func (r *reader) read(o *Origin, depth int) {
	rest, n := r.plain(o), uint32(0)
	marked := r.marks(o, rest)
	nul := false
	for rest != "" && !r.stopped {
		var raw string
		if i := strings.IndexByte(rest, '\n'); i >= 0 {
			raw, rest = rest[:i], rest[i+1:]
		} else {
			raw, rest = rest, ""
		}
		n++
		raw = strings.TrimRight(raw, "\r")
		p, ok := r.usable(raw, o, n, &nul)
		if !ok || marked && controls(raw) {
			continue
		}
		r.physical(p, depth)
		r.remark(p)
	}
	r.closeDefinition()
}

// plain answers the text of a file, when it is text of the kind that keepalived
// reads: bytes, of which the ASCII ones mean something.
func (r *reader) plain(o *Origin) string {
	text := o.File.text
	if len(text) >= 2 && (text[:2] == "\xff\xfe" || text[:2] == "\xfe\xff") {
		r.fault(Span{o, 1, 1, 3}, "the file is text in UTF-16, of which keepalived reads nothing", "convert it: iconv -f UTF-16 -t UTF-8")
		return ""
	}
	return text
}

// byteOrderMark is what some editors put before UTF-8.
const byteOrderMark = "\ufeff"

// usable makes a piece of a line when keepalived would take it at all. Of NUL
// bytes it speaks once in a file: a file that holds one holds many.
func (r *reader) usable(raw string, o *Origin, n uint32, nul *bool) (piece, bool) {
	switch {
	case len(raw) > lineLimit:
		r.complain(Span{o, n, 1, 2}, "the line is longer than 1023 bytes and is left out", "put parts of it into definitions")
		return piece{}, false
	case strings.IndexByte(raw, 0) >= 0:
		if i := strings.IndexByte(raw, 0) + 1; !*nul {
			r.complain(Span{o, n, uint16(i), uint16(i + 1)}, "a NUL byte: every line that holds one is left out", "is this a text file?")
		}
		*nul = true
		return piece{}, false
	case n == 1 && strings.HasPrefix(raw, byteOrderMark):
		r.complain(Span{o, 1, 1, 4}, "the file begins with a byte order mark, which keepalived takes for a part of the first word", "save it as UTF-8 without one")
		return line(raw[3:], o, 1, 4), true
	}
	return line(raw, o, n, 1), true
}

// physical reads one line as it stands in a file.
func (r *reader) physical(p piece, depth int) {
	if r.opened == nil && depth <= depthLimit && !strings.ContainsAny(p.text, signs) {
		r.easy(p, depth)
		return
	}
	p = uncomment(p, false)
	if r.opened != nil {
		r.continueDefinition(p)
		return
	}
	if p.text == "" {
		return
	}
	p = r.unslash(p)
	r.build.indent = p.span(0, 1).Col
	r.logical(p, depth)
}

// signs are what makes a line more than words, quotes and braces: a comment, a
// backslash, a definition or its use, a condition, a repetition.
const signs = `#!\$@~`

// easy reads a line without signs, as most lines are.
func (r *reader) easy(p piece, depth int) {
	p = p.from(0).trimRight()
	if p.text == "" {
		return
	}
	r.build.indent = p.span(0, 1).Col
	r.emit(&p, depth)
}

// unslash moves a backslash at the end of a line that is no definition to the
// word before it, as keepalived does.
func (r *reader) unslash(p piece) piece {
	if p.text[len(p.text)-1] != '\\' {
		return p
	}
	rest, _ := p.continued()
	if strings.HasPrefix(rest.text, "$") || strings.HasPrefix(rest.text, "@") {
		return p
	}
	n := len(p.text) - 1
	if r.goesOn(p.span(n, n+1)) {
		return rest.append(p.cut(n))
	}
	r.advise(p.span(n, n+1), "a backslash continues a line only in a definition; here it becomes part of the word before it", "delete it")
	return rest.append(p.cut(n))
}

// logical reads one line of which comments are gone: condition, definition,
// repetition, parameters, and then what it says.
func (r *reader) logical(p piece, depth int) {
	p, keep := r.condition(p)
	if !keep || p.text == "" {
		return
	}
	if depth > depthLimit {
		r.fault(p.span(0, len(p.text)), "definitions, repetitions and includes lie more than 64 deep in one another", "")
		return
	}
	if r.definition(p) || r.repeat(p, depth) {
		return
	}
	if d, before, at := r.block(p); d != nil {
		r.lines(d, before, at, depth)
		return
	}
	q, ok := r.expand(p)
	if !ok {
		return
	}
	if q.replaced() {
		q = uncomment(q, true)
	}
	r.emit(&q, depth)
}

// condition takes @ID and @^ID off the front of a line and says whether the
// rest of it is to be read.
func (r *reader) condition(p piece) (piece, bool) {
	if p.text == "" || p.text[0] != '@' {
		return p, true
	}
	end := strings.IndexAny(p.text, blanks)
	if end < 0 {
		end = len(p.text)
	}
	id, unless := strings.CutPrefix(p.text[1:end], "^")
	if id == "" {
		r.advise(p.span(0, end), "a condition without a name never holds: the line is left out", "write @NAME or @^NAME without a blank, or delete the line")
	}
	p = p.from(end)
	if id == "" || (id == r.opt.ID) == unless {
		r.discard(p)
		return p, false
	}
	return p, true
}

// block finds a reference to a definition of several lines at the end of a line.
func (r *reader) block(p piece) (*definition, piece, Span) {
	i := strings.LastIndexByte(p.text, '$')
	if i < 0 {
		return nil, p, Span{}
	}
	ref, isRef := refer(p.text[i:])
	d := r.defs[ref.name]
	if !isRef || i+ref.len != len(p.text) || d == nil || d.lines == nil {
		return nil, p, Span{}
	}
	return d, p.upTo(i), p.span(i, len(p.text))
}

// lines reads a definition of several lines where it is used. What stands
// before it goes with its first line.
func (r *reader) lines(d *definition, before piece, at Span, depth int) {
	if depth >= depthLimit {
		r.fault(at, "the definition of $"+d.name+" refers to itself", "")
		return
	}
	o := &Origin{File: d.at.Origin.File, Kind: Expanded, Name: d.name, From: at}
	for i, p := range d.lines {
		if !r.spend(at) {
			return
		}
		p = p.movedTo(o)
		r.build.indent = p.span(0, 1).Col
		if i == 0 && strings.Trim(before.text, blanks) != "" {
			p = before.append(p)
			r.build.indent = p.span(0, 1).Col
		}
		r.logical(p, depth+1)
	}
}

// movedTo gives the text of a definition the origin of its use.
func (p piece) movedTo(o *Origin) piece {
	p.first.span.Origin = o
	p.more = slices.Clone(p.more)
	for i := range p.more {
		p.more[i].span.Origin = o
	}
	return p
}

// spend counts a line that was not written but produced, and refuses to go on
// for ever.
func (r *reader) spend(at Span) bool {
	r.spent++
	if r.spent == linesLimit {
		r.tooMuch(at)
	}
	return r.spent < linesLimit
}

// tooMuch speaks once of too many lines.
func (r *reader) tooMuch(at Span) {
	r.spent = linesLimit
	r.fault(at, "definitions and repetitions make more than 500000 lines; those that follow are left out", "write a smaller range")
}

// emit hands the statements and braces of a line to the tree.
func (r *reader) emit(p *piece, depth int) {
	for i := 0; i < len(p.text); {
		switch c := p.text[i]; {
		case blank(c):
			i++
		case c == '{' && braced(p.text[i:]) == 0:
			if strings.Contains(p.text[:i], `\"`) {
				r.fault(p.span(i, i+1), `\" ends quoted text, so this { is outside of it and begins a block`, `inside "..." use '...'`)
			}
			r.build.open(p.span(i, i+1))
			i++
		case c == '}':
			r.build.close(p.span(i, i+1))
			i++
		default:
			i = r.statement(p, i, depth)
		}
	}
}

// statement reads words up to a brace or the end of the line, and answers where
// that is. A quote that is never closed loses the rest of the line.
func (r *reader) statement(p *piece, i, depth int) int {
	r.words = r.words[:0]
	raw, lost := -1, 0
	for i < len(p.text) && (p.text[i] != '{' && p.text[i] != '}' || braced(p.text[i:]) > 0) {
		c := p.text[i]
		if blank(c) {
			i++
			continue
		}
		if len(r.words) == 1 && raw < 0 {
			raw = i
		}
		if c == '"' && strings.IndexByte(p.text[i+1:], '"') < 0 {
			r.unclosed(p, i)
			lost = len(p.text) - i
			break
		}
		i = r.word(p, i)
		if len(r.words) == 1 && c != '"' && r.includes(p, i, depth) {
			return len(p.text)
		}
	}
	r.finishStatement(p, raw, i+lost)
	return i + lost
}

// unclosed speaks of a quote without partner. In a quoted word a backslash does
// not hide a quote, except from the keywords that split the line on their own.
func (r *reader) unclosed(p *piece, i int) {
	fix := `add a "`
	if strings.Contains(p.text[:i+1], `\"`) {
		fix = `\" ends a quoted word too, so an even number is needed`
	}
	r.complain(p.span(i, len(p.text)), "the quote is not closed; the rest of the line is lost", fix)
}

// includes takes a statement that begins with an include word; the pattern is
// the rest of the line.
func (r *reader) includes(p *piece, i, depth int) bool {
	word := r.words[0]
	if _, include := r.includeChecks(word.Text); !include {
		return false
	}
	rest := p.from(i)
	if rest.text == "" {
		r.complain(word.Span, word.Text+" without the name of a file is ignored", "write the name behind it")
		return true
	}
	r.include(word.Text, rest.text, word.Span.To(rest.span(0, len(rest.text))), depth)
	return true
}

// finishStatement puts the gathered words into the tree.
func (r *reader) finishStatement(p *piece, raw, end int) {
	if len(r.words) == 0 {
		return
	}
	if r.words[0].Text == "include_check" {
		r.includeCheck(r.words)
	}
	text := ""
	if raw >= 0 {
		text = trimRight(p.text[raw:end])
	}
	r.build.statement(r.words, text)
}

// word reads one word, quoted or not, and answers where it ends.
func (r *reader) word(p *piece, i int) int {
	if p.text[i] == '"' {
		end := i + 1 + strings.IndexByte(p.text[i+1:], '"')
		r.words = append(r.words, Token{p.text[i+1 : end], p.span(i, end+1)})
		return end + 1
	}
	from := i
	for i < len(p.text) && !blank(p.text[i]) && p.text[i] != '"' && (p.text[i] != '}' && p.text[i] != '{' || braced(p.text[i:]) > 0) {
		i += r.step(p.text[i:])
	}
	r.words = append(r.words, Token{p.text[from:i], p.span(from, i)})
	return i
}

// step is how far the word at the beginning of s goes at least: an undefined
// ${NAME} or a mark of a form is not torn apart at its braces.
func (r *reader) step(s string) int {
	if s[0] == '$' {
		if ref, isRef := refer(s); isRef {
			return ref.len
		}
	}
	if n := braced(s); n > 0 {
		return n
	}
	return 1
}

// diagsLimit bounds the findings of one reading; nobody reads more. As many
// errors are told beyond it, and then the reading ends.
const diagsLimit = 1000

func (r *reader) report(d Diag) {
	n := len(r.diags)
	switch {
	case n >= 2*diagsLimit:
		r.stopped = true
		return
	case n >= diagsLimit && d.Severity != Error:
		return
	case n == 2*diagsLimit-1, n == diagsLimit-1 && d.Severity != Error:
		d = Diag{Severity: d.Severity, Class: d.Class, Span: d.Span, Text: "too many findings; more are not told"}
	}
	r.diags = append(r.diags, d)
}

func (r *reader) fault(at Span, text, fix string) {
	r.report(finding(Error, Faulty, at, text, fix, r.build.within()))
}

func (r *reader) complain(at Span, text, fix string) {
	r.report(finding(Complaint, Faulty, at, text, fix, r.build.within()))
}

// advise speaks of what keepalived reads otherwise than it looks.
func (r *reader) advise(at Span, text, fix string) {
	d := finding(Advice, Unclassed, at, text, fix, r.build.within())
	d.Rule = "quirk"
	r.report(d)
}
