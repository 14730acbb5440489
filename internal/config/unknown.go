package config

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/internal/conf"
)

// unknown speaks of a keyword that its block does not have: one that was renamed or
// removed, one misspelt, one of another block.
func (b *builder) unknown(p page, n *conf.Node) {
	if !n.Block && (b.full() || b.sections && len(b.within) == 0) {
		return
	}
	word := n.Keyword.Text
	text, fix := fmt.Sprintf("unknown keyword %q", word), b.voc.advice(p, n)
	if n.Block {
		b.fail(n.Keyword.Span, text+"; its block is not read", fix)
		return
	}
	if what, how := shape(n); fix == "" && what != "" {
		text, fix = what+": "+text, how
	}
	b.sections = b.sections || section(word)
	b.rule("unknown-word").complain(n.Keyword.Span, text, fix)
}

// unknownWord speaks of a word in a line list that means nothing there.
func (b *builder) unknownWord(p page, w conf.Token) {
	if b.full() {
		return
	}
	fix := nearest(w.Text, vocabularyOf(p), endings(p, w.Text))
	if w.Text == "reverse" || w.Text == "noreverse" {
		fix = "it stands behind weight N"
	}
	b.complain(w.Span, fmt.Sprintf("%q is unknown here and ignored", w.Text), fix)
}

// vocabularyOf lists all words of a block.
func vocabularyOf(p page) []string { return slices.Collect(p.words()) }

// advice finds what was meant by a statement whose keyword its block does not have.
func (v *vocabulary) advice(p page, n *conf.Node) string {
	word, words := n.Keyword.Text, vocabularyOf(p)
	if is, was := former(word); was {
		return is
	}
	if word == "nb_get_retry" && slices.Contains(words, "retry") {
		return "write retry"
	}
	if name := strings.TrimPrefix(word, "$"); name != word && keywordLike(name) {
		return "a definition is " + word + "=VALUE, without a blank before ="
	}
	if how := endings(p, word); how != "" {
		return how
	}
	if slices.Contains(words, "vrrp_"+word) {
		return fmt.Sprintf("in %s it is vrrp_%s", p.title(), word)
	}
	home, near := v.home(word), nearest(word, words, "")
	switch {
	case home != "" && near != "":
		return near + " " + word + " belongs into " + home
	case home != "":
		return "it belongs into " + home
	case near != "":
		return near
	}
	return beginning(word, words)
}

// endings recognises a word of a block with the signs of other languages about it.
func endings(p page, word string) string {
	has := func(w string) bool { return w != word && slices.Contains(vocabularyOf(p), w) }
	key, value, _ := strings.Cut(word, "=")
	switch {
	case has(strings.TrimRight(word, ";,")):
		return "delete the " + word[len(word)-1:] + ": a line ends where it ends"
	case has(strings.TrimRight(word, ":")):
		return "delete the :"
	case has(key):
		return strings.TrimSpace("write " + key + " " + value)
	case has(strings.TrimLeft(word, "-")):
		return "delete the -"
	}
	return ""
}

// keywordLike reports whether a word is written as keywords are.
func keywordLike(s string) bool { return wordLike(strings.ReplaceAll(s, "_", "")) }

// beginning tells which words a shortened one may stand for, or one that goes on
// differently for up to two letters.
func beginning(short string, words []string) string {
	if len(short) < 2 || !keywordLike(short) {
		return ""
	}
	like := beginningWith(short, words)
	for n := len(short) - 1; n >= 8 && n >= len(short)-2 && like == nil; n-- {
		like = beginningWith(short[:n], words)
	}
	if len(like) == 0 || len(like) > 3 {
		return ""
	}
	return `did you mean "` + strings.Join(like, `" or "`) + `"? keywords cannot be shortened`
}

func beginningWith(start string, words []string) (like []string) {
	for _, w := range words {
		if strings.HasPrefix(w, start) {
			like = append(like, w)
		}
	}
	slices.Sort(like)
	return slices.Compact(like)
}

// home names the blocks that have a word.
func (v *vocabulary) home(word string) string {
	var names []string
	for _, p := range v.pages() {
		if slices.Contains(vocabularyOf(p), word) {
			names = append(names, p.title())
		}
	}
	for i, name := range names {
		if name == topLevel {
			names[i] = "the top level"
		}
	}
	if len(names) > 3 {
		names = append(names[:3], "others")
	}
	return strings.Join(names, " or ")
}

// former tells what became of words of older versions and of forks.
func former(word string) (string, bool) {
	switch word {
	case "lvs_id":
		return "write router_id", true
	case "nat_mask":
		return "delete it: it was removed in 2015", true
	case "lvs_sync_daemon_inteface":
		return "write lvs_sync_daemon in global_defs", true
	case "local_address_group", "laddr_group_name", "syn_proxy":
		return "this is a word of a fork with full NAT", true
	case "script_security":
		return "write enable_script_security in global_defs", true
	}
	return "", false
}

// nearest offers the word that is within two edits, or else what otherwise says.
func nearest(word string, words []string, otherwise string) string {
	best, distance := "", 3
	if len(word) <= 3 {
		distance = 2
	}
	for _, w := range words {
		if strings.EqualFold(w, word) {
			return fmt.Sprintf("did you mean %q?", w)
		}
		if d := edits(word, w, distance); d < distance {
			best, distance = w, d
		}
	}
	if best == "" {
		return otherwise
	}
	return fmt.Sprintf("did you mean %q?", best)
}

// Alike reports whether one word may be meant by the other: they differ by two
// letters at most, and not in all.
func Alike(a, b string) bool { return edits(a, b, 3) < min(3, len(a), len(b)) }

// edits counts the letters to insert, delete, replace or swap with a neighbour
// to make b of a; it answers limit when that takes as many or more.
func edits(a, b string, limit int) int {
	if len(a)-len(b) >= limit || len(b)-len(a) >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			differ := 1
			if a[i-1] == b[j-1] {
				differ = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+differ)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return min(last[len(b)], limit)
}
