package life

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/test/stand"
)

// secrets are words that stand in the configuration or in files that it names, and nowhere else.
func secrets() []string {
	return []string{"zQpass-w", "zQhmac-key-of-more-than-thirty-two-bytes", "zQsubmission-word", "zQtoken-of-twenty-and-more", "zQhook-path", "zQhook-header"}
}

// secretive is a configuration that has all of them.
func (s *stage) secretive() string {
	s.Must(s.a.WriteFile("/etc/keepalived/tokens", "read ops "+secrets()[3]+"\n", 0o600))
	s.Sh(s.a, "cd /etc/keepalived && umask 077 && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout key -out cert -days 2 -subj /CN=a -addext subjectAltName=IP:10.0.0.1 2>/dev/null")
	return `global_defs {
	smtp_server 127.0.0.1 9
	smtp_tls starttls
	smtp_auth user ` + secrets()[2] + `
	notification_email {
		ops@example.org
	}
	smtp_alert
	api_listen 10.0.0.1 9443
	api_certificate /etc/keepalived/cert
	api_key /etc/keepalived/key
	api_tokens /etc/keepalived/tokens
}
webhook chat {
	url http://127.0.0.1:9/` + secrets()[4] + `
	header X-Key ` + secrets()[5] + `
	retries 0
}
vrrp_instance PASS {
	notify_webhook chat
	interface eth0
	virtual_router_id 7
	priority 100
	advert_int 1
	authentication {
		auth_type PASS
		auth_pass ` + secrets()[0] + `
	}
	virtual_ipaddress {
		10.0.0.100
	}
}
vrrp_instance HMAC {
	interface eth0
	virtual_router_id 8
	version 3
	advert_int 0.1
	auth_hmac {
		key 1 ` + secrets()[1] + `
		active_key 1
	}
	virtual_ipaddress {
		10.0.0.101
	}
}
`
}

// What is secret is shown by no view, log, dump, finding, environment or command line, and lies in no file that
// others than root can read.
func TestNoViewShowsASecret(t *testing.T) {
	s := newStage(t)
	text := s.secretive()
	s.Must(s.a.WriteFile(confPath, text, 0o600))
	s.Sh(s.a, "mkdir -m 755 /run/dumps")
	d := s.Launch(s.a, "/usr/bin/env", "TMPDIR=/run/dumps", stand.Program(), "run", "-D", "-f", confPath)
	d.Says(`\(PASS\) Entering MASTER STATE`)
	d.Says(`\(HMAC\) Entering MASTER STATE`)
	views := map[string]string{}
	for _, path := range []string{"/v1/status", "/v1/ipvs", "/v1/events", "/v1/openapi.json", "/metrics"} {
		_, views[path] = s.get(d, path)
	}
	for _, words := range []string{"status", "status --json", "why PASS", "why HMAC", "events", "events --json", "plan", "plan --json", "ipvs", "doctor"} {
		views["holdfast "+words] = s.holdfast(s.a, strings.Fields(words)...)
	}
	for _, words := range []string{"check", "check --json", "check --sarif", "check --host"} {
		views["holdfast "+words] = s.holdfast(s.a, append(strings.Fields(words), confPath)...)
	}
	wrong := strings.NewReplacer(secrets()[0], "zQpass-w-that-is-too-long", secrets()[1], "zQhmac-key", "smtp_auth user ", "smtp_auth ", "http://127", "htp://127").Replace(text)
	s.Must(s.a.WriteFile("/etc/keepalived/wrong.conf", wrong, 0o600))
	views["findings"] = s.holdfast(s.a, "check", "/etc/keepalived/wrong.conf")
	views["findings of a plan"] = s.holdfast(s.a, "plan", "/etc/keepalived/wrong.conf")
	d.Reload(wrong)
	views["reload"] = s.holdfast(s.a, "reload")
	for signal, file := range map[syscall.Signal]string{syscall.SIGUSR1: "keepalived.data", syscall.SIGUSR2: "keepalived.stats", syscall.Signal(36): "keepalived.json"} {
		d.Signal(signal)
		s.Eventually(5*time.Second, file+" is written", func() bool {
			views[file] = s.Sh(s.a, "cat /run/dumps/"+file+" || true")
			return views[file] != ""
		})
	}
	views["log"] = d.Log()
	for name, pid := range s.processes(d) {
		for _, file := range []string{"environ", "cmdline"} {
			text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
			s.Must(err)
			views[name+" "+file] = string(text)
		}
	}
	for view, text := range views {
		if strings.Contains(text, "zQ") {
			at := strings.Index(text, "zQ")
			t.Errorf("%s shows %.40q", view, text[at:])
		}
	}
	if len(views["/v1/status"]) < 500 || len(views["keepalived.data"]) < 500 || !strings.Contains(views["findings"], "complaint") {
		t.Error("views are empty")
	}
	readable := s.Sh(s.a, "grep -rl zQ /run 2>/dev/null | xargs -r stat -c '%a %n' | grep -v '^600' || true")
	if readable != "" {
		t.Errorf("others can read:\n%s", readable)
	}
}

