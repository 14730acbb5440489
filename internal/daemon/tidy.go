package daemon

import (
	"runtime"
	"runtime/debug"
	"time"
)

// janitor gives memory back that a burst of work has used (a configuration, a
// fail-over of thousands), once the burst is over. The steady state allocates
// nothing, so that between bursts no collection is needed at all.
type janitor struct{ kick chan struct{} }

func newJanitor() *janitor {
	j := &janitor{kick: make(chan struct{}, 1)}
	go j.work()
	return j
}

// after says that there was a burst.
func (j *janitor) after() {
	select {
	case j.kick <- struct{}{}:
	default: // it knows
	}
}

// rest is how long a burst is given to end.
const rest = 2 * time.Second

func (j *janitor) work() {
	for range j.kick {
		time.Sleep(rest)
		debug.SetGCPercent(100)
		debug.FreeOSMemory()
		debug.SetGCPercent(-1)
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		// The next burst may double what is in use before it is collected in its midst.
		debug.SetMemoryLimit(int64(m.Sys-m.HeapReleased+m.HeapAlloc) + 16<<20)
	}
}
