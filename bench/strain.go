package main

import (
	"context"
	"fmt"
	"time"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
)

// strained is how long a crowd is looked at while busy loops run.
const strained = 8 * time.Second

func strainOf(routers int, interval time.Duration) func(*bench, context.Context, int) error {
	return func(b *bench, ctx context.Context, program int) error {
		return b.strain(ctx, routers, interval, program)
	}
}

// strain measures how regular the adverts of many routers are while busy loops
// keep all processors, and whether a backup takes one of them for dead.
func (b *bench) strain(ctx context.Context, routers int, interval time.Duration, program int) error {
	ctx, cancel := context.WithTimeout(ctx, pairTimeout)
	defer cancel()
	c, err := newCrowd(routers, interval)
	if err != nil {
		return err
	}
	defer b.finish(c.close)
	d, _, err := c.begin(ctx, b.programs[program])
	if err != nil {
		return err
	}
	defer d.Kill()
	backup, err := subject.Start(c.b, d.Program, configuration(c.members(weak)...))
	if err != nil {
		return err
	}
	defer backup.Kill()
	if err := pause(ctx, settling); err != nil {
		return err
	}
	c.tap.Forget()
	start, err := strain(ctx, strained)
	if err != nil {
		return err
	}
	b.recordStrain(c, program, start, seizures(start, d, backup))
	return nil
}

func (b *bench) recordStrain(c *crowd, program int, start time.Time, taken int) {
	jitter := regularity(c.tap.Packets(start), c.interval).jitter
	add := func(what, unit string, limit bound, v float64) {
		b.record(program, fmt.Sprintf("16 busy loops, %d routers of %v: %s", c.routers, c.interval, what), unit, limit, v)
	}
	add("jitter p99.9", "ms", atMost(1, 0).and(3), ms(wiretap.Quantile(jitter, 0.999)))
	add("jitter, worst", "ms", none(), ms(wiretap.Quantile(jitter, 1)))
	add("false take-overs", "", within(0), float64(taken))
}
