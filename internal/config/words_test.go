package config_test

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// single reads an instance with an address and what text adds, and answers it with
// what was found, without what is not done yet and without the places.
func single(t *testing.T, global, text string) (config.Instance, string) {
	t.Helper()
	if !strings.Contains(text, "virtual_ipaddress") {
		text += "\nvirtual_ipaddress {\n10.0.0.1/24\n}"
	}
	c, diags := buildText("global_defs {\n" + global + "\n}\nvrrp_instance A {\nvirtual_router_id 17\n" + text + "\n}")
	var found []string
	for _, d := range diags {
		if !strings.Contains(d.Text, "not done by this version") {
			found = append(found, d.Severity.String()+": "+d.Text)
		}
	}
	if len(c.Instances) != 1 {
		t.Fatalf("%s: no instance; %v", text, diags)
	}
	return c.Instances[0], strings.Join(found, "\n")
}

type wordTest struct{ global, text, want, finding string }

func testWords(t *testing.T, of func(config.Instance) string, tests []wordTest) {
	t.Helper()
	for _, c := range tests {
		i, found := single(t, c.global, c.text)
		if got := of(i); got != c.want {
			t.Errorf("%s %s\n got %s\nwant %s", c.global, c.text, got, c.want)
		}
		if c.finding == "" && found != "" || !strings.Contains(found, c.finding) {
			t.Errorf("%s %s\nfound %s\n want %s", c.global, c.text, found, c.finding)
		}
	}
}

func TestVirtualMACs(t *testing.T) {
	const eth0 = "interface eth0\n"
	testWords(t, func(i config.Instance) string { return i.VMAC.String() }, []wordTest{
		{"", eth0, "none", ""},
		{"", eth0 + "use_vmac", "use_vmac", ""},
		{"", eth0 + "use_vmac vm0", "use_vmac vm0", ""},
		{"", eth0 + "use_vmac name vm0", "use_vmac vm0", ""},
		{"", eth0 + "use_vmac name group", "use_vmac group", ""},
		{"", eth0 + "use_vmac 02:00:00:00:00:0a vm0", "use_vmac vm0 02:00:00:00:00:0a", ""},
		{"", eth0 + "use_vmac 02:00:00:00:00", "use_vmac 02:00:00:00:00:11", ""},
		{"", eth0 + "use_vmac netlink_notify_msg group default", "use_vmac netlink_notify_msg group 0", ""},
		{"", eth0 + "use_vmac group nonsense", "use_vmac", `complaint: "nonsense" is neither a number nor a name in group of iproute2; it is ignored`},
		{"", eth0 + "use_vmac\nuse_vmac vm1", "use_vmac vm1", ""},
		{"", eth0 + "use_vmac vm0 foo", "use_vmac vm0", `complaint: use_vmac has the name vm0 already; "foo" is ignored`},
		{"", eth0 + "use_vmac sixteen.letters.", "use_vmac", `complaint: "sixteen.letters." cannot be the name of an interface and is ignored`},
		{"", eth0 + "use_vmac vm/0", "use_vmac", `complaint: "vm/0" cannot be the name of an interface and is ignored`},
		{"", eth0 + "use_vmac 01:00:00:00:00:01", "use_vmac", "complaint: 01:00:00:00:00:01 is a multicast MAC address and is ignored"},
		{"", eth0 + "use_vmac 00:00:5e:00:01:05", "use_vmac", "complaint: 00:00:5e:00:01:05 is a MAC address of RFC 9568 and is ignored"},
		{"", eth0 + "use_vmac 02:00:00:00:00:zz", "use_vmac", `complaint: "02:00:00:00:00:zz" is not a MAC address and is ignored`},
		{"", eth0 + "use_vmac 02:00:00:00:00:01:02", "use_vmac", "is not a MAC address and is ignored"},
		{"", eth0 + "use_vmac\nvmac_xmit_base", "use_vmac, vmac_xmit_base", ""},
		{"", eth0 + "vmac_xmit_base", "none", "complaint: vmac_xmit_base goes with use_vmac and is ignored"},
		{"", eth0 + "use_vmac\nunicast_peer {\n10.0.0.9\n}", "use_vmac, vmac_xmit_base", "complaint: unicast with use_vmac needs vmac_xmit_base; it is set"},
		{"", eth0 + "use_vmac\nvmac_xmit_base\nunicast_peer {\n10.0.0.9\n}", "use_vmac, vmac_xmit_base", ""},
		{"", eth0 + "version 3\nstrict_mode\nuse_vmac\nvmac_xmit_base", "use_vmac", "complaint: strict mode does not allow vmac_xmit_base; it is ignored"},
		{"", eth0 + "version 3\nstrict_mode\nuse_vmac 02:00:00:00:00:01", "use_vmac", "complaint: strict mode does not allow another MAC address; it is ignored"},
		{"", eth0 + "use_vmac\nuse_ipvlan 10.0.0.9", "none", "advice: use_vmac beside use_ipvlan is ignored"},
	})
}

