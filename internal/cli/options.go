package cli

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// KeepalivedVersion is the version of keepalived whose words are understood. Programs ask
// for it.
const KeepalivedVersion = "2.4.3"

// Options is what a daemon is started with, whichever command line said it:
// that of `holdfast run` or keepalived's.
type Options struct {
	// ConfigFile is -f; empty: the first of DefaultConfigs that exists.
	ConfigFile string
	// ConfigID is the value for `@id` lines; empty: the host name up to its first dot.
	ConfigID string
	// Foreground stays attached to whoever started it, who also is trusted to
	// start it again when it dies. In the background the worker process becomes
	// the router when the router dies.
	Foreground bool
	// Detail shows the log lines that keepalived shows with -D.
	Detail bool
	// Console logs to standard error, Syslog to syslog, LogFile to a file.
	Console  bool
	Syslog   bool
	Facility string // local0 to local7, user, daemon
	LogFile  string
	// LogStyle and LogLevel are words of log_style and log_level, before those of the
	// configuration; empty: they are not given.
	LogStyle, LogLevel string
	// DumpConfig logs the configuration after reading it.
	DumpConfig bool
	// AllConfig makes every include problem an error.
	AllConfig bool
	// Strict refuses configurations with complaints, at a start and at a reload.
	Strict bool
	// Lenient takes at a reload what keepalived would take: also what loses by a
	// mistake something that runs.
	Lenient bool
	// KeepAddresses leaves virtual addresses in place at a stop.
	KeepAddresses bool
	// KeepIPVS leaves the table of virtual servers as it is at the stop.
	KeepIPVS bool
	// NoRespawn ends the daemon when its worker process dies.
	NoRespawn bool
	// NoServers keeps no virtual servers.
	NoServers bool
	// NoBFD runs no BFD sessions.
	NoBFD bool
	// IgnoreINT ignores SIGINT.
	IgnoreINT bool
	// SNMP serves all MIBs, whatever the configuration says; SNMPSocket is where the
	// agent is, before what that says.
	SNMP       bool
	SNMPSocket string
	// RunDir holds the lock and the memory of roles.
	RunDir string
	// APISocket is where requests are answered; empty: holdfast.sock in RunDir.
	APISocket string
	// PIDFile carries the lock. It, VRRPPIDFile and CheckersPIDFile are written
	// as keepalived writes its own; empty: not written.
	PIDFile, VRRPPIDFile, CheckersPIDFile string
	// Umask is the creation mask for files; UmaskGiven: the command line says it, so
	// that the configuration does not change it.
	Umask      int
	UmaskGiven bool
	// Version is that of the program.
	Version string
	// Name is what the daemon calls itself in logs: holdfast or Keepalived.
	Name string
	// Args is the command line without the program, to start again with.
	Args []string
	// Copy tells this daemon from others on the machine. The command line gives its
	// namespace only; the rest is in the configuration.
	Copy Copy
}

// Copy is what a daemon has of its own where several run on one machine.
type Copy struct {
	// NetNS is the network namespace it runs in; empty: that of whoever starts it.
	NetNS string
	// Instance is part of the names of its files; empty: none.
	Instance string
	// PIDDir puts pid files into a directory of their own, as a name does too.
	PIDDir bool
	// ConfigDir is where the configuration in force is kept, without a name; empty: in
	// memory. It makes no copy.
	ConfigDir string
}

// Several reports whether there may be others.
func (c Copy) Several() bool { return c.NetNS != "" || c.Instance != "" || c.PIDDir }

