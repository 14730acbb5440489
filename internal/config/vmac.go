package config

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"holdfast/internal/conf"
	"holdfast/internal/host"
)

// VMAC is use_vmac: the instance runs on a macvlan that has the virtual MAC.
type VMAC struct {
	// Name is that of the macvlan; empty: made of vmac_prefix and the VRID.
	Name string
	// MAC is what is asked for in place of the virtual MAC of RFC 9568; zero: that.
	MAC [6]byte
	// NetlinkNotify is netlink_notify_msg.
	NetlinkNotify bool
	// Group is the group of interfaces that the macvlan joins; absent: its parent's.
	Group host.Optional
	// TransmitBase is vmac_xmit_base: adverts go by the parent.
	TransmitBase bool
}

// String writes m as a file does; nil is none.
func (m *VMAC) String() string {
	if m == nil {
		return "none"
	}
	text := "use_vmac"
	if m.Name != "" {
		text += " " + m.Name
	}
	if m.MAC != [6]byte{} {
		text += " " + macText(m.MAC)
	}
	if m.NetlinkNotify {
		text += " netlink_notify_msg"
	}
	if m.Group.Given {
		text += fmt.Sprintf(" group %d", m.Group.Value)
	}
	if m.TransmitBase {
		text += ", vmac_xmit_base"
	}
	return text
}

// IPVLANFlag is how the ipvlans of one parent reach each other.
type IPVLANFlag uint8

// The flags, IPVLAN_F_PRIVATE and IPVLAN_F_VEPA.
const (
	IPVLANBridge IPVLANFlag = iota
	IPVLANPrivate
	IPVLANVEPA
)

// IPVLAN is use_ipvlan: the instance runs on an ipvlan of mode L2.
type IPVLAN struct {
	// Name is that of the ipvlan; empty: made of vmac_prefix and the VRID.
	Name string
	// Addr is put on it and is the source of adverts; zero: none.
	Addr  netip.Prefix
	Flag  IPVLANFlag
	Group host.Optional
}

// String is the word of a file.
func (f IPVLANFlag) String() string { return []string{"bridge", "private", "vepa"}[f] }

func (p *IPVLAN) kind() string { return "ipvlan (" + p.Flag.String() + ")" }

// String writes p as a file does; nil is none.
func (p *IPVLAN) String() string {
	if p == nil {
		return "none"
	}
	text := "use_ipvlan"
	if p.Name != "" {
		text += " " + p.Name
	}
	if p.Addr.IsValid() {
		text += " " + p.Addr.String()
	}
	text += " " + p.Flag.String()
	if p.Group.Given {
		text += fmt.Sprintf(" group %d", p.Group.Value)
	}
	return text
}

func vmacRows() []keyword[instance] {
	return []keyword[instance]{
		{word: "use_vmac", form: words("[[name] IFNAME] [MAC] [netlink_notify_msg] [group G]"), note: "off; vrrp.VRID and 00:00:5e:00:01:VRID, for IPv6 :02:VRID",
			meaning: "The instance runs on a macvlan of its own that has the virtual MAC, and the addresses go there too.",
			set:     (*instance).setVMAC},
		{word: "use_vmac_addr", form: flag(), note: "off",
			meaning: "Addresses on other interfaces get a macvlan there as well.",
			set:     func(i *instance, _ value) { i.VMACAddresses = true }},
		{word: "vmac_xmit_base", form: flag(), note: "off; on for unicast",
			meaning: "Adverts are sent and heard on the parent of the macvlan.",
			set:     func(i *instance, v value) { i.xmitBase = given(struct{}{}, v.at) }},
		{word: "use_ipvlan", form: words("[[name] IFNAME] [ADDR[/LEN]] [bridge|private|vepa] [group G]"), note: "off; bridge",
			meaning: "The instance runs on an ipvlan of its own, which has ADDR and sends from it; IPv4 needs ADDR.",
			set:     (*instance).setIPVLAN},
	}
}

