package config_test

import "strings"

// globalSamples are samples of global_defs, beside those of the first areas.
func globalSamples() map[string]string {
	samples := map[string]string{
		"global_defs startup_script":          "startup_script /bin/true nobody",
		"global_defs startup_script_timeout":  "startup_script_timeout 20",
		"global_defs shutdown_script":         `shutdown_script "/bin/true x"`,
		"global_defs shutdown_script_timeout": "shutdown_script_timeout 20",

		"global_defs lvs_process_name":        "lvs_process_name p",
		"global_defs max_auto_priority":       "max_auto_priority",
		"global_defs min_auto_priority_delay": "min_auto_priority_delay 20",
		"global_defs umask":                   "umask IRWXG|IWOTH",
		"global_defs random_seed":             "random_seed 20",

		"global_defs vrrp_garp_extra_if":   "vrrp_garp_extra_if all 60",
		"global_defs vrrp_vmac_garp_intvl": "vrrp_vmac_garp_intvl 60",

		"global_defs vmac_prefix":        "vmac_prefix vm",
		"global_defs vmac_addr_prefix":   "vmac_addr_prefix va",
		"global_defs default_interface":  "default_interface eth7",
		"global_defs disable_local_igmp": "disable_local_igmp",

		"global_defs nftables":                   "nftables",
		"global_defs nftables_priority":          "nftables_priority 20",
		"global_defs nftables_ifindex":           "nftables_ifindex",
		"global_defs nftables_counters":          "nftables_counters",
		"global_defs nftables_ipvs":              "nftables_ipvs marks",
		"global_defs nftables_ipvs_priority":     "nftables_ipvs_priority 20",
		"global_defs nftables_ipvs_start_fwmark": "nftables_ipvs_start_fwmark 20",
		"global_defs vrrp_iptables":              "vrrp_iptables",
		"global_defs vrrp_ipsets":                "vrrp_ipsets a b",

		"global_defs lvs_timeouts":           "lvs_timeouts tcp 1 tcpfin 2 udp 3",
		"global_defs lvs_flush":              "lvs_flush",
		"global_defs lvs_flush_on_stop":      "lvs_flush_on_stop VS",
		"global_defs lvs_flush_onstop":       "lvs_flush_onstop",
		"global_defs lvs_sync_daemon":        "lvs_sync_daemon eth0 inst A id 3 maxlen 1400 port 8848 ttl 3 group 224.0.0.81",
		"global_defs rs_init_notifies":       "rs_init_notifies",
		"global_defs no_checker_emails":      "no_checker_emails",
		"global_defs lvs_notify_fifo":        "lvs_notify_fifo /run/l",
		"global_defs lvs_notify_fifo_script": "lvs_notify_fifo_script /bin/cat",

		"global_defs vrrp_rx_bufs_policy":     "vrrp_rx_bufs_policy mtu",
		"global_defs vrrp_rx_bufs_multiplier": "vrrp_rx_bufs_multiplier 20",

		"global_defs snmp_socket":                   "snmp_socket udp:10.0.0.7:705",
		"global_defs enable_traps":                  "enable_traps",
		"global_defs enable_snmp_vrrp":              "enable_snmp_vrrp",
		"global_defs enable_snmp_keepalived":        "enable_snmp_keepalived",
		"global_defs enable_snmp_rfc":               "enable_snmp_rfc",
		"global_defs enable_snmp_rfcv2":             "enable_snmp_rfcv2",
		"global_defs enable_snmp_rfcv3":             "enable_snmp_rfcv3",
		"global_defs enable_snmp_checker":           "enable_snmp_checker",
		"global_defs snmp_vs_stats_update_interval": "snmp_vs_stats_update_interval 2",
		"global_defs snmp_rs_stats_update_interval": "snmp_rs_stats_update_interval 2",
		"global_defs enable_dbus":                   "enable_dbus",
		"global_defs dbus_service_name":             "dbus_service_name org.example",
		"global_defs dbus_no_interface_name":        "dbus_no_interface_name nowhere",

		"global_defs reload_check_config":  "reload_check_config /run/log",
		"global_defs reload_time_file":     "reload_time_file /run/time",
		"global_defs reload_repeat":        "reload_repeat",
		"global_defs reload_file":          "reload_file",
		"global_defs config_save_dir":      "config_save_dir /run/saved",
		"global_defs tmp_config_directory": "tmp_config_directory /run/copy",
		"global_defs data_use_instance":    "data_use_instance",
		"global_defs json_version":         "json_version 2",
		"global_defs iproute_usr_dir":      "iproute_usr_dir /opt/share",
		"global_defs iproute_etc_dir":      "iproute_etc_dir /opt/etc",
		"global_defs state_dump_file":      "state_dump_file /run/state",
		"global_defs stats_dump_file":      "stats_dump_file /run/stats",
		"global_defs json_dump_file":       "json_dump_file /run/json",
	}
	for _, child := range []string{"vrrp", "checker", "bfd"} {
		for _, sample := range []string{"process_name p", "priority -5", "no_swap", "rt_priority 50", "cpu_affinity 1 0", "rlimit_rttime 20", "rlimit_rtime 20"} {
			word, _, _ := strings.Cut(sample, " ")
			samples["global_defs "+child+"_"+word] = child + "_" + sample
		}
	}
	for _, buffer := range []string{"vrrp_netlink_cmd", "vrrp_netlink_monitor", "process_monitor", "lvs_netlink_cmd", "lvs_netlink_monitor"} {
		samples["global_defs "+buffer+"_rcv_bufs"] = buffer + "_rcv_bufs 20"
		samples["global_defs "+buffer+"_rcv_bufs_force"] = buffer + "_rcv_bufs_force"
	}
	return samples
}

