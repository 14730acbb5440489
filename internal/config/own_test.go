package config

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
)

// watch is a small vocabulary with words of our own: a flag, a block, and a word of
// its lines.
func watch() *block[builder] {
	nothing := func(*builder, value) {}
	line := table("watch/LINE", keyword[builder]{word: "near", form: flag(), set: nothing}, keyword[builder]{word: "far", form: flag(), own: true, set: nothing})
	lines := func(b *builder, v value) {
		for _, n := range v.node.Body {
			line.options(b, n.Args, b)
		}
	}
	inner := table("guard", own(keyword[builder]{word: "calm", form: flag(), set: nothing})...)
	return table("(test)",
		keyword[builder]{word: "plain", form: flag(), set: nothing},
		keyword[builder]{word: "mild", form: flag(), own: true, set: nothing},
		keyword[builder]{word: "guard", form: body("block"), own: true, set: func(b *builder, v value) { inner.read(b, v.node.Body, b) }},
		keyword[builder]{word: "watch", form: body("lines"), set: lines},
	)
}

// Each word of our own is told with --portable, a block of our own once.
func TestWordsOfOurOwn(t *testing.T) {
	for _, tt := range []struct {
		name, text string
		portable   bool
		want       []string
	}{
		{"keepalived knows all", "plain\nwatch {\n x near\n}\n", true, nil},
		{"nobody asked", "mild\nguard {\n calm\n}\nwatch {\n x far\n}\n", false, nil},
		{"a word", "plain\nmild\n", true, []string{"2 mild"}},
		{"a word, twice", "mild\nmild\n", true, []string{"1 mild", "2 mild"}},
		{"a block and what is in it", "guard {\n calm\n}\nmild\n", true, []string{"1 guard", "4 mild"}},
		{"a word of a line", "watch {\n x near far\n y near\n}\nmild\n", true, []string{"2 far", "5 mild"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tree, _ := conf.Parse(conf.MemoryFiles{"k": tt.text}, "k", conf.Options{})
			b := &builder{opt: Options{Portable: tt.portable}, voc: newVocabulary(), cfg: &Config{}}
			watch().read(b, tree.Nodes, b)
			var got []string
			for _, d := range b.diags {
				if d.Rule != "portable" || d.Severity != conf.Complaint {
					t.Errorf("told: %v", d)
				}
				got = append(got, fmt.Sprintf("%d %s", d.Span.Line, strings.Fields(d.Text)[0]))
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// Words of our own are marked, and all of a block of them.
func TestEntriesSayWhatIsOurOwn(t *testing.T) {
	var got []string
	for e := range watch().entries() {
		if e.Own {
			got = append(got, e.Word)
		}
	}
	if !slices.Equal(got, []string{"mild", "guard"}) {
		t.Errorf("marked: %v", got)
	}
}