func TestIPVLANs(t *testing.T) {
	const eth0 = "interface eth0\n"
	const fault = "complaint: use_ipvlan needs an address with IPv4; the instance stays in FAULT"
	testWords(t, func(i config.Instance) string { return i.IPVLAN.String() }, []wordTest{
		{"", eth0, "none", ""},
		{"", eth0 + "use_ipvlan iv0 10.0.0.9/24 vepa group 7", "use_ipvlan iv0 10.0.0.9/24 vepa group 7", ""},
		{"", eth0 + "use_ipvlan 10.0.0.9 private name iv0", "use_ipvlan iv0 10.0.0.9/32 private", ""},
		{"", eth0 + "use_ipvlan", "use_ipvlan bridge", fault},
		{"", eth0 + "use_ipvlan iv0\nmcast_src_ip 10.0.0.200", "use_ipvlan iv0 bridge", fault},
		{"", eth0 + "use_ipvlan 10.0.0.9/40", "use_ipvlan bridge", fault + "\ncomplaint: the prefix length of 10.0.0.9/40 is not legal; the address is ignored"},
		{"", eth0 + "mcast_src_ip 10.0.0.2\nuse_ipvlan 2001:db8::1", "use_ipvlan bridge", "complaint: the address of use_ipvlan 2001:db8::1 is IPv6 in an IPv4 instance and is ignored"},
		{"", eth0 + "use_ipvlan foo bar 10.0.0.9", "use_ipvlan foo 10.0.0.9/32 bridge", `complaint: use_ipvlan has the name foo already; "bar" is ignored`},
		{"", eth0 + "use_ipvlan\nvirtual_ipaddress {\nfe80::1\n}", "use_ipvlan bridge", ""},
		{"", eth0 + "use_ipvlan 10.0.0.9\nvmac_xmit_base", "use_ipvlan 10.0.0.9/32 bridge", "complaint: vmac_xmit_base goes with use_vmac and is ignored"},
	})
}

func TestAddressesOnMacvlansOfTheirOwn(t *testing.T) {
	testWords(t, func(i config.Instance) string { return fmt.Sprint(i.OnVMAC, i.Addrs) }, []wordTest{
		{"", "interface eth0\nvirtual_ipaddress {\n10.0.0.1 use_vmac dev eth1\n10.0.0.2\n}\nvirtual_ipaddress_excluded {\nfe80::1/64 use_vmac\n}",
			"[10.0.0.1 fe80::1] [10.0.0.1/32 dev eth1 10.0.0.2/32 dev eth0 fe80::1/64 dev eth0]", ""},
		{"", "interface eth0\nuse_vmac\nvirtual_ipaddress {\n10.0.0.1 use_vmac dev eth1\n10.0.0.2 use_vmac\n}\nvirtual_ipaddress_excluded {\nfe80::1/64 dev eth0 use_vmac\n}",
			"[10.0.0.1 fe80::1] [10.0.0.1/32 dev eth1 10.0.0.2/32 dev eth0 fe80::1/64 dev eth0]", "complaint: use_vmac behind 10.0.0.2 adds nothing to use_vmac of the instance"},
		{"", "interface eth0\nuse_vmac_addr\nvirtual_ipaddress {\n10.0.0.1 use_vmac dev eth1\n}", "[] [10.0.0.1/32 dev eth1]", "complaint: use_vmac behind 10.0.0.1 adds nothing to use_vmac_addr"},
	})
}

