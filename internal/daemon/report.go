package daemon

import (
	"context"
	"log/slog"
	"slices"

	"holdfast/internal/conf"
	"holdfast/internal/load"
)

// exitOf is the status of a daemon that cannot start with what was read.
func exitOf(r *load.Reading) int {
	if slices.ContainsFunc(r.Findings, func(d conf.Diag) bool { return d.Class == conf.NoFile }) {
		return exitNoConfig
	}
	return exitConfig
}

// report logs everything that was found, a line each.
func report(r *load.Reading, log *slog.Logger) {
	log.Info("Configuration file " + r.File)
	for _, d := range r.Findings {
		if load.Unsecured(d) {
			continue // operators match on the line of the violation, if there is one
		}
		log.LogAttrs(context.Background(), level(d.Severity), line(d), findingParts(d))
	}
	for _, p := range r.Problems {
		log.Warn(p.String())
	}
	if r.Violation != "" {
		log.Warn(r.Violation)
	}
}

// level is how a finding is logged.
func level(s conf.Severity) slog.Level {
	switch s {
	case conf.Error:
		return slog.LevelError
	case conf.Complaint:
		return slog.LevelWarn
	}
	return slog.LevelDebug
}

// line is a finding on one line, with its fix.
func line(d conf.Diag) string {
	if d.Fix == "" {
		return d.Line()
	}
	return d.Line() + " (" + d.Fix + ")"
}
