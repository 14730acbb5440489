// Package command runs the programs that a configuration names: it finds out
// as whom they run, judges whether their paths can be trusted, and starts them
// in a clean environment of their own. When to run what, and what an exit
// status means, is not decided here.
package command

import (
	"path"
	"slices"
	"strings"

	"holdfast/internal/notify"
)

// Command is a program as the configuration names it.
type Command = notify.Command

// Policy is what global_defs says about all scripts.
type Policy struct {
	// User and Group are script_user. Empty: keepalived_script if that account
	// exists, else the user of the daemon.
	User, Group string
	// Supplementary gives those who run as User its other groups too: script_user
	// with a colon before the group.
	Supplementary bool
	// Security is enable_script_security: what is insecure is disabled, and a
	// script needs a user other than by default root.
	Security bool
	// SymlinkPaths is use_symlink_paths: run the path as written, cleaned,
	// instead of the file it leads to.
	SymlinkPaths bool
	// SupplementaryGroups is set_supplementary_groups: every script gets the other
	// groups of its user too.
	SupplementaryGroups bool
	// Path is searched for names without a slash, as $PATH is written.
	// Empty: the system's default.
	Path string
}

// Identity is as whom a command runs.
type Identity struct {
	UID, GID uint32
	// Groups are the supplementary groups; nil: none.
	Groups []uint32
}

// Runnable is a command that was found, judged and may be run.
type Runnable struct {
	Line string // as written, for people
	File string // what is executed; for Opens, what is opened
	Argv []string
	Identity
	// Opens marks the form `</path`: nothing is executed, it is a success when
	// the file can be opened for reading.
	Opens bool
}

// Equal reports whether r and o are the same command run by the same user.
func (r *Runnable) Equal(o *Runnable) bool {
	return r.File == o.File && r.Opens == o.Opens && r.UID == o.UID && r.GID == o.GID &&
		slices.Equal(r.Argv, o.Argv) && slices.Equal(r.Groups, o.Groups)
}

// Severity says what a problem leads to.
type Severity uint8

// The severities.
const (
	Notice   Severity = iota // worth a line, the command runs
	Insecure                 // the command runs, and somebody other than root could change it
	Disabled                 // the command is not run
)

// Problem is what is wrong with a command.
type Problem struct {
	Severity Severity
	Script   string // the command line
	// Path is the component that the problem lies in; empty when it lies elsewhere.
	Path string
	// Text is the line for the log, in the words that operators match on.
	Text string
	// Fix is what to do about it.
	Fix string
	// Security marks what counts as a security violation in a configuration test.
	Security bool
}

// String is the log line with its fix.
func (p Problem) String() string {
	if p.Fix == "" {
		return p.Text
	}
	return p.Text + " (" + p.Fix + ")"
}

// Resolver resolves commands under one policy and remembers users and programs,
// so that thousands of instances with the same script cost one look at the disk
// and one line in the log. It is made anew for each configuration and is not
// for concurrent use.
type Resolver struct {
	policy   Policy
	users    map[account]lookup
	programs map[program]*Runnable
}

// lookup is what the account database said.
type lookup struct {
	Identity
	problems []Problem
}

// program is a command without its arguments, which do not matter to whether
// it can be run.
type program struct {
	file string
	account
}

// NewResolver returns a resolver for policy.
func NewResolver(policy Policy) *Resolver {
	return &Resolver{policy: policy, users: map[account]lookup{}, programs: map[program]*Runnable{}}
}

// Resolve is the Resolver's Resolve for a single command.
func Resolve(c Command, p Policy) (*Runnable, []Problem) { return NewResolver(p).Resolve(c) }

// Resolve finds out how c is run. It returns nil when c is not to be run; one
// of the problems, marked Disabled, then says why. The problems of a program
// are told once, with the first command that runs it as a user.
func (r *Resolver) Resolve(c Command) (*Runnable, []Problem) {
	if len(c.Argv) == 0 || c.Argv[0] == "" {
		return nil, []Problem{{Severity: Disabled, Script: c.Line, Text: "script without a command - disabling", Fix: "name the program to be run"}}
	}
	key := program{c.Argv[0], r.account(c)}
	found, known := r.programs[key]
	var problems []Problem
	if !known {
		found, problems = r.find(c)
		r.programs[key] = found
	}
	if found == nil {
		return nil, problems
	}
	run := *found
	run.Line, run.Argv = c.Line, append([]string{found.Argv[0]}, c.Argv[1:]...)
	return &run, problems
}

// find looks at the program of c. What it returns has no arguments.
func (r *Resolver) find(c Command) (*Runnable, []Problem) {
	who, problems := r.identity(c)
	if disabled(problems) {
		return nil, problems
	}
	run := &Runnable{Line: c.Line, Argv: c.Argv[:1:1], Identity: who}
	if file, ok := strings.CutPrefix(c.Argv[0], "<"); ok && path.IsAbs(file) {
		run.Opens, run.File = true, file
		return run, problems
	}
	run.Argv = slices.Clone(run.Argv)
	if problems = append(problems, r.locate(run)...); disabled(problems) {
		return nil, problems
	}
	return run, problems
}

func disabled(problems []Problem) bool {
	return slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Disabled })
}

// Violation is the line that is logged once for each configuration that runs
// scripts without enable_script_security; empty when there is no reason for
// it. It counts as a security violation in a configuration test.
func (p Policy) Violation(scripts int, problems []Problem) string {
	if p.Security || scripts == 0 {
		return ""
	}
	line := "SECURITY VIOLATION - scripts are being executed but script_security not enabled."
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.Severity == Insecure }) {
		line += " There are insecure scripts."
	}
	return line
}
