package conf

import (
	"slices"
	"strconv"
)

// blanks separate words.
const blanks = " \t\f\v\r\n"

// blank reports whether c separates words.
func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

// trimLeft and trimRight remove blanks.
func trimLeft(s string) string {
	for s != "" && blank(s[0]) {
		s = s[1:]
	}
	return s
}

func trimRight(s string) string {
	for s != "" && blank(s[len(s)-1]) {
		s = s[:len(s)-1]
	}
	return s
}

// lineLimit is the longest line that keepalived's buffer of 1024 bytes holds.
const lineLimit = 1023

// itoa prints a line number.
func itoa(n uint32) string { return strconv.FormatUint(uint64(n), 10) }

// seg is a stretch of a piece: where its text stands in the source. Written
// text is in the source as it is here; other text stands in place of the span.
type seg struct {
	off     int
	written bool
	span    Span
}

// piece is text on its way to becoming words, with the places of its parts.
type piece struct {
	text  string
	first seg
	more  []seg
}

// line makes a piece of a source line that begins at column col.
func line(text string, o *Origin, n uint32, col int) piece {
	return piece{text: text, first: seg{written: true, span: Span{o, n, uint16(col), uint16(col + len(text))}}}
}

// seg finds the stretch that holds offset i.
func (p *piece) seg(i int) *seg {
	s := &p.first
	for k := range p.more {
		if p.more[k].off > i {
			break
		}
		s = &p.more[k]
	}
	return s
}

// span is the place of text[i:j].
func (p *piece) span(i, j int) Span {
	s := p.seg(i)
	if len(p.more) == 0 {
		return s.at(i, j)
	}
	from, to := s.at(i, i+1), p.seg(max(i, j-1)).at(max(i, j-1), j)
	out := from.To(to)
	if out.Origin.Kind != Replaced && to.Origin.Kind == Replaced && to.Origin.Up == from.Origin {
		out.Origin = to.Origin
	}
	return out
}

func (s *seg) at(i, j int) Span {
	if !s.written {
		return s.span
	}
	out := s.span
	out.Col += uint16(i - s.off)
	out.End = out.Col + uint16(j-i)
	return out
}

// from cuts off the first n bytes and the blanks that follow.
func (p piece) from(n int) piece {
	rest := trimLeft(p.text[n:])
	return p.cut(len(p.text) - len(rest))
}

// upTo keeps the first n bytes.
func (p piece) upTo(n int) piece {
	q := piece{text: p.text[:n], first: p.first}
	for _, s := range p.more {
		if s.off < n {
			q.more = append(q.more, s)
		}
	}
	return q
}

// append adds what another piece holds.
func (p piece) append(o piece) piece {
	n := len(p.text)
	q := piece{text: p.text + o.text, first: p.first, more: p.more[:len(p.more):len(p.more)]}
	for _, s := range append([]seg{o.first}, o.more...) {
		s.off += n
		q.more = append(q.more, s)
	}
	return q
}

// replaced reports whether some of the text stands in place of a parameter.
func (p piece) replaced() bool {
	return !p.first.written || slices.ContainsFunc(p.more, func(s seg) bool { return !s.written })
}
