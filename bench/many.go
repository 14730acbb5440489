package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
)

// crowdTimeout bounds everything that is done with one crowd.
const crowdTimeout = 3 * time.Minute

// settling is how long after its start a crowd is left alone: the second burst
// of announcements comes five seconds after the first.
const settling = 7 * time.Second

// many measures 1,000 and 4,000 virtual routers of one node: start, cost,
// reload and take-over, whatever was asked for.
func (b *bench) many(ctx context.Context, routers, program int) error {
	ctx, cancel := context.WithTimeout(ctx, crowdTimeout)
	defer cancel()
	c, err := newCrowd(routers, time.Second)
	if err != nil {
		return err
	}
	defer b.finish(c.close)
	d, took, err := c.begin(ctx, b.programs[program])
	if err != nil {
		return err
	}
	defer d.Kill()
	b.record(program, size(routers, "start until all are MASTER, after the down timer"), "ms", atMost(1, 0), ms(took))
	if err := pause(ctx, settling); err != nil {
		return err
	}
	return b.live(ctx, c, d, program)
}

// partTimeout bounds one part of what is measured with a crowd.
const partTimeout = 40 * time.Second

// live goes through what is measured with a crowd that runs. A part that cannot
// be measured does not keep the next from it.
func (b *bench) live(ctx context.Context, c *crowd, d *subject.Daemon, program int) (err error) {
	for _, part := range []struct {
		name string
		do   func(context.Context, *crowd, *subject.Daemon, int) error
	}{{"cost", b.cost}, {"reload", b.reloads}, {"takeover", b.takeover}} {
		if !b.wants(part.name) || part.name == "takeover" && c.routers < 4000 {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, partTimeout)
		if e := part.do(ctx, c, d, program); e != nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", part.name, e))
		}
		cancel()
	}
	return err
}

func size(routers int, what string) string { return fmt.Sprintf("%d routers: %s", routers, what) }

func (b *bench) cost(ctx context.Context, c *crowd, d *subject.Daemon, program int) error {
	got, err := c.watch(ctx, d)
	if err != nil {
		return err
	}
	add := func(what, unit string, limit bound, v float64) {
		b.record(program, size(c.routers, what), unit, limit, v)
	}
	memory := none()
	if c.routers == 4000 {
		memory = atMost(1, 0)
	}
	add("CPU per advert", "us", atMost(0.6, 0), float64(got.perAdvert)/1e3)
	add("jitter p50", "ms", none(), ms(wiretap.Quantile(got.jitter, 0.5)))
	add("jitter p99", "ms", atMost(1, 0), ms(wiretap.Quantile(got.jitter, 0.99)))
	add("jitter, worst", "ms", none(), ms(wiretap.Quantile(got.jitter, 1)))
	add("drift of the interval", "ms", medianWithin(0.02), ms(got.drift))
	add("largest share of adverts in 10 ms", "%", medianWithin(5), 100*got.burst)
	add("resident memory (sum of RSS)", "MiB", memory, float64(got.usage.RSS)/1024)
	add("resident memory (PSS)", "MiB", memory, float64(got.usage.PSS)/1024)
	return nil
}

func (b *bench) reloads(ctx context.Context, c *crowd, d *subject.Daemon, program int) error {
	members := c.members(strong)
	added := crowdAddress(255, 1)
	more := slices.Clone(members)
	more[0].addresses = append(slices.Clone(more[0].addresses), added)
	for _, step := range []struct {
		name    string
		members []instance
		added   netip.Addr
	}{{"reload, unchanged", members, netip.Addr{}}, {"reload, one address added", more, added}} {
		got, err := c.reload(ctx, d, configuration(step.members...), step.added)
		if err != nil {
			return err
		}
		add := func(what, unit string, limit bound, v float64) {
			b.record(program, size(c.routers, step.name+what), unit, limit, v)
		}
		add("", "ms", atMost(0.5, 0), ms(got.took))
		add(": latest advert", "ms", within(5), ms(got.latest))
		add(": role changes", "", within(0), float64(got.changes))
	}
	return nil
}

func (b *bench) takeover(ctx context.Context, c *crowd, d *subject.Daemon, program int) error {
	backup, err := subject.Start(c.b, d.Program, configuration(c.members(weak)...))
	if err != nil {
		return err
	}
	defer backup.Kill()
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	late, total, err := c.takeover(ctx, d, backup)
	if err != nil {
		return err
	}
	b.record(program, size(c.routers, "take-over, last announcement after it was due"), "ms", atMost(1, 0), ms(late))
	b.record(program, size(c.routers, "take-over, last announcement after the kill"), "ms", none(), ms(total))
	return nil
}
