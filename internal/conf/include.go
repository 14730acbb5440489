package conf

import (
	"path"
	"slices"
	"strings"
)

// checks are the include problems that count as errors.
type checks uint8

// The words of include_check.
const (
	checkRead checks = 1 << iota
	checkMatch
	checkWildcard
	checkBrace
	checkAll = checkRead | checkMatch | checkWildcard | checkBrace
)

// includeChecks says what each include word checks; plain include checks what
// include_check asks for.
func (r *reader) includeChecks(word string) (checks, bool) {
	switch word {
	case "include":
		return r.checks, true
	case "includer":
		return checkRead, true
	case "includem":
		return checkRead | checkMatch, true
	case "includew":
		return checkRead | checkMatch | checkWildcard, true
	case "includeb":
		return checkRead | checkBrace, true
	case "includea":
		return checkAll, true
	}
	return 0, false
}

// includeCheck is the keyword include_check: it changes what include does from
// its line on to the end of the file.
func (r *reader) includeCheck(words []Token) {
	if len(words) == 1 {
		r.checks = checkAll
		return
	}
	listed := false
	for _, w := range words[1:] {
		name := strings.TrimLeft(w.Text, "+-")
		bit, known := map[string]checks{"read": checkRead, "match": checkMatch, "wildcard_match": checkWildcard, "brace_match": checkBrace}[name]
		switch {
		case !known:
			r.complain(w.Span, "include_check knows no "+w.Text, "read, match, wildcard_match or brace_match, with + or - before it")
		case w.Text[0] == '+':
			r.checks |= bit
		case w.Text[0] == '-':
			r.checks &^= bit
		case listed:
			r.checks |= bit
		default:
			r.checks, listed = bit, true
		}
	}
}

// include reads the files that a pattern names, in sorted order for each of its
// brace alternatives.
func (r *reader) include(word, pattern string, at Span, depth int) {
	counts, _ := r.includeChecks(word)
	alternatives := braces(path.Join(dir(at.File()), pattern))
	if path.IsAbs(pattern) {
		alternatives = braces(pattern)
	}
	matched := 0
	for _, one := range alternatives {
		n := r.includeOne(one, counts, at, depth)
		matched += n
		if n == 0 && len(alternatives) > 1 {
			r.includeFault(counts&checkBrace != 0, at, "no file matches "+one)
		}
	}
	wild := strings.ContainsAny(pattern, "*?[")
	switch {
	case matched > 0:
	case wild && counts&checkWildcard != 0:
		r.includeFault(true, at, "no file matches "+pattern)
	case !wild && len(alternatives) == 1:
		r.includeFault(counts&checkMatch != 0, at, "there is no file "+alternatives[0])
	case !wild && counts&checkMatch != 0:
		r.includeFault(true, at, "no file matches "+pattern)
	}
}

// includeOne reads what one pattern without braces names and answers how many
// paths that were.
func (r *reader) includeOne(pattern string, counts checks, at Span, depth int) int {
	names := []string{pattern}
	if strings.ContainsAny(pattern, "*?[") {
		found, err := r.files.Glob(pattern)
		if err != nil {
			r.includeFault(counts&checkRead != 0, at, "cannot look for "+pattern+": "+err.Error())
		}
		names = slices.Sorted(slices.Values(found))
	}
	n := 0
	for _, name := range names {
		if r.includeFile(name, counts, at, depth) {
			n++
		}
	}
	return n
}

func (r *reader) includeFile(name string, counts checks, at Span, depth int) bool {
	if at.reads(name) {
		r.fault(at, name+" includes itself", "")
		return true
	}
	if depth >= depthLimit || len(r.tree.Files) >= filesLimit {
		r.fault(at, "too many includes", "")
		return true
	}
	text, kind, err := r.files.Read(name)
	if kind == Missing {
		return false
	}
	if kind != Regular {
		r.includeFault(counts&checkRead != 0, at, name+" "+reason(kind, err))
		return true
	}
	saved := r.checks
	r.read(&Origin{File: r.add(name, text), Kind: Included, From: at}, depth+1)
	r.checks = saved
	return true
}

// reads reports whether a place is in a file of this name, or in one that this
// file includes.
func (s Span) reads(name string) bool {
	for o := s.Origin; o != nil; o = o.from() {
		if o.File.Name == name {
			return true
		}
	}
	return false
}

// filesLimit bounds how many files one configuration may have.
const filesLimit = 5000

// reason says why a file is not read.
func reason(k Kind, err error) string {
	switch k {
	case Missing:
		return "does not exist"
	case Directory:
		return "is a directory"
	case Irregular:
		return "is not a regular file"
	case Executable:
		return "is executable; configuration files must not be (chmod -x)"
	}
	if err != nil {
		return "cannot be read: " + err.Error()
	}
	return "cannot be read"
}

// includeFault reports an include problem: an error where it is checked, else
// what keepalived only logs.
func (r *reader) includeFault(counts bool, at Span, text string) {
	if counts {
		r.report(finding(Error, Insecure, at, text, "", r.build.within()))
		return
	}
	r.report(finding(Complaint, Unclassed, at, text, "", r.build.within()))
}

// patternsLimit bounds the alternatives of one pattern.
const patternsLimit = 1000

// braces lists the alternatives of a pattern with {a,b}, as many as the limit.
func braces(pattern string) []string { return appendAlternatives(nil, "", pattern) }

// appendAlternatives adds those of a pattern, of which what stands before them is
// done.
func appendAlternatives(out []string, before, pattern string) []string {
	open, parts, after := alternatives(pattern)
	if parts == nil {
		return append(out, before+pattern)
	}
	for _, part := range parts {
		if len(out) >= patternsLimit {
			break
		}
		out = appendAlternatives(out, before+pattern[:open], part+after)
	}
	return out
}

// alternatives splits a pattern at its first pair of braces: where it opens, what
// it holds and what follows it. There are no parts when there is none.
func alternatives(pattern string) (open int, parts []string, after string) {
	open = strings.IndexByte(pattern, '{')
	if open < 0 {
		return 0, nil, ""
	}
	depth, from := 0, open+1
	for i := open; i < len(pattern); i++ {
		switch pattern[i] {
		case '{':
			depth++
		case ',':
			if depth == 1 {
				parts, from = append(parts, pattern[from:i]), i+1
			}
		case '}':
			depth--
			if depth == 0 {
				return open, append(parts, pattern[from:i]), pattern[i+1:]
			}
		}
	}
	return 0, nil, ""
}

// dir is the directory of a path.
func dir(name string) string { return path.Dir(name) }
