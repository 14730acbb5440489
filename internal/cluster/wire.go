package cluster

import (
	"fmt"
	"strings"
	"time"
)

// checkWire finds what keeps the members from taking each other's adverts: each
// then counts the others as dead and becomes MASTER beside them.
func (c *checker) checkWire(s *shared) {
	for _, d := range differences() {
		ref, odd := d.split(s)
		for _, m := range odd {
			d.tell(c, m, ref)
		}
	}
}

// difference is something that all members should have alike: of is what they
// are compared by, tell speaks of one that differs from another.
type difference struct {
	of   func(*member) string
	tell func(c *checker, m, ref *member)
}

func differences() []difference {
	return []difference{
		{func(m *member) string { return family(m) }, (*checker).tellFamily},
		{func(m *member) string { return fmt.Sprint(m.inst.VRRP.VRID) }, (*checker).tellVRID},
		{cast, (*checker).tellCast},
		{group, (*checker).tellGroup},
		{func(m *member) string { return fmt.Sprint(m.inst.VRRP.Version) }, (*checker).tellVersion},
		{authentication, (*checker).tellAuthentication},
		{func(m *member) string { return m.inst.VRRP.Interval.String() }, (*checker).tellInterval},
		{func(m *member) string { return fmt.Sprint(pseudo(m)) }, (*checker).tellChecksum},
		{func(m *member) string { return fmt.Sprint(m.inst.VRRP.Strict) }, (*checker).tellStrict},
	}
}

// split takes what most members have as right, in doubt what the first one has,
// and returns a member that has it and those that differ.
func (d difference) split(s *shared) (ref *member, odd []*member) {
	count, most := map[string]int{}, 0
	for _, m := range s.members {
		count[d.of(m)]++
		most = max(most, count[d.of(m)])
	}
	for _, m := range s.members {
		if count[d.of(m)] == most {
			ref = m
			break
		}
	}
	for _, m := range s.members {
		if d.of(m) != d.of(ref) {
			odd = append(odd, m)
		}
	}
	return ref, odd
}

const makeEqual = "write the same on all nodes"

// deaf is what comes of members that do not take each other's adverts. In a sync
// group the other members can keep both from being MASTER.
func deaf(m, ref *member) string {
	if m.grouped || ref.grouped {
		return "neither takes the other's adverts, so that both can be MASTER"
	}
	return "neither takes the other's adverts, so that there are two MASTERs"
}

func strangers(m, ref *member) string {
	if m.grouped || ref.grouped {
		return "to the network these are two virtual routers, and both can be MASTER"
	}
	return "to the network these are two virtual routers, each with a MASTER"
}

func family(m *member) string {
	if m.inst.VRRP.V6 {
		return "IPv6"
	}
	return "IPv4"
}

func (c *checker) tellFamily(m, ref *member) {
	c.complain("family-differs", m.at("virtual_ipaddress"),
		fmt.Sprintf("%s is %s on %s and %s on %s (%s): %s", m.inst.VRRP.Name, family(m), c.name(m), family(ref), c.name(ref), ref.at("virtual_ipaddress"), strangers(m, ref)),
		"give each family an instance of its own, on all nodes")
}

func (c *checker) tellVRID(m, ref *member) {
	c.complain("vrid-differs", m.at("virtual_router_id"),
		fmt.Sprintf("virtual_router_id is %d on %s and %d on %s (%s) for the same address %s: %s",
			m.inst.VRRP.VRID, c.name(m), ref.inst.VRRP.VRID, c.name(ref), ref.at("virtual_router_id"), common(m, ref), strangers(m, ref)),
		fmt.Sprintf("write %d here, or %d there", ref.inst.VRRP.VRID, m.inst.VRRP.VRID))
}

// common is the first address that both members have.
func common(m, o *member) string {
	has := map[string]bool{}
	for _, a := range o.inst.VRRP.VIPs {
		has[a.String()] = true
	}
	for _, a := range m.inst.VRRP.VIPs {
		if has[a.String()] {
			return a.String()
		}
	}
	return ""
}

