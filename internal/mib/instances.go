package mib

import (
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/config"
	"holdfast/internal/dump"
	"holdfast/internal/notify"
	"holdfast/internal/status"
)

// groups draws the sync groups and their members.
func (d *drawing) groups() {
	list := d.Source.Router.Groups
	var members []row[string]
	for i := range list {
		members = append(members, rowsOf(list[i].Members, uint32(i+1))...)
	}
	told := func(g *status.Group) *dump.Told { t := d.Source.Groups[g.Name]; return &t }
	type one = status.Group
	add(d.tree, keepalived(2, 1, 1), rowsOf(list), []field[one]{
		{2, func(g *one) wire.Value { return wire.Text(g.Name) }},
		{3, func(g *one) wire.Value { return state(g.Role) }},
		{4, func(g *one) wire.Value { return yes(told(g).Mail) }},
		{5, func(g *one) wire.Value { return yes(executes(&told(g).Scripts)) }},
		{6, func(g *one) wire.Value { return script(told(g).Master) }},
		{7, func(g *one) wire.Value { return script(told(g).Backup) }},
		{8, func(g *one) wire.Value { return script(told(g).Fault) }},
		{9, func(g *one) wire.Value { return script(told(g).Any) }},
		{10, func(g *one) wire.Value { return yes(told(g).OwnWeights) }},
		{11, func(g *one) wire.Value { return script(told(g).Stop) }},
	})
	add(d.tree, keepalived(2, 2, 1), members, []field[string]{
		{2, func(name *string) wire.Value { return wire.Text(*name) }},
	})
}

// executes reports whether any script is run.
func executes(s *notify.Scripts) bool { return len(s.Commands()) > 0 }

// instanceTable draws vrrpInstanceTable.
func (d *drawing) instanceTable() {
	type one = dump.Instance
	add(d.tree, keepalived(2, 3, 1), rowsOf(d.instances), []field[one]{
		{2, func(i *one) wire.Value { return wire.Text(i.Now.Name) }},
		{3, func(i *one) wire.Value { return wire.Gauge(i.Now.VRID) }},
		{4, func(i *one) wire.Value { return state(i.Now.Role) }},
		{5, func(i *one) wire.Value { return initial(i.Config.StartMaster) }},
		{6, func(i *one) wire.Value { return state(i.Now.Want) }},
		{7, func(i *one) wire.Value { return wire.Int(i.Now.Priority) }},
		{8, func(i *one) wire.Value { return wire.Int(i.Now.Effective) }},
		{9, func(i *one) wire.Value { return yes(holds(i)) }},
		{10, func(i *one) wire.Value { return wire.Text(device(i)) }},
		{11, func(i *one) wire.Value { return yes(len(d.interfaces(i)) > 0) }},
		{12, func(i *one) wire.Value { return wire.Gauge(interval(i)) }},
		{13, func(i *one) wire.Value { return yes(!i.Config.NoPreempt) }},
		{14, func(i *one) wire.Value { return wire.Gauge(i.Config.PreemptDelay / time.Second) }},
		{15, func(i *one) wire.Value { return wire.Int(secret(i)) }},
		{16, func(i *one) wire.Value { return yes(d.synchronises(i)) }},
		{17, func(i *one) wire.Value { return only(d.synchronises(i), wire.Text(d.syncLink(i))) }},
		{18, func(i *one) wire.Value { return text(i.Now.Group) }},
		{19, func(i *one) wire.Value { return wire.Gauge(i.Config.Announce.Delay / time.Second) }},
		{20, func(i *one) wire.Value { return yes(i.Told.Mail) }},
		{21, func(i *one) wire.Value { return yes(executes(&i.Told.Scripts)) }},
		{22, func(i *one) wire.Value { return script(i.Told.Master) }},
		{23, func(i *one) wire.Value { return script(i.Told.Backup) }},
		{24, func(i *one) wire.Value { return script(i.Told.Fault) }},
		{25, func(i *one) wire.Value { return script(i.Told.Stop) }},
		{26, func(i *one) wire.Value { return script(i.Told.Any) }},
		{27, accepts},
		{28, func(i *one) wire.Value { return yes(i.Told.Promote) }},
		{29, func(i *one) wire.Value { return yes(i.Told.Linkbeat) }},
		{30, func(i *one) wire.Value { return wire.Int(i.Now.Version) }},
		{31, func(i *one) wire.Value { return script(i.Told.LowerPriority) }},
		{32, func(i *one) wire.Value { return script(i.Told.Scripts.Deleted) }},
		{33, func(i *one) wire.Value { return yes(i.Told.ReportDeleted) }},
		{34, func(i *one) wire.Value { return only(len(i.Config.Peers) == 0, family(i.Config.Group)) }},
		{35, func(i *one) wire.Value { return only(len(i.Config.Peers) == 0, addr(i.Config.Group)) }},
		{36, func(i *one) wire.Value { return only(i.Now.Version == 3, yes(i.Config.ChecksumAsV2)) }},
	})
}

