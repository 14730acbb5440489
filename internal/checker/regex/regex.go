// Package regex finds patterns of PCRE2 in pages. Plain patterns, which mean the
// same to the standard library, are left to that; the others go to PCRE2 itself,
// translated to Go, where there is such a translation.
package regex

import (
	"fmt"
	"regexp"
	"strings"
)

// Pattern is a compiled pattern. Any number of goroutines may use it.
type Pattern struct {
	text     string
	min, max uint32
	standard *regexp.Regexp // nil: foreign
	foreign  *foreign
}

// harmless are the options of PCRE2 that change no verdict on a plain pattern.
const harmless = 0x01 | 0x04 | 0x10 | 0x40 | 0x200 | 0x400 | 0x800 | 0x1000 | 0x2000 | 0x4000 | 0x8000 | 0x10000 | 0x20000 | 0x40000 | 0x80_0000 | 0x10_0000 | 0x20_0000 | 0x40_0000

// useOffsetLimit is the option that lets a match be limited to a beginning.
const useOffsetLimit = 0x80_0000

// Compile compiles a pattern with option bits of PCRE2. A match begins at byte min
// or after it and, unless max is 0, before byte max.
func Compile(text string, options, min, max uint32) (*Pattern, error) {
	p := &Pattern{text: text, min: min, max: max}
	if options&^harmless == 0 && min == 0 && max == 0 && plain(text) {
		re, err := regexp.Compile(text)
		if err == nil {
			p.standard = re
			return p, nil
		}
	}
	if max != 0 {
		options |= useOffsetLimit
	}
	foreign, err := compile(text, options)
	if err != nil {
		return nil, fmt.Errorf("compile the pattern %q: %w", text, err)
	}
	p.foreign = foreign
	return p, nil
}

// plain reports whether a pattern means the same in both dialects, on any bytes:
// text, escaped punctuation, alternatives in groups, and .* between them.
func plain(text string) bool {
	for i := 0; i < len(text); i++ {
		c, rest := text[i], text[i+1:]
		switch {
		case letter(c) || strings.IndexByte(" <>=\"'/:;_,@%&~!-", c) >= 0:
		case c == '|' || c == ')':
		case c == '(' && !strings.HasPrefix(rest, "?") && !strings.HasPrefix(rest, "*"):
		case c == '.' && strings.HasPrefix(rest, "*") && !strings.HasPrefix(rest, "*+"):
			i++
		case c == '\\' && rest != "" && strings.IndexByte(`.[]{}()*+?|\/^$-`, rest[0]) >= 0:
			i++
		default:
			return false
		}
	}
	return true
}

func letter(c byte) bool {
	return 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9'
}

// Match reports whether there is a match. The error says why that could not be
// found out.
func (p *Pattern) Match(subject []byte) (bool, error) {
	if p.standard != nil {
		return p.standard.Match(subject), nil
	}
	if int(p.min) > len(subject) {
		return false, nil
	}
	found, err := p.foreign.match(subject, p.min, p.max)
	if err != nil {
		return false, fmt.Errorf("match %q: %w", p.text, err)
	}
	return found, nil
}

// Engine says who finds the pattern.
func (p *Pattern) Engine() string {
	if p.standard != nil {
		return "the standard library of Go"
	}
	return "PCRE2"
}
