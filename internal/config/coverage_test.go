package config_test

import (
	"bufio"
	"os"
	"strings"
	"testing"

	"holdfast/internal/config"
)

// missing are the blocks of the reference whose keywords have no rows yet.
var missing = []string{
	"(anywhere)",
	// VRRP, trackers, BFD, the process.
	"(root)", "global_defs", "garp_group", "linkbeat_interfaces", "linkbeat_interfaces/IFNAME", "interface_up_down_delays",
	"track_group",
	// What an instance holds.
	"vrrp_instance", "vrrp_instance/auth_hmac", "vrrp_instance/authentication", "vrrp_instance/unicast_peer", "vrrp_instance/virtual_ipaddress/ADDRESS",
	"vrrp_instance/virtual_ipaddress_excluded/ADDRESS", "vrrp_instance/virtual_routes/ROUTE", "vrrp_instance/virtual_rules/RULE",
	"static_ipaddress", "static_ipaddress/ADDRESS", "static_routes", "static_routes/ROUTE", "static_routes/encap", "static_routes/nexthop", "static_rules", "static_rules/RULE",
	// IPVS.
	"SSL", "virtual_server_group", "virtual_server", "virtual_server/lvs_sched", "virtual_server/lvs_method", "virtual_server/real_server",
	"virtual_server/real_server/HTTP_GET", "virtual_server/real_server/HTTP_GET/url", "virtual_server/real_server/HTTP_GET/url/regex_options",
	"virtual_server/real_server/SSL_GET", "virtual_server/real_server/SSL_GET/url", "virtual_server/real_server/SSL_GET/url/regex_options",
	"virtual_server/real_server/TCP_CHECK", "virtual_server/real_server/SMTP_CHECK", "virtual_server/real_server/SMTP_CHECK/host",
	"virtual_server/real_server/DNS_CHECK", "virtual_server/real_server/DNS_CHECK/type", "virtual_server/real_server/UDP_CHECK",
	"virtual_server/real_server/PING_CHECK", "virtual_server/real_server/MISC_CHECK", "virtual_server/real_server/FILE_CHECK", "virtual_server/real_server/BFD_CHECK",
}

// The files in testdata list every keyword of keepalived 2.4.3, a row each:
// block, keyword, arguments, range, default, meaning.
func TestEveryRowOfTheReferenceHasAKeyword(t *testing.T) {
	have, late := map[string]bool{}, map[string]bool{}
	for e := range config.Keywords() {
		have[e.Block+"\t"+e.Word] = true
	}
	for _, block := range missing {
		late[block] = true
	}
	for _, file := range []string{"keywords-vrrp.tsv", "keywords-lvs.tsv"} {
		for _, row := range referenceRows(t, file) {
			if block, _, _ := strings.Cut(row, "\t"); !late[block] && !have[row] {
				t.Errorf("%s: no keyword for %q", file, row)
			}
		}
	}
}

// referenceRows lists block and keyword of each row of a file.
func referenceRows(t *testing.T, file string) []string {
	t.Helper()
	f, err := os.Open("testdata/" + file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var rows []string
	s := bufio.NewScanner(f)
	for s.Scan() {
		columns := strings.SplitN(s.Text(), "\t", 3)
		if len(columns) == 3 && columns[0] != "block" {
			rows = append(rows, columns[0]+"\t"+columns[1])
		}
	}
	if len(rows) < 400 {
		t.Fatalf("%s has only %d rows", file, len(rows))
	}
	return rows
}
