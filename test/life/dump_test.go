package life

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/stand"
)

// everyField is a configuration with something in each field of the JSON dump that
// keepalived 2.2.7 has.
const everyField = `global_defs {
	enable_script_security
	script_user root
}
vrrp_script ok {
	script "/run/ok.sh a 'b c'"
	interval 1
	weight 5
}
vrrp_instance V1 {
	interface eth0
	virtual_router_id 7
	priority 100
	version 3
	advert_int 0.25
	garp_master_delay 2
	garp_master_refresh 10
	garp_lower_prio_repeat 2
	state BACKUP
	nopreempt
	virtual_ipaddress {
		10.0.0.100/24
		10.0.0.101 label eth0:x scope link
		10.0.0.102 peer 10.0.0.200
	}
	virtual_ipaddress_excluded {
		fd00::1/64 dev eth0
		10.0.0.103
	}
	virtual_routes {
		10.5.0.0/16 via 10.0.0.1 dev eth0 metric 7
		10.6.0.0/16 nexthop via 10.0.0.7 dev eth0 weight 3 nexthop via 10.0.0.8 dev eth0 weight 5
		unreachable 10.7.0.0/16
	}
	virtual_rules {
		from 10.8.0.0/24 to 10.2.0.0/16 table 3 priority 1000
		to 10.9.0.0/16 prohibit priority 1001 iif eth0
	}
	notify_master "/run/ok.sh 'x y'"
	notify_backup /run/ok.sh
	notify_fault /run/ok.sh
	notify_stop /run/ok.sh
	notify_deleted /run/ok.sh
	notify /run/ok.sh
	notify_master_rx_lower_pri /run/ok.sh
	track_script {
		ok
	}
	smtp_alert
}
vrrp_instance V2 {
	interface eth0
	virtual_router_id 8
	priority 150
	dont_track_primary
	skip_check_adv_addr
	promote_secondaries
	track_interface {
		lo weight 3
	}
	authentication {
		auth_type PASS
		auth_pass hush
	}
	virtual_ipaddress {
		10.0.0.110
	}
}
vrrp_instance V6 {
	interface eth0
	virtual_router_id 9
	version 3
	priority 90
	no_accept
	lower_prio_no_advert
	higher_prio_send_advert
	virtual_ipaddress {
		fe80::99
		fd00::66/64
	}
}
`

// dumped asks a daemon for a dump and waits for the file.
func (s *stage) dumped(d *stand.Daemon, sig syscall.Signal, path string) string {
	s.Helper()
	s.Sh(d.Node, "rm -f "+path)
	d.Signal(sig)
	s.Eventually(5*time.Second, path+" is there", func() bool { return s.Sh(d.Node, "ls "+path+" 2>/dev/null || true") != "" })
	return s.Sh(d.Node, "cat "+path)
}

// member is one of a JSON object, in its order.
type member struct{ name, value string }

// members are those of all objects of a dump, with where they stand in names.
func (s *stage) members(text string) (list []member) {
	s.Helper()
	var instances []struct{ Data, Stats json.RawMessage }
	s.Must(json.Unmarshal([]byte(text), &instances))
	for i, inst := range instances {
		for part, raw := range map[string]json.RawMessage{"data": inst.Data, "stats": inst.Stats} {
			for _, m := range s.object(raw) {
				list = append(list, member{fmt.Sprintf("%d %s %s", i, part, m.name), m.value})
			}
		}
	}
	return list
}

func (s *stage) object(raw []byte) (list []member) {
	s.Helper()
	dec := json.NewDecoder(bytes.NewReader(raw))
	_, err := dec.Token()
	s.Must(err)
	for dec.More() {
		name, err := dec.Token()
		s.Must(err)
		var value json.RawMessage
		s.Must(dec.Decode(&value))
		list = append(list, member{fmt.Sprint(name), string(value)})
	}
	return list
}

// comparable keeps the members of a part that are not told apart by chance or by version,
// in their order.
func comparable(list []member, part string) (kept []string) {
	for _, m := range list {
		words := strings.Fields(m.name)
		switch name := words[2]; {
		case words[1] != part || strings.HasPrefix(name, "auth_ext_"): // 2.4
		case name == "last_transition" || name == "auth_data" || part == "stats": // 2.4 has no passwords
			kept = append(kept, m.name)
		default:
			kept = append(kept, m.name+" "+m.value)
		}
	}
	return kept
}

// Reference, interfaces section 3: the JSON dump has keepalived's members, in its
// order and with its values.
func TestTheJSONDumpIsThatOfKeepalived(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/run/ok.sh", "#!/bin/sh\nexit 0\n", 0o755))
	s.Must(s.a.WriteFile(confPath, everyField, 0o644))
	dump := func(d *stand.Daemon) string {
		s.Eventually(15*time.Second, "all are MASTER", func() bool { return d.Count(`Entering MASTER STATE`) == 3 })
		d.Says("VRRP_Script.ok. succeeded")
		text := s.dumped(d, 36, "/tmp/keepalived.json")
		d.Signal(syscall.SIGTERM)
		d.Exit()
		return text
	}
	theirs := dump(s.Launch(s.a, "keepalived", "-n", "-l", "-D", "-f", confPath))
	ours := dump(s.Again(s.a))
	for _, part := range []string{"data", "stats"} {
		want, got := comparable(s.members(theirs), part), comparable(s.members(ours), part)
		if strings.Join(want, "\n") != strings.Join(got, "\n") {
			t.Errorf("%s of keepalived:\n%s\nof holdfast:\n%s", part, strings.Join(want, "\n"), strings.Join(got, "\n"))
		}
	}
}

