package config_test

import (
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// languageSamples are texts with the words of the language itself, and what is
// read in their place.
func languageSamples() map[string]struct{ text, want string } {
	return map[string]struct{ text, want string }{
		"include":      {"include m*", "more\n"},
		"includer":     {"includer m*", "more\n"},
		"includem":     {"includem more", "more\n"},
		"includew":     {"includew m?re", "more\n"},
		"includeb":     {"includeb {more,more}", "more\nmore\n"},
		"includea":     {"includea more", "more\n"},
		"@ID":          {"@node1 a\n@node2 b", "a\n"},
		"@^ID":         {"@^node1 a\n@^node2 b", "b\n"},
		"$NAME=":       {"$X=1\na ${X}2", "a 12\n"},
		"~SEQ":         {"~SEQ(X, 9, 11) a ${X}", "a 9\na 10\na 11\n"},
		"~SEQx":        {"~SEQx(X, 9, 11) a ${X}", "a 9\na a\na b\n"},
		"~LST":         {"~LST({X,Y}, {1,2}, {3}) a ${X}-${Y}", "a 1-2\na 3-\n"},
		"${_PWD}":      {"a ${_PWD}", "a /etc\n"},
		"${_INSTANCE}": {"a ${_INSTANCE}", "a node1\n"},
		"${_RANDOM}":   {"a ${_RANDOM 7 7}", "a 7\n"},
		"${_ENV}":      {"a ${_ENV HOME}", "a value of HOME\n"},
		"${_HASH}":     {`a \${_HASH}b`, `a \#b` + "\n"},
		"${_BANG}":     {`a "${_BANG}b"`, `a "!b"` + "\n"},
	}
}

func TestEveryWordOfTheLanguageIsRead(t *testing.T) {
	samples := languageSamples()
	for e := range config.Keywords() {
		if e.Block != "(anywhere)" {
			continue
		}
		t.Run(e.Word, func(t *testing.T) {
			s, found := samples[e.Word]
			if !found {
				t.Fatal("no sample")
			}
			files := conf.MemoryFiles{"/etc/main": s.text, "/etc/more": "more\n"}
			env := func(name string) (string, bool) { return "value of " + name, true }
			tree, _ := conf.Parse(files, "/etc/main", conf.Options{ID: "node1", Env: env})
			if got := conf.Print(tree); got != s.want {
				t.Errorf("got %q, want %q", got, s.want)
			}
		})
	}
}
