package format

import (
	"slices"
	"strings"
)

// parameter is what a name may stand for in this text.
type parameter struct {
	// values are those of all its definitions; some lines of several.
	values []string
	lines  bool
	braces string
	// plain is what judged says has been found out.
	judged, plain bool
}

// names are the parameters that a text defines.
type names map[string]*parameter

func (n names) add(name string) *parameter {
	if n[name] == nil {
		n[name] = &parameter{}
	}
	return n[name]
}

// gather finds the definitions of a text and the names of its repetitions.
func (n names) gather(lines []string) {
	for _, raw := range lines {
		code, _ := cutComment(raw)
		text := n.gatherLists(code)
		if !isDefinition(text) {
			continue
		}
		name, value, _ := strings.Cut(text[1:], "=")
		n.gatherLists(trim(value))
		p := n.add(name)
		p.values = append(p.values, trim(value))
		p.lines = p.lines || strings.HasSuffix(value, `\`)
	}
}

// gatherLists notes the names of each ~LST that a text begins with, whose values
// may be anything, and answers what follows.
func (n names) gatherLists(code string) string {
	taken, text := heads(code)
	for _, h := range taken {
		if args, isList := strings.CutPrefix(h, "~LST("); isList {
			n.list(strings.TrimSuffix(args, ")"))
		}
	}
	return text
}

// list notes the names of one ~LST, and its values as if they were names too.
func (n names) list(args string) {
	for _, word := range strings.FieldsFunc(args, func(r rune) bool { return strings.ContainsRune("{}, \t", r) }) {
		if nameLen(word) == len(word) {
			p := n.add(word)
			p.values = append(p.values, strings.NewReplacer("{", "", "}", "").Replace(args))
			p.lines = p.lines || nested(args)
		}
	}
}

// nested reports whether the arguments of a ~LST hold a brace that opens no tuple.
func nested(args string) bool {
	for i := 1; i < len(args); i++ {
		if args[i] == '{' && strings.IndexByte(", \t{", args[i-1]) < 0 {
			return true
		}
	}
	return false
}

// follow notes the braces of a definition and answers which definition is open
// behind the line.
func (n names) follow(l *line, open string) string {
	text := l.code
	if open == "" {
		_, text = heads(l.code)
		if !isDefinition(text) {
			return ""
		}
		open, text, _ = strings.Cut(text[1:], "=")
		n.add(open).braces = ""
	}
	p := n.add(open)
	if _, body := heads(text); len(p.braces) < bracesLimit {
		p.braces += n.bracesOf(body)
	}
	if !strings.HasSuffix(text, `\`) {
		return ""
	}
	return open
}

// bracesLimit bounds the braces of one parameter; no real text has as many.
const bracesLimit = 1000

// plain reports whether a parameter surely stands for an ordinary word or some,
// so that the text around it can be laid out without knowing it. One that this
// text does not define is taken to be plain; the result is compared anyway.
func (n names) plain(name string) bool {
	switch name {
	case "_HASH", "_BANG", "_ENV":
		return false
	}
	p := n[name]
	if p == nil {
		return true
	}
	if !p.judged {
		p.judged = true // not plain, should it refer to itself
		p.plain = !p.lines && !slices.ContainsFunc(p.values, func(v string) bool { return odd(v) || !n.plainText(v) })
	}
	return p.plain
}

// odd reports whether a value could mean more than words: quotes, braces,
// comments and what is special at the beginning of a line.
func odd(value string) bool {
	return value == "" || strings.Contains(value, "include") ||
		strings.ContainsAny(strings.ReplaceAll(value, "${", ""), "\"'\\{#!@~")
}

// plainText reports whether all parameters of a text are plain.
func (n names) plainText(text string) bool {
	for i := range len(text) {
		if name, length := reference(text[i:]); length > 0 && !n.plain(name) {
			return false
		}
	}
	return true
}

// bracesOf lists the braces of a text, those of the parameters in it too.
func (n names) bracesOf(text string) string {
	var b strings.Builder
	for _, part := range split(text) {
		if part == "{" || part == "}" {
			b.WriteString(part)
			continue
		}
		n.inner(&b, part)
	}
	return b.String()
}

// inner adds the braces of the parameters in a statement.
func (n names) inner(b *strings.Builder, statement string) {
	for i := 0; i < len(statement); {
		name, length := reference(statement[i:])
		if length == 0 {
			i++
			continue
		}
		if p := n[name]; p != nil && b.Len() < bracesLimit {
			b.WriteString(p.braces)
		}
		i += length
	}
}
