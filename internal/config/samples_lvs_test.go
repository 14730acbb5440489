package config_test

import "strings"

// serverSkeleton has a place for a line of every block of virtual servers.
const serverSkeleton = `
track_file number {
    file /run/number
}
bfd_instance session {
    neighbor_ip 10.9.9.9
}
SSL {
    #SSL
}
virtual_server_group many {
    10.0.9.1 80
    #virtual_server_group
}
virtual_server group many {
    lvs_sched rr
    lvs_method TUN
    protocol TCP
    real_server 10.1.0.1 80 {
    }
}
virtual_server fwmark 7 {
    lvs_sched sh
    lvs_method TUN
    #mark
    real_server 10.1.0.1 {
    }
}
virtual_server fwmark 8 {
    lvs_sched mh
    lvs_method TUN type gue port 6080
    #maglev
    real_server 10.1.0.1 {
    }
}
virtual_server 10.0.0.2 53 {
    lvs_sched rr
    lvs_method NAT
    protocol UDP
    #datagrams
    real_server 10.1.0.1 53 {
    }
}
virtual_server 10.0.0.1 80 {
    #virtual_server
    sorry_server 10.1.0.9 80
    #sorry
    real_server 10.1.0.1 80 {
        #virtual_server/real_server
        TCP_CHECK {
            #virtual_server/real_server/TCP_CHECK
        }
        PING_CHECK {
            #virtual_server/real_server/PING_CHECK
        }
        UDP_CHECK {
            #virtual_server/real_server/UDP_CHECK
        }
        SMTP_CHECK {
            #virtual_server/real_server/SMTP_CHECK
            host {
                #virtual_server/real_server/SMTP_CHECK/host
            }
        }
        DNS_CHECK {
            #virtual_server/real_server/DNS_CHECK
        }
        MISC_CHECK {
            misc_path /bin/true
            #virtual_server/real_server/MISC_CHECK
        }
        FILE_CHECK {
            track_file number
            #virtual_server/real_server/FILE_CHECK
        }
        BFD_CHECK {
            name session
            #virtual_server/real_server/BFD_CHECK
        }
        HTTP_GET {
            #virtual_server/real_server/HTTP_GET
            url {
                path /
                regex old
                #virtual_server/real_server/HTTP_GET/url
            }
        }
        SSL_GET {
            #virtual_server/real_server/SSL_GET
            url {
                path /
                regex old
                #virtual_server/real_server/SSL_GET/url
            }
        }
    }
    real_server 10.1.0.3 80 {
        BFD_CHECK {
            #unnamed
        }
        FILE_CHECK {
            #unwatched
        }
        MISC_CHECK {
            #unwritten
        }
    }
}
`

