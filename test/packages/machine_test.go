package packages

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"holdfast/internal/lab/netns"
	"holdfast/test/need"
	"holdfast/test/stand"
)

// machine is a Debian with a systemd of its own on the network of a node: the files of this
// machine, and what it changes of them.
type machine struct {
	*stand.Stage
	node *netns.Node
	dir  string
	pid  int // of its systemd
}

// boot starts a machine.
func boot(s *stand.Stage, node *netns.Node) *machine {
	s.Helper()
	need.Programs(s, "systemctl", "dpkg", "nsenter", "unshare")
	m := &machine{Stage: s, node: node, dir: s.TempDir()}
	group := cgroup(s.T)
	script, err := filepath.Abs("testdata/boot")
	s.Must(err)
	cmd := exec.Command("nsenter", "--net=/run/netns/"+node.Space(), "sh", script, m.dir, group)
	// If this process is killed, the next lab ends what lives in the network of the node.
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWPID | syscall.CLONE_NEWNS | syscall.CLONE_NEWUTS | syscall.CLONE_NEWIPC}
	log := &stand.Log{}
	cmd.Stdout, cmd.Stderr = log, log
	s.Must(cmd.Start())
	m.pid = cmd.Process.Pid
	s.Cleanup(func() {
		if s.Failed() {
			journal, _ := m.try("systemctl --no-pager list-jobs; systemctl --no-pager --failed; journalctl --no-pager --boot | tail -n 80")
			s.Logf("boot of %s:\n%s\nits journal:\n%s", node.Name, log, journal)
		}
		_ = cmd.Process.Kill() // and with it everything on the machine
		_ = cmd.Wait()
		forget(group)
	})
	s.Eventually(20*time.Second, node.Name+" has booted", func() bool {
		out, _ := m.try("systemctl is-active basic.target dbus.socket")
		return out == "active\nactive\n"
	}, log.String)
	return m
}

// cgroup makes a group for a machine in the unified hierarchy, and removes those of killed tests.
func cgroup(t *testing.T) string {
	t.Helper()
	for _, root := range []string{"/sys/fs/cgroup", "/sys/fs/cgroup/unified"} {
		if _, err := os.Stat(filepath.Join(root, "cgroup.procs")); err != nil {
			continue
		}
		left, _ := filepath.Glob(root + "/holdfast-test-*")
		for _, dir := range left {
			if _, err := os.Stat("/proc/" + strings.Split(filepath.Base(dir), "-")[2]); err != nil {
				remove(dir)
			}
		}
		if dir, err := os.MkdirTemp(root, fmt.Sprintf("holdfast-test-%d-", os.Getpid())); err == nil {
			return dir
		}
	}
	t.Fatal("no unified hierarchy of cgroups at /sys/fs/cgroup or /sys/fs/cgroup/unified")
	return ""
}

// forget removes a group with all below it, once its processes are gone.
func forget(group string) {
	for range 100 {
		remove(group)
		if _, err := os.Stat(group); err != nil {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// remove takes away the groups in which nothing runs, the lowest first.
func remove(group string) {
	var dirs []string
	_ = filepath.WalkDir(group, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() {
			dirs = append(dirs, path)
		}
		return nil
	})
	for _, dir := range slices.Backward(dirs) {
		_ = os.Remove(dir)
	}
}

// try runs a command of a shell on the machine and returns what it printed.
func (m *machine) try(command string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	c := exec.CommandContext(ctx, "nsenter", "--target", strconv.Itoa(m.pid), "--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--root", "--wdns=/", "sh", "-c", command)
	c.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"}
	out, err := c.CombinedOutput()
	return string(out), err
}

// sh is try for what must succeed.
func (m *machine) sh(command string) string {
	m.Helper()
	out, err := m.try(command)
	if err != nil {
		m.Fatalf("%s: %s: %v\n%s", m.node.Name, command, err, out)
	}
	return out
}

// write makes a file on the machine.
func (m *machine) write(path, text string) {
	m.Helper()
	path = m.path(path)
	m.Must(os.MkdirAll(filepath.Dir(path), 0o755))
	m.Must(os.WriteFile(path, []byte(text), 0o644))
}

// path is where a file of the machine is seen from here.
func (m *machine) path(path string) string {
	return filepath.Join("/proc", strconv.Itoa(m.pid), "root", path)
}

// bring copies a file of this machine into /tmp there, and returns its path.
func (m *machine) bring(file string) string {
	m.Helper()
	text, err := os.ReadFile(file)
	m.Must(err)
	m.write("/tmp/"+filepath.Base(file), string(text))
	return "/tmp/" + filepath.Base(file)
}

// property is what systemd says of a unit.
func (m *machine) property(unit, name string) string {
	m.Helper()
	return strings.TrimSpace(m.sh("systemctl show --value --property " + name + " " + unit))
}

// executes tells whether the main process of a unit runs a program.
func (m *machine) executes(unit, program string) bool {
	m.Helper()
	_, err := m.try("test /proc/" + m.property(unit, "MainPID") + "/exe -ef " + program)
	return err == nil
}
