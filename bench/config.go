package main

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// instance is one vrrp_instance of a generated configuration.
type instance struct {
	link      string
	vrid      int
	priority  int
	version   int
	interval  time.Duration
	addresses []netip.Addr
	tracks    string // the blocks that name trackers
}

// write appends the block of the instance.
func (i instance) write(b *strings.Builder) {
	fmt.Fprintf(b, "vrrp_instance %s_%d {\n", i.link, i.vrid)
	fmt.Fprintf(b, "    version %d\n    interface %s\n    virtual_router_id %d\n", i.version, i.link, i.vrid)
	fmt.Fprintf(b, "    priority %d\n    advert_int %v\n    virtual_ipaddress {\n", i.priority, i.interval.Seconds())
	for _, a := range i.addresses {
		fmt.Fprintf(b, "        %s\n", a)
	}
	b.WriteString("    }\n" + i.tracks + "}\n")
}

// configuration is the text of a whole file.
func configuration(instances ...instance) string {
	var b strings.Builder
	b.WriteString("global_defs {\n    router_id bench\n}\n")
	for _, i := range instances {
		i.write(&b)
	}
	return b.String()
}

// downTimer is how long a backup waits after an advert before it takes over:
// three intervals and the skew of RFC 3768 (version 2) or RFC 9568, section 6.1.
func (i instance) downTimer() time.Duration {
	unit := i.interval
	if i.version == 2 {
		unit = time.Second
	}
	return 3*i.interval + unit*time.Duration(256-i.priority)/256
}

// routersPerLink is how many virtual routers one link can carry.
const routersPerLink = 255

// links is how many links so many virtual routers need.
func links(routers int) int { return (routers + routersPerLink - 1) / routersPerLink }

// versionFor is the version of VRRP for an interval: below a second it is 3.
func versionFor(interval time.Duration) int {
	if interval%time.Second == 0 {
		return 2
	}
	return 3
}

// crowdOf makes virtual routers with one address each, 255 on every link.
func crowdOf(routers, priority int, interval time.Duration) []instance {
	out := make([]instance, routers)
	for n := range out {
		link, vrid := n/routersPerLink, n%routersPerLink+1
		out[n] = instance{
			link: linkName(link), vrid: vrid, priority: priority, version: versionFor(interval), interval: interval,
			addresses: []netip.Addr{crowdAddress(link, vrid)},
		}
	}
	return out
}

func linkName(n int) string { return fmt.Sprintf("eth%d", n) }

// crowdNet holds every virtual address of a crowd, and no other.
func crowdNet() netip.Prefix { return netip.MustParsePrefix("10.2.0.0/16") }

func crowdAddress(link, vrid int) netip.Addr {
	return netip.AddrFrom4([4]byte{10, 2, byte(link), byte(vrid)})
}

// nodeAddress is the own address of node 1 or 2 on a link of a crowd.
func nodeAddress(link, node int) netip.Prefix {
	return netip.PrefixFrom(netip.AddrFrom4([4]byte{10, 1, byte(link), byte(node)}), 24)
}
