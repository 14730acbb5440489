package api

import (
	"context"
	"io"
	"net"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"holdfast/internal/status"
)

// flood is a Control that has events without end.
type flood struct {
	echo
	last atomic.Uint64
}

func (f *flood) Events(ctx context.Context, after uint64, _ bool) ([]status.Event, error) {
	list := make([]status.Event, 100)
	for i := range list {
		list[i] = status.Event{Seq: after + uint64(i) + 1, Reason: strings.Repeat("why ", 250)}
	}
	f.last.Store(after + 100)
	return list, ctx.Err()
}

// opened is a server of a control, and its socket.
func opened(t *testing.T, c Control) (*Server, string) {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Control: c}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return s, path
}

// dialled is a connection that sends a request.
func dialled(t *testing.T, path, request string) net.Conn {
	t.Helper()
	c, err := net.Dial("unix", path)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_, _ = io.WriteString(c, request)
	return c
}

const follow = "GET /v1/events HTTP/1.1\r\nHost: holdfast\r\nAccept: text/event-stream\r\n\r\n"

// Who follows events and takes none for five seconds is dropped, and gives its place to others.
func TestASlowReaderOfTheStreamIsDropped(t *testing.T) {
	t.Parallel()
	f := &flood{}
	s, path := opened(t, f)
	slowly := dialled(t, path, follow)
	begun := time.Now()
	for end := begun.Add(20 * time.Second); s.streams.taken.Load() != 1; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("nobody follows")
		}
	}
	var stood uint64 // how far it came until nobody read any more
	for end := begun.Add(20 * time.Second); s.streams.taken.Load() != 0; time.Sleep(10 * time.Millisecond) {
		stood = f.last.Load()
		if time.Now().After(end) {
			t.Fatal("it is not dropped")
		}
	}
	if took := time.Since(begun); took < slow-time.Second {
		t.Errorf("it is dropped after %v", took)
	}
	if stood > 100_000 {
		t.Errorf("%d events were kept for it", stood)
	}
	if _, err := io.Copy(io.Discard, slowly); err != nil && !strings.Contains(err.Error(), "reset") {
		t.Errorf("its connection ends with %v", err)
	}
}

// A reader that takes what there is stays, for longer than the slow one.
func TestAReaderThatTakesItsEventsStays(t *testing.T) {
	t.Parallel()
	_, path := opened(t, &flood{})
	c := dialled(t, path, follow)
	_ = c.SetReadDeadline(time.Now().Add(slow + 2*time.Second))
	n, err := io.Copy(io.Discard, c)
	if e, is := err.(net.Error); !is || !e.Timeout() || n < 1<<20 {
		t.Errorf("after %d bytes it is ended: %v", n, err)
	}
}

// 512 connections are held; one more is turned away at once, and answers come as fast as without.
func TestFiveHundredConnectionsAreHeld(t *testing.T) {
	t.Parallel()
	_, path := opened(t, echo{})
	const begun = "GET /healthz HTTP/1.1\r\n" // and no more of it
	var idle []net.Conn
	for range connections - 8 {
		idle = append(idle, dialled(t, path, begun))
	}
	for range 20 {
		start := time.Now()
		if s, err := (Client{Socket: path}).Snapshot(t.Context()); err != nil || s.Node != "here" {
			t.Fatalf("beside them nobody is answered: %v", err)
		}
		if took := time.Since(start); took > time.Second {
			t.Errorf("an answer takes %v", took)
		}
	}
	for len(idle) < connections { // those that were answered may not have left yet
		if c := dialled(t, path, begun); silent(c, 50*time.Millisecond) {
			idle = append(idle, c)
		}
	}
	if silent(dialled(t, path, begun), 5*time.Second) {
		t.Error("one more is held")
	}
	for _, c := range idle {
		_ = c.Close()
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if _, err := (Client{Socket: path}).Snapshot(t.Context()); err == nil {
			return
		} else if time.Now().After(end) {
			t.Fatalf("after they left: %v", err)
		}
	}
}

// silent reports whether a connection says nothing for a while, and does not end.
func silent(c net.Conn, within time.Duration) bool {
	_ = c.SetReadDeadline(time.Now().Add(within))
	_, err := c.Read(make([]byte, 1))
	e, is := err.(net.Error)
	return is && e.Timeout()
}
