package api

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"sync"
	"time"

	"holdfast/internal/status"
)

// drawn keeps the text of what was seen last: those who see the same picture get the same
// bytes, which are made once.
type drawn struct {
	mu    sync.Mutex
	views map[string]*view
}

// view is the text that was made of a thing.
type view struct {
	of   any
	at   time.Time
	once sync.Once
	text []byte
	err  error
}

// of is the view of a thing under a name.
func (d *drawn) of(name string, of any) *view {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.views == nil {
		d.views = map[string]*view{}
	}
	if v := d.views[name]; v != nil && v.of == of {
		return v
	}
	v := &view{of: of, at: time.Now()}
	d.views[name] = v
	return v
}

// lately is the snapshot that the view under a name was made of, if that was not long ago.
func (d *drawn) lately(name string, long time.Duration) *status.Snapshot {
	d.mu.Lock()
	defer d.mu.Unlock()
	v := d.views[name]
	if v == nil || time.Since(v.at) >= long {
		return nil
	}
	s, _ := v.of.(*status.Snapshot)
	return s
}

// json answers with a thing that was made of another.
func (d *drawn) json(w http.ResponseWriter, name string, of, thing any) error {
	return d.show(w, d.of(name, of), "application/json", func(out io.Writer) error { return json.NewEncoder(out).Encode(thing) })
}

// write answers with what draw makes of a snapshot.
func (d *drawn) write(w http.ResponseWriter, name, form string, s *status.Snapshot, draw func(io.Writer, *status.Snapshot) error) error {
	return d.show(w, d.of(name, s), form, func(out io.Writer) error { return draw(out, s) })
}

func (d *drawn) show(w http.ResponseWriter, v *view, form string, draw func(io.Writer) error) error {
	v.once.Do(func() {
		var out bytes.Buffer
		v.err = draw(&out)
		v.text = out.Bytes()
	})
	if v.err != nil {
		return fmt.Errorf("write %s: %w", form, v.err)
	}
	w.Header().Set("Content-Type", form)
	_, _ = w.Write(v.text) // who asked may be gone
	return nil
}
