package main

import (
	"os"
	"path/filepath"
	"testing"

	"holdfast/internal/manual"
)

// The committed pages are those that the tables make.
func TestThePagesAreUpToDate(t *testing.T) {
	pages := manual.New().Pages(described(tree()))
	for name, want := range pages {
		got, err := os.ReadFile(filepath.Join("../../doc", name))
		switch {
		case err != nil:
			t.Errorf("%v: run `make manual` and commit what it writes", err)
		case string(got) != want:
			t.Errorf("doc/%s is not what the keyword tables say: run `make manual` and commit what it writes", name)
		}
	}
	for _, pattern := range []string{"reference/*", "man/*"} {
		files, _ := filepath.Glob("../../doc/" + pattern)
		for _, file := range files {
			name, _ := filepath.Rel("../../doc", file)
			if _, made := pages[name]; !made {
				t.Errorf("doc/%s is made by nothing any more: delete it", name)
			}
		}
	}
}
