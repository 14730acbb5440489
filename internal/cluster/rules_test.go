package cluster_test

import (
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/cluster"
	"holdfast/internal/golden"
)

// good is the file of a node that has nothing wrong. Its words are changed by
// the rows of tests.
func good(number, priority int) string {
	return fmt.Sprintf(`vrrp_instance VI_1 {
    state BACKUP
    interface eth0
    virtual_router_id 60
    priority %d
    mcast_src_ip 10.0.0.%d
    authentication {
        auth_type PASS
        auth_pass secret
    }
    virtual_ipaddress {
        10.0.0.100/24
        10.0.0.101/24
    }
}
`, priority, number)
}

// edit replaces words, each of which must be there.
func edit(t testing.TB, text string, pairs ...string) string {
	t.Helper()
	for i := 0; i < len(pairs); i += 2 {
		if !strings.Contains(text, pairs[i]) {
			t.Fatalf("%q is not in the text:\n%s", pairs[i], text)
		}
		text = strings.Replace(text, pairs[i], pairs[i+1], 1)
	}
	return text
}

// with puts lines behind the priority of the instance.
func with(lines string) []string {
	return []string{"    mcast_src_ip", lines + "\n    mcast_src_ip"}
}

const unicast = `    unicast_src_ip 10.0.0.%d
    unicast_peer {
        %s
    }`

func peers(number int, list ...string) []string {
	return []string{fmt.Sprintf("    mcast_src_ip 10.0.0.%d", number), fmt.Sprintf(unicast, number, strings.Join(list, "\n        "))}
}

// chk is a script and the instance's line that tracks it.
func chk(t testing.TB, text, weight string) string {
	return "vrrp_script chk {\n    script /bin/true\n" + weight + "}\n" + edit(t, text, with("    track_script {\n        chk\n    }")...)
}

// second makes another instance of a file and a sync group of both.
func second(text string) string {
	return text + strings.NewReplacer("VI_1", "VI_2", "id 60", "id 61", "eth0", "eth1", "10.0.0.", "10.0.1.").Replace(text)
}

func grouped(text string, names ...string) string {
	return text + "vrrp_sync_group G {\n    group {\n        " + strings.Join(names, "\n        ") + "\n    }\n}\n"
}

// hmac gives the instance auth_hmac in place of a password, with a key.
func hmac(t testing.TB, text, id, secret string, pairs ...string) string {
	block := fmt.Sprintf("    auth_hmac {\n        key %s %s\n        active_key %s\n        mode enforce\n    }\n", id, strings.Repeat(secret, 40), id)
	return edit(t, edit(t, text, "    authentication {\n        auth_type PASS\n        auth_pass secret\n    }\n", block), pairs...)
}

const web = `virtual_server 10.0.0.100 80 {
    delay_loop 3
    lb_algo rr
    lb_kind DR
    protocol TCP
    real_server 10.0.0.8 80 {
        weight 1
        TCP_CHECK {
            connect_timeout 1
        }
    }
}
`

func serverGroup(entry string) string {
	return "virtual_server_group G {\n    " + entry + "\n}\n" + strings.Replace(web, "10.0.0.100 80", "group G", 1)
}

