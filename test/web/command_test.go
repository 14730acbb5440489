package web

import (
	"bufio"
	"fmt"
	"io"
	"os/exec"
	"regexp"
	"syscall"
	"testing"
	"time"

	"holdfast/test/browser"
	"holdfast/test/need"
	"holdfast/test/show"
	"holdfast/test/stand"
)

// The command shows several nodes in one page to who knows the token that it prints, and does not act
// unless it is told so.
func TestTheCommandShowsSeveralNodesToWhoKnowsItsToken(t *testing.T) {
	need.Programs(t, "chromium")
	t.Parallel()
	at := time.Now()
	args := []string{"web", "--listen", "127.0.0.1:0"}
	for _, n := range show.Pair(at) {
		args = append(args, "--node", fmt.Sprintf("%s=%s", n.Name, show.NewDaemon(n.Snapshot, show.Events(at)[n.Name]).Answer(t).Socket))
	}
	cmd := exec.Command(stand.Program(), append(args, "--node", "lb3=/nowhere")...)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = cmd.Process.Kill() })
	line, err := bufio.NewReader(out).ReadString('\n')
	said := regexp.MustCompile(`^(http://127\.0\.0\.1:\d+/) shows lb1, lb2, lb3; it asks for the token (\w{20,})\n$`).FindStringSubmatch(line)
	if said == nil {
		t.Fatalf("it says %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, out) }()
	s := &scene{Browser: browser.Start(t), url: said[1]}
	s.Go(s.url)
	s.token(said[2])
	s.says("#cluster", "lb1 ● present")
	s.says("#cluster", "lb2 ● present")
	s.says("#cluster", "lb3 ▲ UNREACHABLE")
	s.says("#events", "lb2 role db BACKUP → ● MASTER")
	s.True(patience, "no act is offered", `![...document.querySelectorAll('button')].some(b => /Maintenance|Drain/.test(b.textContent))`)
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
	s.says("#link", "Nobody answers")
	s.says("#attention", "nobody answers this page")
}
