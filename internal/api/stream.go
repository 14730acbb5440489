package api

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"holdfast/internal/status"
)

// The limits of a stream: a reader that does not take an event within slow is dropped, and
// one that hears nothing for long is told that the daemon is still there.
const (
	slow = 5 * time.Second
	long = 15 * time.Second
)

// source is what knows the events.
type source interface {
	Events(ctx context.Context, after uint64, wait bool) ([]status.Event, error)
}

// teller tells of events those who ask.
type teller struct {
	source  source
	streams *room
}

func (s *Server) events(w http.ResponseWriter, r *http.Request) error {
	return teller{s.Control, &s.streams}.events(w, r)
}

// events lists them, or streams them.
func (t teller) events(w http.ResponseWriter, r *http.Request) error {
	after, err := number(r, "after")
	if err != nil {
		return err
	}
	if strings.Contains(r.Header.Get("Accept"), "text/event-stream") {
		return t.stream(w, r, after)
	}
	list, err := t.source.Events(r.Context(), after, false)
	if err == nil {
		write(w, http.StatusOK, append([]status.Event{}, list...)) // an empty list, not null
	}
	return err
}

// stream goes on until the reader is gone or too slow. Nobody keeps events for it: it comes
// back for what followed the last one, and what is forgotten meanwhile it has missed.
func (t teller) stream(w http.ResponseWriter, r *http.Request, after uint64) error {
	if last := r.Header.Get("Last-Event-ID"); last != "" {
		if _, err := fmt.Sscan(last, &after); err != nil {
			return badRequest("Last-Event-ID is not a number")
		}
	}
	if !t.streams.enter(followers) {
		return busy("too many follow the events")
	}
	defer t.streams.leave()
	out := http.NewResponseController(w)
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	_ = out.Flush() // who reads is to know at once that it is heard
	for {
		list, more := t.next(r, after)
		if !more {
			return nil
		}
		_ = out.SetWriteDeadline(time.Now().Add(slow))
		if after = send(w, list, after); out.Flush() != nil {
			return nil
		}
	}
}

// next waits for events; there may be none after a long time.
func (t teller) next(r *http.Request, after uint64) (list []status.Event, more bool) {
	ctx, cancel := withTimeout(r.Context(), long)
	defer cancel()
	list, err := t.source.Events(ctx, after, true)
	return list, err == nil || ctx.Err() != nil && r.Context().Err() == nil
}

// send writes events, or a comment that says that there are none, and returns the number of
// the last one.
func send(w http.ResponseWriter, list []status.Event, after uint64) uint64 {
	if len(list) == 0 {
		_, _ = fmt.Fprint(w, ": nothing happened\n\n")
	}
	for i := range list {
		text, _ := json.Marshal(&list[i])
		_, _ = fmt.Fprintf(w, "id: %d\nevent: %s\ndata: %s\n\n", list[i].Seq, list[i].Kind, text)
		after = list[i].Seq
	}
	return after
}