// processes are those of a daemon, by their part.
func (s *stage) processes(d *stand.Daemon) map[string]int {
	s.Helper()
	all := map[string]int{"router": d.Pid(), "worker": s.worker(d.Pid())}
	if gate := s.child(all["worker"], "gate"); gate != 0 {
		all["gate"] = gate
	}
	return all
}

// Decision 12. Each thread counts.
func TestEachProcessKeepsOnlyTheRightsThatItActsWith(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, s.secretive())
	d.Says("Entering MASTER STATE")
	s.Eventually(5*time.Second, "the gate is there", func() bool { return len(s.processes(d)) == 3 })
	own, err := strconv.ParseUint(s.line(os.Getpid(), "status", "CapPrm:"), 16, 64)
	s.Must(err)
	bit := func(list ...int) (set uint64) { // of those that this machine gives at all
		for _, c := range list {
			set |= own & (1 << c)
		}
		return set
	}
	router := bit(unix.CAP_NET_ADMIN, unix.CAP_NET_RAW, unix.CAP_SYS_NICE, unix.CAP_IPC_LOCK, unix.CAP_SYS_RESOURCE)
	for name, want := range map[string]uint64{
		"router": router,
		"worker": router | bit(unix.CAP_NET_BIND_SERVICE, unix.CAP_SETUID, unix.CAP_SETGID, unix.CAP_KILL, unix.CAP_CHOWN, unix.CAP_FOWNER, unix.CAP_DAC_OVERRIDE, unix.CAP_DAC_READ_SEARCH, unix.CAP_SYS_PTRACE, unix.CAP_SYS_ADMIN),
		"gate":   0,
	} {
		pid := s.processes(d)[name]
		tasks, err := filepath.Glob(fmt.Sprintf("/proc/%d/task/*", pid))
		s.Must(err)
		if len(tasks) == 0 {
			t.Errorf("the %s has no threads", name)
		}
		for _, task := range tasks {
			tid := filepath.Base(task)
			for _, kind := range []string{"CapPrm:", "CapEff:"} {
				got, err := strconv.ParseUint(s.line(pid, "task/"+tid+"/status", kind), 16, 64)
				s.Must(err)
				if got != want {
					t.Errorf("thread %s of the %s: %s %x, not %x", tid, name, kind, got, want)
				}
			}
			if got := s.line(pid, "task/"+tid+"/status", "NoNewPrivs:"); name == "gate" && got != "1" {
				t.Errorf("thread %s of the gate: NoNewPrivs %s", tid, got)
			}
		}
	}
}

// What dies comes back with its rights: a worker that is started by a router with fewer runs scripts as others.
func TestAWorkerThatReplacesAnotherHasItsRights(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	before := s.line(s.worker(d.Pid()), "status", "CapPrm:")
	s.replaceWorker(d)
	if now := s.line(s.worker(d.Pid()), "status", "CapPrm:"); now != before {
		t.Errorf("the rights were %s and are %s", before, now)
	}
}
