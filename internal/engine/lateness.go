package engine

import (
	"math/bits"
	"sync/atomic"
	"time"
)

// Lateness counts how long after its deadline the loop ran, in powers of two of
// a microsecond. It is written by the loop and may be read by anybody.
type Lateness struct {
	buckets [24]atomic.Uint64 // bucket i: below 2^i microseconds
	worst   atomic.Int64
}

func (l *Lateness) add(d time.Duration) {
	i := min(bits.Len64(uint64(max(d, 0)/time.Microsecond)), len(l.buckets)-1)
	l.buckets[i].Add(1)
	if int64(d) > l.worst.Load() {
		l.worst.Store(int64(d)) // the loop alone writes
	}
}

// Worst is the greatest lateness so far.
func (l *Lateness) Worst() time.Duration { return time.Duration(l.worst.Load()) }

// Below counts, for each power of two of a microsecond, the expiries that were
// late by less and by at least half of it.
func (l *Lateness) Below() [24]uint64 {
	var n [24]uint64
	for i := range l.buckets {
		n[i] = l.buckets[i].Load()
	}
	return n
}
