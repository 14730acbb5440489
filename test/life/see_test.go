package life

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"holdfast/internal/api"
	"holdfast/internal/status"
	"holdfast/test/stand"
)

// socket is where a daemon answers, as seen from outside of its node.
func socket(d *stand.Daemon) string {
	return fmt.Sprintf("/proc/%d/root/run/holdfast/holdfast.sock", d.Pid())
}

// client asks a daemon as the commands do.
func client(d *stand.Daemon) api.Client { return api.Client{Socket: socket(d)} }

// seen is what a daemon shows, once it answers.
func (s *stage) seen(d *stand.Daemon) *status.Snapshot {
	s.Helper()
	var seen *status.Snapshot
	s.Eventually(10*time.Second, "the daemon answers", func() (ok bool) {
		ctx, cancel := context.WithTimeout(s.Context(), 5*time.Second)
		defer cancel()
		var err error
		seen, err = client(d).Snapshot(ctx)
		return err == nil
	})
	return seen
}

// get asks for a page.
func (s *stage) get(d *stand.Daemon, path string) (code int, text string) {
	s.Helper()
	c := http.Client{Timeout: 10 * time.Second, Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", socket(d))
	}}}
	answer, err := c.Get("http://holdfast" + path)
	s.Must(err)
	defer func() { _ = answer.Body.Close() }()
	body, err := io.ReadAll(answer.Body)
	s.Must(err)
	return answer.StatusCode, string(body)
}

const onScript = "track_script {\n\t\tchk weight -30\n\t}"

// scripted is a configuration with a script that asks for a file.
func scripted(text, file string) string {
	return strings.Replace(text, "vrrp_instance", "vrrp_script chk {\n\tscript \"/bin/sh -c 'test -e "+file+"'\"\n\tinterval 1\n\tfall 1\n\trise 1\n}\nvrrp_instance", 1)
}

// A MASTER whose script fails is relieved; every view says so, and why.
func TestTheViewsTellWhoIsMasterAndWhy(t *testing.T) {
	s := newStage(t)
	file := t.TempDir() + "/good"
	s.Must(os.WriteFile(file, nil, 0o644))
	a := s.Start(s.a, scripted(defs(conf(100, onScript, vip), "script_user root"), file))
	a.Says("Entering MASTER STATE")
	b := s.Start(s.b, conf(90, "", vip))
	b.Says("Entering BACKUP STATE")
	a.Says(`VRRP_Script\(chk\) succeeded`)
	s.Must(os.Remove(file))
	b.Says("Entering MASTER STATE")
	a.Says("Entering BACKUP STATE")
	for _, tt := range []struct {
		d        *stand.Daemon
		command  []string
		contains []string
	}{
		{a, []string{"status"}, []string{"V ", "BACKUP", "70 of 100", "10.0.0.2 (90)", "10.0.0.100", "preempted by 10.0.0.2 priority 90", "chk", "bad"}},
		{b, []string{"status"}, []string{"V ", "MASTER", "90", "this node", "preempting 10.0.0.1 priority 70 with 90"}},
		{a, []string{"why", "V"}, []string{"V is BACKUP since", "preempted by 10.0.0.2 priority 90", "its priority is 70, configured is 100", "script chk says bad", "priority -30",
			"what happened:", "tracker script chk: good -> bad", "role V: MASTER -> BACKUP", "what would change that:"}},
		{b, []string{"events"}, []string{"role V: INIT -> BACKUP", "role V: BACKUP -> MASTER (preempting", "reload /etc/keepalived/keepalived.conf: taken over"}},
		{b, []string{"events", "--json"}, []string{`"kind":"role","name":"V","from":"BACKUP","to":"MASTER"`}},
	} {
		text := s.holdfast(tt.d.Node, tt.command...)
		for _, want := range tt.contains {
			if !strings.Contains(text, want) {
				t.Errorf("%v on %s does not say %q:\n%s", tt.command, tt.d.Node.Name, want, text)
			}
		}
	}
	var seen status.Snapshot
	s.Must(json.Unmarshal([]byte(s.holdfast(a.Node, "status", "--json")), &seen))
	if v := seen.Router.Instances[0]; v.Role != "BACKUP" || v.Effective != 70 || v.Tracks[0].Name != "chk" || seen.Form != status.Form {
		t.Errorf("as JSON: %+v", v)
	}
}

