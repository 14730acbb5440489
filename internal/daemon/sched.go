package daemon

import (
	"errors"
	"fmt"
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// realTime is the priority of the router process under SCHED_RR when the
// configuration does not say: above ordinary work, below what a machine's
// owner would pin above everything.
const realTime = 30

// takeRealTime moves every thread of this process to SCHED_RR and says in
// words what came of it. Where that is not permitted it takes the best niceness.
// Threads that the runtime makes later inherit from those that exist.
func takeRealTime(priority int) string {
	attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: uint32(priority)}
	err := everyThread(attr)
	if err == nil {
		return fmt.Sprintf("SCHED_RR %d", priority)
	}
	for nice := -20; nice < 0; nice++ {
		attr := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(nice)}
		if everyThread(attr) == nil {
			return fmt.Sprintf("nice %d; real time refused: %v; give CAP_SYS_NICE, or a cgroup with a real-time budget", nice, err)
		}
	}
	return fmt.Sprintf("ordinary priority; real time refused: %v; give CAP_SYS_NICE", err)
}

// takeNice moves every thread to ordinary scheduling at a niceness.
func takeNice(nice int) error {
	return everyThread(&unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_NORMAL, Nice: int32(nice)})
}

// everyThread sets the policy thread by thread, until none is left that a
// thread not yet reached has started in between.
func everyThread(attr *unix.SchedAttr) error {
	for {
		changed, err := eachThread(attr)
		if err != nil || !changed {
			return err
		}
	}
}

func eachThread(attr *unix.SchedAttr) (changed bool, err error) {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		return false, fmt.Errorf("list threads: %w", err)
	}
	for _, t := range tasks {
		tid, _ := strconv.Atoi(t.Name())
		now, err := unix.SchedGetAttr(tid, 0)
		if errors.Is(err, unix.ESRCH) || err == nil && now.Policy == attr.Policy && now.Priority == attr.Priority && now.Nice == attr.Nice {
			continue
		}
		if err := unix.SchedSetAttr(tid, attr, 0); errors.Is(err, unix.ESRCH) {
			continue
		} else if err != nil {
			return false, fmt.Errorf("set scheduling of thread %d: %w", tid, err)
		}
		changed = true
	}
	return changed, nil
}
