package format

import "strings"

const blanks = " \t\f\v\r\n"

// blank reports whether c separates words.
func blank(c byte) bool { return c == ' ' || c >= '\t' && c <= '\r' }

func trim(s string) string { return strings.Trim(s, blanks) }

// cutComment parts a line from its comment: # and ! begin one outside double
// quotes, unless a backslash stands before them.
func cutComment(raw string) (code, comment string) {
	raw = trim(raw)
	quoted := false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case c == '"':
			quoted = !quoted
		case c == '\\':
			i++
		case !quoted && (c == '#' || c == '!'):
			return trim(raw[:i]), raw[i:]
		}
	}
	return raw, ""
}

// letter reports whether c may begin the name of a parameter.
func letter(c byte) bool { return c == '_' || c|0x20 >= 'a' && c|0x20 <= 'z' }

// nameLen is the length of the name that begins s.
func nameLen(s string) int {
	n := 0
	for n < len(s) && (letter(s[n]) || n > 0 && s[n] >= '0' && s[n] <= '9') {
		n++
	}
	return n
}

// reference finds a use of a parameter at the beginning of s: its name and its
// length, 0 when there is none.
func reference(s string) (name string, length int) {
	if strings.HasPrefix(s, "${") {
		end := strings.IndexByte(s, '}')
		n := nameLen(s[2:])
		if n == 0 || end < 0 || n+2 != end && s[n+2] != ' ' || strings.IndexByte(s[:end], '"') >= 0 {
			return "", 0
		}
		return s[2 : n+2], end + 1
	}
	if s == "" || s[0] != '$' {
		return "", 0
	}
	n := nameLen(s[1:])
	if n == 0 || n+1 < len(s) && strings.IndexByte(blanks+",)", s[n+1]) < 0 {
		return "", 0
	}
	return s[1 : n+1], n + 1
}

// split cuts code at its braces: statements and braces, in their order.
func split(code string) []string {
	var out []string
	for i := 0; i < len(code); {
		switch c := code[i]; {
		case blank(c):
			i++
		case c == '{' || c == '}':
			out = append(out, code[i:i+1])
			i++
		default:
			end := statementEnd(code, i)
			out = append(out, trim(code[i:end]))
			i = end
		}
	}
	return out
}

// statementEnd answers where the statement that begins at i ends: at a brace or
// with the line. What follows an include word belongs to it, braces and all.
func statementEnd(code string, i int) int {
	first := true
	for i < len(code) && code[i] != '{' && code[i] != '}' {
		if blank(code[i]) {
			i++
			continue
		}
		end := wordEnd(code, i)
		if first && includes(code[i:end]) {
			return len(code)
		}
		first, i = false, end
	}
	return i
}

// wordEnd answers where the word that begins at i ends.
func wordEnd(code string, i int) int {
	if code[i] == '"' {
		return quoteEnd(code, i+1)
	}
	for i < len(code) && !blank(code[i]) && code[i] != '"' && code[i] != '{' && code[i] != '}' {
		if _, n := reference(code[i:]); n > 0 {
			i += n
			continue
		}
		i++
	}
	return i
}

// quoteEnd answers where a quoted word ends whose text begins at from. A
// backslash does not hide its quote.
func quoteEnd(code string, from int) int {
	if i := strings.IndexByte(code[from:], '"'); i >= 0 {
		return from + i + 1
	}
	return len(code)
}

// leftOpen reports whether a text ends inside a quoted word.
func leftOpen(text string) bool {
	for _, part := range split(text) {
		for i := 0; i < len(part); {
			end := max(wordEnd(part, i), i+1)
			if part[i] == '"' && (end == i+1 || part[end-1] != '"') {
				return true
			}
			i = end
		}
	}
	return false
}

func includes(word string) bool {
	switch word {
	case "include", "includer", "includem", "includew", "includeb", "includea":
		return true
	}
	return false
}

// spaced writes a statement with one blank between its words. What some
// keywords split by rules of their own stays as it is.
func spaced(statement string) string {
	end := wordEnd(statement, 0)
	keyword, rest := statement[:end], trim(statement[end:])
	if rest == "" {
		return keyword
	}
	if !raw(keyword, rest) {
		rest = oneBlank(rest)
	}
	if end < len(statement) && !blank(statement[end]) {
		return keyword + rest
	}
	return keyword + " " + rest
}

// raw reports whether a keyword may read its arguments by other rules than the
// words of the language: commands, patterns and file names.
func raw(keyword, rest string) bool {
	keyword = strings.Trim(keyword, `"`)
	switch keyword {
	case "misc_path", "regex", "quorum_up", "quorum_down", "init_file":
		return true
	}
	return includes(keyword) || strings.Contains(keyword, "script") || strings.HasPrefix(keyword, "notify") || strings.ContainsAny(rest, `'\`)
}

// oneBlank makes one blank of many outside quotes.
func oneBlank(s string) string {
	var b strings.Builder
	for i := 0; i < len(s); {
		if !blank(s[i]) {
			end := max(wordEnd(s, i), i+1)
			b.WriteString(s[i:end])
			i = end
			continue
		}
		for i < len(s) && blank(s[i]) {
			i++
		}
		b.WriteByte(' ')
	}
	return b.String()
}
