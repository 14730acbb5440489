package config_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// The files in testdata list every keyword of keepalived 2.4.3, a row each:
// block, keyword, arguments, range, default, meaning.
func TestEveryRowOfTheReferenceHasAKeyword(t *testing.T) {
	have := map[string]bool{}
	for e := range config.Keywords() {
		have[e.Block+"\t"+e.Word] = true
	}
	for _, file := range []string{"keywords-vrrp.tsv", "keywords-lvs.tsv"} {
		for _, row := range referenceRows(t, file) {
			if !have[row] && !have[otherwise(row)] {
				t.Errorf("%s: no keyword for %q", file, row)
			}
		}
	}
}

// A keyword that keepalived does not have is marked as our own, and no other is. The
// files write some words within others, "weight N" in the arguments of a line.
func TestWordsOfOurOwnAreMarked(t *testing.T) {
	rows, words := map[string]bool{}, map[string]bool{}
	for _, file := range []string{"keywords-vrrp.tsv", "keywords-lvs.tsv"} {
		for _, row := range referenceRows(t, file) {
			rows[row], rows[otherwise(row)] = true, true
		}
		text, err := os.ReadFile("testdata/" + file)
		if err != nil {
			t.Fatal(err)
		}
		for _, word := range strings.FieldsFunc(string(text), func(r rune) bool { return strings.ContainsRune("\t\n ,;:.|()[]{}\"'=", r) }) {
			words[word] = true
		}
	}
	for e := range config.Keywords() {
		switch row := e.Block + "\t" + e.Word; {
		case e.Own && rows[row]:
			t.Errorf("%q is one of keepalived's and marked as our own", row)
		case !e.Own && !rows[row] && !words[e.Word] && e.Word[0] != '<' && e.Block != "(anywhere)":
			t.Errorf("%q is not one of keepalived's and not marked as our own", row)
		}
	}
}

// otherwise answers how the tables write a row that the files write in another
// way. keywords-lvs.tsv lists the words of static addresses, routes and rules
// under the block, keywords-vrrp.tsv under a line of it; what is not a keyword
// has several names; encap and nexthop have tables of their own.
func otherwise(row string) string {
	block, word, _ := strings.Cut(row, "\t")
	block, found := strings.CutPrefix(block, "static_")
	if found {
		return otherwiseStatic(block, word)
	}
	route := "vrrp_instance/virtual_routes/ROUTE"
	switch {
	case word == "IFNAME":
		return block + "\t<IFNAME>"
	case word == "<ADDR[/LEN]> plus options":
		return block + "\t<ADDR[/LEN]>"
	case strings.HasPrefix(word, "encap "):
		return route + "/encap\t" + strings.TrimPrefix(word, "encap ")
	case strings.HasPrefix(word, "nexthop "):
		return route + "/nexthop\t" + strings.TrimPrefix(word, "nexthop ")
	}
	return row
}

func otherwiseStatic(block, word string) string {
	line := map[string]string{"ipaddress": "static_ipaddress/ADDRESS", "routes": "static_routes/ROUTE", "rules": "static_rules/RULE",
		"routes/encap": "static_routes/ROUTE/encap", "routes/nexthop": "static_routes/ROUTE/nexthop"}[block]
	switch word {
	case "<ADDRESS>", "<ROUTE>", "<RULE>": // the lines of the block
		return "(root)\tstatic_" + block
	case "<ADDR[/LEN]> plus options":
		return "static_ipaddress/ADDRESS\t<ADDR[/LEN]>"
	case "ADDR[/PREFIX]":
		return line + "\t<ADDR[/LEN]>"
	case "<ROUTE words>":
		return "static_routes/ROUTE\t<DEST>"
	case "DEST", "default", "any", "all": // destinations
		return line + "\t<DEST>"
	case "<RULE words>":
		return "static_rules/RULE\ttable"
	}
	return line + "\t" + word
}

// referenceRows lists block and keyword of each row of a file.
func referenceRows(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var rows []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		columns := strings.SplitN(s.Text(), "\t", 3)
		if len(columns) == 3 && columns[0] != "block" {
			rows = append(rows, columns[0]+"\t"+columns[1])
		}
	}
	if len(rows) < 400 {
		t.Fatalf("%s has only %d rows", file, len(rows))
	}
	return rows
}
