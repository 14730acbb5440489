package lint_test

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/golden"
	"holdfast/internal/lint"
)

// findings are those of the reader and of the rules, in order.
func findings(text string) []conf.Diag {
	tree, found := conf.Parse(conf.MemoryFiles{"k": text}, "k", conf.Options{})
	cfg, more := config.Build(tree, config.Options{HostName: "node"})
	return conf.Sort(slices.Concat(found, more, lint.Check(tree, cfg)))
}

// brief are the places and names of findings that have a name.
func brief(found []conf.Diag) []string {
	var out []string
	for _, d := range found {
		if d.Rule != "" {
			out = append(out, fmt.Sprintf("%d: %s %s", d.Span.Line, d.Severity, d.Rule))
		}
	}
	return out
}

// in is an instance that nothing can be said against, with more lines in it: the
// first of them is line 8.
func in(more ...string) string {
	return "vrrp_instance A {\n interface eth0\n virtual_router_id 7\n priority 100\n virtual_ipaddress {\n  10.0.0.1/24\n }\n" + strings.Join(more, "\n") + "\n}\n"
}

// six is the same for IPv6, with n addresses more.
func six(n int) string {
	var b strings.Builder
	b.WriteString("vrrp_instance A {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress {\n fe80::1/64\n")
	for i := range n {
		fmt.Fprintf(&b, " 2001:db8::%x/64\n", i+1)
	}
	return b.String() + "}\n}\n"
}

const (
	secure  = "global_defs {\n enable_script_security\n script_user root\n}\n" // four lines
	checked = "vrrp_script c {\n script /usr/bin/c\n timeout 1\n fall 2\n rise 2\n}\n" + "vrrp_instance A {\n interface eth0\n virtual_router_id 7\n priority 100\n virtual_ipaddress {\n  10.0.0.1/24\n }\n track_script {\n  c\n }\n}\n"
	// Three lines of a service, then real servers.
	service = "virtual_server 10.0.0.1 80 {\n lb_algo rr\n lb_kind NAT\n"
)

// sample is a configuration and the rules that speak of it, with line and severity.
type sample struct {
	name, text string
	want       []string
}

