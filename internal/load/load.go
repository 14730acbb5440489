// Package load reads a configuration from this machine's disk: it parses and
// types it, and judges the scripts that it names. What to do about what was found
// is for the caller to decide.
package load

import (
	"cmp"
	"os"
	"time"

	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// Options is what to read, and how.
type Options struct {
	// File is the path of the configuration, or a pattern.
	File string
	// ID is the value for `@id` lines; empty: the host name up to its first dot.
	ID string
	// AllChecks makes every include problem an error (keepalived's option -e).
	AllChecks bool
	// Portable tells of each word that keepalived does not know.
	Portable bool
}

// Reading is what came of a configuration file.
type Reading struct {
	File     string
	Tree     *conf.Tree
	Config   *config.Config
	Findings []conf.Diag
	// Problems, Dead and Violation are what Judge found. Dead are tracked scripts
	// that cannot run here.
	Problems []command.Problem
	Dead     []string
	// NoUser says that there is no account as script_user names it.
	NoUser bool
	// Violation is keepalived's line when scripts run without script security. It
	// says the same as one of the findings, so each reader is told one of them.
	Violation string
}

// Read reads and types a configuration. It looks at text alone: whether this
// machine has its interfaces and can run its scripts makes no difference.
func Read(o Options) *Reading {
	r := &Reading{File: o.File}
	tree, found := conf.Parse(Disk{}, o.File, conf.Options{
		ID: cmp.Or(o.ID, hostID()), Env: os.LookupEnv, Seed: uint64(time.Now().Unix()), AllChecks: o.AllChecks,
	})
	host, _ := os.Hostname()
	c, more := config.Build(tree, config.Options{HostName: host, Names: newNameTables(tree).lookup, Portable: o.Portable})
	r.Tree, r.Config, r.Findings = tree, c, conf.Sort(append(found, more...))
	return r
}

// Failed reports whether this cannot be run at all.
func (r *Reading) Failed() bool { return r.Config == nil || conf.Has(r.Findings, conf.Error) }

// Unsecured tells the finding that Violation repeats.
func Unsecured(d conf.Diag) bool { return d.Text == config.ScriptsUnsecured }
