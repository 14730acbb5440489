package config_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/config"
	"holdfast/internal/golden"
	"holdfast/internal/vrrp"
)

// The typed form of some scenarios, whole.
func TestTyped(t *testing.T) {
	for _, name := range []string{"06-two-networks-together-dual-active/ka67", "07-nginx-watched/ka67", "13-lvs-nat-ssl/ka68"} {
		t.Run(name, func(t *testing.T) {
			c, _ := build(t, "testdata/scenarios/"+name+".conf")
			text, err := json.MarshalIndent(c, "", " ")
			if err != nil {
				t.Fatal(err)
			}
			if err := os.MkdirAll("testdata/typed", 0o755); err != nil {
				t.Fatal(err)
			}
			golden.Check(t, filepath.Join("testdata/typed", strings.ReplaceAll(name, "/", "-")+".json"), string(text)+"\n")
		})
	}
}

// plain is the least that an instance needs.
const plain = "interface eth0\nvirtual_router_id 1\n"

func TestDefaultsOfAnInstance(t *testing.T) {
	c, diags := buildText("vrrp_instance A {\n" + plain + "virtual_ipaddress {\n10.0.0.1/24\n}\n}")
	if len(diags) != 0 {
		t.Errorf("findings: %v", diags)
	}
	got := c.Instances[0].VRRP
	want := vrrp.Config{
		Key: got.Key, Name: "A", Version: 2, Priority: 100, Interval: time.Second,
		Group: got.Group, VIPs: got.VIPs, DownAdverts: 3,
		Announce: vrrp.Announcing{Repeat: 5, Delay: 5 * time.Second, RefreshRepeat: 1, LowerRepeat: 5, LowerDelay: 5 * time.Second},
	}
	if !reflect.DeepEqual(got, want) {
		t.Error(cmp.Diff(fmt.Sprintf("%+v", want), fmt.Sprintf("%+v", got)))
	}
	if fmt.Sprint(got.Key, got.Group, got.VIPs) != "{eth0 1 false invalid IP} 224.0.0.18 [10.0.0.1]" {
		t.Error(got.Key, got.Group, got.VIPs)
	}
}

