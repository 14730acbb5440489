package main

import (
	"context"
	"errors"
	"fmt"
	"os"
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
	if err := errors.Join(err, b.probed(program, "node dead", probe)); err != nil {
		return err
	}
	b.recordDeath(program, p, interval, last.At, first.At, lost)
	return nil
}

// recordDeath notes what the death of a master cost, from its last advert on:
// how soon after it the link goes down is chance and of no interest.
func (b *bench) recordDeath(program int, p *pair, interval time.Duration, last, first time.Time, lost blackout) {
	due := p.router.downTimer()
	off := first.Sub(last) - due
	name := func(what string) string { return fmt.Sprintf("node dead, %v adverts: %s", interval, what) }
	b.record(program, name("last advert to first answer"), "ms", atMost(1, max(2, ms(due)/200)), ms(lost.end.Sub(last)))
	b.record(program, name("outage"), "ms", none(), ms(lost.total))
	b.record(program, name("take-over off its "+due.Round(time.Millisecond).String()), "ms", medianWithin(ms(max(2*time.Millisecond, due/20))), ms(off.Abs()))
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

// blackout is the time in which a client had no answer.
type blackout struct {
	total time.Duration
	end   time.Time // of the last of it; zero if there was none
}

// outage waits until the shared address answers again and returns how long,
// since an instant, it did not.
func (p *pair) outage(ctx context.Context, probe *netns.Prober, since time.Time) (blackout, error) {
	for start := time.Now(); ; {
		probe.Settle()
		lost, open := sum(probe.Since(since, shared()))
		if !open {
			return lost, ctx.Err()
		}
		if time.Since(start) > 10*time.Second {
			return lost, fmt.Errorf("the shared address does not come back\n%s", p.logs())
		}
	}
}

// leftOutLimit is how many of its probes, in percent, a client may leave out: one
// that slept through more cannot say how long an outage was.
const leftOutLimit = 5

// probed notes how many probes the client left out, and calls the run off when
// they were too many.
func (b *bench) probed(program int, what string, probe *netns.Prober) error {
	share := leftOut(probe.Counts())
	b.record(program, what+": probes the client left out", "%", none(), share)
	if share > leftOutLimit {
		return fmt.Errorf("the client left out %s %% of its probes: the machine was too busy", figure(share))
	}
	return nil
}

// leftOut is the share, in percent, of the probes that were not sent.
func leftOut(sent, skipped int) float64 {
	if skipped == 0 {
		return 0
	}
	return 100 * float64(skipped) / float64(sent+skipped)
}

// sum adds up spans and reports whether the last has no end yet.
func sum(spans []netns.Span) (b blackout, open bool) {
	for _, s := range spans {
		b.total += s.Outage(time.Now())
		b.end = s.To
		open = s.To.IsZero()
	}
	return b, open
}

// logs is what both programs said, or those of them that were started.
func (p *pair) logs() (text string) {
	if p.master != nil {
		text = "log of a:\n" + p.master.Log.Text()
	}
	if p.backup != nil {
		text += "log of b:\n" + p.backup.Log.Text()
	}
	return text
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
	if err := b.probed(master, "SIGTERM", probe); err != nil {
		return err
	}
	b.record(master, fmt.Sprintf("SIGTERM, %v adverts%s: outage", interval, what), "ms", within(5), ms(lost.total))
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
	if err := b.probed(program, "kill -9 of the daemon", probe); err != nil {
		return err
	}
	taken := len(p.backup.Log.Lines(killed, seized()))
	b.record(program, "kill -9 of the daemon, started again: outage", "ms", within(0), ms(lost.total))
	b.record(program, "kill -9 of the daemon, started again: take-overs by the backup", "", within(0), float64(taken))
	if taken > 0 {
		fmt.Fprint(os.Stderr, p.logs())
	}
	return err
}

// revive does the work of a supervisor, if the program does not do it itself.
func revive(ctx context.Context, d *subject.Daemon) error {
	if err := pause(ctx, supervisor); err != nil || d.Alive() {
		return err
	}
	return d.Revive()
}
