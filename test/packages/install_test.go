package packages

import (
	"encoding/json"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"holdfast/test/need"
	"holdfast/test/stand"
)

// conf is what Debian's keepalived and holdfast both run.
func conf(priority int) string {
	return `global_defs {
	router_id node
}
vrrp_instance VI_1 {
	state BACKUP
	interface eth0
	virtual_router_id 51
	priority ` + strconv.Itoa(priority) + `
	advert_int 1
	authentication {
		auth_type PASS
		auth_pass hidden-w
	}
	virtual_ipaddress {
		10.0.0.100/24
	}
}
`
}

// fast is conf at a tenth of a second, for what does not ask for passwords.
func fast(priority int) string {
	text := strings.Replace(conf(priority), "router_id node", "vrrp_version 3", 1)
	text = strings.Replace(text, "\tauthentication {\n\t\tauth_type PASS\n\t\tauth_pass hidden-w\n\t}\n", "", 1)
	return strings.Replace(text, "advert_int 1", "advert_int 0.1", 1)
}

// debian boots a machine alone on a network, whose keepalived runs and has the address.
func debian(t *testing.T, text string) *machine {
	t.Helper()
	need.Programs(t, "keepalived", "curl")
	dir := packages(t)
	t.Parallel()
	s := stand.New(t)
	s.Must(s.World.Bridge("lan"))
	m := boot(s, s.Node("a", "lan eth0 10.0.0.1/24"))
	m.write("/etc/keepalived/keepalived.conf", text)
	m.write("/etc/default/keepalived", "DAEMON_ARGS=\"-D\"\n")
	m.bring(filepath.Join(dir, deb))
	m.sh("systemctl start keepalived")
	m.hasTheAddress()
	return m
}

func (m *machine) hasTheAddress() {
	m.Helper()
	m.Eventually(10*time.Second, "the address is there", func() bool {
		return strings.Contains(m.sh("ip -o addr show dev eth0"), " 10.0.0.100/24 ")
	})
}

// runs asserts which program a unit runs.
func (m *machine) runs(unit, program string) {
	m.Helper()
	if state := m.property(unit, "ActiveState"); state != "active" || !m.executes(unit, program) {
		m.Fatalf("%s is %s, or does not run %s", unit, state, program)
	}
}

// One command has keepalived.service run holdfast, another takes it back, and so does removing it.
func TestThePackageTakesThePlaceOfKeepalivedAndGivesItBack(t *testing.T) {
	m := debian(t, conf(100))
	before := m.property("keepalived", "MainPID")
	m.sh("dpkg -i /tmp/" + deb)
	if m.property("keepalived", "MainPID") != before || !m.executes("keepalived", "/usr/sbin/keepalived") {
		t.Fatal("installing it touched the keepalived that runs")
	}
	if got := m.sh("holdfast-switch"); got != "keepalived\n" {
		t.Errorf("holdfast-switch says %q", got)
	}

	m.sh("holdfast-switch holdfast")
	m.runs("keepalived", "/usr/bin/holdfast")
	m.hasTheAddress()
	line := strings.ReplaceAll(m.sh("cat /proc/"+m.property("keepalived", "MainPID")+"/cmdline"), "\x00", " ")
	if line != "/usr/lib/holdfast/keepalived --dont-fork -D " {
		t.Errorf("the command line is %q", line)
	}
	if got := m.sh("holdfast-switch"); got != "holdfast\n" {
		t.Errorf("holdfast-switch says %q", got)
	}
	m.allViewsSay("MASTER", 100)

	m.write("/etc/keepalived/keepalived.conf", conf(120))
	m.sh("systemctl reload keepalived")
	m.Eventually(5*time.Second, "the reload has its effect", func() bool { return strings.Contains(m.sh("holdfast status"), "120") })
	m.allViewsSay("MASTER", 120)

	pid := m.property("keepalived", "MainPID")
	m.sh("dpkg -i /tmp/" + deb)
	if m.property("keepalived", "MainPID") != pid || m.sh("holdfast-switch") != "holdfast\n" {
		t.Error("an upgrade does more than to lay files")
	}

	m.sh("dpkg --remove holdfast")
	m.runs("keepalived", "/usr/sbin/keepalived")
	m.hasTheAddress()
	m.sh("dpkg --purge holdfast")
	if left := m.sh("find /etc /usr /var/lib/systemd -xdev -name '*holdfast*' ! -path '/usr/src/*' ! -path '/usr/local/*'"); left != "" {
		t.Errorf("of the package is left:\n%s", left)
	}
}

