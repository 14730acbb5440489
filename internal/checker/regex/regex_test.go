package regex

import (
	"strings"
	"sync"
	"testing"
	"time"
)

// Option bits of PCRE2.
const (
	allowEmptyClass = 1 << iota
	altBSUX
	autoCallout
	caseless
	dollarEndonly
	dotall
	dupnames
	extended
	firstline
	matchUnsetBackref
	multiline
	neverUCP
	neverUTF
	noAutoCapture
	_
	_
	_
	ucp
	ungreedy
	utf
	neverBackslashC
	altCircumflex
)

func TestMatch(t *testing.T) {
	for _, c := range []struct {
		name, text string
		options    uint32
		min, max   uint32
		subject    string
		want       bool
	}{
		{"text", "hello", 0, 0, 0, "say hello", true},
		{"text that is not there", "hello", 0, 0, 0, "say hullo", false},
		{"an empty page", "hello", 0, 0, 0, "", false},
		{"an empty pattern in an empty page", "(?:)", 0, 0, 0, "", true},
		{"alternatives", "(up|ok) now", 0, 0, 0, "it is ok now", true},
		{"anything between", "<b>.*</b>", 0, 0, 0, "<b>x</b>", true},
		{"anything but a newline", "<b>.*</b>", 0, 0, 0, "<b>\n</b>", false},
		{"a newline with dotall", "<b>.*</b>", dotall, 0, 0, "<b>\n</b>", true},
		{"another case", "hello", 0, 0, 0, "HELLO", false},
		{"another case with caseless", "hello", caseless, 0, 0, "HELLO", true},
		{"a dollar sign before the last newline", "end$", 0, 0, 0, "the end\n", true},
		{"not with dollar_endonly", "end$", dollarEndonly, 0, 0, "the end\n", false},
		{"a line with multiline", "^b$", multiline, 0, 0, "a\nb\nc", true},
		{"white space with extended", "a b # c", extended, 0, 0, "ab", true},
		{"firstline", "b", firstline, 0, 0, "a\nb", false},
		{"a look ahead", "a(?=b)", 0, 0, 0, "ab", true},
		{"a look behind", "(?<=a)b", 0, 0, 0, "ab", true},
		{"a back reference", `(a|b)\1`, 0, 0, 0, "abba", true},
		{"a possessive quantifier", "a++a", 0, 0, 0, "aaa", false},
		{"horizontal space", `a\hb`, 0, 0, 0, "a\tb", true},
		{"a byte that is not UTF-8", "^.$", 0, 0, 0, "\xff", true},
		{"a letter of two bytes is two", "^..$", 0, 0, 0, "ä", true},
		{"a letter of two bytes is one with utf", "^.$", utf, 0, 0, "ä", true},
		{"two groups of a name with dupnames", "(?<n>a)|(?<n>b)", dupnames, 0, 0, "b", true},
		{"an empty class", "[]a]", allowEmptyClass, 0, 0, "a]", false},
		{"an escape of ECMAScript", `\u0041`, altBSUX, 0, 0, "A", true},
		{"a match at the least offset", "b", 0, 1, 0, "ab", true},
		{"a match before the least offset", "a", 0, 1, 0, "ab", false},
		{"a match that a greedy one from before hides", "a+", 0, 2, 0, "aaa", true},
		{"a least offset behind the page", "a", 0, 9, 0, "aaa", false},
		{"a match before the greatest offset", "b", 0, 0, 2, "ab", true},
		{"a match at the greatest offset", "b", 0, 0, 1, "ab", false},
		{"between offsets", "b", 0, 1, 2, "ab", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Compile(c.text, c.options, c.min, c.max)
			if err != nil {
				t.Fatal(err)
			}
			if got, err := p.Match([]byte(c.subject)); got != c.want || err != nil {
				t.Errorf("%v, %v", got, err)
			}
		})
	}
}

