package manual

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/golden"
)

// small is a book in which everything occurs once.
func small() *Book {
	top := config.Entry{Block: topLevel, Word: "vrrp_script", Args: "NAME { block }", Meaning: "A command.", Opens: "vrrp_script"}
	server := config.Entry{Block: topLevel, Word: "server", Args: "{ block }", Meaning: "A server.", Opens: "server"}
	retry := config.Entry{Word: "retry", Args: "N", Range: "0..9", Default: "1", Meaning: "How many more failures are allowed, of those that count; they count when the check could be made at all, and failed."}
	inA, inB := retry, retry
	inA.Block, inB.Block = "server/A_CHECK", "server/B_CHECK"
	checks := []config.Entry{
		{Block: "server", Word: "A_CHECK", Args: "{ block }", Meaning: "Check A.", Opens: "server/A_CHECK"},
		{Block: "server", Word: "B_CHECK", Args: "{ block }", Meaning: "Check B | B.", Opens: "server/B_CHECK"},
	}
	return &Book{
		Blocks: []Block{
			{Name: anywhere, Entries: []config.Entry{
				{Block: anywhere, Word: "~SEQ", Args: "(NAME, END) TEXT", Meaning: "Repeats *all*."},
				{Block: anywhere, Word: "${_ENV}", Args: "NAME inside the braces", Meaning: "A variable."},
			}},
			{Name: topLevel, Entries: []config.Entry{top, server}},
			{Name: "vrrp_script", Openers: []config.Entry{top}, Entries: []config.Entry{
				{Block: "vrrp_script", Word: "weight", Args: "N [reverse]", Range: "-253..253", Default: "0", Meaning: "What is added.", Once: true},
				{Block: "vrrp_script", Word: "wait", Meaning: "An old word.", Instead: "weight"},
				{Block: "vrrp_script", Word: "warn", Meaning: "A new word.", Own: true},
			}},
			{Name: "server", Openers: []config.Entry{server}, Entries: checks},
			{Name: "server/A_CHECK", Openers: checks[:1], Entries: []config.Entry{inA}},
			{Name: "server/B_CHECK", Openers: checks[1:], Entries: []config.Entry{inB}},
		},
		Rules: []Rule{
			{Name: "a-rule", Severity: conf.Advice, Why: "It is wrong.", Do: "Write it right."},
			{Name: "both-rule", Severity: conf.Complaint, Nodes: true, Why: "They differ.", Do: "Write the same."},
		},
	}
}

func TestExplain(t *testing.T) {
	var all strings.Builder
	for _, query := range []string{"retry", "B_CHECK/retry", "weight", "vrrp_script/wait", "warn", "A_CHECK", "vrrp_script", "SEQ", "_ENV", "a-rule", "both-rule", "nat_mask"} {
		all.WriteString("$ holdfast explain " + query + "\n" + small().Explain(query).Text(72) + "\n")
	}
	golden.Check(t, "testdata/explain.golden", all.String())
}

func TestExplainForPrograms(t *testing.T) {
	golden.Check(t, "testdata/explain.json", string(small().Explain("A_CHECK").JSON())+string(small().Explain("weihgt").JSON())+string(small().Explain("a-rule").JSON()))
}

func TestWhatWasPerhapsMeant(t *testing.T) {
	for _, tt := range []struct {
		query string
		want  []string
	}{
		{"retri", []string{"retry"}},
		{"vrrp_script/weigth", []string{"weight"}},
		{"CHECK", []string{"A_CHECK", "B_CHECK"}},
		{"script", []string{"vrrp_script"}},
		{"zz", nil},
		{"", nil},
	} {
		a := small().Explain(tt.query)
		if diff := cmp.Diff(tt.want, a.Near); diff != "" || a.Found() {
			t.Errorf("%s: %v %s", tt.query, a.Found(), diff)
		}
	}
}

// Shells show what stands behind a tab.
func TestCompletionTellsWordsOfOurOwn(t *testing.T) {
	for _, tt := range []struct {
		prefix string
		want   []string
	}{
		{"w", []string{"wait", "warn\tholdfast's own", "weight"}},
		{"vrrp_script/wa", []string{"vrrp_script/wait", "vrrp_script/warn\tholdfast's own"}},
	} {
		if diff := cmp.Diff(tt.want, small().Complete(tt.prefix)); diff != "" {
			t.Errorf("%s: %s", tt.prefix, diff)
		}
	}
}

func TestPages(t *testing.T) {
	pages := small().Pages([]Command{{Usage: "check [OPTION]... FILE...", Short: "Say what is wrong", Long: "One.\nTwo, with\n-an option.\n\nThree.", Flags: []Flag{{"-a, --all", "everything"}}}})
	var all strings.Builder
	for _, name := range sortedKeys(pages) {
		all.WriteString("==== " + name + "\n" + pages[name])
	}
	golden.Check(t, "testdata/pages.golden", all.String())
}

func sortedKeys(m map[string]string) []string {
	var out []string
	for k := range m {
		out = append(out, k)
	}
	slices.Sort(out)
	return out
}

// Every keyword can be asked for, and the answer holds its sentence.
func TestEveryKeywordIsExplained(t *testing.T) {
	b := New()
	n := 0
	for _, block := range b.Blocks {
		for _, e := range block.Entries {
			n++
			a := b.Explain(block.Name + "/" + e.Word)
			if !slices.Contains(a.Entries, e) || !strings.Contains(a.Text(1000), e.Meaning) {
				t.Errorf("%s/%s is not found", block.Name, e.Word)
			}
		}
		if block.Summary() == "" {
			t.Errorf("nothing says what %s is for", block.Name)
		}
	}
	if n < 200 {
		t.Errorf("only %d keywords", n)
	}
}

func TestUsage(t *testing.T) {
	for _, tt := range []struct{ word, args, want string }{
		{"nopreempt", "", "nopreempt"},
		{"priority", "N", "priority N"},
		{"$NAME=", "VALUE", "$NAME=VALUE"},
		{"~SEQ", "(NAME, END) TEXT", "~SEQ(NAME, END) TEXT"},
		{"${_ENV}", "VARIABLE inside the braces", "${_ENV VARIABLE}"},
		{"<ADDR>", "ADDR", "<ADDR>"},
		{"<NAME>", "[weight N]", "<NAME> [weight N]"},
		{"<type>", "unicast|local", "<type>: unicast|local"},
	} {
		if got := Usage(config.Entry{Word: tt.word, Args: tt.args}); got != tt.want {
			t.Errorf("got %q, want %q", got, tt.want)
		}
	}
}

// A link leads to a page that is there.
func TestEveryLinkLeadsSomewhere(t *testing.T) {
	pages := New().Pages(nil)
	for name, text := range pages {
		for _, part := range strings.Split(text, "](")[1:] {
			target, _, _ := strings.Cut(part, ")")
			file, anchor, _ := strings.Cut(target, "#")
			to, there := pages["reference/"+file]
			if !there || anchor != "" && !strings.Contains(to, `<a id="`+anchor+`">`) {
				t.Errorf("%s: %s leads nowhere", name, target)
			}
		}
	}
}
