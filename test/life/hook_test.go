package life

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// listener is a server that is told, and of which the first requests fail.
type listener struct {
	mu    sync.Mutex
	fails int
	keys  []string
	told  []string
}

func (l *listener) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.fails--; l.fails >= 0 {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	l.keys = append(l.keys, r.Header.Get("X-Key"))
	l.told = append(l.told, string(body))
}

func (l *listener) all() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return strings.Join(l.told, "\n")
}

func (l *listener) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.told)
}

// listening serves on a node.
func (s *stage) listening(n *netns.Node, at string, h http.Handler) {
	s.Helper()
	var l net.Listener
	s.Must(n.Do(func() (err error) { l, err = net.Listen("tcp", at); return err }))
	s.Cleanup(func() { _ = l.Close() })
	go func() { _ = http.Serve(l, h) }()
}

// What becomes of an instance is told by HTTP, in order, after a while too; what opens the door of
// the server is told to nobody else.
func TestAWebhookIsToldWhatBecomesOfAnInstance(t *testing.T) {
	const secret = "marker-of-a-secret-header"
	s := newStage(t)
	ops, chat := &listener{fails: 1}, &listener{}
	s.listening(s.client, "10.0.0.9:8080", ops)
	s.listening(s.client, "10.0.0.9:8081", chat)
	s.Must(s.a.WriteFile("/etc/keepalived/secret", secret+"\n", 0o600))
	text := defs(conf(100, "notify_webhook ops", vip), "router_id lb-a\n\tnotify_webhook chat") +
		"webhook ops {\n\turl http://10.0.0.9:8080/" + secret + "\n\theader X-Key file:/etc/keepalived/secret\n\ttemplate \"{{.Node}} {{.Kind}} {{.Name}} {{.State}} {{.Priority}} {{.Reason}}\"\n}\n" +
		"webhook chat {\n\turl http://10.0.0.9:8081/\n}\n"
	a := s.Start(s.a, text)
	a.Says("Entering MASTER STATE")
	s.Eventually(15*time.Second, "MASTER is told", func() bool { return strings.Contains(ops.all(), "MASTER") })
	s.Sh(s.a, "ip link set eth0 down; ip link set eth0 up")
	a.Says("FAULT STATE")
	s.Eventually(15*time.Second, "FAULT is told", func() bool { return strings.Contains(ops.all(), "FAULT") })
	lines := strings.Split(ops.all(), "\n")
	if !strings.HasPrefix(lines[0], "lb-a instance V BACKUP 100 ") || !strings.HasPrefix(lines[1], "lb-a instance V MASTER 100 master down") || !strings.HasPrefix(lines[2], "lb-a instance V FAULT 100 ") {
		t.Errorf("told is\n%s", ops.all())
	}
	if ops.keys[0] != secret {
		t.Errorf("the header is %q", ops.keys[0])
	}
	var first map[string]any
	if err := json.Unmarshal([]byte(strings.Split(chat.all(), "\n")[0]), &first); err != nil || first["state"] != "BACKUP" || first["node"] != "lb-a" {
		t.Errorf("who is told of everything is told %v, %v", first, err)
	}
	a.Says(`webhook ops: \(V\) BACKUP cannot be told now: the answer is 502 Bad Gateway; it is tried again`)
	_, metrics := s.get(a, "/metrics")
	if !strings.Contains(metrics, `holdfast_webhook_messages_total{webhook="ops",result="sent"}`) {
		t.Errorf("the metrics have no word of it:\n%s", metrics)
	}
	s.replaceWorker(a)
	before := ops.count()
	s.Sh(s.a, "ip link set eth0 down; ip link set eth0 up")
	s.Eventually(15*time.Second, "another worker tells too", func() bool { return ops.count() > before })
	if key := ops.keys[before]; key != secret {
		t.Errorf("another worker shows %q", key)
	}
	s.Must(s.a.WriteFile(stand.ConfPath, strings.Replace(text, "webhook ops {", "webhook ops {\n\tmethod WRONG\n\ttemplate \"{{.Wrong}}\"", 1), 0o644))
	_, views := s.get(a, "/v1/status")
	views += a.Log() + s.Sh(s.a, stand.Program()+" check "+stand.ConfPath+"; "+stand.Program()+" check --json "+stand.ConfPath+"; "+stand.Program()+" plan; true") + s.holdfast(s.a, "events")
	if strings.Contains(views, secret) {
		t.Errorf("a secret is told:\n%s", views)
	}
}

