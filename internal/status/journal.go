package status

import (
	"encoding/binary"
	"slices"
	"time"
)

// Event is something that happened, with its reason.
type Event struct {
	// Seq grows from event to event, also from one run to the next.
	Seq  uint64    `json:"seq"`
	Time time.Time `json:"time"`
	// Node is where, as told by somebody who looks at several.
	Node string `json:"node,omitempty"`
	Kind string `json:"kind"` // one of Kinds
	Name string `json:"name"`
	Of   string `json:"of,omitempty"` // the virtual server of a real one, the kind of a tracker
	From string `json:"from,omitempty"`
	To   string `json:"to,omitempty"`
	// Reason is why, By is who wanted it.
	Reason string `json:"reason,omitempty"`
	By     string `json:"by,omitempty"`
}

// What events are about.
const (
	RoleEvent    = "role"
	GroupEvent   = "group"
	TrackerEvent = "tracker"
	SessionEvent = "session"
	ServerEvent  = "server"
	QuorumEvent  = "quorum"
	ReloadEvent  = "reload"
	ActEvent     = "act"
	FaultEvent   = "fault" // injected by a rehearsal
)

// Kinds lists them.
func Kinds() []string {
	return []string{RoleEvent, GroupEvent, TrackerEvent, SessionEvent, ServerEvent, QuorumEvent, ReloadEvent, ActEvent, FaultEvent}
}

// Journal keeps the latest events. The zero value is empty. They are kept as text: four
// thousand of them as values would hold on to the memory of the messages that brought them.
type Journal struct {
	pages []page
	last  uint64
}

// page is some events that followed one another.
type page struct {
	first, last uint64 // their numbers
	count       int
	text        []byte
}

// kept is how many events a journal keeps, perPage how many of them a page.
const (
	kept    = 4096
	perPage = 64
)

// Add takes an event in. Numbers begin with the time of the first one, so that those
// of a later run are greater.
func (j *Journal) Add(e Event) {
	j.last = max(j.last+1, uint64(e.Time.UnixMicro()))
	e.Seq = j.last
	if n := len(j.pages); n == 0 || j.pages[n-1].count == perPage {
		j.turn()
	}
	j.pages[len(j.pages)-1].write(&e)
}

// turn begins a page. There is one more than all events need, for the last is not full.
func (j *Journal) turn() {
	if n := len(j.pages); n > 0 {
		j.pages[n-1].text = slices.Clone(j.pages[n-1].text)
	}
	if len(j.pages) > kept/perPage {
		j.pages = slices.Delete(j.pages, 0, 1)
	}
	j.pages = append(j.pages, page{})
}

// Last is the number of the latest event; 0: there was none.
func (j *Journal) Last() uint64 { return j.last }

// After lists what came after an event, oldest first.
func (j *Journal) After(seq uint64) (all []Event) {
	for i := range j.pages {
		if j.pages[i].last > seq {
			all = j.pages[i].read(all)
		}
	}
	all = all[max(0, len(all)-kept):]
	i, _ := slices.BinarySearchFunc(all, seq+1, func(e Event, seq uint64) int { return int(int64(e.Seq - seq)) })
	return all[i:]
}

// words are what of an event is text, in the order of a page.
func (e *Event) words() [8]*string {
	return [...]*string{&e.Node, &e.Kind, &e.Name, &e.Of, &e.From, &e.To, &e.Reason, &e.By}
}

func (p *page) write(e *Event) {
	if p.count == 0 {
		p.first = e.Seq
	}
	p.last, p.count = e.Seq, p.count+1
	p.text = binary.AppendUvarint(p.text, e.Seq-p.first)
	p.text = binary.AppendVarint(p.text, e.Time.UnixNano())
	for _, word := range e.words() {
		p.text = binary.AppendUvarint(p.text, uint64(len(*word)))
		p.text = append(p.text, *word...)
	}
}

func (p *page) read(all []Event) []Event {
	for text := string(p.text); text != ""; {
		var e Event
		text = e.cut(p.first, text)
		all = append(all, e)
	}
	return all
}

// cut takes an event off a text and returns the rest of it.
func (e *Event) cut(first uint64, text string) string {
	begin := []byte(text[:min(len(text), 2*binary.MaxVarintLen64)])
	seq, n := binary.Uvarint(begin)
	at, m := binary.Varint(begin[n:])
	e.Seq, e.Time, text = first+seq, time.Unix(0, at), text[n+m:]
	for _, word := range e.words() {
		size, n := binary.Uvarint([]byte(text[:min(len(text), binary.MaxVarintLen32)]))
		*word, text = text[n:n+int(size)], text[n+int(size):]
	}
	return text
}