// Every rule has a pair that breaks it and nothing else that matters more: its
// finding is the first one. The golden files hold the whole report.
func TestRules(t *testing.T) {
	a, b := good(1, 150), good(2, 100)
	e := func(text string, pairs ...string) string { return edit(t, text, pairs...) }
	tests := []struct {
		rule, name string
		a, b       string
		more       []string // files of further nodes
	}{
		{rule: "", name: "nothing wrong", a: a, b: b},
		{rule: "vrid-differs", name: "another VRID", a: a, b: e(b, "id 60", "id 61")},
		{rule: "family-differs", name: "another family", a: e(a, "    mcast_src_ip 10.0.0.1\n", ""), b: e(b, "10.0.0.100/24", "fe80::100/64", "10.0.0.101/24", "2001:db8::101/64", "    mcast_src_ip 10.0.0.2\n", "", "    authentication {\n        auth_type PASS\n        auth_pass secret\n    }\n", "")},
		{rule: "version-differs", name: "version 3 on one node", a: a, b: e(b, with("    version 3")...)},
		{rule: "version-differs", name: "vrrp_version on one node", a: a, b: "global_defs {\n    vrrp_version 3\n}\n" + b},
		{rule: "interval-differs", name: "another interval", a: a, b: e(b, with("    advert_int 2")...)},
		{rule: "interval-differs", name: "another interval under version 3", a: e(a, with("    version 3")...), b: e(b, with("    version 3\n    advert_int 0.5")...)},
		{rule: "authentication-differs", name: "another password", a: a, b: e(b, "pass secret", "pass Secret")},
		{rule: "authentication-differs", name: "no password on one node", a: a, b: e(b, "    authentication {\n        auth_type PASS\n        auth_pass secret\n    }\n", "")},
		{rule: "authentication-differs", name: "strict mode on one node", a: a, b: "global_defs {\n    vrrp_strict\n}\n" + b},
		{rule: "strict-differs", name: "strict mode on one node, no password", a: "global_defs {\n    vrrp_strict\n}\n" + e(a, "    authentication {\n        auth_type PASS\n        auth_pass secret\n    }\n", ""), b: e(b, "    authentication {\n        auth_type PASS\n        auth_pass secret\n    }\n", "")},
		{rule: "checksum-differs", name: "another checksum", a: e(a, with("    version 3\n    v3_checksum_as_v2")...), b: e(b, with("    version 3")...)},
		{rule: "authentication-differs", name: "AH against a password", a: a, b: e(b, "PASS", "AH")},
		{rule: "authentication-differs", name: "AH with another password", a: e(a, "PASS", "AH"), b: e(b, "PASS", "AH", "pass secret", "pass other")},
		{rule: "", name: "auth_hmac", a: hmac(t, a, "1", "1"), b: hmac(t, b, "1", "1")},
		{rule: "hmac-differs", name: "auth_hmac on one node", a: hmac(t, a, "1", "1"), b: hmac(t, b, "1", "1", "active_key 1", "active_key 3")},
		{rule: "hmac-differs", name: "another active key", a: hmac(t, a, "1", "1"), b: hmac(t, b, "2", "1")},
		{rule: "hmac-differs", name: "another key", a: hmac(t, a, "1", "1"), b: hmac(t, b, "1", "9")},
		{rule: "", name: "auth_hmac in receive-only on one node", a: hmac(t, a, "1", "1", "mode enforce", "mode permissive"), b: hmac(t, b, "1", "1", "mode enforce", "mode receive-only")},
		{rule: "hmac-differs", name: "receive-only against enforce", a: hmac(t, a, "1", "1"), b: hmac(t, b, "1", "1", "mode enforce", "mode receive-only")},
		{rule: "vrid-differs", name: "an address in another instance", a: a, b: b + strings.NewReplacer("VI_1", "VI_2", "id 60", "id 61").Replace(b)},
		{rule: "owner-of-shared-address", name: "an owner that waits", a: good(1, 255), b: b},
		{rule: "owner-of-shared-address", name: "an owner that does not wait", a: e(good(1, 255), "    state BACKUP\n", ""), b: b},
		{rule: "two-owners", name: "two owners that ignore each other", a: e(good(1, 255), with("    owner_ignore_adverts")...), b: e(good(2, 255), with("    owner_ignore_adverts")...)},
		{rule: "equal-priorities", name: "equal priorities and nopreempt", a: e(a, with("    nopreempt")...), b: good(2, 150)},
		{rule: "group-differs", name: "another multicast group", a: a, b: "global_defs {\n    vrrp_mcast_group4 224.0.0.50\n}\n" + b},
		{rule: "group-differs", name: "mcast_dst_ip on one node", a: a, b: e(b, with("    mcast_dst_ip 224.0.0.50")...)},
		{rule: "unicast-against-multicast", name: "unicast on one node", a: a, b: e(b, peers(2, "10.0.0.1")...)},
		{rule: "", name: "unicast", a: e(a, peers(1, "10.0.0.2")...), b: e(b, peers(2, "10.0.0.1")...)},
		{rule: "", name: "unicast without sources", a: e(a, peers(1, "10.0.0.2")[0], "    unicast_peer {\n        10.0.0.2\n    }"), b: e(b, peers(2, "10.0.0.1")[0], "    unicast_peer {\n        10.0.0.1\n    }")},
		{rule: "unicast-source-unnamed", name: "a source that the peer does not name", a: e(a, peers(1, "10.0.0.2")...), b: e(b, peers(2, "10.0.0.11")...)},
		{rule: "unicast-peer-missing", name: "a peer is missing", a: e(a, peers(1, "10.0.0.2", "10.0.0.3")...), b: e(b, peers(2, "10.0.0.1")...), more: []string{e(good(3, 50), peers(3, "10.0.0.1", "10.0.0.2")...)}},
		{rule: "unicast-peer-unknown", name: "a peer without file", a: e(a, peers(1, "10.0.0.2", "10.0.0.3")...), b: e(b, peers(2, "10.0.0.1")...)},
		{rule: "same-source", name: "a copied source", a: a, b: e(b, "mcast_src_ip 10.0.0.2", "mcast_src_ip 10.0.0.1")},
		{rule: "addresses-differ", name: "another address", a: a, b: e(b, "10.0.0.101", "10.0.0.102")},
		{rule: "addresses-differ", name: "an address less", a: a, b: e(b, "        10.0.0.101/24\n", "")},
		{rule: "excluded-addresses-differ", name: "another excluded address", a: e(a, with("    virtual_ipaddress_excluded {\n        10.0.0.200/24\n    }")...), b: b},
		{rule: "vrid-reused", name: "one VRID for two things", a: a, b: e(b, "VI_1", "Other", "10.0.0.100", "10.0.0.110", "10.0.0.101", "10.0.0.111")},
		{rule: "instance-on-one-node", name: "an instance on one node only", a: second(a), b: b},
		{rule: "names-differ", name: "two names", a: a, b: e(b, "VI_1", "VI_A")},
		{rule: "equal-priorities", name: "equal priorities", a: a, b: good(2, 150)},
		{rule: "equal-priorities", name: "equal priorities, addresses not known", a: e(a, "    mcast_src_ip 10.0.0.1\n", ""), b: e(good(2, 150), "    mcast_src_ip 10.0.0.2\n", "")},
		{rule: "both-master", name: "MASTER twice", a: e(a, "BACKUP", "MASTER"), b: e(b, "BACKUP", "MASTER")},
		{rule: "master-is-lower", name: "MASTER has the lower priority", a: a, b: e(b, "BACKUP", "MASTER")},
		{rule: "two-owners", name: "two owners", a: good(1, 255), b: good(2, 255)},
		{rule: "weights-turn-order", name: "a weight that turns the order", a: a, b: chk(t, b, "    weight 60\n")},
		{rule: "weight-too-small", name: "a weight that is too small", a: chk(t, a, "    weight -2\n"), b: chk(t, b, "    weight -2\n")},
		{rule: "weight-too-small", name: "a weight up to equality", a: chk(t, a, "    weight -50\n"), b: b},
		{rule: "weight-too-small", name: "positive weights that are too small", a: chk(t, a, "    weight 2\n"), b: chk(t, b, "    weight 2\n")},
		{rule: "", name: "weights that are large enough", a: chk(t, a, "    weight -60\n"), b: chk(t, b, "    weight -60\n")},
		{rule: "", name: "positive weights that are large enough", a: chk(t, a, "    weight 60\n"), b: chk(t, b, "    weight 60\n")},
		{rule: "tracked-on-one-node", name: "a script on the better node only", a: chk(t, a, ""), b: b},
		{rule: "tracked-on-one-node", name: "a script on the worse node only", a: a, b: chk(t, b, "")},
		{rule: "", name: "one script under two names", a: chk(t, a, ""), b: strings.ReplaceAll(chk(t, b, ""), "chk", "check")},
		{rule: "tracked-on-one-node", name: "an interface on one node only", a: e(a, with("    track_interface {\n        eth1\n    }")...), b: b},
		{rule: "", name: "interfaces of other names", a: e(a, with("    track_interface {\n        eth1\n    }")...), b: e(b, with("    track_interface {\n        ens4\n    }")...)},
		{rule: "", name: "nopreempt", a: e(a, with("    nopreempt")...), b: e(b, with("    nopreempt")...)},
		{rule: "nopreempt-with-master", name: "nopreempt and MASTER", a: e(a, append(with("    nopreempt"), "BACKUP", "MASTER")...), b: e(b, with("    nopreempt")...)},
		{rule: "nopreempt-on-one-node", name: "nopreempt on the better node", a: e(a, with("    nopreempt")...), b: b},
		{rule: "nopreempt-on-one-node", name: "nopreempt on the worse node", a: a, b: e(b, with("    nopreempt")...)},
		{rule: "nopreempt-against-weights", name: "nopreempt makes weights idle", a: e(chk(t, a, "    weight -60\n"), with("    nopreempt")...), b: e(chk(t, b, "    weight -60\n"), with("    nopreempt")...)},
		{rule: "", name: "sync group", a: grouped(second(a), "VI_1", "VI_2"), b: grouped(second(b), "VI_1", "VI_2")},
		{rule: "sync-group-missing", name: "no sync group on one node", a: grouped(second(a), "VI_1", "VI_2"), b: second(b)},
		{rule: "sync-group-member-missing", name: "a member less", a: grouped(third(second(a)), "VI_1", "VI_2", "VI_3"), b: grouped(third(second(b)), "VI_1", "VI_2")},
		{rule: "sync-group-member-missing", name: "a member that does not exist", a: grouped(third(second(a)), "VI_1", "VI_2", "VI_3"), b: grouped(second(b), "VI_1", "VI_2")},
		{rule: "sync-group-disagrees", name: "members preferred on different nodes", a: grouped(e(second(a), "priority 150", "priority 90"), "VI_1", "VI_2"), b: grouped(second(b), "VI_1", "VI_2")},
		{rule: "", name: "virtual server", a: a + web, b: b + web},
		{rule: "virtual-server-on-one-node", name: "a virtual server on one node only", a: a + web, b: b},
		{rule: "real-servers-differ", name: "another real server", a: a + web, b: b + e(web, "10.0.0.8", "10.0.0.9")},
		{rule: "server-group-differs", name: "another entry of a server group", a: a + serverGroup("10.0.0.100 80"), b: b + serverGroup("10.0.0.101 80")},
		{rule: "virtual-server-differs", name: "persistence on one node", a: a + web, b: b + e(web, "    protocol TCP", "    protocol TCP\n    persistence_timeout 50")},
		{rule: "virtual-server-differs", name: "another sorry server", a: a + e(web, "    real_server", "    sorry_server 10.0.0.7 80\n    real_server"), b: b + web},
		{rule: "virtual-server-differs", name: "two things of a virtual server", a: a + e(web, "    real_server", "    sorry_server 10.0.0.7 80\n    persistence_timeout 50\n    real_server"), b: b + web},
		{rule: "virtual-server-differs", name: "another scheduler", a: a + web, b: b + e(web, "algo rr", "algo wrr")},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			nodes := []cluster.Node{node(t, "a", tt.a), node(t, "b", tt.b)}
			for i, text := range tt.more {
				nodes = append(nodes, node(t, string(rune('c'+i)), text))
			}
			found, _ := cluster.Check(nodes)
			severities(t, found)
			first := ""
			if len(found) > 0 {
				first = found[0].Rule
			}
			if first != tt.rule {
				t.Errorf("the first finding is of the rule %q, want %q", first, tt.rule)
			}
			golden.Check(t, filepath.Join("testdata", "rules", strings.ReplaceAll(tt.name, " ", "-")+".golden"), report(nodes))
		})
	}
	held := map[string]bool{}
	for _, tt := range tests {
		held[tt.rule] = true
	}
	listed := map[string]bool{"": true}
	for _, rule := range cluster.Rules() {
		if listed[rule.Name] = true; !held[rule.Name] {
			t.Errorf("no pair breaks the rule %s", rule.Name)
		}
	}
	for rule := range held {
		if !listed[rule] {
			t.Errorf("%s is missing in the list of rules", rule)
		}
	}
}

