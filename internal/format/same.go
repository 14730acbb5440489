package format

import (
	"slices"

	"holdfast/internal/conf"
)

// same reports whether two texts are read as the same tree where the
// configuration has this id.
func same(a, b overlay, id string) bool {
	opt := conf.Options{ID: id}
	before, _ := conf.Parse(a, a.name, opt)
	after, _ := conf.Parse(b, b.name, opt)
	return Same(before, after)
}

// Same reports whether two trees say the same, wherever it stands.
func Same(a, b *conf.Tree) bool { return slices.EqualFunc(a.Nodes, b.Nodes, sameNode) }

func sameNode(a, b *conf.Node) bool {
	return a.Keyword.Text == b.Keyword.Text && a.Block == b.Block &&
		slices.EqualFunc(a.Args, b.Args, func(x, y conf.Token) bool { return x.Text == y.Text }) &&
		sameRaw(a, b) && slices.EqualFunc(a.Body, b.Body, sameNode)
}

// sameRaw compares what keywords with rules of their own are given: blanks
// matter to them inside quotes only.
func sameRaw(a, b *conf.Node) bool {
	return a.Raw == b.Raw || !raw(a.Keyword.Text, a.Raw) && oneBlank(a.Raw) == oneBlank(b.Raw)
}