func TestTwoInstancesMakeTwoDevices(t *testing.T) {
	for _, words := range []string{"use_vmac vm0", "use_ipvlan vm0 10.0.0.9"} {
		c, diags := buildText("vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\nuse_vmac vm0\n}\n" +
			"vrrp_instance B {\ninterface eth1\nvirtual_router_id 2\nno_virtual_ipaddress\n" + words + "\n}\n")
		if got := fmt.Sprint(c.Instances[0].VMAC, c.Instances[1].VMAC, c.Instances[1].IPVLAN); strings.Count(got, "vm0") != 1 {
			t.Errorf("%s: got %s", words, got)
		}
		if !strings.Contains(fmt.Sprint(diags), "makes an interface vm0 already; the name is ignored") {
			t.Errorf("%s: found %v", words, diags)
		}
	}
}

// Two macvlans of one MAC address are one place for the switches.
func TestTwoInstancesMustNotShareOneVMAC(t *testing.T) {
	const mac = "use_vmac 02:00:00:00:00:07"
	for _, c := range []struct {
		name, link, words string
		runs              int
	}{
		{"the same MAC", "eth0", mac, 1},
		{"five octets and the VRID", "eth0", "use_vmac 02:00:00:00:00", 2},
		{"another MAC", "eth0", "use_vmac 02:00:00:00:00:08", 2},
		{"another interface", "eth1", mac, 2},
		{"no VMAC", "eth0", "", 2},
	} {
		excluded(t, c.name, c.runs, "vrrp_instance A (line 1) has the MAC address 02:00:00:00:00:07 on eth0 already; the instance is not run",
			"interface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\n"+mac, "interface "+c.link+"\nvirtual_router_id 2\nno_virtual_ipaddress\n"+c.words)
	}
}

// excluded expects that two instances run, or that it is told why only one of them does.
func excluded(t *testing.T, name string, runs int, finding, a, b string) {
	t.Helper()
	cfg, diags := buildText("vrrp_instance A {\n" + a + "\n}\nvrrp_instance B {\n" + b + "\n}\n")
	if told := strings.Contains(fmt.Sprint(diags), finding); len(cfg.Instances) != runs || told != (runs == 1) {
		t.Errorf("%s: %d instances, found %v", name, len(cfg.Instances), diags)
	}
}

// The macvlans that addresses get have the MAC address of their instance, too.
func TestMACAddressesOfAddressesAreOnOneMacvlan(t *testing.T) {
	const away = "interface eth0\nvirtual_router_id 1\nuse_vmac_addr\nvirtual_ipaddress {\n10.0.0.1 dev eth1\n}\n"
	for name, c := range map[string]struct {
		words string
		runs  int
	}{
		"of another instance there":  {"interface eth1\nvirtual_router_id 1\nuse_vmac\nno_virtual_ipaddress\n", 1},
		"of another instance's":      {"interface eth2\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.2 dev eth1 use_vmac\n}\n", 1},
		"of another family":          {"interface eth1\nvirtual_router_id 1\nuse_vmac\nvirtual_ipaddress {\nfe80::1\n}\n", 2},
		"of an instance without one": {"interface eth1\nvirtual_router_id 1\nvirtual_ipaddress {\n10.0.0.2\n}\n", 2},
	} {
		excluded(t, name, c.runs, "vrrp_instance A (line 1) has the MAC address 00:00:5e:00:01:01 on eth1 already; the instance is not run", away, c.words)
	}
}

func TestAnInterfaceHasOneKindOfDevice(t *testing.T) {
	for name, c := range map[string]struct {
		words string
		runs  int
	}{
		"the same kind": {"use_ipvlan 10.0.0.8", 2},
		"another kind":  {"use_ipvlan 10.0.0.8 vepa", 1},
		"a macvlan":     {"use_vmac", 1},
		"none":          {"", 2},
	} {
		excluded(t, name, c.runs, "on eth0 beside the ipvlan (bridge) of vrrp_instance A (line 1); the instance is not run",
			"interface eth0\nvirtual_router_id 1\nno_virtual_ipaddress\nuse_ipvlan 10.0.0.7", "interface eth0\nvirtual_router_id 2\nno_virtual_ipaddress\n"+c.words)
	}
}

