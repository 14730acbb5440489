// Package check is the command that says what is wrong with configurations, and
// keepalived's own configuration test.
package check

import (
	"fmt"
	"io"

	"holdfast/internal/conf"
	"holdfast/internal/load"
)

// The exit statuses of `holdfast check`: the worst severity found.
const (
	clean = iota
	advice
	complaint
	fault
)

// Options is how to check.
type Options struct {
	// ID is the value for `@id` lines.
	ID string
}

// Files prints all findings of each file and returns the exit status. It looks
// at the text alone: interfaces, users and scripts are for the machine to have
// that runs it.
func Files(o Options, files []string, out io.Writer) int {
	worst := clean
	for _, f := range files {
		for _, d := range load.Read(load.Options{File: f, ID: o.ID}).Findings {
			fmt.Fprintln(out, d)
			worst = max(worst, weight(d.Severity))
		}
	}
	return worst
}

func weight(s conf.Severity) int {
	switch s {
	case conf.Error:
		return fault
	case conf.Complaint:
		return complaint
	}
	return advice
}
