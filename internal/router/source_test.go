package router_test

import (
	"net/netip"
	"testing"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/router"
)

func (b *bench) role(want string) {
	b.t.Helper()
	if got := b.r.Status(b.now).Instances[0]; got.Role != want {
		b.t.Fatalf("role %s (%s), want %s", got.Role, got.Reason, want)
	}
}

// Section 8: a configured source is not looked at unless track_src_ip.
func TestASourceThatIsTrackedIsToBeOnTheInterface(t *testing.T) {
	tracked := instance("A", 51, "10.0.0.100")
	tracked.VRRP.Source, tracked.TrackSource = netip.MustParseAddr("10.0.0.1"), true
	b := newBench(t, nil)
	b.reload(tracked)
	b.role("BACKUP")
	source := addr("10.0.0.1/24").Wish
	b.step(router.Seen{Change: host.Change{Gone: true, Addr: &source}})
	b.role("FAULT")
	if got := b.r.Status(b.now).Instances[0].Reason; got != "src address 10.0.0.1 on eth0 not configured" {
		t.Errorf("the reason is %q", got)
	}
	b.step(router.Seen{Change: host.Change{Addr: &source}})
	b.role("BACKUP")

	tracked.VRRP.Source = netip.MustParseAddr("10.0.0.7")
	b.reload(tracked)
	b.role("FAULT")
	tracked.TrackSource = false
	b.reload(tracked)
	b.role("BACKUP")
}

func TestReceiveBuffersAreSizedAsDemanded(t *testing.T) {
	two := func(first, second uint32) []config.Instance {
		a, b := instance("A", 51, "10.0.0.100"), instance("B", 52, "10.0.0.101", "10.0.0.102")
		a.RxBuffer, b.RxBuffer = first, second
		return []config.Instance{a, b}
	}
	with := func(change func(*config.Instance)) []config.Instance {
		a := instance("A", 51, "10.0.0.100")
		change(&a)
		return []config.Instance{a}
	}
	byAdvert := config.Sockets{Adverts: config.BufferAdvert, AdvertFactor: 3}
	tests := []struct {
		name        string
		instances   []config.Instance
		sockets     config.Sockets
		bytes, mtus int
	}{
		{"nothing said", two(0, 0), config.Sockets{}, 0, 0},
		{"shares", two(1000, 2000), config.Sockets{}, 3000, 0},
		{"bytes for all", two(0, 0), config.Sockets{Adverts: config.BufferBytes, AdvertBytes: 4096}, 8192, 0},
		{"bytes for one", two(1000, 0), config.Sockets{Adverts: config.BufferBytes, AdvertBytes: 4096}, 5096, 0},
		{"MTU", two(0, 0), config.Sockets{Adverts: config.BufferMTU, AdvertFactor: 3}, 0, 6},
		{"advert", two(0, 0), byAdvert, 3 * (40 + 44), 0},
		{"advert with authentication header", with(func(i *config.Instance) { i.VRRP.Header = true }), byAdvert, 3 * (40 + 24), 0},
		{"advert with trailer", with(func(i *config.Instance) { i.HMAC = &config.HMAC{} }), byAdvert, 3 * (40 + 28), 0},
	}
	for _, test := range tests {
		b := newBench(t, nil)
		b.step(router.Prepare(router.Part(&config.Config{Global: config.Global{Sockets: test.sockets}, Instances: test.instances})))
		if p := b.r.Ports()[0]; p.Buffer != test.bytes || p.MTUs != test.mtus {
			t.Errorf("%s: %d bytes and %d MTUs, want %d and %d", test.name, p.Buffer, p.MTUs, test.bytes, test.mtus)
		}
	}
}
