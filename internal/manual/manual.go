// Package manual makes what people read about the language from its keyword
// tables and the rules of the checks: the answers of `holdfast explain`, the
// reference pages and the manual pages. It adds no knowledge of its own and
// writes no file.
package manual

import (
	"slices"
	"strings"

	"holdfast/internal/cluster"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/lint"
)

// The names of the two pages that are no blocks.
const (
	topLevel = "(root)"
	anywhere = "(anywhere)"
)

// Block is one page: the keywords that may stand in one kind of block.
type Block struct {
	// Name is its path, "virtual_server/real_server"; "(root)" is the top level
	// and "(anywhere)" what may stand on any line.
	Name    string
	Entries []config.Entry
	// Openers are the keywords that open it.
	Openers []config.Entry
}

// Rule is a check with a name.
type Rule struct {
	Name     string
	Severity conf.Severity
	// Nodes: it compares the files of several nodes.
	Nodes   bool
	Why, Do string
}

// kind says which check it is.
func (r Rule) kind() string {
	if r.Nodes {
		return r.Severity.String() + " of holdfast check, between the nodes of a cluster"
	}
	return r.Severity.String() + " of holdfast check"
}

// Book is everything there is to be read, block by block.
type Book struct {
	Blocks []Block
	Rules  []Rule
}

// rules gathers the checks of one file and those between files.
func rules() []Rule {
	var out []Rule
	for _, r := range lint.Rules() {
		out = append(out, Rule{Name: r.Name, Severity: r.Severity, Why: r.Why, Do: r.Do})
	}
	for _, r := range cluster.Rules() {
		out = append(out, Rule{Name: r.Name, Severity: r.Severity, Nodes: true, Why: r.Why, Do: r.Do})
	}
	return out
}

// New gathers the book.
func New() *Book {
	b := &Book{Rules: rules()}
	index := map[string]int{}
	for e := range config.Keywords() {
		i, known := index[e.Block]
		if !known {
			i = len(b.Blocks)
			index[e.Block] = i
			b.Blocks = append(b.Blocks, Block{Name: e.Block})
		}
		b.Blocks[i].Entries = append(b.Blocks[i].Entries, e)
	}
	for e := range config.Keywords() {
		if i, known := index[e.Opens]; known {
			b.Blocks[i].Openers = append(b.Blocks[i].Openers, e)
		}
	}
	slices.SortStableFunc(b.Blocks, func(x, y Block) int { return rank(x.Name) - rank(y.Name) })
	return b
}

// rank puts the words of the language first and the top level after them.
func rank(block string) int {
	switch block {
	case anywhere:
		return 0
	case topLevel:
		return 1
	}
	return 2
}

// block finds a block by its path.
func (b *Book) block(name string) *Block {
	for i := range b.Blocks {
		if b.Blocks[i].Name == name {
			return &b.Blocks[i]
		}
	}
	return nil
}

// Title is the name of a block as a heading.
func (b *Block) Title() string {
	switch b.Name {
	case anywhere:
		return "On any line"
	case topLevel:
		return "Top level"
	}
	return b.Name
}

// Place says where something of the block stands, as the end of a sentence.
func (b *Block) Place() string { return place(b.Name) }

func place(block string) string {
	switch block {
	case anywhere:
		return "on any line"
	case topLevel:
		return "at the top level"
	}
	return "in " + block
}

// Summary is what the block is for, in the words of the keyword that opens it.
func (b *Block) Summary() string {
	switch {
	case b.Name == anywhere:
		return "Words of the language itself: they are read before a keyword is looked at, at any depth."
	case b.Name == topLevel:
		return "What stands outside of all blocks."
	}
	for _, o := range b.Openers {
		if o.Block == topLevel || strings.HasPrefix(b.Name, o.Block+"/") {
			return o.Meaning
		}
	}
	return ""
}

// Usage is a keyword with its arguments, as it is written in a file.
func Usage(e config.Entry) string {
	switch {
	case e.Args == "":
		return e.Word
	case strings.HasSuffix(e.Word, "}"):
		return strings.TrimSuffix(e.Word, "}") + " " + strings.TrimSuffix(e.Args, " inside the braces") + "}"
	case strings.HasPrefix(e.Word, "<"):
		return placed(e.Word, e.Args)
	case strings.HasSuffix(e.Word, "=") || strings.HasPrefix(e.Args, "("):
		return e.Word + e.Args
	}
	return e.Word + " " + e.Args
}

// placed is what stands in a place of its own: a name with what may follow it,
// or a name for what is written there.
func placed(word, args string) string {
	switch word {
	case "<" + args + ">":
		return word
	case "<NAME>", "<IFNAME>":
		return word + " " + args
	}
	return word + ": " + args
}

// notes are what is to be said of a keyword beside its meaning: a name and a
// text each.
func notes(e config.Entry) [][2]string {
	var out [][2]string
	add := func(name, text string) {
		if text != "" {
			out = append(out, [2]string{name, text})
		}
	}
	add("values", e.Range)
	add("default", e.Default)
	if e.Instead != "" {
		add("old spelling", "write "+e.Instead)
	}
	if e.Once {
		add("twice", "the first one counts, a second is ignored")
	}
	if e.Own {
		add("holdfast's own", "keepalived does not know it; holdfast check --portable lists where it is used")
	}
	return out
}
