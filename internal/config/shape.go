package config

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"holdfast/internal/conf"
)

// shape recognises lines that are no configuration at all by what they look
// like: text that lacks its comment mark, the comments and endings of other
// languages, lines copied with the prompt of a shell.
func shape(n *conf.Node) (text, fix string) {
	word := n.Keyword.Text
	switch {
	case word == "":
		return "", ""
	case foreignComment(word) != "":
		return foreignComment(word) + " does not begin a comment", "write # or ! instead"
	case prompt(word), word == "EOF", slices.ContainsFunc(n.Args, func(a conf.Token) bool { return strings.HasPrefix(a.Text, "<<") }):
		return "this looks like a line of a shell session", "delete it, or put # before it"
	case conflict(word):
		return "this looks like a merge that was not finished", "keep one of both sides"
	case strings.HasPrefix(word, "```"):
		return "this looks like the fence of a code block", "delete it"
	case len(word) > 2 && strings.Trim(word, "-=*_~") == "":
		return "this looks like a ruling line", "put # before it"
	case section(word) && len(n.Args) == 0:
		return "this looks like a file of another program, in sections", "keepalived.conf has blocks: KEYWORD NAME { ... }"
	case prose(n):
		return "this looks like a remark", "put # before it"
	case word == "+" || word == "-":
		return "this looks like a line of a patch", "apply the patch, or delete the mark"
	}
	return "", ""
}

// section reports whether a word is the heading of a section.
func section(word string) bool { return len(word) > 2 && word[0] == '[' && word[len(word)-1] == ']' }

// conflict reports whether a word is a mark of a merge: seven times one sign.
func conflict(word string) bool {
	return len(word) == 7 && (strings.Trim(word, "<") == "" || strings.Trim(word, ">") == "" || word == "=======")
}

// foreignComment answers what begins a word and, in other languages, a comment.
func foreignComment(word string) string {
	for _, mark := range []string{"//", "/*", "*/", "--", ";", "<!"} {
		if strings.HasPrefix(word, mark) && (word == mark || strings.Trim(word, "-") != "") {
			return mark
		}
	}
	return ""
}

// prompt reports whether a word is, or begins, the prompt of a shell. A # at its
// end has become a comment.
func prompt(word string) bool {
	if word == "$" || word == ">" || word == "%" || word == "~]" {
		return true
	}
	_, host, found := strings.Cut(word, "@")
	return found && (word[0] == '[' || strings.ContainsAny(host, ":~$"))
}

// prose reports whether a statement reads as a sentence: three words or more,
// nearly all made of letters, or any word of a script that keywords are not
// written in.
func prose(n *conf.Node) bool {
	if r, _ := utf8.DecodeRuneInString(n.Keyword.Text); r >= utf8.RuneSelf {
		return true
	}
	if n.Block || len(n.Args) < 2 {
		return false
	}
	plain := 0
	for _, a := range n.Args {
		if strings.IndexFunc(strings.Trim(a.Text, ".,:;!?()'\""), func(r rune) bool { return !unicode.IsLetter(r) && r != '-' && r != '\'' }) < 0 {
			plain++
		}
	}
	return (wordLike(n.Keyword.Text) || n.Keyword.Text == "*" || n.Keyword.Text == "-") && 3*plain >= 2*len(n.Args)
}

// wordLike reports whether a text may begin a sentence: letters, perhaps with a
// sign behind them. Keywords have underscores.
func wordLike(s string) bool {
	s = strings.TrimRight(s, ".,:;!?")
	return s != "" && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsLetter(r) && r != '\'' && r != '-' }) < 0
}
