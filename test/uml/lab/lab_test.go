// Package lab tests `holdfast lab` where the kernel of this machine lacks what the
// files need: it boots a kernel that has it, and nobody notices but by the time.
package lab

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/lab/guest"
	"holdfast/test/need"
	"holdfast/test/stand"
	"holdfast/test/wait"
)

func TestMain(m *testing.M) { os.Exit(stand.Main(m.Run)) }

// scenario are the files that people run.
func scenario(folder string, files ...string) (paths []string) {
	for _, f := range files {
		paths = append(paths, filepath.Join("../balance/testdata/scenarios", folder, f))
	}
	return paths
}

// command is a lab that has not been started. It and its guest end with the test.
func command(t *testing.T, args ...string) *exec.Cmd {
	t.Helper()
	need.Nodes(t, guest.Kernel)
	cmd := exec.CommandContext(t.Context(), stand.Program(), append([]string{"lab"}, args...)...)
	cmd.Cancel = func() error { return cmd.Process.Signal(unix.SIGTERM) }
	return cmd
}

// entry is one line of what a lab prints as JSON.
type entry struct {
	AtMS     float64        `json:"at_ms"`
	Kind     string         `json:"kind"`
	Node     string         `json:"node"`
	Address  string         `json:"address"`
	Held     bool           `json:"held"`
	Text     string         `json:"text"`
	Fault    string         `json:"fault"`
	Survived bool           `json:"survived"`
	Service  string         `json:"service"`
	Lost     int            `json:"lost"`
	By       map[string]int `json:"by"`
}

// result is what a lab printed.
type result struct {
	*testing.T
	status  int
	entries []entry
	text    string
}

func play(t *testing.T, args ...string) result {
	t.Helper()
	cmd := command(t, append([]string{"--json"}, args...)...)
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	err := cmd.Run()
	r := result{T: t, text: out.String() + errs.String()}
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		r.status = exit.ExitCode()
	} else if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(out.String()) {
		var e entry
		if err := json.Unmarshal([]byte(line), &e); err != nil {
			t.Errorf("%q is no JSON: %v", line, err)
		}
		r.entries = append(r.entries, e)
	}
	t.Cleanup(func() {
		if t.Failed() {
			t.Log(r.text)
		}
	})
	return r
}

// after finds the first entry after a fault that is as wanted, and how many
// milliseconds after it that was.
func (r result) after(fault string, what string, wanted func(entry) bool) float64 {
	r.Helper()
	begin := slices.IndexFunc(r.entries, func(e entry) bool { return e.Kind == "fault" && e.Text == fault })
	if begin < 0 {
		r.Fatalf("%s was not played", fault)
	}
	i := slices.IndexFunc(r.entries[begin:], wanted)
	if i < 0 {
		r.Fatalf("after %s: not seen that %s", fault, what)
	}
	return r.entries[begin+i].AtMS - r.entries[begin].AtMS
}

func (r result) survived(fault string) {
	r.Helper()
	if !slices.ContainsFunc(r.entries, func(e entry) bool { return e.Kind == "outage" && e.Fault == fault && e.Survived }) {
		r.Errorf("%s was not survived", fault)
	}
}

// answered says that each of some servers answers a virtual server's requests.
func (r result) answered(service string, servers ...string) {
	r.Helper()
	i := slices.IndexFunc(r.entries, func(e entry) bool { return e.Kind == "requests" && e.Service == service })
	if i < 0 {
		r.Fatalf("%s was not asked", service)
	}
	for _, s := range servers {
		if r.entries[i].By[s] < 5 {
			r.Errorf("%s is answered by %v", service, r.entries[i].By)
		}
	}
	if len(r.entries[i].By) != len(servers) {
		r.Errorf("%s is answered by %v, and only %v are there", service, r.entries[i].By, servers)
	}
}

func says(node, text string) func(entry) bool {
	return func(e entry) bool {
		return e.Kind == "server" && e.Node == node && strings.HasPrefix(e.Text, text)
	}
}

func holds(node, address string) func(entry) bool {
	return func(e entry) bool {
		return e.Kind == "address" && e.Node == node && e.Address == address && e.Held
	}
}

func serves(service, text string) func(entry) bool {
	return func(e entry) bool { return e.Kind == "served" && e.Address == service && e.Text == text }
}

