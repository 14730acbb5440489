// Package format lays a keepalived.conf out in one way: a statement per line,
// four blanks per level, one blank between words, comments where they stand. It
// works on the source text, so definitions, conditions, repetitions and includes
// stay as they were written, and it never changes what the text means. It opens
// no file and writes none.
package format

import (
	"strings"

	"holdfast/internal/conf"
)

// Source lays out the text that files holds under name. What it answers ends
// with one line feed and means the same: both are read, and compared, before it
// answers. A text whose braces or quotes do not match, or which is a template, is
// left alone; then the answer is the text as it was and the findings say what is
// wrong.
func Source(files conf.Files, name, text string) (string, []conf.Diag) {
	out, found := once(files, name, text)
	for range settling {
		again, worse := once(files, name, out)
		if again == out || len(worse) > 0 {
			break
		}
		out = again
	}
	return out, found
}

// settling bounds how often a layout is laid out again: what is strange may be
// plain after the first time.
const settling = 3

// once lays out a text once.
func once(files conf.Files, name, text string) (string, []conf.Diag) {
	s := scan(text)
	before := overlay{files, name, text}
	if d, template := unfilled(before); template {
		return text, []conf.Diag{d}
	}
	if _, balanced := s.balancedID(); !balanced {
		if found := faults(before); len(found) > 0 {
			return text, found
		}
	}
	if out, ok := s.tidy(before); ok {
		return out, nil
	}
	// An included file defines what is more than words.
	s = scanCautiously(text)
	if out, ok := s.tidy(before); ok {
		return out, nil
	}
	return text, []conf.Diag{{Severity: conf.Error, Text: "laying out " + name + " would change what it means; it is left alone"}}
}

// tidy lays the text out and reports whether the result means the same.
func (s *source) tidy(before overlay) (string, bool) {
	id, _ := s.balancedID()
	out := s.layout(id)
	if out == before.text {
		return out, true
	}
	after := overlay{before.Files, before.name, out}
	for _, other := range s.ids() {
		if (other == id || s.balanced(other)) && !same(before, after, other) {
			return "", false
		}
	}
	return out, true
}

// unfilled is the finding about a template whose marks are made of braces. Others
// are words, and a parameter may be defined in the file that includes this one.
func unfilled(o overlay) (conf.Diag, bool) {
	tree, _ := conf.Parse(o, o.name, conf.Options{})
	for _, p := range tree.Template.Places {
		if strings.HasPrefix(p.Origin.File.Line(int(p.Line))[p.Col-1:], "{") {
			return tree.Template.Finding()
		}
	}
	return conf.Diag{}, false
}

// faults are the findings about the structure of a text.
func faults(o overlay) []conf.Diag {
	_, found := conf.Parse(o, o.name, conf.Options{})
	var out []conf.Diag
	for _, d := range found {
		if d.Class == conf.Faulty && d.Severity != conf.Advice {
			out = append(out, d)
		}
	}
	return out
}

// overlay is the machine's files with one text replaced.
type overlay struct {
	conf.Files
	name, text string
}

// Read implements conf.Files.
func (o overlay) Read(path string) (string, conf.Kind, error) {
	if path == o.name {
		return o.text, conf.Regular, nil
	}
	return o.Files.Read(path)
}

// Glob implements conf.Files.
func (o overlay) Glob(pattern string) ([]string, error) {
	if pattern == o.name {
		return []string{o.name}, nil
	}
	return o.Files.Glob(pattern)
}
