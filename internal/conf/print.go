package conf

import "strings"

// Print writes a tree so that reading it again gives the same tree: one
// statement per line, blocks indented, definitions and includes resolved.
func Print(t *Tree) string {
	var b strings.Builder
	for _, n := range t.Nodes {
		n.print(&b, 0)
	}
	return b.String()
}

// deepest is the depth from which on blocks are no longer indented further, so
// that no line grows beyond what can be read.
const deepest = 20

func (n *Node) print(b *strings.Builder, depth int) {
	indent := strings.Repeat("    ", min(depth, deepest))
	b.WriteString(indent)
	b.WriteString(quoteKeyword(n.Keyword.Text))
	if n.Raw != "" {
		b.WriteByte(' ')
		b.WriteString(escapeComments(loneBackslash(n.Raw)))
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

// loneBackslash quotes a backslash that is the last word: without quotes it would
// stick to the word before it.
func loneBackslash(raw string) string {
	n := len(raw) - 1
	if n >= 0 && raw[n] == '\\' && (n == 0 || blank(raw[n-1])) && strings.Count(raw, `"`)%2 == 0 {
		return raw[:n] + `"\"`
	}
	return raw
}

// quoteKeyword quotes a word that would mean something else at the beginning
// of a line, or of a text: a byte order mark.
func quoteKeyword(word string) string {
	if word == "" || strings.ContainsAny(word, blanks+"{}#!") || strings.ContainsAny(word[:1], "@$~") || orderMark(word) ||
		strings.HasPrefix(word, "include") {
		return `"` + word + `"`
	}
	return word
}

// orderMark reports whether a word begins as a byte order mark does.
func orderMark(word string) bool {
	return strings.HasPrefix(word, "\xef\xbb\xbf") || strings.HasPrefix(word, "\xff\xfe") || strings.HasPrefix(word, "\xfe\xff")
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
