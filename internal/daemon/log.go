package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"log/syslog"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"holdfast/internal/cli"
	"holdfast/internal/config"
)

// logs is a slog.Handler that writes in one of three styles to every place the command line
// asked for.
type logs struct {
	manner *atomic.Pointer[manner] // of all loggers that were made of one
	attrs  []slog.Attr
	places []place
	lock   *sync.Mutex
}

// manner is how lines are written, and which.
type manner struct {
	style string
	level slog.Level
}

// The styles. In keepalived's a line is what operators know from there; in the others it is what
// that is made of, by name, as package slog writes it.
const (
	styleKeepalived = "keepalived"
	styleText       = "text"
	styleJSON       = "json"
)

// place is where lines go. Text may be several: thousands at once are written together, for
// each by itself wakes whoever reads.
type place struct {
	// layout is that of the time in front of a line of keepalived's style; empty: who takes
	// the line knows the time.
	layout string
	write  func(level slog.Level, text string)
}

// mannerOf is what the command line, else the configuration, wants of the log.
func mannerOf(o *cli.Options, c config.Log) *manner {
	m := &manner{style: cmp.Or(o.LogStyle, c.Style, styleKeepalived)}
	if o.Detail {
		c.Level = "debug"
	}
	if word := cmp.Or(o.LogLevel, c.Level); word != "" {
		_ = m.level.UnmarshalText([]byte(word)) // it is one of the words
	}
	return m
}

// openLogs opens the places. One that cannot be opened is reported on the others.
func openLogs(o cli.Options) *slog.Logger {
	h := &logs{manner: &atomic.Pointer[manner]{}, lock: &sync.Mutex{}}
	h.manner.Store(mannerOf(&o, config.Log{}))
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

// behave makes a logger write as it is wanted from now on.
func behave(l *slog.Logger, m *manner) {
	if h, ok := l.Handler().(*logs); ok {
		h.manner.Store(m)
	}
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
		return place{write: func(level slog.Level, text string) { putDown(os.Stderr, fmt.Sprintf("<%d>", priority(level)), text) }}
	}
	return stamped(os.Stderr, time.ANSIC)
}

// stamped writes lines with a time in front.
func stamped(w io.Writer, layout string) place {
	return place{layout: layout, write: func(_ slog.Level, text string) { putDown(w, "", text) }}
}

// putDown writes text with head in front of each line.
func putDown(w io.Writer, head, text string) {
	_, _ = io.WriteString(w, heading(head, text)+"\n")
}

// heading puts something in front of each line.
func heading(head, text string) string {
	return head + strings.ReplaceAll(text, "\n", "\n"+head)
}

func file(path string) (place, error) {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return place{}, fmt.Errorf("open log file: %w", err)
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
		return place{}, fmt.Errorf("reach syslog: %w", err)
	}
	return place{write: func(level slog.Level, text string) {
		for line := range strings.SplitSeq(text, "\n") {
			send(w, level, line)
		}
	}}, nil
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
func (h *logs) Enabled(_ context.Context, l slog.Level) bool { return l >= h.manner.Load().level }

// Handle implements slog.Handler.
func (h *logs) Handle(_ context.Context, r slog.Record) error {
	style := h.manner.Load().style
	r.AddAttrs(h.attrs...)
	h.lock.Lock()
	defer h.lock.Unlock()
	for _, p := range h.places {
		p.write(r.Level, p.words(style, r))
	}
	return nil
}

// WithAttrs implements slog.Handler.
func (h *logs) WithAttrs(attrs []slog.Attr) slog.Handler {
	c := *h
	c.attrs = slices.Concat(c.attrs, attrs)
	return &c
}

// WithGroup implements slog.Handler. Lines have no groups.
func (h *logs) WithGroup(string) slog.Handler { return h }

// parts is what a line is made of, for the styles that show it by name. It is an attribute of the
// line, and drawn only when it is wanted.
type parts func() (message string, attrs []slog.Attr)

// madeOf is the attribute.
func madeOf(p parts) slog.Attr { return slog.Any("", p) }

// words is a record as a place gets it.
func (p *place) words(style string, r slog.Record) string {
	if style == styleKeepalived {
		head := ""
		if p.layout != "" {
			head = r.Time.Format(p.layout) + ": "
		}
		return heading(head, plain(r))
	}
	if p.layout == "" && style == styleText {
		r.Time = time.Time{} // which leaves it out
	}
	return named(style, r)
}

// plain is a line with its attributes behind it.
func plain(r slog.Record) string {
	var b strings.Builder
	b.WriteString(r.Message)
	r.Attrs(func(a slog.Attr) bool {
		if a.Key != "" {
			fmt.Fprintf(&b, " %s=%v", a.Key, a.Value)
		}
		return true
	})
	return b.String()
}

// named is what a line is made of, or each of several lines.
func named(style string, r slog.Record) string {
	message, attrs := unfold(r)
	var b strings.Builder
	options := &slog.HandlerOptions{Level: slog.LevelDebug, ReplaceAttr: lower}
	var to slog.Handler = slog.NewTextHandler(&b, options)
	if style == styleJSON {
		to = slog.NewJSONHandler(&b, options)
	}
	for line := range strings.SplitSeq(message, "\n") {
		one := slog.NewRecord(r.Time, r.Level, line, 0)
		one.AddAttrs(attrs...)
		_ = to.Handle(context.Background(), one) // into memory
	}
	return strings.TrimSuffix(b.String(), "\n")
}

// unfold puts in place of a line what it is made of, if that is known.
func unfold(r slog.Record) (message string, attrs []slog.Attr) {
	message = r.Message
	r.Attrs(func(a slog.Attr) bool {
		if made, is := a.Value.Any().(parts); is {
			var more []slog.Attr
			message, more = made()
			attrs = append(attrs, more...)
			return true
		}
		attrs = append(attrs, a)
		return true
	})
	return message, attrs
}

// lower writes levels as log_level names them.
func lower(_ []string, a slog.Attr) slog.Attr {
	if level, is := a.Value.Any().(slog.Level); is && a.Key == slog.LevelKey {
		return slog.String(a.Key, strings.ToLower(level.String()))
	}
	return a
}
