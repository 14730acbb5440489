package daemon

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// janitor gives memory back that a burst of work has used (a configuration, a
// fail-over of thousands), once the burst is over. The steady state allocates
// nothing, so that between bursts no collection is needed at all.
type janitor struct {
	kick chan struct{}
	// room is how much a burst may allocate before it is collected in its midst.
	room int64
}

func newJanitor(room int64) *janitor {
	j := &janitor{kick: make(chan struct{}, 1), room: room}
	go j.work()
	return j
}

// before says that a burst begins that needs more than room, so that it is collected as
// ever, and not all the time: a configuration with thousands of servers.
func (j *janitor) before() {
	debug.SetMemoryLimit(math.MaxInt64)
	debug.SetGCPercent(100)
}

// after says that there was a burst.
func (j *janitor) after() {
	select {
	case j.kick <- struct{}{}:
	default: // it knows
	}
}

// rest is how long a burst is given to end. It differs from time to time: a
// collection that is asked for waits without sleeping for the runtime's other
// threads, and two routers of one machine that collect at the same moment keep
// each other's threads from the processor for a time slice of SCHED_RR, 100 ms.
func rest() time.Duration { return time.Second + rand.N(2*time.Second) }

func (j *janitor) work() {
	for range j.kick {
		time.Sleep(rest())
		debug.SetGCPercent(100)
		debug.FreeOSMemory()
		debug.SetGCPercent(-1)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		debug.SetMemoryLimit(int64(m.Sys-m.HeapReleased) + j.room)
		dropText()
	}
}

// dropText lets go of the pages of the program file. Most are needed only to
// start and to read a configuration; what is needed again comes back from the
// page cache without the disk. The places are found before the first is let go,
// as the finding needs much of the program itself.
func dropText() {
	for _, r := range textRanges() {
		_, _, _ = unix.Syscall(unix.SYS_MADVISE, r.from, r.to-r.from, unix.MADV_DONTNEED)
	}
}

// memoryRange is from an address to another.
type memoryRange struct{ from, to uintptr }

// textRanges are where the program file is mapped. What may have been written is
// left out: it has no copy in the file.
func textRanges() (ranges []memoryRange) {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return nil
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(maps)) {
		var r memoryRange
		var mode string
		if n, _ := fmt.Sscanf(line, "%x-%x %s", &r.from, &r.to, &mode); n != 3 || !strings.HasSuffix(strings.TrimSpace(line), exe) {
			continue
		}
		if !strings.Contains(mode, "w") {
			ranges = append(ranges, r)
		}
	}
	return ranges
}