// A stop is told within the time that it has, and a server that hangs holds up nothing.
func TestAWebhookThatHangsHoldsUpNothing(t *testing.T) {
	s := newStage(t)
	hangs := make(chan struct{})
	s.Cleanup(func() { close(hangs) })
	s.listening(s.client, "10.0.0.9:8080", http.HandlerFunc(func(http.ResponseWriter, *http.Request) { <-hangs }))
	chat := &listener{}
	s.listening(s.client, "10.0.0.9:8081", chat)
	a := s.Start(s.a, defs(conf(100, "", vip), "notify_webhook ops chat")+"webhook ops {\n\turl http://10.0.0.9:8080/\n\ttimeout 30\n}\nwebhook chat {\n\turl http://10.0.0.9:8081/\n}\n")
	a.Says("Entering MASTER STATE")
	s.Eventually(5*time.Second, "the other one is told", func() bool { return strings.Contains(chat.all(), `"MASTER"`) })
	begun := time.Now()
	a.Stop(15)
	if took := time.Since(begun); took > 8*time.Second || !strings.Contains(chat.all(), `"STOP"`) {
		t.Errorf("the stop took %v, and told is\n%s", took, chat.all())
	}
}

// The log of a daemon whose configuration wants JSON is JSON from its first finding on, and a reload
// gives it another style.
func TestTheStyleOfTheLogFollowsTheConfiguration(t *testing.T) {
	s := newStage(t)
	a := s.Start(s.a, defs(conf(100, "", vip), "log_style json"))
	a.Says(`"msg":"role changed","instance":"V","from":"BACKUP","to":"MASTER","cause":"master down","reason":"master down`)
	for line := range strings.Lines(a.Log()) {
		if !strings.HasPrefix(line, "{") && !strings.Contains(line, "onfiguration file") {
			t.Errorf("%q is no object", line)
		}
	}
	a.Reload(defs(conf(100, "", vip), "log_style text"))
	s.Sh(s.a, "ip link set eth0 down")
	a.Says(`level=info msg="role changed" instance=V from=MASTER to=FAULT cause=fault reason=`)
}

// Servers are told by those of their webhooks that they name: a real server when it goes down, its
// virtual server when the quorum is lost.
func TestAWebhookIsToldOfServers(t *testing.T) {
	s := newStage(t)
	reals, quorums := &listener{}, &listener{}
	s.listening(s.client, "10.0.0.9:8080", reals)
	s.listening(s.client, "10.0.0.9:8081", quorums)
	a := s.Start(s.a, `
webhook reals {
	url http://10.0.0.9:8080/
	template "{{.Kind}} {{.Name}} of {{.Of}} {{.State}}"
}
webhook quorums {
	url http://10.0.0.9:8081/
	template "{{.Kind}} {{.Name}} {{.State}}"
}
virtual_server 10.0.0.100 80 {
	delay_loop 1
	warmup 0
	retry 0
	lvs_sched rr
	lvs_method NAT
	protocol TCP
	notify_webhook quorums
	real_server 10.0.0.1 81 {
		notify_webhook reals
		TCP_CHECK {
			connect_timeout 1
		}
	}
}
`)
	a.Says("Removing service")
	s.Eventually(10*time.Second, "the real server is told", func() bool {
		return strings.Contains(reals.all(), "real_server [10.0.0.1]:tcp:81 of [10.0.0.100]:tcp:80 DOWN")
	})
	s.Eventually(10*time.Second, "the quorum is told", func() bool { return strings.Contains(quorums.all(), "virtual_server [10.0.0.100]:tcp:80 DOWN") })
	if strings.Contains(quorums.all(), "real_server") || strings.Contains(reals.all(), "virtual_server [") {
		t.Errorf("told are\n%s\nand\n%s", reals.all(), quorums.all())
	}
}