// serverSamples are those of everything about virtual servers.
func serverSamples() map[string]string {
	const real = "virtual_server/real_server"
	m := map[string]string{
		"(root) SSL":                  "SSL {\npassword other\n}",
		"(root) virtual_server_group": "virtual_server_group more {\n10.0.9.2 80\n}",
		"(root) virtual_server":       "virtual_server fwmark 3 {\nreal_server 1.1.1.1 1 {\n}\n}",

		"global_defs smtp_alert_checker":       "smtp_alert_checker",
		"global_defs checker_log_all_failures": "checker_log_all_failures",

		"SSL password":    "password x",
		"SSL ca":          "ca /etc/ca.pem",
		"SSL certificate": "certificate /etc/c.pem",
		"SSL key":         "key /etc/k.pem",

		"virtual_server_group IP":      "10.0.9.2 80",
		"virtual_server_group IP-N":    "10.0.9.2-9 80",
		"virtual_server_group IP-IP":   "10.0.9.2-10.0.10.2",
		"virtual_server_group IP/MASK": "10.0.9.0/24 80",
		"virtual_server_group fwmark":  "fwmark 6",

		"virtual_server ip_family":               "@mark ip_family inet6",
		"virtual_server delay_loop":              "delay_loop 3",
		"virtual_server retry":                   "retry 7",
		"virtual_server delay_before_retry":      "delay_before_retry 7",
		"virtual_server warmup":                  "warmup 7",
		"virtual_server connect_timeout":         "connect_timeout 7",
		"virtual_server inhibit_on_failure":      "inhibit_on_failure",
		"virtual_server lvs_sched":               "lvs_sched rr",
		"virtual_server lb_algo":                 "lb_algo rr",
		"virtual_server hashed":                  "", // TestHashedSetsNothing
		"virtual_server ops":                     "@datagrams ops",
		"virtual_server flag-1":                  "flag-1",
		"virtual_server flag-2":                  "flag-2",
		"virtual_server flag-3":                  "flag-3",
		"virtual_server sh-port":                 "@mark sh-port",
		"virtual_server sh-fallback":             "@mark sh-fallback",
		"virtual_server mh-port":                 "@maglev mh-port",
		"virtual_server mh-fallback":             "@maglev mh-fallback",
		"virtual_server lvs_method":              "lvs_method DR",
		"virtual_server lb_kind":                 "lb_kind TUN",
		"virtual_server persistence_engine":      "persistence_engine sip",
		"virtual_server persistence_timeout":     "persistence_timeout",
		"virtual_server persistence_granularity": "persistence_granularity 255.255.255.0",
		"virtual_server protocol":                "protocol tcp",
		"virtual_server ha_suspend":              "ha_suspend",
		"virtual_server smtp_alert":              "smtp_alert",
		"virtual_server virtualhost":             "virtualhost www.example.org",
		"virtual_server snmp_name":               "snmp_name web",
		"virtual_server alpha":                   "alpha",
		"virtual_server omega":                   "omega",
		"virtual_server quorum_up":               "quorum_up /bin/a",
		"virtual_server quorum_down":             "quorum_down /bin/a",
		"virtual_server quorum":                  "quorum 2",
		"virtual_server hysteresis":              "quorum 2\nhysteresis 1",
		"virtual_server weight":                  "weight 3",
		"virtual_server sorry_server":            "@sorry sorry_server 10.1.0.8 80",
		"virtual_server sorry_server_inhibit":    "@sorry sorry_server_inhibit",
		"virtual_server sorry_server_lvs_method": "@sorry sorry_server_lvs_method TUN",
		"virtual_server real_server":             "real_server 10.1.0.2 80 {\n}",

		real + " weight":             "weight 5",
		real + " lvs_method":         "lvs_method TUN",
		real + " uthreshold":         "uthreshold 9",
		real + " lthreshold":         "lthreshold 9",
		real + " inhibit_on_failure": "inhibit_on_failure",
		real + " notify_up":          "notify_up /bin/a",
		real + " notify_down":        "notify_down /bin/a",
		real + " alpha":              "alpha",
		real + " retry":              "retry 7",
		real + " delay_before_retry": "delay_before_retry 7",
		real + " warmup":             "warmup 7",
		real + " connect_timeout":    "connect_timeout 7",
		real + " delay_loop":         "delay_loop 7",
		real + " smtp_alert":         "smtp_alert off",
		real + " virtualhost":        "virtualhost www.example.org",
		real + " snmp_name":          "snmp_name web1",
		real + " HTTP_GET":           "HTTP_GET {\nurl {\npath /x\n}\n}",
		real + " SSL_GET":            "SSL_GET {\nurl {\npath /x\n}\n}",
		real + " BFD_CHECK":          "@unnamed name session",
		real + " FILE_CHECK":         "@unwatched track_file number",
		real + " MISC_CHECK":         "@unwritten misc_path /bin/false",

		real + "/UDP_CHECK payload":          "payload 01 7f",
		real + "/UDP_CHECK require_reply":    "require_reply 01xx",
		real + "/UDP_CHECK min_reply_length": "min_reply_length 9",
		real + "/UDP_CHECK max_reply_length": "max_reply_length 9",
		real + "/SMTP_CHECK helo_name":       "helo_name me",
		real + "/SMTP_CHECK host":            "host {\nconnect_port 99\n}",
		real + "/DNS_CHECK type":             "type mx",
		real + "/DNS_CHECK name":             "name example.org",
		real + "/MISC_CHECK misc_path":       "misc_path \"/bin/true -x\"",
		real + "/MISC_CHECK misc_timeout":    "misc_timeout 9",
		real + "/MISC_CHECK misc_dynamic":    "misc_dynamic",
		real + "/MISC_CHECK user":            "user nobody :",
		real + "/BFD_CHECK name":             "@unnamed name session",
		real + "/FILE_CHECK track_file":      "@unwatched track_file number",
		real + "/FILE_CHECK weight":          "weight 2 reverse",
	}
	for _, word := range []string{"TCP_CHECK", "PING_CHECK", "UDP_CHECK", "SMTP_CHECK", "DNS_CHECK"} {
		m[real+" "+word] = word + " {\n}"
	}
	for _, s := range []string{"rr", "wrr", "lc", "wlc", "lblc", "sh", "mh", "dh", "fo", "ovf", "lblcr", "sed", "nq", "twos"} {
		m["virtual_server/lvs_sched "+s] = "@datagrams lvs_sched " + s
	}
	m["virtual_server/lvs_sched rr"] = "@mark lvs_sched rr"
	for word, sample := range map[string]string{
		"NAT": "@mark lvs_method NAT", "DR": "@mark lvs_method DR", "TUN": "@datagrams lvs_method TUN",
		"type": "@mark lvs_method TUN type gre", "gre": "@mark lvs_method TUN type gre", "ipip": "@maglev lvs_method TUN type ipip",
		"gue": "@mark lvs_method TUN type gue port 1", "port": "@maglev lvs_method TUN type gue port 1",
		"csum": "@maglev lvs_method TUN type gue port 6080 csum", "remcsum": "@maglev lvs_method TUN type gue port 6080 remcsum",
		"nocsum": "@maglev lvs_method TUN type gue port 6080 csum nocsum @same",
	} {
		m["virtual_server/lvs_method "+word] = sample
	}
	for _, word := range []string{"A", "NS", "CNAME", "MX", "TXT", "AAAA", "RRSIG", "DNSKEY"} {
		m[real+"/DNS_CHECK/type "+word] = "@" + real + "/DNS_CHECK type " + word
	}
	m[real+"/DNS_CHECK/type SOA"] = "@" + real + "/DNS_CHECK type A\ntype soa @same"
	for _, block := range []string{"TCP_CHECK", "PING_CHECK", "UDP_CHECK", "SMTP_CHECK", "SMTP_CHECK/host", "DNS_CHECK", "HTTP_GET", "SSL_GET"} {
		for word, value := range map[string]string{
			"connect_ip": "10.1.0.77", "connect_port": "77", "bindto": "10.1.0.78", "bind_port": "78", "bind_if": "eth7", "connect_timeout": "2", "fwmark": "9",
		} {
			m[real+"/"+block+" "+word] = word + " " + value
		}
	}
	for _, block := range []string{"TCP_CHECK", "PING_CHECK", "UDP_CHECK", "SMTP_CHECK", "SMTP_CHECK/host", "DNS_CHECK", "HTTP_GET", "SSL_GET", "MISC_CHECK", "BFD_CHECK"} {
		for _, sample := range []string{"retry 2", "delay_before_retry 2", "warmup 2", "delay_loop 2", "alpha", "log_all_failures"} {
			word, _, _ := strings.Cut(sample, " ")
			m[real+"/"+block+" "+word] = sample
		}
	}
	for _, block := range []string{"HTTP_GET", "SSL_GET"} {
		for _, sample := range []string{
			"nb_get_retry 2", "virtualhost a", "http_protocol 1.0c", "enable_sni", "sni_name a", "fast_recovery", "tls_compliant", "url {\npath /z\n}",
		} {
			word, _, _ := strings.Cut(sample, " ")
			m[real+"/"+block+" "+word] = sample
		}
		for _, sample := range []string{
			"path /y", "digest ff20ad2481f97b1754ef3e12ecd3a9cc", "status_code 200 301-302", "virtualhost a", "regex new", "regex_no_match", "regex_options utf",
			"regex_min_offset 5", "regex_max_offset 5", "regex_stack 1000 2000 @same", "tls_compliant",
		} {
			word, _, _ := strings.Cut(sample, " ")
			m[real+"/"+block+"/url "+word] = sample
		}
		for _, word := range regexOptions() {
			m[real+"/"+block+"/url/regex_options "+word] = "@" + real + "/" + block + "/url regex_options " + word
		}
	}
	return m
}

// regexOptions are the options of PCRE2 in the order of their bits.
func regexOptions() []string {
	return strings.Fields(`allow_empty_class alt_bsux auto_callout caseless dollar_endonly dotall dupnames extended firstline
		match_unset_backref multiline never_ucp never_utf no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize
		ucp ungreedy utf never_backslash_c alt_circumflex alt_verbnames use_offset_limit`)
}