// Of are the options of a copy, with files of its own. Pid files that the command
// line names stay where it says.
func (o Options) Of(c Copy) Options {
	o.Copy = c
	dir := filepath.Join(o.RunDir, c.names())
	if filepath.Dir(o.PIDFile) == o.RunDir {
		o.PIDFile = filepath.Join(dir, filepath.Base(o.PIDFile))
	}
	o.RunDir = dir
	if names := c.names(); names != "" && o.LogFile != "" {
		ext := filepath.Ext(o.LogFile)
		o.LogFile = strings.TrimSuffix(o.LogFile, ext) + "_" + names + ext
	}
	for _, f := range []struct {
		path        *string
		alone, name string
	}{
		{&o.PIDFile, parentPID, "keepalived"},
		{&o.VRRPPIDFile, vrrpPID, "vrrp"},
		{&o.CheckersPIDFile, checkersPID, "checkers"},
	} {
		if *f.path == f.alone && c.Several() {
			*f.path = c.pidFile(f.name)
		}
	}
	return o
}

// Ident is what the daemon is called in the system's log.
func (o *Options) Ident() string {
	if names := o.Copy.names(); names != "" {
		return o.Name + "_" + names
	}
	return o.Name
}

// names are those of the namespace and the instance, as far as there are any.
func (c Copy) names() string {
	names := slices.DeleteFunc([]string{c.NetNS, c.Instance}, func(s string) bool { return s == "" })
	return strings.Join(names, "_")
}

// pidFile is where keepalived has the pid file of a process. What tells namespaces
// apart is the directory: each sees its own there.
func (c Copy) pidFile(process string) string {
	if c.Instance != "" {
		process += "_" + c.Instance
	}
	return filepath.Join(PIDDir, process+".pid")
}

// PIDDir is the directory of the pid files of copies.
const PIDDir = "/run/keepalived"

// The pid files of the only daemon of a machine.
const (
	parentPID   = "/run/keepalived.pid"
	vrrpPID     = "/run/vrrp.pid"
	checkersPID = "/run/checkers.pid"
)

// DefaultConfigs are tried in this order when no file is named.
func DefaultConfigs() []string {
	return []string{"/etc/holdfast/holdfast.conf", "/etc/keepalived/keepalived.conf"}
}

// Config is the configuration to read: ConfigFile, else the first of
// DefaultConfigs that exists, else the last of them.
func (o *Options) Config() string {
	if o.ConfigFile != "" {
		return o.ConfigFile
	}
	files := DefaultConfigs()
	for _, f := range files {
		if _, err := os.Stat(f); err == nil {
			return f
		}
	}
	return files[len(files)-1]
}

// MemoryFile is where roles survive a crash.
func (o *Options) MemoryFile() string { return filepath.Join(o.RunDir, "roles") }

// Socket is where requests are answered.
func (o *Options) Socket() string {
	return cmp.Or(o.APISocket, filepath.Join(o.RunDir, "holdfast.sock"))
}

// SysctlFile is where the values of sysctls survive a crash that are to be given back.
func (o *Options) SysctlFile() string { return filepath.Join(o.RunDir, "sysctls") }

// LegacyFile is where stands what is in IPVS because of the daemon.
func (o *Options) LegacyFile() string { return filepath.Join(o.RunDir, "ipvs") }

// GateSocket is where the process asks that lets other machines in.
func (o *Options) GateSocket() string { return filepath.Join(o.RunDir, "gate.sock") }

// OrdersFile is where stands what people want of real servers beside the configuration.
func (o *Options) OrdersFile() string { return filepath.Join(o.RunDir, "servers") }

// StandingFile is where another worker reads how real servers stand.
func (o *Options) StandingFile() string { return filepath.Join(o.RunDir, "standing") }

// MaintenanceFile is there while the node is under maintenance.
func (o *Options) MaintenanceFile() string { return filepath.Join(o.RunDir, "maintenance") }

// IGMPFile is where the value of the sysctl of disable_local_igmp survives a crash.
func (o *Options) IGMPFile() string { return filepath.Join(o.RunDir, "igmp") }

// TempDir is where dumps go, and log files that are named without a path: $TMPDIR
// if that is an absolute directory, else /tmp.
func TempDir() string {
	if dir := os.Getenv("TMPDIR"); filepath.IsAbs(dir) {
		if info, err := os.Stat(dir); err == nil && info.IsDir() {
			return dir
		}
	}
	return "/tmp"
}
