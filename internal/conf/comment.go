package conf

import "strings"

// uncomment removes leading and trailing blanks and the comment of a piece: #
// and ! start one outside double quotes, and lose that meaning, and the
// backslash before them, behind a backslash. Text that stands in place of a
// parameter is looked at in a second pass, again, which leaves alone what was
// written: the first pass has judged that.
func uncomment(p piece, again bool) piece {
	if p.text = trimRight(p.text); p.text == "" {
		return p
	}
	p = p.from(0)
	if !special(p.text) {
		return p
	}
	quoted := false
	for i := 0; i < len(p.text); i++ {
		switch c := p.text[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\' && i+1 < len(p.text):
			if next := p.text[i+1]; !quoted && (next == '#' || next == '!') && !(again && p.seg(i+1).written) {
				p = p.upTo(i).append(p.cut(i + 1))
				continue
			}
			i++
		case !quoted && (c == '#' || c == '!') && !(again && p.seg(i).written):
			return p.upTo(i).trimRight()
		}
	}
	return p.trimRight()
}

// special reports whether a line may hold a comment or a backslash.
func special(s string) bool {
	return strings.IndexByte(s, '#') >= 0 || strings.IndexByte(s, '!') >= 0 || strings.IndexByte(s, '\\') >= 0
}

// trimRight removes trailing blanks.
func (p piece) trimRight() piece {
	if n := len(trimRight(p.text)); n < len(p.text) {
		return p.upTo(n)
	}
	return p
}

// cut removes the first n bytes and keeps blanks.
func (p piece) cut(n int) piece {
	q := piece{text: p.text[n:], first: *p.seg(n)}
	q.first.off -= n
	for _, s := range p.more {
		if s.off > n {
			s.off -= n
			q.more = append(q.more, s)
		}
	}
	return q
}

// continued splits off a backslash that ends the piece, with the blanks before it.
func (p piece) continued() (piece, bool) {
	if !strings.HasSuffix(p.text, `\`) {
		return p, false
	}
	return p.upTo(len(p.text) - 1).trimRight(), true
}
