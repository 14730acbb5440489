package main

import (
	"context"
	"fmt"
	"sync"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/bench/subject"
	"holdfast/bench/wiretap"
)

// What a whole daemon checks beside its virtual routers: paceServers real servers,
// each on an address of its own, on the other node.
const (
	besideRouters  = 100
	besideInterval = 100 * time.Millisecond
	besideWatch    = 3 * paceLoop
)

// beside measures a daemon that makes many checks while it speaks for many
// routers. Its kernel has no IPVS, without which keepalived checks nothing.
func (b *bench) beside(ctx context.Context, program int) error {
	if program == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, crowdTimeout)
	defer cancel()
	c, err := newCrowd(besideRouters, besideInterval)
	if err != nil {
		return err
	}
	defer b.finish(c.close)
	for _, check := range []string{tcpCheck, httpCheck} {
		if err := b.besideOf(ctx, c, program, check); err != nil {
			return err
		}
	}
	return nil
}

// besideOf makes checks of one kind.
func (b *bench) besideOf(ctx context.Context, c *crowd, program int, check string) error {
	v, err := c.visit(check)
	if err != nil {
		return err
	}
	defer v.servers.close()
	f := farm{virtual: paceServers / 1000, real: 1000, delay: int(paceLoop / time.Second), check: check}
	d, _, err := c.beginWith(ctx, b.programs[program], configuration(c.members(strong)...)+f.text())
	if err != nil {
		return err
	}
	defer d.Kill()
	// The first checks are spread over one more interval.
	if err := pause(ctx, settling+paceLoop); err != nil {
		return err
	}
	return b.recordBeside(ctx, c, d, v, program, map[string]string{tcpCheck: "TCP_CHECK", httpCheck: "HTTP_GET"}[check])
}

func (b *bench) recordBeside(ctx context.Context, c *crowd, d *subject.Daemon, v *visitors, program int, kind string) error {
	before, err := d.CPU()
	if err != nil {
		return err
	}
	c.tap.Forget()
	v.forget()
	since := time.Now()
	if err := pause(ctx, besideWatch); err != nil {
		return err
	}
	after, err := d.CPU()
	if err != nil {
		return err
	}
	made, late := v.seen()
	jitter := regularity(c.tap.Packets(since), c.interval).jitter
	add := func(what, unit string, limit bound, value float64) {
		b.record(program, fmt.Sprintf("%d servers every %v by %s, %d routers of %v: %s", paceServers, paceLoop, kind, besideRouters, besideInterval, what), unit, limit, value)
	}
	add("latest check", "ms", within(100), ms(late))
	add("checks left out", "%", within(0.1), 100*max(0, 1-float64(made)/(paceServers*besideWatch.Seconds()/paceLoop.Seconds())))
	add("jitter p99.9", "ms", within(3), ms(wiretap.Quantile(jitter, 0.999)))
	add("jitter, worst", "ms", none(), ms(wiretap.Quantile(jitter, 1)))
	add("CPU", "%", none(), 100*float64(after-before)/float64(time.Since(since)))
	return nil
}

// visitors are the checks that arrive at the servers of a farm, which are all the
// other node of a crowd.
type visitors struct {
	servers *inn
	mu      sync.Mutex
	made    int
	first   map[[4]byte]time.Time
	// How much earlier and later than at the interval after the first, at most.
	early, late map[[4]byte]time.Duration
}

// visit opens all servers.
func (c *crowd) visit(check string) (*visitors, error) {
	if err := ipBatch(c.a, "route replace 172.16.0.0/12 via "+nodeAddress(0, 2).Addr().String()+"\n"); err != nil {
		return nil, err
	}
	if err := ipBatch(c.b, "link set lo up\nroute replace local 172.16.0.0/12 dev lo\n"); err != nil {
		return nil, err
	}
	v := &visitors{}
	v.forget()
	var err error
	v.servers, err = openInn(c.b, 80, check, v.came)
	return v, err
}

// came notes a check of the server that a connection was made to.
func (v *visitors) came(fd int) {
	at, err := unix.Getsockname(fd)
	if err != nil {
		return
	}
	server, now := at.(*unix.SockaddrInet4).Addr, time.Now()
	v.mu.Lock()
	defer v.mu.Unlock()
	v.made++
	first, known := v.first[server]
	if !known {
		v.first[server] = now
		return
	}
	off := (now.Sub(first)+paceLoop/2)%paceLoop - paceLoop/2
	v.early[server], v.late[server] = min(v.early[server], off), max(v.late[server], off)
}

func (v *visitors) forget() {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.made, v.first, v.early, v.late = 0, map[[4]byte]time.Time{}, map[[4]byte]time.Duration{}, map[[4]byte]time.Duration{}
}

// seen is how many checks came, and by how much the interval of a server was
// missed at most.
func (v *visitors) seen() (made int, late time.Duration) {
	v.mu.Lock()
	defer v.mu.Unlock()
	for server := range v.first {
		late = max(late, v.late[server]-v.early[server])
	}
	return v.made, late
}