// allViewsSay asserts that status, why, metrics, the API and the dump in JSON agree, and that none has the password.
func (m *machine) allViewsSay(role string, priority int) {
	m.Helper()
	views := m.views()
	var snapshot struct {
		Router struct {
			Instances []struct {
				Name, Role string
				Priority   int
			}
		}
	}
	m.Must(json.Unmarshal([]byte(views["status --json"]), &snapshot))
	if list := snapshot.Router.Instances; len(list) != 1 || list[0].Name != "VI_1" || list[0].Role != role || list[0].Priority != priority {
		m.Errorf("status --json says %+v", list)
	}
	var dump []struct {
		Data struct {
			Iname    string `json:"iname"`
			State    int    `json:"state"`
			Priority int    `json:"effective_priority"`
		} `json:"data"`
	}
	m.Must(json.Unmarshal([]byte(views["dump"]), &dump))
	state := map[string]int{"BACKUP": 1, "MASTER": 2, "FAULT": 3}[role]
	if len(dump) != 1 || dump[0].Data.Iname != "VI_1" || dump[0].Data.State != state || dump[0].Data.Priority != priority {
		m.Errorf("the dump says %+v", dump)
	}
	for view, want := range map[string]string{
		"status":  `VI_1\s.*` + role,
		"why":     role,
		"metrics": `instance_name="VI_1".*role="` + role + `"\} 1\n`,
		"api":     `"` + role + `"`,
	} {
		if !regexp.MustCompile(want).MatchString(views[view]) {
			m.Errorf("%s does not say %s:\n%s", view, want, views[view])
		}
	}
	for view, text := range views {
		if strings.Contains(text, "hidden-w") {
			m.Errorf("%s has the password:\n%s", view, text)
		}
	}
}

// views are all ways to look at the daemon.
func (m *machine) views() map[string]string {
	m.Helper()
	m.sh("rm -f /tmp/keepalived.*; kill -s $(/usr/lib/holdfast/keepalived --signum JSON) $(cat /run/keepalived.pid); systemctl kill -s USR1 --kill-who main keepalived; systemctl kill -s USR2 --kill-who main keepalived")
	m.Eventually(5*time.Second, "the dumps are written", func() bool {
		_, err := m.try("test -s /tmp/keepalived.json -a -s /tmp/keepalived.data -a -s /tmp/keepalived.stats")
		return err == nil
	})
	curl := "curl -s --unix-socket /run/holdfast/holdfast.sock http://holdfast"
	views := map[string]string{}
	for view, command := range map[string]string{
		"status": "holdfast status", "status --json": "holdfast status --json", "why": "holdfast why VI_1", "events": "holdfast events",
		"metrics": curl + "/metrics", "api": curl + "/v1/status", "openapi": curl + "/v1/openapi.json",
		"dump": "cat /tmp/keepalived.json", "data": "cat /tmp/keepalived.data", "stats": "cat /tmp/keepalived.stats",
		"journal": "journalctl --no-pager -u keepalived",
	} {
		views[view] = m.sh(command)
	}
	return views
}

