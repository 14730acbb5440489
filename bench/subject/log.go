package subject

import (
	"bytes"
	"context"
	"fmt"
	"regexp"
	"slices"
	"sync"
	"time"
)

// Line is one line of a log and the instant at which it was read.
type Line struct {
	At   time.Time
	Text string
}

// Log collects what a program prints. It may be used by several goroutines.
type Log struct {
	mu    sync.Mutex
	lines []Line
	rest  []byte
	news  chan struct{} // closed and replaced with every write
}

func newLog() *Log { return &Log{news: make(chan struct{})} }

// Write takes output of the program; it never fails.
func (l *Log) Write(b []byte) (int, error) {
	now := time.Now()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.rest = append(l.rest, b...)
	for {
		line, rest, whole := bytes.Cut(l.rest, []byte("\n"))
		if !whole {
			break
		}
		l.lines, l.rest = append(l.lines, Line{now, string(line)}), rest
	}
	close(l.news)
	l.news = make(chan struct{})
	return len(b), nil
}

// Lines returns the lines since an instant that match.
func (l *Log) Lines(since time.Time, match *regexp.Regexp) []Line {
	l.mu.Lock()
	defer l.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(l.lines), func(line Line) bool {
		return line.At.Before(since) || !match.MatchString(line.Text)
	})
}

// Wait returns the first line since an instant that matches, as soon as there
// is one. Every line is looked at once: logs of thousands of routers are long.
func (l *Log) Wait(ctx context.Context, since time.Time, match *regexp.Regexp) (Line, error) {
	for seen := 0; ; {
		l.mu.Lock()
		fresh, news := l.lines[seen:], l.news
		l.mu.Unlock()
		for _, line := range fresh {
			if !line.At.Before(since) && match.MatchString(line.Text) {
				return line, nil
			}
		}
		seen += len(fresh)
		select {
		case <-news:
		case <-ctx.Done():
			return Line{}, fmt.Errorf("wait for a log line %q: %w", match, ctx.Err())
		}
	}
}

// Text is the whole log.
func (l *Log) Text() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	var b bytes.Buffer
	for _, line := range l.lines {
		fmt.Fprintf(&b, "%s %s\n", line.At.Format("15:04:05.000"), line.Text)
	}
	b.Write(l.rest)
	return b.String()
}
