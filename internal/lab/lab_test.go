package lab

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/need"
)

func TestOnTheKernel(t *testing.T) {
	need.Root(t, "network namespaces")
	path := filepath.Join(t.TempDir(), "holdfast")
	if out, err := exec.Command("go", "build", "-o", path, "holdfast/cmd/holdfast").CombinedOutput(); err != nil {
		t.Fatalf("build holdfast: %v\n%s", err, out)
	}
	for name, test := range map[string]func(*testing.T, string){
		"the usual rehearsal is survived":          slow(usualRehearsal),
		"each fault does what it says":             slow(eachFault),
		"an address that nobody holds is reported": slow(allDead),
		"SIGTERM leaves nothing behind":            terminated,
		"after kill -9 the next start cleans up":   killed,
	} {
		t.Run(name, func(t *testing.T) { t.Parallel(); test(t, path) })
	}
}

// slow is a test that waits for many take-overs in real time.
func slow(test func(*testing.T, string)) func(*testing.T, string) {
	return func(t *testing.T, path string) {
		need.Time(t)
		test(t, path)
	}
}

// result is what a run of the command printed.
type result struct {
	status  int
	text    string
	entries []map[string]any
}

func play(t *testing.T, path string, args ...string) result {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), path, append([]string{"lab"}, args...)...)
	var out, bad bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &bad
	err := cmd.Run()
	r := result{text: out.String() + bad.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		var e map[string]any
		if json.Unmarshal([]byte(line), &e) == nil {
			r.entries = append(r.entries, e)
		}
	}
	return r
}

// outage is the verdict on a fault.
func (r result) outage(t *testing.T, fault string) (ms float64, survived bool) {
	t.Helper()
	for _, e := range r.entries {
		if e["kind"] == "outage" && e["fault"] == fault {
			return e["outage_ms"].(float64), e["survived"].(bool)
		}
	}
	t.Fatalf("no verdict on %q:\n%s", fault, r.text)
	return 0, false
}

// after reports whether an address came to a node, or left it, between a fault
// and the next one.
func (r result) after(fault, node, address string, held bool) bool {
	between := false
	for _, e := range r.entries {
		if e["kind"] == "fault" {
			between = e["text"] == fault
		}
		if between && e["kind"] == "address" && e["node"] == node && e["address"] == address && e["held"] == held {
			return true
		}
	}
	return false
}

func usualRehearsal(t *testing.T, path string) {
	r := play(t, path, "--json", "testdata/a.conf", "testdata/b.conf")
	if r.status != 0 {
		t.Fatalf("status %d:\n%s", r.status, r.text)
	}
	// Three intervals of 100 ms and the skew of priority 150.
	if ms, _ := r.outage(t, "kill a"); ms < 200 || ms > 700 {
		t.Errorf("outage after kill: %.0f ms", ms)
	}
	if ms, _ := r.outage(t, "stop a"); ms > 100 {
		t.Errorf("outage after stop: %.0f ms", ms)
	}
	for _, address := range []string{"192.0.2.9", "2001:db8::9", "fe80::9"} {
		if !r.after("kill a", "b", address, true) || !r.after("link-down a lan", "b", address, true) || !r.after("link-up a lan", "a", address, true) {
			t.Errorf("%s did not move:\n%s", address, r.text)
		}
	}
}

