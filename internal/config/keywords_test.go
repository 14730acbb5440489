package config_test

import (
	"maps"
	"reflect"
	"strings"
	"testing"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// skeleton has a place for a line of every block.
const skeleton = hookSkeleton + trackerSkeleton + rootSkeleton + serverSkeleton + `
global_defs {
    #global_defs
}
#(root)
track_group T {
    group {
        A
    }
}
static_ipaddress {
    10.0.1.1/24 dev eth1 #static_ipaddress/ADDRESS
    2001:db8::1/64 dev eth1 #static_ipaddress/ADDRESS6
}
static_routes {
    10.50.0.0/16 dev eth1 #static_routes/ROUTE
    2001:db8:50::/48 dev eth1 #static_routes/ROUTE6
    10.51.0.0/16 dev eth1 encap ip id 1 #static_routes/ROUTE/encap
    10.52.0.0/16 nexthop dev eth1 #static_routes/ROUTE/nexthop
}
static_rules {
    iif eth1 table 5 preference 5 #static_rules/RULE
}
vrrp_script good {
    script "/bin/true"
    #vrrp_script
}
vrrp_sync_group G {
    #vrrp_sync_group
    group {
        A
        B
    }
}
vrrp_instance A {
    interface eth0
    virtual_router_id 1
    version 2
    #vrrp_instance
    authentication {
        auth_type PASS
        auth_pass old
        #vrrp_instance/authentication
    }
    virtual_ipaddress {
        10.0.0.1/24
    }
    track_script {
        good
    }
    track_interface {
        eth5 weight 5
    }
}
vrrp_instance B {
    interface eth1
    virtual_router_id 2
    nopreempt
    virtual_ipaddress {
        10.0.0.2/24 #vrrp_instance/virtual_ipaddress/ADDRESS
    }
    virtual_ipaddress_excluded {
        10.0.0.4/24 #vrrp_instance/virtual_ipaddress_excluded/ADDRESS
        fe80::5/64 #vrrp_instance/virtual_ipaddress_excluded/ADDRESS6
    }
    virtual_routes {
        10.50.0.0/16 dev eth1 #vrrp_instance/virtual_routes/ROUTE
        2001:db8:50::/48 dev eth1 #vrrp_instance/virtual_routes/ROUTE6
        10.51.0.0/16 dev eth1 encap ip id 1 #vrrp_instance/virtual_routes/ROUTE/encap
        10.52.0.0/16 nexthop dev eth1 #vrrp_instance/virtual_routes/ROUTE/nexthop
    }
    virtual_rules {
        iif eth1 table 5 preference 5 #vrrp_instance/virtual_rules/RULE
    }
    auth_hmac {
        key 1 01234567890123456789012345678901
        active_key 1
        #vrrp_instance/auth_hmac
    }
}
vrrp_instance C {
    virtual_router_id 3
    unicast_src_ip 10.0.0.9
    unicast_peer {
        10.0.0.8 #vrrp_instance/unicast_peer
    }
    #C
    virtual_ipaddress {
        10.0.0.3/24 dev eth0
    }
}
vrrp_instance D {
    interface eth4
    virtual_router_id 4
    #D
    virtual_ipaddress {
        fe80::4/64 #vrrp_instance/virtual_ipaddress/ADDRESS6
    }
}
vrrp_instance V {
    interface eth7
    virtual_router_id 7
    use_vmac
    #V
    virtual_ipaddress {
        10.0.0.7/24
    }
}
`

// samples are a line for every keyword of the tables, keyed by block and word.
// @X puts the line at another place of the skeleton. Words in acted on elsewhere
// have an empty sample.
func samples() map[string]string {
	all := map[string]string{}
	for _, area := range []map[string]string{firstSamples(), trackerSamples(), globalSamples(), rootSamples(), heldSamples(), serverSamples(), hookSamples()} {
		maps.Copy(all, area)
	}
	return all
}

func firstSamples() map[string]string {
	return map[string]string{
		"(root) global_defs":     "global_defs {\nrouter_id other\n}",
		"(root) vrrp_script":     "vrrp_script s {\nscript /bin/false\n}\nvrrp_instance Z {\ninterface eth9\nvirtual_router_id 9\ntrack_script {\ns\n}\n}",
		"(root) vrrp_sync_group": "vrrp_sync_group H {\ngroup {\nC\n}\n}",
		"(root) vrrp_instance":   "vrrp_instance Z {\ninterface eth9\nvirtual_router_id 9\n}",
		"(root) child_wait_time": "child_wait_time 9",

		"global_defs router_id":                        "router_id other",
		"global_defs notification_email":               "notification_email {\na@b c@d\n}",
		"global_defs notification_email_from":          "notification_email_from a@b",
		"global_defs smtp_server":                      "smtp_server 10.0.0.7 2525",
		"global_defs smtp_tls":                         "smtp_tls starttls",
		"global_defs smtp_auth":                        "smtp_auth alerts secret",
		"global_defs log_style":                        "log_style json",
		"global_defs log_level":                        "log_level warn",
		"global_defs api_group":                        "api_group wheel",
		"global_defs api_read_group":                   "api_read_group adm",
		"global_defs api_listen":                       "api_listen 192.0.2.1 9443",
		"global_defs api_certificate":                  "api_certificate /etc/holdfast/api.pem",
		"global_defs api_key":                          "api_key /etc/holdfast/api.key",
		"global_defs api_client_ca":                    "api_client_ca /etc/holdfast/ca.pem",
		"global_defs api_tokens":                       "api_tokens /etc/holdfast/tokens",
		"global_defs api_listen_acts":                  "api_listen_acts",
		"global_defs smtp_helo_name":                   "smtp_helo_name n",
		"global_defs smtp_connect_timeout":             "smtp_connect_timeout 7",
		"global_defs smtp_alert":                       "smtp_alert",
		"global_defs smtp_alert_vrrp":                  "smtp_alert_vrrp on",
		"global_defs no_email_faults":                  "no_email_faults",
		"global_defs script_user":                      "script_user nobody :nogroup",
		"global_defs enable_script_security":           "enable_script_security",
		"global_defs use_symlink_paths":                "use_symlink_paths",
		"global_defs set_supplementary_groups":         "set_supplementary_groups yes",
		"global_defs notify_fifo":                      "notify_fifo /run/f nobody nogroup",
		"global_defs notify_fifo_script":               "notify_fifo_script /bin/cat",
		"global_defs vrrp_notify_fifo":                 "vrrp_notify_fifo /run/v",
		"global_defs vrrp_notify_fifo_script":          `vrrp_notify_fifo_script "/bin/cat -n" nobody`,
		"global_defs fifo_write_vrrp_states_on_reload": "fifo_write_vrrp_states_on_reload",
		"global_defs vrrp_notify_priority_changes":     "vrrp_notify_priority_changes",
		"global_defs vrrp_mcast_group4":                "vrrp_mcast_group4 224.0.0.99",
		"global_defs vrrp_mcast_group6":                "vrrp_mcast_group6 ff02::99",
		"global_defs vrrp_version":                     "vrrp_version 3",
		"global_defs vrrp_strict":                      "vrrp_strict",
		"global_defs vrrp_check_unicast_src":           "vrrp_check_unicast_src",
		"global_defs vrrp_skip_check_adv_addr":         "vrrp_skip_check_adv_addr",
		"global_defs vrrp_down_timer_adverts":          "vrrp_down_timer_adverts 4",
		"global_defs vrrp_lower_prio_no_advert":        "vrrp_lower_prio_no_advert",
		"global_defs vrrp_higher_prio_send_advert":     "vrrp_higher_prio_send_advert",
		"global_defs vrrp_owner_ignore_adverts":        "vrrp_owner_ignore_adverts\n}\nvrrp_instance Z {\ninterface eth9\nvirtual_router_id 9\npriority 255\n",
		"global_defs v3_checksum_as_v2":                "v3_checksum_as_v2 off",
		"global_defs vrrp_garp_master_delay":           "vrrp_garp_master_delay 9",
		"global_defs vrrp_garp_master_repeat":          "vrrp_garp_master_repeat 9",
		"global_defs vrrp_garp_master_refresh":         "vrrp_garp_master_refresh 9",
		"global_defs vrrp_garp_master_refresh_repeat":  "vrrp_garp_master_refresh_repeat 9",
		"global_defs vrrp_garp_lower_prio_delay":       "vrrp_garp_lower_prio_delay 9",
		"global_defs vrrp_garp_lower_prio_repeat":      "vrrp_garp_lower_prio_repeat 0",
		"global_defs vrrp_garp_interval":               "vrrp_garp_interval 0.001",
		"global_defs vrrp_gna_interval":                "vrrp_gna_interval 0.001",
		"global_defs vrrp_min_garp":                    "vrrp_min_garp",
		"global_defs vrrp_startup_delay":               "vrrp_startup_delay 2.5",
		"global_defs vrrp_delay_after_boot":            "vrrp_delay_after_boot 20",
		"global_defs log_unknown_vrids":                "log_unknown_vrids",
		"global_defs dynamic_interfaces":               "dynamic_interfaces allow_if_changes",
		"global_defs process_names":                    "process_names",
		"global_defs process_name":                     "process_name p",
		"global_defs vrrp_process_name":                "vrrp_process_name p",
		"global_defs vrrp_rt_priority":                 "vrrp_rt_priority 50",
		"global_defs include_check":                    "", // conf.TestIncludeCheckChangesIncludeUpToTheEndOfTheFile

		"vrrp_script script":    `script "/bin/false -x"`,
		"vrrp_script interval":  "interval 2.5",
		"vrrp_script timeout":   "timeout 7",
		"vrrp_script weight":    "weight -4 reverse",
		"vrrp_script rise":      "rise 3",
		"vrrp_script fall":      "fall 3",
		"vrrp_script user":      "user nobody :",
		"vrrp_script init_fail": "init_fail",

		"vrrp_sync_group group":                      "group {\nA\n}",
		"vrrp_sync_group sync_group_tracking_weight": "sync_group_tracking_weight",
		"vrrp_sync_group global_tracking":            "global_tracking",
		"vrrp_sync_group smtp_alert":                 "smtp_alert",
		"vrrp_sync_group notify_priority_changes":    "notify_priority_changes",
		"vrrp_sync_group notify_master":              "notify_master /bin/a",
		"vrrp_sync_group notify_backup":              "notify_backup /bin/a",
		"vrrp_sync_group notify_fault":               "notify_fault /bin/a",
		"vrrp_sync_group notify_stop":                "notify_stop /bin/a",
		"vrrp_sync_group notify":                     "notify /bin/a",

		"vrrp_instance state":                      "state MASTER",
		"vrrp_instance interface":                  "interface eth8",
		"vrrp_instance virtual_router_id":          "virtual_router_id 8",
		"vrrp_instance version":                    "@D version 2",
		"vrrp_instance priority":                   "priority 8",
		"vrrp_instance advert_int":                 "advert_int 8",
		"vrrp_instance mcast_src_ip":               "mcast_src_ip 10.0.0.200",
		"vrrp_instance unicast_src_ip":             "@C unicast_src_ip 10.0.0.7",
		"vrrp_instance mcast_dst_ip":               "mcast_dst_ip 224.0.0.77",
		"vrrp_instance unicast_peer":               "unicast_peer {\n10.0.0.5\n}",
		"vrrp_instance unicast_ttl":                "@C unicast_ttl 9",
		"vrrp_instance check_unicast_src":          "@C check_unicast_src",
		"vrrp_instance old_unicast_checksum":       "old_unicast_checksum never",
		"vrrp_instance v3_checksum_as_v2":          "v3_checksum_as_v2",
		"vrrp_instance skip_check_adv_addr":        "skip_check_adv_addr",
		"vrrp_instance native_ipv6":                "native_ipv6",
		"vrrp_instance authentication":             "@C authentication {\nauth_type PASS\nauth_pass x\n}",
		"vrrp_instance virtual_ipaddress":          "virtual_ipaddress {\n10.0.0.70\n}",
		"vrrp_instance virtual_ipaddress_excluded": "virtual_ipaddress_excluded {\n10.0.0.71\n}",
		"vrrp_instance no_virtual_ipaddress":       "", // TestFindings no-address
		"vrrp_instance accept":                     "", // the default; TestFindings strict
		"vrrp_instance strict_mode":                "strict_mode",
		"vrrp_instance nopreempt":                  "nopreempt",
		"vrrp_instance preempt":                    "nopreempt\npreempt\npriority 7",
		"vrrp_instance preempt_delay":              "preempt_delay 5",
		"vrrp_instance down_timer_adverts":         "down_timer_adverts 5",
		"vrrp_instance lower_prio_no_advert":       "lower_prio_no_advert",
		"vrrp_instance higher_prio_send_advert":    "higher_prio_send_advert",
		"vrrp_instance owner_ignore_adverts":       "priority 255\nowner_ignore_adverts",
		"vrrp_instance garp_master_delay":          "garp_master_delay 1",
		"vrrp_instance garp_master_repeat":         "garp_master_repeat 1",
		"vrrp_instance garp_master_refresh":        "garp_master_refresh 1",
		"vrrp_instance garp_master_refresh_repeat": "garp_master_refresh_repeat 2",
		"vrrp_instance garp_lower_prio_delay":      "garp_lower_prio_delay 1",
		"vrrp_instance garp_lower_prio_repeat":     "garp_lower_prio_repeat 1",
		"vrrp_instance dont_track_primary":         "dont_track_primary",
		"vrrp_instance notify_deleted":             "notify_deleted",
		"vrrp_instance notify_master_rx_lower_pri": "notify_master_rx_lower_pri /bin/a",
		"vrrp_instance notify_priority_changes":    "notify_priority_changes",
		"vrrp_instance smtp_alert":                 "smtp_alert",
		"vrrp_instance debug":                      "debug 3",
		"vrrp_instance notify_master":              "notify_master /bin/a",
		"vrrp_instance notify_backup":              "notify_backup /bin/a",
		"vrrp_instance notify_fault":               "notify_fault /bin/a",
		"vrrp_instance notify_stop":                "notify_stop /bin/a",
		"vrrp_instance notify":                     "notify /bin/a",

		"vrrp_instance/authentication auth_type": "auth_type AH",
		"vrrp_instance/authentication auth_pass": "auth_pass new",

		"vrrp_instance/unicast_peer min_ttl": "min_ttl 254",
		"vrrp_instance/unicast_peer max_ttl": "max_ttl 254",
	}
}

// Every keyword of the tables changes the typed configuration: none is read and
// then forgotten.
func TestEveryKeywordHasAnEffect(t *testing.T) {
	bare, _ := buildText(skeleton)
	all := samples()
	for e := range config.Keywords() {
		if e.Block == "(anywhere)" {
			continue // TestEveryWordOfTheLanguageIsRead
		}
		t.Run(e.Block+" "+e.Word, func(t *testing.T) {
			sample, found := all[e.Block+" "+e.Word]
			if !found {
				t.Fatal("no sample")
			}
			if sample == "" {
				return
			}
			place := "#" + e.Block
			if at, rest, moved := strings.Cut(sample, " "); moved && at[0] == '@' {
				place, sample = "#"+at[1:], rest
			}
			same := strings.HasSuffix(sample, " @same")
			sample = strings.TrimSuffix(sample, " @same")
			if !strings.Contains(skeleton, place+"\n") {
				t.Fatalf("the skeleton has no %s", place)
			}
			changed, diags := buildText(strings.Replace(skeleton, place+"\n", sample+"\n", 1))
			if reflect.DeepEqual(bare, changed) != same {
				t.Errorf("the configuration is the same: %v; findings: %v", !same, diags)
			}
			for _, d := range diags {
				if d.Class == conf.Incomplete || strings.Contains(d.Text, "unknown") {
					t.Errorf("not taken: %s", d)
				}
			}
		})
	}
}

func TestEveryKeywordIsDescribed(t *testing.T) {
	blocks := map[string]bool{"": true}
	for e := range config.Keywords() {
		blocks[e.Block] = true
	}
	for e := range config.Keywords() {
		if !blocks[e.Opens] {
			t.Errorf("%s %s opens %s, which has no keywords", e.Block, e.Word, e.Opens)
		}
		if e.Meaning == "" || !strings.HasSuffix(e.Meaning, ".") {
			t.Errorf("%s %s: no sentence says what it means", e.Block, e.Word)
		}
	}
}

// buildText reads and builds a text.
func buildText(text string) (*config.Config, []conf.Diag) {
	tree, found := conf.Parse(conf.MemoryFiles{"a.conf": text}, "a.conf", conf.Options{})
	c, more := config.Build(tree, config.Options{HostName: "node", Names: names})
	return c, conf.Sort(append(found, more...))
}

// names knows one name more than iproute2 comes with.
func names(kind, name string) (uint32, bool) { return 1000, kind == "rt_tables" && name == "red" }