func cast(m *member) string {
	switch {
	case m.unicast():
		return "unicast"
	case m.peerless():
		return "to nobody (unicast_fault_no_peer)"
	}
	return "multicast"
}

func (c *checker) tellCast(m, ref *member) {
	c.complain("unicast-against-multicast", m.at("unicast_peer"),
		fmt.Sprintf("%s sends %s on %s and %s on %s (%s): %s", m.inst.VRRP.Name, cast(m), c.name(m), cast(ref), c.name(ref), ref.at("unicast_peer"), deaf(m, ref)),
		"write unicast_peer on all nodes, or on none")
}

// group is where a multicast member sends to; unicast members have none.
func group(m *member) string {
	if m.unicast() {
		return ""
	}
	return m.inst.VRRP.Group.String()
}

func (c *checker) tellGroup(m, ref *member) {
	if m.unicast() != ref.unicast() || m.inst.VRRP.V6 != ref.inst.VRRP.V6 {
		return // said
	}
	word := "vrrp_mcast_group4"
	if m.inst.VRRP.V6 {
		word = "vrrp_mcast_group6"
	}
	at, other := m.orGlobal("mcast_dst_ip", word), ref.orGlobal("mcast_dst_ip", word)
	c.complain("group-differs", at,
		fmt.Sprintf("%s sends to the group %s on %s and to %s on %s (%s): %s", m.inst.VRRP.Name, group(m), c.name(m), group(ref), c.name(ref), other, deaf(m, ref)),
		makeEqual+": "+word+" in global_defs, or mcast_dst_ip in the instance")
}

func (c *checker) tellVersion(m, ref *member) {
	if m.inst.VRRP.V6 != ref.inst.VRRP.V6 {
		return // said
	}
	c.complain("version-differs", m.orGlobal("version", "vrrp_version"),
		fmt.Sprintf("%s speaks VRRP version %d on %s and %d on %s (%s): %s", m.inst.VRRP.Name, m.inst.VRRP.Version, c.name(m),
			ref.inst.VRRP.Version, c.name(ref), ref.orGlobal("version", "vrrp_version"), deaf(m, ref)),
		"write the same version on all nodes")
}

// authentication is compared and never shown.
func authentication(m *member) string {
	if h := header(m); h != "" {
		return h
	}
	if !m.inst.VRRP.HasPass {
		return "none"
	}
	return "password " + string(m.inst.VRRP.Password[:])
}

// header is the authentication header (auth_type AH) of a member with its
// password; empty without.
func header(m *member) string {
	if !m.inst.VRRP.Header {
		return ""
	}
	return "AH " + string(m.inst.VRRP.Password[:])
}

// authenticates says how a member does: "AH", "a password", "none".
func authenticates(m *member) string {
	switch {
	case header(m) != "":
		return "an authentication header"
	case m.inst.VRRP.HasPass:
		return "a password"
	}
	return "none"
}

func (c *checker) tellAuthentication(m, ref *member) {
	if m.inst.VRRP.Version != ref.inst.VRRP.Version {
		return // the versions come first
	}
	text := fmt.Sprintf("the passwords of %s differ on %s and on %s (%s)", m.inst.VRRP.Name, c.name(m), c.name(ref), ref.inside("authentication", "auth_pass"))
	if a, b := authenticates(m), authenticates(ref); a != "none" && b != "none" && a != b {
		text = fmt.Sprintf("%s sends %s on %s and %s on %s (%s)", m.inst.VRRP.Name, a, c.name(m), b, c.name(ref), ref.inside("authentication", "auth_type"))
	} else if a != b {
		with, without := m, ref
		if a == "none" {
			with, without = ref, m
		}
		text = fmt.Sprintf("%s sends %s on %s and none on %s%s", m.inst.VRRP.Name, authenticates(with), c.place(with, m, "authentication"), c.place(without, m, "authentication"), because(without))
	}
	c.complain("authentication-differs", m.inside("authentication", "auth_pass"), text+": "+deaf(m, ref), "write the same auth_type and auth_pass on all nodes; 8 characters count")
}

