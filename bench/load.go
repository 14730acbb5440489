package main

import (
	"context"
	"errors"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
)

// pairTimeout bounds everything that is done with one pair.
const pairTimeout = time.Minute

// hogs is how many busy loops compete with the programs for the processors.
const hogs = 16

// busy counts how often the backup takes over, or the master gives up, although
// nobody died, while busy loops keep the processors.
func (b *bench) busy(ctx context.Context, program int) error {
	ctx, cancel := context.WithTimeout(ctx, pairTimeout)
	defer cancel()
	p, err := startPair(ctx, b.programs[program], b.programs[program], 10*time.Millisecond)
	if err != nil {
		return err
	}
	defer b.finish(p.close)
	start, err := strain(ctx, 6*time.Second)
	if err != nil {
		return err
	}
	b.record(program, "16 busy loops, 10 ms adverts: false take-overs in 6 s", "", within(0), float64(seizures(start, p.master, p.backup)))
	return nil
}

// strain runs busy loops for a while and returns when they began.
func strain(ctx context.Context, length time.Duration) (start time.Time, err error) {
	stop, err := occupy(hogs)
	defer stop()
	if err != nil {
		return start, err
	}
	start = time.Now()
	if err := pause(ctx, length); err != nil {
		return start, err
	}
	stop()
	// What was logged meanwhile may not have been read yet.
	return start, pause(ctx, 300*time.Millisecond)
}

// seizures counts how often daemons became MASTER.
func seizures(since time.Time, all ...*subject.Daemon) (n int) {
	for _, d := range all {
		n += len(d.Log.Lines(since, seized()))
	}
	return n
}

// occupy starts busy loops; they end with stop, which may be called twice, or
// with this program.
func occupy(n int) (stop func(), err error) {
	loops := make([]*exec.Cmd, n)
	for i := range loops {
		loops[i] = exec.Command("sh", "-c", "while :; do :; done")
		loops[i].SysProcAttr = &unix.SysProcAttr{Pdeathsig: unix.SIGKILL}
		err = errors.Join(err, loops[i].Start())
	}
	return func() {
		for _, l := range loops {
			if l.Process != nil && l.ProcessState == nil {
				l.Process.Kill()
				l.Wait()
			}
		}
	}, err
}

// flood measures adverts and roles under a flood of bad packets.
func (b *bench) flood(ctx context.Context, program int) error {
	ctx, cancel := context.WithTimeout(ctx, pairTimeout)
	defer cancel()
	const interval = 100 * time.Millisecond
	p, err := startPair(ctx, b.programs[program], b.programs[program], interval)
	if err != nil {
		return err
	}
	defer b.finish(p.close)
	before, err := p.master.CPU()
	if err != nil {
		return err
	}
	start := time.Now()
	sent, err := drench(ctx, p.client, lan, 10*time.Second)
	if err != nil {
		return err
	}
	end := time.Now()
	after, err := p.master.CPU()
	if err != nil {
		return err
	}
	if err := pause(ctx, time.Second); err != nil {
		return err
	}
	b.record(program, "flood of bad packets: sent in a second", "", none(), float64(sent)/end.Sub(start).Seconds())
	b.record(program, "flood of bad packets: processor time of the master", "%", none(), 100*float64(after-before)/float64(end.Sub(start)))
	b.record(program, "flood of bad packets: latest advert", "ms", within(5), ms(wiretap.Latest(p.adverts(start, addressA()), interval)))
	b.record(program, "flood of bad packets: role changes", "", within(0), float64(p.changes(start)))
	return nil
}

// changes counts the role changes of both nodes.
func (p *pair) changes(since time.Time) int {
	return len(p.master.Log.Lines(since, entered())) + len(p.backup.Log.Lines(since, entered()))
}
