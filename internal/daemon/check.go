package daemon

import (
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"holdfast/internal/cli"
	"holdfast/internal/command"
	"holdfast/internal/conf"
)

// The exit statuses of `holdfast check`: the worst severity found.
const (
	checkClean = iota
	checkAdvice
	checkComplaint
	checkError
)

// Check prints all findings of each file and returns the exit status. It looks
// at the text alone: interfaces, users and scripts are for the machine to have
// that runs it.
func Check(o cli.Options, files []string, out io.Writer) int {
	worst := checkClean
	for _, f := range files {
		o.ConfigFile = f
		for _, d := range readConfig(&o).Findings {
			fmt.Fprintln(out, d)
			worst = max(worst, weight(d.Severity))
		}
	}
	return worst
}

func weight(s conf.Severity) int {
	switch s {
	case conf.Error:
		return checkError
	case conf.Complaint:
		return checkComplaint
	}
	return checkAdvice
}

// Test is keepalived's -t: findings go to standard error, or to a file that
// must not be a symbolic link, and the exit status is keepalived's.
func Test(o cli.Options, path string) int {
	out := os.Stderr
	if path != "" {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			fmt.Fprintf(os.Stderr, "open the file for findings: %v\n", err)
			return exitFatal
		}
		defer func() { _ = f.Close() }()
		out = f
	}
	r := readConfig(&o)
	for _, d := range r.Findings {
		fmt.Fprintln(out, d)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(out, "%s: %s\n", r.File, p)
	}
	if r.Violation != "" && !slices.ContainsFunc(r.Findings, unsecured) {
		fmt.Fprintf(out, "%s: %s\n", r.File, r.Violation) // its finding was one too many
	}
	return r.testStatus(o.AllConfig)
}

// testStatus is the exit status of a test: that of the language, raised by
// scripts that are insecure or missing (reference: interfaces, section 5), and
// by what keepalived runs and holdfast does not.
func (r *reading) testStatus(allChecks bool) int {
	s := conf.ExitStatus(r.Findings, allChecks)
	if s == testIncomplete {
		return s
	}
	if slices.ContainsFunc(r.Findings, notRun) {
		s = max(s, testFaulty)
	}
	for _, p := range r.Problems {
		if p.Severity == command.Disabled {
			s = max(s, testFaulty)
		}
		if p.Security {
			s = testInsecure
		}
	}
	if r.Violation != "" {
		s = testInsecure
	}
	return s
}

// notRun tells what is an error to holdfast alone.
func notRun(d conf.Diag) bool { return d.Severity == conf.Error && d.Class == conf.Unclassed }

// Exit statuses of a test.
const (
	testIncomplete = 2
	testFaulty     = 5
	testInsecure   = 6
)
