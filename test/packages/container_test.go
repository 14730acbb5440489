package packages

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/test/need"
	"holdfast/test/stand"
)

// What the Containerfile makes is the program and nothing else. It is process 1 there, with the capabilities that the
// file names.
func TestTheProgramIsEnoughForAContainer(t *testing.T) {
	need.Programs(t, "setpriv", "nsenter")
	dir := packages(t)
	t.Parallel()
	s := stand.New(t)
	s.Must(s.World.Bridge("lan"))
	node := s.Node("a", "lan eth0 10.0.0.1/24")
	root := s.TempDir()
	output(t, "sh", "-c", "cd "+root+" && dpkg-deb --fsys-tarfile "+filepath.Join(dir, deb)+" | tar x ./usr/bin/holdfast && mkdir -p dev proc run tmp etc/keepalived")
	s.Must(os.WriteFile(filepath.Join(root, "etc/keepalived/keepalived.conf"), []byte(fast(100)), 0o644))
	capabilities := regexp.MustCompile(`--cap-add (\w+)`).FindAllStringSubmatch(containerfile(t), -1)
	if len(capabilities) < 4 {
		t.Fatalf("the Containerfile names the capabilities %v", capabilities)
	}
	bound := "-all"
	for _, c := range capabilities {
		bound += ",+" + strings.ToLower(c[1])
	}
	script := fmt.Sprintf("mount --make-rprivate / && mount -t proc proc %[1]s/proc && : >%[1]s/dev/null && mount --bind /dev/null %[1]s/dev/null && exec setpriv --bounding-set %[2]s chroot %[1]s /usr/bin/holdfast run", root, bound+",+sys_chroot")
	cmd := exec.Command("nsenter", "--net=/run/netns/"+node.Space(), "sh", "-c", script)
	cmd.Env = []string{"PATH=/usr/bin:/usr/sbin:/bin:/sbin"}
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS}
	log := &stand.Log{}
	cmd.Stdout, cmd.Stderr = log, log
	s.Must(cmd.Start())
	s.Cleanup(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	s.Eventually(10*time.Second, "it is MASTER", func() bool {
		out, err := exec.Command("nsenter", "--target", fmt.Sprint(cmd.Process.Pid), "--mount", "--pid", "--net", "--root", "--wdns=/", "/usr/bin/holdfast", "status").CombinedOutput()
		return err == nil && strings.Contains(string(out), "this node")
	}, log.String)
	if out := s.Sh(node, "ip -o addr show dev eth0"); !strings.Contains(out, " 10.0.0.100/24 ") {
		t.Errorf("the addresses are:\n%s", out)
	}
	if strings.Contains(log.String(), "not permitted") || strings.Contains(log.String(), "CAP_") {
		t.Errorf("it lacks rights:\n%s", log)
	}
	s.Must(cmd.Process.Signal(syscall.SIGTERM))
	done := make(chan error, 1)
	go func() { done <- cmd.Wait() }()
	select {
	case err := <-done:
		if err != nil {
			t.Errorf("it ends with %v:\n%s", err, log)
		}
	case <-time.After(20 * time.Second):
		t.Errorf("it does not end:\n%s", log)
	}
}

func containerfile(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../packaging/Containerfile")
	if err != nil {
		t.Fatal(err)
	}
	return strings.Split(string(text), "# The capabilities")[0]
}
