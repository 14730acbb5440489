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
	"holdfast/internal/lab/netns"
)

// pair is two nodes that share one address, and a client, on one switch. The
// tap is on the client, who hears all multicast.
type pair struct {
	world        *netns.World
	a, b, client *netns.Node
	tap          *wiretap.Tap
	master       *subject.Daemon // runs on a
	backup       *subject.Daemon // runs on b
	router       instance        // as b has it
}

const lan = "eth0"

func addressA() netip.Addr { return netip.MustParseAddr("192.0.2.1") }
func addressB() netip.Addr { return netip.MustParseAddr("192.0.2.2") }
func shared() netip.Addr   { return netip.MustParseAddr("192.0.2.100") }

// sharedRouter is the virtual router of a pair.
func sharedRouter(priority int, interval time.Duration) instance {
	return instance{link: lan, vrid: victim, priority: priority, version: versionFor(interval), interval: interval, addresses: []netip.Addr{shared()}}
}

// startPair builds a pair, starts both programs and waits until a is MASTER.
func startPair(ctx context.Context, master, backup subject.Program, interval time.Duration) (*pair, error) {
	world, err := netns.New()
	if err != nil {
		return nil, err
	}
	p := &pair{world: world, router: sharedRouter(weak, interval)}
	if err := p.build(); err != nil {
		return nil, errors.Join(err, p.close())
	}
	if err := p.begin(ctx, master, backup, interval); err != nil {
		return nil, errors.Join(err, p.close())
	}
	return p, nil
}

func (p *pair) build() error {
	if err := p.world.Bridge(lan); err != nil {
		return err
	}
	for _, n := range []struct {
		node **netns.Node
		name string
		addr string
	}{{&p.a, "a", "192.0.2.1/24"}, {&p.b, "b", "192.0.2.2/24"}, {&p.client, "client", "192.0.2.9/24"}} {
		node, err := p.world.Node(n.name)
		if err != nil {
			return err
		}
		if err := node.Attach(lan, lan, netip.MustParsePrefix(n.addr)); err != nil {
			return err
		}
		*n.node = node
	}
	return p.client.Do(func() (err error) { p.tap, err = wiretap.Open(0); return err })
}

func (p *pair) begin(ctx context.Context, master, backup subject.Program, interval time.Duration) (err error) {
	if p.master, err = subject.Start(p.a, master, configuration(sharedRouter(strong, interval))); err != nil {
		return err
	}
	if p.backup, err = subject.Start(p.b, backup, configuration(p.router)); err != nil {
		return err
	}
	if _, err := p.await(ctx, time.Time{}, addressA()); err != nil {
		return err
	}
	// From here the addresses are taken, learnt and quiet.
	return pause(ctx, max(interval, 400*time.Millisecond))
}

func (p *pair) close() error {
	var err error
	if p.tap != nil {
		err = p.tap.Close()
	}
	return errors.Join(err, p.world.Close())
}

// await returns the first advert of a node since an instant, as soon as it is heard.
func (p *pair) await(ctx context.Context, since time.Time, from netip.Addr) (wiretap.Packet, error) {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	for {
		if heard := p.adverts(since, from); len(heard) > 0 {
			return heard[0], nil
		}
		if err := pause(ctx, time.Millisecond); err != nil {
			return wiretap.Packet{}, fmt.Errorf("no advert from %s: %w\n%s", from, err, p.logs())
		}
	}
}

// adverts are those of a node since an instant, without the ones of priority 0.
func (p *pair) adverts(since time.Time, from netip.Addr) []wiretap.Packet {
	return slices.DeleteFunc(p.tap.Packets(since), func(a wiretap.Packet) bool {
		return a.Kind != wiretap.Advert || a.From != from || a.Priority == 0
	})
}
