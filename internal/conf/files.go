package conf

import (
	"errors"
	"maps"
	"path"
	"slices"
)

// Kind is what stands at a path. keepalived takes regular files only, and only
// those that are not executable.
type Kind uint8

// The kinds.
const (
	Regular Kind = iota
	Missing
	Directory
	Irregular // a FIFO, a device, a socket
	Executable
	Unreadable
)

// Files is how the reader gets at text; it opens nothing itself.
type Files interface {
	// Read returns the content of a regular, readable, not executable file.
	// For any other kind the content is empty; err says more when there is more.
	Read(path string) (string, Kind, error)
	// Glob lists the paths that match a pattern of * ? and [ ], sorted.
	Glob(pattern string) ([]string, error)
}

// MemoryFiles are files that exist only here: path to text.
type MemoryFiles map[string]string

// ErrMissing is what MemoryFiles answers for a path that is not there.
var ErrMissing = errors.New("no such file")

// Read returns the text of one file.
func (m MemoryFiles) Read(name string) (string, Kind, error) {
	text, found := m[name]
	if !found {
		return "", Missing, ErrMissing
	}
	return text, Regular, nil
}

// Glob lists the files that match.
func (m MemoryFiles) Glob(pattern string) ([]string, error) {
	if _, err := path.Match(pattern, ""); err != nil {
		return nil, err
	}
	return slices.DeleteFunc(slices.Sorted(maps.Keys(m)), func(name string) bool {
		matched, _ := path.Match(pattern, name)
		return !matched
	}), nil
}
