package conf

import (
	"strconv"
	"strings"
)

// definition is the value of a parameter, kept as written and expanded where it
// is used.
type definition struct {
	name  string
	value string
	// lines holds a value of several lines.
	lines []piece
	at    Span
}

// letter reports whether c may begin the name of a parameter.
func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// nameLen is the length of the name that begins s.
func nameLen(s string) int {
	if s == "" || !letter(s[0]) {
		return 0
	}
	n := 1
	for n < len(s) && (letter(s[n]) || s[n] >= '0' && s[n] <= '9') {
		n++
	}
	return n
}

// definition takes a piece of the form $NAME=value. One that ends in a
// backslash goes on with the next lines of the file.
func (r *reader) definition(p piece) bool {
	if p.text == "" || p.text[0] != '$' {
		return false
	}
	n := nameLen(p.text[1:])
	if n == 0 || n+1 >= len(p.text) || p.text[n+1] != '=' {
		return false
	}
	d := &definition{name: p.text[1 : n+1], at: p.span(0, n+1)}
	r.defines = true
	rest, goesOn := p.from(n + 2).continued()
	if goesOn {
		r.opened = d
		d.addLine(rest)
		return true
	}
	d.value = rest.text
	r.defs[d.name] = d
	return true
}

// discard reads a definition that a condition leaves out, for the sake of the
// lines that go on with it.
func (r *reader) discard(p piece) {
	if _, goesOn := p.continued(); goesOn && r.definition(p) {
		r.opened.name = ""
	}
}

func (d *definition) addLine(p piece) {
	if p.text != "" {
		d.lines = append(d.lines, p)
	}
}

// continueDefinition gives the open definition one more line.
func (r *reader) continueDefinition(p piece) {
	rest, goesOn := p.continued()
	r.opened.addLine(rest)
	if !goesOn {
		r.ended = ending{name: r.opened.name, at: p.span(0, len(p.text))}
		r.closeDefinition()
	}
}

// ending is where a definition of several lines ended.
type ending struct {
	name string
	at   Span // its last line; then the last of those below that were meant for it
	told bool
}