// setVMAC reads the words of use_vmac, in any order.
func (i *instance) setVMAC(v value) {
	m := i.vmac.value
	i.deviceWords(v, "use_vmac", &m.Name, &m.Group, func(word value) {
		switch {
		case word.text == "netlink_notify_msg":
			m.NetlinkNotify = true
		case strings.Count(word.text, ":") >= 4:
			i.setMAC(word)
		default:
			i.deviceName(&m.Name, "use_vmac", word)
		}
	})
	i.vmac = given(m, v.at)
}

// deviceWords reads the words of a device that is to be made, of which name and group have
// one of their own; the others are for other.
func (i *instance) deviceWords(v value, keyword string, name *string, group *host.Optional, other func(value)) {
	for n := 0; n < len(v.words); n++ {
		word := value{at: v.words[n].Span, text: v.words[n].Text}
		if n+1 == len(v.words) || word.text != "name" && word.text != "group" {
			other(word)
			continue
		}
		n++
		argument := value{at: v.words[n].Span, text: v.words[n].Text}
		if word.text == "name" {
			i.deviceName(name, keyword, argument)
		} else {
			i.linkGroup(group, argument)
		}
	}
}

// setIPVLAN reads the words of use_ipvlan, in any order.
func (i *instance) setIPVLAN(v value) {
	p := i.ipvlan.value
	i.deviceWords(v, "use_ipvlan", &p.Name, &p.Group, func(word value) {
		switch word.text {
		case "bridge":
			p.Flag = IPVLANBridge
		case "private":
			p.Flag = IPVLANPrivate
		case "vepa":
			p.Flag = IPVLANVEPA
		default:
			i.ipvlanWord(&p, word)
		}
	})
	i.ipvlan = given(p, v.at)
}

// ipvlanWord takes an address or a name.
func (i *instance) ipvlanWord(p *IPVLAN, v value) {
	addr, legal, ok := lengthy(v.text)
	switch {
	case !ok:
		i.deviceName(&p.Name, "use_ipvlan", v)
	case !legal:
		i.b.complain(v.at, fmt.Sprintf("the prefix length of %s is not legal; the address is ignored", v.text), "")
	case i.family(addr.Addr(), v.at, "the address of use_ipvlan"):
		p.Addr = addr
	}
}

// deviceName takes the name of a device that is to be made.
func (i *instance) deviceName(to *string, word string, v value) {
	switch {
	case *to != "":
		i.b.complain(v.at, fmt.Sprintf("%s has the name %s already; %q is ignored", word, *to, v.text), "")
	case v.text == "" || len(v.text) > nameLimit || strings.ContainsAny(v.text, "/ \t") || v.text == "." || v.text == "..":
		i.b.complain(v.at, fmt.Sprintf("%q cannot be the name of an interface and is ignored", v.text), "1 to 15 bytes without /")
	default:
		*to = i.b.keep(v.text)
	}
}

func (i *instance) linkGroup(to *host.Optional, v value) {
	n, ok := i.b.lookup(groupNames, v.text)
	if !ok {
		i.b.complain(v.at, fmt.Sprintf("%q is neither a number nor a name in group of iproute2; it is ignored", v.text), "")
		return
	}
	*to = host.Some(uint32(n))
}

// setMAC takes six octets, or five to which the VRID is added.
func (i *instance) setMAC(v value) {
	octets := strings.Split(v.text, ":")
	mac := [6]byte{}
	ok := len(octets) == 5 || len(octets) == 6
	for n := 0; ok && n < len(octets); n++ {
		b, err := strconv.ParseUint(octets[n], 16, 8)
		mac[n], ok = byte(b), err == nil
	}
	switch {
	case !ok:
		i.b.complain(v.at, fmt.Sprintf("%q is not a MAC address and is ignored", v.text), "six octets, or five to which the virtual_router_id is added")
	case mac[0]&1 != 0:
		i.b.complain(v.at, v.text+" is a multicast MAC address and is ignored", "the second digit is even in addresses of one station")
	case mac[0] == 0 && mac[1] == 0 && mac[2] == 0x5e && mac[3] == 0 && (mac[4] == 1 || mac[4] == 2):
		i.b.complain(v.at, v.text+" is a MAC address of RFC 9568 and is ignored", "delete it: the one of this instance is the default")
	default:
		i.mac, i.shortMAC = given(mac, v.at), len(octets) == 5
	}
}

