package router

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
	"holdfast/internal/vrrp/wire"
)

// Device is a macvlan or an ipvlan of a virtual router.
type Device struct {
	host.Device // its name is the one wished for; the link may be found under another
	// Own is the address of an ipvlan that adverts leave from; zero: none is configured.
	Own netip.Prefix
	// Sends: adverts leave and come in by it, not by its parent.
	Sends bool
}

// names hands out names of interfaces, each once.
type names map[string]bool

// choose is the name of a device: prefix.VRID, then prefix6.VRID for IPv6, then
// prefix1.VRID, prefix2.VRID and so on.
func (n names) choose(prefix string, vrid uint8, v6 bool) string {
	name := fmt.Sprintf("%s.%d", prefix, vrid)
	if n[name] && v6 {
		name = fmt.Sprintf("%s6.%d", prefix, vrid)
	}
	for i := 1; n[name]; i++ {
		name = fmt.Sprintf("%s%d.%d", prefix, i, vrid)
	}
	n[name] = true
	return name
}

// lodge finds the devices of all instances and puts their addresses there.
func (p *Config) lodge(c *config.Config) {
	taken := names{}
	for i := range c.Instances {
		if name := c.Instances[i].DeviceName(); name != "" {
			taken[name] = true
		}
	}
	for i := range c.Instances {
		if inst := &c.Instances[i]; inst.VMAC != nil || inst.IPVLAN != nil || inst.VMACAddresses || len(inst.OnVMAC) > 0 {
			p.Details[i].lodge(inst, taken, &c.Global)
		}
	}
}

func (d *Detail) lodge(inst *config.Instance, taken names, g *config.Global) {
	d.Addrs = slices.Clone(d.Addrs)
	if inst.VMAC != nil || inst.IPVLAN != nil {
		d.Devices = append(d.Devices, own(inst, taken, g.VMACPrefix))
	}
	for i := range d.Addrs {
		if a := &d.Addrs[i]; inst.Lodges(a) {
			a.Link = d.on(inst, a, taken, g)
		}
	}
}

// own is the device of use_vmac or use_ipvlan.
func own(inst *config.Instance, taken names, prefix string) (d Device) {
	v := &inst.VRRP
	d.Name, d.Parent, d.V6, d.Sends = inst.DeviceName(), v.Link, v.V6, true
	if m := inst.VMAC; m != nil {
		d.MAC, d.Group, d.Sends = inst.VirtualMAC(), m.Group, !m.TransmitBase
	}
	if p := inst.IPVLAN; p != nil {
		d.IPVLAN, d.Group, d.Own = host.IPVLANBridge+host.IPVLAN(p.Flag), p.Group, p.Addr
	}
	if d.Name == "" {
		d.Name = taken.choose(cmp.Or(prefix, config.VMACPrefix), v.VRID, v.V6)
	}
	return d
}

// on is the device on the link of an address, which is made if it is the first.
func (d *Detail) on(inst *config.Instance, a *config.Address, taken names, g *config.Global) string {
	at := slices.IndexFunc(d.Devices, func(o Device) bool { return o.Parent == a.Link })
	if at < 0 {
		at = len(d.Devices)
		v := &inst.VRRP
		d.Devices = append(d.Devices, Device{Device: host.Device{
			Name: taken.choose(cmp.Or(g.VMACAddrPrefix, g.VMACPrefix, config.VMACPrefix), v.VRID, v.V6), Parent: a.Link, MAC: inst.VirtualMAC(), V6: v.V6,
		}})
	}
	if a.V6() {
		d.Devices[at].Dual = true
	}
	return d.Devices[at].Name
}

// quarters are the devices of the configuration in force. The zero value has none.
type quarters struct {
	all     []host.Device
	parents map[string]string   // of devices that hear adverts
	sends   map[vrrp.Key]string // the device that adverts leave by
	guests  []guest
	good    map[string]bool   // devices that are there and work
	devices map[string]bool   // those with a virtual MAC address
	on      map[string]string // the parent of each
}

// guest is the source address of adverts on the device that they leave by: the
// kernel sends from no address that is not there.
type guest struct {
	device, parent string
	own            netip.Prefix // configured; zero: made of the parent's
	sibling        bool         // of an ipvlan: not the same as the parent's
	vrid           uint8
	held           netip.Prefix // what is wanted of the host; zero: nothing
}

// settle finds the names of the devices. A link that is one already keeps its name,
// and so does a stranger that has a name which is wished for.
func (c *Reload) settle(ls *links) {
	if c.devices == 0 {
		return
	}
	taken, used := c.taken(ls), names{}
	c.quarters = quarters{parents: map[string]string{}, sends: map[vrrp.Key]string{}, good: map[string]bool{}, devices: map[string]bool{}, on: map[string]string{}}
	for i := range c.Details {
		v := &c.Routers[i]
		for j := range c.Details[i].Devices {
			d := &c.Details[i].Devices[j]
			name, alien := ls.nameOf(d.Device, used, c.Global.Mark)
			if alien {
				name = taken.choose(config.VMACPrefix, v.VRID, v.V6)
			}
			c.rename(i, d, name)
			used[name] = true
			c.quarters.add(v, d)
			c.quarters.good[name] = ls.get(name).good()
		}
	}
	c.ports = listPorts(c.Config, c.quarters.sends)
}

