package config_test

import "strings"

// heldSamples are of what an instance holds beside its plain settings, and of
// what is held whatever the roles.
func heldSamples() map[string]string {
	all := map[string]string{
		"(root) static_ipaddress": "static_ipaddress {\n10.3.0.1/24 dev eth3\n}",
		"(root) static_routes":    "static_routes {\n10.3.0.0/16 dev eth3\n}",
		"(root) static_rules":     "static_rules {\nfrom 10.3.0.0/16 table 3 preference 3\n}",

		"vrrp_instance vrf":                       "@C vrf blue",
		"vrrp_instance use_vmac":                  "use_vmac name vm0 02:00:00:00:00:01 netlink_notify_msg group 5",
		"vrrp_instance use_vmac_addr":             "use_vmac_addr",
		"vrrp_instance vmac_xmit_base":            "@V vmac_xmit_base",
		"vrrp_instance use_ipvlan":                "use_ipvlan name iv0 10.0.0.77/24 vepa group 5",
		"vrrp_instance track_src_ip":              "mcast_src_ip 10.0.0.200\ntrack_src_ip",
		"vrrp_instance unicast_fault_no_peer":     "unicast_fault_no_peer",
		"vrrp_instance no_accept":                 "no_accept",
		"vrrp_instance promote_secondaries":       "promote_secondaries",
		"vrrp_instance virtual_routes":            "virtual_routes {\n10.3.0.0/16 dev eth3\n}",
		"vrrp_instance virtual_rules":             "virtual_rules {\nfrom 10.3.0.0/16 table 3 preference 3\n}",
		"vrrp_instance auth_hmac":                 "auth_hmac {\nkey 1 0123456789012345678901234567890123456789\nactive_key 1\n}",
		"vrrp_instance kernel_rx_buf_size":        "kernel_rx_buf_size 9000",
		"vrrp_instance garp_extra_if":             "garp_extra_if all 60",
		"vrrp_instance vmac_garp_intvl":           "vmac_garp_intvl 60",
		"vrrp_instance timer_expired_backup":      "nopreempt\ntimer_expired_backup 5",
		"vrrp_instance thread_timer_expired":      "nopreempt\nthread_timer_expired",
		"vrrp_instance linkbeat_use_polling":      "linkbeat_use_polling",
		"vrrp_instance lvs_sync_daemon_interface": "lvs_sync_daemon_interface eth0",

		"vrrp_instance/auth_hmac key":         "key 2 file:/etc/key",
		"vrrp_instance/auth_hmac active_key":  "key 2 file:/etc/key\nactive_key 2",
		"vrrp_instance/auth_hmac time_window": "time_window 9",
		"vrrp_instance/auth_hmac anti_replay": "anti_replay monotonic",
		"vrrp_instance/auth_hmac mode":        "mode receive-only",

		"vrrp_instance/unicast_peer <ADDR>":                               "\n10.0.0.6",
		"vrrp_instance/virtual_ipaddress/ADDRESS <ADDR[/LEN]>":            "\n10.3.0.1/24",
		"vrrp_instance/virtual_ipaddress/ADDRESS <unknown word>":          "", // TestFindings addresses
		"vrrp_instance/virtual_ipaddress/ADDRESS use_vmac":                "use_vmac",
		"vrrp_instance/virtual_ipaddress_excluded/ADDRESS <unknown word>": "",
		"vrrp_instance/virtual_ipaddress_excluded/ADDRESS use_vmac":       "use_vmac",
		"vrrp_instance/virtual_ipaddress_excluded/ADDRESS <ADDR[/LEN]>":   "\n10.3.0.1/24",
		"static_ipaddress/ADDRESS <ADDR[/LEN]>":                           "\n10.3.0.1/24",
		"static_ipaddress/ADDRESS <unknown word>":                         "",
		"static_ipaddress/ADDRESS track_group":                            "track_group T",
		"static_routes/ROUTE track_group":                                 "track_group T",
		"static_rules/RULE track_group":                                   "track_group T",
	}
	copyBlock(all, addressSamples(), "vrrp_instance/virtual_ipaddress/ADDRESS", "vrrp_instance/virtual_ipaddress_excluded/ADDRESS", "static_ipaddress/ADDRESS")
	copyBlock(all, routeSamples(), "vrrp_instance/virtual_routes/ROUTE", "static_routes/ROUTE")
	copyBlock(all, encapSamples(), "vrrp_instance/virtual_routes/ROUTE/encap", "static_routes/ROUTE/encap")
	copyBlock(all, nexthopSamples(), "vrrp_instance/virtual_routes/ROUTE/nexthop", "static_routes/ROUTE/nexthop")
	copyBlock(all, ruleSamples(), "vrrp_instance/virtual_rules/RULE", "static_rules/RULE")
	return all
}

// copyBlock adds the samples of words that several blocks share; a name of a
// place goes with the block.
func copyBlock(to, samples map[string]string, blocks ...string) {
	for word, sample := range samples {
		for _, block := range blocks {
			if sample6, moved := strings.CutPrefix(sample, "@6 "); moved {
				sample = sample6
				to[block+" "+word] = "@" + block + "6 " + sample
				sample = "@6 " + sample
				continue
			}
			to[block+" "+word] = sample
		}
	}
}

func addressSamples() map[string]string {
	return map[string]string{
		"dev": "dev eth5", "scope": "scope link", "broadcast": "broadcast +", "brd": "brd 10.0.0.250", "label": "label eth1:1", "peer": "peer 10.9.9.9/30",
		"home": "@6 home", "-nodad": "@6 -nodad", "mngtmpaddr": "@6 mngtmpaddr", "noprefixroute": "noprefixroute", "autojoin": "autojoin",
		"no_track": "no_track", "preferred_lft": "preferred_lft 0",
	}
}