// rootSamples are samples of what stands outside of all blocks, and of the blocks
// about interfaces.
func rootSamples() map[string]string {
	return map[string]string{
		"(root) instance":              "instance other",
		"(root) use_pid_dir":           "use_pid_dir",
		"(root) net_namespace":         "net_namespace other",
		"(root) net_namespace_ipvs":    "net_namespace_ipvs",
		"(root) namespace_with_ipsets": "namespace_with_ipsets",
		"(root) linkbeat_use_polling":  "linkbeat_use_polling",

		"(root) track_group":              "track_group T {\ngroup {\nA B\nC\n}\n}",
		"(root) garp_group":               "garp_group {\ngna_interval 1.5\ninterface eth8\n}",
		"(root) linkbeat_interfaces":      "linkbeat_interfaces {\neth8\n}",
		"(root) interface_up_down_delays": "interface_up_down_delays {\neth8 3 2.5\n}",

		// conf.TestIncludeVariants
		"(root) include": "", "(root) includer": "", "(root) includem": "",
		"(root) includew": "", "(root) includeb": "", "(root) includea": "",

		"track_group group": "@late group {\nA\n}",

		"garp_group garp_interval": "garp_interval 0.1",
		"garp_group gna_interval":  "gna_interval 0.1",
		"garp_group interface":     "interface eth7",
		"garp_group interfaces":    "interfaces {\neth7\neth6 eth5\n}",

		"linkbeat_interfaces <IFNAME>":       "eth7",
		"linkbeat_interfaces/IFNAME MII":     "MII",
		"linkbeat_interfaces/IFNAME ETHTOOL": "ETHTOOL",
		"linkbeat_interfaces/IFNAME IOCTL":   "IOCTL",

		"interface_up_down_delays <IFNAME>": "eth7 1",
	}
}

const rootSkeleton = `
track_group late {
    #late
}
garp_group {
    garp_interval 2
    interface eth0
    #garp_group
}
linkbeat_interfaces {
    eth0 #linkbeat_interfaces/IFNAME
    #linkbeat_interfaces
}
interface_up_down_delays {
    eth0 1
    #interface_up_down_delays
}
`
