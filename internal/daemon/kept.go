package daemon

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// keptFile keeps a value for another worker, or another run.
type keptFile[T any] struct {
	path string
	what string // for errors
}

// read is what was kept, or the zero value.
func (f keptFile[T]) read() (v T, err error) {
	text, err := os.ReadFile(f.path)
	if errors.Is(err, fs.ErrNotExist) {
		return v, nil
	}
	if err == nil {
		err = json.Unmarshal(text, &v)
	}
	if err != nil {
		return v, fmt.Errorf("read %s: %w", f.what, err)
	}
	return v, nil
}

// write replaces the file as a whole, or removes it when there is nothing to keep.
func (f keptFile[T]) write(v T, nothing bool) error {
	if nothing {
		if err := os.Remove(f.path); !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		return nil
	}
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keep %s: %w", f.what, err)
	}
	next := f.path + ".new"
	if err := os.WriteFile(next, text, 0o600); err != nil {
		return fmt.Errorf("keep %s: %w", f.what, err)
	}
	return os.Rename(next, f.path)
}
