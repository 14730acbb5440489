package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
)

const (
	// scripts is how many scripts a node runs, each every scriptInterval seconds.
	scripts, scriptInterval = 1000, 2
	// jobs is how many kinds of processes it watches.
	jobs = 200
	// watchers is how many virtual routers of watchersInterval it has; the first follows all that.
	watchers, watchersInterval = 50, 100 * time.Millisecond
)

// watch measures what many scripts and processes cost that are watched, and
// whether adverts are late for it.
func (b *bench) watch(ctx context.Context, program int) error {
	ctx, cancel := context.WithTimeout(ctx, pairTimeout)
	defer cancel()
	c, err := newCrowd(watchers, watchersInterval)
	if err != nil {
		return err
	}
	defer b.finish(c.close)
	if err := c.employ(ctx); err != nil {
		return err
	}
	d, _, err := c.beginWith(ctx, b.programs[program], watching(c.members(strong)))
	if err != nil {
		return err
	}
	defer d.Kill()
	if err := pause(ctx, settling); err != nil {
		return err
	}
	return b.vigil(ctx, c, d, program)
}

// vigil looks at a node for ten seconds.
func (b *bench) vigil(ctx context.Context, c *crowd, d *subject.Daemon, program int) error {
	before, err := d.Effort()
	if err != nil {
		return err
	}
	since := time.Now()
	if err := pause(ctx, 10*time.Second); err != nil {
		return err
	}
	after, err := d.Effort()
	if err != nil {
		return err
	}
	add := func(what, unit string, limit bound, v float64) {
		b.record(program, fmt.Sprintf("%d scripts, %d processes: %s", scripts, jobs, what), unit, limit, v)
	}
	add("CPU, scripts included", "%", atMost(1, 0), 100*float64(after-before)/float64(time.Since(since)))
	add("latest advert", "ms", within(5), ms(wiretap.Latest(c.tap.Packets(since), c.interval)))
	add("role changes", "", within(0), float64(len(d.Log.Lines(since, entered()))))
	return nil
}

// employ starts the processes that are watched; they end with the node.
func (c *crowd) employ(ctx context.Context) error {
	var script strings.Builder
	for n := range jobs {
		fmt.Fprintf(&script, "ln -s /bin/sleep /run/%s; /run/%[1]s infinity >/dev/null 2>&1 &\n", jobName(n))
	}
	_, err := c.a.Output(ctx, "sh", "-c", script.String())
	return err
}

func jobName(n int) string { return fmt.Sprintf("job%d", n) }

// watching is a configuration whose first router follows all scripts and processes.
func watching(members []instance) string {
	var b, script, process strings.Builder
	for n := range scripts {
		fmt.Fprintf(&b, "vrrp_script s%d {\n    script /bin/true\n    interval %d\n}\n", n, scriptInterval)
		fmt.Fprintf(&script, "        s%d\n", n)
	}
	for n := range jobs {
		fmt.Fprintf(&b, "vrrp_track_process %s {\n    process %s\n    weight 1\n}\n", jobName(n), jobName(n))
		fmt.Fprintf(&process, "        %s\n", jobName(n))
	}
	members[0].tracks = "    track_script {\n" + script.String() + "    }\n    track_process {\n" + process.String() + "    }\n"
	return b.String() + configuration(members...)
}
