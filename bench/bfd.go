package main

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"holdfast/bench/subject"
	"holdfast/internal/lab/netns"
)

// conversations is how many BFD sessions of 10 ms the subject has, all with one
// keepalived at the other end of a cable.
const conversations = 100

// bfd measures what they cost.
func (b *bench) bfd(ctx context.Context, program int) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	world, err := netns.New()
	if err != nil {
		return err
	}
	defer b.finish(world.Close)
	here, there, err := cable(world)
	if err != nil {
		return err
	}
	other, err := subject.Start(there, b.programs[0], sessions(2, 1))
	if err != nil {
		return err
	}
	defer other.Kill()
	d, err := subject.Start(here, b.programs[program], sessions(1, 2))
	if err != nil {
		return err
	}
	defer d.Kill()
	return b.converse(ctx, d, program)
}

// cable makes two nodes with an address for each session.
func cable(world *netns.World) (here, there *netns.Node, err error) {
	here, err = world.Node("here")
	if err != nil {
		return nil, nil, err
	}
	if there, err = world.Node("there"); err != nil {
		return nil, nil, err
	}
	if err := ipBatch(here, fmt.Sprintf("link add eth0 type veth peer name eth0 netns %s\n", there.Space())); err != nil {
		return nil, nil, err
	}
	return here, there, errors.Join(ipBatch(here, end(1)), ipBatch(there, end(2)))
}

func end(side int) string {
	var s strings.Builder
	s.WriteString("link set eth0 up\n")
	for i := range conversations {
		fmt.Fprintf(&s, "addr add 10.98.%d.%d/16 dev eth0\n", side, i+1)
	}
	return s.String()
}

// sessions is the configuration of one end.
func sessions(own, other int) string {
	var s strings.Builder
	s.WriteString("global_defs {\n  bfd_rt_priority 50\n}\n") // else keepalived loses sessions, and idle ones cost nothing
	for i := 1; i <= conversations; i++ {
		fmt.Fprintf(&s, "bfd_instance S%d {\n  neighbor_ip 10.98.%d.%d\n  source_ip 10.98.%d.%d\n  min_rx 10\n  min_tx 10\n  multiplier 5\n}\n", i, other, i, own, i)
	}
	return s.String()
}

// converse waits until all sessions are up and looks at them for ten seconds.
func (b *bench) converse(ctx context.Context, d *subject.Daemon, program int) error {
	up, down := regexp.MustCompile(`Entering Up state`), regexp.MustCompile(`Entering Down state`)
	for len(d.Log.Lines(d.Started, up)) < conversations {
		if err := pause(ctx, 100*time.Millisecond); err != nil {
			return fmt.Errorf("%s: %d of %d sessions are up: %w", d.Name, len(d.Log.Lines(d.Started, up)), conversations, err)
		}
	}
	const span = 10 * time.Second
	if err := pause(ctx, 3*time.Second); err != nil {
		return err
	}
	pids := d.Pids()
	before, err := d.CPU()
	if err != nil {
		return err
	}
	since := time.Now()
	if err := pause(ctx, span); err != nil {
		return err
	}
	after, err := d.Usage()
	if err != nil {
		return err
	}
	if !slices.Equal(pids, d.Pids()) {
		return fmt.Errorf("processes of %s ended or began, so that their time is not known:\n%s", d.Name, d.Log.Text())
	}
	add := func(what, unit string, limit bound, v float64) {
		b.record(program, fmt.Sprintf("%d BFD sessions of 10 ms: %s", conversations, what), unit, limit, v)
	}
	add("CPU", "%", atMost(1, 0), 100*(after.CPU-before).Seconds()/time.Since(since).Seconds())
	add("resident memory (sum of RSS)", "MiB", none(), float64(after.RSS)/1024)
	add("resident memory (PSS)", "MiB", none(), float64(after.PSS)/1024)
	add("sessions lost meanwhile", "", within(0), float64(len(d.Log.Lines(since, down))))
	return nil
}
