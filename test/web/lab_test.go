package web

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"os/exec"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/browser"
	"holdfast/test/need"
	"holdfast/test/stand"
)

// rehearse starts a lab that ends with the test, and is a browser that looks at its page.
func rehearse(t *testing.T, args ...string) *scene {
	t.Helper()
	need.Nodes(t, "ip", "chromium")
	t.Parallel()
	cmd := exec.Command(stand.Program(), append([]string{"lab"}, args...)...)
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGTERM)
		_ = cmd.Wait()
		if t.Failed() {
			t.Logf("the lab:\n%s", out.String())
		}
	})
	lines := bufio.NewReader(said)
	line, err := lines.ReadString('\n')
	url := regexp.MustCompile(`^http://127\.0\.0\.1:\d+/`).FindString(line)
	if url == "" {
		t.Fatalf("the lab says no URL: %q, %v", line, err)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	s := &scene{Browser: browser.Start(t), url: url}
	s.Go(url)
	return s
}

// A node of a lab is killed: the page says so, and who has the address now, and why.
func TestARehearsalIsSeenInABrowser(t *testing.T) {
	s := rehearse(t, "--at", "10s", "kill node1", "--at", "18s", "start node1", "--for", "2m")
	s.says("#cluster", "node1 ● present")
	s.says("#cluster", "node2 ● present")
	s.says("#summary", "MASTER 1 ○ BACKUP 1")
	s.says("#instances", "web VRID 51 on eth0")
	s.says("#instances tbody tr:first-child", "node1 ● MASTER")
	s.press("Why is web BACKUP on node2?")
	s.says("#detail", "the MASTER is")
	s.Key("Escape")
	s.True(40*time.Second, "the fault is told", `document.querySelector('#events').innerText.includes('fault kill node1')`)
	s.says("#cluster", "node1 ▲ STALE, seen")
	s.says("#attention", "it is without power")
	s.says("#instances tbody tr:nth-child(2)", "node2 ● MASTER")
	s.says("#events", "node2 role web BACKUP → ● MASTER master down")
	s.True(40*time.Second, "it is back", `document.querySelector('#cluster').innerText.replace(/\s+/g, ' ').includes('node1 ● present')`)
	s.says("#instances tbody tr:first-child", "node1 ● MASTER")
	s.says("#instances tbody tr:nth-child(2)", "node2 ○ BACKUP")
	s.clean()
}

// Who acts on the page of a lab acts on the daemon of the node.
func TestAnInstanceOfARehearsalIsHandedOverInABrowser(t *testing.T) {
	s := rehearse(t, "--for", "2m")
	s.says("#instances tbody tr:first-child", "node1 ● MASTER")
	s.press("Why is web MASTER on node1?")
	s.press("Hand over")
	s.says("#confirm", "Hand over web?")
	s.True(patience, "it is pressed", `(document.querySelector('#confirm .acts').click(), true)`)
	s.says("#outcome", "web is BACKUP:")
	s.says("#instances tbody tr:nth-child(2)", "node2 ● MASTER")
	s.says("#events", "act handover done by uid 0")
	s.says("#attention", "node1 has handed web over")
	s.press("Take back")
	s.True(patience, "it is pressed", `(document.querySelector('#confirm .acts').click(), true)`)
	s.says("#instances tbody tr:first-child", "node1 ● MASTER")
	s.clean()
}

func TestALabShowsItsPageToThisMachineOnly(t *testing.T) {
	need.Root(t, "network namespaces")
	out, err := exec.Command(stand.Program(), "lab", "--web", "0.0.0.0:0", "--for", "1s").CombinedOutput()
	if err == nil || !strings.Contains(string(out), "an address that this machine alone reaches") {
		t.Errorf("%v\n%s", err, out)
	}
}

// On a terminal the address of the page stands in the first line.
func TestALabOnATerminalShowsWhereItsPageIs(t *testing.T) {
	need.Nodes(t, "ip", "script")
	cmd := exec.Command("script", "-qefc", stand.Program()+" lab", "/dev/null")
	keys, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	screen, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
	defer late.Stop()
	lines := bufio.NewReader(screen)
	url := ""
	for url == "" {
		line, err := lines.ReadString('\n')
		if err != nil {
			t.Fatalf("the screen ends without an address: %v", err)
		}
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(line)
	}
	go func() { _, _ = io.Copy(io.Discard, lines) }()
	page, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()
	if page.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, page.Status)
	}
	if _, err := keys.Write([]byte("q")); err != nil {
		t.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		t.Errorf("it ends with %v", err)
	}
}
