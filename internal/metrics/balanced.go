package metrics

import "holdfast/internal/status"

// balanced are the virtual and real servers, and what goes through them.
func (t *text) balanced(b *status.Balanced) {
	t.family("holdfast_ipvs_repairs_total", "counter", "Entries of IPVS put back after somebody else removed or changed them.")
	t.count(b.Repairs)
	t.family("holdfast_virtual_server_up", "gauge", "1 for a virtual server that has its quorum.")
	t.virtual(b, func(v *status.Virtual, l labels) { t.state(v.Up, l...) })
	t.family("holdfast_virtual_server_weight", "gauge", "The sum of the weights of the real servers that live.")
	t.virtual(b, func(v *status.Virtual, l labels) { t.count(v.Weight, l...) })
	t.family("holdfast_virtual_server_quorum", "gauge", "The quorum of a virtual server.")
	t.virtual(b, func(v *status.Virtual, l labels) { t.count(uint64(v.Quorum), l...) })
	t.family("holdfast_real_server_up", "gauge", "1 for a real server whose checks are good, 0 for one that is down; one that is not known yet or not checked is left out.")
	t.real(b, func(d *status.Destination, l labels) {
		if d.Health == "up" || d.Health == "down" {
			t.state(d.Health == "up", l...)
		}
	})
	t.family("holdfast_real_server_weight", "gauge", "The weight that the kernel has; one that is not in the kernel is left out.")
	t.real(b, func(d *status.Destination, l labels) {
		if d.Held {
			t.count(uint64(d.Weight), l...)
		}
	})
	t.family("holdfast_real_server_active_connections", "gauge", "Connections that are established.")
	t.real(b, func(d *status.Destination, l labels) { t.count(uint64(d.Active), l...) })
	t.family("holdfast_real_server_inactive_connections", "gauge", "Connections that the kernel remembers and that are not established.")
	t.real(b, func(d *status.Destination, l labels) { t.count(uint64(d.Inactive), l...) })
	t.used(b)
}

// used is what went through the services, and through each destination.
func (t *text) used(b *status.Balanced) {
	for _, f := range []struct {
		what, help string
		of         func(*status.Counters) uint64
	}{
		{"connections_total", "Connections", func(c *status.Counters) uint64 { return c.Conns }},
		{"received_packets_total", "Packets from clients", func(c *status.Counters) uint64 { return c.InPackets }},
		{"sent_packets_total", "Packets to clients", func(c *status.Counters) uint64 { return c.OutPackets }},
		{"received_bytes_total", "Bytes from clients", func(c *status.Counters) uint64 { return c.InBytes }},
		{"sent_bytes_total", "Bytes to clients", func(c *status.Counters) uint64 { return c.OutBytes }},
	} {
		t.family("holdfast_service_"+f.what, "counter", f.help+" of a service of IPVS.")
		for i := range b.Services {
			s := &b.Services[i]
			t.count(f.of(&s.Counters), "protocol", s.Protocol, "service", s.Address)
		}
		t.family("holdfast_real_server_"+f.what, "counter", f.help+" of a destination of IPVS.")
		t.real(b, func(d *status.Destination, l labels) { t.count(f.of(&d.Counters), l...) })
	}
}

// virtual goes through the virtual servers, each once.
func (t *text) virtual(b *status.Balanced, each func(*status.Virtual, labels)) {
	seen := map[string]bool{}
	for i := range b.Services {
		for j := range b.Services[i].Virtual {
			v := &b.Services[i].Virtual[j]
			if !seen[v.Name] {
				seen[v.Name] = true
				each(v, labels{"virtual_server", v.Name})
			}
		}
	}
}

// real goes through the destinations.
func (t *text) real(b *status.Balanced, each func(*status.Destination, labels)) {
	for i := range b.Services {
		s := &b.Services[i]
		for j := range s.Destinations {
			d := &s.Destinations[j]
			each(d, labels{"protocol", s.Protocol, "service", s.Address, "real_server", d.Address})
		}
	}
}
