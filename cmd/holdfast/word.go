package main

import (
	"fmt"
	"slices"
	"strings"
)

// word is a flag that takes one of some words.
type word struct {
	to    *string
	words []string
}

// Set implements pflag.Value.
func (w *word) Set(text string) error {
	if !slices.Contains(w.words, text) {
		return fmt.Errorf("write one of %s", strings.Join(w.words, ", "))
	}
	*w.to = text
	return nil
}

// String implements pflag.Value.
func (w *word) String() string {
	if w.to == nil {
		return ""
	}
	return *w.to
}

// Type implements pflag.Value: what the help calls the argument.
func (w *word) Type() string { return strings.Join(w.words, "|") }