func TestTheMetricsOfALiveDaemon(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(100, "", vip))
	a.Says("Entering MASTER STATE")
	s.Sh(s.a, "ip addr del 10.0.0.100/24 dev eth0 || ip addr del 10.0.0.100/32 dev eth0")
	s.Eventually(5*time.Second, "the address is back", func() bool { return s.holds(s.a, "10.0.0.100") })
	s.Eventually(5*time.Second, "the repair is counted", func() bool {
		_, text := s.get(a, "/metrics")
		return strings.Contains(text, `holdfast_vrrp_repairs_total{instance_name="V",interface="eth0",vrid="7",family="ipv4"} 1`)
	})
	_, text := s.get(a, "/metrics")
	for _, want := range []string{
		`holdfast_vrrp_role{instance_name="V",interface="eth0",vrid="7",family="ipv4",role="MASTER"} 1`,
		`holdfast_vrrp_transitions_total{instance_name="V",to="MASTER",cause="master down"} 1`, `holdfast_reloads_total{result="taken"} 1`,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("the metrics lack %s:\n%s", want, text)
		}
	}
	check := exec.Command("promtool", "check", "metrics")
	check.Stdin = strings.NewReader(text)
	if out, err := check.CombinedOutput(); err != nil || len(out) > 0 {
		t.Errorf("promtool: %v\n%s", err, out)
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if code, text := s.get(a, path); code != http.StatusOK {
			t.Errorf("%s answers %d %s", path, code, text)
		}
	}
}

// Who follows the events hears of them at once, and of those that he missed when he comes back.
func TestEventsAreFollowed(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(100, "", vip))
	a.Says("Entering MASTER STATE")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	heard := make(chan status.Event, 100)
	go func() { _ = client(a).Follow(ctx, 0, func(e status.Event) { heard <- e }) }()
	var last uint64
	wait := func(to string) {
		t.Helper()
		for {
			select {
			case e := <-heard:
				if last = e.Seq; e.Kind == status.RoleEvent && e.To == to {
					return
				}
			case <-ctx.Done():
				t.Fatalf("nothing is heard of %s", to)
			}
		}
	}
	wait("MASTER")
	s.Sh(s.a, "ip link set eth0 down")
	wait("FAULT")
	s.Sh(s.a, "ip link set eth0 up")
	a.Says("(?s)FAULT STATE.*Entering (BACKUP|MASTER) STATE")
	missed, err := client(a).Events(ctx, last, false)
	if err != nil || len(missed) == 0 || missed[0].From != "FAULT" {
		t.Errorf("missed are %+v, %v", missed, err)
	}
}

// One node of two that does not answer is marked, and the other is shown.
func TestTheStatusOfSeveralNodes(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, conf(100, "", vip))
	a.Says("Entering MASTER STATE")
	out, err := exec.Command(stand.Program(), "status", "--node", "a="+socket(a), "--node", "b=/nowhere").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "b: UNREACHABLE") || !strings.Contains(string(out), "MASTER") {
		t.Errorf("%v\n%s", err, out)
	}
}

// Who may do what at the socket is said by api_group and api_read_group.
func TestGroupsMayAskAsTheConfigurationSays(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, defs(conf(100, "", vip), "api_group games\n\tapi_read_group users"))
	a.Says("Entering MASTER STATE")
	a.Says("Startup complete")
	as := func(group, command string) string {
		s.Helper()
		return s.Sh(s.a, "setpriv --reuid nobody --regid nogroup --groups "+group+" "+stand.Program()+" "+command+" 2>&1 || true")
	}
	for _, tt := range []struct{ group, command, want string }{
		{"users", "status", "MASTER"},
		{"users", "handover V", "only root, or a member of the group"},
		{"games", "status", "MASTER"},
		{"games", "handover V", "nobody took over"},
		{"mail", "status", "only root, or a member of the group"},
	} {
		if out := as(tt.group, tt.command); !strings.Contains(out, tt.want) {
			t.Errorf("%s by %s says %s", tt.command, tt.group, out)
		}
	}
	a.Reload(conf(100, "", vip))
	if out := as("users", "status"); !strings.Contains(out, "permission denied") || !strings.Contains(out, "ask as root, or as a member of the group that api_group or api_read_group names") {
		t.Errorf("without the words it says %s", out)
	}
}

// Other machines come in by TLS and a token, by a process that has no rights.
func TestOtherMachinesLookByHTTPS(t *testing.T) {
	s := newStage(t)
	dir := t.TempDir()
	s.Sh(s.a, "cd "+dir+" && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key -out cert -days 2 -subj /CN=a -addext subjectAltName=IP:10.0.0.1 2>/dev/null")
	s.Must(os.WriteFile(dir+"/tokens", []byte("read ops 0123456789abcdefghij\nact deploy jihgfedcba9876543210\n"), 0o600))
	words := strings.ReplaceAll("api_listen 10.0.0.1 9443\n\tapi_certificate DIR/cert\n\tapi_key DIR/key\n\tapi_tokens DIR/tokens", "DIR", dir)
	a := s.Start(s.a, defs(conf(100, "", vip), words))
	a.Says("Entering MASTER STATE")
	get := func(method, token, path string) string {
		s.Helper()
		return s.Sh(s.client, "curl -s -m 10 --cacert "+dir+"/cert -X "+method+" -w ' %{http_code}' -H 'Authorization: Bearer "+token+"' https://10.0.0.1:9443"+path+" || true")
	}
	s.Eventually(10*time.Second, "somebody is let in", func() bool { return strings.Contains(get("GET", "0123456789abcdefghij", "/healthz"), "ok\n 200") })
	for _, tt := range []struct{ method, token, path, want string }{
		{"GET", "0123456789abcdefghij", "/metrics", `role="MASTER"} 1`},
		{"GET", "wrong", "/metrics", " 401"},
		{"GET", "wrong", "/", "</html>\n 200"}, // the page has no secret, and asks for a token
		{"GET", "wrong", "/v1/nodes", " 401"},
		{"GET", "0123456789abcdefghij", "/v1/asker", `{"name":"token ops at 10.0.0.9","acts":false}`},
		{"GET", "0123456789abcdefghij", "/v1/why?instance=V", "V is MASTER since"},
		{"POST", "jihgfedcba9876543210", "/v1/handover", " 403"},
	} {
		if got := get(tt.method, tt.token, tt.path); !strings.Contains(got, tt.want) {
			t.Errorf("%s %s by %s answers %s", tt.method, tt.path, tt.token, got)
		}
	}
	gate := func() int { return s.child(s.worker(a.Pid()), "gate") }
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", gate()))
	s.Must(err)
	for _, want := range []string{"CapPrm:\t0000000000000000", "CapEff:\t0000000000000000", "NoNewPrivs:\t1", "Uid:\t65534\t65534\t65534\t65534"} {
		if !strings.Contains(string(status), want) {
			t.Errorf("the process has not %q:\n%s", want, status)
		}
	}
	before := gate()
	a.Reload(defs(conf(110, "", vip), words))
	if gate() != before {
		t.Error("a reload that does not concern it starts it anew")
	}
	s.replaceWorker(a)
	s.Eventually(10*time.Second, "somebody is let in by another worker", func() bool { return strings.Contains(get("GET", "0123456789abcdefghij", "/healthz"), "ok\n 200") })
	a.Reload(defs(conf(100, "", vip), words+"\n\tapi_listen_acts"))
	s.Eventually(10*time.Second, "a token to act acts", func() bool {
		return strings.Contains(get("POST", "jihgfedcba9876543210", "/v1/handover"), "nobody took over")
	})
	if events := s.holdfast(s.a, "events"); !strings.Contains(events, "act handover: done by token deploy at 10.0.0.9") {
		t.Errorf("the events are:\n%s", events)
	}
	a.Reload(conf(100, "", vip))
	if got := get("GET", "0123456789abcdefghij", "/healthz"); strings.Contains(got, "ok") {
		t.Errorf("without the word it answers %s", got)
	}
}

// A certificate that api_client_ca has signed opens the door for the commands too, and one that
// somebody else has signed does not.
func TestAClientCertificateOpensTheDoor(t *testing.T) {
	s := newStage(t)
	dir := t.TempDir()
	s.Must(os.Chmod(dir, 0o755))
	ec := "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes"
	s.Sh(s.a, "cd "+dir+" && exec 2>/dev/null && openssl req -x509 "+ec+" -keyout key -out cert -days 2 -subj /CN=a -addext subjectAltName=IP:10.0.0.1"+
		" && for ca in ours theirs; do openssl req -x509 "+ec+" -keyout $ca.key -out $ca -days 2 -subj /CN=$ca"+
		" && openssl req "+ec+" -keyout $ca-ops.key -out $ca.csr -subj /CN=ops && openssl x509 -req -in $ca.csr -CA $ca -CAkey $ca.key -CAcreateserial -out $ca-ops -days 2; done")
	a := s.Start(s.a, defs(conf(100, "", vip), strings.ReplaceAll("api_listen 10.0.0.1 9443\n\tapi_certificate DIR/cert\n\tapi_key DIR/key\n\tapi_client_ca DIR/ours\n\tapi_listen_acts", "DIR", dir)))
	a.Says("Entering MASTER STATE")
	ask := func(who, command string) string {
		s.Helper()
		return s.Sh(s.client, "cd "+dir+" && HOLDFAST_CA=cert HOLDFAST_CERT="+who+" HOLDFAST_KEY="+who+".key "+stand.Program()+" "+command+" 2>&1 || true")
	}
	const at = "https://10.0.0.1:9443"
	s.Eventually(10*time.Second, "somebody is let in", func() bool { return strings.Contains(ask("ours-ops", "status --node a="+at), "MASTER") })
	for _, tt := range []struct{ who, command, want string }{
		{"ours-ops", "handover V --api-socket " + at, "nobody took over"},
		{"ours-ops", "why V --node a=" + at, "V is MASTER since"},
		{"theirs-ops", "status --node a=" + at, "show a token of api_tokens, or a certificate that api_client_ca has signed"},
		{"''", "status --node a=" + at, "show a token of api_tokens, or a certificate that api_client_ca has signed"},
	} {
		if got := ask(tt.who, tt.command); !strings.Contains(got, tt.want) {
			t.Errorf("%s by %s says %s", tt.command, tt.who, got)
		}
	}
	if events := s.holdfast(s.a, "events"); !strings.Contains(events, "act handover: done by certificate ops at 10.0.0.9") {
		t.Errorf("the events are:\n%s", events)
	}
}
