package daemon

import (
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"holdfast/internal/balancer"
	"holdfast/internal/checker"
	"holdfast/internal/checker/dns"
	"holdfast/internal/checker/http"
	"holdfast/internal/checker/misc"
	"holdfast/internal/checker/ping"
	"holdfast/internal/checker/smtp"
	"holdfast/internal/checker/tcp"
	"holdfast/internal/checker/udp"
	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// jobsFor are those of the checks of one real server, and what was logged.
func jobsFor(t *testing.T, above, checks string) (all []*checker.Job, void []checker.ID, log []string) {
	t.Helper()
	text := above + "\nvirtual_server 192.0.2.1 80 {\nprotocol TCP\ndelay_loop 7\nwarmup 2\nreal_server 10.0.0.1 8080 {\nweight 10\n" + checks + "\n}\n}\n"
	tree, _ := conf.Parse(conf.MemoryFiles{"f": text}, "f", conf.Options{})
	c, _ := config.Build(tree, config.Options{HostName: "node"})
	s := serversOf(c)
	var list []balancer.Check
	for i, k := range c.VirtualServers[0].RealServers[0].Checks {
		list = append(list, balancer.Check{ID: checker.ID(i), Config: k, Virtual: "VS", Real: "RS", At: netip.MustParseAddrPort("10.0.0.1:8080"), Weight: 10})
	}
	say := func(line string) { log = append(log, line) }
	all, void = newJobs(&s, nil, command.NewResolver(s.Scripts), say).of(list)
	return all, void, log
}

const session = "track_file f {\nfile /tmp\n}\nbfd_instance b {\nneighbor_ip 10.0.0.2\n}\n"

func TestEveryCheckBecomesAJob(t *testing.T) {
	all, void, log := jobsFor(t, session, `
	TCP_CHECK {
		connect_ip 10.0.0.3
		connect_port 81
		bindto 10.0.0.4
		bind_port 1000
		bind_if lo
		fwmark 5
		connect_timeout 2
		retry 4
		delay_before_retry 6
		log_all_failures
		alpha
	}
	HTTP_GET {
		delay_before_retry 9
		fast_recovery
		http_protocol 1.0c
		virtualhost www
		url {
			path /a
			status_code 200 300-399
			digest 0123456789abcdef0123456789ABCDEF
		}
		url {
			path /b
			virtualhost other
		}
	}
	SSL_GET {
		tls_compliant
		sni_name sni
		http_protocol 1.1
		url {
			path /c
		}
	}
	SMTP_CHECK {
		helo_name me
	}
	DNS_CHECK {
		type mx
		name example.org
	}
	UDP_CHECK {
		payload 0102
		require_reply 03xx
		min_reply_length 2
		max_reply_length 9
	}
	PING_CHECK {
	}
	MISC_CHECK {
		misc_path "/bin/true x"
		misc_timeout 3
		misc_dynamic
		user root
	}
	BFD_CHECK {
		name b
	}
	FILE_CHECK {
		track_file f
		weight 3 reverse
	}`)
	if len(void) > 0 || len(log) > 0 || len(all) != 10 {
		t.Fatalf("%d jobs, without %v, told %q", len(all), void, log)
	}
	rules := checker.Rules{DelayLoop: 7 * time.Second, DelayBeforeRetry: time.Second, DownLoop: 7 * time.Second, Warmup: 2 * time.Second, Retry: 1}
	pages, patient, quick, once := rules, rules, rules, rules
	pages.DelayBeforeRetry = 3 * time.Second
	quick.DelayBeforeRetry, quick.DownLoop, quick.FastRecovery = 9*time.Second, 9*time.Second, true
	patient.Retry, patient.DelayBeforeRetry = 3, 7*time.Second
	once.Retry, once.FromStart = 0, true
	own := checker.Rules{DelayLoop: 7 * time.Second, DelayBeforeRetry: 6 * time.Second, DownLoop: 7 * time.Second, Warmup: 2 * time.Second, Retry: 4, Alpha: true}
	at := checker.Target{Addr: netip.MustParseAddr("10.0.0.1"), Port: 8080, Patience: 5 * time.Second}
	nowhere := at
	nowhere.Patience = 0
	from := checker.Target{Addr: netip.MustParseAddr("10.0.0.3"), Port: 81, Patience: 2 * time.Second,
		From: checker.From{Addr: netip.MustParseAddr("10.0.0.4"), Port: 1000, Link: "lo", Mark: 5}}
	words := func(k checker.Kind, what string) checker.Words {
		return checker.Words{Kind: k, Server: "RS", Service: "VS", What: what}
	}
	loud := words(checker.TCP, "")
	loud.LogAll = true
	want := []*checker.Job{
		{Rules: own, Words: loud, Target: from, Timeout: 2 * time.Second, Steps: asking(tcp.Connect{})},
		{Rules: quick, Words: words(checker.HTTP, ""), Target: at, Timeout: 10 * time.Second, Steps: []checker.Probe{
			&http.Get{Path: "/a", Host: "www", Version: "1.0", Close: true, Status: []http.Range{{From: 200, To: 200}, {From: 300, To: 399}}, Digest: "0123456789abcdef0123456789abcdef", Whole: true},
			&http.Get{Path: "/b", Host: "other", Version: "1.0", Close: true, Whole: true}}},
		{Rules: pages, Words: words(checker.SSL, ""), Target: at, Timeout: 5 * time.Second, Steps: asking(&http.Get{Path: "/c", Version: "1.1", Close: true, Whole: true, Goodbye: true})},
		{Rules: rules, Words: words(checker.SMTP, ""), Target: at, Timeout: 20 * time.Second, Steps: asking(&smtp.Greet{Name: "me"})},
		{Rules: patient, Words: words(checker.DNS, ""), Target: at, Timeout: 5 * time.Second, Steps: asking(&dns.Query{Name: "example.org", Type: 15})},
		{Rules: rules, Words: words(checker.UDP, ""), Target: at, Timeout: 5 * time.Second, Steps: asking(&udp.Ask{Payload: "\x01\x02", Require: true, Reply: "\x03\x00", Mask: "\xff\x00", Min: 2, Max: 9})},
		{Rules: rules, Words: words(checker.Ping, ""), Target: at, Timeout: 5 * time.Second, Steps: asking(ping.Echo{})},
		{Rules: once, Words: words(checker.Misc, "/bin/true x"), Target: nowhere, Timeout: 3 * time.Second, Steps: asking(&misc.Run{Dynamic: true, Weight: 10})},
		{Words: words(checker.BFD, "b"), Target: nowhere, Subject: checker.Subject{Kind: checker.BFD, Name: "b"}},
		{Words: words(checker.File, ""), Target: nowhere, Subject: checker.Subject{Kind: checker.File, Name: "f", Weight: 3, Reverse: true}},
	}
	for i := range want {
		want[i].ID = checker.ID(i)
	}
	addr := cmp.Comparer(func(a, b netip.Addr) bool { return a == b })
	if diff := cmp.Diff(want, all, addr, cmpopts.IgnoreFields(http.Get{}, "TLS", "Pattern"), cmpopts.IgnoreFields(misc.Run{}, "Starter", "Program")); diff != "" {
		t.Errorf("the jobs differ (-want +got):\n%s", diff)
	}
	if c := all[2].Steps[0].(*http.Get).TLS; c == nil || c.ServerName != "sni" || !c.InsecureSkipVerify {
		t.Errorf("SSL_GET speaks TLS like %+v", c)
	}
	if p := all[7].Steps[0].(*misc.Run).Program; p.Line != "/bin/true x" || len(p.Argv) != 2 || p.UID != 0 {
		t.Errorf("MISC_CHECK runs %+v", p)
	}
}

func TestWhatManyChecksShareIsMadeOnce(t *testing.T) {
	const check = "SSL_GET {\nenable_sni\nvirtualhost www\nurl {\npath /%d\nregex \"a(?=b)\"\n}\n}\n"
	all, _, _ := jobsFor(t, "", fmt.Sprintf(check+check, 1, 2))
	one, two := all[0].Steps[0].(*http.Get), all[1].Steps[0].(*http.Get)
	if one.TLS != two.TLS || one.Pattern != two.Pattern || one.Pattern == nil || one.TLS.ServerName != "www" {
		t.Errorf("%+v and %+v", one, two)
	}
}

func TestAPatternThatPCRERefusesIsToldOnceAndDropped(t *testing.T) {
	const check = "HTTP_GET {\nurl {\npath /%d\nregex \"(?<=a+)b\"\n}\n}\n"
	all, void, log := jobsFor(t, "", fmt.Sprintf(check+check, 1, 2))
	if len(all) != 2 || len(void) != 0 || all[0].Steps[0].(*http.Get).Pattern != nil {
		t.Errorf("%d jobs, without %v", len(all), void)
	}
	if len(log) != 1 || !strings.Contains(log[0], "lookbehind assertion is not fixed length; every page passes without it") {
		t.Errorf("told is %q", log)
	}
}

func TestAProgramThatMayNotRunMakesNoJob(t *testing.T) {
	all, void, _ := jobsFor(t, "", "MISC_CHECK {\nmisc_path /nowhere/at-all\n}\nTCP_CHECK {\n}\n")
	if len(all) != 1 || len(void) != 1 || void[0] != 0 {
		t.Errorf("%d jobs, without %v", len(all), void)
	}
}

func TestAnIdentityThatIsNotThereIsToldAndLeftOut(t *testing.T) {
	all, _, log := jobsFor(t, "SSL {\ncertificate /nowhere/cert\nkey /nowhere/key\nca /nowhere/ca\n}\n", "SSL_GET {\nurl {\npath /\n}\n}\n")
	want := []string{"SSL: read ca: open /nowhere/ca: no such file or directory", "SSL: read the certificate: open /nowhere/cert: no such file or directory; SSL_GET shows no certificate"}
	if diff := cmp.Diff(want, log); diff != "" || len(all) != 1 {
		t.Errorf("%d jobs; told differs (-want +got):\n%s", len(all), diff)
	}
}

func TestAnIdentityThatIsNoneIsTold(t *testing.T) {
	path := t.TempDir() + "/both.pem"
	if err := os.WriteFile(path, []byte("garbage"), 0o600); err != nil {
		t.Fatal(err)
	}
	_, _, log := jobsFor(t, "SSL {\ncertificate "+path+"\n}\n", "SSL_GET {\nurl {\npath /\n}\n}\n")
	if len(log) != 1 || log[0] != "SSL: use "+path+": there is no key in PEM; SSL_GET shows no certificate" {
		t.Errorf("told is %q", log)
	}
}
