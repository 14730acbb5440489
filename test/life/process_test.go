package life

import (
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// settings is conf with more words in global_defs.
func settings(words ...string) string {
	return strings.Replace(conf(100, "", vip), "global_defs {", "global_defs {\n\t"+strings.Join(words, "\n\t"), 1)
}

// field is a number of /proc/PID/task/*/stat, counted from the name, of each thread.
func (s *stage) field(pid, n int) (values []string) {
	s.Helper()
	tasks, err := os.ReadDir(fmt.Sprintf("/proc/%d/task", pid))
	s.Must(err)
	for _, t := range tasks {
		stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%s/stat", pid, t.Name()))
		if err == nil { // else it has ended
			values = append(values, strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))[n-3])
		}
	}
	return values
}

// Fields of proc_pid_stat(5).
const (
	niceField     = 19
	priorityField = 40
	policyField   = 41
)

// all says of a field that every thread has a value.
func (s *stage) all(pid, n, want int) bool {
	found := s.field(pid, n)
	return len(found) > 0 && !slices.ContainsFunc(found, func(v string) bool { return v != strconv.Itoa(want) })
}

// line is a line of a file below /proc/PID.
func (s *stage) line(pid int, file, begin string) string {
	s.Helper()
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
	s.Must(err)
	for line := range strings.Lines(string(text)) {
		if rest, ok := strings.CutPrefix(line, begin); ok {
			return strings.Join(strings.Fields(rest), " ")
		}
	}
	return ""
}

const (
	schedOther = 0
	schedRR    = 2
)

// Reference, interfaces section 12: each word, on the threads that send adverts and
// on those of the worker, and the way back by a reload.
func TestTheWordsForProcessesTakeEffectAndAreTakenBack(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	router := d.Pid()
	worker := s.worker(router)
	type fact struct {
		what string
		ok   func() bool
	}
	plain := []fact{
		{"the router has real time 30", func() bool { return s.all(router, policyField, schedRR) && s.all(router, priorityField, 30) }},
		{"the worker has none", func() bool { return s.all(worker, policyField, schedOther) && s.all(worker, niceField, 0) }},
		{"no memory is locked", func() bool { return s.line(router, "status", "VmLck:") == "0 kB" }},
		{"nothing is limited", func() bool {
			return s.line(router, "limits", "Max realtime timeout") == "unlimited unlimited us"
		}},
	}
	born := s.line(router, "status", "Cpus_allowed_list:")
	for _, c := range []struct {
		words string
		facts []fact
	}{
		{"vrrp_rt_priority 40", []fact{{"real time 40", func() bool { return s.all(router, priorityField, 40) }}}},
		{"vrrp_priority -7", []fact{{"nice -7", func() bool { return s.all(router, policyField, schedOther) && s.all(router, niceField, -7) }}}},
		{"vrrp_priority -7 \n vrrp_rt_priority 41", []fact{{"real time comes before niceness", func() bool { return s.all(router, priorityField, 41) }}}},
		{"vrrp_no_swap", []fact{{"memory is locked", func() bool {
			return s.line(router, "status", "VmLck:") != "0 kB" && s.line(worker, "status", "VmLck:") == "0 kB"
		}}}},
		{"vrrp_cpu_affinity 0", []fact{{"one processor for the router only", func() bool {
			return s.line(router, "status", "Cpus_allowed_list:") == "0" && s.line(worker, "status", "Cpus_allowed_list:") == born
		}}}},
		{"checker_cpu_affinity 0", []fact{{"one processor for the worker only", func() bool {
			return s.line(worker, "status", "Cpus_allowed_list:") == "0" && s.line(router, "status", "Cpus_allowed_list:") == born
		}}}},
		{"checker_priority 5", []fact{{"nice 5", func() bool { return s.all(worker, niceField, 5) }}}},
		{"checker_rt_priority 3", []fact{{"real time 3", func() bool { return s.all(worker, priorityField, 3) }}}},
		{"checker_no_swap", []fact{{"memory is locked", func() bool { return s.line(worker, "status", "VmLck:") != "0 kB" }}}},
		{"vrrp_process_name hf_vrrp \n checker_process_name hf_checker", []fact{{"the names", func() bool {
			return s.line(router, "comm", "") == "hf_vrrp" && s.line(worker, "comm", "") == "hf_checker"
		}}}},
		{"lvs_process_name hf_lvs", []fact{{"the old word", func() bool { return s.line(worker, "comm", "") == "hf_lvs" }}}},
		{"", plain},
	} {
		t.Run(strings.Join(strings.Fields(c.words), " "), func(t *testing.T) {
			s.T = t
			d.Reload(settings(c.words))
			for _, f := range c.facts {
				s.Eventually(5*time.Second, f.what, f.ok)
			}
		})
	}
	s.T = t
	if n := d.Count("Entering"); n != 2 {
		t.Errorf("%d transitions, want those of the start:\n%s", n, d.Log())
	}
}

