package daemon

import (
	"context"
	"fmt"
	"slices"

	"holdfast/internal/command"
	"holdfast/internal/config"
	"holdfast/internal/load"
	"holdfast/internal/relay"
	"holdfast/internal/tracker"
	"holdfast/internal/tracker/check"
	trackfile "holdfast/internal/tracker/file"
	"holdfast/internal/tracker/link"
	"holdfast/internal/tracker/process"
	"holdfast/internal/tracker/script"
)

// watchers run what watches things for trackers.
type watchers struct {
	send      func(*relay.Down)
	note      func(tracker.Sample)
	log       func(string)
	filed     func(name string, value int) // told the numbers in files
	starter   *command.Starter             // of checks of real servers
	repairer  *command.Starter
	scripts   *script.Watcher
	checks    *check.Watcher
	files     *trackfile.Watcher
	processes *process.Watcher
	links     *link.Watcher
}

func newWatchers(send func(*relay.Down), note func(tracker.Sample), log func(string), counts *tally) *watchers {
	all := command.NewStarter()
	w := &watchers{send: send, note: note, log: log, starter: all.Counted(counts.of("check")), repairer: all.Counted(counts.of("repair"))}
	w.scripts = script.New(script.With(all.Counted(counts.of("track"))), w.report, log)
	w.checks = check.New(w.repair, w.report, log)
	w.files = trackfile.New(w.file, log)
	w.processes = process.New(w.report, log)
	w.links = link.New(link.Ask, w.report, log)
	return w
}

func (w *watchers) report(s tracker.Sample) {
	w.note(s)
	w.send(&relay.Down{Samples: []tracker.Sample{s}})
}

// file reports the number in a file to those who weigh priorities, and to those who
// weigh servers.
func (w *watchers) file(s tracker.Sample) {
	w.report(s)
	w.filed(s.Tracker, s.Value)
}

// preview is what a configuration that is about to be proposed has to know of what
// is not watched yet: instances are not to start with a priority, or without a
// fault, that the first look would change.
func (w *watchers) preview(c *told) []tracker.Sample {
	return slices.Concat(w.files.Preview(fileSpecs(c)), w.processes.Preview(processSpecs(c)), w.links.Preview(linkSpecs(c)))
}

// init writes the files that are to be there at the start of the daemon.
func (w *watchers) init(c *told) {
	for i := range c.Files {
		f := &c.Files[i]
		if f.Init == config.InitNever {
			continue
		}
		if err := trackfile.Init(f.Path, f.InitValue, f.Init == config.InitAlways); err != nil {
			w.log("track_file " + f.Name + ": " + err.Error())
		}
	}
}

// apply watches what a configuration tracks.
func (w *watchers) apply(c *told) {
	resolver := command.NewResolver(load.Policy(&c.Global))
	w.scripts.Apply(scriptSpecs(c.Scripts, resolver))
	w.checks.Apply(checkSpecs(c.Checks, resolver))
	w.files.Apply(fileSpecs(c))
	w.links.Apply(linkSpecs(c))
	room := c.Global.Sockets.Processes
	w.processes.Apply(processSpecs(c), process.Buffer{Size: int(room.Bytes), Force: room.Force})
}

func scriptSpecs(scripts []config.Script, resolver *command.Resolver) (specs []script.Spec) {
	for i := range scripts {
		s := &scripts[i]
		run, _ := resolver.Resolve(s.Command) // what is wrong was reported when it was read
		if run == nil {
			continue
		}
		specs = append(specs, script.Spec{
			Name: s.Name, Command: run, Interval: s.Interval, Timeout: s.Timeout, Rise: s.Rise, Fall: s.Fall, InitFail: s.InitFail,
		})
	}
	return specs
}

func fileSpecs(c *told) (specs []trackfile.Spec) {
	for i := range c.Files {
		specs = append(specs, trackfile.Spec{Name: c.Files[i].Name, Path: c.Files[i].Path})
	}
	return specs
}

func processSpecs(c *told) (specs []process.Spec) {
	for i := range c.Processes {
		p := &c.Processes[i]
		specs = append(specs, process.Spec{
			Name:    p.Name,
			Program: tracker.Program{Path: p.Program, FullCommand: p.FullCommand, Params: p.Params, Match: p.Match},
			Quorum:  tracker.Quorum{Least: p.Quorum, Most: p.QuorumMax, GainDelay: p.ForkDelay, LossDelay: p.TerminateDelay},
		})
	}
	return specs
}

func linkSpecs(c *told) (specs []link.Spec) {
	for _, l := range c.Polled {
		specs = append(specs, link.Spec{Link: l.Link, Method: method(l.Method)})
	}
	return specs
}

func method(m config.LinkbeatMethod) link.Method {
	switch m {
	case config.LinkbeatMII:
		return link.MII
	case config.LinkbeatEthtool:
		return link.Ethtool
	case config.LinkbeatIoctl:
		return link.Flags
	}
	return link.Any
}

func (w *watchers) close() {
	w.scripts.Close()
	w.checks.Close()
	w.files.Close()
	w.processes.Close()
	w.links.Close()
}

// repair runs the command of a check to its end.
func (w *watchers) repair(ctx context.Context, r *command.Runnable) error {
	exit, expired, err := w.repairer.Run(ctx, r)
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