func TestSettled(t *testing.T) {
	interval := func(i config.Instance) any { return i.VRRP.Interval }
	start := func(i config.Instance) any { return fmt.Sprint(i.VRRP.Priority, i.VRRP.StartMaster) }
	announce := func(i config.Instance) any { return fmt.Sprint(i.VRRP.Announce) }
	address := func(i config.Instance) any { return fmt.Sprint(i.Addrs) }
	tolerance := func(i config.Instance) any {
		r := i.VRRP
		return fmt.Sprint(r.DownAdverts, r.LowerPrioNoAdvert, r.HigherPrioSendAdvert, r.OwnerIgnoreAdverts)
	}
	tracks := func(i config.Instance) any { return fmt.Sprint(i.Tracks) }
	for _, c := range []struct {
		name, global, text string
		of                 func(config.Instance) any
		want               string
	}{
		{"state MASTER alone is priority 255", "", "state MASTER", start, "255 true"},
		{"priority 255 alone starts as MASTER", "", "priority 255", start, "255 true"},
		{"state BACKUP with 255 waits", "", "state BACKUP\npriority 255", start, "255 false"},
		{"state MASTER below 255", "", "state MASTER\npriority 150", start, "150 true"},
		{"strict mode follows the priority", "vrrp_strict", "state MASTER\npriority 150", start, "150 false"},

		{"version 2 rounds to seconds", "", "advert_int 1.4", interval, "1s"},
		{"version 2 is never below a second", "", "advert_int 0.01", interval, "1s"},
		{"version 3 rounds to hundredths", "", "version 3\nadvert_int 0.126", interval, "130ms"},
		{"version 3 ends at 40.95", "", "version 3\nadvert_int 100", interval, "40.95s"},
		{"the global version counts, wherever it stands", "", "}\nglobal_defs {\nvrrp_version 3", func(i config.Instance) any { return i.VRRP.Version }, "3"},

		{"announcements from global_defs", "vrrp_garp_master_repeat 3\nvrrp_garp_master_delay 2", "", announce, "{3 2s 0s 1 3 2s}"},
		{"announcements of the instance", "vrrp_garp_master_repeat 3", "garp_master_repeat 7\ngarp_master_refresh 60\ngarp_master_refresh_repeat 2", announce, "{7 5s 1m0s 2 3 5s}"},
		{"few announcements", "vrrp_min_garp", "", announce, "{1 0s 0s 0 1 0s}"},
		{"few announcements leave alone what was set", "vrrp_garp_master_repeat 3\nvrrp_min_garp", "", announce, "{3 0s 0s 0 3 0s}"},
		{"strict mode does not answer lower priorities", "vrrp_strict", "", announce, "{5 5s 0s 1 0 0s}"},

		{"tolerance by default", "", "", tolerance, "3 false false false"},
		{"tolerance under strict mode", "vrrp_strict\nvrrp_down_timer_adverts 5\nvrrp_higher_prio_send_advert", "", tolerance, "3 true false false"},
		{"an owner under strict mode", "vrrp_strict", "priority 255", tolerance, "3 true false true"},
		{"an owner that says false", "", "priority 255\nowner_ignore_adverts false", tolerance, "3 false false true"},

		{"a plain IPv6 address is deprecated as source", "", "virtual_ipaddress {\nfe80::1\nfe80::2/64\n}", address, "[fe80::1/128 dev eth0 preferred_lft 0 fe80::2/64 dev eth0]"},
		{"IPv6 is version 3", "", "virtual_ipaddress {\nfe80::1\n}", func(i config.Instance) any { return fmt.Sprint(i.VRRP.Version, i.VRRP.V6, i.VRRP.Group) }, "3 true ff02::12"},
		{"IPv6 stays version 2 when that stood first", "", "version 2\nvirtual_ipaddress {\nfe80::1\n}", func(i config.Instance) any { return i.VRRP.Version }, "2"},
		{"IPv6 is not probed for duplicates unless asked for", "", "virtual_ipaddress {\nfe80::1\nfe80::2/64 -nodad\n}", func(i config.Instance) any { return fmt.Sprint(i.Addrs[0].NoDAD, i.Addrs[1].NoDAD) }, "true false"},
		{"a broadcast address of ones", "", "virtual_ipaddress {\n10.0.0.1/23 brd +\n}", address, "[10.0.0.1/23 dev eth0 brd 10.0.1.255]"},
		{"a broadcast address of zeros", "", "virtual_ipaddress {\n10.0.0.1/23 brd -\n}", address, "[10.0.0.1/23 dev eth0 brd 10.0.0.0]"},
		{"a peer gives the length", "", "virtual_ipaddress {\n10.0.0.1 peer 10.0.0.2/30 dev eth3\n}", address, "[10.0.0.1/30 peer 10.0.0.2/30 dev eth3]"},
		{"excluded ones follow", "", "virtual_ipaddress_excluded {\nfe80::9/64\n}\nvirtual_ipaddress {\n10.0.0.1\n}", address, "[10.0.0.1/32 dev eth0 fe80::9/64 dev eth0]"},
		{"the interface may stand last", "", "virtual_ipaddress {\n10.0.0.1\n}\ninterface eth9", address, "[10.0.0.1/32 dev eth9]"},

		{"the weight of the script", "", "track_script {\ns\n}", tracks, "[{script s 7 false false}]"},
		{"a weight of its own", "", "track_script {\ns weight -3 reverse\n}", tracks, "[{script s -3 true false}]"},
		{"an owner follows no weights", "", "priority 255\ntrack_script {\ns\n}\ntrack_interface {\neth5\n}", tracks, "[{interface eth5 0 false false}]"},
		{"an interface of weight 254", "", "track_interface {\neth5 weight -254\n}", tracks, "[{interface eth5 -253 false false}]"},

		{"unicast is told apart by its source", "", "unicast_src_ip 10.0.0.9\nunicast_peer {\n10.0.0.8 min_ttl 254\n}",
			func(i config.Instance) any {
				return fmt.Sprint(i.VRRP.Key, i.VRRP.Peers, i.VRRP.Group, i.VRRP.CheckUnicastSource)
			},
			"{eth0 1 false 10.0.0.9} [{10.0.0.8 254 255}] invalid IP true"},
		{"a multicast source is no part of the identity", "", "mcast_src_ip 10.0.0.9",
			func(i config.Instance) any { return fmt.Sprint(i.VRRP.From, i.VRRP.Source) }, "invalid IP 10.0.0.9"},
		{"a password is cut", "", "authentication {\nauth_type PASS\nauth_pass 0123456789\n}",
			func(i config.Instance) any { return fmt.Sprint(i.VRRP.HasPass, string(i.VRRP.Password[:])) }, "true01234567"},
		{"mail by smtp_alert", "smtp_alert", "", func(i config.Instance) any { return i.Notify.Mail }, "true"},
		{"mail by smtp_alert_vrrp", "smtp_alert\nsmtp_alert_vrrp off", "", func(i config.Instance) any { return i.Notify.Mail }, "false"},
		{"mail of its own", "smtp_alert", "smtp_alert no", func(i config.Instance) any { return i.Notify.Mail }, "false"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, diags := buildText("global_defs {\n" + c.global + "\n}\nvrrp_script s {\nscript /bin/true\nweight 7\n}\nvrrp_instance A {\n" + plain + c.text + "\n}")
			if len(got.Instances) != 1 {
				t.Fatalf("%d instances; %v", len(got.Instances), diags)
			}
			if s := fmt.Sprint(c.of(got.Instances[0])); s != c.want {
				t.Errorf("got %s, want %s; findings: %v", s, c.want, diags)
			}
		})
	}
}

