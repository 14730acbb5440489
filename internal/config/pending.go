package config

import (
	"slices"
	"strings"
)

// pendingList holds, block by block, the keywords of keepalived 2.4.3 that this
// version reads and does not act on yet: each is told once when it is used. It is the
// only such list; a keyword leaves it when its effect is built.
const pendingList = `
(root):
	SSL
SSL:
	ca certificate key password
global_defs:
	dbus_no_interface_name dbus_service_name enable_dbus enable_snmp_checker enable_snmp_keepalived
	enable_snmp_rfc enable_snmp_rfcv2 enable_snmp_rfcv3 enable_snmp_vrrp enable_traps
	lvs_netlink_cmd_rcv_bufs lvs_netlink_cmd_rcv_bufs_force lvs_netlink_monitor_rcv_bufs
	lvs_netlink_monitor_rcv_bufs_force nftables_ipvs nftables_ipvs_priority nftables_ipvs_start_fwmark
	snmp_rs_stats_update_interval snmp_socket snmp_vs_stats_update_interval
virtual_server:
	snmp_name virtualhost
virtual_server/real_server:
	BFD_CHECK DNS_CHECK FILE_CHECK HTTP_GET MISC_CHECK PING_CHECK SMTP_CHECK SSL_GET UDP_CHECK
	snmp_name virtualhost
virtual_server/real_server/BFD_CHECK:
	alpha name
virtual_server/real_server/DNS_CHECK:
	alpha bind_if bind_port bindto connect_ip connect_port connect_timeout delay_before_retry
	delay_loop fwmark log_all_failures name retry type warmup
virtual_server/real_server/DNS_CHECK/type:
	A AAAA CNAME DNSKEY MX NS RRSIG SOA TXT
virtual_server/real_server/FILE_CHECK:
	track_file weight
virtual_server/real_server/HTTP_GET:
	alpha bind_if bind_port bindto connect_ip connect_port connect_timeout delay_before_retry
	delay_loop enable_sni fast_recovery fwmark http_protocol log_all_failures nb_get_retry retry
	sni_name url virtualhost warmup
virtual_server/real_server/HTTP_GET/url:
	digest path regex regex_max_offset regex_min_offset regex_no_match regex_options regex_stack
	status_code virtualhost
virtual_server/real_server/HTTP_GET/url/regex_options:
	allow_empty_class alt_bsux alt_circumflex alt_verbnames auto_callout caseless dollar_endonly dotall
	dupnames extended firstline match_unset_backref multiline never_backslash_c never_ucp never_utf
	no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize ucp ungreedy use_offset_limit
	utf
virtual_server/real_server/MISC_CHECK:
	alpha delay_before_retry delay_loop log_all_failures misc_dynamic misc_path misc_timeout retry user
	warmup
virtual_server/real_server/PING_CHECK:
	alpha bind_if bind_port bindto connect_ip connect_port connect_timeout delay_before_retry
	delay_loop fwmark log_all_failures retry warmup
virtual_server/real_server/SMTP_CHECK:
	alpha bind_if bind_port bindto connect_ip connect_port connect_timeout delay_before_retry
	delay_loop fwmark helo_name host log_all_failures retry warmup
virtual_server/real_server/SMTP_CHECK/host:
	alpha bind_if bind_port bindto connect_ip connect_port connect_timeout delay_before_retry
	delay_loop fwmark log_all_failures retry warmup
virtual_server/real_server/SSL_GET:
	alpha bind_if bind_port bindto connect_ip connect_port connect_timeout delay_before_retry
	delay_loop enable_sni fast_recovery fwmark http_protocol log_all_failures nb_get_retry retry
	sni_name tls_compliant url virtualhost warmup
virtual_server/real_server/SSL_GET/url:
	digest path regex regex_max_offset regex_min_offset regex_no_match regex_options regex_stack
	status_code tls_compliant virtualhost
virtual_server/real_server/SSL_GET/url/regex_options:
	allow_empty_class alt_bsux alt_circumflex alt_verbnames auto_callout caseless dollar_endonly dotall
	dupnames extended firstline match_unset_backref multiline never_backslash_c never_ucp never_utf
	no_auto_capture no_auto_possess no_dotstar_anchor no_start_optimize ucp ungreedy use_offset_limit
	utf
virtual_server/real_server/UDP_CHECK:
	alpha bind_if bind_port bindto connect_ip connect_port connect_timeout delay_before_retry
	delay_loop fwmark log_all_failures max_reply_length min_reply_length payload require_reply retry
	warmup
`

// pendingBlocks names the blocks of the list.
func pendingBlocks() []string {
	var names []string
	for line := range strings.Lines(pendingList) {
		if name, isBlock := strings.CutSuffix(strings.TrimSpace(line), ":"); isBlock {
			names = append(names, name)
		}
	}
	return names
}

// pendingOf lists the words of a block that are not done yet.
func pendingOf(block string) []string {
	_, after, found := strings.Cut(pendingList, "\n"+block+":\n")
	if !found {
		return nil
	}
	var words []string
	for line := range strings.Lines(after) {
		if !strings.HasPrefix(line, "\t") {
			break
		}
		words = append(words, strings.Fields(line)...)
	}
	return words
}

// pending reports whether a word of a block is known and not done.
func pending(block, word string) bool { return slices.Contains(pendingOf(block), word) }

// Pending reports whether this version reads a keyword of a block and does not act
// on it yet, be it because the whole block is one of those.
func Pending(block, word string) bool {
	around := topLevel
	for name := range strings.SplitSeq(block, "/") {
		if pending(around, name) {
			return true
		}
		if around == topLevel {
			around = name
			continue
		}
		around += "/" + name
	}
	return pending(block, word)
}
