package lab

import (
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// Entry is one line of the timeline.
type Entry struct {
	At   time.Duration // since the start of the lab
	Kind string        // "fault", "role", "address", "server", "served", "daemon", "note", "outage"
	Node string
	// Instance and Role say what a daemon logged, Address and Held what the
	// kernel reported. What is served has its Address with port and protocol.
	Instance string
	Role     string
	Address  string
	Link     string
	Held     bool
	Text     string // the fault, the reason, what happened
}

// MarshalJSON prints the time in milliseconds.
func (e Entry) MarshalJSON() ([]byte, error) {
	var held *bool
	if e.Kind == "address" {
		held = &e.Held
	}
	return json.Marshal(struct {
		AtMS float64 `json:"at_ms"`
		Kind string  `json:"kind"`
		Node string  `json:"node,omitempty"`

		Instance string `json:"instance,omitempty"`
		Role     string `json:"role,omitempty"`
		Address  string `json:"address,omitempty"`
		Link     string `json:"link,omitempty"`
		Held     *bool  `json:"held,omitempty"`
		Text     string `json:"text,omitempty"`
	}{millis(e.At), e.Kind, e.Node, e.Instance, e.Role, e.Address, e.Link, held, e.Text})
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// String prints the line for people.
func (e Entry) String() string {
	return fmt.Sprintf("%9.3f  %-8s %s", e.At.Seconds(), e.who(), e.what())
}

func (e Entry) who() string {
	if e.Kind == "fault" {
		return "----"
	}
	return e.Node
}

func (e Entry) what() string {
	switch {
	case e.Kind == "fault":
		return "---- " + e.Text
	case e.Kind == "role" && e.Text != "":
		return e.Instance + " is " + e.Role + ": " + e.Text
	case e.Kind == "role":
		return e.Instance + " is " + e.Role
	case e.Kind == "address" && e.Held:
		return "holds " + e.Address + " on " + e.Link
	case e.Kind == "served":
		return e.Address + " " + e.Text
	case e.Kind == "address":
		return "gave up " + e.Address + " on " + e.Link
	}
	return e.Text
}

// timeline collects entries from everybody and shows each to those who watch.
type timeline struct {
	start time.Time

	mu      sync.Mutex
	entries []Entry
	watch   []func(Entry)
}

// tell shows to somebody all that comes.
func (t *timeline) tell(show func(Entry)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.watch = append(t.watch, show)
}

// add takes an entry that happened at an instant.
func (t *timeline) add(at time.Time, e Entry) {
	e.At = at.Sub(t.start)
	t.mu.Lock()
	defer t.mu.Unlock()
	t.entries = append(t.entries, e)
	for _, show := range t.watch {
		show(e)
	}
}

func (t *timeline) note(node, format string, args ...any) {
	t.add(time.Now(), Entry{Kind: "note", Node: node, Text: fmt.Sprintf(format, args...)})
}

// last are the newest entries, oldest first.
func (t *timeline) last(n int) []Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return slices.Clone(t.entries[max(0, len(t.entries)-n):])
}

// printer shows entries as they come: a line of text, or of JSON.
func printer(w io.Writer, asJSON bool) func(Entry) {
	if !asJSON {
		return func(e Entry) { fmt.Fprintln(w, e) }
	}
	enc := json.NewEncoder(w)
	return func(e Entry) { enc.Encode(e) }
}
