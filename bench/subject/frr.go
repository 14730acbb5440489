package subject

import (
	"context"
	"fmt"
	"net/netip"
	"os/exec"
	"strings"
	"time"

	"holdfast/internal/lab/netns"
)

// FRR is the vrrpd of FRRouting. It reads VirtualRouter.FRR instead of
// keepalived.conf, on a node that VirtualRouter.Furnish has prepared.
func FRR() (Program, error) {
	const vrrpd = "/usr/lib/frr/vrrpd"
	if _, err := exec.LookPath(vrrpd); err != nil {
		return Program{}, fmt.Errorf("find vrrpd (package frr): %w", err)
	}
	p := Program{Name: "FRR", argv: func(config string) []string { return []string{"/bin/sh", "-c", launchFRR, vrrpd, config} }}
	p.Version = firstLine(vrrpd, "--version")
	return p, nil
}

// launchFRR starts zebra, unless it lives, and becomes vrrpd. What vrrpd knows of
// interfaces it has from zebra, and asks for once.
const launchFRR = `
mkdir -p /run/frr && chown frr /run/frr && cd /run/frr || exit
options='-z /run/frr/zserv.api --vty_socket /run/frr --log stdout'
: >zebra.conf
if ! kill -0 $(cat zebra.pid 2>/dev/null) 2>/dev/null; then
	rm -f zserv.api
	/usr/lib/frr/zebra $options -i zebra.pid -f zebra.conf &
	until [ -S zserv.api ]; do sleep 0.02; done
fi
exec "$0" $options -i vrrpd.pid -f "$1"
`

// VirtualRouter is a virtual router in the words that FRR has, too.
type VirtualRouter struct {
	Link      string
	Version   uint8
	VRID      uint8
	Priority  int
	Interval  time.Duration
	NoPreempt bool
	Addresses []netip.Prefix // all of one family
}

// FRR is the configuration of vrrpd.
func (v VirtualRouter) FRR() string {
	var b strings.Builder
	fmt.Fprintf(&b, "interface %s\n", v.Link)
	word := func(format string, args ...any) {
		fmt.Fprintf(&b, " vrrp %d "+format+"\n", append([]any{v.VRID}, args...)...)
	}
	word("version %d", v.Version)
	word("priority %d", v.Priority)
	word("advertisement-interval %d", v.Interval.Milliseconds())
	if v.NoPreempt {
		fmt.Fprintf(&b, " no vrrp %d preempt\n", v.VRID)
	}
	for _, a := range v.Addresses {
		word("%s %s", map[bool]string{false: "ip", true: "ipv6"}[v.six()], a.Addr())
	}
	return b.String()
}

func (v VirtualRouter) six() bool { return v.Addresses[0].Addr().Is6() }

// Device is the macvlan with the virtual MAC address and all addresses, which FRR
// expects of the operator. While it is not MASTER, vrrpd holds its carrier down.
func (v VirtualRouter) Device() string { return fmt.Sprintf("frr.%d", v.VRID) }

// Furnish makes the device anew, without carrier and with a link-local address of its
// own. The link must not answer for the addresses of the device.
func (v VirtualRouter) Furnish(ctx context.Context, node *netns.Node) error {
	const random = 3
	dev, family := v.Device(), 1
	if v.six() {
		family = 2
	}
	lines := []string{
		fmt.Sprintf("ip link del %s 2>/dev/null || true", dev),
		fmt.Sprintf("ip link add %s link %s address 00:00:5e:00:%02x:%02x type macvlan mode bridge", dev, v.Link, family, v.VRID),
		fmt.Sprintf("echo %d >/proc/sys/net/ipv6/conf/%s/addr_gen_mode", random, dev),
		fmt.Sprintf("echo 1 >/proc/sys/net/ipv4/conf/%s/arp_ignore", v.Link),
		fmt.Sprintf("ip link set %[1]s up && sleep 0.1 && ip link set %[1]s protodown on", dev),
	}
	for _, a := range v.Addresses {
		lines = append(lines, fmt.Sprintf("ip addr add %s dev %s%s", a, dev, map[bool]string{true: " nodad"}[v.six()]))
	}
	if _, err := node.Run(ctx, strings.NewReader(strings.Join(lines, "\n")+"\n"), "/bin/sh", "-e"); err != nil {
		return fmt.Errorf("make the device of FRR: %w", err)
	}
	return nil
}
