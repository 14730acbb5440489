package mib

import (
	"net/netip"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/config"
)

// global draws the settings for all.
func (d *drawing) global() {
	g := d.Global
	d.tree.scalars(keepalived(1), scalar{1, wire.Text(d.Version)}, scalar{2, wire.Text(g.RouterID)})
	d.mail()
	d.tree.scalars(keepalived(1),
		scalar{4, yes(g.SNMP.Traps)},
		scalar{5, yes(!g.LinkbeatPolling)},
		scalar{6, yes(g.LVS.Flush)},
		scalar{7, wire.Int(1)},
		scalar{8, wire.Text(g.Copy.NetNS)},
		scalar{9, yes(g.DBus.Enabled)},
		scalar{10, yes(g.DynamicInterfaces)},
		scalar{11, wire.Int([]int{2, 3, 1}[g.LVS.FlushOnStop])},
		scalar{12, yes(g.SNMP.ChecksumAsV2)},
	)
}

func (d *drawing) mail() {
	m, a := &d.Global.Mail, d.Global.SNMP.Alerts
	timeout, port := 0, uint16(0)
	if m.Server != "" {
		timeout, port = int(m.Timeout.Seconds()), m.Port
	}
	kind, server := mailServer(m.Server)
	d.tree.scalars(keepalived(1, 3),
		scalar{1, kind}, scalar{2, server}, scalar{3, wire.Gauge(timeout)}, scalar{4, text(m.From)})
	add(d.tree, keepalived(1, 3, 5, 1), rowsOf(m.To), []field[string]{
		{2, func(to *string) wire.Value { return wire.Text(*to) }},
	})
	d.tree.scalars(keepalived(1, 3),
		scalar{6, wire.Gauge(port)},
		scalar{7, yes(!m.NoFault)},
		scalar{8, alert(a[0])}, scalar{9, alert(a[1])}, scalar{10, alert(a[2])})
}

// mailServer is an address, or the name of a host.
func mailServer(s string) (kind, at wire.Value) {
	const dns = 16
	a, err := netip.ParseAddr(s)
	switch {
	case s == "":
		return wire.Int(0), wire.Text("")
	case err != nil:
		return wire.Int(dns), wire.Text(s)
	}
	return family(a), addr(a)
}

// alert is a switch that nobody may have touched.
func alert(s config.Switch) wire.Value {
	return wire.Int(map[config.Switch]int{config.On: 1, config.Off: 2, config.Unset: 3}[s])
}
