package daemon

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/cli"
	"holdfast/internal/command"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/load"
	"holdfast/internal/notify"
	"holdfast/internal/relay"
	"holdfast/internal/status"
)

// dump writes the files that a signal asked for.
func (w *workerProcess) dump(m *relay.Up) {
	src, _, err := w.picture(m.Status)
	if err != nil {
		w.log.Error(err.Error())
		return
	}
	mode := w.mode()
	switch m.Dump {
	case relay.DumpData:
		w.dumpServers()
		w.write(dumpPath(&w.global, ""), mode, src.Data)
		w.write(dumpPath(&w.global, "_parent"), mode, src.Parent)
		if len(src.Sessions) > 0 {
			w.write(dumpPath(&w.global, "_bfd"), mode, src.BFD)
		}
	case relay.DumpStats, relay.DumpAndClear:
		w.write(tempPath("keepalived.stats"), mode, src.Stats)
	case relay.DumpJSON:
		w.writeJSON(src)
	case relay.DumpBefore, relay.DumpAfter:
		w.write(w.savedPath(m.Dump), mode, src.Data)
	}
	w.janitor.after()
}

// mode is that of the files, but for those of JSON.
func (w *workerProcess) mode() os.FileMode { return 0o666 &^ os.FileMode(umask(&w.opts, &w.global)) }

// dumpServers writes the file of keepalived's checker process, as soon as somebody has
// time to draw the picture.
func (w *workerProcess) dumpServers() {
	var t told
	if err := w.slots.Recall(w.inForce, &t); err != nil {
		w.log.Error(err.Error())
		return
	}
	path, mode := dumpPath(&t.Global, "_check"), w.mode()
	src := &dump.Servers{Global: &t.Global, SSL: t.Servers.SSL, Groups: t.Servers.Groups, Files: t.Files, Owner: owner(&t.Global)}
	w.balance.draw(func(list []balancer.Picture) {
		src.Virtual = list
		go w.write(path, mode, src.Data) // a disk may be slow
	})
}

// owner says as whom a command runs.
func owner(g *config.Global) func(*notify.Command) string {
	resolver := command.NewResolver(load.Policy(g))
	return func(c *notify.Command) string {
		run, _ := resolver.Resolve(*c)
		if run == nil {
			return "disabled"
		}
		return fmt.Sprintf("uid:gid %d:%d", run.UID, run.GID)
	}
}

// writeJSON leaves an old file as it is when there are no instances.
func (w *workerProcess) writeJSON(src *dump.Source) {
	var text bytes.Buffer
	written, err := src.JSON(&text)
	switch {
	case err != nil:
		w.log.Error(err.Error())
	case written:
		w.write(tempPath("keepalived.json"), 0o600, func(out io.Writer) { _, _ = text.WriteTo(out) })
	}
}

func (w *workerProcess) write(path string, mode os.FileMode, write func(io.Writer)) {
	if err := replace(path, mode, write); err != nil {
		w.log.Error(err.Error())
		return
	}
	w.log.Info("state written to " + path)
}

// picture puts a snapshot and the configuration in force together.
func (w *workerProcess) picture(s *status.Router) (*dump.Source, *told, error) {
	wanted, err := w.slots.Read(w.inForce)
	if err != nil {
		return nil, nil, err
	}
	var t told
	if err := w.slots.Recall(w.inForce, &t); err != nil {
		return nil, nil, err
	}
	return &dump.Source{
		Router: s, Wall: onWall(s.At), Wanted: wanted, Global: &t.Global, Scripts: t.Scripts, Files: t.Files, Processes: t.Processes,
		TrackGroups: t.TrackGroups, Untracked: t.Untracked, Instances: dumped(t.Instances), Groups: dumped(t.Groups), Tallies: w.watchers.processes.Tallies(), Phases: w.watchers.scripts.Phases(),
		Owner: owner(&t.Global),
	}, &t, nil
}

func dumped(list []toldName) map[string]dump.Told {
	all := make(map[string]dump.Told, len(list))
	for i := range list {
		n := &list[i]
		all[n.Name] = dump.Told{Scripts: n.Notify, NoAccept: n.NoAccept, Promote: n.Promote, Linkbeat: n.Linkbeat, SyncLink: n.SyncLink, Tracks: n.Tracks, OwnWeights: n.OwnWeights}
	}
	return all
}

// tempPath is where statistics and JSON go: keepalived's stats_dump_file and
// json_dump_file change nothing, and readers look for them here.
func tempPath(name string) string { return filepath.Join(cli.TempDir(), name) }

// dumpPath is where the state goes: state_dump_file names a file, or a directory with
// a slash behind it; the suffix of a process and, with data_use_instance, names go
// before the extension.
func dumpPath(g *config.Global, suffix string) string {
	const name = "keepalived.data"
	path := cmp.Or(g.Paths.StateDump, name)
	if strings.HasSuffix(path, "/") {
		path += name
	}
	if !filepath.IsAbs(path) {
		path = tempPath(path)
	}
	names := slices.DeleteFunc([]string{g.Copy.NetNS, g.Copy.Instance}, func(s string) bool { return s == "" })
	if g.Paths.DumpsNamed && len(names) > 0 {
		suffix += "." + strings.Join(names, "_")
	}
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + suffix + ext
}

// replace writes a new file and moves it into place, so that nobody reads half.
func replace(path string, mode os.FileMode, write func(io.Writer)) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	write(f)
	_ = f.Chmod(mode) // on a file system without modes there is none to keep to
	if err := f.Close(); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	if err := os.Rename(f.Name(), path); err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// dumpConfig logs the configuration as it was understood (-d). Passwords are
// not part of it.
func dumpConfig(log *slog.Logger, c *config.Config) {
	for i := range c.Instances {
		v := &c.Instances[i].VRRP
		log.Info(" VRRP Instance = " + v.Name)
		log.Info(fmt.Sprintf("   Interface = %s, Virtual Router ID = %d, Priority = %d, Version = %d, Advert interval = %s",
			v.Link, v.VRID, v.Priority, v.Version, seconds(v.Interval)))
		log.Info(fmt.Sprintf("   Virtual IPs = %s", list(c.Instances[i].Addrs)))
	}
	for i := range c.Groups {
		log.Info(fmt.Sprintf(" VRRP Sync Group = %s, members = %s", c.Groups[i].Name, strings.Join(c.Groups[i].Members, " ")))
	}
	for i := range c.Scripts {
		s := &c.Scripts[i]
		log.Info(fmt.Sprintf(" VRRP Script = %s, command = %s, interval = %s, timeout = %s, rise = %d, fall = %d",
			s.Name, s.Command.Line, seconds(s.Interval), seconds(s.Timeout), s.Rise, s.Fall))
	}
	for i := range c.Checks {
		k := &c.Checks[i]
		log.Info(fmt.Sprintf(" VRRP Check = %s, asks %s, interval = %s, timeout = %s, rise = %d, fall = %d",
			k.Name, k.Ask, seconds(k.Interval), seconds(k.Timeout), k.Rise, k.Fall))
	}
}

func list(addrs []config.Address) string {
	words := make([]string, len(addrs))
	for i := range addrs {
		words[i] = addrs[i].Prefix.String() + " dev " + addrs[i].Link
	}
	return strings.Join(words, ", ")
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }
