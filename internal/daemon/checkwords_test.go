package daemon

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/checker"
	"holdfast/internal/checker/dial"
	"holdfast/internal/checker/run"
	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/test/need"
	"holdfast/test/space"
)

// wordRow is one check as it is written, of a real server that is really there, and
// what its words lead to.
type wordRow struct {
	words string // of keywords-lvs.tsv, as "TCP_CHECK connect_ip", that this shows the effect of
	at    string // the real server
	text  string // the block
	good  func(*testing.T, *witness)
}

// The real servers. What goes to two of them is lost: to one always, to the other from
// the middle of the test on.
const (
	alive, silentServer, mortal = "10.0.0.1", "10.0.0.5", "10.0.0.6"
	death                       = 2500 * time.Millisecond // from the start on
)

// witness is what one check was seen to do.
type witness struct {
	server   string
	began    bool // up, before it was made
	attempts []time.Duration
	reports  []checker.Report
	when     []time.Duration // of the reports
	lines    []string
}

// witnesses notes what all checks do.
type witnesses struct {
	mu    sync.Mutex
	start time.Time
	all   []*witness
}

func (w *witnesses) note(id checker.ID, what func(*witness, time.Duration)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	what(w.all[id], time.Since(w.start))
}

func (w *witnesses) report(r checker.Report) {
	w.note(r.Check, func(one *witness, now time.Duration) {
		one.reports, one.when = append(one.reports, r), append(one.when, now)
	})
}

func (w *witnesses) log(line string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, one := range w.all {
		if strings.Contains(line, one.server) {
			one.lines = append(one.lines, line)
		}
	}
}

// counted is a probe whose beginnings are noted.
type counted struct {
	asker dial.Asker
	note  func()
}

func (c counted) Probe(ctx context.Context, t checker.Target) checker.Result {
	return dial.Do(ctx, c, t)
}

func (c counted) Begin(t checker.Target) dial.Step {
	c.note()
	return c.asker.Begin(t)
}

// Every row of the reference that is about checks has an effect that is seen here, or
// by the test that is named, on a server of the kind that it is for.
func TestEveryWordOfAHealthCheckHasItsEffect(t *testing.T) {
	need.Nodes(t, "nginx", "nsd", "nft", "/usr/bin/python3")
	need.Time(t)
	if folder() == "" {
		space.Process(t, folderVar+"="+t.TempDir())
		return
	}
	rows := wordRows()
	everyRowIsThere(t, rows)
	serve(t)
	w := watchRows(t, rows)
	for i, r := range rows {
		t.Run(r.words, func(t *testing.T) {
			if r.good(t, w.all[i]); t.Failed() {
				t.Logf("%s: %+v", r.text, *w.all[i])
			}
		})
	}
}

// folder is that of the process in a network of its own, in which the checks are made.
func folder() string { return os.Getenv(folderVar) }

const folderVar = "CHECK_WORDS_FOLDER"

// everyRowIsThere compares the rows with the reference.
func everyRowIsThere(t *testing.T, rows []wordRow) {
	t.Helper()
	text, err := os.ReadFile("../config/testdata/keywords-lvs.tsv")
	if err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range rows {
		for word := range strings.SplitSeq(r.words, ", ") {
			seen[word] = true
		}
	}
	count := 0
	for line := range strings.Lines(string(text)) {
		fields := strings.Split(line, "\t")
		block, found := strings.CutPrefix(fields[0], "virtual_server/real_server/")
		if !found {
			continue
		}
		count++
		if name := block + " " + fields[1]; !seen[name] && !seenElsewhere(t, name) {
			t.Errorf("no test shows the effect of %s", name)
		}
	}
	if count < 200 {
		t.Errorf("the reference has %d words of checks", count)
	}
}

// seenElsewhere reports whether a test of another package shows the effect.
func seenElsewhere(t *testing.T, word string) bool {
	t.Helper()
	block, name, _ := strings.Cut(word, " ")
	if block != "DNS_CHECK/type" {
		return false
	}
	text, err := os.ReadFile("../checker/dns/nsd_test.go") // TestAgainstNSD asks for records of each type, and needs them
	if err != nil {
		t.Fatal(err)
	}
	return strings.Contains(string(text), fmt.Sprintf("{%q, Query{", name))
}

// watchRows makes all checks at once.
func watchRows(t *testing.T, rows []wordRow) *witnesses {
	t.Helper()
	starter := command.NewStarter()
	defer starter.Close()
	w := &witnesses{start: time.Now()}
	var jobs []*checker.Job
	for i, r := range rows {
		w.all = append(w.all, &witness{server: fmt.Sprintf("RS%d.", i)})
		jobs = append(jobs, jobOf(t, w, starter, i, r))
	}
	runner := run.New(run.Room(), w.report, w.log)
	defer runner.Close()
	w.start = time.Now()
	runner.Apply(jobs)
	for _, s := range runner.States() {
		w.all[s.Check].began = s.Up
	}
	runner.Session("peer", true)
	runner.File("load", 3)
	time.Sleep(death)
	must(t, "nft", "add element inet words dead { "+mortal+" }")
	leave(t, folder()+"/flag", "")
	runner.Session("peer", false)
	time.Sleep(10 * time.Second)
	return w
}

// jobOf is the check of a row.
func jobOf(t *testing.T, w *witnesses, starter *command.Starter, i int, r wordRow) *checker.Job {
	t.Helper()
	above := "global_defs {\nscript_user root\n}\ntrack_file load {\nfile /run/words-load\n}\nbfd_instance peer {\nneighbor_ip 10.0.0.2\n}\n"
	at := netip.MustParseAddrPort(r.at)
	text := fmt.Sprintf("%svirtual_server 192.0.2.1 80 {\nprotocol TCP\nlb_algo rr\nlb_kind NAT\nreal_server %s %d {\nweight 10\n%s\n}\n}\n", above, at.Addr(), at.Port(), r.text)
	tree, _ := conf.Parse(conf.MemoryFiles{"f": text}, "f", conf.Options{})
	c, findings := config.Build(tree, config.Options{HostName: "node"})
	if len(c.VirtualServers) == 0 || len(c.VirtualServers[0].RealServers[0].Checks) == 0 {
		t.Fatalf("%s: no check: %v", r.text, findings)
	}
	s := serversOf(c)
	checks := c.VirtualServers[0].RealServers[0].Checks
	k := checks[0]
	if r.words == "SMTP_CHECK host" {
		k = checks[1]
	}
	j := newJobs(&s, starter, command.NewResolver(s.Scripts), func(line string) { w.all[i].lines = append(w.all[i].lines, line) })
	job := j.job(&balancer.Check{ID: checker.ID(i), Config: k, Virtual: "VS", Real: w.all[i].server, At: at, Weight: 10})
	if job == nil {
		t.Fatalf("%s: it cannot be made", r.text)
	}
	for n, step := range job.Steps {
		note := func() {
			w.note(checker.ID(i), func(one *witness, now time.Duration) { one.attempts = append(one.attempts, now) })
		}
		if asker, ok := step.(dial.Asker); ok {
			job.Steps[n] = counted{asker, note}
		}
	}
	return job
}

func must(t *testing.T, name, script string) {
	t.Helper()
	cmd := exec.Command(name, "-f", "-")
	if name == "sh" {
		cmd = exec.Command("sh", "-e", "-c", script)
	}
	cmd.Stdin = strings.NewReader(script + "\n")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("%s: %v: %s", script, err, out)
	}
}

func leave(t *testing.T, path, text string) {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = os.Remove(path) })
}

// serve starts nginx, nsd and a mail server at all addresses of a network of its own, in
// which some packets are lost.
func serve(t *testing.T) {
	t.Helper()
	must(t, "sh", `ip link set lo up; ip addr add 10.0.0.1/24 dev lo
ip link add other type veth peer name end; ip link set other up; ip link set end up
echo 0 0 >/proc/sys/net/ipv4/ping_group_range`)
	must(t, "nft", `table inet words {
	set dead { type ipv4_addr; elements = { `+silentServer+` }; }
	chain in {
		type filter hook input priority 0
		ip daddr @dead drop
		ip saddr 10.0.0.66 drop
		tcp sport 4242 drop
		udp sport 4242 drop
		icmp id 4242 drop
		meta mark 9 drop
	}
}`)
	dir := t.TempDir()
	must(t, "sh", "openssl req -x509 -newkey rsa:2048 -nodes -keyout "+dir+"/key.pem -out "+dir+"/cert.pem -days 2 -subj /CN=words 2>/dev/null; mkdir "+dir+"/t")
	for i, o := range patternOptions() {
		leave(t, filepath.Join(dir, "t", fmt.Sprint(i)), o.page)
	}
	site := `
location / { return 200 "status: healthy\n"; }
location /gone { return 404; }
location /t { root %[1]s; }
location /proto { if ($server_protocol = "HTTP/1.1") { return 200; } return 500; }
location /close { if ($http_connection = "close") { return 200; } return 500; }
location /host { if ($http_host = "www.example.org") { return 200; } return 500; }
location /sni { if ($ssl_server_name = "www.example.org") { return 200; } return 500; }
`
	leave(t, filepath.Join(dir, "nginx"), fmt.Sprintf(`daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/error;
events {}
http {
	access_log off;
	client_body_temp_path %[1]s/a; proxy_temp_path %[1]s/b; fastcgi_temp_path %[1]s/c; uwsgi_temp_path %[1]s/d; scgi_temp_path %[1]s/e;
	ssl_certificate %[1]s/cert.pem; ssl_certificate_key %[1]s/key.pem;
	server { listen 80; listen 443 ssl; `+site+` }
}
`, dir))
	leave(t, filepath.Join(dir, "zone"), "$TTL 60\n@ SOA ns1 admin 1 60 60 60 60\n@ NS ns1\nns1 A 192.0.2.1\n")
	leave(t, filepath.Join(dir, "nsd"), fmt.Sprintf("server:\nip-address: 10.0.0.1\nip-address: 10.0.0.5\nip-address: 10.0.0.6\nip-address: 10.0.0.15\nip-address: 10.0.0.16\nusername: \"\"\nzonesdir: %[1]q\nzonelistfile: \"%[1]s/l\"\ndatabase: \"\"\nxfrdfile: \"%[1]s/x\"\nxfrdir: %[1]q\npidfile: \"\"\nlogfile: \"%[1]s/log\"\nserver-count: 1\nremote-control:\ncontrol-enable: no\nzone:\nname: example.org\nzonefile: zone\n", dir))
	for _, argv := range [][]string{{"nginx", "-p", dir, "-c", dir + "/nginx", "-e", dir + "/error"}, {"nsd", "-d", "-c", dir + "/nsd"}, {"/usr/bin/python3", "-m", "aiosmtpd", "-n", "-d", "-l", "0.0.0.0:25"}} {
		log, err := os.Create(filepath.Join(dir, filepath.Base(argv[0])+".log"))
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.Command(argv[0], argv[1:]...)
		cmd.Stdout, cmd.Stderr = log, log
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); _ = cmd.Wait() })
	}
	for _, port := range []string{"25", "80", "443"} {
		listens(t, alive+":"+port)
	}
	t.Cleanup(func() {
		if said, _ := os.ReadFile(filepath.Join(dir, "python3.log")); !strings.Contains(string(said), "HELO lb7.example.org") {
			t.Errorf("the mail server was not told helo_name: %s", said)
		}
	})
}

func listens(t *testing.T, at string) {
	t.Helper()
	for range 500 {
		if c, err := net.Dial("tcp", at); err == nil {
			_ = c.Close()
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Fatalf("nobody listens at %s in time", at)
}

// up and down are where a check is found first.
func up(t *testing.T, w *witness) { first(t, w, true) }

func down(t *testing.T, w *witness) { first(t, w, false) }

func first(t *testing.T, w *witness, want bool) {
	t.Helper()
	if len(w.reports) == 0 || w.reports[0].Up != want {
		t.Errorf("it is not found up: %v", want)
	}
}

// inTime is a failure that took as long as connect_timeout 0.4 says.
func inTime(t *testing.T, w *witness) {
	t.Helper()
	down(t, w)
	if len(w.reports) > 0 && (w.reports[0].Took < 400*time.Millisecond || w.reports[0].Took > 2*time.Second) {
		t.Errorf("it took %v", w.reports[0].Took)
	}
}

// spaced are checks that begin at once and go on each 0.3 s.
func spaced(t *testing.T, w *witness) {
	t.Helper()
	if len(w.when) == 0 || w.when[0] > 2500*time.Millisecond {
		t.Errorf("the first result came after %v", w.when)
	}
	for i := range min(4, len(w.attempts)-1) {
		if gap := w.attempts[i+1] - w.attempts[i]; gap < 200*time.Millisecond || gap > 600*time.Millisecond {
			t.Errorf("%v lie between two checks", gap)
		}
	}
	if n := len(w.attempts); n != 0 && n < 6 {
		t.Errorf("%d checks were made", n)
	}
}

// patient are checks of a server that dies: with retry 4 five of them fail, each a
// second long, with 0.1 s between them, before it is down.
func patient(t *testing.T, w *witness) {
	t.Helper()
	if len(w.reports) != 2 || !w.reports[0].Up || w.reports[1].Up {
		t.Errorf("it is not up, and then down")
		return
	}
	failed := 0
	for i, at := range w.attempts {
		if at < w.when[1] && i > 0 && at-w.attempts[i-1] < 1800*time.Millisecond {
			failed++
		}
	}
	if len(w.attempts) > 0 && failed < 4 {
		t.Errorf("%d retries were made", failed)
	}
}

// pessimist is down before it was made for the first time.
func pessimist(t *testing.T, w *witness) {
	t.Helper()
	if w.began {
		t.Error("it is up before the first result")
	}
	up(t, w)
}

// loud failures are told each time.
func loud(t *testing.T, w *witness) {
	t.Helper()
	down(t, w)
	if len(w.lines) < 3 {
		t.Errorf("%d lines are told: %q", len(w.lines), w.lines)
	}
}

// kindOfServer is what the words of a kind of check are tried on.
type kindOfServer struct {
	block string
	at    string // its own address: bind_port leads to each once
	port  int
	own   string // what makes it pass
}

func kindsOfServers() []kindOfServer {
	return []kindOfServer{
		{"TCP_CHECK", "10.0.0.11", 80, ""}, {"PING_CHECK", "10.0.0.12", 80, ""}, {"SMTP_CHECK", "10.0.0.13", 25, ""}, {"SMTP_CHECK/host", "10.0.0.14", 25, ""},
		{"UDP_CHECK", "10.0.0.15", 53, "payload 0001 0000 0001 0000 0000 0000 00 0006 0001\nrequire_reply 0001 8x"},
		{"DNS_CHECK", "10.0.0.16", 53, "type SOA\nname example.org"},
		{"HTTP_GET", "10.0.0.17", 80, "url {\npath /\n}"}, {"SSL_GET", "10.0.0.18", 443, "url {\npath /\n}"},
	}
}

// written is a check, made once and at once unless words say otherwise.
func (k kindOfServer) written(words string) string {
	text := words
	for _, d := range []string{"connect_timeout 2", "warmup 0", "delay_loop 60"} {
		word, _, _ := strings.Cut(d, " ")
		if !slices.ContainsFunc(strings.Split(words, "\n"), func(line string) bool { return strings.HasPrefix(line, word) }) && !(k.block == "MISC_CHECK" && word == "connect_timeout") {
			text += "\n" + d
		}
	}
	outer, _, hosted := strings.Cut(k.block, "/")
	if hosted {
		return outer + " {\nhost {\n" + text + "\n}\n}"
	}
	return outer + " {\n" + text + "\n" + k.own + "\n}"
}

func wordRows() (rows []wordRow) {
	for _, k := range kindsOfServers() {
		rows = append(rows, commonRows(k)...)
	}
	for _, k := range kindsOfServers()[6:] {
		rows = append(rows, pageRows(k)...)
	}
	return slices.Concat(rows, mailRows(), datagramRows(), programRows(), followerRows())
}

// commonRows are of the words that all checks that connect have.
func commonRows(k kindOfServer) (rows []wordRow) {
	place := func(addr string, port int) string { return fmt.Sprintf("%s:%d", addr, port) }
	for _, c := range []struct {
		words, at, text string
		good            func(*testing.T, *witness)
	}{
		{"connect_ip", place(silentServer, k.port), "connect_ip 10.0.0.1", up},
		{"connect_port", place(alive, 9), fmt.Sprintf("connect_port %d", k.port), up},
		{"bindto", place(k.at, k.port), "bindto 10.0.0.66", down},
		{"bind_port", place(k.at, k.port), "bind_port 4242", down},
		{"bind_if", place(k.at, k.port), "bind_if other", down},
		{"fwmark", place(k.at, k.port), "fwmark 9", down},
		{"connect_timeout", place(silentServer, k.port), "connect_timeout 0.4", inTime},
		{"retry, delay_before_retry", place(mortal, k.port), "connect_timeout 1\nretry 4\ndelay_before_retry 0.1\ndelay_loop 2", patient},
		{"warmup, delay_loop", place(k.at, k.port), "warmup 0\ndelay_loop 0.3", spaced},
		{"alpha", place(k.at, k.port), "alpha", pessimist},
		{"log_all_failures", place(silentServer, k.port), "connect_timeout 0.1\ndelay_loop 0.5\nlog_all_failures", loud},
	} {
		rows = append(rows, wordRow{qualified(k.block, c.words), c.at, k.written(c.text), c.good})
	}
	return rows
}

// qualified puts the block before each word.
func qualified(block, words string) string {
	var all []string
	for word := range strings.SplitSeq(words, ", ") {
		all = append(all, block+" "+word)
	}
	return strings.Join(all, ", ")
}

// pageRows are of the words of HTTP_GET and SSL_GET.
func pageRows(k kindOfServer) (rows []wordRow) {
	at := fmt.Sprintf("%s:%d", alive, k.port)
	k.own = ""
	add := func(words, text string, good func(*testing.T, *witness)) {
		rows = append(rows, wordRow{qualified(k.block, words), at, k.written(text), good})
	}
	sni := down // plain HTTP tells no name
	if k.block == "SSL_GET" {
		sni = up
	}
	add("virtualhost", "virtualhost www.example.org\nurl {\npath /host\n}", up)
	add("http_protocol", "http_protocol 1.1\nurl {\npath /proto\n}", up)
	add("http_protocol", "http_protocol 1.0C\nurl {\npath /close\n}", up)
	add("enable_sni", "enable_sni\nvirtualhost www.example.org\nurl {\npath /sni\n}", sni)
	add("sni_name", "sni_name www.example.org\nurl {\npath /sni\n}", sni)
	add("fast_recovery", "fast_recovery\ndelay_loop 30\nurl {\npath /\n}\nurl {\npath /t/0\n}", up)
	add("url", "url {\npath /gone\n}", down)
	add("nb_get_retry", "connect_timeout 1\nnb_get_retry 4\ndelay_before_retry 0.1\ndelay_loop 2\nurl {\npath /\n}", patient)
	rows[len(rows)-1].at = fmt.Sprintf("%s:%d", mortal, k.port)
	if k.block == "SSL_GET" {
		add("tls_compliant", "tls_compliant\nurl {\npath /\n}", up)
	}
	page := k
	page.block += "/url"
	url := func(words, path, text string, good func(*testing.T, *witness)) {
		rows = append(rows, wordRow{qualified(page.block, words), at, k.written("url {\npath " + path + "\n" + text + "\n}"), good})
	}
	url("path", "/gone", "", down)
	url("digest", "/", "digest 0a056faed2e9decfb2c355f380991dfe", down)
	url("digest", "/", "digest 98c6ee28f1f0f7a0cd7d1d9d2f9e06d2", down) // the right one: TestAgainstNginx
	url("status_code", "/gone", "status_code 404", up)
	url("virtualhost", "/host", "virtualhost www.example.org", up)
	url("regex", "/", `regex "sick"`, down)
	url("regex_no_match", "/", "regex \"healthy\"\nregex_no_match", down)
	url("regex_min_offset", "/", "regex \"status\"\nregex_min_offset 1", down)
	url("regex_max_offset", "/", "regex \"healthy\"\nregex_max_offset 8", down)
	url("regex_stack", "/", "regex \"h(?=ealthy)\"\nregex_stack 1000 2000", up) // and a finding: config.TestRegex
	if k.block == "SSL_GET" {
		url("tls_compliant", "/", "tls_compliant", up)
	}
	for i, o := range patternOptions() {
		good := down
		if o.up {
			good = up
		}
		url("regex_options", fmt.Sprintf("/t/%d", i), fmt.Sprintf("regex \"%s\"\nregex_options %s", o.pattern, o.options), good)
		name, _, _ := strings.Cut(o.options, " ")
		rows[len(rows)-1].words = page.block + " regex_options, " + page.block + "/regex_options " + name
	}
	return rows
}

// patternOption is a page that is judged otherwise with an option of PCRE2 than
// without, unless the option is one that changes no verdict. A pattern that the option
// makes impossible is dropped, and every page passes.
type patternOption struct {
	options, pattern, page string
	up                     bool
}

func patternOptions() []patternOption {
	return []patternOption{
		{"allow_empty_class", "[]a]", "a]", false},
		{"alt_bsux", `\u0041`, "B", false},
		{"auto_callout", "a(?=b)", "ab", true},
		{"caseless", "A(?=B)", "ab", true},
		{"dollar_endonly", "a$", "a\n", false},
		{"dotall", "a.b", "a\nb", true},
		{"dupnames", "(?<n>a)|(?<n>b)", "c", false},
		{"extended", "a b", "ab", true},
		{"firstline", "b", "a\nb", false},
		{"match_unset_backref", `^(x)?\1b`, "b", true},
		{"multiline", "^b", "a\nb", true},
		{"never_ucp", "(*UCP)a", "b", true},
		{"never_utf", "(*UTF)a", "b", true},
		{"no_auto_capture", `(a)\1`, "b", true},
		{"no_auto_possess", "a+b", "aab", true},
		{"no_dotstar_anchor", ".*b", "a\nb", true},
		{"no_start_optimize", "(*COMMIT)b", "ab", false},
		{"ucp utf", `^\w`, "ä", true},
		{"ungreedy", "^(a+)(*COMMIT)ab", "aab", true},
		{"utf", "^.$", "ä", true},
		{"never_backslash_c", `\Cz`, "b", true},
		{"alt_circumflex multiline", `a\n^`, "a\n", true},
		{"alt_verbnames", `(*MARK:a\)b)x`, "y", false},
		{"use_offset_limit", "a(?=b)", "ab", true},
	}
}

func mailRows() []wordRow {
	k := kindOfServer{"SMTP_CHECK", alive, 25, ""}
	return []wordRow{
		{"SMTP_CHECK helo_name", alive + ":25", k.written("helo_name lb7.example.org"), up}, // serve looks for it
		{"SMTP_CHECK host", silentServer + ":25", k.written("connect_timeout 0.4\nhost {\nconnect_ip 10.0.0.1\n}"), inTime},
	}
}

func datagramRows() []wordRow {
	const query = "payload 0001 0000 0001 0000 0000 0000 00 0006 0001\n"
	udp, dns, at := kindOfServer{"UDP_CHECK", alive, 53, ""}, kindOfServer{"DNS_CHECK", alive, 53, ""}, alive+":53"
	return []wordRow{
		{"UDP_CHECK payload", at, udp.written(query + "require_reply 0001"), up},
		{"UDP_CHECK payload", at, udp.written("connect_timeout 0.4\nrequire_reply 0001"), down},
		{"UDP_CHECK require_reply", silentServer + ":53", udp.written("connect_timeout 0.4\n" + query + "require_reply"), down},
		{"UDP_CHECK require_reply", silentServer + ":53", udp.written("connect_timeout 0.4\n" + query), up},
		{"UDP_CHECK min_reply_length", at, udp.written(query + "require_reply 0001\nmin_reply_length 200"), down},
		{"UDP_CHECK max_reply_length", at, udp.written(query + "require_reply 0001\nmax_reply_length 5"), down},
		{"DNS_CHECK name", at, dns.written("name none.example.org"), down},
		{"DNS_CHECK type", at, dns.written("name ns1.example.org\ntype a"), up},
	}
}

func programRows() []wordRow {
	k, at := kindOfServer{"MISC_CHECK", alive, 80, ""}, alive+":80"
	dies := `misc_path "/bin/sh -c 'test ! -e ` + folder() + `/flag'"` + "\n"
	return []wordRow{
		{"MISC_CHECK misc_path", at, k.written("misc_path /bin/false"), down},
		{"MISC_CHECK misc_path", at, k.written("misc_path /bin/true"), up},
		{"MISC_CHECK misc_timeout", at, k.written("misc_timeout 1\nmisc_path \"/bin/sleep 30\""), func(t *testing.T, w *witness) {
			if down(t, w); !strings.Contains(strings.Join(w.lines, ""), "timed out") {
				t.Errorf("told is %q", w.lines)
			}
		}},
		{"MISC_CHECK misc_dynamic", at, k.written("misc_dynamic\nmisc_path \"/bin/sh -c 'exit 7'\""), func(t *testing.T, w *witness) {
			if up(t, w); len(w.reports) > 0 && w.reports[0].Weight != 7-2-10 {
				t.Errorf("the weight is changed by %d", w.reports[0].Weight)
			}
		}},
		{"MISC_CHECK user", at, k.written("user nobody\nmisc_path \"/bin/sh -c 'test $(id -u) -ne 0'\""), up},
		{"MISC_CHECK retry, MISC_CHECK delay_before_retry", at, k.written(dies + "retry 4\ndelay_before_retry 0.3\ndelay_loop 0.7"), func(t *testing.T, w *witness) {
			patient(t, w)
			if len(w.when) > 1 && (w.when[1] < death+900*time.Millisecond || w.when[1] > death+4*time.Second) {
				t.Errorf("after %v it is down", w.when[1])
			}
		}},
		{"MISC_CHECK warmup, MISC_CHECK delay_loop", at, k.written("misc_path /bin/true\nwarmup 0\ndelay_loop 0.3"), spaced},
		{"MISC_CHECK alpha", at, k.written("misc_path /bin/true\nalpha"), pessimist},
		{"MISC_CHECK log_all_failures", at, k.written("misc_path /bin/false\nlog_all_failures\ndelay_loop 0.5"), loud},
	}
}

// followerRows are of the checks that make nothing.
func followerRows() []wordRow {
	at := alive + ":80"
	follows := func(t *testing.T, w *witness) {
		if len(w.reports) != 2 || !w.reports[0].Up || w.reports[1].Up {
			t.Error("it does not follow the session up and down")
		}
	}
	return []wordRow{
		{"BFD_CHECK name", at, "BFD_CHECK {\nname peer\n}", follows},
		{"BFD_CHECK alpha", at, "BFD_CHECK {\nname peer\nalpha\n}", func(t *testing.T, w *witness) {
			pessimist(t, w)
		}},
		{"FILE_CHECK track_file", at, "FILE_CHECK {\ntrack_file load\nweight 0\n}", down},
		{"FILE_CHECK weight", at, "FILE_CHECK {\ntrack_file load\nweight 2 reverse\n}", func(t *testing.T, w *witness) {
			if up(t, w); len(w.reports) > 0 && w.reports[0].Weight != -6 {
				t.Errorf("the weight is changed by %d", w.reports[0].Weight)
			}
		}},
	}
}
