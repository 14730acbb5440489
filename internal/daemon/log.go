package daemon

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"strings"
	"sync"
	"time"

	"holdfast/internal/cli"
)

// logs is a slog.Handler that writes one line a record, in the layout operators
// know from keepalived, to every place the command line asked for.
type logs struct {
	level  slog.Level
	attrs  string
	places []place
	lock   *sync.Mutex
}

// place is where text goes, which may be several lines: thousands at once are written
// together, for each by itself wakes whoever reads.
type place func(at time.Time, level slog.Level, text string)

// openLogs opens the places. One that cannot be opened is reported on the others.
func openLogs(o cli.Options) *slog.Logger {
	h := &logs{level: slog.LevelInfo, lock: &sync.Mutex{}}
	if o.Detail {
		h.level = slog.LevelDebug
	}
	var trouble []error
	if o.Console {
		h.places = append(h.places, console())
	}
	if o.LogFile != "" {
		trouble = append(trouble, h.add(file(o.LogFile)))
	}
	if o.Syslog {
		trouble = append(trouble, h.add(system(o)))
	}
	l := slog.New(h)
	if err := errors.Join(trouble...); err != nil {
		l.Warn(err.Error())
	}
	return l
}

func (h *logs) add(p place, err error) error {
	if err == nil {
		h.places = append(h.places, p)
	}
	return err
}

// console writes to standard error. Under systemd the journal adds the time and
// takes the level from a prefix (sd-daemon(3)).
func console() place {
	if os.Getenv("JOURNAL_STREAM") != "" {
		return func(_ time.Time, level slog.Level, text string) {
			putDown(os.Stderr, fmt.Sprintf("<%d>", priority(level)), text)
		}
	}
	return stamped(os.Stderr, time.ANSIC)
}

// stamped writes lines with a time in front.
func stamped(w io.Writer, layout string) place {
	return func(at time.Time, _ slog.Level, text string) { putDown(w, at.Format(layout)+": ", text) }
}

// putDown writes text with head in front of each line.
func putDown(w io.Writer, head, text string) {
	_, _ = io.WriteString(w, head+strings.ReplaceAll(text, "\n", "\n"+head)+"\n")
}

func file(path string) (place, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return nil, fmt.Errorf("open log file: %w", err)
	}
	return stamped(f, "Mon Jan _2 15:04:05.000000000 2006"), nil
}

func system(o cli.Options) (place, error) {
	facility, ok := facilities()[o.Facility]
	if !ok {
		facility = syslog.LOG_DAEMON
	}
	w, err := syslog.New(facility|syslog.LOG_INFO, o.Ident())
	if err != nil {
		return nil, fmt.Errorf("reach syslog: %w", err)
	}
	return func(_ time.Time, level slog.Level, text string) {
		for line := range strings.SplitSeq(text, "\n") {
			send(w, level, line)
		}
	}, nil
}

func send(w *syslog.Writer, level slog.Level, line string) {
	switch priority(level) {
	case 3:
		_ = w.Err(line)
	case 4:
		_ = w.Warning(line)
	case 7:
		_ = w.Debug(line)
	default:
		_ = w.Info(line)
	}
}

// facilities are the words and numbers of keepalived's -S.
func facilities() map[string]syslog.Priority {
	f := map[string]syslog.Priority{"daemon": syslog.LOG_DAEMON, "user": syslog.LOG_USER}
	for n := range syslog.Priority(8) {
		f[fmt.Sprint(n)] = syslog.LOG_LOCAL0 + n<<3
		f[fmt.Sprint("local", n)] = syslog.LOG_LOCAL0 + n<<3
	}
	return f
}

// priority is the syslog number of a level.
func priority(l slog.Level) int {
	switch {
	case l >= slog.LevelError:
		return 3
	case l >= slog.LevelWarn:
		return 4
	case l >= slog.LevelInfo:
		return 6
	}
	return 7
}

// Enabled implements slog.Handler.
func (h *logs) Enabled(_ context.Context, l slog.Level) bool { return l >= h.level }

// Handle implements slog.Handler.
func (h *logs) Handle(_ context.Context, r slog.Record) error {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		return true
	})
	b.WriteString(h.attrs)
	h.lock.Lock()
	defer h.lock.Unlock()
	for _, p := range h.places {
		p(r.Time, r.Level, b.String())
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *logs) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	for _, a := range attrs {
		c.attrs += fmt.Sprintf(" %s=%v", a.Key, a.Value)
	}
	return &c
}

// WithGroup implements slog.Handler. Lines have no groups.
func (h *logs) WithGroup(string) slog.Handler { return h }
