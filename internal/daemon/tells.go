package daemon

import (
	"context"
	"log/slog"
	"net/netip"

	"holdfast/internal/bfd"
	"holdfast/internal/conf"
	"holdfast/internal/status"
	"holdfast/internal/vrrp"
)

// What lines are made of, for the styles of the log that show it by name. There is one line for
// each transition, with its cause.

// logChange logs a transition.
func (w *workerProcess) logChange(c *vrrp.Change) {
	w.log.LogAttrs(context.Background(), slog.LevelInfo, c.String(), madeOf(func() (string, []slog.Attr) {
		what := "role changed"
		name := slog.String("instance", c.Name)
		if c.Group {
			what, name = "group changed", slog.String("group", c.Name)
		}
		attrs := []slog.Attr{name, slog.String("from", c.From.String()), slog.String("to", c.To.String()),
			slog.String("cause", status.Cause(c.To.String(), c.Reason)), slog.String("reason", c.Reason)}
		if !c.Group {
			attrs = append(attrs, slog.Int("priority", int(c.Priority)))
		}
		return what, attrs
	}))
}

// logNote logs something about an instance or a link.
func (w *workerProcess) logNote(n *vrrp.Note) {
	level := slog.LevelInfo
	if n.Detail() {
		level = slog.LevelDebug
	}
	text := n.String()
	if !w.log.Enabled(context.Background(), level) || !w.floods.pass(noteKey{n.Kind, n.Name}, level, text) {
		return
	}
	w.log.LogAttrs(context.Background(), level, text, madeOf(func() (string, []slog.Attr) {
		return text, noteAttrs(n)
	}))
}

func noteAttrs(n *vrrp.Note) (attrs []slog.Attr) {
	add := func(key, value string, there bool) {
		if there {
			attrs = append(attrs, slog.String(key, value))
		}
	}
	add("instance", n.Name, n.ID != vrrp.NoID)
	add("link", n.Name, n.ID == vrrp.NoID)
	add("tracker", n.Thing, n.Thing != "")
	add("address", n.Addr.String(), n.Addr != netip.Addr{})
	return attrs
}

// logSession logs what a BFD session became, in as many lines as keepalived does.
func (w *workerProcess) logSession(c *bfd.Change) {
	level := slog.LevelInfo
	if c.Detail() {
		level = slog.LevelDebug
	}
	for i, line := range c.Lines() {
		w.log.LogAttrs(context.Background(), level, line, madeOf(func() (string, []slog.Attr) {
			if i > 0 {
				return line, []slog.Attr{slog.String("session", c.Name)}
			}
			return "session changed", []slog.Attr{slog.String("session", c.Name), slog.String("from", c.From.String()), slog.String("to", c.To.String()),
				slog.String("reason", c.Local.String())}
		}))
	}
}

// logAct logs what somebody asked for.
func (w *workerProcess) logAct(text string, e *status.Event) {
	w.log.LogAttrs(context.Background(), slog.LevelInfo, text, madeOf(func() (string, []slog.Attr) {
		return "act", []slog.Attr{slog.String("act", e.Name), slog.String("by", e.By), slog.String("result", e.To), slog.String("reason", e.Reason)}
	}))
}

// findingParts is what a finding is made of.
func findingParts(d conf.Diag) slog.Attr {
	return madeOf(func() (string, []slog.Attr) {
		attrs := []slog.Attr{slog.String("severity", d.Severity.String())}
		if d.Span.Origin != nil {
			attrs = append(attrs, slog.String("file", d.Span.File()), slog.Int("line", int(d.Span.Line)), slog.Int("column", int(d.Span.Col)))
		}
		if d.Rule != "" {
			attrs = append(attrs, slog.String("rule", d.Rule))
		}
		if d.Fix != "" {
			attrs = append(attrs, slog.String("fix", d.Fix))
		}
		return d.Text, attrs
	})
}