func initial(master bool) wire.Value {
	if master {
		return wire.Int(2)
	}
	return wire.Int(1)
}

func holds(i *dump.Instance) bool { return i.Now.Role == "MASTER" }

// device is the interface of an instance: a macvlan, if that is what it is on.
func device(i *dump.Instance) string {
	if len(i.Devices) > 0 && i.Devices[0].Parent == i.Config.Link {
		return i.Devices[0].Name
	}
	return i.Config.Link
}

// interval is in seconds for version 2, in hundredths for version 3.
func interval(i *dump.Instance) int64 {
	if i.Now.Version == 2 {
		return int64(i.Now.Interval / time.Second)
	}
	return hundredths(i.Now.Interval)
}

// secret is the kind of authentication.
func secret(i *dump.Instance) int {
	switch {
	case i.Config.Header:
		return 2
	case i.Config.HasPass:
		return 1
	}
	return 0
}

// accepts is 0 for version 2, as keepalived has it.
func accepts(i *dump.Instance) wire.Value {
	if i.Now.Version == 2 {
		return wire.Int(0)
	}
	return yes(!i.Told.NoAccept)
}

// synchronises reports whether the synchronisation daemon of IPVS follows an instance.
func (d *drawing) synchronises(i *dump.Instance) bool { return d.syncLink(i) != "" }

func (d *drawing) syncLink(i *dump.Instance) string {
	if s := d.Global.LVS.SyncDaemon; s != nil && s.Instance == i.Now.Name {
		return s.Link
	}
	return i.Told.SyncLink
}

// held is an address of an instance.
type held struct {
	*config.Address
	of         *dump.Instance
	advertised bool
}

// addresses draws vrrpAddressTable.
func (d *drawing) addresses() {
	var rows []row[held]
	for n := range d.instances {
		i := &d.instances[n]
		list := make([]held, len(i.Addrs))
		for k := range i.Addrs {
			list[k] = held{&i.Addrs[k], i, k < len(i.Config.VIPs)}
		}
		rows = append(rows, rowsOf(list, uint32(n+1))...)
	}
	add(d.tree, keepalived(2, 6, 1), rows, []field[held]{
		{2, func(a *held) wire.Value { return family(a.Prefix.Addr()) }},
		{3, func(a *held) wire.Value { return addr(a.Prefix.Addr()) }},
		{4, broadcast},
		{5, func(a *held) wire.Value { return wire.Gauge(a.Prefix.Bits()) }},
		{6, func(a *held) wire.Value { return scope(a.Scope) }},
		{7, func(a *held) wire.Value { return wire.Int(d.index(a.Link)) }},
		{8, func(a *held) wire.Value { return text(a.Link) }},
		{9, func(a *held) wire.Value { return text(a.Label) }},
		{10, func(a *held) wire.Value { return yes(holds(a.of)) }},
		{11, func(a *held) wire.Value { return yes(a.advertised) }},
		{12, func(a *held) wire.Value { return addr(a.Peer.Addr()) }},
	})
}

// broadcast is 0.0.0.0 of an IPv4 address without.
func broadcast(a *held) wire.Value {
	switch {
	case a.Prefix.Addr().Is6():
		return wire.Value{}
	case !a.Broadcast.IsValid():
		return addr(netip.IPv4Unspecified())
	}
	return addr(a.Broadcast)
}

// advertised are the addresses that adverts name, in the order of their numbers.
func advertised(i *dump.Instance) []netip.Addr {
	return slices.SortedFunc(slices.Values(i.Config.VIPs), netip.Addr.Compare)
}
