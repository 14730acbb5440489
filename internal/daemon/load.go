package daemon

import (
	"context"
	"log/slog"
	"os"
	"slices"
	"time"

	"holdfast/internal/cli"
	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
)

// reading is what came of a configuration file.
type reading struct {
	File     string
	Config   *config.Config
	Findings []conf.Diag
	Problems []command.Problem
	// Violation is keepalived's line when scripts run without script security. It
	// says the same as one of the findings, so each reader is told one of them.
	Violation string
	options   *cli.Options
}

// readConfig reads, types and judges the configuration, scripts included.
func readConfig(o *cli.Options) *reading {
	r := &reading{File: configFile(o), options: o}
	id := o.ConfigID
	if id == "" {
		id = hostID()
	}
	tree, found := conf.Parse(disk{}, r.File, conf.Options{
		ID: id, Env: os.LookupEnv, Seed: uint64(time.Now().Unix()), AllChecks: o.AllConfig,
	})
	host, _ := os.Hostname()
	c, more := config.Build(tree, config.Options{HostName: host})
	r.Config, r.Findings = c, conf.Sort(append(found, more...))
	if c != nil {
		r.judgeScripts()
	}
	return r
}

func configFile(o *cli.Options) string {
	if o.ConfigFile != "" {
		return o.ConfigFile
	}
	files := cli.DefaultConfigs()
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			return f
		}
	}
	return files[len(files)-1]
}

// judgeScripts resolves every command once. A script that cannot be run is
// tracked by nobody, as keepalived has it: the finding says so.
func (r *reading) judgeScripts() {
	resolver := command.NewResolver(policy(&r.Config.Global))
	used := 0
	judge := func(c *notify.Command) bool {
		if c == nil {
			return true
		}
		used++
		run, problems := resolver.Resolve(*c)
		for _, p := range problems {
			// Once for all who name the script.
			if !slices.ContainsFunc(r.Problems, func(o command.Problem) bool { return o.String() == p.String() }) {
				r.Problems = append(r.Problems, p)
			}
		}
		return run != nil
	}
	dead := map[string]bool{}
	r.Config.Scripts = slices.DeleteFunc(r.Config.Scripts, func(s config.Script) bool {
		dead[s.Name] = !judge(&s.Command)
		return dead[s.Name]
	})
	r.judgeNotify(judge)
	if len(dead) > 0 {
		r.untrack(dead)
	}
	r.Violation = policy(&r.Config.Global).Violation(used, r.Problems)
}

func (r *reading) judgeNotify(judge func(*notify.Command) bool) {
	for i := range r.Config.Instances {
		for _, c := range r.Config.Instances[i].Notify.Commands() {
			judge(c)
		}
	}
	for i := range r.Config.Groups {
		for _, c := range r.Config.Groups[i].Notify.Commands() {
			judge(c)
		}
	}
	judge(r.Config.Global.NotifyFIFO.Script)
	judge(r.Config.Global.VRRPNotifyFIFO.Script)
}

// untrack takes dead scripts out of the tracks of all instances.
func (r *reading) untrack(dead map[string]bool) {
	for i := range r.Config.Instances {
		inst := &r.Config.Instances[i]
		inst.Tracks = slices.DeleteFunc(inst.Tracks, func(t tracker.Track) bool {
			return t.Kind == tracker.Script && dead[t.Name]
		})
	}
}

// failed reports whether this cannot be run at all.
func (r *reading) failed() bool { return r.Config == nil || conf.Has(r.Findings, conf.Error) }

// exit is the status of a daemon that cannot start with this.
func (r *reading) exit() int {
	if slices.ContainsFunc(r.Findings, func(d conf.Diag) bool { return d.Class == conf.NoFile }) {
		return exitNoConfig
	}
	return exitConfig
}

// report logs everything that was found, a line each.
func (r *reading) report(log *slog.Logger) {
	log.Info("Configuration file " + r.File)
	for _, d := range r.Findings {
		if r.Violation != "" && unsecured(d) {
			continue // operators match on the line of the violation
		}
		log.Log(context.Background(), level(d.Severity), line(d))
	}
	for _, p := range r.Problems {
		log.Warn(p.String())
	}
	if r.Violation != "" {
		log.Warn(r.Violation)
	}
}

// unsecured tells the finding that Violation repeats.
func unsecured(d conf.Diag) bool { return d.Text == config.ScriptsUnsecured }

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
