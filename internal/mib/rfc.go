package mib

import (
	"net/netip"
	"strings"
	"time"

	"holdfast/internal/agentx/wire"
	"holdfast/internal/dump"
	"holdfast/internal/mono"
)

// version2 draws VRRP-MIB: instances of version 2 that have addresses.
func (d *drawing) version2() {
	d.tree.scalars(rfc2787(1), scalar{1, wire.Int(2)}, scalar{2, yes(d.Global.SNMP.Traps)})
	rows, assigned := d.rowsOfRFC(2, func(i *dump.Instance) wire.OID { return nil })
	type one = dump.Instance
	add(d.tree, rfc2787(1, 3, 1), rows, []field[one]{
		{2, func(i *one) wire.Value { return d.mac(i) }},
		{3, func(i *one) wire.Value { return wire.Int(operation(i)) }},
		{4, func(i *one) wire.Value { return wire.Int(1) }},
		{5, func(i *one) wire.Value { return wire.Int(i.Now.Priority) }},
		{6, func(i *one) wire.Value { return wire.Int(len(i.Config.VIPs)) }},
		{7, func(i *one) wire.Value { return wire.IPv4(master(i)) }},
		{8, func(i *one) wire.Value { return wire.IPv4(i.Now.Source) }},
		{9, func(i *one) wire.Value { return wire.Int(secret(i) + 1) }},
		{11, func(i *one) wire.Value { return wire.Int(int(interval(i))) }},
		{12, func(i *one) wire.Value { return yes(!i.Config.NoPreempt) }},
		{13, func(i *one) wire.Value { return wire.Ticks(hundredths(d.left(i).Sub(d.Begun))) }},
		{14, func(i *one) wire.Value { return wire.Int(1) }},
		{15, func(i *one) wire.Value { return wire.Int(1) }},
	})
	add(d.tree, rfc2787(1, 4, 1), assigned, active())
	c := d.general()
	d.tree.scalars(rfc2787(2), scalar{1, wire.Count(c.checksum)}, scalar{2, wire.Count(c.version)}, scalar{3, wire.Count(c.vrid)})
	add(d.tree, rfc2787(2, 4, 1), rows, []field[one]{
		{1, func(i *one) wire.Value { return wire.Count(i.Now.Stats.BecomeMaster) }},
		{2, func(i *one) wire.Value { return wire.Count(i.Now.Stats.AdvertRcvd) }},
		{3, func(i *one) wire.Value { return wire.Count(i.Now.Stats.AdvertIntervalErr) }},
		{4, func(i *one) wire.Value { return wire.Count(i.Now.Stats.AuthFailure) }},
		{5, func(i *one) wire.Value { return wire.Count(i.Now.Stats.TTLErr) }},
		{6, func(i *one) wire.Value { return wire.Count(i.Now.Stats.PriZeroRcvd) }},
		{7, func(i *one) wire.Value { return wire.Count(i.Now.Stats.PriZeroSent) }},
		{8, func(i *one) wire.Value { return wire.Count(i.Now.Stats.InvalidTypeRcvd) }},
		{9, func(i *one) wire.Value { return wire.Count(i.Now.Stats.AddrListErr) }},
		{10, func(i *one) wire.Value { return wire.Count(i.Now.Stats.InvalidAuthtype) }},
		{11, func(i *one) wire.Value { return wire.Count(i.Now.Stats.AuthtypeMismatch) }},
		{12, func(i *one) wire.Value { return wire.Count(i.Now.Stats.PacketLenErr) }},
	})
}

// version3 draws VRRPV3-MIB: instances of version 3.
func (d *drawing) version3() {
	rows, assigned := d.rowsOfRFC(3, func(i *dump.Instance) wire.OID { return wire.OID{inetType(i)} })
	type one = dump.Instance
	add(d.tree, rfc6527(1, 1, 1, 1), rows, []field[one]{
		{3, func(i *one) wire.Value { return whole(i, master(i)) }},
		{4, func(i *one) wire.Value { return whole(i, i.Now.Source) }},
		{5, func(i *one) wire.Value { return d.mac(i) }},
		{6, func(i *one) wire.Value { return wire.Int(operation(i)) }},
		{7, func(i *one) wire.Value { return wire.Gauge(i.Now.Priority) }},
		{8, func(i *one) wire.Value { return wire.Int(len(i.Config.VIPs)) }},
		{9, func(i *one) wire.Value { return wire.Int(int(interval(i))) }},
		{10, func(i *one) wire.Value { return yes(!i.Config.NoPreempt) }},
		{11, func(i *one) wire.Value { return yes(!i.Told.NoAccept) }},
		{12, func(i *one) wire.Value { return wire.Ticks(d.upFor(i)) }},
		{13, func(i *one) wire.Value { return wire.Int(1) }},
	})
	add(d.tree, rfc6527(1, 1, 2, 1), assigned, active())
	c := d.general()
	d.tree.scalars(rfc6527(1, 2), scalar{1, wire.Count64(c.checksum)}, scalar{2, wire.Count64(c.version)}, scalar{3, wire.Count64(c.vrid)}, scalar{4, wire.Ticks(0)})
	add(d.tree, rfc6527(1, 2, 5, 1), rows, []field[one]{
		{1, func(i *one) wire.Value { return wire.Count(i.Now.Stats.BecomeMaster) }},
		{2, func(i *one) wire.Value { return wire.Int(becameMaster(i.Now.Role, i.Now.Reason)) }},
		{3, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.AdvertRcvd) }},
		{4, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.AdvertIntervalErr) }},
		{5, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.TTLErr) }},
		{6, func(i *one) wire.Value { return wire.Int(d.Past[i.Now.Name].Flaw) }},
		{7, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.PriZeroRcvd) }},
		{8, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.PriZeroSent) }},
		{9, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.InvalidTypeRcvd) }},
		{10, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.AddrListErr) }},
		{11, func(i *one) wire.Value { return wire.Count64(i.Now.Stats.PacketLenErr) }},
		{12, func(i *one) wire.Value { return wire.Ticks(0) }},
		{13, func(i *one) wire.Value { return wire.Gauge(i.Now.Interval.Milliseconds()) }},
	})
}