// Only who has CAP_SYS_RESOURCE can take such a limit back.
func TestTheTimeWithoutAPauseIsLimited(t *testing.T) {
	s := newStage(t)
	for _, prefix := range []string{"rlimit_rttime", "rlimit_rtime"} {
		t.Run(prefix, func(t *testing.T) {
			s.T = t
			d := s.Start(s.a, settings("vrrp_"+prefix+" 200000", "checker_"+prefix+" 900000"))
			d.Says("Entering MASTER STATE")
			router := d.Pid()
			if got := s.line(router, "limits", "Max realtime timeout"); got != "100000 200000 us" {
				t.Errorf("the router has %s", got)
			}
			if got := s.line(s.worker(router), "limits", "Max realtime timeout"); got != "450000 900000 us" {
				t.Errorf("the worker has %s", got)
			}
			d.Signal(syscall.SIGTERM)
			d.Exit()
		})
	}
	s.T = t
}

func TestAProcessorThatIsNotThereIsToldAndTheRestDone(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, settings("vrrp_cpu_affinity 1000", "vrrp_process_name hf_vrrp"))
	d.Says(`run on the processors \[1000\]: .*invalid argument`)
	d.Says("Entering MASTER STATE")
	if got := s.line(d.Pid(), "comm", ""); got != "hf_vrrp" {
		t.Errorf("the process is called %q", got)
	}
}

// keeper writes a script that notes when it ran, and what of the daemon there was.
func (s *stage) keeper(path, more string) {
	s.Helper()
	s.Must(s.a.WriteFile(path, "#!/bin/sh\n"+more+"\nip -o addr show dev eth0 | grep -c "+vip+" > $0.ran\n", 0o755))
}

func TestStartupScriptRunsBeforeAndShutdownScriptAfterEverything(t *testing.T) {
	s := newStage(t)
	s.keeper("/run/up", "sleep 0.5")
	s.keeper("/run/down", "sleep 0.5")
	text := settings("enable_script_security", "script_user root", "startup_script /run/up", "shutdown_script /run/down")
	d := s.Start(s.a, text)
	d.Says("Startup complete")
	if got := s.Sh(s.a, "cat /run/up.ran; rm /run/up.ran"); got != "0\n" {
		t.Errorf("%s addresses while startup_script ran, want 0", got)
	}
	d.Says("Entering MASTER STATE")
	d.Reload(text)
	if got := s.Sh(s.a, "ls /run | grep -c ran || true"); got != "0\n" {
		t.Error("a reload runs one of the scripts")
	}
	s.Eventually(5*time.Second, "the address is held", func() bool { return s.holds(s.a, vip) })
	d.Signal(syscall.SIGTERM)
	d.Exit()
	if got := s.Sh(s.a, "cat /run/down.ran"); got != "0\n" {
		t.Errorf("%s addresses while shutdown_script ran, want 0", got)
	}
}

func TestAStartupScriptThatFailsOrHangsIsToldAndTheStartGoesOn(t *testing.T) {
	s := newStage(t)
	for _, c := range []struct{ name, script, says string }{
		{"fails", "exit 3", "startup_script /run/up exited with status 3"},
		{"hangs", "sleep 60", "startup_script /run/up timed out after 1s"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s.T = t
			s.keeper("/run/up", c.script)
			d := s.Start(s.a, settings("enable_script_security", "script_user root", "startup_script /run/up", "startup_script_timeout 1"))
			d.Says(c.says)
			d.Says("Entering MASTER STATE")
			d.Signal(syscall.SIGTERM)
			d.Exit()
		})
	}
	s.T = t
}

// Who has read the pid file may send signals to what it names.
func TestAHangUpAsSoonAsThePIDFileIsThereEndsNothing(t *testing.T) {
	s := newStage(t)
	s.Must(s.a.WriteFile(confPath, conf(100, "", vip), 0o644))
	for range 5 {
		hunter := exec.Command("sh", "-c", "until [ -s /run/keepalived.pid ]; do :; done; kill -HUP $(cat /run/keepalived.pid)")
		s.Must(s.a.Start(hunter))
		d := s.keepalived(confPath)
		s.Must(hunter.Wait())
		d.Says("Startup complete")
		d.Signal(syscall.SIGTERM)
		if status := d.Exit(); status != 0 {
			t.Fatalf("exit status %d", status)
		}
	}
}
