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

	"holdfast/test/stand"
)

// crash kills the router process, and waits until its worker has gone after it.
func (s *stage) crash(d *stand.Daemon) {
	s.Helper()
	worker := s.worker(d.Pid())
	d.Signal(syscall.SIGKILL)
	d.Exit()
	s.Eventually(5*time.Second, "the worker is gone", func() bool { return syscall.Kill(worker, 0) != nil })
}

// What is on trial is not what a daemon starts with that died meanwhile, however often,
// until somebody asks for it again.
func TestADaemonThatDiesOnTrialStartsWithTheConfigurationBefore(t *testing.T) {
	s := newStage(t)
	const tried = "10.0.0.101"
	d := s.Start(s.a, conf(100, "", vip))
	d.Says("Entering MASTER STATE")
	s.Must(s.a.WriteFile(confPath, conf(100, "", vip, tried), 0o644))
	if got := s.holdfast(s.a, "reload", "--confirm", "60s"); !strings.HasPrefix(got, "taken over until ") {
		t.Fatalf("the reload says %q", got)
	}
	s.Eventually(2*time.Second, "it is tried", func() bool { return s.holds(s.a, tried) })
	for range 2 {
		s.crash(d)
		d = s.Again(s.a)
		d.Says("the one before is in force; a reload takes the new one")
		s.Eventually(5*time.Second, "the addresses of before are held", func() bool { return s.holds(s.a, vip) && !s.holds(s.a, tried) })
	}
	d.Reload(conf(100, "", vip, tried))
	s.Eventually(2*time.Second, "the reload takes it", func() bool { return s.holds(s.a, tried) })
	s.crash(d)
	d = s.Again(s.a)
	d.Says("Startup complete")
	if !s.holds(s.a, tried) || d.Count("on trial") > 0 {
		t.Errorf("what was taken for good did not stay:\n%s", d.Log())
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
			d := s.Start(s.a, two(c.words))
			d.Says("Entering MASTER STATE")
			next := two(c.words, c.next)
			if c.next == "" {
				next = strings.Replace(next, "10.0.0.101", "10.0.0.1o1", 1)
			}
			s.Must(s.a.WriteFile(confPath, next, 0o644))
			if got := s.holdfast(s.a, "plan"); !strings.Contains(got, c.want) || !strings.Contains(got, "refused: nothing") {
				t.Errorf("the plan says\n%s", got)
			}
			if got := s.Sh(s.a, "ls /run/found 2>/dev/null || true"); got != "" {
				t.Error("a plan writes the file of reload_check_config")
			}
			d.Reload(next)
			d.Says(c.want)
		})
	}
}

// Reference, keyword disable_local_igmp: for the lifetime of the process. A crash does
// not leave the sysctl as it is.
func TestReportsForLinkLocalGroupsReturnAfterACrash(t *testing.T) {
	s := newStage(t)
	const sysctl = "net.ipv4.igmp_link_local_mcast_reports"
	reports := func() string { return strings.TrimSpace(s.Sh(s.a, "sysctl -n "+sysctl)) }
	if got := reports(); got != "1" {
		t.Fatalf("it begins with %s", got)
	}
	quiet := settings("disable_local_igmp")
	for _, text := range []string{quiet, settings()} {
		d := s.Start(s.a, quiet)
		d.Says("Entering MASTER STATE")
		s.crash(d)
		if got := reports(); got != "0" {
			t.Errorf("after the crash: %s", got)
		}
		next := s.Start(s.a, text)
		next.Says("Entering MASTER STATE")
		next.Signal(syscall.SIGTERM)
		next.Exit()
		if got := reports(); got != "1" {
			t.Errorf("after the stop: %s", got)
		}
	}
}

// buffers are the sizes of the receive buffers of a process's sockets for VRRP.
func (s *stage) buffers(pid int) (sizes []int) {
	s.Helper()
	process, err := unix.PidfdOpen(pid, 0)
	s.Must(err)
	defer func() { _ = unix.Close(process) }()
	files, err := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	s.Must(err)
	for _, f := range files {
		n, _ := strconv.Atoi(f.Name())
		fd, err := unix.PidfdGetfd(process, n, 0)
		if err != nil {
			continue // it was closed meanwhile
		}
		if protocol, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_PROTOCOL); err == nil && protocol == 112 {
			size, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUF)
			s.Must(err)
			sizes = append(sizes, size)
		}
		_ = unix.Close(fd)
	}
	return sizes
}

// Reference, keyword vrrp_rx_bufs_policy. The kernel shows twice what it is asked for.
func TestTheBuffersOfOpenPortsFollowAReload(t *testing.T) {
	s := newStage(t)
	d := s.Start(s.a, settings("vrrp_rx_bufs_policy 300000"))
	d.Says("Entering MASTER STATE")
	if got := s.buffers(d.Pid()); !slices.Contains(got, 600000) {
		t.Errorf("at the start there are %d", got)
	}
	d.Reload(settings("vrrp_rx_bufs_policy 500000"))
	s.Eventually(2*time.Second, "they have grown", func() bool { return slices.Contains(s.buffers(d.Pid()), 1000000) })
	if d.Count("Entering") != 2 {
		t.Errorf("the role changed:\n%s", d.Log())
	}
}