// The sections of the state are keepalived's, and so are the lines of an instance
// that it has.
func TestTheStateDumpHasTheLinesOfKeepalived(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile("/run/ok.sh", "#!/bin/sh\nexit 0\n", 0o755))
	s.Must(s.a.WriteFile(confPath, everyField, 0o644))
	dump := func(d *stand.Daemon) string {
		s.Eventually(15*time.Second, "all are MASTER", func() bool { return d.Count(`Entering MASTER STATE`) == 3 })
		d.Says("VRRP_Script.ok. succeeded")
		text := s.dumped(d, syscall.SIGUSR1, "/tmp/keepalived.data")
		d.Signal(syscall.SIGTERM)
		d.Exit()
		return text
	}
	theirs := dump(s.Launch(s.a, "keepalived", "-n", "-l", "-D", "-f", confPath))
	ours := map[string]bool{}
	for line := range strings.Lines(dump(s.Again(s.a))) {
		ours[line] = true
	}
	begin, end := strings.Index(theirs, "------< VRRP Topology"), strings.Index(theirs, "------< VRRP Sockpool")
	for line := range strings.Lines(theirs[begin:end]) {
		if !ours[line] && !differs(line) {
			t.Errorf("no line %q", line)
		}
	}
}

// differs are the lines of an instance that are told apart by the instant, by version
// 2.4, or because holdfast has no such thing.
func differs(line string) bool {
	for _, word := range []string{"Last transition", "Read timeout", "Password", "fd_in", "config faults", "Flags", "ifindex", "Master down timer"} {
		if strings.Contains(line, word) {
			return true
		}
	}
	return false
}

// Reference, interfaces section 3: SIGRTMAX-1 writes the statistics, and then counts
// from zero.
func TestTheStatisticsAreCleared(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(150, "", vip+"/24"))
	d.Says("Entering MASTER STATE")
	const path, once = "/tmp/keepalived.stats", "  Became master: 1\n"
	if text := s.dumped(d, 63, path); !strings.Contains(text, once) {
		t.Errorf("before:\n%s", text)
	}
	if text := s.dumped(d, syscall.SIGUSR2, path); strings.Contains(text, once) || !strings.Contains(text, "VRRP Instance: V\n") {
		t.Errorf("after:\n%s", text)
	}
}

// Reference, interfaces sections 1 and 3: the numbers of signals, and that each asks
// for what it is said to.
func TestEverySignalByItsNumber(t *testing.T) {
	s := newStage(t)
	program := s.Namesake()
	number := func(word string) syscall.Signal {
		n, err := strconv.Atoi(strings.TrimSpace(s.Sh(s.a, program+" --signum="+word)))
		s.Must(err)
		return syscall.Signal(n)
	}
	d := s.Start(s.a, strings.Replace(conf(150, "", vip+"/24"), "vrrp_version 3", "vrrp_version 3\n\tjson_version 2", 1))
	d.Says("Entering MASTER STATE")
	for word, path := range map[string]string{"DATA": "data", "STATS": "stats", "STATS_CLEAR": "stats", "JSON": "json"} {
		if text := s.dumped(d, number(word), "/tmp/keepalived."+path); text == "" {
			t.Errorf("%s writes nothing", word)
		}
	}
	if got := s.Sh(s.a, "head -c 9 /tmp/keepalived.json; stat -c ' %a' /tmp/keepalived.json /tmp/keepalived_parent.data"); got != "{\"vrrp\":[ 600\n 600\n" {
		t.Errorf("the dumps: %q", got)
	}
	before := d.Count("Reload complete")
	d.Signal(number("RELOAD"))
	s.Eventually(5*time.Second, "the reload is done", func() bool { return d.Count("Reload complete") > before })
	if d.Count("Entering") != 2 {
		t.Errorf("a signal changes the role:\n%s", d.Log())
	}
	d.Signal(number("STOP"))
	if status := d.Exit(); status != 0 {
		t.Errorf("exit status %d", status)
	}
	if out := s.Sh(s.a, program+" --signum=TDATA; echo $?"); !strings.HasSuffix(out, "1\n") {
		t.Errorf("an unknown word: %s", out)
	}
}

// Reference, interfaces section 3: the worker is not killed by what is meant for the
// others, and SIGPIPE does nothing.
func TestSignalsToTheWorkerDoNoHarm(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(150, "", vip+"/24"))
	d.Says("Entering MASTER STATE")
	worker := s.worker(d.Pid())
	for _, sig := range []syscall.Signal{syscall.SIGHUP, syscall.SIGUSR1, syscall.SIGUSR2, 36, 63, syscall.SIGPIPE, syscall.SIGXCPU} {
		s.Must(syscall.Kill(worker, sig))
	}
	d.Signal(syscall.SIGPIPE)
	time.Sleep(300 * time.Millisecond)
	if s.worker(d.Pid()) != worker {
		t.Errorf("the worker was replaced:\n%s", d.Log())
	}
}
