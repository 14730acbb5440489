package daemon

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/relay"
)

// raiser is max_auto_priority: each time that a timer is kept much too late the
// process takes the next higher real-time priority. The loop only leaves word of it.
type raiser struct {
	schedule *schedule
	say      func(relay.Line)
	delay    atomic.Int64 // how late is much too late
	most     atomic.Int32
	expired  chan time.Duration
}

// muchTooLate is the default of min_auto_priority_delay.
const muchTooLate = time.Second

func newRaiser(s *schedule, say func(relay.Line)) *raiser {
	r := &raiser{schedule: s, say: say, expired: make(chan time.Duration, 1)}
	r.apply(config.AutoPriority{})
	return r
}

func (r *raiser) apply(a config.AutoPriority) {
	r.most.Store(int32(max(a.Most, 0)))
	r.delay.Store(int64(cmp.Or(a.Delay, muchTooLate)))
}

// late is engine.Hands.Late. What comes while one is dealt with is left out: it is
// of the same cause.
func (r *raiser) late(by time.Duration) {
	if by <= time.Duration(r.delay.Load()) {
		return
	}
	select {
	case r.expired <- by:
	default:
	}
}

// calm is how long a raise is given to show its effect.
const calm = 100 * time.Millisecond

func (r *raiser) run() {
	for by := range r.expired {
		r.say(relay.Line{Text: fmt.Sprintf("A thread timer expired %.6f seconds ago", by.Seconds())})
		if r.schedule.raise(int(r.most.Load())) {
			r.say(relay.Line{Text: "The router process runs as " + *r.schedule.words.Load() + " from now on"})
		}
		time.Sleep(calm)
	}
}