// goesOn tells whether a line that ends in a backslash was meant for the
// definition above it. That is a mistake in the line that ended it.
func (r *reader) goesOn(at Span) bool {
	e := &r.ended
	if e.name == "" || e.at.Origin != at.Origin || e.at.Line+1 != at.Line {
		return false
	}
	if !e.told {
		e.told = true
		text := "the definition of $" + e.name + " ends here, as this line has no backslash; the next ones, which have, are not part of it"
		r.report(finding(Complaint, Unclassed, e.at, text, `end it with a \`, r.build.within())) // keepalived says nothing
	}
	e.at = at
	return true
}

func (r *reader) closeDefinition() {
	if r.opened == nil {
		return
	}
	d := r.opened
	r.opened = nil
	if len(d.lines) == 1 {
		d.value, d.lines = d.lines[0].text, nil
	}
	if d.name != "" {
		r.defs[d.name] = d
	}
}

// reference is a use of a parameter in a text: ${NAME}, ${_BUILTIN ARGS}, or
// $NAME before a blank, a comma, a closing parenthesis or the end.
type reference struct {
	name, args string
	len        int
	braced     bool
}

// refer finds the reference at the beginning of s.
func refer(s string) (reference, bool) {
	if s[0] != '$' {
		return reference{}, false
	}
	if len(s) > 2 && s[1] == '{' {
		end := strings.IndexByte(s, '}')
		n := nameLen(s[2:])
		if n == 0 || end < 0 || n+2 != end && s[n+2] != ' ' || strings.IndexByte(s[:end], '"') >= 0 {
			return reference{}, false
		}
		return reference{s[2 : n+2], s[n+2 : end], end + 1, true}, true
	}
	n := nameLen(s[1:])
	if n == 0 || n+1 < len(s) && strings.IndexByte(blanks+",)", s[n+1]) < 0 {
		return reference{}, false
	}
	return reference{s[1 : n+1], "", n + 1, false}, true
}

// expand replaces the parameters of a piece. Undefined ones stay as they are.
// It answers false when no line can be made of it.
func (r *reader) expand(p piece) (piece, bool) {
	if strings.IndexByte(p.text, '$') < 0 {
		return p, true
	}
	out, done := piece{}, 0
	quoted := false
	for i := 0; i < len(p.text); i++ {
		quoted = quoted != (p.text[i] == '"')
		ref, isRef := refer(p.text[i:])
		if !isRef {
			r.verbatim(&p, i)
			continue
		}
		// $NAME at the beginning is a definition gone wrong; that is told of the keyword.
		text, known, ok := r.replacement(ref, p.span(i, i+ref.len), quoted || i == 0 && !ref.braced)
		if !ok {
			return p, false
		}
		if known {
			out = out.join(p.cut(done).upTo(i - done)).join(text)
			done = i + ref.len
		}
		i += ref.len - 1
		if len(out.text) > lineLimit {
			r.complain(p.span(0, len(p.text)), "the line is longer than 1023 bytes once its parameters are replaced, and is left out", "make two lines of it")
			return p, false
		}
	}
	if done == 0 {
		return p, true
	}
	return out.join(p.cut(done)), true
}

// replacement is what stands in place of a reference.
func (r *reader) replacement(ref reference, at Span, silent bool) (text piece, known, ok bool) {
	s, o, known, ok := r.value(ref, at)
	if ok && !known {
		r.undefined(ref, at, silent)
	}
	at.Origin = o
	return piece{text: s, first: seg{span: at}}, known, ok
}

// join is append that leaves out what is empty.
func (p piece) join(o piece) piece {
	switch {
	case o.text == "" && p.first.span.Origin != nil:
		return p
	case p.text == "" && len(p.more) == 0:
		return o
	}
	return p.append(o)
}

// verbatim speaks of a parameter that is defined and yet not replaced, because
// of what follows its name.
func (r *reader) verbatim(p *piece, i int) {
	if p.text[i] != '$' {
		return
	}
	n := nameLen(p.text[i+1:])
	if n == 0 {
		return
	}
	name := p.text[i+1 : i+1+n]
	if r.defs[name] == nil {
		return
	}
	r.advise(p.span(i, i+1+n), "$"+name+" stays as it is, because "+strconv.Quote(p.text[i+1+n:i+2+n])+" follows it", "write ${"+name+"}")
}

// undefined speaks of a reference that names nothing. It stays in the text, as
// keepalived leaves it, where it is a word like any other.
func (r *reader) undefined(ref reference, at Span, silent bool) {
	if silent || r.defs[ref.name] != nil || predefined(ref.name) {
		return
	}
	if !ref.braced {
		r.advise(at, "$"+ref.name+" is not defined and stays as it is", "define it with $"+ref.name+"=VALUE before this line, or write it in quotes")
		return
	}
	if len(r.unset) < diagsLimit {
		r.unset = append(r.unset, finding(Complaint, Faulty, at,
			"${"+ref.name+"} is not defined and stays as it is; keepalived takes its braces for a block",
			"define it with $"+ref.name+"=VALUE before this line", r.build.within()))
	}
}

// value answers what stands in place of a reference: its text and where that
// came from. ok is false when it can have no text at all.
func (r *reader) value(ref reference, at Span) (text string, o *Origin, known, ok bool) {
	if d := r.defs[ref.name]; d != nil && ref.args == "" {
		if d.lines != nil {
			r.complain(at, "$"+ref.name+" has several lines and is replaced only at the end of a line; here it stays as it is", "make it the last word of the line")
			return "", nil, false, true
		}
		r.steps = 0
		text, ok = r.flatten(d, at, 0)
		return text, r.replacedBy(d, at), true, ok
	}
	text, known, ok = r.builtin(ref, at)
	return text, at.Origin, known, ok
}

// replacedBy is the origin of text that a definition put in.
func (r *reader) replacedBy(d *definition, at Span) *Origin {
	key := usage{d, at.Origin}
	if o := r.origins[key]; o != nil {
		return o
	}
	o := &Origin{File: at.Origin.File, Kind: Replaced, Name: d.name, From: d.at, Up: at.Origin}
	r.origins[key] = o
	return o
}

// usage is a definition and the text that uses it.
type usage struct {
	d    *definition
	used *Origin
}

// depthLimit bounds definitions within definitions and includes within includes.
const depthLimit = 64

// stepsLimit bounds the definitions that one use of a definition is made of.
const stepsLimit = 10_000

// flatten is the value of a definition with the parameters in it replaced.
func (r *reader) flatten(d *definition, at Span, depth int) (string, bool) {
	if strings.IndexByte(d.value, '$') < 0 {
		return d.value, true
	}
	if depth > depthLimit {
		r.fault(at, "the definition of $"+d.name+" refers to itself", "")
		return "", false
	}
	if r.steps++; r.steps > stepsLimit {
		r.fault(at, "$"+d.name+" is made of more than 10000 definitions", "")
		return "", false
	}
	var out strings.Builder
	for i := 0; i < len(d.value); i++ {
		ref, isRef := refer(d.value[i:])
		if !isRef {
			out.WriteByte(d.value[i])
			continue
		}
		text, ok := r.inner(ref, d.value[i:i+ref.len], at, depth)
		if !ok {
			return "", false
		}
		out.WriteString(text)
		if out.Len() > lineLimit {
			r.complain(at, "$"+d.name+" is longer than 1023 bytes once it is expanded; the line is left out", "make a definition of several lines of it")
			return "", false
		}
		i += ref.len - 1
	}
	return out.String(), true
}

// inner is the text of a reference inside a definition.
func (r *reader) inner(ref reference, written string, at Span, depth int) (string, bool) {
	if d := r.defs[ref.name]; d != nil && ref.args == "" && d.lines == nil {
		return r.flatten(d, at, depth+1)
	}
	text, known, ok := r.builtin(ref, at)
	if ok && !known {
		return written, true
	}
	return text, ok
}

// builtin answers the names that are always there.
func (r *reader) builtin(ref reference, at Span) (text string, known, ok bool) {
	args := strings.Fields(ref.args)
	switch ref.name {
	case "_PWD":
		return dir(at.File()), true, true
	case "_INSTANCE":
		return r.opt.ID, true, true
	case "_HASH":
		return "#", true, true
	case "_BANG":
		return "!", true, true
	case "_ENV":
		return r.env(args, at)
	case "_RANDOM":
		return r.random(args, at)
	}
	return "", false, true
}

// predefined reports whether a name is one of those that are always there: what
// is wrong with a use of it has been told.
func predefined(name string) bool {
	switch name {
	case "_PWD", "_INSTANCE", "_HASH", "_BANG", "_ENV", "_RANDOM":
		return true
	}
	return false
}

func (r *reader) env(args []string, at Span) (text string, known, ok bool) {
	if len(args) != 1 {
		r.complain(at, "_ENV takes the name of one environment variable", "")
		return "", false, true
	}
	if r.opt.Env == nil {
		return "", true, true
	}
	text, _ = r.opt.Env(args[0])
	return text, true, true
}

// random is ${_RANDOM}, ${_RANDOM A} or ${_RANDOM A B}: up to 32767 unless B says otherwise.
func (r *reader) random(args []string, at Span) (text string, known, ok bool) {
	bounds := [2]uint64{0, 32767}
	for i, a := range args {
		n, err := strconv.ParseUint(a, 10, 32)
		if err != nil || i > 1 {
			r.complain(at, "_RANDOM takes at most two numbers", "")
			return "", false, true
		}
		bounds[i] = n
	}
	if bounds[0] > bounds[1] {
		r.complain(at, "the bounds of _RANDOM are the wrong way round", "")
		return "", false, true
	}
	n := bounds[0] + r.rand.Uint64N(bounds[1]-bounds[0]+1)
	return strconv.FormatUint(n, 10), true, true
}
