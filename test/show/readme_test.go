package show

import (
	"fmt"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"holdfast/internal/cli"
	"holdfast/internal/golden"
	"holdfast/internal/status"
)

const readme = "../../README.md"

// What the README shows of the commands is what they print; -update writes it anew.
func TestTheREADMEShowsWhatTheCommandsPrint(t *testing.T) {
	text, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for name, shown := range texts(t) {
		got = put(t, got, name, shown)
	}
	golden.Check(t, readme, got)
}

// texts are what the README shows, by the names of the places.
func texts(t *testing.T) map[string]string {
	t.Helper()
	at := time.Date(2026, 11, 20, 22, 45, 0, 0, time.Local)
	nodes, past := Pair(at), Events(at)
	one, two := nodes[0].Snapshot, nodes[1].Snapshot
	why, ok := cli.Why(one, past["lb1"], "db")
	if !ok {
		t.Fatal("there is no db")
	}
	both := []status.Node{{Name: "lb1", Snapshot: one}, {Name: "lb2", Snapshot: two, Trouble: "connection refused", Age: 8 * time.Second}}
	return map[string]string{
		"status": "# holdfast status\n" + cli.Status(nodes[:1], 0),
		"why":    "# holdfast why db\n" + why,
		"watch":  "# holdfast status --watch --node lb1=/run/lb1.sock --node lb2=https://lb2:9443\n" + cli.Watched(at, both, 124, 34),
	}
}

// put writes a text into its place, the block below a comment with its name.
func put(t *testing.T, page, name, text string) string {
	t.Helper()
	place := regexp.MustCompile(fmt.Sprintf("(?s)(<!-- %s -->\n```\n).*?(```\n)", name))
	if len(place.FindAllString(page, -1)) != 1 {
		t.Fatalf("the page has not one place for %s", name)
	}
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return place.ReplaceAllString(page, "${1}"+strings.ReplaceAll(strings.Join(lines, "\n"), "$", "$$")+"\n${2}")
}