// A configuration that cannot be run is refused before keepalived is touched.
func TestTheSwitchRefusesWhatCannotRun(t *testing.T) {
	m := debian(t, fast(100))
	m.sh("dpkg -i /tmp/" + deb)
	before := m.property("keepalived", "MainPID")
	m.write("/etc/keepalived/keepalived.conf", "vrrp_instance VI_1 {\n\tinterface eth0\n\tvirtual_router_id 51\n\tauthentication {\n\t\tauth_type HMAC\n\t}\n")
	out, err := m.try("holdfast-switch holdfast")
	if err == nil || !strings.Contains(out, "nothing is changed") {
		t.Errorf("it is not refused: %v\n%s", err, out)
	}
	if m.property("keepalived", "MainPID") != before || m.sh("holdfast-switch") != "keepalived\n" {
		t.Error("keepalived was touched all the same")
	}
}

// If holdfast does not start with the options of keepalived, keepalived runs again.
func TestTheSwitchGoesBackWhenHoldfastDoesNotStart(t *testing.T) {
	m := debian(t, fast(100))
	m.sh("dpkg -i /tmp/" + deb)
	m.write("/etc/default/keepalived", "DAEMON_ARGS=\"-a\"\n") // an option that holdfast refuses
	out, err := m.try("holdfast-switch holdfast")
	if err == nil || !strings.Contains(out, "keepalived runs again") {
		t.Errorf("it is not said: %v\n%s", err, out)
	}
	m.runs("keepalived", "/usr/sbin/keepalived")
	m.hasTheAddress()
	if got := m.sh("holdfast-switch"); got != "keepalived\n" {
		t.Errorf("holdfast-switch says %q", got)
	}
}

// What an operator wrote into the unit holds for both programs.
func TestTheSwitchKeepsTheCommandLineOfTheUnit(t *testing.T) {
	m := debian(t, fast(100))
	m.sh("dpkg -i /tmp/" + deb)
	m.sh("mv /etc/keepalived/keepalived.conf /etc/keepalived/mine.conf && touch /etc/keepalived/keepalived.conf && echo '#' > /etc/keepalived/keepalived.conf")
	m.write("/etc/systemd/system/keepalived.service.d/mine.conf", "[Service]\nExecStart=\nExecStart=-/usr/sbin/keepalived --dont-fork -f /etc/keepalived/mine.conf --log-detail\n")
	m.sh("systemctl daemon-reload && holdfast-switch holdfast")
	line := strings.ReplaceAll(m.sh("cat /proc/"+m.property("keepalived", "MainPID")+"/cmdline"), "\x00", " ")
	if line != "/usr/lib/holdfast/keepalived --dont-fork -f /etc/keepalived/mine.conf --log-detail " {
		t.Errorf("the command line is %q", line)
	}
	m.sh("holdfast-switch keepalived")
	m.runs("keepalived", "/usr/sbin/keepalived")
	m.sh("test -e /etc/systemd/system/keepalived.service.d/mine.conf")
}

// The .rpm does the same with its own words for the scripts: installed, upgraded, erased.
func TestTheRPMGivesItBackToo(t *testing.T) {
	m := debian(t, fast(100))
	file := m.bring(filepath.Join(packages(t), rpm))
	m.sh("rpm --upgrade --force-debian --nodeps " + file + " && holdfast-switch holdfast")
	m.runs("keepalived", "/usr/bin/holdfast")
	pid := m.property("keepalived", "MainPID")
	m.sh("rpm --upgrade --force-debian --nodeps --force " + file)
	if m.property("keepalived", "MainPID") != pid || m.sh("holdfast-switch") != "holdfast\n" {
		t.Error("an upgrade does more than to lay files")
	}
	m.sh("rpm --erase --nodeps --force-debian holdfast")
	m.runs("keepalived", "/usr/sbin/keepalived")
	m.hasTheAddress()
	if left := m.sh("find /etc /usr -xdev -name '*holdfast*' ! -path '/usr/src/*' ! -path '/usr/local/*'"); left != "" {
		t.Errorf("of the package is left:\n%s", left)
	}
}
