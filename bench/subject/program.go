// Package subject runs holdfast and keepalived on nodes of a lab in one and
// the same way, so that they can be compared or made to work together: start,
// reload, stop, kill, what they log and what they cost.
package subject

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// Program is an implementation of VRRP that reads keepalived.conf.
type Program struct {
	Name    string // "keepalived" or "holdfast"
	Path    string // of the file
	Version string
	// argv is the command line for a configuration file; balance the one that runs
	// its virtual servers instead of its virtual routers.
	argv, balance func(config string) []string
	// test is the command line that tests a configuration file, and tested the
	// largest exit status with which that has read everything.
	test   func(config string) []string
	tested int
	// forks says that a child of the first process speaks VRRP and is started
	// again by it; otherwise the first process speaks VRRP itself.
	forks bool
}

// Keepalived is the C program of the machine; of its two processes it runs the
// one for VRRP only.
func Keepalived() (Program, error) {
	path, err := exec.LookPath("keepalived")
	if err != nil {
		return Program{}, fmt.Errorf("find keepalived (package keepalived): %w", err)
	}
	p := Program{Name: "keepalived", Path: path, forks: true, argv: keepalived(path, "--vrrp"), balance: keepalived(path, "--check")}
	p.test = func(config string) []string { return []string{path, "--config-test", "--use-file", config} }
	p.Version = firstLine(path, "--version")
	return p, nil
}

// keepalived is its command line for one of its two tasks.
func keepalived(path, task string) func(config string) []string {
	pids := pidFiles()
	return func(config string) []string {
		return []string{path, "--dont-fork", "--log-console", "--no-syslog", task, "--use-file", config,
			"--pid", pids[0], "--vrrp_pid", pids[1], "--checkers_pid", pids[2]}
	}
}

// Balancer is the program as it runs virtual servers.
func (p Program) Balancer() Program {
	p.argv = p.balance
	return p
}

// complaints is the exit status of `holdfast check` for a file that can be run,
// but not all of it yet.
const complaints = 2

// Holdfast is the holdfast at path.
func Holdfast(path string) Program {
	run := func(config string) []string { return []string{path, "run", "-f", config} }
	p := Program{Name: "holdfast", Path: path, argv: run, balance: run}
	p.test, p.tested = func(config string) []string { return []string{path, "check", config} }, complaints
	p.Version = firstLine(path, "--version")
	return p
}

// Build makes a holdfast as `make` does, stamped with its version, from the module
// around the working directory and puts it into dir.
func Build(ctx context.Context, dir string) (Program, error) {
	path := filepath.Join(dir, "holdfast")
	cmd := exec.CommandContext(ctx, "go", "build", "-trimpath", "-ldflags=-s -w -X main.version="+revision(ctx), "-o", path, "holdfast/cmd/holdfast")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		return Program{}, fmt.Errorf("build holdfast: %w\n%s", err, out)
	}
	return Holdfast(path), nil
}

// revision is what is built, in the words of git; a tree without git has none.
func revision(ctx context.Context) string {
	out, err := exec.CommandContext(ctx, "git", "describe", "--tags", "--always", "--dirty").Output()
	if err != nil {
		return "unknown"
	}
	return strings.TrimSpace(string(out))
}

// firstLine is how a program introduces itself; keepalived does so on stderr.
func firstLine(name string, args ...string) string {
	out, _ := exec.Command(name, args...).CombinedOutput()
	line, _, _ := bytes.Cut(bytes.TrimSpace(out), []byte("\n"))
	return strings.TrimSpace(string(line))
}
