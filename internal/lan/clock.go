package lan

import (
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
)

// clock turns the kernel's receive times, which are dates, into instants.
type clock struct {
	ts unix.Timespec
	// drained is an instant at which nothing waited: what is read later came later.
	drained mono.Instant
}

// sinceEpoch returns how far CLOCK_REALTIME is ahead of CLOCK_BOOTTIME. Both are
// read one after the other; when something came in between, again.
func (c *clock) sinceEpoch() time.Duration {
	const hurried = 20 * time.Microsecond
	for attempt := 0; ; attempt++ {
		before := time.Now().UnixNano()
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &c.ts); err != nil {
			panic("lan: no CLOCK_BOOTTIME: " + err.Error())
		}
		after := time.Now().UnixNano()
		if took := after - before; attempt == 3 || took >= 0 && took < int64(hurried) {
			return time.Duration(before + took/2 - c.ts.Nano())
		}
	}
}

// instant places a receive time between the last instant at which nothing
// waited and now: a wall clock that was set in between moves no packet further.
func (c *clock) instant(stamp, sinceEpoch time.Duration, now mono.Instant) mono.Instant {
	return min(max(mono.Instant(stamp-sinceEpoch), c.drained), now)
}
