package lab

import (
	"os"
	"strconv"

	"golang.org/x/sys/unix"
)

// becomeRealTime gives every thread real-time priority: one such thread among
// ordinary ones would still wait for them, and the client would take the business of
// this machine for lost probes. Threads that start later have it from those that start
// them. Where that is not permitted nothing changes, and the report says how many
// probes were left out. The nodes are not favoured: see netns.
func becomeRealTime() {
	for before := 0; ; {
		threads, err := os.ReadDir("/proc/self/task")
		if err != nil || len(threads) == before { // all of them have it
			return
		}
		before = len(threads)
		for _, t := range threads {
			if id, err := strconv.Atoi(t.Name()); err == nil {
				_ = unix.SchedSetAttr(id, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 10}, 0)
			}
		}
	}
}