func samples() []sample {
	return []sample{
		{"nothing to say", in(), nil},
		{"nothing to say of a script", secure + checked, nil},

		{"address without length", in(" virtual_ipaddress_excluded {", "  10.0.0.2", "  10.0.0.3/32", " }"), []string{"9: advice vip-length"}},
		{"IPv6 address without length", "vrrp_instance A {\n interface eth0\n virtual_router_id 7\n virtual_ipaddress {\n fe80::1\n }\n}\n", []string{"5: advice vip-length"}},
		{"point to point", in(" virtual_ipaddress_excluded {", "  10.0.0.2 peer 10.0.0.9/32", " }"), nil},

		{"MASTER", in(" state MASTER"), []string{"8: advice failback"}},
		{"BACKUP", in(" state BACKUP"), nil},
		{"BACKUP that waits", in(" state BACKUP", " preempt_delay 60"), nil},
		{"MASTER with nopreempt", in(" state MASTER", " nopreempt"), []string{"9: complaint nopreempt-ignored"}},
		{"MASTER with preempt_delay", in(" state MASTER", " preempt_delay 5"), []string{"9: complaint preempt-delay-ignored"}},

		{"number of the sample", strings.Replace(in(), "id 7", "id 51", 1), []string{"3: advice sample-vrid"}},
		{"number used on two links", in() + strings.NewReplacer(" A ", " B ", "eth0", "eth1", "0.1/", "1.1/").Replace(in()), []string{"12: advice same-vrid"}},

		{"password 1111", in(" authentication {", "  auth_type PASS", "  auth_pass 1111", " }"), []string{"10: advice known-password"}},
		{"password of a dictionary", in(" authentication {", "  auth_type PASS", "  auth_pass Secret1", " }"), []string{"10: advice known-password"}},
		{"password of its own", in(" authentication {", "  auth_type PASS", "  auth_pass renwole0", " }"), nil},
		{"password that is too long", in(" authentication {", "  auth_type PASS", "  auth_pass renwole01", " }"), []string{"10: complaint text-cut"}},
		{"password of version 3", in(" version 3", " authentication {", "  auth_type PASS", "  auth_pass 1111", " }"), []string{"10: complaint unused-password"}},
		{"password with a comment mark", in(" authentication {", "  auth_type PASS", "  auth_pass ren!w", " }"), []string{"10: advice comment-in-word"}},
		{"comment behind a number", in(" advert_int 1#second"), nil},
		{"comment behind a brace", in(" virtual_ipaddress_excluded {#none", " }#end"), nil},

		{"owner", strings.Replace(in(), "100", "255", 1), []string{"4: advice owner-priority"}},
		{"owner by default", strings.Replace(in(" state MASTER"), " priority 100\n", "", 1), []string{"7: advice owner-priority"}},
		{"owner with nopreempt", strings.Replace(in(" nopreempt"), "100", "255", 1), []string{"4: advice owner-priority", "8: complaint nopreempt-ignored"}},
		{"owner with a weight", strings.Replace(in(" track_interface {", "  eth1 weight -20", " }"), "100", "255", 1), []string{"4: advice owner-priority", "9: complaint owner-weight"}},

		{"small weight of a line", in(" track_interface {", "  eth1 weight -2", " }"), []string{"9: advice small-weight"}},
		{"small weight of a script", secure + strings.Replace(checked, "fall 2", "fall 2\n weight 2", 1), []string{"9: advice small-weight"}},
		{"weight that reaches far", in(" track_interface {", "  eth1 weight -30", " }"), nil},
		{"weights above 254", in(" track_interface {", "  eth1 weight 155", " }"), []string{"4: advice weight-sum"}},
		{"weights below 1", in(" track_interface {", "  eth1 weight -60", "  eth2 weight -60", " }"), []string{"4: advice weight-sum"}},
		{"own interface", in(" track_interface {", "  eth0", " }"), []string{"9: complaint own-interface"}},

		{"script without fall, rise and timeout", secure + strings.Replace(checked, " timeout 1\n fall 2\n rise 2\n", "", 1), []string{"5: advice script-fall-rise", "5: advice script-timeout"}},
		{"script that nobody tracks", "vrrp_script c {\n script /usr/bin/c\n}\n" + in(), []string{"1: advice untracked"}},
		{"file that nobody tracks", "track_file f {\n file /run/f\n weight 1\n}\n" + in(), []string{"1: advice untracked"}},
		{"session that nobody follows", "bfd_instance b {\n neighbor_ip 10.0.0.9\n hoplimit 255\n}\n" + in(), []string{"1: advice untracked"}},
		{"webhook that nobody names", "webhook w {\n url http://x/\n}\n" + in(), []string{"1: advice unused-webhook"}},
		{"script that is not there", in(" track_script {", "  c", " }"), []string{"9: complaint undefined-name"}},
		{"scripts without security", checked, []string{"15: complaint script-security"}},
		{"command without path", secure + strings.Replace(checked, "/usr/bin/c", "c", 1), []string{"6: advice bare-command"}},
		{"command through a link", secure + strings.Replace(checked, "/usr/bin/c", "/bin/c", 1), []string{"6: advice linked-path"}},
		{"redirection", secure + strings.Replace(checked, "/usr/bin/c", "\"/usr/bin/c >/dev/null 2>&1\"", 1), []string{"6: advice shell-syntax"}},
		{"pipe", secure + in(" notify_master \"/usr/bin/c | /usr/bin/d\""), []string{"12: advice shell-syntax"}},
		{"a shell", secure + in(" notify_master \"/usr/bin/sh -c '/usr/bin/c | /usr/bin/d'\""), nil},
		{"argument without quotes", secure + in(" notify_master /usr/bin/c master"), []string{"12: advice user-or-argument"}},
		{"security without a user", strings.Replace(secure, " script_user root\n", "", 1) + in(" notify /usr/bin/c"), []string{"11: advice default-script-user"}},
		{"security with a user of its own", strings.Replace(secure, " script_user root\n", "", 1) + in(" notify \"/usr/bin/c\" root"), nil},

		{"the sample's names", "global_defs {\n router_id LVS_DEVEL\n smtp_server 192.168.200.1\n notification_email_from Alexandre.Cassen@firewall.loc\n notification_email {\n a@firewall.loc\n b@example.org\n }\n}\n" + in(),
			[]string{"2: advice sample-identity", "3: advice sample-identity", "4: advice sample-identity", "6: advice sample-identity"}},
		{"mail server by name", "global_defs {\n smtp_server mail.example.org\n}\n" + in(), []string{"2: advice mail-by-name"}},
		{"mail server by address", "global_defs {\n smtp_server 10.0.0.25 25\n}\n" + in(), nil},
		{"no gap between announcements", "global_defs {\n vrrp_garp_interval 0\n}\n" + in(), []string{"2: complaint zero-ignored"}},
		{"nobody to mail to", "global_defs {\n notification_email {\n }\n}\n" + in(), []string{"2: complaint no-recipient"}},

		{"many addresses of IPv6", six(90), []string{"4: advice advert-size"}},
		{"as many as fit", six(89), nil},
		{"no address", "vrrp_instance A {\n interface eth0\n virtual_router_id 7\n}\n", []string{"1: complaint no-address"}},
		{"unicast without peers", in(" unicast_src_ip 10.0.0.9"), []string{"8: complaint unicast-without-peers"}},
		{"group of one", "vrrp_sync_group G {\n group {\n A\n }\n}\n" + in(), []string{"1: complaint group-of-one"}},
		{"strict", in(" strict_mode on"), []string{"1: advice strict-filter"}},
		{"strict unicast", in(" strict_mode on", " unicast_peer {", " 10.0.0.9", " }"), []string{"1: advice strict-filter", "9: complaint strict-unicast"}},
		{"unknown word", in(" prioritty 5"), []string{"8: complaint unknown-word"}},
		{"unknown value", in(" state SLAVE"), []string{"8: complaint unknown-value"}},
		{"notify twice", secure + in(" notify_master \"/usr/bin/c a\"", " notify_master \"/usr/bin/c b\""), []string{"13: complaint given-twice"}},
		{"nothing", "# nothing\n", []string{"0: error empty-file"}},

		{"service without address here", in() + strings.Replace(service, "0.1 80", "0.2 80", 1) + " protocol TCP\n real_server 10.0.0.8 80 {\n TCP_CHECK {\n }\n }\n}\n", []string{"10: advice virtual-server-without-vip"}},
		{"real server without checker", in() + service + " protocol TCP\n real_server 10.0.0.8 80 {\n weight 1\n }\n}\n", []string{"14: advice no-checker"}},
		{"UDP by TCP", in() + service + " protocol UDP\n real_server 10.0.0.8 80 {\n TCP_CHECK {\n }\n }\n}\n", []string{"14: advice udp-by-tcp"}},

		{"a value that begins with =", strings.Replace(in(), "priority", "priority =", 1), []string{"4: advice quirk"}},
		{"port under DR", in() + strings.Replace(service, "NAT", "DR", 1) + " protocol TCP\n real_server 10.0.0.8 8080 {\n TCP_CHECK {\n }\n }\n}\n", []string{"14: complaint port-ignored"}},
		{"protocol of a mark", in() + "virtual_server fwmark 3 {\n lb_algo rr\n lb_kind NAT\n protocol TCP\n real_server 10.0.0.8 80 {\n TCP_CHECK {\n }\n }\n}\n", []string{"13: complaint mark-protocol"}},
		{"nothing but an address", in() + "virtual_server 10.0.0.1 80 {\n protocol TCP\n real_server 10.0.0.8 80 {\n TCP_CHECK {\n }\n }\n}\n", []string{"10: complaint default-used", "10: complaint default-used"}},
		{"quorum", in() + service + " protocol TCP\n quorum 5\n real_server 10.0.0.8 80 {\n TCP_CHECK {\n }\n }\n}\n", []string{"14: complaint quorum-out-of-reach"}},
		{"the word of a bad habit", in(" skip_check_adv_addr false"), []string{"8: advice quirk"}},
		{"an effect that nobody sees", in(" authentication {", "  auth_pass renwole0", " }"), []string{"9: advice surprise"}},
		{"a process watched by a command", secure + strings.Replace(checked, "/usr/bin/c", "\"/usr/bin/killall -0 nginx\"", 1), []string{"6: advice process-by-command"}},
		{"accepting what is no rule", "# holdfast: accept sample-id\n" + in(), []string{"1: advice unknown-rule"}},
	}
}