// taken are the names that no other device can have.
func (c *Reload) taken(ls *links) names {
	taken := names{}
	for i := range c.Details {
		for j := range c.Details[i].Devices {
			taken[c.Details[i].Devices[j].Name] = true
		}
	}
	for name, l := range ls.byName {
		if l.exists {
			taken[name] = true
		}
	}
	return taken
}

// nameOf is the name of the link that is a device already, else the one wished for;
// alien says that a stranger has that.
func (ls *links) nameOf(d host.Device, used names, mark string) (name string, alien bool) {
	parent, wished := ls.get(d.Parent), ls.get(d.Name)
	is := func(l *link) bool { return l.exists && parent.exists && !used[l.Name] && d.Is(l.Link, parent.Link) }
	if is(wished) {
		return d.Name, false
	}
	for _, name := range slices.Sorted(maps.Keys(ls.byName)) {
		if is(ls.byName[name]) {
			return name, false
		}
	}
	return d.Name, wished.exists && wished.Alias != mark
}

// rename changes the name of a device and of the link of the addresses on it.
func (c *Reload) rename(i int, d *Device, name string) {
	addrs := c.Details[i].Addrs
	for j := range addrs {
		if addrs[j].Link == d.Name {
			addrs[j].Link = name
		}
	}
	d.Name = name
}

func (q *quarters) add(v *vrrp.Config, d *Device) {
	q.all = append(q.all, d.Device)
	q.on[d.Name] = d.Parent
	if d.IPVLAN == host.NoIPVLAN {
		q.devices[d.Name] = true
	}
	if !d.Sends {
		return
	}
	q.parents[d.Name], q.sends[v.Key] = d.Parent, d.Name
	g := guest{device: d.Name, parent: d.Parent, own: d.Own, sibling: d.IPVLAN != host.NoIPVLAN, vrid: v.VRID}
	if d.V6 && !g.sibling && v.Source.IsValid() {
		g.own = whole(v.Source.WithZone(""))
	}
	if d.V6 || g.own.IsValid() {
		q.guests = append(q.guests, g)
	}
}

func whole(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, a.BitLen()) }

// inhabit makes the devices of a configuration the wanted ones, and lets go of the
// source addresses on those of the one before.
func (r *Router) inhabit(q quarters, first bool, out *Effects) {
	old := r.quarters
	r.quarters = q
	if first || len(old.all)+len(q.all) > 0 {
		out.Host.Devices = &q.all
	}
	for _, g := range old.guests {
		if at := slices.IndexFunc(q.guests, func(o guest) bool { return o.device == g.device }); at >= 0 {
			q.guests[at].held = g.held
			continue
		}
		g.leave(out)
	}
	for i := range q.guests {
		r.invite(&q.guests[i], out)
	}
}

// invite puts the source of adverts on a device.
func (r *Router) invite(g *guest, out *Effects) {
	source := g.own
	if !source.IsValid() {
		source = r.besides(g)
	}
	if source == g.held {
		return
	}
	g.leave(out)
	if g.held = source; source.IsValid() {
		out.Host.Want = append(out.Host.Want, host.Wish{Addr: g.addr(), AddrOpts: g.opts()})
	}
}

// besides is the source that follows from the parent's at present.
func (r *Router) besides(g *guest) netip.Prefix {
	source := r.links.state(r.links.get(g.parent)).Source6.WithZone("")
	switch {
	case !source.IsValid():
		return netip.Prefix{}
	case g.sibling:
		source = vrrp.Sibling(source, g.vrid)
	}
	return whole(source)
}

// opts keep the kernel from choosing the parent's address for what else it sends.
func (g *guest) opts() (o host.AddrOpts) {
	o.NoDAD = g.held.Addr().Is6()
	if g.sibling {
		o.Preferred = host.Forever
		return o
	}
	o.Shield = host.Unadvertised
	return o
}

// lodges reports whether an address is the source of adverts on a device.
func (q *quarters) lodges(a host.Addr) bool {
	return slices.ContainsFunc(q.guests, func(g guest) bool { return g.held.IsValid() && g.addr() == a })
}

// leave takes the address away.
func (g *guest) leave(out *Effects) {
	if g.held.IsValid() {
		out.Host.Drop = append(out.Host.Drop, g.addr())
	}
	g.held = netip.Prefix{}
}

func (g *guest) addr() host.Addr { return host.Addr{Link: g.device, Prefix: g.held} }

// parentChanged follows the source addresses of a link to the devices on it.
func (r *Router) parentChanged(name string, out *Effects) {
	for i := range r.quarters.guests {
		if g := &r.quarters.guests[i]; g.parent == name {
			r.invite(g, out)
		}
	}
}

