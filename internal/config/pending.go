package config

import (
	"slices"
	"strings"
)

// pendingList holds, block by block, the keywords of keepalived 2.4.3 that this
// version reads and does not act on yet: each is told once when it is used. It is the
// only such list; a keyword leaves it when its effect is built.
const pendingList = `
global_defs:
	enable_snmp_checker snmp_rs_stats_update_interval snmp_vs_stats_update_interval
virtual_server:
	snmp_name
virtual_server/real_server:
	snmp_name
`

// pendingBlocks names the blocks of the list.
func pendingBlocks() []string {
	var names []string
	for line := range strings.Lines(pendingList) {
		if name, isBlock := strings.CutSuffix(strings.TrimSpace(line), ":"); isBlock {
			names = append(names, name)
		}
	}
	return names
}

// pendingOf lists the words of a block that are not done yet.
func pendingOf(block string) []string {
	_, after, found := strings.Cut(pendingList, "\n"+block+":\n")
	if !found {
		return nil
	}
	var words []string
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "\t") {
			break
		}
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// pending reports whether a word of a block is known and not done.
func pending(block, word string) bool { return slices.Contains(pendingOf(block), word) }

// Pending reports whether this version reads a keyword of a block and does not act
// on it yet, be it because the whole block is one of those.
func Pending(block, word string) bool {
	around := topLevel
	for name := range strings.SplitSeq(block, "/") {
		if pending(around, name) {
			return true
		}
		if around == topLevel {
			around = name
			continue
		}
		around += "/" + name
	}
	return pending(block, word)
}
