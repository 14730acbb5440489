package stand

import (
	"bytes"
	"os/exec"
	"regexp"
	"strings"
	"sync"
	"syscall"
	"time"

	"holdfast/internal/lab/netns"
)

// ConfPath is where a daemon finds its configuration.
const ConfPath = "/etc/keepalived/keepalived.conf"

// Log collects what a program prints. It may be used by several goroutines.
type Log struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

// Write takes output of the program; it never fails.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

// String is everything so far.
func (l *Log) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// Daemon is a program that runs on a node.
type Daemon struct {
	Node *netns.Node
	Cmd  *exec.Cmd

	stage  *Stage
	log    Log
	exited chan struct{}
}

// Start runs `holdfast run` with a configuration.
func (s *Stage) Start(n *netns.Node, text string, args ...string) *Daemon {
	s.Helper()
	s.Must(n.WriteFile(ConfPath, text, 0o644))
	return s.Again(n, args...)
}

// Again is Start with the configuration that lies there.
func (s *Stage) Again(n *netns.Node, args ...string) *Daemon {
	s.Helper()
	return s.Launch(n, Program(), append([]string{"run", "-D", "-f", ConfPath}, args...)...)
}

// Launch runs any program. Its log is shown if the test fails.
func (s *Stage) Launch(n *netns.Node, program string, args ...string) *Daemon {
	s.Helper()
	d := &Daemon{Node: n, Cmd: exec.Command(program, args...), stage: s, exited: make(chan struct{})}
	d.Cmd.Stdout, d.Cmd.Stderr = &d.log, &d.log
	d.Cmd.WaitDelay = 10 * time.Second
	s.Must(n.Start(d.Cmd))
	go func() { defer close(d.exited); _ = d.Cmd.Wait() }()
	s.Cleanup(func() {
		if s.Failed() {
			s.Logf("log of %s:\n%s", n.Name, d.Log())
		}
	})
	return d
}

// Log is what it has printed so far.
func (d *Daemon) Log() string { return d.log.String() }

// Count is how many places of the log match.
func (d *Daemon) Count(pattern string) int {
	return len(regexp.MustCompile(pattern).FindAllString(d.Log(), -1))
}

// Says waits until the log matches.
func (d *Daemon) Says(pattern string) {
	d.stage.Helper()
	re := regexp.MustCompile(pattern)
	d.stage.Eventually(10*time.Second, "the log says "+pattern, func() bool { return re.MatchString(d.Log()) })
}

// Tells waits until the log contains a text.
func (d *Daemon) Tells(within time.Duration, text string) {
	d.stage.Helper()
	d.stage.Eventually(within, "the log has "+text, func() bool { return strings.Contains(d.Log(), text) })
}

// Signal sends it a signal.
func (d *Daemon) Signal(sig syscall.Signal) {
	d.stage.Helper()
	d.stage.Must(d.Cmd.Process.Signal(sig))
}

// Pid is the number of its first process.
func (d *Daemon) Pid() int { return d.Cmd.Process.Pid }

// Exit waits for the end and returns the status.
func (d *Daemon) Exit() int {
	d.stage.Helper()
	select {
	case <-d.exited:
	case <-time.After(d.stage.Slow * 10 * time.Second):
		d.stage.Fatalf("%s on %s does not end", d.Cmd.Path, d.Node.Name)
	}
	return d.Cmd.ProcessState.ExitCode()
}

// Stop ends it by a signal.
func (d *Daemon) Stop(sig syscall.Signal) {
	d.stage.Helper()
	d.Signal(sig)
	d.Exit()
}

// Reload gives it another configuration and waits until that has been dealt with.
func (d *Daemon) Reload(text string) {
	d.stage.Helper()
	d.stage.Must(d.Node.WriteFile(ConfPath, text, 0o644))
	const done = "Reload complete|nothing is changed"
	before := d.Count(done)
	d.Signal(syscall.SIGHUP)
	d.stage.Eventually(5*time.Second, "the reload is done", func() bool { return d.Count(done) > before })
}