func routeSamples() map[string]string {
	return map[string]string{
		"<DEST>": "\n10.3.0.0/16 dev eth3", "<type>": "\nprohibit 10.3.0.0/16 dev eth3", "<unknown word>": "", // TestRoutes
		"default6": "\ndefault6 dev eth3", "to": "\nto 10.3.0.0/16 dev eth3", "inet": "\ndefault dev eth3 inet", "inet6": "\ndefault dev eth3 inet6",
		"from": "@6 from 2001:db8:5::/48", "tos": "tos CS1", "dsfield": "dsfield 0x10", "table": "table 5", "vrf": "vrf blue", "metric": "metric 7",
		"priority": "priority 7", "preference": "preference 7", "protocol": "protocol bgp no_track", "scope": "scope link", "pref": "@6 pref low",
		"expires": "@6 expires 60", "ttl-propagate": "ttl-propagate enabled", "via": "via inet 10.0.0.7", "gw": "gw 10.0.0.7", "or": "via 10.0.0.7 or 10.0.0.8",
		"dev": "dev eth7", "oif": "oif eth7", "onlink": "onlink", "encap": "encap ip id 3", "realms": "realms 3/cosmos", "src": "src 10.0.0.1",
		"as": "as to 10.0.0.1 @same", "nexthop": "nexthop via 10.0.0.7", "mtu": "mtu lock 1400", "hoplimit": "hoplimit 9", "advmss": "advmss lock 1400",
		"reordering": "reordering 5", "window": "window 5000", "cwnd": "cwnd 5", "ssthresh": "ssthresh 5", "initcwnd": "initcwnd 5", "initrwnd": "initrwnd 5",
		"quickack": "quickack 1", "fastopen_no_cookie": "fastopen_no_cookie 1", "rtt": "rtt 300ms", "rttvar": "rttvar 1s", "rto_min": "rto_min lock 300",
		"features": "features ecn", "congctl": "congctl lock reno", "add": "add", "prepend": "append prepend @same", "append": "append", "no_track": "no_track",
		"unicast": "", // the default; TestRoutes
		"local":   "\nlocal 10.3.0.0/16 dev eth3", "broadcast": "\nbroadcast 10.3.0.0/16 dev eth3", "brd": "\nbrd 10.3.0.0/16 dev eth3",
		"anycast": "\nanycast 10.3.0.0/16 dev eth3", "multicast": "\nmulticast 224.1.0.0/16 dev eth3", "throw": "\nthrow 10.3.0.0/16",
		"unreachable": "\nunreachable 10.3.0.0/16", "prohibit": "\nprohibit to 10.3.0.0/16", "blackhole": "\nblackhole default",
		"nat": "\nnat 10.3.0.0/16", "xresolve": "\nxresolve 10.3.0.0/16",
	}
}

func encapSamples() map[string]string {
	return map[string]string{
		"ip": "\n10.3.0.0/16 dev eth3 encap ip id 5", "ip6": "\n10.3.0.0/16 dev eth3 encap ip6 id 5", "mpls": "\n10.3.0.0/16 dev eth3 encap mpls 100/200",
		"ila": "\n10.3.0.0/16 dev eth3 encap ila 1:2:3:4", "id": "id 7", "dst": "dst 10.0.0.7", "src": "src 10.0.0.7", "tos": "tos AF11", "ttl": "ttl 7",
		"tc": "\n10.3.0.0/16 encap ip6 id 5 tc EF dev eth3", "hoplimit": "\n10.3.0.0/16 encap ip6 id 5 hoplimit 5 dev eth3", "flags": "flags 3",
	}
}

func nexthopSamples() map[string]string {
	return map[string]string{
		"via": "via 10.0.0.7", "dev": "dev eth7", "weight": "weight 7", "onlink": "onlink", "encap": "encap mpls 5", "realms": "realms 5",
		"as": "as 10.0.0.7",
	}
}

func ruleSamples() map[string]string {
	return map[string]string{
		"<unknown word>": "", // TestRules
		"inet":           "\nto all table 5 preference 3 inet", "inet6": "\nto all table 5 preference 3 inet6", "not": "not", "from": "from 10.8.0.0/16", "to": "to 10.8.0.0/16",
		"tos": "tos AF11", "dsfield": "dsfield 0x10", "fwmark": "fwmark 0x10/0xff", "iif": "iif eth7", "dev": "dev eth7", "oif": "oif eth7", "tunnel-id": "tunnel-id 7",
		"uidrange": "uidrange 0-0", "ipproto": "ipproto tcp", "sport": "sport 1-2", "dport": "dport 1-2", "preference": "preference 0x10", "order": "order 7",
		"priority": "priority 7", "protocol": "protocol 5 no_track", "no_track": "no_track", "table": "\ntable 7 preference 3", "lookup": "\nlookup main preference 3",
		"l3mdev": "\nl3mdev preference 3", "type": "\ntype goto 7 preference 3", "goto": "\ngoto 7 preference 3", "nop": "\nnop preference 3",
		"blackhole": "\nblackhole preference 3", "unreachable": "\nunreachable preference 3", "prohibit": "\nprohibit preference 3", "realms": "realms 3/4",
		"suppress_prefixlength": "suppress_prefixlength 0", "sup_pl": "sup_pl 8", "suppress_ifgroup": "suppress_ifgroup default", "sup_group": "sup_group 5",
	}
}
