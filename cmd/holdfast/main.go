// The holdfast command: the daemon and its command line in one program. Started
// under the names keepalived or genhash it takes the whole command line of that.
package main

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"

	"holdfast/internal/check"
	"holdfast/internal/cli"
	"holdfast/internal/daemon"
	"holdfast/internal/lab"
	"holdfast/internal/lab/guest"
	"holdfast/internal/load"
)

// version is set by the linker.
var version = "unknown"

func main() {
	runtime.MemProfileRate = 0 // nobody asks for the profile, and its tables cost a megabyte
	if guest.Inside() {
		guest.Serve(func() int { return run(os.Args) })
	}
	os.Exit(run(os.Args))
}

// run picks the life of this process: the worker of a daemon, a real server of a lab,
// keepalived by name, genhash by name, or a command.
func run(args []string) int {
	if len(args) == 2 && args[1] == daemon.WorkerWord {
		return daemon.Work()
	}
	if len(args) == 2 && args[1] == daemon.GateWord {
		return daemon.Guard()
	}
	if len(args) == 3 && args[1] == lab.ServerWord {
		return lab.Serve(args[2])
	}
	switch name := filepath.Base(args[0]); {
	case name == "genhash":
		return asGenhash(args[1:])
	case name == "keepalived" && len(args) > 1 && (args[1] == "-T" || args[1] == "--genhash"):
		return asGenhash(args[2:])
	case name == "keepalived":
		return asKeepalived(args[1:])
	}
	return commands(args[1:])
}

// asKeepalived does what keepalived does for the same arguments.
func asKeepalived(args []string) int {
	k, err := cli.ParseKeepalived(args)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if len(k.Unexpected) > 0 {
		fmt.Fprintf(os.Stderr, "Unexpected argument(s): %v\n", k.Unexpected)
	}
	for _, r := range k.Remarks {
		fmt.Fprintln(os.Stderr, r)
	}
	switch {
	case k.Help:
		fmt.Fprint(os.Stderr, k.Usage())
	case k.Version:
		fmt.Fprintf(os.Stderr, "Keepalived v%s (holdfast %s)\n", cli.KeepalivedVersion, version)
	case k.Signum != "":
		return signum(k.Signum)
	case k.Test:
		sweepLess()
		return check.Test(load.Options{File: k.Config(), ID: k.ConfigID, AllChecks: k.AllConfig}, k.TestFile)
	default:
		k.Options.Version = version
		return daemon.Start(k.Options)
	}
	return 0
}

// sweepLess has memory collected less often, for a process that reads, prints and
// ends: nearly all that it allocates is in use to the end.
func sweepLess() { debug.SetGCPercent(400) }

// signum prints the number of a signal by its keepalived name.
func signum(word string) int {
	n, ok := cli.Signals()[word]
	if !ok {
		fmt.Fprintf(os.Stderr, "unknown signal %q: STOP, RELOAD, DATA, STATS, STATS_CLEAR or JSON\n", word)
		return 1
	}
	fmt.Println(int(n))
	return 0
}
