package router_test

import (
	"testing"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
)

// While MASTER one GARP for each extra VMAC interface that carries addresses, at this
// period; all covers every other interface with addresses.
func TestExtraInterfacesAreToldAgainWhileMaster(t *testing.T) {
	for _, test := range []struct {
		name string
		all  bool
		want []string
	}{
		{"on macvlans", false, []string{"announce 10.0.1.1 x1", "announce 10.0.1.1 x1"}},
		{"all", true, []string{"announce 10.0.1.1 x1", "announce 10.0.2.1 x1", "announce 10.0.1.1 x1", "announce 10.0.2.1 x1"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b := newBench(t, nil)
			for n, name := range []string{"eth1", "eth2", "vrrp.1"} {
				b.step(router.Seen{Change: host.Change{Link: &host.Link{Name: name, Index: 5 + n, Up: true, Carrier: true}}})
			}
			i := instance("A", 1, "10.0.0.10")
			i.ExtraGARP = config.ExtraGARP{Every: 20 * time.Second, All: test.all}
			for _, on := range []struct{ link, addr string }{{"eth1", "10.0.1.1/24"}, {"eth1", "10.0.1.2/24"}, {"eth2", "10.0.2.1/24"}} {
				a := addr(on.addr)
				a.Link = on.link
				i.Addrs = append(i.Addrs, a)
			}
			i.OnVMAC = append(i.OnVMAC, i.Addrs[1].Prefix.Addr(), i.Addrs[2].Prefix.Addr())
			b.reload(i)
			b.run(19 * time.Second)
			b.log = nil
			b.run(15 * time.Second)
			b.reload(i)
			b.run(25 * time.Second)
			b.expect(test.want...)
			b.step(router.Stop{})
			b.run(5 * time.Second)
			b.log = nil
			b.run(time.Minute)
			b.expect()
		})
	}
}
