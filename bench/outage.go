package main

import (
	"context"
	"fmt"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
	"holdfast/internal/lab/netns"
)

// intervals are the advert intervals at which outages are measured.
func intervals() []time.Duration {
	return []time.Duration{time.Second, 100 * time.Millisecond, 10 * time.Millisecond}
}

// outages measures what a client loses when the master dies and when it is
// stopped, with a backup of the same program and, for holdfast, of the other.
func (b *bench) outages(ctx context.Context, program int) error {
	for _, interval := range intervals() {
		if err := b.dead(ctx, program, interval); err != nil {
			return err
		}
		if err := b.stopped(ctx, program, program, "", interval); err != nil {
			return err
		}
		if program == 0 {
			continue
		}
		if err := b.stopped(ctx, program, 0, ", successor keepalived", interval); err != nil {
			return err
		}
	}
	return nil
}

// dead kills the master right after one of its adverts, and takes its link
// down, so that its kernel does not answer any more.
func (b *bench) dead(ctx context.Context, program int, interval time.Duration) error {
	p, probe, last, err := b.primed(ctx, program, program, interval)
	if err != nil {
		return err
	}
	defer b.finish(p.close)
	defer probe.Close()
	fell := time.Now()
	if err := takeDown(p.a, lan); err != nil {
		return err
	}
	p.master.Kill()
	first, err := p.await(ctx, fell, addressB())
	if err != nil {
		return err
	}
	lost, err := p.outage(ctx, probe, fell)
	if err != nil {
		return err
	}
	due := p.router.downTimer()
	tolerance := max(2*time.Millisecond, due/20)
	off := first.At.Sub(last.At) - due
	// The cut comes up to a few milliseconds after the advert.
	noise := max(2, ms(due)/200)
	b.record(program, fmt.Sprintf("node dead, %v adverts: lost probes", interval), "ms", atMost(1, noise), ms(lost))
	b.record(program, fmt.Sprintf("node dead, %v adverts: take-over off its %v", interval, due.Round(time.Millisecond)), "ms", medianWithin(ms(tolerance)), ms(off.Abs()))
	return nil
}

// primed starts a pair and a probe of the shared address, and returns right
// after an advert of the master.
func (b *bench) primed(ctx context.Context, master, backup int, interval time.Duration) (*pair, *netns.Prober, wiretap.Packet, error) {
	p, err := startPair(ctx, b.programs[master], b.programs[backup], interval)
	if err != nil {
		return nil, nil, wiretap.Packet{}, err
	}
	probe, err := p.client.Probe(time.Millisecond, shared())
	if err != nil {
		b.finish(p.close)
		return nil, nil, wiretap.Packet{}, err
	}
	// The first probe waits for the address to be resolved.
	pause(ctx, 300*time.Millisecond)
	last, err := p.await(ctx, time.Now(), addressA())
	if err != nil || !probe.Answered(shared()) {
		probe.Close()
		b.finish(p.close)
		return nil, nil, last, fmt.Errorf("the master does not answer for the shared address: %w", err)
	}
	return p, probe, last, nil
}

// takeDown takes a link of a node down without another program's help: within
// a tenth of a millisecond.
func takeDown(node *netns.Node, link string) error {
	return node.Do(func() error {
		fd, err := unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		request, err := unix.NewIfreq(link)
		if err != nil {
			return err
		}
		request.SetUint16(0) // no flag, so not IFF_UP
		return unix.IoctlIfreq(fd, unix.SIOCSIFFLAGS, request)
	})
}

// outage waits until the shared address answers again and returns how long,
// since an instant, it did not. Skipped probes must not make it look shorter.
func (p *pair) outage(ctx context.Context, probe *netns.Prober, since time.Time) (time.Duration, error) {
	for start := time.Now(); ; {
		probe.Settle()
		var total time.Duration
		open := false
		for _, s := range probe.Since(since, shared()) {
			total += s.Outage(time.Now())
			open = open || s.To.IsZero()
		}
		if !open {
			return total, ctx.Err()
		}
		if time.Since(start) > 10*time.Second {
			return total, fmt.Errorf("the shared address does not come back\nlog of a:\n%slog of b:\n%s", p.master.Log.Text(), p.backup.Log.Text())
		}
	}
}

// stopped stops the master with SIGTERM.
func (b *bench) stopped(ctx context.Context, master, backup int, what string, interval time.Duration) error {
	p, probe, _, err := b.primed(ctx, master, backup, interval)
	if err != nil {
		return err
	}
	defer b.finish(p.close)
	defer probe.Close()
	ended := time.Now()
	if err := p.master.Terminate(); err != nil {
		return err
	}
	if _, err := p.await(ctx, ended, addressB()); err != nil {
		return err
	}
	// Leave the old master the time to let go.
	if err := p.master.Wait(ctx); err != nil {
		return err
	}
	lost, err := p.outage(ctx, probe, ended)
	b.record(master, fmt.Sprintf("SIGTERM, %v adverts%s: lost probes", interval, what), "ms", within(5), ms(lost))
	return err
}

// supervisor is how long a supervisor takes to start a daemon that died.
const supervisor = 100 * time.Millisecond

// restarts measures what a client loses when the process that speaks VRRP is
// killed and started again at once.
func (b *bench) restarts(ctx context.Context, program int) error {
	const interval = time.Second
	p, probe, _, err := b.primed(ctx, program, program, interval)
	if err != nil {
		return err
	}
	defer b.finish(p.close)
	defer probe.Close()
	killed := time.Now()
	if err := p.master.KillVRRP(); err != nil {
		return err
	}
	if err := revive(ctx, p.master); err != nil {
		return err
	}
	if err := pause(ctx, 2*p.router.downTimer()-time.Since(killed)); err != nil {
		return err
	}
	lost, err := p.outage(ctx, probe, killed)
	b.record(program, "kill -9 of the daemon, started again: lost probes", "ms", within(0), ms(lost))
	b.record(program, "kill -9 of the daemon, started again: take-overs by the backup", "", within(0), float64(len(p.backup.Log.Lines(killed, seized()))))
	return err
}

// revive does the work of a supervisor, if the program does not do it itself.
func revive(ctx context.Context, d *subject.Daemon) error {
	if err := pause(ctx, supervisor); err != nil || d.Alive() {
		return err
	}
	return d.Revive()
}
