package lab

import (
	"os"
	"runtime"
	"syscall"

	"golang.org/x/sys/unix"
)

// realTimeMark tells the program that it has executed itself already.
const realTimeMark = "HOLDFAST_LAB_REALTIME=1"

// becomeRealTime executes the program again with every thread at real-time
// priority: one such thread among ordinary ones would still wait for them, and
// the client would take the business of this machine for lost probes. Where that
// is not permitted it returns, and the report says how many probes were left out.
// The nodes are not favoured: see netns.
func becomeRealTime() {
	for _, word := range os.Environ() {
		if word == realTimeMark {
			return
		}
	}
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	if setPolicy(unix.SCHED_RR, 10) != nil {
		return
	}
	syscall.Exec("/proc/self/exe", os.Args, append(os.Environ(), realTimeMark))
	setPolicy(unix.SCHED_NORMAL, 0) // the exec failed
}

// setPolicy is for the calling thread and those it starts.
func setPolicy(policy, priority uint32) error {
	return unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: policy, Priority: priority}, 0)
}