// rowsOfRFC are the instances of a version by interface and VRID, and their addresses
// below that.
func (d *drawing) rowsOfRFC(version uint8, more func(*dump.Instance) wire.OID) (rows []row[dump.Instance], addrs []row[netip.Addr]) {
	for n := range d.instances {
		i := &d.instances[n]
		if i.Now.Version != version || len(i.Config.VIPs) == 0 {
			continue
		}
		index := d.rfcIndex(i).Append(more(i)...)
		rows = append(rows, row[dump.Instance]{index, i})
		for _, a := range i.Config.VIPs {
			at := index
			for _, b := range a.AsSlice() {
				at = at.Append(uint32(b))
			}
			addrs = append(addrs, row[netip.Addr]{at, &a})
		}
	}
	return rows, addrs
}

// rfcIndex is the interface, not a macvlan on it, and the VRID.
func (d *drawing) rfcIndex(i *dump.Instance) wire.OID {
	return wire.OID{uint32(d.index(i.Config.Link)), uint32(i.Now.VRID)}
}

// active is the only column of addresses: a row that is in use.
func active() []field[netip.Addr] {
	return []field[netip.Addr]{{2, func(*netip.Addr) wire.Value { return wire.Int(1) }}}
}

// mac is what adverts come from.
func (d *drawing) mac(i *dump.Instance) wire.Value {
	l := d.links[device(i)]
	if l == nil {
		return wire.Raw(make([]byte, 6))
	}
	return wire.Raw(l.MAC[:])
}

// operation is initialize(1), backup(2) or master(3).
func operation(i *dump.Instance) int {
	switch i.Now.Role {
	case "BACKUP":
		return 2
	case "MASTER":
		return 3
	}
	return 1
}

// master is the address of the one that is, as far as known.
func master(i *dump.Instance) netip.Addr {
	if holds(i) {
		return i.Now.Source
	}
	return i.Now.MasterHeard
}

func inetType(i *dump.Instance) uint32 {
	if i.Now.V6 {
		return 2
	}
	return 1
}

// whole is an address, or one of zeros where none is known.
func whole(i *dump.Instance, a netip.Addr) wire.Value {
	switch {
	case a.IsValid():
		return wire.Raw(a.AsSlice())
	case i.Now.V6:
		return wire.Raw(make([]byte, 16))
	}
	return wire.Raw(make([]byte, 4))
}

// left is when an instance left its first state; the beginning where it is in it.
func (d *drawing) left(i *dump.Instance) mono.Instant {
	switch at := d.Past[i.Now.Name].Left; {
	case operation(i) == 1:
		return d.Begun
	case at == 0:
		at = i.Now.Since
		fallthrough
	default:
		return max(at, d.Begun)
	}
}

// upFor is how long ago that was, in hundredths of a second.
func (d *drawing) upFor(i *dump.Instance) int64 {
	if operation(i) == 1 {
		return 0
	}
	return hundredths(max(d.At.Sub(d.left(i)), time.Duration(0)))
}

// becameMaster is why: priority(1), preempted(2), masterNoResponse(3); notMaster(0).
func becameMaster(role, reason string) int {
	switch {
	case role != "MASTER":
		return 0
	case strings.HasPrefix(reason, "handed over"):
		return 1
	case strings.HasPrefix(reason, "preempting"):
		return 2
	}
	return 3
}

// errors are counters of the whole router.
type errors struct{ checksum, version, vrid uint64 }

// general are those of all instances, and of what belonged to none.
func (d *drawing) general() (e errors) {
	e.vrid = d.Unknown
	for i := range d.Source.Router.Instances {
		e.checksum += d.Source.Router.Instances[i].Stats.ChecksumErr
		e.version += d.Source.Router.Instances[i].Stats.VersionErr
	}
	for _, r := range d.Refused {
		switch r.What {
		case "bad checksum":
			e.checksum += r.N
		case "bad version":
			e.version += r.N
		}
	}
	return e
}
