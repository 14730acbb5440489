package mmsg

import (
	"encoding/binary"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/mono"
)

// Clock turns the kernel's receive times, which are dates, into instants.
type Clock struct {
	ts unix.Timespec
	// Drained is an instant at which nothing waited: what is read later came later.
	Drained mono.Instant
}

// SinceEpoch returns how far CLOCK_REALTIME is ahead of CLOCK_BOOTTIME. Both are
// read one after the other; when something came in between, again.
func (c *Clock) SinceEpoch() time.Duration {
	const hurried = 20 * time.Microsecond
	for attempt := 0; ; attempt++ {
		before := time.Now().UnixNano()
		if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &c.ts); err != nil {
			panic("mmsg: no CLOCK_BOOTTIME: " + err.Error())
		}
		after := time.Now().UnixNano()
		if took := after - before; attempt == 3 || took >= 0 && took < int64(hurried) {
			return time.Duration(before + took/2 - c.ts.Nano())
		}
	}
}

// Instant places a receive time between the last instant at which nothing
// waited and now: a wall clock that was set in between moves no packet further.
func (c *Clock) Instant(stamp, sinceEpoch time.Duration, now mono.Instant) mono.Instant {
	return min(max(mono.Instant(stamp-sinceEpoch), c.Drained), now)
}

// Timespec reads struct timespec: two longs.
func Timespec(b []byte) time.Duration {
	switch len(b) {
	case 16:
		return time.Duration(binary.NativeEndian.Uint64(b))*time.Second +
			time.Duration(binary.NativeEndian.Uint64(b[8:]))
	case 8:
		return time.Duration(binary.NativeEndian.Uint32(b))*time.Second +
			time.Duration(binary.NativeEndian.Uint32(b[4:]))
	}
	return 0
}