func TestMoreThanAnAdvertTells(t *testing.T) {
	var b strings.Builder
	for i := range 300 {
		fmt.Fprintf(&b, "10.0.%d.%d\n", i/250, i%250)
	}
	c, diags := buildText("vrrp_instance A {\n" + plain + "virtual_ipaddress {\n" + b.String() + "}\nvirtual_ipaddress_excluded {\n10.9.9.9\n}\n}")
	i := c.Instances[0]
	if len(i.VRRP.VIPs) != 255 || len(i.Addrs) != 301 || i.Addrs[255].Prefix.Addr().String() != "10.0.1.5" || i.Addrs[300].Prefix.Addr().String() != "10.9.9.9" {
		t.Errorf("%d told, %d owned", len(i.VRRP.VIPs), len(i.Addrs))
	}
	if len(diags) != 1 {
		t.Errorf("findings: %v", diags)
	}
}

func TestGroupsBindTheirMembers(t *testing.T) {
	c, _ := buildText(`
vrrp_script s {
    script /bin/true
    weight 7
}
vrrp_sync_group G {
    group {
        B A
    }
    notify_priority_changes
    track_script {
        s
    }
    track_interface {
        eth1
        eth7 weight 2
    }
}
vrrp_instance A {
    interface eth0
    virtual_router_id 1
    track_script {
        s weight 0
    }
    track_interface {
        eth6 weight 9
    }
}
vrrp_instance B {
    interface eth1
    virtual_router_id 1
    notify_priority_changes off
}
`)
	got := fmt.Sprint(c.Groups[0].Members, c.Instances[0].Tracks, c.Instances[1].Tracks,
		c.Instances[0].Notify.PriorityChanges, c.Instances[1].Notify.PriorityChanges)
	want := "[B A] [{script s 0 false false} {interface eth6 0 false false} {interface eth1 0 false false} {interface eth7 2 false false}] [{script s 7 false false} {interface eth7 2 false false}] true false"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestCommands(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{`"/x/n.sh 'b c' #h d\x41 \103 \"zz\""`, `["/x/n.sh" "b c" "#h" "dA" "C" "\"zz\""] user="" group="" false`},
		{`/x/n.sh root`, `["/x/n.sh"] user="root" group="" false`},
		{`ab"c d"e nobody nogroup`, `["abc" "de"] user="nobody" group="nogroup" false`},
		{`'/x/n.sh "a b" c' nobody :adm`, `["/x/n.sh" "a b" "c"] user="nobody" group="adm" true`},
		{`"/x a" nobody :`, `["/x" "a"] user="nobody" group="" true`},
		{`"</run/flag"`, `["</run/flag"] user="" group="" false`},
		{`"killall -0 nginx"`, `["killall" "-0" "nginx"] user="" group="" false`},
		{`"/x \t\cA\q\\"`, `["/x" "\t\x01q\\"] user="" group="" false`},
	} {
		t.Run(c.text, func(t *testing.T) {
			got, diags := buildText("vrrp_instance A {\n" + plain + "notify " + c.text + "\n}")
			n := got.Instances[0].Notify.Any
			if s := fmt.Sprintf("%q user=%q group=%q %v", n.Argv, n.User, n.Group, n.Supplementary); s != c.want {
				t.Errorf("got %s, want %s; findings %v", s, c.want, diags)
			}
		})
	}
}

// The other groups of a user are asked for in three places, each for itself.
func TestWhoRunsScripts(t *testing.T) {
	c, diags := buildText(`
global_defs {
    script_user nobody :adm
    set_supplementary_groups
    notify_fifo /run/pipe nobody :daemon
}
vrrp_script s {
    script /bin/true
    user nobody :mail
}
vrrp_instance A {
` + plain + `track_script {
        s
    }
}
`)
	g, s := c.Global, c.Scripts[0].Command
	got := fmt.Sprint(g.ScriptUser, " ", g.ScriptGroup, " ", g.ScriptSupplementary, " ", g.SupplementaryGroups,
		"; ", g.NotifyFIFO.User, " ", g.NotifyFIFO.Group, "; ", s.User, " ", s.Group, " ", s.Supplementary)
	if want := "nobody adm true true; nobody daemon; nobody mail true"; got != want {
		t.Errorf("got %s, want %s; findings %v", got, want, diags)
	}
}
