// Package guest runs the tests of a package inside a kernel of their own.
//
// A package of such tests has
//
//	func TestMain(m *testing.M) { os.Exit(guest.Main(m, "vrf", "ip_vs")) }
//
// and is run by `go test` like any other.
package guest

import (
	"context"
	"flag"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"holdfast/internal/lab/guest"
)

// Main runs the tests of a package inside a guest that has the modules, by name,
// and returns the exit code. Called inside, it runs them and ends the guest.
func Main(m *testing.M, modules ...string) int {
	return MainWith(m, guest.Errand{Modules: modules})
}

// MainWith is Main for a guest of another kind; the arguments are those of the tests.
func MainWith(m *testing.M, e guest.Errand) int {
	if guest.Inside() {
		guest.Serve(m.Run)
	}
	flag.Parse()
	if listing := flag.Lookup("test.list").Value.String(); listing != "" {
		return m.Run()
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience())
	defer cancel()
	e.Args = arguments()
	code, err := guest.Boot(ctx, e, guest.Stdio{Out: os.Stdout, Errs: os.Stderr})
	if err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
		return 1
	}
	return code
}

// arguments are those of the test binary, but for the log of the go command's
// cache: that is written by the outside alone.
func arguments() (args []string) {
	for _, arg := range os.Args[1:] {
		if !strings.HasPrefix(arg, "-test.testlogfile") {
			args = append(args, arg)
		}
	}
	return args
}

// patience is how long a guest may take: what the tests may, and a minute to boot.
func patience() time.Duration {
	limit, err := time.ParseDuration(flag.Lookup("test.timeout").Value.String())
	if err != nil || limit == 0 {
		limit = 10 * time.Minute
	}
	return limit + time.Minute
}
