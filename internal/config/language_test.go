package config

import (
	"slices"
	"testing"
)

func TestNearest(t *testing.T) {
	words := slices.Collect(scriptTable().words())
	for _, c := range []struct{ word, want string }{
		{"inteval", `did you mean "interval"?`},
		{"weigth", `did you mean "weight"?`},
		{"fail", `did you mean "fall"?`},
		{"WEIGHT", `did you mean "weight"?`},
		{"us", ""},
		{"somethingelse", ""},
	} {
		if got := nearest(c.word, words, ""); got != c.want {
			t.Errorf("%s: got %q, want %q", c.word, got, c.want)
		}
	}
}
