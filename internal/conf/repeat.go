package conf

import (
	"errors"
	"strconv"
	"strings"
)

// repeat takes a piece that begins with ~SEQ or ~LST and reads the rest of it
// once per value.
func (r *reader) repeat(p piece, depth int) bool {
	word := generator(p.text)
	if word == "" {
		return false
	}
	end := strings.IndexByte(p.text, ')')
	if end < 0 {
		r.complain(p.span(0, len(word)), word+" has no closing parenthesis; the line is left out", "add )")
		return true
	}
	head, ok := r.expand(p.upTo(end))
	if !ok {
		return true
	}
	_, args, _ := strings.Cut(head.text, "(")
	at := p.span(0, end+1)
	if word == "~LST" {
		r.list(args, at, p.from(end+1), depth)
		return true
	}
	r.sequence(args, word == "~SEQx", at, p.from(end+1), depth)
	return true
}

// generator answers the word of a repetition; blanks may stand before its
// parenthesis.
func generator(s string) string {
	if s[0] != '~' {
		return ""
	}
	for _, word := range []string{"~SEQx", "~SEQ", "~LST"} {
		if rest, is := strings.CutPrefix(s, word); is && strings.HasPrefix(trimLeft(rest), "(") {
			return word
		}
	}
	return ""
}

// sequence is ~SEQ(VAR, [START, [STEP,]] END).
func (r *reader) sequence(args string, hex bool, at Span, rest piece, depth int) {
	name, start, step, end, err := sequenceArgs(args)
	if err != nil {
		r.complain(at, "~SEQ: "+err.Error()+"; the line is left out", "the form is ~SEQ(NAME, START, STEP, END)")
		return
	}
	base := 10
	if hex {
		base = 16
	}
	if hex && (start < 0 || end < 0) {
		r.complain(at, "~SEQx has no negative numbers; the line is left out", "write ~SEQ")
		return
	}
	if r.spent < linesLimit && (end-start)/step >= int64(linesLimit-r.spent) {
		r.tooMuch(at)
		return
	}
	d := &definition{name: name, at: at}
	for v := start; step > 0 && v <= end || step < 0 && v >= end; v += step {
		d.value = strconv.FormatInt(v, base)
		r.defs[name] = d
		if !r.spend(at) {
			return
		}
		r.logical(rest, depth+1)
	}
}

// sequenceArgs reads (VAR, [START, [STEP,]] END).
func sequenceArgs(args string) (name string, start, step, end int64, err error) {
	parts := splitTrimmed(args)
	name = parts[0]
	if name == "" {
		return "", 0, 0, 0, errors.New("the first argument is the name of a parameter")
	}
	var n [3]int64
	for i, text := range parts[1:] {
		if i == len(n) {
			return "", 0, 0, 0, errors.New("at most three numbers follow the name")
		}
		if n[i], err = strconv.ParseInt(text, 0, 32); err != nil {
			return "", 0, 0, 0, errors.New(strconv.Quote(text) + " is not a number")
		}
	}
	switch len(parts) {
	case 1:
		return "", 0, 0, 0, errors.New("one to three numbers follow the name")
	case 2:
		start, end = direction(n[0]), n[0]
		step = direction(end - start)
	case 3:
		start, step, end = n[0], direction(n[1]-n[0]), n[1]
	default:
		start, step, end = n[0], n[1], n[2]
	}
	if step == 0 || end != start && (end > start) != (step > 0) {
		return "", 0, 0, 0, errors.New("the step never reaches the end")
	}
	return name, start, step, end, nil
}

// direction is 1 upwards and -1 downwards.
func direction(n int64) int64 {
	if n < 0 {
		return -1
	}
	return 1
}

// splitTrimmed splits at commas and takes blanks away.
func splitTrimmed(s string) []string {
	parts := strings.Split(s, ",")
	for i := range parts {
		parts[i] = strings.Trim(parts[i], blanks)
	}
	return parts
}

// list is ~LST(VAR, v1, v2) or ~LST({A,B}, {a1,b1}, {a2}).
func (r *reader) list(args string, at Span, rest piece, depth int) {
	items, err := listItems(args)
	if err != nil || len(items) < 2 {
		r.complain(at, "~LST takes a name, or names in braces, and values; the line is left out", "the form is ~LST(NAME, VALUE, ...)")
		return
	}
	names := items[0]
	for _, values := range items[1:] {
		if len(values) > len(names) {
			r.complain(at, "~LST has more values than names; the line is left out", "write as many names as values")
			return
		}
		for i, name := range names {
			d := &definition{name: name, at: at}
			if i < len(values) {
				d.value = values[i]
			}
			r.defs[name] = d
		}
		if !r.spend(at) {
			return
		}
		r.logical(rest, depth+1)
	}
}

// listItems splits the arguments of ~LST; an item without braces has one member.
func listItems(args string) ([][]string, error) {
	var items [][]string
	for rest := args; ; {
		members, after, err := listItem(strings.Trim(rest, blanks))
		if err != nil {
			return nil, err
		}
		items = append(items, members)
		if after == "" {
			return items, nil
		}
		rest = after[1:]
	}
}

// listItem reads one item and answers what follows it, from the comma on.
func listItem(s string) (members []string, after string, err error) {
	if !strings.HasPrefix(s, "{") {
		end := strings.IndexByte(s, ',')
		if end < 0 {
			end = len(s)
		}
		return []string{strings.Trim(s[:end], blanks)}, s[end:], nil
	}
	end := strings.IndexByte(s, '}')
	if end < 0 {
		return nil, "", errors.New("a } is missing")
	}
	after = trimLeft(s[end+1:])
	if after != "" && after[0] != ',' {
		return nil, "", errors.New("a comma is missing")
	}
	return splitTrimmed(s[1:end]), after, nil
}