func TestRules(t *testing.T) {
	for _, tt := range samples() {
		t.Run(tt.name, func(t *testing.T) {
			found := findings(tt.text)
			if diff := cmp.Diff(tt.want, brief(found)); diff != "" {
				t.Errorf("findings (-want +got):\n%s\n%s\n%v", diff, tt.text, found)
			}
		})
	}
}

func TestEveryRuleHasASample(t *testing.T) {
	found := map[string]bool{
		"ignored-file": true, // by package conf, which sees the kind of the file
		"portable":     true, // where it is asked for: config.TestWordsOfOurOwn
	}
	for _, name := range []string{"no-interface", "no-source-address", "foreign-source", "foreign-network", "ipv6-disabled", "no-multicast", "script-path"} {
		found[name] = true // with a machine, by package check
	}
	for _, s := range samples() {
		for _, w := range s.want {
			found[w[strings.LastIndexByte(w, ' ')+1:]] = true
		}
	}
	for _, r := range lint.Rules() {
		if !found[r.Name] {
			t.Errorf("nothing is known to make %s speak", r.Name)
		}
	}
}

// What the reader of the language names is a rule that people can look up.
func TestEveryNameIsARule(t *testing.T) {
	known := map[string]bool{}
	for _, r := range lint.Rules() {
		known[r.Name] = true
	}
	said := regexp.MustCompile(`(?:\.rule\(|Rule: +|\.Rule = )"([^"]+)"`)
	for _, pattern := range []string{"../conf/*.go", "../config/*.go", "../check/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range said.FindAllStringSubmatch(string(text), -1) {
				if !known[m[1]] && !strings.HasSuffix(file, "_test.go") {
					t.Errorf("%s: %s is not in the list of rules", file, m[1])
				}
			}
		}
	}
}