// Same-family addresses without dev go on the device.
func TestAnAddressThatNamesTheInterfaceStaysThere(t *testing.T) {
	for name, c := range map[string]struct{ words, want string }{
		"use_vmac":                   {"use_vmac", "10.0.0.1:false 10.0.0.2:true fe80::1:false"},
		"use_ipvlan":                 {"use_ipvlan 10.0.0.9", "10.0.0.1:false 10.0.0.2:true fe80::1:false"},
		"use_vmac_addr takes all":    {"use_vmac_addr", "10.0.0.1:true 10.0.0.2:true fe80::1:true"},
		"without a device none does": {"", "10.0.0.1:false 10.0.0.2:false fe80::1:false"},
	} {
		cfg, diags := buildText("vrrp_instance A {\ninterface eth0\nvirtual_router_id 1\n" + c.words +
			"\nvirtual_ipaddress {\n10.0.0.1 dev eth0\n10.0.0.2\n}\nvirtual_ipaddress_excluded {\nfe80::1\n}\n}\n")
		var got []string
		for i := range cfg.Instances[0].Addrs {
			a := &cfg.Instances[0].Addrs[i]
			got = append(got, fmt.Sprintf("%s:%t", a.Prefix.Addr(), cfg.Instances[0].Lodges(a)))
		}
		if strings.Join(got, " ") != c.want {
			t.Errorf("%s: got %s, want %s; found %v", name, got, c.want, diags)
		}
	}
}

func TestDevicesNeedAParent(t *testing.T) {
	for _, words := range []string{"use_vmac", "use_ipvlan 10.0.0.7"} {
		c, diags := buildText("vrrp_instance A {\nvirtual_router_id 1\nunicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.9\n}\nvirtual_ipaddress {\n10.0.0.1 dev eth0\n}\n" + words + "\n}\n")
		if got := fmt.Sprint(c.Instances[0].VMAC, c.Instances[0].IPVLAN); got != "none none" {
			t.Errorf("%s: got %s", words, got)
		}
		if !strings.Contains(fmt.Sprint(diags), "needs an interface and is ignored") {
			t.Errorf("%s: found %v", words, diags)
		}
	}
}

func TestWhoMayReachTheAddresses(t *testing.T) {
	const eth0 = "interface eth0\n"
	const strictFilter = "advice: strict mode keeps everybody from reaching the addresses (no_accept): they answer no ping and no connection"
	testWords(t, func(i config.Instance) string { return fmt.Sprint(i.NoAccept) }, []wordTest{
		{"", eth0, "false", ""},
		{"", eth0 + "no_accept", "true", ""},
		{"", eth0 + "no_accept\naccept", "false", ""},
		{"", eth0 + "accept\nno_accept", "true", ""},
		{"", eth0 + "priority 255\nno_accept", "false", "advice: no_accept does nothing for an address owner (priority 255)"},
		{"", eth0 + "strict_mode", "true", strictFilter},
		{"", eth0 + "strict_mode\npriority 255", "false", ""},
		{"", eth0 + "strict_mode\naccept", "true", strictFilter + "\ncomplaint: strict mode has no accept under version 2; it is ignored"},
		{"", eth0 + "strict_mode\nversion 3\naccept", "false", ""},
		{"", eth0 + "strict_mode\nversion 3", "true", strictFilter},
		{"vrrp_strict", eth0 + "no_accept", "true", ""},
	})
}

