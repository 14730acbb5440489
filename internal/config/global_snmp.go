package config

import "time"

// SNMP says what is told to an SNMP master agent.
type SNMP struct {
	// Socket is the AgentX socket; empty: that of the command line or the agent's.
	Socket string
	// Traps are sent. VRRP, RFC2787, RFC6527 and Checker are the MIBs that are served.
	Traps, VRRP, RFC2787, RFC6527, Checker bool
	// VirtualAge and RealAge are how old the counters of servers may be; RealAge 0:
	// they are read with those of the virtual server.
	VirtualAge, RealAge time.Duration
	// Alerts are smtp_alert, smtp_alert_vrrp and smtp_alert_checker as written, and
	// ChecksumAsV2 is v3_checksum_as_v2: for those who ask how it is.
	Alerts       [3]Switch
	ChecksumAsV2 bool
}

// Switch is a boolean that may not have been given.
type Switch uint8

// The states of a Switch.
const (
	Unset Switch = iota
	On
	Off
)

func switched(on bool) Switch {
	if on {
		return On
	}
	return Off
}

// DBus says what is told on the system bus.
type DBus struct {
	Enabled bool
	// Service is the name on the bus, NoInterface what stands in paths for an
	// instance without an interface.
	Service, NoInterface string
}

// snmpRows are about SNMP and D-Bus.
func snmpRows() []keyword[globals] {
	type row = keyword[globals]
	age := func() form { return duration(times(time.Millisecond, 30*time.Second, time.Microsecond)) }
	return []row{
		{word: "snmp_socket", form: loose(alone(text("ADDR"))), once: true, note: "that of the command line, else of the agent",
			meaning: "The AgentX socket of the SNMP master agent.",
			set:     func(g *globals, v value) { g.SNMP.Socket = v.text }},
		{word: "enable_traps", form: flag(), note: "off",
			meaning: "SNMP notifications are sent.",
			set:     func(g *globals, v value) { g.SNMP.Traps = true }},
		{word: "enable_snmp_vrrp", form: flag(), note: "off; on with --snmp",
			meaning: "KEEPALIVED-MIB is served, as far as it is about VRRP.",
			set:     func(g *globals, v value) { g.SNMP.VRRP = true }},
		{word: "enable_snmp_keepalived", form: flag(), instead: "enable_snmp_vrrp", quiet: true,
			meaning: "The old spelling of enable_snmp_vrrp.",
			set:     func(g *globals, v value) { g.SNMP.VRRP = true }},
		{word: "enable_snmp_rfc", form: flag(), note: "off",
			meaning: "Both MIBs of the RFCs about VRRP are served.",
			set:     func(g *globals, v value) { g.SNMP.RFC2787, g.SNMP.RFC6527 = true, true }},
		{word: "enable_snmp_rfcv2", form: flag(), note: "off",
			meaning: "The MIB of RFC 2787 is served, for version 2.",
			set:     func(g *globals, v value) { g.SNMP.RFC2787 = true }},
		{word: "enable_snmp_rfcv3", form: flag(), note: "off",
			meaning: "The MIB of RFC 6527 is served, for version 3.",
			set:     func(g *globals, v value) { g.SNMP.RFC6527 = true }},
		{word: "enable_snmp_checker", form: flag(), note: "off",
			meaning: "KEEPALIVED-MIB is served, as far as it is about virtual servers.",
			set:     func(g *globals, v value) { g.SNMP.Checker = true }},
		{word: "snmp_vs_stats_update_interval", form: age(), def: "5",
			meaning: "How old the counters of a virtual server may be when they are asked for.",
			set:     func(g *globals, v value) { g.SNMP.VirtualAge = v.d }},
		{word: "snmp_rs_stats_update_interval", form: age(), note: "0: those of the virtual server",
			meaning: "How old the counters of a real server may be when they are asked for.",
			set:     func(g *globals, v value) { g.SNMP.RealAge = v.d }},
		{word: "enable_dbus", form: flag(), note: "off",
			meaning: "Instances are objects on the system bus.",
			set:     func(g *globals, v value) { g.DBus.Enabled = true }},
		{word: "dbus_service_name", form: loose(text("NAME")), def: "org.keepalived.Vrrp1",
			meaning: "The name on the bus.",
			set:     func(g *globals, v value) { g.DBus.Service = v.text }},
		{word: "dbus_no_interface_name", form: loose(text("NAME")), def: "none",
			meaning: "What stands in the path of an instance without an interface.",
			set:     func(g *globals, v value) { g.DBus.NoInterface = v.text }},
	}
}