func TestRulesAreSentences(t *testing.T) {
	seen := map[string]bool{}
	for _, r := range lint.Rules() {
		if seen[r.Name] || r.Name == "" || strings.ToLower(r.Name) != r.Name || strings.ContainsAny(r.Name, " _") {
			t.Errorf("name %q", r.Name)
		}
		seen[r.Name] = true
		for _, s := range []string{r.Why, r.Do} {
			if s == "" || !strings.HasSuffix(s, ".") {
				t.Errorf("%s: %q is no sentence", r.Name, s)
			}
		}
		if r.Common && r.Severity == conf.Error {
			t.Errorf("%s: an error is told with its place", r.Name)
		}
	}
}

// What real pairs are told must be true, and none of it more than advice that is
// common: these are configurations that work.
func TestScenariosHaveNoFalseAlarm(t *testing.T) {
	files, err := filepath.Glob("../config/testdata/scenarios/*/*.conf")
	if err != nil || len(files) == 0 {
		t.Fatalf("no scenarios: %v", err)
	}
	var b strings.Builder
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(&b, "%s\n", strings.TrimPrefix(name, "../config/testdata/scenarios/"))
		for _, d := range findings(string(text)) {
			if d.Rule != "" {
				fmt.Fprintf(&b, "  %s [%s]\n", d.Line(), d.Rule)
			}
		}
	}
	golden.Check(t, "testdata/scenarios.golden", b.String())
}
