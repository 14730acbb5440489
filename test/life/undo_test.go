package life

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

// crash kills the router process, and waits until its worker has gone after it.
func (d *daemon) crash() {
	d.Helper()
	worker := d.worker(d.cmd.Process.Pid)
	d.signal(syscall.SIGKILL)
	d.exit()
	d.eventually(5*time.Second, "the worker is gone", func() bool { return syscall.Kill(worker, 0) != nil })
}

// What is on trial is not what a daemon starts with that died meanwhile, however often,
// until somebody asks for it again.
func TestADaemonThatDiesOnTrialStartsWithTheConfigurationBefore(t *testing.T) {
	s := newStage(t)
	const tried = "10.0.0.101"
	d := s.start(s.a, conf(100, "", vip))
	d.says("Entering MASTER STATE")
	s.must(s.a.WriteFile(confPath, conf(100, "", vip, tried), 0o644))
	if got := s.holdfast(s.a, "reload", "--confirm", "60s"); !strings.HasPrefix(got, "taken over until ") {
		t.Fatalf("the reload says %q", got)
	}
	s.eventually(2*time.Second, "it is tried", func() bool { return s.holds(s.a, tried) })
	for range 2 {
		d.crash()
		d = s.again(s.a)
		d.says("the one before is in force; a reload takes the new one")
		s.eventually(5*time.Second, "the addresses of before are held", func() bool { return s.holds(s.a, vip) && !s.holds(s.a, tried) })
	}
	d.reload(conf(100, "", vip, tried))
	s.eventually(2*time.Second, "the reload takes it", func() bool { return s.holds(s.a, tried) })
	d.crash()
	d = s.again(s.a)
	d.says("Startup complete")
	if !s.holds(s.a, tried) || d.count("on trial") > 0 {
		t.Errorf("what was taken for good did not stay:\n%s", d.log())
	}
}

// A plan refuses what a reload would.
func TestThePlanKnowsTheChecksOfAReload(t *testing.T) {
	for _, c := range []struct{ name, words, next, want string }{
		{"reload_check_config", "reload_check_config /run/found", "no_such_word", "New config failed validation, see /run/found for details"},
		{"what cannot change", "", "disable_local_igmp", "Cannot change disable_local_igmp at a reload"},
		{"a loss by a mistake", "", "", "would be lost by a mistake"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := newStage(t)
			two := func(words ...string) string {
				return strings.Replace(settings(words...), vip, vip+"\n\t\t10.0.0.101", 1)
			}
			d := s.start(s.a, two(c.words))
			d.says("Entering MASTER STATE")
			next := two(c.words, c.next)
			if c.next == "" {
				next = strings.Replace(next, "10.0.0.101", "10.0.0.1o1", 1)
			}
			s.must(s.a.WriteFile(confPath, next, 0o644))
			if got := s.holdfast(s.a, "plan"); !strings.Contains(got, c.want) || !strings.Contains(got, "refused: nothing") {
				t.Errorf("the plan says\n%s", got)
			}
			if got := s.sh(s.a, "ls /run/found 2>/dev/null || true"); got != "" {
				t.Error("a plan writes the file of reload_check_config")
			}
			d.reload(next)
			d.says(c.want)
		})
	}
}

// Reference, keyword disable_local_igmp: for the lifetime of the process. A crash does
// not leave the sysctl as it is.
func TestReportsForLinkLocalGroupsReturnAfterACrash(t *testing.T) {
	s := newStage(t)
	const sysctl = "net.ipv4.igmp_link_local_mcast_reports"
	reports := func() string { return strings.TrimSpace(s.sh(s.a, "sysctl -n "+sysctl)) }
	if got := reports(); got != "1" {
		t.Fatalf("it begins with %s", got)
	}
	quiet := settings("disable_local_igmp")
	for _, text := range []string{quiet, settings()} {
		d := s.start(s.a, quiet)
		d.says("Entering MASTER STATE")
		d.crash()
		if got := reports(); got != "0" {
			t.Errorf("after the crash: %s", got)
		}
		next := s.start(s.a, text)
		next.says("Entering MASTER STATE")
		next.signal(syscall.SIGTERM)
		next.exit()
		if got := reports(); got != "1" {
			t.Errorf("after the stop: %s", got)
		}
	}
}

// buffers are the sizes of the receive buffers of a process's sockets for VRRP.
func (s *stage) buffers(pid int) (sizes []int) {
	s.Helper()
	process, err := unix.PidfdOpen(pid, 0)
	s.must(err)
	defer func() { _ = unix.Close(process) }()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	s.must(err)
	for _, f := range files {
		n, _ := strconv.Atoi(f.Name())
		fd, err := unix.PidfdGetfd(process, n, 0)
		if err != nil {
			continue // it was closed meanwhile
		}
		if protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err == nil && protocol == 112 {
			size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
			s.must(err)
			sizes = append(sizes, size)
		}
		_ = unix.Close(fd)
	}
	return sizes
}

// Reference, keyword vrrp_rx_bufs_policy. The kernel shows twice what it is asked for.
func TestTheBuffersOfOpenPortsFollowAReload(t *testing.T) {
	s := newStage(t)
	d := s.start(s.a, settings("vrrp_rx_bufs_policy 300000"))
	d.says("Entering MASTER STATE")
	if got := s.buffers(d.cmd.Process.Pid); !slices.Contains(got, 600000) {
		t.Errorf("at the start there are %d", got)
	}
	d.reload(settings("vrrp_rx_bufs_policy 500000"))
	s.eventually(2*time.Second, "they have grown", func() bool { return slices.Contains(s.buffers(d.cmd.Process.Pid), 1000000) })
	if d.count("Entering") != 2 {
		t.Errorf("the role changed:\n%s", d.log())
	}
}
