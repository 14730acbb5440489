package balance

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/test/stand"
	"holdfast/test/uml/beside"
)

// dumped is a file with some of everything that a dump of virtual servers tells.
const dumped = `global_defs {
	router_id same
	enable_script_security
	script_user root
}
virtual_server_group G {
	10.0.9.1 80
	10.0.9.10-12 80
	fwmark 7
}
virtual_server 10.0.9.5 443 {
	delay_loop 60
	warmup 0
	lvs_sched sh
	sh-port
	lvs_method NAT
	protocol TCP
	persistence_timeout 50
	persistence_granularity 255.255.255.0
	omega
	quorum 2
	hysteresis 1
	quorum_up "/usr/bin/true up"
	sorry_server 10.0.2.19 443
	sorry_server_inhibit
	real_server 10.0.2.11 80 {
		weight 5
		inhibit_on_failure
		notify_down "/usr/bin/true rs down"
		uthreshold 100
		lthreshold 10
		TCP_CHECK {
			connect_port 81
			connect_timeout 3
			retry 4
			delay_before_retry 0.5
		}
	}
	real_server 10.0.2.12 443 {
		lvs_method TUN
		TCP_CHECK {
			connect_port 80
		}
		MISC_CHECK {
			misc_path "/usr/bin/false a b"
			misc_timeout 5
		}
	}
}
virtual_server fwmark 5 {
	delay_loop 60
	lvs_sched wlc
	lvs_method DR
	ops
	real_server 10.0.2.13 0 {
	}
}
virtual_server group G {
	delay_loop 60
	warmup 0
	lvs_sched rr
	lvs_method NAT
	protocol UDP
	ops
	real_server 10.0.2.11 80 {
		HTTP_GET {
			url {
				path /
				status_code 201-204 301
			}
		}
	}
	real_server 10.0.2.14 80 {
		TCP_CHECK {
		}
	}
}
`

// left are the lines that holdfast leaves out: those that say nothing of the state, or what
// stands in other lines already.
var left = []string{"reloaded = ", "previous effective_weight", "Retries iterations", "Default delay before retry", "System is compiled", "connection timeout = ",
	"Retry count", "Retry delay", "Warmup = 0.0", "Alpha is", "Last ran", "Last status", "Inhibit on failure is", "Failed URL"}

// told are the lines of a dump about virtual servers that are compared.
func told(text string) (lines []string) {
	_, text, _ = strings.Cut(text, "------< LVS Topology >------\n")
next:
	for line := range strings.Lines(text) {
		for _, l := range left {
			if strings.HasPrefix(strings.TrimSpace(line), l) {
				continue next
			}
		}
		lines = append(lines, strings.TrimRight(line, "\n"))
	}
	return lines
}

// Reference, interfaces section 3: SIGUSR1 to the daemon, and to the process of checkers.pid.
func TestTheDumpOfServersIsKeepaliveds(t *testing.T) {
	s := newStage(t, "inside")
	p := beside.NewPair(s.Stage)
	p.Farm.Down(3)
	p.Write(confPath, dumped)
	p.Daemons[0] = s.Launch(p.Directors[0], "env", "TMPDIR=/run", "keepalived", "-n", "-l", "-D", "-G", "-f", confPath)
	p.Daemons[1] = s.Launch(p.Directors[1], "env", "TMPDIR=/run", "bash", "-c", "exec -a keepalived "+stand.Program()+" -n -l -D -f "+confPath)
	p.Same("at the start")
	for _, d := range p.Daemons {
		for _, gone := range []string{"[10.0.2.14]:udp:80 from VS [G]:0", "[10.0.2.11]:udp:80 from VS [G]:0", "[10.0.2.12]:tcp:443 from VS [10.0.9.5]:tcp:443"} {
			d.Tells(15*time.Second, "Removing service "+gone)
		}
	}
	for _, way := range []string{"keepalived", "checkers"} {
		var got [2][]string
		for i, n := range p.Directors {
			s.Sh(n, "rm -f /run/keepalived_check.data; kill -USR1 $(cat /run/"+way+".pid)")
			s.Eventually(5*time.Second, "there is a dump", func() bool {
				got[i] = told(s.Sh(n, "cat /run/keepalived_check.data 2>/dev/null || true"))
				return len(got[i]) > 100
			})
		}
		if diff := cmp.Diff(strings.Join(got[0], "\n"), strings.Join(got[1], "\n")); diff != "" {
			t.Errorf("SIGUSR1 to the process of %s.pid (-keepalived +holdfast):\n%s", way, diff)
		}
	}
	p.Stop()
}
