package daemon

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"

	"golang.org/x/sys/unix"

	"holdfast/internal/cli"
)

// WorkerWord is the only argument of a worker process.
const WorkerWord = workerWord

// detachedVariable marks the process that runs in the background.
const detachedVariable = "HOLDFAST_DETACHED"

// Start runs the daemon, in the background unless told otherwise, and returns
// the exit status.
func Start(o cli.Options) int {
	if o.ConfigFile != "" {
		if path, err := filepath.Abs(o.ConfigFile); err == nil {
			o.ConfigFile = path
		}
	}
	copied, settled := settledCopy()
	switch {
	case !settled && several(&o):
		return move(o)
	case !o.Foreground && os.Getenv(detachedVariable) == "":
		return detach(o)
	}
	_ = os.Unsetenv(detachedVariable)
	unix.Umask(o.Umask)
	return Run(o.Of(copied))
}

// detach starts this program again in a session of its own and is done. A
// process of Go cannot fork itself.
func detach(o cli.Options) int {
	cmd := exec.Command("/proc/self/exe")
	cmd.Args = append([]string{os.Args[0]}, o.Args...)
	cmd.Env = append(os.Environ(), detachedVariable+"=1")
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		fmt.Fprintf(os.Stderr, "%s: start in the background: %v\n", o.Name, err)
		return exitFatal
	}
	return exitStopped
}