// settleVMAC settles use_vmac and use_ipvlan with the rest of the instance.
func (i *instance) settleVMAC() {
	i.settleIPVLAN()
	if !i.vmac.given || i.ipvlan.given {
		if i.xmitBase.given {
			i.b.complain(i.xmitBase.at, "vmac_xmit_base goes with use_vmac and is ignored", "delete it")
		}
		return
	}
	m := i.vmac.value
	if i.link.value == "" && len(i.VRRP.Peers) > 0 {
		i.b.complain(i.vmac.at, "use_vmac needs an interface and is ignored", "write interface NAME")
		return
	}
	i.deviceOf(&m.Name, i.vmac.at)
	m.TransmitBase = i.transmitBase()
	m.MAC = i.ownMAC()
	i.VMAC = &m
}

// ownVMAC reports whether an address with use_vmac would be elsewhere without; named
// says that it names its device.
func (i *instance) ownVMAC(l listed, named bool) bool {
	why := ""
	switch {
	case i.VMACAddresses:
		why = "use_vmac_addr"
	case i.vmac.given && !named && l.Link == i.link.value && l.V6() == i.v6.value:
		why = "use_vmac of the instance"
	default:
		return true
	}
	i.b.complain(l.at, fmt.Sprintf("use_vmac behind %s adds nothing to %s", l.Prefix.Addr(), why), "delete one of them")
	return false
}

// deviceOf clears the name of a device that an instance above makes, and says so.
func (i *instance) deviceOf(name *string, at conf.Span) {
	if *name == "" {
		return
	}
	if first := i.b.devices[*name]; first != nil {
		i.b.complain(at, fmt.Sprintf("%s makes an interface %s already; the name is ignored", first.Title(), *name), "give each a name of its own")
		*name = ""
		return
	}
	if i.b.devices == nil {
		i.b.devices = map[string]*conf.Node{}
	}
	i.b.devices[*name] = i.node
}

// transmitBase settles vmac_xmit_base, which unicast demands and strict mode forbids.
func (i *instance) transmitBase() bool {
	switch unicast := len(i.VRRP.Peers) > 0; {
	case i.VRRP.Strict && i.xmitBase.given:
		i.b.complain(i.xmitBase.at, "strict mode does not allow vmac_xmit_base; it is ignored", "delete it")
		return false
	case unicast && !i.xmitBase.given:
		i.b.complain(i.vmac.at, "unicast with use_vmac needs vmac_xmit_base; it is set", "write vmac_xmit_base")
		return true
	}
	return i.xmitBase.given
}

// ownMAC is the MAC address that is configured; zero: none.
func (i *instance) ownMAC() [6]byte {
	mac := i.mac.value
	switch {
	case i.VRRP.Strict && i.mac.given:
		i.b.complain(i.mac.at, "strict mode does not allow another MAC address; it is ignored", "delete it")
		return [6]byte{}
	case i.shortMAC:
		mac[5] = i.VRRP.VRID
	}
	return mac
}

// DeviceName is the name that is asked for of the device of use_vmac or use_ipvlan;
// empty: none.
func (i *Instance) DeviceName() string {
	switch {
	case i.VMAC != nil:
		return i.VMAC.Name
	case i.IPVLAN != nil:
		return i.IPVLAN.Name
	}
	return ""
}

// Lodges reports whether an address goes on a device of the instance: it asks for it, or
// all do, or it is one of the family and on the interface of an instance that has a
// device there, and does not name that interface.
func (i *Instance) Lodges(a *Address) bool {
	has := i.VMAC != nil || i.IPVLAN != nil
	home := has && a.Link == i.VRRP.Link && a.V6() == i.VRRP.V6 && !slices.Contains(i.OnParent, a.Prefix.Addr())
	return home || i.VMACAddresses || slices.Contains(i.OnVMAC, a.Prefix.Addr())
}

// parentsOf are the interfaces on which the instance has a device.
func (i *Instance) parentsOf() (list []string) {
	if i.VMAC != nil || i.IPVLAN != nil {
		list = append(list, i.VRRP.Link)
	}
	for n := range i.Addrs {
		if a := &i.Addrs[n]; i.Lodges(a) && !slices.Contains(list, a.Link) {
			list = append(list, a.Link)
		}
	}
	return list
}

