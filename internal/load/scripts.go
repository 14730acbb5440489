package load

import (
	"os"
	"slices"

	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
)

// Judge resolves every command once, on this machine, and reads its key files. A script that cannot be run
// is tracked by nobody, as keepalived has it: the finding says so.
func (r *Reading) Judge() {
	if r.Config == nil {
		return
	}
	r.readKeys()
	r.readHooks()
	resolver := command.NewResolver(Policy(&r.Config.Global))
	used := 0
	judge := func(c *notify.Command) bool {
		if c == nil {
			return true
		}
		run, problems := resolver.Resolve(*c)
		if run != nil {
			used++
		}
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
		if judge(&s.Command) {
			return false
		}
		dead[s.Name] = true
		r.Dead = append(r.Dead, s.Name)
		return true
	})
	r.judgeRepairs(judge)
	r.judgeNotify(judge)
	r.untrack(dead)
	if used == 0 && r.idle(resolver) {
		used++
	}
	r.NoUser = len(resolver.Default()) > 0
	r.Violation = Policy(&r.Config.Global).Violation(used, r.Problems)
}

// judgeRepairs leaves a check whose repair cannot be run without one: it is made
// all the same.
func (r *Reading) judgeRepairs(judge func(*notify.Command) bool) {
	for i := range r.Config.Checks {
		if c := &r.Config.Checks[i]; !judge(c.Repair) {
			c.Repair = nil
		}
	}
}

func (r *Reading) judgeNotify(judge func(*notify.Command) bool) {
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
	judge(r.Config.Global.Startup)
	judge(r.Config.Global.Shutdown)
	judge(r.Config.Global.NotifyFIFO.Script)
	judge(r.Config.Global.VRRPNotifyFIFO.Script)
	for c := range r.Config.ServerCommands() {
		judge(c)
	}
}

// idle reports whether a script that nobody tracks could run: to keepalived's test
// it counts as one that does.
func (r *Reading) idle(resolver *command.Resolver) bool {
	return slices.ContainsFunc(r.Tree.Nodes, func(n *conf.Node) bool {
		if n.Keyword.Text != "vrrp_script" {
			return false
		}
		return slices.ContainsFunc(n.Body, func(c *conf.Node) bool {
			if c.Keyword.Text != "script" {
				return false
			}
			run, _ := resolver.Resolve(notify.Command{Line: config.CommandLine(c.Raw), Argv: config.Argv(c.Raw), User: config.CommandUser(c.Raw)})
			return run != nil
		})
	})
}

// untrack takes dead scripts out of the tracks of all instances.
func (r *Reading) untrack(dead map[string]bool) {
	if len(dead) == 0 {
		return
	}
	for i := range r.Config.Instances {
		inst := &r.Config.Instances[i]
		inst.Tracks = slices.DeleteFunc(inst.Tracks, func(t tracker.Track) bool {
			return t.Kind == tracker.Script && dead[t.Name]
		})
	}
}

// Policy is what global_defs says about scripts.
func Policy(g *config.Global) command.Policy {
	return command.Policy{
		User: g.ScriptUser, Group: g.ScriptGroup, Supplementary: g.ScriptSupplementary, Security: g.ScriptSecurity,
		SymlinkPaths: g.UseSymlinkPaths, SupplementaryGroups: g.SupplementaryGroups, Path: os.Getenv("PATH"),
	}
}
