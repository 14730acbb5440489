package config

import (
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/notify"
)

// command makes a program to run from the raw text behind a keyword: word one
// is the command line, word two the user, word three the group. Equal texts
// share one Command.
func (b *builder) command(c call) *notify.Command {
	if cmd := b.commands[c.raw]; cmd != nil {
		b.bareArguments(c, cmd)
		return cmd
	}
	parts, closed := splitScript(c.raw)
	cmd := &notify.Command{}
	if len(parts) > 0 {
		cmd.Line = b.keep(parts[0])
		var whole bool
		cmd.Argv, whole = b.argv(parts[0])
		closed = closed && whole
	}
	if !closed && strings.Count(c.raw, `"`)%2 == 0 { // of an odd one package conf has spoken
		b.complain(c.at(len(c.args)), "a quote in the command is not closed", "")
	}
	if len(parts) > 1 {
		cmd.User = b.keep(parts[1])
	}
	if len(parts) > 2 {
		cmd.Group, cmd.Supplementary = b.group(parts[2])
	}
	b.bareArguments(c, cmd)
	b.commands[strings.Clone(c.raw)] = cmd
	return cmd
}

// bareArguments warns where a user name looks like an argument: only quotes
// make arguments part of the command.
func (b *builder) bareArguments(c call, cmd *notify.Command) {
	if b.oddQuotes(c) || cmd.User == "" || strings.ContainsAny(c.raw, "\"'") {
		return
	}
	b.rule("user-or-argument").advise(c.at(len(c.args)), "the second word is the user to run as, not an argument: the command runs as "+cmd.User,
		"put quotes around the whole command if arguments are meant")
}

// oddQuotes speaks of quotes that are none: those of a word processor, and those
// behind a backslash that a here-document left over.
func (b *builder) oddQuotes(c call) bool {
	switch {
	case strings.HasPrefix(c.raw, `\"`):
		b.quirk(c.at(len(c.args)), `the backslash makes the \" a part of the command`, `write " alone`)
		return true
	case strings.ContainsAny(c.raw, "“”„‘’"):
		b.quirk(c.at(len(c.args)), "“ and ” are letters like others, not quotes", `write " before and behind the command`)
		return true
	}
	return false
}

// argv splits a command line a second time, and reports whether its quotes are
// closed. A command that begins with < and a path tests whether that file can be
// opened and has no arguments.
func (b *builder) argv(line string) (args []string, closed bool) {
	args, closed = splitCommand(line)
	for i := range args {
		args[i] = b.keep(args[i])
	}
	return args, closed
}

// group reads a group that may begin with a colon.
func (b *builder) group(s string) (name string, supplementary bool) {
	name, supplementary = strings.CutPrefix(s, ":")
	return b.keep(name), supplementary
}

// Argv splits the text behind a keyword that runs a command: the program and its
// arguments, as the command is run. It is empty when there is no command.
func Argv(raw string) []string {
	parts, _ := splitScript(raw)
	if len(parts) == 0 {
		return nil
	}
	argv, _ := splitCommand(parts[0])
	return argv
}

// CommandLine is the command that stands behind such a keyword, as written.
func CommandLine(raw string) string {
	parts, _ := splitScript(raw)
	if len(parts) == 0 {
		return ""
	}
	return parts[0]
}

// CommandUser is the user that stands behind such a command; empty: none.
func CommandUser(raw string) string {
	parts, _ := splitScript(raw)
	if len(parts) < 2 {
		return ""
	}
	return parts[1]
}

// splitScript splits the text behind a script keyword. Both quotes quote, and
// pieces that touch are one word; backslashes stay for the second splitting,
// but keep a quote from ending a word.
func splitScript(s string) (parts []string, closed bool) {
	return split(s, func(s string) (string, int) { return s[:2], 2 })
}

// splitCommand splits a command line into its arguments, with backslash escapes.
func splitCommand(s string) (args []string, closed bool) {
	return split(s, func(s string) (string, int) {
		c, n := escape(s[1:])
		return string([]byte{c}), n + 1
	})
}

// split splits at blanks outside quotes. What a backslash begins is given to
// behind, which answers what stands for it and how many bytes it takes.
func split(s string, behind func(string) (string, int)) (words []string, closed bool) {
	var w []byte
	quote, inWord := byte(0), false
	for len(s) > 0 {
		c, n := s[0], 1
		switch {
		case c == '\\' && len(s) > 1:
			var text string
			text, n = behind(s)
			w, inWord = append(w, text...), true
		case c == quote:
			quote = 0
		case quote != 0:
			w = append(w, c)
		case c == '"' || c == '\'':
			quote, inWord = c, true
		case strings.IndexByte(" \t\f\v\r\n", c) < 0:
			w, inWord = append(w, c), true
		case inWord:
			words, w, inWord = append(words, string(w)), w[:0], false
		}
		s = s[n:]
	}
	if inWord {
		words = append(words, string(w))
	}
	return words, quote == 0
}

// escape reads what follows a backslash and how many bytes that takes.
func escape(s string) (byte, int) {
	if i := strings.IndexByte("abEfnrtv", s[0]); i >= 0 {
		return "\a\b\x1b\f\n\r\t\v"[i], 1
	}
	switch {
	case s[0] >= '0' && s[0] <= '7':
		return digits(s, "01234567", 3)
	case s[0] == 'x' && len(s) > 1 && strings.IndexByte(hexDigits, s[1]|0x20) >= 0:
		c, n := digits(s[1:], hexDigits, 2)
		return c, n + 1
	case s[0] == 'c' && len(s) > 1:
		return s[1] & 0x1f, 2
	}
	return s[0], 1
}

const hexDigits = "0123456789abcdef"

// digits reads up to n digits of the base that the digits give.
func digits(s, set string, n int) (byte, int) {
	v, i := 0, 0
	for i < n && i < len(s) {
		c := s[i]
		if c >= 'A' {
			c |= 0x20
		}
		d := strings.IndexByte(set, c)
		if d < 0 {
			break
		}
		v, i = v*len(set)+d, i+1
	}
	return byte(v), i
}

// user takes an account apart for the block it belongs to.
func (b *builder) user(v value) (user, group string, supplementary bool) {
	user = b.keep(v.words[0].Text)
	if len(v.words) > 1 {
		group, supplementary = b.group(v.words[1].Text)
	}
	return user, group, supplementary
}

// emptyWord reports whether a name is missing or empty.
func emptyWord(words []conf.Token) bool { return len(words) == 0 || words[0].Text == "" }
