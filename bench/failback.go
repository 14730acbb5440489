package main

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"holdfast/bench/subject"
	"holdfast/internal/lab/netns"
)

// relieved is an address of a virtual router with use_vmac, which a node takes from
// another that still holds it.
type relieved struct{ family, addr string }

func relievedOnes() []relieved {
	return []relieved{{"IPv4", "192.0.2.100/24"}, {"IPv6", "2001:db8::100/64"}}
}

// failBackWithin is when a node that was started has taken over, and what the old
// MASTER says belatedly has been said.
const failBackWithin = 12 * time.Second

// failBack measures what a client loses when a node with a higher priority comes
// back and both have the same virtual MAC address.
func (b *bench) failBack(ctx context.Context, program int) error {
	p := &pair{}
	var err error
	if p.world, err = netns.New(); err != nil {
		return err
	}
	defer b.finish(p.close)
	if err := p.build(); err != nil {
		return err
	}
	if p.backup, err = subject.Start(p.b, b.programs[program], withVirtualMAC(weak)); err != nil {
		return err
	}
	probe, err := p.probeRelieved(ctx)
	if err != nil {
		return err
	}
	defer probe.Close()
	came := time.Now()
	if p.master, err = subject.Start(p.a, b.programs[program], withVirtualMAC(strong)); err != nil {
		return err
	}
	if err := pause(ctx, failBackWithin); err != nil {
		return err
	}
	if len(p.adverts(came, addressA())) == 0 {
		return fmt.Errorf("the node that came back did not take over\n%s", p.logs())
	}
	return b.recordFailBack(program, probe, came)
}

// probeRelieved begins to probe once the only node there is holds the addresses.
func (p *pair) probeRelieved(ctx context.Context) (*netns.Prober, error) {
	if err := p.client.Address(lan, netip.MustParsePrefix("2001:db8::9/64")); err != nil {
		return nil, err
	}
	var targets []netip.Addr
	for _, r := range relievedOnes() {
		targets = append(targets, netip.MustParsePrefix(r.addr).Addr())
	}
	if _, err := p.await(ctx, time.Time{}, addressB()); err != nil {
		return nil, err
	}
	probe, err := p.client.Probe(time.Millisecond, targets...)
	if err != nil {
		return nil, err
	}
	err = pause(ctx, 3*time.Second)
	for _, t := range targets {
		if err == nil && !probe.Answered(t) {
			err = fmt.Errorf("%s does not answer\n%s", t, p.backup.Log.Text())
		}
	}
	if err != nil {
		probe.Close()
		return nil, err
	}
	return probe, nil
}

func (b *bench) recordFailBack(program int, probe *netns.Prober, came time.Time) error {
	probe.Settle()
	if err := b.probed(program, "fail-back with use_vmac", probe); err != nil {
		return err
	}
	for _, r := range relievedOnes() {
		lost := 0
		for _, s := range probe.Since(came, netip.MustParsePrefix(r.addr).Addr()) {
			lost += s.Lost
		}
		b.record(program, "fail-back with use_vmac, "+r.family+": lost probes", "", medianWithin(0), float64(lost))
	}
	return nil
}

// withVirtualMAC is a virtual router of each family.
func withVirtualMAC(priority int) string {
	text := "global_defs {\n    router_id bench\n}\n"
	for _, r := range relievedOnes() {
		text += fmt.Sprintf("vrrp_instance %s {\n    interface %s\n    virtual_router_id %d\n    version 3\n    priority %d\n    advert_int 1\n    use_vmac\n    virtual_ipaddress {\n        %s\n    }\n}\n",
			r.family, lan, victim, priority, r.addr)
	}
	return text
}
