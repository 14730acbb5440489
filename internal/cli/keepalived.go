package cli

import (
	"errors"
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/spf13/pflag"
)

// Keepalived is a command line of keepalived, understood.
type Keepalived struct {
	Options
	// Test is -t; TestFile is where its findings go, standard error if empty.
	Test     bool
	TestFile string
	// Version and Help print and end.
	Version, Help bool
	// Signum is the word of --signum.
	Signum string
	// Unexpected are left-over arguments: printed, not fatal.
	Unexpected []string
	// Remarks are about values that are not understood and ignored.
	Remarks []string

	refuse []refusal
}

// refusal is an option that means something to keepalived and cannot be done here yet.
type refusal struct {
	name string
	set  func() bool
	why  string
}

// ErrUsage says that the command line was not understood; the program ends with 1.
var ErrUsage = errors.New("usage")

// ParseKeepalived reads keepalived's command line (reference: interfaces,
// section 1): getopt_long rules with unique prefixes of long options, bundled
// short ones, and optional arguments attached.
func ParseKeepalived(args []string) (*Keepalived, error) {
	k := &Keepalived{Options: Options{
		Syslog: true, Lenient: true, Facility: "daemon", RunDir: "/run/holdfast", Umask: 0o177, Name: "Keepalived", Args: args,
		PIDFile: parentPID, VRRPPIDFile: vrrpPID, CheckersPIDFile: checkersPID,
	}}
	set := k.flags()
	rest, err := getopt(set, args)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrUsage, err)
	}
	k.Unexpected = rest
	k.settle(set)
	return k, k.refused()
}

// flags declares every option that keepalived knows.
func (k *Keepalived) flags() *pflag.FlagSet {
	s := pflag.NewFlagSet("keepalived", pflag.ContinueOnError)
	s.SortFlags = false
	s.StringVarP(&k.ConfigFile, "use-file", "f", "", "configuration file")
	s.BoolVarP(&k.NoServers, "vrrp", "P", false, "run virtual routers, no health checkers")
	check := s.BoolP("check", "C", false, "run health checkers, no virtual routers")
	s.BoolVarP(&k.NoBFD, "no_bfd", "B", false, "run no BFD")
	s.Bool("all", false, "run everything, configured or not")
	s.BoolVarP(&k.Console, "log-console", "l", false, "log to standard error too (with -n)")
	s.CountP("log-detail", "D", "detailed log; twice for more")
	s.StringVarP(&k.Facility, "log-facility", "S", "daemon", "syslog facility: 0-7, local0-7, user, daemon")
	s.StringVarP(&k.LogFile, "log-file", "g", "", "log to a file too")
	s.Lookup("log-file").NoOptDefVal = "keepalived.log"
	s.Bool("flush-log-file", false, "every line of the log file is written at once (always so here)")
	s.BoolVarP(&k.AllConfig, "all-config", "e", false, "missing or unreadable include files are errors")
	s.BoolP("no-syslog", "G", false, "no syslog")
	s.StringP("umask", "u", "0177", "creation mask")
	s.BoolP("release-vips", "X", false, "release addresses on transitions (always so here)")
	s.BoolVarP(&k.KeepAddresses, "dont-release-vrrp", "V", false, "leave virtual addresses in place at a stop")
	s.BoolVarP(&k.KeepIPVS, "dont-release-ipvs", "I", false, "leave the IPVS table in place at a stop")
	s.BoolVarP(&k.NoRespawn, "dont-respawn", "R", false, "a dying child ends the daemon")
	s.BoolVarP(&k.Foreground, "dont-fork", "n", false, "stay in the foreground")
	s.BoolVarP(&k.DumpConfig, "dump-conf", "d", false, "log the configuration")
	s.StringVarP(&k.PIDFile, "pid", "p", k.PIDFile, "pid file")
	s.StringVarP(&k.VRRPPIDFile, "vrrp_pid", "r", k.VRRPPIDFile, "pid file of the process that runs VRRP")
	s.StringVarP(&k.CheckersPIDFile, "checkers_pid", "c", k.CheckersPIDFile, "pid file of the worker process")
	s.StringP("bfd_pid", "b", "/run/bfd.pid", "pid file of the BFD process (there is none here)")
	genhash := s.BoolP("genhash", "T", false, "become genhash")
	monitor := s.BoolP("address-monitoring", "a", false, "log all address changes")
	s.BoolVarP(&k.SNMP, "snmp", "x", false, "serve all MIBs to an SNMP agent")
	s.StringVarP(&k.SNMPSocket, "snmp-agent-socket", "A", "", "AgentX address of the SNMP agent")
	core := s.BoolP("core-dump", "m", false, "allow core dumps")
	pattern := s.StringP("core-dump-pattern", "M", "", "core dump pattern")
	s.Lookup("core-dump-pattern").NoOptDefVal = "core"
	s.StringVarP(&k.Copy.NetNS, "namespace", "s", "", "network namespace")
	s.StringVarP(&k.ConfigID, "config-id", "i", "", "value for @ID lines")
	s.StringVar(&k.Signum, "signum", "", "print a signal number: STOP, RELOAD, DATA, STATS, STATS_CLEAR, JSON")
	s.StringVarP(&k.TestFile, "config-test", "t", "", "check the configuration and exit")
	s.Lookup("config-test").NoOptDefVal = "-"
	s.BoolVar(&k.IgnoreINT, "ignore-sigint", false, "ignore SIGINT")
	s.BoolVarP(&k.Version, "version", "v", false, "print the version")
	s.BoolVarP(&k.Help, "help", "h", false, "print this")
	k.refuse = []refusal{
		{"--check", func() bool { return *check }, "health checkers are not part of this version"},
		{"--genhash", func() bool { return *genhash }, "it has to be the first option"},
		{"--address-monitoring", func() bool { return *monitor }, "use `ip monitor address`"},
		{"--core-dump", func() bool { return *core || *pattern != "" }, "set the limit and the pattern of core dumps outside"},
	}
	return s
}

