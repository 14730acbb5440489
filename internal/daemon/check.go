package daemon

import (
	"fmt"
	"io"
	"os"

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

// Check prints all findings of each file and returns the exit status.
func Check(o cli.Options, files []string, out io.Writer) int {
	worst := checkClean
	for _, f := range files {
		o.ConfigFile = f
		r := readConfig(&o)
		r.print(out)
		worst = max(worst, r.worst())
	}
	return worst
}

func (r *reading) print(out io.Writer) {
	for _, d := range r.Findings {
		fmt.Fprintln(out, d)
	}
	for _, p := range r.Problems {
		fmt.Fprintf(out, "%s: %s\n", r.File, p)
	}
	if r.Violation != "" {
		fmt.Fprintf(out, "%s: %s\n", r.File, r.Violation)
	}
}

func (r *reading) worst() int {
	worst := checkClean
	for _, d := range r.Findings {
		worst = max(worst, map[conf.Severity]int{conf.Error: checkError, conf.Complaint: checkComplaint, conf.Advice: checkAdvice}[d.Severity])
	}
	for _, p := range r.Problems {
		if p.Severity != command.Notice {
			worst = max(worst, checkComplaint)
		}
	}
	if r.Violation != "" {
		worst = max(worst, checkComplaint)
	}
	return worst
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
	r.print(out)
	return r.testStatus(o.AllConfig)
}

// testStatus is the exit status of a test: that of the language, raised by
// scripts that are insecure or missing (reference: interfaces, section 5).
func (r *reading) testStatus(allChecks bool) int {
	s := conf.ExitStatus(r.Findings, allChecks)
	if s == testIncomplete {
		return s
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

// Exit statuses of a test.
const (
	testIncomplete = 2
	testFaulty     = 5
	testInsecure   = 6
)
