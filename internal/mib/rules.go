package mib

import (
	"net/netip"
	"strconv"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/dump"
	"holdfast/internal/host"
)

// rule is one of an instance.
type rule struct {
	*host.Rule
	of *dump.Instance
}

// rules draws vrrpRuleTable.
func (d *drawing) rules() {
	var rows []row[rule]
	for n := range d.instances {
		i := &d.instances[n]
		if i.Routing == nil {
			continue
		}
		list := make([]rule, len(i.Routing.Rules))
		for k := range list {
			list[k] = rule{&i.Routing.Rules[k], i}
		}
		rows = append(rows, rowsOf(list, uint32(n+1))...)
	}
	add(d.tree, keepalived(2, 8, 1), rows, append(selectors(), consequences()...))
}

// selectors are the columns that say for what a rule is.
func selectors() []field[rule] {
	side := func(first uint32, of func(*rule) netip.Prefix) []field[rule] {
		return []field[rule]{
			{first, func(r *rule) wire.Value { return only(of(r).IsValid(), family(of(r).Addr())) }},
			{first + 1, func(r *rule) wire.Value { return addr(of(r).Addr()) }},
			{first + 2, func(r *rule) wire.Value { return only(of(r).IsValid(), wire.Gauge(of(r).Bits())) }},
		}
	}
	list := append([]field[rule]{{2, direction}}, side(3, one)...)
	list = append(list,
		field[rule]{6, func(r *rule) wire.Value { return only(r.Action == host.ToTable, wire.Gauge(r.Table)) }},
		field[rule]{7, func(r *rule) wire.Value { return yes(holds(r.of)) }},
		field[rule]{8, func(r *rule) wire.Value { return yes(r.Invert) }},
	)
	list = append(list, side(9, func(r *rule) netip.Prefix { return r.To })...)
	list = append(list, side(12, func(r *rule) netip.Prefix { return r.From })...)
	return append(list, []field[rule]{
		{15, func(r *rule) wire.Value { return wire.Gauge(r.TOS) }},
		{16, func(r *rule) wire.Value { return only(r.HasMark, wire.Gauge(r.Mark)) }},
		{17, func(r *rule) wire.Value { return only(r.MarkMask.Given, wire.Gauge(r.MarkMask.Value)) }},
		{18, func(r *rule) wire.Value { return realm(r.Realms.To) }},
		{19, func(r *rule) wire.Value { return realm(r.Realms.From) }},
		{20, func(r *rule) wire.Value { return text(r.In) }},
		{21, func(r *rule) wire.Value { return text(r.Out) }},
	}...)
}

// direction says of what the rule looks at the address.
func direction(r *rule) wire.Value {
	switch {
	case r.From.IsValid() && r.To.IsValid():
		return wire.Text("both")
	case r.To.IsValid():
		return wire.Text("to")
	case r.From.IsValid():
		return wire.Text("from")
	}
	return wire.Value{}
}

// one is the destination, or the source where there is none.
func one(r *rule) netip.Prefix {
	if r.To.IsValid() {
		return r.To
	}
	return r.From
}

// consequences are the columns that say what follows, and the selectors of later years.
// What the MIB declares behind them keepalived does not serve.
func consequences() []field[rule] {
	return []field[rule]{
		{22, func(r *rule) wire.Value { return only(r.Action == host.Goto, wire.Gauge(r.Goto)) }},
		{23, func(r *rule) wire.Value { return wire.Int(r.Action) }},
		{24, func(r *rule) wire.Value { return only(r.Action == host.ToTable, wire.Gauge(r.Table)) }},
		{25, func(r *rule) wire.Value { return wire.Gauge(r.Preference) }},
		{26, func(r *rule) wire.Value { return only(r.SuppressPrefix.Given, wire.Gauge(r.SuppressPrefix.Value)) }},
		{27, func(r *rule) wire.Value {
			return only(r.SuppressGroup.Given, wire.Text(strconv.Itoa(int(r.SuppressGroup.Value))))
		}},
		{28, func(r *rule) wire.Value { return only(r.TunnelID != 0, wire.Gauge(r.TunnelID>>32)) }},
		{29, func(r *rule) wire.Value { return only(r.TunnelID != 0, wire.Gauge(r.TunnelID)) }},
		{30, func(r *rule) wire.Value { return only(r.HasUIDs, wire.Gauge(r.UIDs.From)) }},
		{31, func(r *rule) wire.Value { return only(r.HasUIDs, wire.Gauge(r.UIDs.To)) }},
		{32, func(r *rule) wire.Value { return only(r.L3MDev, wire.Int(1)) }},
	}
}