func TestKeyedTrailers(t *testing.T) {
	const long = "0123456789abcdefghijklmnopqrstuv"
	hmac := func(text string) string { return "interface eth0\nauth_hmac {\n" + text + "\n}" }
	keys := "key 1 " + long + "\nactive_key 1\n"
	testWords(t, func(i config.Instance) string {
		if i.HMAC == nil {
			return "none"
		}
		h := i.HMAC
		text := fmt.Sprintf("active %d window %s monotonic %v mode %d:", h.Active, h.Window, h.Monotonic, h.Mode)
		for _, k := range h.Keys {
			text += fmt.Sprintf(" %d %d %s", k.ID, len(k.Secret), k.File)
		}
		return text
	}, []wordTest{
		{"", "interface eth0", "none", ""},
		{"", hmac(keys), "active 1 window 5s monotonic false mode 0: 1 32 ", ""},
		{"", hmac("key 255 " + long + long + "\nactive_key 255"), "active 255 window 5s monotonic false mode 0: 255 64 ", ""},
		{"", hmac("key 1 hex:" + strings.Repeat("0aF1", 16) + "\nactive_key 1"), "active 1 window 5s monotonic false mode 0: 1 32 ", ""},
		{"", hmac("key 1 file:/etc/keys/1\nactive_key 1"), "active 1 window 5s monotonic false mode 0: 1 0 /etc/keys/1", ""},
		{"", hmac(keys + "time_window 9\nanti_replay monotonic\nmode receive-only"), "active 1 window 9s monotonic true mode 2: 1 32 ", ""},
		{"", hmac(keys+"mode permissive") + "\nadvert_int 4", "active 1 window 12s monotonic false mode 1: 1 32 ", ""},
		{"", hmac(keys) + "\nadvert_int 200", "active 1 window 5m0s monotonic false mode 0: 1 32 ", ""},
		{"", hmac(keys + "time_window 0"), "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: time_window 0 is out of range and ignored"},
		{"", hmac(keys + "time_window 301"), "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: time_window 301 is out of range and ignored"},
		{"", hmac(keys + "mode lenient"), "active 1 window 5s monotonic false mode 0: 1 32 ", `complaint: mode knows no "lenient"; it stays as it was`},
		{"", hmac(keys + "anti_replay never"), "active 1 window 5s monotonic false mode 0: 1 32 ", `complaint: anti_replay knows no "never"`},
		{"", hmac(keys+"mode permissive") + "\nstrict_mode", "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: strict mode: the mode of auth_hmac becomes enforce"},
		{"", hmac(keys + "key 1 file:/x"), "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: there is a key 1 already; this one is left out"},
		{"", hmac(keys + "key 0 " + long), "active 1 window 5s monotonic false mode 0: 1 32 ", `complaint: "0" is not the id of a key; the key is left out`},
		{"", hmac(keys + "key 256 " + long), "active 1 window 5s monotonic false mode 0: 1 32 ", `complaint: "256" is not the id of a key`},
		{"", hmac(keys + "key 2 " + long[:31]), "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: the secret has 31 bytes; the key is left out"},
		{"", hmac(keys + "key 2 " + long + long + "x"), "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: the secret has 65 bytes; the key is left out"},
		{"", hmac(keys + "key 2 hex:00g"), "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: the secret is not an even number of hexadecimal digits"},
		{"", hmac(keys + "key 2 file:"), "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: file: has no path"},
		{"", hmac("key 1 " + long), "none", "complaint: auth_hmac has no active_key; the instance runs without auth_hmac"},
		{"", hmac(keys + "active_key 2"), "none", "complaint: there is no key 2; the instance runs without auth_hmac"},
		{"", hmac(keys) + "\nauthentication {\nauth_type PASS\nauth_pass x\n}", "active 1 window 5s monotonic false mode 0: 1 32 ", "complaint: authentication beside auth_hmac is ignored"},
	})
}

func TestAPasswordIsSentWhereAuthHMACIsNot(t *testing.T) {
	pass := "\nauthentication {\nauth_type PASS\nauth_pass x\n}"
	testWords(t, func(i config.Instance) string { return fmt.Sprint(i.VRRP.HasPass) }, []wordTest{
		{"", "interface eth0\nauth_hmac {\nkey 1 file:/x\nactive_key 1\n}" + pass, "false", "authentication beside auth_hmac is ignored"},
		{"", "interface eth0\nauth_hmac {\nkey 1 file:/x\n}" + pass, "true", "auth_hmac has no active_key"},
	})
}

