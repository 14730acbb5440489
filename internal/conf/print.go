package conf

import (
	"bufio"
	"io"
	"strings"
)

// Print shows a tree, definitions and includes resolved: one statement per line, blocks
// indented, what stands behind a keyword as it was written.
func Print(t *Tree) string {
	var b strings.Builder
	Write(&b, t)
	return b.String()
}

// Write is Print for texts that are not to be in memory as a whole. It is for writers
// that do not fail.
func Write(w io.Writer, t *Tree) {
	b := bufio.NewWriter(w)
	for _, n := range t.Nodes {
		n.print(b, 0)
	}
	_ = b.Flush()
}

// deepest is the depth from which on blocks are no longer indented further, so
// that no line grows beyond what can be read.
const deepest = 20

// margin is as much as a line is ever indented.
const margin = "                                                                                "

func (n *Node) print(b *bufio.Writer, depth int) {
	indent := margin[:4*min(depth, deepest)]
	b.WriteString(indent)
	b.WriteString(quoteKeyword(n.Keyword.Text))
	if n.Raw != "" {
		b.WriteByte(' ')
		b.WriteString(escapeComments(n.Raw))
	}
	if !n.Block {
		b.WriteByte('\n')
		return
	}
	if strings.Count(n.Raw, `"`)%2 == 1 { // an open quote takes all that follows
		b.WriteByte('\n')
		b.WriteString(indent)
		b.WriteString("{\n")
	} else {
		b.WriteString(" {\n")
	}
	for _, child := range n.Body {
		child.print(b, depth+1)
	}
	b.WriteString(indent)
	b.WriteString("}\n")
}

// quoteKeyword quotes a word that would mean something else at the beginning
// of a line.
func quoteKeyword(word string) string {
	if word == "" || strings.ContainsAny(word, blanks+"{}#!") || strings.ContainsAny(word[:1], "@$~") ||
		strings.HasPrefix(word, "include") {
		return `"` + word + `"`
	}
	return word
}

// escapeComments puts a backslash before comment signs outside quotes.
func escapeComments(raw string) string {
	if !strings.ContainsAny(raw, "#!") {
		return raw
	}
	var b strings.Builder
	quoted := false
	for i := 0; i < len(raw); i++ {
		c := raw[i]
		switch {
		case c == '"':
			quoted = !quoted
		case c == '\\' && i+1 < len(raw):
			b.WriteByte(c)
			i++
			c = raw[i]
		case !quoted && (c == '#' || c == '!'):
			b.WriteByte('\\')
		}
		b.WriteByte(c)
	}
	return b.String()
}
