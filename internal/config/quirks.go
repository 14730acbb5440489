package config

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/internal/conf"
)

// What keepalived reads otherwise than it looks is kept, since files may depend
// on it, and told as advice under one name.
func (b *builder) quirk(at conf.Span, text, fix string) {
	b.rule("quirk").advise(at, text, fix)
}

// judgeWords speaks of arguments that are not what they look like, and reports
// whether that explains why there are too many.
func (b *builder) judgeWords(n *conf.Node) (told bool) {
	before := n.Keyword
	for _, a := range n.Args {
		if touch(before.Span, a.Span) && !told {
			told = true
			b.quirk(before.Span.To(a.Span), fmt.Sprintf("quotes do not join: this is the word %q and the word %q", before.Text, a.Text), "put quotes around the whole word")
		}
		before = a
	}
	if len(n.Args) > 1 && n.Args[0].Text == "=" {
		b.quirk(n.Args[0].Span, "the = is read as the value of "+n.Keyword.Text, "write "+n.Keyword.Text+" "+n.Args[1].Text)
		return true
	}
	return told
}

// touch reports whether nothing stands between two words.
func touch(a, b conf.Span) bool {
	return a.Line == b.Line && a.End == b.Col && a.Origin == b.Origin && a.Origin != nil && a.Origin.Kind != conf.Replaced
}

// judgeText speaks of a semicolon that became part of a value.
func (b *builder) judgeText(c call, arg conf.Token) {
	if len(arg.Text) > 1 && strings.HasSuffix(arg.Text, ";") {
		b.quirk(arg.Span, "the ; is part of the value of "+c.word.Text, "delete it: a line ends where it ends")
	}
}

// judgeOctal speaks of a number that looks octal and is decimal.
func (b *builder) judgeOctal(arg conf.Token, n int64) {
	if len(arg.Text) < 2 || arg.Text[0] != '0' || n < 8 || strings.Trim(arg.Text, "01234567") != "" {
		return
	}
	b.quirk(arg.Span, fmt.Sprintf("%s is %d: a 0 at the beginning does not make it octal", arg.Text, n), fmt.Sprintf("write %d", n))
}

// suspect notes a word in capitals where a number or an address is wanted: the
// mark of a template.
func (b *builder) suspect(arg conf.Token) {
	word, _, _ := strings.Cut(arg.Text, "/")
	if len(word) < 2 || word[0] < 'A' || word[0] > 'Z' || strings.Trim(word, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_") != "" {
		return
	}
	if !slices.Contains([]string{"MASTER", "BACKUP", "TRUE", "FALSE", "YES", "NO", "ON", "OFF"}, word) {
		b.template.Add(arg.Span)
	}
}

// finishTemplate tells of marks that were not filled in, in place of what they
// caused.
func (b *builder) finishTemplate(nodes []*conf.Node) {
	if len(b.template.Places) == 0 {
		return
	}
	b.blame(nodes)
	b.diags = slices.DeleteFunc(b.diags, b.template.Causes)
	if d, found := b.template.Finding(); found {
		b.diags = append(b.diags, d)
	}
}

// blame follows the marks to the blocks that they stand in: what a block lacks
// may be what is not filled in yet.
func (b *builder) blame(nodes []*conf.Node) (marked bool) {
	for _, n := range nodes {
		if b.template.Marks(n.Span()) || b.blame(n.Body) {
			b.template.Blame(n.Span())
			marked = true
		}
	}
	return marked
}

// judgeOrder speaks of global_defs below what they are for. A start of
// keepalived takes them for the blocks above too, its reload does not; here both
// do.
func (b *builder) judgeOrder(nodes []*conf.Node) {
	for i, n := range nodes {
		if n.Keyword.Text != "global_defs" || i == 0 {
			continue
		}
		for _, child := range n.Body {
			if above := before(nodes[:i], child.Keyword.Text); above != nil {
				b.in(n, func() { b.lateGlobal(child, above) })
			}
		}
	}
}

func (b *builder) lateGlobal(late, above *conf.Node) {
	b.quirk(late.Span(), fmt.Sprintf("%s stands below %s: keepalived takes it for that block at a start and not at a reload; holdfast always does", late.Keyword.Text, above.Title()),
		"move global_defs to the top of the file")
}

// before finds the first block above that a word of global_defs is for; nil:
// there is none, or it does not matter where the word stands.
func before(nodes []*conf.Node, word string) *conf.Node {
	var concerns func(*conf.Node) bool
	switch word {
	case "vrrp_garp_master_delay", "vrrp_garp_master_repeat", "vrrp_garp_master_refresh", "vrrp_garp_master_refresh_repeat",
		"vrrp_min_garp", "vrrp_down_timer_adverts", "v3_checksum_as_v2", "vrrp_skip_check_adv_addr":
		concerns = func(n *conf.Node) bool { return n.Keyword.Text == "vrrp_instance" }
	case "script_user":
		concerns = runsScripts
	default:
		return nil
	}
	if i := slices.IndexFunc(nodes, concerns); i >= 0 {
		return nodes[i]
	}
	return nil
}

// runsScripts reports whether a block names a script that has no user of its own.
func runsScripts(n *conf.Node) bool {
	word := n.Keyword.Text
	switch {
	case n.Block:
		return slices.ContainsFunc(n.Body, runsScripts)
	case word == "script", word == "misc_path", word == "quorum_up", word == "quorum_down",
		word == "notify", strings.HasPrefix(word, "notify_") && !strings.HasSuffix(word, "_changes"), strings.HasSuffix(word, "_fifo_script"):
		return n.Raw != "" && CommandUser(n.Raw) == ""
	}
	return false
}