func TestPlainPatternsAreLeftToTheStandardLibrary(t *testing.T) {
	for text, want := range map[string]bool{
		"hello": true, "<title>.*</title>": true, "(up|ok)": true, `1\.2`: true,
		"a$": false, "^a": false, "a.b": false, `\d`: false, "[a]": false, "a{2}": false, "(?i)a": false, ".*+": false, "ä": false, "(*UTF)a": false, `a\`: false, "a?": false, "#": false,
	} {
		p, err := Compile(text, 0, 0, 0)
		if got := err == nil && p.standard != nil; got != want {
			t.Errorf("%q is left to it: %v (%v)", text, got, err)
		}
	}
}

func TestWhatBothEnginesTakeMeansTheSameToBoth(t *testing.T) {
	subjects := []string{"", "a", "hello", "<b>\xff\xfe</b>", "<b>\n</b>", "up\r\nok", "1.2", "1x2", "ää", "\x00hello\x00", strings.Repeat("ab", 5000)}
	for _, text := range []string{"hello", "<b>.*</b>", "(up|ok)", `1\.2`, "", "a.*", "(a|b|)", "(hel|)lo", ".*", "a|", "(a.*b)"} {
		p, err := Compile(text, 0, 0, 0)
		if err != nil || p.standard == nil {
			t.Fatalf("%q is not plain: %v", text, err)
		}
		other, err := compile(text, 0)
		if err != nil {
			t.Fatal(err)
		}
		for _, s := range subjects {
			one, _ := p.Match([]byte(s))
			two, err := other.match([]byte(s), 0, 0)
			if one != two || err != nil {
				t.Errorf("%q in %.20q: %v, PCRE2 says %v, %v", text, s, one, two, err)
			}
		}
	}
}

func TestABadPatternIsRefusedInWords(t *testing.T) {
	for text, want := range map[string]string{"(a": "missing closing parenthesis", "a**": "", `\`: `\ at end of pattern`, "[z-a]": "range out of order", "(?<n>a)(?<n>b)": "two named subpatterns have the same name"} {
		_, err := Compile(text, 0, 0, 0)
		if want == "" {
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, not %q", text, err, want)
		}
	}
}

func TestAPatternThatRunsAwayIsStopped(t *testing.T) {
	p, err := Compile("^(a+)+$", 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	start := time.Now()
	if got, err := p.Match([]byte(strings.Repeat("a", 50) + "b")); got || err == nil || !strings.Contains(err.Error(), "match limit exceeded") {
		t.Errorf("%v, %v", got, err)
	}
	if took := time.Since(start); took > 10*time.Second {
		t.Errorf("it took %v", took)
	}
}

func TestAPageThatIsNotUTFIsToldForUTF(t *testing.T) {
	p, err := Compile("a", utf, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	if got, err := p.Match([]byte("\xff")); got || err == nil || !strings.Contains(err.Error(), "UTF-8 error") {
		t.Errorf("%v, %v", got, err)
	}
}

func TestManyMayMatchAtOnce(t *testing.T) {
	p, err := Compile(`(\w+) \1`, 0, 0, 0)
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 200 {
				if got, err := p.Match([]byte("say hello hello")); !got || err != nil {
					t.Errorf("%v, %v", got, err)
				}
			}
		})
	}
	all.Wait()
}

// FuzzMatch looks for patterns and pages that the translated library does not
// survive.
func FuzzMatch(f *testing.F) {
	f.Add("a(?=b)", uint32(0), "ab", uint32(0), uint32(0))
	f.Add(`(?<n>a)\k<n>`, uint32(dupnames), "aa", uint32(1), uint32(9))
	f.Add(`^(a+)+$`, uint32(multiline|caseless), "aaaaab", uint32(0), uint32(2))
	f.Add(`\R\X(?R)?`, uint32(utf|ucp), "ä\n", uint32(0), uint32(0))
	f.Fuzz(func(t *testing.T, text string, options uint32, subject string, min, max uint32) {
		p, err := Compile(text, options&0xff_ffff, min, max)
		if err != nil {
			return
		}
		_, _ = p.Match([]byte(subject))
	})
}
