package config

import (
	"strconv"
	"strings"

	"holdfast/internal/conf"
)

// Kinds of names: the files of iproute2 that hold them.
const (
	tableNames    = "rt_tables"
	scopeNames    = "rt_scopes"
	protocolNames = "rt_protos"
	realmNames    = "rt_realms"
	tosNames      = "rt_dsfield"
	groupNames    = "group"
)

// NameDirs answers the directories in which iproute_etc_dir and iproute_usr_dir
// have the tables of names looked for; empty ones were not given. Options.Names is
// made of them before anything is built.
func NameDirs(tree *conf.Tree) (etc, usr string) {
	for _, block := range tree.Nodes {
		if block.Keyword.Text != "global_defs" {
			continue
		}
		for _, n := range block.Body {
			switch {
			case len(n.Args) != 1:
			case n.Keyword.Text == "iproute_etc_dir":
				etc = n.Args[0].Text
			case n.Keyword.Text == "iproute_usr_dir":
				usr = n.Args[0].Text
			}
		}
	}
	return etc, usr
}

// lookup answers the number of a name or a number in any base of C.
func (b *builder) lookup(kind, name string) (uint64, bool) {
	if n, ok := cNumber(name, 32); ok {
		return n, true
	}
	if b.opt.Names != nil {
		if n, known := b.opt.Names(kind, name); known {
			return uint64(n), true
		}
	}
	n, known := wellKnown(kind, name)
	return uint64(n), known
}

// cNumber reads a number with the prefixes of C: 0x for hexadecimal, 0 for octal.
func cNumber(s string, bits int) (uint64, bool) {
	base := 10
	switch {
	case strings.HasPrefix(s, "0x"), strings.HasPrefix(s, "0X"):
		base, s = 16, s[2:]
	case len(s) > 1 && s[0] == '0':
		base = 8
	}
	n, err := strconv.ParseUint(s, base, bits)
	return n, err == nil
}

// wellKnown is what iproute2 comes with.
func wellKnown(kind, name string) (uint32, bool) {
	switch kind {
	case tableNames:
		return tableNumber(name)
	case scopeNames:
		return scopeNumber(name)
	case protocolNames:
		return routeProtocolNumber(name)
	case tosNames:
		return tosNumber(name)
	case realmNames:
		return 0, name == "cosmos"
	case groupNames:
		return 0, name == "default"
	}
	return 0, false
}

func tableNumber(name string) (uint32, bool) {
	switch name {
	case "unspec":
		return 0, true
	case "default":
		return 253, true
	case "main":
		return 254, true
	case "local":
		return 255, true
	}
	return 0, false
}

func scopeNumber(name string) (uint32, bool) {
	switch name {
	case "global":
		return 0, true
	case "site":
		return 200, true
	case "link":
		return 253, true
	case "host":
		return 254, true
	case "nowhere":
		return 255, true
	}
	return 0, false
}

func routeProtocolNumber(name string) (uint32, bool) {
	names := []struct {
		name   string
		number uint32
	}{
		{"unspec", 0}, {"redirect", 1}, {"kernel", 2}, {"boot", 3}, {"static", 4}, {"gated", 8}, {"ra", 9}, {"mrt", 10},
		{"zebra", 11}, {"bird", 12}, {"dnrouted", 13}, {"xorp", 14}, {"ntk", 15}, {"dhcp", 16}, {"keepalived", 18},
		{"babel", 42}, {"openr", 99}, {"bgp", 186}, {"isis", 187}, {"ospf", 188}, {"rip", 189}, {"eigrp", 192},
	}
	for _, n := range names {
		if n.name == name {
			return n.number, true
		}
	}
	return 0, false
}

// tosNumber knows default, EF, CS1 to CS7 and AF11 to AF43: the code points of
// RFC 2474, 2597 and 3246, shifted to where the TOS has them.
func tosNumber(name string) (uint32, bool) {
	switch {
	case name == "default":
		return 0, true
	case name == "EF":
		return 0xb8, true
	case len(name) == 3 && name[:2] == "CS" && name[2] >= '1' && name[2] <= '7':
		return uint32(name[2]-'0') << 5, true
	case len(name) == 4 && name[:2] == "AF" && name[2] >= '1' && name[2] <= '4' && name[3] >= '1' && name[3] <= '3':
		return uint32(name[2]-'0')<<5 | uint32(name[3]-'0')<<3, true
	}
	return 0, false
}

// ipProtocol answers the number of an IP protocol: a decimal number, or a name
// of /etc/protocols that is in use.
func ipProtocol(name string) (uint8, bool) {
	if n, err := strconv.ParseUint(name, 10, 8); err == nil {
		return uint8(n), true
	}
	names := []struct {
		name   string
		number uint8
	}{
		{"ip", 0}, {"icmp", 1}, {"igmp", 2}, {"ggp", 3}, {"ipencap", 4}, {"st", 5}, {"tcp", 6}, {"egp", 8}, {"igp", 9}, {"pup", 12},
		{"udp", 17}, {"hmp", 20}, {"xns-idp", 22}, {"rdp", 27}, {"iso-tp4", 29}, {"dccp", 33}, {"xtp", 36}, {"ddp", 37}, {"idpr-cmtp", 38},
		{"ipv6", 41}, {"ipv6-route", 43}, {"ipv6-frag", 44}, {"idrp", 45}, {"rsvp", 46}, {"gre", 47}, {"esp", 50}, {"ah", 51}, {"skip", 57},
		{"ipv6-icmp", 58}, {"ipv6-nonxt", 59}, {"ipv6-opts", 60}, {"rspf", 73}, {"vmtp", 81}, {"eigrp", 88}, {"ospf", 89}, {"ax.25", 93},
		{"ipip", 94}, {"etherip", 97}, {"encap", 98}, {"pim", 103}, {"ipcomp", 108}, {"vrrp", 112}, {"l2tp", 115}, {"isis", 124}, {"sctp", 132},
		{"fc", 133}, {"mobility-header", 135}, {"udplite", 136}, {"mpls-in-ip", 137}, {"manet", 138}, {"hip", 139}, {"shim6", 140}, {"wesp", 141}, {"rohc", 142},
	}
	for _, n := range names {
		if strings.EqualFold(n.name, name) {
			return n.number, true
		}
	}
	return 0, false
}