func eachFault(t *testing.T, path string) {
	r := play(t, path, "--json", "testdata/a.conf", "testdata/b.conf",
		"--at", "2s", "fail a check", "--at", "4s", "recover a check",
		"--at", "6s", "drop-vrrp b", "--at", "7s", "allow-vrrp b",
		"--at", "8s", "partition a | b", "--at", "9s", "heal",
		"--at", "10s", "pause a 1s",
		"--at", "12s", "reload a testdata/a-two.conf",
		"--at", "13s", "crash b", "--at", "13500ms", "start b",
		"--at", "14500ms", "crash a", "--for", "15500ms")
	// After a split the client may go on asking the loser for some seconds: the
	// winner announces itself only if it hears of the other one.
	for _, f := range []string{"fail a check", "recover a check", "drop-vrrp b", "pause a 1s", "reload a testdata/a-two.conf", "crash b", "start b", "crash a"} {
		if _, ok := r.outage(t, f); !ok {
			t.Errorf("%s was not survived", f)
		}
	}
	const v = "192.0.2.9"
	for _, want := range []struct {
		fault, node, address string
		held                 bool
	}{
		{"fail a check", "b", v, true}, {"fail a check", "a", v, false},
		{"recover a check", "a", v, true}, {"recover a check", "b", v, false},
		{"drop-vrrp b", "b", v, true}, {"allow-vrrp b", "b", v, false},
		{"partition a | b", "b", v, true}, {"heal", "b", v, false},
		{"pause a 1s", "b", v, true}, {"pause a 1s", "b", v, false},
		{"reload a testdata/a-two.conf", "a", "192.0.2.10", true},
		{"crash a", "b", v, true},
	} {
		if !r.after(want.fault, want.node, want.address, want.held) {
			t.Errorf("not seen after %s: %s %s held=%t", want.fault, want.node, want.address, want.held)
		}
	}
	if r.after("drop-vrrp b", "a", v, false) || r.after("crash a", "a", v, false) {
		t.Error("a gave the address up although it heard nothing, or was dead")
	}
	if t.Failed() {
		t.Log(r.text)
	}
}

func allDead(t *testing.T, path string) {
	r := play(t, path, "--json", "testdata/a.conf", "testdata/b.conf", "--at", "1500ms", "kill b", "--at", "2s", "kill a", "--for", "2500ms")
	if r.status != 1 {
		t.Errorf("status %d, want 1:\n%s", r.status, r.text)
	}
	if _, ok := r.outage(t, "kill b"); !ok {
		t.Error("the death of the backup counts as an outage")
	}
	if _, ok := r.outage(t, "kill a"); ok {
		t.Error("the death of everybody counts as survived")
	}
	if r := play(t, path, "testdata/a.conf", "--at", "1s", "kill c"); r.status != 2 || !strings.Contains(r.text, `no node "c"`) {
		t.Errorf("a fault on nobody: status %d\n%s", r.status, r.text)
	}
}

// begin starts a lab and waits until an address is held.
func begin(t *testing.T, path string) *exec.Cmd {
	t.Helper()
	cmd := exec.Command(path, "lab", "testdata/a.conf", "testdata/b.conf", "--for", "1m")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cmd.Process.Kill(); cmd.Wait() })
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		if strings.Contains(lines.Text(), "holds 192.0.2.9") {
			go func() {
				for lines.Scan() {
				}
			}()
			return cmd
		}
	}
	t.Fatal("the lab ended before an address was held")
	return nil
}

// traces are what a lab with this process number has on the machine.
func traces(pid int) []string {
	var found []string
	for _, pattern := range []string{"/run/netns/hf%-*", "/run/holdfast-lab/hf%-*"} {
		names, _ := filepath.Glob(strings.ReplaceAll(pattern, "%", sprint(pid)))
		found = append(found, names...)
	}
	return append(found, daemonsOf(pid)...)
}

// daemonsOf are processes that live in the namespaces of a lab.
func daemonsOf(pid int) []string {
	out, _ := exec.Command("sh", "-c", "for n in $(ip netns list | cut -d' ' -f1 | grep ^hf"+sprint(pid)+"-); do ip netns pids $n; done").Output()
	return strings.Fields(string(out))
}

func terminated(t *testing.T, path string) {
	cmd := begin(t, path)
	if len(traces(cmd.Process.Pid)) < 5 {
		t.Fatalf("too little to leave behind: %v", traces(cmd.Process.Pid))
	}
	cmd.Process.Signal(syscall.SIGTERM)
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case <-done:
	case <-time.After(10 * time.Second):
		t.Fatal("the lab ignores SIGTERM")
	}
	if left := traces(cmd.Process.Pid); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}

func killed(t *testing.T, path string) {
	cmd := begin(t, path)
	pid := cmd.Process.Pid
	cmd.Process.Kill()
	cmd.Wait()
	if r := play(t, path, "testdata/a.conf", "--for", "10ms"); r.status != 0 {
		t.Fatalf("status %d:\n%s", r.status, r.text)
	}
	if left := traces(pid); len(left) != 0 {
		t.Errorf("left behind: %v", left)
	}
}
