package config

import "slices"

// Near lists the words that are at most two edits away from a misspelt one, or
// one from a short one, the nearest first.
func Near(word string, words []string) []string {
	limit := 3
	if len(word) < 6 {
		limit = 2
	}
	var out []string
	for distance := range limit {
		for _, w := range words {
			if edits(word, w, limit) == distance && !slices.Contains(out, w) {
				out = append(out, w)
			}
		}
	}
	return out
}

// Former says what became of a word of older versions and of forks.
func Former(word string) (advice string, was bool) { return former(word) }
