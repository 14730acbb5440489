package config

import (
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := slices.Collect(scriptTable().words())
	for _, c := range []struct{ word, want string }{
		{"inteval", `did you mean "interval"?`},
		{"weigth", `did you mean "weight"?`},
		{"fail", `did you mean "fall"?`},
		{"WEIGHT", `did you mean "weight"?`},
		{"us", ""},
		{"somethingelse", ""},
	} {
		if got := nearest(c.word, words, ""); got != c.want {
			t.Errorf("%s: got %q, want %q", c.word, got, c.want)
		}
	}
}

// The one place that tells what is read and not acted on yet; nothing stands in it
// that is not read.
func TestPendingEffects(t *testing.T) {
	read := map[string][]string{}
	for e := range Keywords() {
		read[e.Block] = append(read[e.Block], strings.Trim(e.Word, "<>"))
	}
	for _, block := range pendingBlocks() {
		t.Logf("%s: %s", block, strings.Join(pendingOf(block), " "))
		for _, word := range pendingOf(block) {
			if !slices.Contains(read[block], word) {
				t.Errorf("%s of %s has no row in a table", word, block)
			}
		}
	}
}

// The words that a reader must never be told to be typos.
func TestPendingBlocksAreKnown(t *testing.T) {
	for block, words := range map[string][]string{
		"global_defs":                {"enable_snmp_checker"},
		"virtual_server/real_server": {"snmp_name"},
	} {
		for _, w := range words {
			if !pending(block, w) {
				t.Errorf("%s of %s is not known", w, block)
			}
		}
	}
}

func TestEveryPendingBlockHasWords(t *testing.T) {
	names := pendingBlocks()
	if len(names) == 0 {
		t.Fatal("there is none: the list and what reads it can go")
	}
	for _, name := range names {
		if len(pendingOf(name)) == 0 {
			t.Errorf("%s has no words", name)
		}
	}
}

// What stands in a block that is not done yet is not done yet.
func TestWordsOfPendingBlocksArePending(t *testing.T) {
	for _, c := range []struct {
		block, word string
		want        bool
	}{
		{"SSL", "ca", false},
		{"virtual_server/real_server", "snmp_name", true},
		{"virtual_server/real_server/SSL_GET/url", "regex_stack", false},
		{"vrrp_instance/virtual_rules/RULE", "table", false},
		{"vrrp_instance/virtual_ipaddress/ADDRESS", "dev", false},
		{"vrrp_instance", "priority", false},
		{topLevel, "SSL", false},
	} {
		if got := Pending(c.block, c.word); got != c.want {
			t.Errorf("%s of %s: got %v", c.word, c.block, got)
		}
	}
}
