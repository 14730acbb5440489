package check

import (
	"fmt"
	"io"
	"os"
	"slices"

	"golang.org/x/sys/unix"

	"holdfast/internal/conf"
	"holdfast/internal/load"
)

// Exit statuses of keepalived's configuration test.
const (
	testNoOutput   = 1 // the file for findings cannot be opened
	testIncomplete = 2
	testFaulty     = 5
	testInsecure   = 6
)

// Test is keepalived's -t: errors and complaints go to standard error, or to a
// file that must not be a symbolic link, and the exit status is keepalived's.
func Test(o load.Options, path string) int {
	out := os.Stderr
	if path != "" {
		f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_APPEND|unix.O_NOFOLLOW, 0o644)
		if err != nil {
			fmt.Fprintf(os.Stderr, "open the file for findings: %v\n", err)
			return testNoOutput
		}
		defer func() { _ = f.Close() }()
		out = f
	}
	r := load.Read(o)
	r.Judge()
	return Verdict(r, o.AllChecks, out)
}

// Verdict prints what Test prints of a reading that has been judged, and returns the
// status it exits with.
func Verdict(r *load.Reading, allChecks bool, out io.Writer) int {
	for _, d := range r.Findings {
		if d.Severity != conf.Advice && (r.Violation != "" || !load.Unsecured(d)) {
			fmt.Fprintln(out, d)
		}
	}
	for _, p := range r.Problems {
		fmt.Fprintf(out, "%s: %s\n", r.File, p)
	}
	if r.Violation != "" && !slices.ContainsFunc(r.Findings, load.Unsecured) {
		fmt.Fprintf(out, "%s: %s\n", r.File, r.Violation) // its finding was one too many
	}
	return testStatus(r, allChecks)
}

// testStatus is the exit status of a test: that of the language, raised by
// scripts that run without script security, by tracked ones that cannot run
// (reference: config-language, section 10; others are only told), and by what
// keepalived runs and holdfast does not.
func testStatus(r *load.Reading, allChecks bool) int {
	s := conf.ExitStatus(r.Findings, allChecks)
	if s == testIncomplete {
		return s
	}
	if slices.ContainsFunc(r.Findings, notRun) || len(r.Dead) > 0 || r.NoUser {
		s = max(s, testFaulty)
	}
	if r.Violation != "" {
		s = testInsecure
	}
	return s
}

// notRun tells what is an error to holdfast alone.
func notRun(d conf.Diag) bool { return d.Severity == conf.Error && d.Class == conf.Unclassed }