// vacate gives the devices up when all is said.
func (r *Router) vacate(out *Effects) {
	if len(r.quarters.all) > 0 {
		r.inhabit(quarters{}, false, out)
	}
}

// home translates the link on which an advert came in: virtual routers know the
// parents of their devices only.
func (r *Router) home(d *wire.Datagram) *wire.Datagram {
	if parent, ok := r.quarters.parents[d.Link]; ok {
		d.Link = parent
	}
	return d
}

// route lets adverts leave by the devices of their routers. One that has no device
// for the moment is silent: what leaves by the parent would teach switches a place
// of the router that is none. Changes are those of the same step.
func (r *Router) route(sends []vrrp.Send, changes []vrrp.Change) []vrrp.Send {
	if len(r.quarters.sends) == 0 {
		return sends
	}
	rest := sends[:0]
	for _, s := range sends {
		if device := r.deviceOf(s.ID); device != "" {
			if s.Link = device; r.IfIndex(device) == 0 || r.quarters.devices[device] && r.hushed(s.ID, changes) {
				continue
			}
		}
		rest = append(rest, s)
	}
	return rest
}

// deviceOf is the device that a router sends by; empty: none.
func (r *Router) deviceOf(id vrrp.ID) string {
	if int(id) >= len(r.parts) || r.parts[id].cfg == nil {
		return ""
	}
	return r.quarters.sends[r.parts[id].key()]
}

// devicesOf lists the devices of a router, that for its adverts first.
func (q *quarters) devicesOf(p *part) (list []string) {
	if len(q.on) == 0 {
		return nil
	}
	add := func(name string) {
		if parent, ok := q.on[name]; ok && !slices.Contains(list, name+"@"+parent) {
			list = append(list, name+"@"+parent)
		}
	}
	add(q.sends[p.key()])
	for i := range p.addrs {
		add(p.addrs[i].Link)
	}
	return list
}

// moored counts a repair for those whose device it was, and lets a MASTER speak that
// sends by it: an advert that was due meanwhile could not leave, and whoever harmed the
// device may do so again before it is reported to be there.
func (r *Router) moored(now mono.Instant, name string, out *Effects) {
	of := name + "@" + r.quarters.on[name]
	for i := range r.parts {
		if !slices.Contains(r.quarters.devicesOf(&r.parts[i]), of) {
			continue
		}
		r.parts[i].repairs++
		if r.quarters.sends[r.parts[i].key()] == name {
			r.set.Speak(now, vrrp.ID(i), &out.Out)
		}
	}
}

// hushed keeps a router that becomes MASTER in this step from saying so before it
// holds its addresses: its first word from the virtual MAC address makes the switches
// send everything here.
func (r *Router) hushed(id vrrp.ID, changes []vrrp.Change) bool {
	p := &r.parts[id]
	rises := slices.ContainsFunc(changes, func(c vrrp.Change) bool { return !c.Group && c.ID == id && c.To == vrrp.Master })
	p.hushed = rises && p.holds && p.pending > 0
	return p.hushed
}

// fallSilent keeps the devices of a router that is MASTER no more from saying a word.
func (r *Router) fallSilent(p *part, out *Effects) {
	if len(r.quarters.devices) == 0 {
		return
	}
	for i := range p.addrs {
		if link := p.addrs[i].Link; r.quarters.devices[link] && !slices.Contains(out.Host.Hush, link) {
			out.Host.Hush = append(out.Host.Hush, link)
		}
	}
}

// spread is over how long the rounds of announcements from a virtual MAC address are
// spread, dense at first: what the old MASTER says before it has removed its addresses
// takes the switches back.
const spread = 20 * time.Millisecond

// firstGap is the gap in the first round, which doubles with each.
func firstGap(rounds, addrs int) time.Duration {
	gaps := 1<<min(max(rounds, 1), 16) - 1
	return spread / time.Duration(gaps*max(addrs, 1))
}

// deviceChanged is for those who send and hear by a device: a MASTER speaks as soon as it
// works, and a BACKUP is deaf until then.
func (r *Router) deviceChanged(now mono.Instant, name string, out *Effects) {
	l := r.links.get(name)
	if r.quarters.parents[name] == "" || l.good() == r.quarters.good[name] {
		return
	}
	r.quarters.good[name] = l.good()
	for i := range r.parts {
		p := &r.parts[i]
		if p.cfg == nil || r.quarters.sends[p.key()] != name {
			continue
		}
		r.set.Deafen(now, vrrp.ID(i), r.isDeaf(p.cfg), &out.Out)
		if l.good() {
			r.set.Speak(now, vrrp.ID(i), &out.Out)
		}
	}
}

// ground is the link below a device, or the link itself.
func (d *Detail) ground(link string) string {
	for i := range d.Devices {
		if d.Devices[i].Name == link {
			return d.Devices[i].Parent
		}
	}
	return link
}

func (c *Config) countDevices() (n int) {
	for i := range c.Details {
		n += len(c.Details[i].Devices)
	}
	return n
}
