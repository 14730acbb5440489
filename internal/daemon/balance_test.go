package daemon

import (
	"context"
	"slices"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/engine"
	"holdfast/internal/relay"
)

// routeBuffers are the receive buffers of the rtnetlink sockets of this process, in order.
func routeBuffers() (sizes []int) {
	for fd := range 1024 {
		family, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_DOMAIN)
		protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL)
		size, _ := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
		if err == nil && family == unix.AF_NETLINK && protocol == unix.NETLINK_ROUTE {
			sizes = append(sizes, size)
		}
	}
	slices.Sort(sizes)
	return sizes
}

// The kernel doubles what it is asked for. There are two sockets that give orders and ask,
// and one that hears of changes.
func TestTheSocketsThatTellOfAddressesHaveTheBuffersThatAreAskedFor(t *testing.T) {
	before := routeBuffers()
	b := newBalance(func(l relay.Line) { t.Log(l.Text) }, nil, nil, nil, papers{}, nil)
	b.loop = engine.NewBalancing(func(context.Context) (engine.IPVS, error) { return nil, context.Canceled }, b.say)
	const suspended = "virtual_server 192.0.2.1 80 {\nha_suspend\nprotocol TCP\nreal_server 10.0.0.1 80 {\n}\n}\n"
	for _, c := range []struct {
		name, text string
		want       []int
	}{
		{"as demanded", "global_defs {\nlvs_netlink_cmd_rcv_bufs 20000\nlvs_netlink_monitor_rcv_bufs 30000\n}\n" + suspended, []int{40_000, 40_000, 60_000}},
		{"beyond what all may have", "global_defs {\nlvs_netlink_cmd_rcv_bufs 67108864\nlvs_netlink_cmd_rcv_bufs_force\nlvs_netlink_monitor_rcv_bufs 67108865\nlvs_netlink_monitor_rcv_bufs_force true\n}\n" + suspended,
			[]int{128 << 20, 128 << 20, 128<<20 + 2}},
		{"nobody waits for an address", "", nil},
	} {
		tree, _ := conf.Parse(conf.MemoryFiles{"f": c.text}, "f", conf.Options{})
		built, _ := config.Build(tree, config.Options{HostName: "node"})
		s := serversOf(built)
		b.watchAddresses(&s)
		want := append(slices.Clone(before), c.want...)
		slices.Sort(want)
		for end := time.Now().Add(10 * time.Second); !slices.Equal(routeBuffers(), want); time.Sleep(10 * time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("%s: the buffers are %v, not %v", c.name, routeBuffers(), want)
			}
		}
	}
}