// station is a virtual MAC address on a parent: a link passes it to one macvlan.
type station struct {
	parent string
	mac    [6]byte
}

// parent is what kind of devices an interface has: the kernel allows one.
type parent struct {
	first *conf.Node
	kind  string
}

// settleStation refuses an instance whose devices the kernel would not make beside
// those of another.
func (i *instance) settleStation() bool {
	links := i.parentsOf()
	for _, link := range links {
		if !i.fits(link) {
			return false
		}
	}
	for _, link := range links {
		i.occupy(link)
	}
	return true
}

// fits says what keeps a device from a link, if there is something.
func (i *instance) fits(link string) bool {
	s, kind := station{link, i.VirtualMAC()}, i.kindOn(link)
	first, there := i.b.stations[s], i.b.parents[link]
	switch {
	case there.first != nil && there.kind != kind:
		i.b.complain(i.deviceAt(), fmt.Sprintf("there can be no %s on %s beside the %s of %s; the instance is not run", kind, link, there.kind, there.first.Title()), "use one kind of device on an interface")
	case first != nil && kind == macvlan:
		i.b.complain(i.deviceAt(), fmt.Sprintf("%s has the MAC address %s on %s already; the instance is not run", first.Title(), macText(s.mac), s.parent), "give each instance on a link a MAC address of its own")
	default:
		return true
	}
	return false
}

func (i *instance) occupy(link string) {
	if i.b.stations == nil {
		i.b.stations, i.b.parents = map[station]*conf.Node{}, map[string]parent{}
	}
	kind := i.kindOn(link)
	i.b.parents[link] = parent{i.node, kind}
	if kind == macvlan {
		i.b.stations[station{link, i.VirtualMAC()}] = i.node
	}
}

const macvlan = "macvlan"

// kindOn is the kind of device that the instance has on a link. What other links
// get for its addresses are macvlans.
func (i *Instance) kindOn(link string) string {
	if i.IPVLAN == nil || link != i.VRRP.Link {
		return macvlan
	}
	return i.IPVLAN.kind()
}

// deviceAt is where the instance asks for a device.
func (i *instance) deviceAt() conf.Span {
	switch {
	case i.vmac.given:
		return i.vmac.at
	case i.ipvlan.given:
		return i.ipvlan.at
	}
	return i.node.Span()
}

// VirtualMAC is 00-00-5E-00-01-VRID for IPv4 and 00-00-5E-00-02-VRID for IPv6
// (RFC 9568 section 7.3), unless another is configured.
func (i *Instance) VirtualMAC() [6]byte {
	switch {
	case i.VMAC != nil && i.VMAC.MAC != [6]byte{}:
		return i.VMAC.MAC
	case i.VRRP.V6:
		return [6]byte{0, 0, 0x5e, 0, 2, i.VRRP.VRID}
	}
	return [6]byte{0, 0, 0x5e, 0, 1, i.VRRP.VRID}
}

func macText(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

func (i *instance) settleIPVLAN() {
	if !i.ipvlan.given {
		return
	}
	p := i.ipvlan.value
	if i.link.value == "" && len(i.VRRP.Peers) > 0 {
		i.b.complain(i.ipvlan.at, "use_ipvlan needs an interface and is ignored", "write interface NAME")
		return
	}
	i.deviceOf(&p.Name, i.ipvlan.at)
	i.IPVLAN = &p
	if i.vmac.given {
		i.b.advise(i.vmac.at, "use_vmac beside use_ipvlan is ignored", "delete one of them")
	}
	i.VRRP.OwnSource, i.VRRP.Source, i.TrackSource = true, p.Addr.Addr(), false
	if len(i.VRRP.Peers) > 0 {
		i.VRRP.From = i.VRRP.Source
	}
	if !i.v6.value && !p.Addr.IsValid() {
		i.b.complain(i.ipvlan.at, "use_ipvlan needs an address with IPv4; the instance stays in FAULT", "write use_ipvlan NAME ADDR/LENGTH")
	}
}

// VMACPrefix is vmac_prefix where it is not configured.
const VMACPrefix = "vrrp"