// because is why a member has no password where one is written.
func because(m *member) string {
	switch {
	case !m.has("authentication"):
		return ""
	case m.inst.VRRP.Strict:
		return ", where strict mode drops it"
	}
	return ", where it is not complete"
}

// place names the node of a member and, unless the finding stands there, the line.
func (c *checker) place(m, here *member, words ...string) string {
	if m == here {
		return c.name(m)
	}
	return fmt.Sprintf("%s (%s)", c.name(m), m.at(words...))
}

func (c *checker) tellInterval(m, ref *member) {
	text := fmt.Sprintf("advert_int of %s is %s on %s and %s on %s (%s)", m.inst.VRRP.Name, seconds(m.inst.VRRP.Interval), c.name(m),
		seconds(ref.inst.VRRP.Interval), c.name(ref), ref.at("advert_int"))
	if m.inst.VRRP.Version != 2 || ref.inst.VRRP.Version != 2 {
		c.advise("interval-differs", m.at("advert_int"),
			text+": a BACKUP waits by the interval of its MASTER, so a failure is noticed sooner or later depending on who fails", makeEqual)
		return
	}
	c.complain("interval-differs", m.at("advert_int"), text+": under version 2 "+deaf(m, ref), makeEqual)
}

func seconds(d time.Duration) string {
	return strings.TrimSuffix(strings.TrimRight(fmt.Sprintf("%.3f", d.Seconds()), "0"), ".") + " s"
}

func (c *checker) tellStrict(m, ref *member) {
	strict, other := m, ref
	if ref.inst.VRRP.Strict {
		strict, other = ref, m
	}
	c.advise("strict-differs", m.orGlobal("strict_mode", "vrrp_strict"),
		fmt.Sprintf("%s is under strict mode on %s and not on %s: %s", m.inst.VRRP.Name, c.strictPlace(strict, m), c.name(other), strictMeans(strict)),
		"write or delete vrrp_strict on all nodes")
}

func (c *checker) strictPlace(m, here *member) string {
	if m == here {
		return c.name(m)
	}
	return fmt.Sprintf("%s (%s)", c.name(m), m.orGlobal("strict_mode", "vrrp_strict"))
}

// strictMeans is what strict mode does to an instance that its partner has not.
func strictMeans(m *member) string {
	r := &m.inst.VRRP
	var does []string
	if m.has("authentication") && r.Version == 2 {
		does = append(does, "it drops the password")
	}
	if m.unicast() {
		does = append(does, "keepalived refuses unicast_peer there")
	}
	if silent(m) {
		does = append(does, "keepalived lets nobody reach the addresses there")
	}
	if len(does) == 0 {
		return "the nodes behave differently"
	}
	return list(does)
}

// silent tells whether strict mode keeps everybody from the addresses: below 255
// they are filtered unless version 3 says accept.
func silent(m *member) bool {
	return m.inst.VRRP.Priority != 255 && (m.inst.VRRP.Version == 2 || !m.has("accept"))
}

// pseudo tells whether the addresses of the packet count for the checksum.
func pseudo(m *member) bool {
	r := &m.inst.VRRP
	return r.Version != 3 || r.V6 || !r.ChecksumAsV2
}

// tellChecksum: who leaves the addresses out does not verify checksums at all, so
// that only one side is deaf.
func (c *checker) tellChecksum(m, ref *member) {
	if m.inst.VRRP.Version != ref.inst.VRRP.Version || m.inst.VRRP.V6 != ref.inst.VRRP.V6 {
		return // said
	}
	without, with := m, ref
	if pseudo(m) {
		without, with = ref, m
	}
	c.complain("checksum-differs", m.orGlobal("v3_checksum_as_v2", "v3_checksum_as_v2"),
		fmt.Sprintf("v3_checksum_as_v2 of %s is on for %s and not for %s: %s drops the adverts of %s as damaged, and both can be MASTER",
			m.inst.VRRP.Name, c.name(without), c.name(with), c.name(with), c.name(without)),
		makeEqual)
}
