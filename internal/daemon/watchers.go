package daemon

import (
	"context"
	"fmt"

	"holdfast/internal/command"
	"holdfast/internal/load"
	"holdfast/internal/relay"
	"holdfast/internal/tracker"
	"holdfast/internal/tracker/check"
	"holdfast/internal/tracker/script"
)

// watchers run what watches things for trackers.
type watchers struct {
	send    func(*relay.Down)
	starter *command.Starter
	scripts *script.Watcher
	checks  *check.Watcher
}

func newWatchers(send func(*relay.Down), log func(string)) *watchers {
	w := &watchers{send: send, starter: command.NewStarter()}
	w.scripts = script.New(script.With(w.starter), w.report, log)
	w.checks = check.New(w.repair, w.report, log)
	return w
}

func (w *watchers) report(s tracker.Sample) { w.send(&relay.Down{Samples: []tracker.Sample{s}}) }

// apply watches what a configuration tracks.
func (w *watchers) apply(c *told) {
	resolver := command.NewResolver(load.Policy(&c.Global))
	var specs []script.Spec
	for i := range c.Scripts {
		s := &c.Scripts[i]
		run, _ := resolver.Resolve(s.Command) // what is wrong was reported when it was read
		if run == nil {
			continue
		}
		specs = append(specs, script.Spec{
			Name: s.Name, Command: run, Interval: s.Interval, Timeout: s.Timeout, Rise: s.Rise, Fall: s.Fall, InitFail: s.InitFail,
		})
	}
	w.scripts.Apply(specs)
	w.checks.Apply(checkSpecs(c.Checks, resolver))
}

func (w *watchers) close() {
	w.scripts.Close()
	w.checks.Close()
}

// repair runs the command of a check to its end.
func (w *watchers) repair(ctx context.Context, r *command.Runnable) error {
	exit, expired, err := w.starter.Run(ctx, r)
	switch {
	case err != nil:
		return err
	case expired:
		return fmt.Errorf("%s was ended: it took longer than repair_time", r.Line)
	case exit != command.Exit{}:
		return fmt.Errorf("%s %s", r.Line, exit)
	}
	return nil
}
