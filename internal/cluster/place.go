package cluster

import (
	"fmt"
	"slices"

	"holdfast/internal/conf"
)

// place is where a finding stands.
type place struct {
	span  conf.Span
	block string
	name  string // of the instance or virtual server it speaks about
	node  int
}

// String is the place as findings name it: "ka67.conf:14".
func (p place) String() string { return where(p.span) }

func where(s conf.Span) string { return fmt.Sprintf("%s:%d", s.File(), s.Line) }

// blocks finds the named blocks of the top level. The first of a name counts, as
// later ones are refused.
func blocks(t *conf.Tree, word string) map[string]*conf.Node {
	found := map[string]*conf.Node{}
	for _, n := range t.Nodes {
		if n.Keyword.Text == word && len(n.Args) > 0 && found[n.Args[0].Text] == nil {
			found[n.Args[0].Text] = n
		}
	}
	return found
}

// statement finds the last statement of a block with one of the keywords; it is
// the one that counts.
func statement(n *conf.Node, words ...string) *conf.Node {
	if n == nil {
		return nil
	}
	for _, child := range slices.Backward(n.Body) {
		if slices.Contains(words, child.Keyword.Text) {
			return child
		}
	}
	return nil
}

// at is the statement of an instance that has one of the keywords, or else the
// instance itself.
func (m *member) at(words ...string) place {
	p := place{name: m.inst.VRRP.Name, node: m.node}
	if m.block == nil {
		return p
	}
	p.span = m.block.Span()
	if n := statement(m.block, words...); n != nil {
		p.span, p.block = n.Span(), m.block.Title()
	}
	return p
}

// inside is a statement in a block of an instance: auth_pass in authentication.
func (m *member) inside(outer string, words ...string) place {
	if n := statement(statement(m.block, outer), words...); n != nil {
		return place{n.Span(), m.block.Title(), m.inst.VRRP.Name, m.node}
	}
	return m.at(outer)
}

// orGlobal is the statement of an instance, or that of global_defs from which
// the instance has its value, or else the instance.
func (m *member) orGlobal(word, global string) place {
	if statement(m.block, word) != nil {
		return m.at(word)
	}
	for _, n := range m.tree.Nodes {
		if n.Keyword.Text != "global_defs" {
			continue
		}
		if s := statement(n, global); s != nil {
			return place{s.Span(), n.Title(), m.inst.VRRP.Name, m.node}
		}
	}
	return m.at()
}

// has reports whether the keyword is written in the instance.
func (m *member) has(word string) bool { return statement(m.block, word) != nil }

// says reports whether the instance has the keyword with this argument.
func (m *member) says(word, argument string) bool {
	return m.block != nil && slices.ContainsFunc(m.block.Body, func(n *conf.Node) bool {
		return n.Keyword.Text == word && len(n.Args) > 0 && n.Args[0].Text == argument
	})
}