func TestScenario12DirectRouting(t *testing.T) {
	const web, killed = "10.16.8.100:80/tcp", "kill 10.16.8.8"
	r := play(t, append(scenario("12-lvs-dr", "ka67.conf", "ka68.conf"), "--at", "15s", killed, "--at", "45s", "kill ka67", "--for", "65s")...)
	for _, director := range []string{"ka67", "ka68"} {
		// delay_loop 3, three retries after a second each, four times a second of connecting
		if ms := r.after(killed, director+" takes it out", says(director, "Removing service [10.16.8.8]:tcp:80 from VS [10.16.8.100]:tcp:80")); ms > 10_000+2_000 {
			t.Errorf("%s takes the dead server out after %.0f ms", director, ms)
		}
	}
	r.after(killed, "the other one answers all requests", serves(web, "is answered by 10.16.8.9"))
	r.after("kill ka67", "ka68 takes the address", holds("ka68", "10.16.8.100"))
	r.after("kill ka67", "requests go on", serves(web, "is answered by 10.16.8.9"))
	r.survived(killed)
	r.survived("kill ka67")
	r.answered(web, "10.16.8.8", "10.16.8.9")
	r.answered("10.16.8.101:80/tcp", "10.16.8.8", "10.16.8.9")
	if r.status != 0 {
		t.Errorf("status %d", r.status)
	}
}

func TestScenario13TranslationOfTLS(t *testing.T) {
	const web, stopped, started = "172.16.28.65:443/tcp", "stop 192.168.201.100", "start 192.168.201.100"
	r := play(t, append(scenario("13-lvs-nat-ssl", "ka67.conf", "ka68.conf"), "--at", "12s", "kill ka67", "--at", "25s", stopped, "--at", "55s", started, "--for", "75s")...)
	r.after("kill ka67", "ka68 takes the address", holds("ka68", "172.16.28.65"))
	r.after("kill ka67", "requests go on", serves(web, "is answered by 192.168.201.100"))
	r.survived("kill ka67")
	// delay_loop 6, three retries after three seconds each
	if ms := r.after(stopped, "ka68 takes it out", says("ka68", "Removing service [192.168.201.100]:tcp:443 from VS [172.16.28.65]:tcp:443")); ms > 15_000+2_000 {
		t.Errorf("ka68 takes the stopped server out after %.0f ms", ms)
	}
	r.after(started, "both pages are those of the digests", says("ka68", "Adding service [192.168.201.100]:tcp:443 to VS [172.16.28.65]:tcp:443"))
	r.after(started, "requests go on", serves(web, "is answered by 192.168.201.100"))
	r.answered(web, "192.168.201.100")
	if r.status != 1 { // nobody else answers while the only server is stopped
		t.Errorf("status %d", r.status)
	}
}

func TestScenario14TranslationOfTheGateway(t *testing.T) {
	const web, killed, started = "10.0.3.15:80/tcp", "kill 10.10.10.11", "start 10.10.10.11"
	r := play(t, append(scenario("14-lvs-nat-rr", "gateway.conf"), "--at", "10s", killed, "--at", "25s", started, "--for", "40s")...)
	// delay_loop 3, one retry after a second, twice a second of connecting
	if ms := r.after(killed, "it is taken out", says("gateway", "Removing service [10.10.10.11]:tcp:80 from VS [10.0.3.15]:tcp:80")); ms > 6_000+2_000 {
		t.Errorf("the dead server is taken out after %.0f ms", ms)
	}
	r.after(killed, "the other one answers all requests", serves(web, "is answered by 10.10.10.12"))
	r.after(started, "it is put back", says("gateway", "Adding service [10.10.10.11]:tcp:80 to VS [10.0.3.15]:tcp:80"))
	r.after(started, "both answer again", serves(web, "is answered by 10.10.10.11, 10.10.10.12"))
	r.survived(killed)
	r.answered(web, "10.10.10.11", "10.10.10.12")
	if r.status != 0 {
		t.Errorf("status %d", r.status)
	}
}

// Without faults of one's own, the usual ones are played: on the busiest director, and
// then on a real server.
func TestTheUsualRehearsal(t *testing.T) {
	r := play(t, scenario("12-lvs-dr", "ka67.conf", "ka68.conf")...)
	director := r.entries[slices.IndexFunc(r.entries, func(e entry) bool { return e.Kind == "fault" })].Text
	director = strings.TrimPrefix(director, "kill ")
	for _, fault := range []string{"kill " + director, "start " + director, "stop " + director, "link-down " + director + " eth1", "link-up " + director + " eth1", "kill 10.16.8.8", "start 10.16.8.8"} {
		r.survived(fault)
	}
	r.after("kill 10.16.8.8", "the other one answers all requests", serves("10.16.8.100:80/tcp", "is answered by 10.16.8.9"))
	r.after("start 10.16.8.8", "both answer", serves("10.16.8.100:80/tcp", "is answered by 10.16.8.8, 10.16.8.9"))
	if r.status != 0 {
		t.Errorf("status %d", r.status)
	}
}

