package conf

import "strings"

// Conceal puts asterisks over the secret of a source line: a password (auth_pass, smtp_auth),
// a key of auth_hmac, or what opens the door of a webhook. The line keeps its length. The path behind file: is no
// secret.
func Conceal(line string) string {
	for _, word := range []string{"auth_pass", "smtp_auth"} {
		if at := strings.Index(line, word); at >= 0 {
			return covered(line, at+len(word))
		}
	}
	if hidden, is := concealHook(line); is {
		return hidden
	}
	at := keyword(line, "key")
	if at < 0 {
		return line
	}
	rest := strings.TrimLeft(strings.TrimPrefix(line[at:], `"`), " \t")
	id := len(rest) - len(strings.TrimLeft(rest, "\"0123456789"))
	secret := strings.TrimLeft(rest[id:], " \t")
	if id == 0 || len(secret) == len(rest[id:]) || strings.HasPrefix(strings.TrimPrefix(secret, `"`), "file:") {
		return line
	}
	return covered(line, len(line)-len(secret))
}

// concealHook covers the value of a header, and the URL of a webhook behind its host.
func concealHook(line string) (string, bool) {
	if at := keyword(line, "header"); at >= 0 {
		rest := strings.TrimLeft(line[at:], "\" \t")
		name := strings.IndexAny(rest, "\" \t")
		if name < 0 {
			return line, true
		}
		return covered(line, len(line)-len(rest)+name), true
	}
	at := keyword(line, "url")
	host := strings.Index(line, "://")
	if at < 0 || host < at {
		return line, false
	}
	path := strings.IndexAny(line[host+3:], "/?#")
	if path < 0 {
		return line, true
	}
	return covered(line, host+3+path), true
}

// keyword finds the end of the first place where a word stands alone, or -1.
func keyword(line, word string) int {
	for at := 0; ; {
		i := strings.Index(line[at:], word)
		if i < 0 {
			return -1
		}
		start := at + i
		at = start + len(word)
		if alone(line, start-1) && alone(line, at) {
			return at
		}
	}
}

// alone reports whether no word goes on at a place.
func alone(line string, at int) bool {
	return at < 0 || at >= len(line) || strings.IndexByte(" \t{}\"", line[at]) >= 0
}

// covered puts asterisks over all but blanks from a place on.
func covered(line string, from int) string {
	b := []byte(line)
	for i := from; i < len(b); i++ {
		if b[i] != ' ' && b[i] != '\t' {
			b[i] = '*'
		}
	}
	return string(b)
}
