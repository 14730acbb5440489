package web

import (
	"bufio"
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

// rehearsal is a lab on a terminal, and a browser that looks at its page.
type rehearsal struct {
	*scene
	keys io.Writer
}

// key presses a key on the terminal.
func (r *rehearsal) key(name string) {
	r.Helper()
	_, err := io.WriteString(r.keys, name)
	r.must(err)
}

// rehearse starts a lab of two nodes, which ends with the test.
func rehearse(t *testing.T) *rehearsal {
	t.Helper()
	t.Parallel()
	url, keys := terminal(t)
	r := &rehearsal{scene: &scene{Browser: browser.Start(t), url: url}, keys: keys}
	r.Go(url)
	return r
}

// terminal starts a lab on a terminal, and is the address in its first line.
func terminal(t *testing.T) (url string, keys io.Writer) {
	t.Helper()
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
	lines, drained := bufio.NewReader(screen), make(chan struct{})
	t.Cleanup(func() {
		late := time.AfterFunc(30*time.Second, func() { _ = cmd.Process.Signal(syscall.SIGTERM) })
		defer late.Stop()
		_, _ = io.WriteString(keys, "q")
		<-drained
		if err := cmd.Wait(); err != nil {
			t.Errorf("the lab ends with %v", err)
		}
	})
	for url == "" && err == nil {
		var line string
		line, err = lines.ReadString('\n')
		url = regexp.MustCompile(`http://127\.0\.0\.1:\d+/`).FindString(line)
	}
	go func() { defer close(drained); _, _ = io.Copy(io.Discard, lines) }()
	if url == "" {
		t.Fatalf("the screen shows no address: %v", err)
	}
	return url, keys
}

// A node of a lab is killed: the page says so, and who has the address now, and why.
func TestARehearsalIsSeenInABrowser(t *testing.T) {
	s := rehearse(t)
	s.says("#cluster", "node1 ● present")
	s.says("#cluster", "node2 ● present")
	s.says("#summary", "MASTER 1 ○ BACKUP 1")
	s.says("#instances", "web VRID 51 on eth0")
	s.says("#instances tbody tr:first-child", "node1 ● MASTER")
	s.press("Why is web BACKUP on node2?")
	s.says("#detail", "the MASTER is")
	s.Key("Escape")
	s.key("k")
	s.says("#events", "fault kill node1")
	s.says("#cluster", "node1 ▲ STALE, seen")
	s.says("#attention", "it is without power")
	s.says("#instances tbody tr:nth-child(2)", "node2 ● MASTER")
	s.says("#events", "node2 role web BACKUP → ● MASTER master down")
	s.key("r")
	s.says("#cluster", "node1 ● present")
	s.says("#instances tbody tr:first-child", "node1 ● MASTER")
	s.says("#instances tbody tr:nth-child(2)", "node2 ○ BACKUP")
	s.clean()
}

// Who acts on the page of a lab acts on the daemon of the node.
func TestAnInstanceOfARehearsalIsHandedOverInABrowser(t *testing.T) {
	s := rehearse(t)
	s.says("#instances tbody tr:first-child", "node1 ● MASTER")
	s.says("#instances tbody tr:nth-child(2)", "node2 ○ BACKUP")
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

// On a terminal the address of the page stands in the first line; otherwise it is said.
func TestALabSaysWhereItsPageIs(t *testing.T) {
	url, _ := terminal(t)
	page, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	_ = page.Body.Close()
	if page.StatusCode != http.StatusOK {
		t.Errorf("%s: %s", url, page.Status)
	}
	cmd := exec.Command(stand.Program(), "lab", "--for", "100ms")
	var said strings.Builder
	cmd.Stderr = &said
	if err := cmd.Run(); err != nil || !regexp.MustCompile(`^http://127\.0\.0\.1:\d+/ shows the nodes in a browser\n`).MatchString(said.String()) {
		t.Errorf("%v: %s", err, said.String())
	}
}