// settle draws the conclusions between options: the console is only for the
// foreground, a test logs nowhere else.
func (k *Keepalived) settle(set *pflag.FlagSet) {
	k.Test = set.Changed("config-test")
	if k.TestFile == "-" {
		k.TestFile = ""
	}
	k.Syslog = !set.Changed("no-syslog") && !k.Test
	k.Detail = set.Changed("log-detail")
	k.Console = k.Console && k.Foreground
	if k.LogFile != "" && !strings.HasPrefix(k.LogFile, "/") {
		k.LogFile = filepath.Join(TempDir(), k.LogFile)
	}
	if set.Changed("umask") {
		k.settleUmask(set.Lookup("umask").Value.String())
	}
	k.settleFacility()
}

func (k *Keepalived) settleUmask(text string) {
	mask, err := strconv.ParseUint(text, 0, 9)
	if err != nil {
		k.remark("--umask %q is ignored: a creation mask is a number in C notation, such as 0177", text)
		return
	}
	k.Umask, k.UmaskGiven = int(mask), true
}

// settleFacility keeps a word that there is: 0 to 7, local0 to local7, user or daemon.
func (k *Keepalived) settleFacility() {
	n := strings.TrimPrefix(k.Facility, "local")
	if k.Facility == "user" || k.Facility == "daemon" || len(n) == 1 && n >= "0" && n <= "7" {
		return
	}
	k.remark("--log-facility %q is ignored: write 0 to 7, local0 to local7, user or daemon", k.Facility)
	k.Facility = "daemon"
}

func (k *Keepalived) remark(format string, args ...any) {
	k.Remarks = append(k.Remarks, fmt.Sprintf(format, args...))
}

// Usage is the text of --help.
func (k *Keepalived) Usage() string {
	return "usage: keepalived [options]\n" + k.flags().FlagUsages()
}

func (k *Keepalived) refused() error {
	for _, r := range k.refuse {
		if r.set() {
			return fmt.Errorf("%w: %s: %s", ErrUsage, r.name, r.why)
		}
	}
	return nil
}
