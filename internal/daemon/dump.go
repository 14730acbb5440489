package daemon

import (
	"cmp"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/internal/cli"
	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/relay"
	"holdfast/internal/status"
)

// dump writes the file that a signal asked for.
func (w *workerProcess) dump(m *relay.Up) {
	path, write := dumpPath(&w.global), writeData
	switch m.Dump {
	case relay.DumpStats:
		path, write = statsPath(), writeStats
	case relay.DumpBefore, relay.DumpAfter:
		path = w.savedPath(m.Dump)
	}
	mode := 0o666 &^ os.FileMode(umask(&w.opts, &w.global))
	if err := replace(path, mode, func(out io.Writer) { write(out, m.Status) }); err != nil {
		w.log.Error(err.Error())
		return
	}
	w.log.Info("state written to " + path)
}

// dumpPath is where the state goes: state_dump_file names a file, or a directory with
// a slash behind it; data_use_instance puts names before the extension.
func dumpPath(g *config.Global) string {
	const name = "keepalived.data"
	path := cmp.Or(g.Paths.StateDump, name)
	if strings.HasSuffix(path, "/") {
		path += name
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(cli.TempDir(), path)
	}
	names := slices.DeleteFunc([]string{g.Copy.NetNS, g.Copy.Instance}, func(s string) bool { return s == "" })
	if !g.Paths.DumpsNamed || len(names) == 0 {
		return path
	}
	ext := filepath.Ext(path)
	return strings.TrimSuffix(path, ext) + "." + strings.Join(names, "_") + ext
}

// replace writes a new file and moves it into place, so that nobody reads half.
func replace(path string, mode os.FileMode, write func(io.Writer)) error {
	f, err := os.CreateTemp(filepath.Dir(path), filepath.Base(path)+".*")
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

// writeData writes the state of every instance, a section and a block each.
func writeData(out io.Writer, s *status.Router) {
	fmt.Fprintf(out, "------< Scheduling >------\n Router process = %s\n Latest deadline = %v\n", s.RealTime, s.Lateness)
	for i, n := range s.Late {
		if n > 0 {
			fmt.Fprintf(out, " Deadlines late by less than %v = %d\n", time.Microsecond<<i, n)
		}
	}
	for _, c := range s.Refused {
		fmt.Fprintf(out, " Datagrams refused, %s = %d\n", c.What, c.N)
	}
	if s.Unknown > 0 {
		fmt.Fprintf(out, " Adverts for unknown routers = %d\n", s.Unknown)
	}
	writeSessions(out, s)
	fmt.Fprintln(out, "------< VRRP Topology >------")
	for i := range s.Instances {
		writeInstance(out, s.At, &s.Instances[i])
	}
}

func writeInstance(out io.Writer, now mono.Instant, i *status.Instance) {
	fmt.Fprintf(out, " VRRP Instance = %s\n", i.Name)
	for _, f := range fields(now, i) {
		fmt.Fprintf(out, "   %s = %v\n", f.name, f.value)
	}
	writeList(out, "Virtual IP", i.Addrs)
	writeList(out, "Virtual IP Excluded", i.Excluded)
}

type field struct {
	name  string
	value any
}

func fields(now mono.Instant, i *status.Instance) []field {
	list := []field{
		{"VRRP Version", i.Version},
		{"State", i.Role},
		{"Reason", i.Reason},
		{"Since", fmt.Sprintf("%.3f s ago", now.Sub(i.Since).Seconds())},
		{"Interface", i.Link},
		{"Virtual Router ID", i.VRID},
		{"Priority", i.Priority},
		{"Effective priority", i.Effective},
		{"Advert interval", seconds(i.Interval)},
		{"Master advert interval", seconds(i.MasterInterval)},
		{"Source", i.Source},
	}
	if i.MasterHeard.IsValid() {
		list = append(list, field{"Master router", i.MasterHeard}, field{"Master priority", i.MasterPriority})
	}
	return append(list, counters(i)...)
}

func counters(i *status.Instance) []field {
	s := &i.Stats
	return []field{
		{"Adverts received", s.AdvertRcvd},
		{"Adverts sent", s.AdvertSent},
		{"Became master", s.BecomeMaster},
		{"Released master", s.ReleaseMaster},
		{"Priority zero received", s.PriZeroRcvd},
		{"Priority zero sent", s.PriZeroSent},
		{"Packet length errors", s.PacketLenErr},
		{"TTL errors", s.TTLErr},
		{"Version errors", s.VersionErr},
		{"Checksum errors", s.ChecksumErr},
		{"Type errors", s.InvalidTypeRcvd},
		{"Interval errors", s.AdvertIntervalErr},
		{"Address list errors", s.AddrListErr},
		{"Authentication errors", s.InvalidAuthtype + s.AuthtypeMismatch + s.AuthFailure},
		{"Trailers missing or malformed", s.AuthExtMissing + s.AuthExtMalformed},
		{"Trailers not borne out by a key", s.AuthExtUnknownKey + s.AuthExtInvalidHMAC},
		{"Trailers stale or played again", s.AuthExtStale + s.AuthExtReplay},
		{"Addresses put back", i.Repairs},
		{"Times overslept", s.Overslept},
	}
}

func seconds(d time.Duration) string { return fmt.Sprintf("%g s", d.Seconds()) }

// writeSessions writes the BFD sessions.
func writeSessions(out io.Writer, s *status.Router) {
	if len(s.Sessions) > 0 {
		fmt.Fprintln(out, "------< BFD Topology >------")
	}
	for i := range s.Sessions {
		one := &s.Sessions[i]
		fmt.Fprintf(out, " BFD Instance = %s\n", one.Name)
		for _, f := range sessionFields(s.At, one) {
			fmt.Fprintf(out, "   %s = %v\n", f.name, f.value)
		}
	}
}

func sessionFields(now mono.Instant, s *status.Session) []field {
	heard := "never"
	if s.Heard != 0 {
		heard = fmt.Sprintf("%.3f s ago", now.Sub(s.Heard).Seconds())
	}
	return []field{
		{"Neighbor IP", s.Neighbour},
		{"Source IP", s.Source},
		{"Multihop", s.MultiHop},
		{"Passive", s.Passive},
		{"TTL", s.TTL},
		{"Least TTL received", s.LeastTTL},
		{"Required min RX interval", s.MinRX},
		{"Desired min TX interval", s.MinTX},
		{"Desired idle TX interval", s.IdleTX},
		{"Detection multiplier", s.Multiplier},
		{"Local state", s.State},
		{"Local diagnostic", s.Diagnostic},
		{"Local discriminator", fmt.Sprintf("0x%08x", s.Discriminator)},
		{"Remote state", s.RemoteState},
		{"Remote diagnostic", s.RemoteDiagnostic},
		{"Remote discriminator", fmt.Sprintf("0x%08x", s.RemoteDiscriminator)},
		{"TX interval", s.Interval},
		{"Detection time", s.Detection},
		{"Poll sequence", s.Polling},
		{"Last packet", heard},
	}
}

func writeList[T fmt.Stringer](out io.Writer, title string, list []T) {
	if len(list) == 0 {
		return
	}
	fmt.Fprintf(out, "   %s = %d\n", title, len(list))
	for _, one := range list {
		fmt.Fprintf(out, "     %s\n", one)
	}
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
