package interop

import (
	"fmt"
	"net/netip"
	"strings"
	"time"
)

// dialect is one way of speaking VRRP.
type dialect struct {
	name     string
	version  int
	unicast  bool
	password string
	header   bool // the password signs (AH) instead of being sent
	vmac     bool // the nodes run on macvlans that have the virtual MAC
	interval time.Duration
	nodes    [2]netip.Prefix // own addresses of the nodes
	client   netip.Prefix
	vips     []string
}

func dialects() []dialect {
	four := dialect{
		nodes:  [2]netip.Prefix{netip.MustParsePrefix("192.0.2.1/24"), netip.MustParsePrefix("192.0.2.2/24")},
		client: netip.MustParsePrefix("192.0.2.9/24"),
		vips:   []string{"192.0.2.100/24"},
	}
	six := dialect{
		nodes:  [2]netip.Prefix{netip.MustParsePrefix("2001:db8::1/64"), netip.MustParsePrefix("2001:db8::2/64")},
		client: netip.MustParsePrefix("2001:db8::9/64"),
		vips:   []string{"fe80::100/64", "2001:db8::100/64"},
	}
	var all []dialect
	for _, unicast := range []bool{false, true} {
		way := map[bool]string{false: ", multicast", true: ", unicast"}[unicast]
		all = append(all,
			four.with("VRRPv2 with password"+way, 2, unicast, time.Second, "secret12"),
			four.with("VRRPv2 with authentication header"+way, 2, unicast, time.Second, "secret12").signed(),
			four.with("VRRPv3 over IPv4"+way, 3, unicast, 200*time.Millisecond, ""),
			six.with("VRRPv3 over IPv6"+way, 3, unicast, 200*time.Millisecond, ""))
	}
	for _, d := range []dialect{four.with("VRRPv3 over IPv4, virtual MAC", 3, false, 200*time.Millisecond, ""), six.with("VRRPv3 over IPv6, virtual MAC", 3, false, 200*time.Millisecond, "")} {
		d.vmac = true
		all = append(all, d)
	}
	return all
}

func (d dialect) with(name string, version int, unicast bool, interval time.Duration, password string) dialect {
	d.name, d.version, d.unicast, d.interval, d.password = name, version, unicast, interval, password
	return d
}

func (d dialect) signed() dialect {
	d.header = true
	return d
}

// authType is the word of the configuration.
func (d dialect) authType() string {
	if d.header {
		return "AH"
	}
	return "PASS"
}

const (
	link   = "eth0"
	vrid   = 77
	strong = 200 // priority of the first node
	weak   = 100 // of the second
)

// probed is the address that the client asks.
func (d dialect) probed() netip.Addr { return netip.MustParsePrefix(d.vips[len(d.vips)-1]).Addr() }

// skew is that of RFC 3768 or RFC 9568, section 6.1.
func (d dialect) skew(priority int) time.Duration {
	unit := d.interval
	if d.version == 2 {
		unit = time.Second
	}
	return unit * time.Duration(256-priority) / 256
}

// down is the master down timer.
func (d dialect) down(priority int) time.Duration { return 3*d.interval + d.skew(priority) }

// config is the file of node 0 or 1.
func (d dialect) config(node int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "vrrp_instance V {\n  version %d\n  state BACKUP\n  interface %s\n  virtual_router_id %d\n", d.version, link, vrid)
	fmt.Fprintf(&b, "  priority %d\n  advert_int %v\n", [2]int{strong, weak}[node], d.interval.Seconds())
	if d.vmac {
		b.WriteString("  use_vmac\n")
	}
	if d.password != "" {
		fmt.Fprintf(&b, "  authentication {\n    auth_type %s\n    auth_pass %s\n  }\n", d.authType(), d.password)
	}
	if d.unicast {
		fmt.Fprintf(&b, "  unicast_src_ip %s\n  unicast_peer {\n    %s\n  }\n", d.nodes[node].Addr(), d.nodes[1-node].Addr())
	}
	fmt.Fprintf(&b, "  virtual_ipaddress {\n    %s\n  }\n}\n", strings.Join(d.vips, "\n    "))
	return b.String()
}