// The faults of networks are those of any lab.
func TestFaultsOfTheNetworkInTheGuest(t *testing.T) {
	const vip = "172.16.28.65"
	gaveUp := func(e entry) bool { return e.Kind == "address" && e.Node == "ka68" && e.Address == vip && !e.Held }
	r := play(t, append(scenario("13-lvs-nat-ssl", "ka67.conf", "ka68.conf"), "--at", "10s", "drop-vrrp ka68", "--at", "17s", "allow-vrrp ka68",
		"--at", "22s", "partition ka67 | ka68", "--at", "30s", "heal", "--at", "36s", "link-down ka67 eth1", "--for", "45s")...)
	for _, fault := range []string{"drop-vrrp ka68", "partition ka67 | ka68", "link-down ka67 eth1"} {
		r.after(fault, "ka68 takes the address", holds("ka68", vip))
	}
	for _, fault := range []string{"allow-vrrp ka68", "heal"} {
		r.after(fault, "ka68 gives the address up", gaveUp)
	}
}

func TestWithoutThePackageItIsNamed(t *testing.T) {
	cmd := command(t, scenario("14-lvs-nat-rr", "gateway.conf")...)
	cmd.Env = []string{"PATH=/nowhere"}
	out, err := cmd.CombinedOutput()
	exit, ok := errors.AsType[*exec.ExitError](err)
	if !ok || exit.ExitCode() != 2 || !strings.Contains(string(out), "apt-get install user-mode-linux") {
		t.Errorf("%v: %s", err, out)
	}
}

// begin starts a lab, and waits until a node is there: its guest runs.
func begin(t *testing.T, tmp string) (cmd *exec.Cmd, guests []int) {
	t.Helper()
	cmd = command(t, append(scenario("14-lvs-nat-rr", "gateway.conf"), "--for", "5m")...)
	cmd.Env = append(os.Environ(), "TMPDIR="+tmp)
	var out lockedBuffer
	cmd.Stdout = &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Signal(unix.SIGTERM); _ = cmd.Wait() })
	wait.For(t, time.Minute, "a node has started", func() bool { return strings.Contains(out.String(), "gateway  started") })
	if guests = processes(cmd.Process.Pid); len(guests) == 0 {
		t.Fatal("there is no guest")
	}
	return cmd, guests
}

// processes are those of the group of a lab's only child.
func processes(lab int) (pids []int) {
	out, _ := exec.Command("pgrep", "-P", strconv.Itoa(lab)).Output()
	for _, leader := range strings.Fields(string(out)) {
		group, _ := exec.Command("pgrep", "-g", leader).Output()
		for _, text := range strings.Fields(string(group)) {
			pid, _ := strconv.Atoi(text)
			pids = append(pids, pid)
		}
	}
	return pids
}

// ended waits until no process is there any more, and looks what is left in a folder.
func ended(t *testing.T, pids []int, tmp string) {
	t.Helper()
	wait.For(t, 20*time.Second, "the guest has ended", func() bool {
		return !slices.ContainsFunc(pids, func(pid int) bool { return unix.Kill(pid, 0) == nil })
	})
	if left, err := os.ReadDir(tmp); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v, %v", left, err)
	}
}

func TestASignalEndsTheGuest(t *testing.T) {
	for _, s := range []unix.Signal{unix.SIGINT, unix.SIGTERM} {
		t.Run(s.String(), func(t *testing.T) {
			tmp := t.TempDir()
			cmd, guests := begin(t, tmp)
			if err := cmd.Process.Signal(s); err != nil {
				t.Fatal(err)
			}
			if err := cmd.Wait(); cmd.ProcessState.ExitCode() != 2 {
				t.Errorf("it ends with %v", err)
			}
			ended(t, guests, tmp)
		})
	}
}

func TestTheGuestEndsWhenItsParentIsKilled(t *testing.T) {
	tmp := t.TempDir()
	cmd, guests := begin(t, tmp)
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	ended(t, guests, tmp)
}
