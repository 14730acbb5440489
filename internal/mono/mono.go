// Package mono gives holdfast its notion of time: instants that can be
// compared, written down and replayed, and that cannot be mistaken for a date.
// It reads no clock; whoever has one hands instants in.
package mono

import (
	"fmt"
	"math"
	"time"
)

// Instant is a number of nanoseconds since an origin that all instants of one
// machine share: the boot of the kernel (CLOCK_BOOTTIME) in the daemon, the
// start of the run in a simulation.
type Instant int64

// Never is an instant that is not reached.
const Never Instant = math.MaxInt64

// Add returns the instant d later; Never stays Never.
func (i Instant) Add(d time.Duration) Instant {
	if i == Never {
		return Never
	}
	return i + Instant(d)
}

// Sub returns how much later i is than o.
func (i Instant) Sub(o Instant) time.Duration { return time.Duration(i - o) }

// Before reports whether i is earlier than o.
func (i Instant) Before(o Instant) bool { return i < o }

// After reports whether i is later than o.
func (i Instant) After(o Instant) bool { return i > o }

// String prints seconds with milliseconds, as transcripts show them.
func (i Instant) String() string {
	if i == Never {
		return "never"
	}
	return fmt.Sprintf("%.3f", time.Duration(i).Seconds())
}
