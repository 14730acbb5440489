package conf

import (
	"errors"
	"strconv"
	"strings"
)

// repeat takes a piece that begins with ~SEQ or ~LST and reads the rest of it
// once per value.
func (r *reader) repeat(p piece, depth int) bool {
	word, hex := "", false
	switch {
	case strings.HasPrefix(p.text, "~SEQx("):
		word, hex = "~SEQx", true
	case strings.HasPrefix(p.text, "~SEQ("):
		word = "~SEQ"
	case strings.HasPrefix(p.text, "~LST("):
		word = "~LST"
	default:
		return false
	}
	end := strings.IndexByte(p.text, ')')
	if end < 0 {
		r.fault(p.span(0, len(word)), word+" has no closing parenthesis", "")
		return true
	}
	head, ok := r.expand(p.upTo(end))
	if !ok {
		return true
	}
	args, at := head.text[len(word)+1:], p.span(0, end+1)
	if word == "~LST" {
		r.list(args, at, p.from(end+1), depth)
		return true
	}
	r.sequence(args, hex, at, p.from(end+1), depth)
	return true
}

// sequence is ~SEQ(VAR, [START, [STEP,]] END).
func (r *reader) sequence(args string, hex bool, at Span, rest piece, depth int) {
	name, start, step, end, err := sequenceArgs(args)
	if err != nil {
		r.fault(at, "~SEQ: "+err.Error(), "the form is ~SEQ(NAME, START, STEP, END)")
		return
	}
	base := 10
	if hex {
		base = 16
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
	if n := nameLen(name); n == 0 || n != len(name) {
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
		start, step, end = direction(n[0]), direction(n[0]), n[0]
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
		r.fault(at, "~LST takes a name, or names in braces, and values", "the form is ~LST(NAME, VALUE, ...)")
		return
	}
	names := items[0]
	for _, values := range items[1:] {
		if len(values) > len(names) {
			r.fault(at, "~LST has more values than names", "")
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