// third makes a third instance of a file of two.
func third(text string) string {
	first, _, _ := strings.Cut(text, "vrrp_instance VI_2")
	return text + strings.NewReplacer("VI_1", "VI_3", "id 60", "id 62", "eth0", "eth2", "10.0.0.", "10.0.2.").Replace(first)
}

// A finding is of a rule that is listed, and not worse than the list says.
func severities(t *testing.T, found []cluster.Finding) {
	t.Helper()
	for _, f := range found {
		i := slices.IndexFunc(cluster.Rules(), func(r cluster.Rule) bool { return r.Name == f.Rule })
		if i < 0 || f.Severity < cluster.Rules()[i].Severity {
			t.Errorf("the list of rules does not know %v: %s", f.Severity, f.Diag)
		}
	}
}

func TestRulesAreSentencesInOrder(t *testing.T) {
	rules := cluster.Rules()
	if !slices.IsSortedFunc(rules, func(a, b cluster.Rule) int { return strings.Compare(a.Name, b.Name) }) {
		t.Error("the rules are not in the order of their names")
	}
	for _, r := range rules {
		for _, text := range []string{r.Why, r.Do} {
			if !strings.HasSuffix(text, ".") || strings.ToUpper(text[:1]) != text[:1] {
				t.Errorf("%s: %q is not a sentence", r.Name, text)
			}
		}
	}
}
