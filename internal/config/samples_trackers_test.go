package config_test

// trackerSamples are samples of what is tracked, and of the lines that track it.
func trackerSamples() map[string]string {
	return map[string]string{
		"(root) track_file":         "track_file other {\nfile /run/other\n}\nvrrp_instance Z {\ninterface eth9\nvirtual_router_id 9\ntrack_file {\nother\n}\n}",
		"(root) vrrp_track_file":    "vrrp_track_file other {\nfile /run/other\n}\nvrrp_instance Z {\ninterface eth9\nvirtual_router_id 9\ntrack_file {\nother\n}\n}",
		"(root) vrrp_track_process": "vrrp_track_process other {\nprocess other\n}\nvrrp_instance Z {\ninterface eth9\nvirtual_router_id 9\ntrack_process {\nother\n}\n}",
		"(root) bfd_instance":       "bfd_instance other {\nneighbor_ip 10.0.0.77\n}",

		"track_file file":      "@file file /run/other",
		"track_file weight":    "weight 7 reverse",
		"track_file init_file": "init_file 7 overwrite",

		"vrrp_track_file file":      "@oldfile file /run/other",
		"vrrp_track_file weight":    "weight 7 reverse",
		"vrrp_track_file init_file": "init_file 7",

		"vrrp_track_process process":         "@process process other a b",
		"vrrp_track_process param_match":     "param_match partial",
		"vrrp_track_process weight":          "weight 7 reverse",
		"vrrp_track_process quorum":          "quorum 3",
		"vrrp_track_process quorum_max":      "quorum_max 3",
		"vrrp_track_process delay":           "delay 3",
		"vrrp_track_process terminate_delay": "terminate_delay 3",
		"vrrp_track_process fork_delay":      "fork_delay 3",
		"vrrp_track_process full_command":    "full_command",

		"(root) vrrp_check": "vrrp_check other {\nping 10.0.0.77\n}\nvrrp_instance Z {\ninterface eth9\nvirtual_router_id 9\ntrack_check {\nother\n}\n}",

		"vrrp_check http":        "@check http https://10.0.0.60:8080/health?x=1",
		"vrrp_check tcp":         "@check tcp 10.0.0.60 25",
		"vrrp_check ping":        "@check ping 2001:db8::60",
		"vrrp_check dns":         "@check dns 10.0.0.60 example.org AAAA",
		"vrrp_check process":     "@check process nginx",
		"vrrp_check systemd":     "@check systemd nginx",
		"vrrp_check virtualhost": "virtualhost www.example.org",
		"vrrp_check status_code": "status_code 200 301-302",
		"vrrp_check no_verify":   "no_verify",
		"vrrp_check interval":    "interval 5",
		"vrrp_check timeout":     "timeout 0.5",
		"vrrp_check bindto":      "bindto 10.0.0.9",
		"vrrp_check bind_if":     "bind_if eth9",
		"vrrp_check fwmark":      "fwmark 9",
		"vrrp_check rise":        "rise 3",
		"vrrp_check fall":        "fall 3",
		"vrrp_check weight":      "weight 7 reverse",
		"vrrp_check repair":      `repair "/bin/systemctl restart nginx" nobody`,
		"vrrp_check repair_time": "repair_time 9",
		"vrrp_check stay_backup": "stay_backup",

		"bfd_instance neighbor_ip":  "neighbor_ip 10.0.0.66",
		"bfd_instance neighbour_ip": "neighbour_ip 10.0.0.66",
		"bfd_instance source_ip":    "source_ip 10.0.0.66",
		"bfd_instance min_rx":       "min_rx 20",
		"bfd_instance min_tx":       "min_tx 20.5",
		"bfd_instance idle_tx":      "idle_tx 2000",
		"bfd_instance multiplier":   "multiplier 3",
		"bfd_instance passive":      "passive",
		"bfd_instance ttl":          "ttl 9",
		"bfd_instance hoplimit":     "hoplimit 9",
		"bfd_instance max_hops":     "max_hops 9",
		"bfd_instance multihop":     "multihop yes",
		"bfd_instance weight":       "weight 7 reverse",
		"bfd_instance vrrp":         "vrrp",
		"bfd_instance checker":      "vrrp\nchecker\nttl 8",

		"vrrp_instance track_script":    "@D track_script {\ngood\n}",
		"vrrp_instance track_interface": "track_interface {\neth6\n}",
		"vrrp_instance track_file":      "@D track_file {\nfile\n}",
		"vrrp_instance track_process":   "@D track_process {\nmany\n}",
		"vrrp_instance track_bfd":       "@D track_bfd {\npeer\n}",
		"vrrp_instance track_check":     "@D track_check {\nweb\n}",

		"vrrp_sync_group track_script":    "track_script {\ngood weight 3\n}",
		"vrrp_sync_group track_interface": "track_interface {\neth6 weight 5\n}",
		"vrrp_sync_group track_file":      "track_file {\nfile weight 3\n}",
		"vrrp_sync_group track_process":   "track_process {\nmany weight 3\n}",
		"vrrp_sync_group track_bfd":       "track_bfd {\npeer weight 3\n}",
		"vrrp_sync_group track_check":     "track_check {\nweb weight 3\n}",

		"vrrp_instance/track_script <NAME>":      "better",
		"vrrp_instance/track_script weight":      "better weight 3 reverse",
		"vrrp_instance/track_interface <IFNAME>": "eth6",
		"vrrp_instance/track_interface weight":   "eth6 weight 3 reverse",
		"vrrp_instance/track_file <NAME>":        "oldfile weight 0",
		"vrrp_instance/track_file weight":        "oldfile weight 0 reverse",
		"vrrp_instance/track_process <NAME>":     "few",
		"vrrp_instance/track_process weight":     "few weight 0 reverse",
		"vrrp_instance/track_bfd <NAME>":         "next",
		"vrrp_instance/track_bfd weight":         "next weight 0 reverse",
		"vrrp_instance/track_check <NAME>":       "page",
		"vrrp_instance/track_check weight":       "page weight 0 reverse",
	}
}

// trackerSkeleton is what the skeleton of all samples has above its instances, and
// an instance T that tracks some of it.
const trackerSkeleton = `
vrrp_script better {
    script "/bin/true"
}
track_file file {
    #file
    file /run/file
    #track_file
}
vrrp_track_file oldfile {
    #oldfile
    file /run/oldfile
    #vrrp_track_file
}
vrrp_track_process many {
    #process
    process many
    #vrrp_track_process
}
vrrp_track_process few {
    process few
}
bfd_instance peer {
    neighbor_ip 10.0.0.55
    #bfd_instance
}
bfd_instance next {
    neighbor_ip 10.0.0.56
}
vrrp_check web {
    #check
    http http://10.0.0.57/
    #vrrp_check
}
vrrp_check page {
    tcp 10.0.0.57 80
}
vrrp_instance T {
    interface eth5
    virtual_router_id 5
    virtual_ipaddress {
        10.0.0.5/24
    }
    track_script {
        #vrrp_instance/track_script
    }
    track_interface {
        #vrrp_instance/track_interface
    }
    track_file {
        file
        #vrrp_instance/track_file
    }
    track_process {
        many
        #vrrp_instance/track_process
    }
    track_bfd {
        peer
        #vrrp_instance/track_bfd
    }
    track_check {
        web
        #vrrp_instance/track_check
    }
}
vrrp_instance U {
    interface eth5
    virtual_router_id 6
    virtual_ipaddress {
        10.0.0.6/24
    }
    track_file {
        oldfile
    }
}
`
