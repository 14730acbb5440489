package conf

import (
	"slices"
	"strings"
)

// Acceptance is a comment that says that findings are known and meant:
//
//	# holdfast: accept sample-vrid vip-length
//
// keepalived takes it for what it is, a comment. It holds within the block in
// which it stands, included files too; at the top level it holds for the whole
// file.
type Acceptance struct {
	// Rules are the names, as written.
	Rules []Token
	// block is where it holds; nil: in file.
	block *Node
	file  *Origin
}

// acceptWord begins what a comment says to this program.
const acceptWord = "holdfast: accept"

// remark looks at the comment of a line that has been read.
func (r *reader) remark(p piece) {
	if !special(p.text) {
		return
	}
	i := commentAt(p.text)
	if i < 0 {
		return
	}
	r.glued(p, i)
	r.accept(p, i)
}

// glued speaks of a comment that ends a word. Behind a number, a keyword or a
// brace it does no harm; a password is cut short by it.
func (r *reader) glued(p piece, i int) {
	from := strings.LastIndexAny(p.text[:i], blanks+`{}"`) + 1
	word := p.text[from:i]
	if strings.Trim(word, "0123456789.:/-") == "" || trimLeft(p.text[:from]) == "" {
		return
	}
	d := finding(Advice, Unclassed, p.span(from, i+1), "the word ends before the "+p.text[i:i+1]+", which begins a comment", "put quotes around it if it belongs to the word, else a blank before it", r.build.within())
	d.Rule = "comment-in-word"
	r.report(d)
}

// accept takes an Acceptance out of the comment that begins at i.
func (r *reader) accept(p piece, i int) {
	said := p.from(i + 1)
	if !strings.HasPrefix(said.text, acceptWord) {
		return
	}
	a := Acceptance{block: r.build.innermost(), file: p.first.span.Origin}
	for said = said.from(len(acceptWord)); said.text != ""; {
		n := strings.IndexAny(said.text, blanks+",")
		if n < 0 {
			n = len(said.text)
		}
		if n > 0 {
			a.Rules = append(a.Rules, Token{said.text[:n], said.span(0, n)})
		}
		said = said.from(min(n+1, len(said.text)))
	}
	if len(a.Rules) == 0 {
		r.advise(p.span(i, len(p.text)), "this accepts nothing", "name the rules, as they stand in brackets behind the findings")
	}
	r.tree.Accepted = append(r.tree.Accepted, a)
}

// commentAt finds where the comment of a line begins: as uncomment does, and
// without changing the line. It is -1 where there is none.
func commentAt(s string) int {
	quoted := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++
		case !quoted && (c == '#' || c == '!'):
			return i
		}
	}
	return -1
}

// innermost is the block that is open, or nil at the top level.
func (b *builder) innermost() *Node {
	for _, f := range slices.Backward(b.stack) {
		if f.node != nil {
			return f.node
		}
	}
	return nil
}

// Covers reports whether the finding is acknowledged. What keepalived cannot run
// can not be.
func (a *Acceptance) Covers(d Diag) bool {
	if d.Severity == Error || !slices.ContainsFunc(a.Rules, func(t Token) bool { return t.Text == d.Rule }) {
		return false
	}
	way := d.Span.way()
	if a.block == nil {
		return a.inFile(d.Span.Origin, way)
	}
	from, to := a.block.Keyword.Span.way(), a.block.Close.way()
	return slices.CompareFunc(from, way, compareWays) <= 0 && (a.block.Close.Origin == nil || slices.CompareFunc(way, to, compareWays) <= 0)
}

// inFile reports whether a place was reached through the file of the comment.
func (a *Acceptance) inFile(o *Origin, way []step) bool {
	if a.file.Kind == Main {
		return len(way) == 0 || way[0].seq == a.file.seq
	}
	for ; o != nil; o = o.from() {
		if o == a.file {
			return true
		}
	}
	return false
}
