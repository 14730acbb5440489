package manual

import (
	"fmt"
	"slices"
	"strings"

	"holdfast/internal/config"
)

// Pages are all generated files: path below doc, and text.
func (b *Book) Pages(commands []Command) map[string]string {
	out := map[string]string{
		"reference/README.md": b.index(),
		"reference/rules.md":  b.rules(),
		"man/holdfast.conf.5": b.Conf(),
		"man/holdfast.8":      Program(commands),
	}
	for i := range b.Blocks {
		out["reference/"+b.Blocks[i].file()] = b.Blocks[i].page()
	}
	return out
}

// file is the name of the page of a block.
func (b *Block) file() string { return fileOf(b.Name) }

func fileOf(block string) string {
	switch block {
	case anywhere:
		return "language.md"
	case topLevel:
		return "top-level.md"
	}
	return strings.ReplaceAll(block, "/", ".") + ".md"
}

// generated is said at the top of every page.
const generated = "<!-- generated from the keyword tables by `make manual`; do not edit -->\n\n"

// index is the page that leads to the others.
func (b *Book) index() string {
	var w strings.Builder
	w.WriteString(generated + "# Configuration reference\n\n" +
		"Every keyword, block by block; `holdfast explain WORD` prints the same. " +
		"The checks of `holdfast check` are in [rules.md](rules.md).\n\n## Blocks\n\n| block | |\n| --- | --- |\n")
	for i := range b.Blocks {
		block := &b.Blocks[i]
		fmt.Fprintf(&w, "| [%s](%s) | %s |\n", plain(block.Title()), block.file(), cell(block.Summary()))
	}
	w.WriteString("\n## Words\n\n")
	for _, word := range b.keywords() {
		fmt.Fprintf(&w, "- `%s`: %s\n", word, strings.Join(b.links(word), ", "))
	}
	return w.String()
}

// keywords lists the keywords, sorted, each once.
func (b *Book) keywords() []string {
	var out []string
	for _, block := range b.Blocks {
		for _, e := range block.Entries {
			out = append(out, e.Word)
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// links lead to the homes of a keyword.
func (b *Book) links(word string) []string {
	var out []string
	for i := range b.Blocks {
		block := &b.Blocks[i]
		if slices.ContainsFunc(block.Entries, func(e config.Entry) bool { return e.Word == word }) {
			out = append(out, fmt.Sprintf("[%s](%s#%s)", plain(block.Title()), block.file(), anchor(word)))
		}
	}
	return out
}

// anchor is the name of a keyword's place in a page.
func anchor(word string) string {
	var w strings.Builder
	for _, c := range word {
		if c == '_' || c == '-' || c >= '0' && c <= '9' || c|0x20 >= 'a' && c|0x20 <= 'z' {
			w.WriteRune(c)
		} else {
			fmt.Fprintf(&w, ".%x", c)
		}
	}
	return w.String()
}

// page is the page of a block.
func (b *Block) page() string {
	var w strings.Builder
	fmt.Fprintf(&w, "%s# %s\n\n%s\n", generated, plain(b.Title()), plain(b.Summary()))
	for _, o := range b.Openers {
		fmt.Fprintf(&w, "\n`%s` stands %s.\n", Usage(o), linked(o.Block, place(o.Block)))
	}
	for _, e := range b.Entries {
		w.WriteString("\n")
		b.keyword(&w, e)
	}
	return w.String()
}

// keyword is the paragraph of a keyword.
func (b *Block) keyword(w *strings.Builder, e config.Entry) {
	fmt.Fprintf(w, "<a id=\"%s\"></a>\n\n## `%s`\n\n%s\n", anchor(e.Word), Usage(e), plain(e.Meaning))
	list := notes(e)
	if len(list) > 0 || e.Opens != "" {
		w.WriteString("\n")
	}
	for _, n := range list {
		fmt.Fprintf(w, "- %s: %s\n", n[0], plain(n[1]))
	}
	if e.Opens != "" {
		fmt.Fprintf(w, "- its words: %s\n", linked(e.Opens, e.Opens))
	}
}

// linked is a text that leads to the page of a block.
func linked(block, text string) string { return fmt.Sprintf("[%s](%s)", plain(text), fileOf(block)) }

// rules is the page of the checks.
func (b *Book) rules() string {
	var w strings.Builder
	w.WriteString(generated + "# Rules of `holdfast check`\n\n" +
		"A comment `# holdfast: accept NAME` acknowledges what a rule finds, within the block in which it stands, or at the top level in the whole file. Errors cannot be acknowledged.\n")
	w.WriteString("\n## One file\n")
	b.table(&w, false)
	w.WriteString("\n## Between the nodes of a cluster\n")
	b.table(&w, true)
	return w.String()
}

// table lists the rules of one kind.
func (b *Book) table(w *strings.Builder, nodes bool) {
	w.WriteString("\n| rule | severity | what is wrong | what to do |\n| --- | --- | --- | --- |\n")
	for _, r := range b.Rules {
		if r.Nodes == nodes {
			fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", r.Name, r.Severity, cell(r.Why), cell(r.Do))
		}
	}
}

// plain takes its meaning for Markdown out of a text.
func plain(s string) string {
	return strings.NewReplacer(`\`, `\\`, "*", `\*`, "<", `\<`, "`", "\\`", "~", `\~`, "$", `\$`, "[", `\[`, " _", ` \_`, "{_", `{\_`).Replace(s)
}

// cell is plain text in a table.
func cell(s string) string { return strings.ReplaceAll(plain(s), "|", `\|`) }