func TestOtherWordsOfAnInstance(t *testing.T) {
	const eth0 = "interface eth0\n"
	const peers = "unicast_src_ip 10.0.0.2\nunicast_peer {\n10.0.0.9\n}\nvirtual_ipaddress {\n10.0.0.1 dev eth0\n}\n"
	testWords(t, func(i config.Instance) string {
		vrf := ""
		if i.VRF {
			vrf = i.VRRP.Link
		}
		return fmt.Sprintf("vrf %q source %v fault %v late %d extra %s buffer %d", vrf, i.TrackSource, i.FaultWithoutPeers, i.LateBackup, i.ExtraGARP, i.RxBuffer)
	}, []wordTest{
		{"", eth0, `vrf "" source false fault false late 0 extra 0 buffer 0`, ""},
		{"", peers + "vrf blue", `vrf "blue" source false fault false late 0 extra 0 buffer 0`, ""},
		{"", eth0 + peers + "vrf blue", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: vrf beside interface is ignored"},
		{"", eth0 + peers + "track_src_ip", `vrf "" source true fault false late 0 extra 0 buffer 0`, ""},
		{"", eth0 + "track_src_ip", `vrf "" source false fault false late 0 extra 0 buffer 0`, "advice: track_src_ip does nothing without a source address"},
		{"", eth0 + "unicast_fault_no_peer\nunicast_peer {\n}", `vrf "" source false fault true late 0 extra 0 buffer 0`, "advice: unicast_peer names nobody: the instance stays in FAULT (unicast_fault_no_peer)"},
		{"", eth0 + "nopreempt\ntimer_expired_backup", `vrf "" source false fault false late 254 extra 0 buffer 0`, ""},
		{"", eth0 + "nopreempt\ntimer_expired_backup 7", `vrf "" source false fault false late 7 extra 0 buffer 0`, ""},
		{"", eth0 + "nopreempt\ntimer_expired_backup 255", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: timer_expired_backup 255 is out of range and ignored"},
		{"", eth0 + "timer_expired_backup", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: timer_expired_backup needs nopreempt and is ignored"},
		{"", eth0 + "nopreempt\nthread_timer_expired 7", `vrf "" source false fault false late 7 extra 0 buffer 0`, "complaint: thread_timer_expired is an old spelling"},
		{"", eth0 + "garp_extra_if 60", `vrf "" source false fault false late 0 extra 60 buffer 0`, ""},
		{"", eth0 + "garp_extra_if all 60", `vrf "" source false fault false late 0 extra all 60 buffer 0`, ""},
		{"", eth0 + "garp_extra_if 0", `vrf "" source false fault false late 0 extra 0 buffer 0`, ""},
		{"", eth0 + "garp_extra_if", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: garp_extra_if has no time and is ignored"},
		{"", eth0 + "garp_extra_if all", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: garp_extra_if has no time and is ignored"},
		{"", eth0 + "garp_extra_if 86401", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: garp_extra_if 86401 is out of range and ignored"},
		{"", eth0 + "vmac_garp_intvl 60", `vrf "" source false fault false late 0 extra 60 buffer 0`, "complaint: vmac_garp_intvl is an old spelling"},
		{"", eth0 + "kernel_rx_buf_size 9000", `vrf "" source false fault false late 0 extra 0 buffer 9000`, ""},
		{"", eth0 + "kernel_rx_buf_size", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: kernel_rx_buf_size takes one number and is ignored"},
		{"", eth0 + "kernel_rx_buf_size 5 6", `vrf "" source false fault false late 0 extra 0 buffer 0`, "complaint: kernel_rx_buf_size takes one number and is ignored"},
	})
}

func TestAuthenticationHeaders(t *testing.T) {
	auth := "interface eth0\nauthentication {\nauth_type AH\nauth_pass x\n}\n"
	testWords(t, func(i config.Instance) string { return fmt.Sprint(i.VRRP.StartMaster, i.VRRP.HasPass) }, []wordTest{
		{"", auth + "state MASTER", "true false", ""},
		{"", auth + "state MASTER\npriority 100", "false false", "complaint: state MASTER does not go with auth_type AH and is ignored"},
		{"", auth + "version 2\nvirtual_ipaddress {\nfe80::1\n}", "false false", "complaint: auth_type AH is for IPv4 and ignored"},
	})
}
