package balance

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/test/stand"
)

// without unloads a module, and answers with what loads it again.
func (s *stage) without(module string) (load func()) {
	s.Helper()
	s.Must(unix.DeleteModule(module, 0))
	var again bool
	load = func() {
		if again {
			return
		}
		again = true
		var release unix.Utsname
		s.Must(unix.Uname(&release))
		f, err := os.Open(filepath.Join("/usr/lib/uml/modules", unix.ByteSliceToString(release.Release[:]), "kernel/net/netfilter/ipvs", module+".ko"))
		s.Must(err)
		s.Must(unix.FinitModule(int(f.Fd()), "", 0))
		s.Must(f.Close())
	}
	s.Cleanup(load)
	return load
}

// more are two virtual servers, the first of which has another scheduler.
func more(scheduler string) string {
	return strings.Replace(simple(""), "lvs_sched rr", "lvs_sched "+scheduler, 1) + virtualOf(strings.ReplaceAll(simple(""), "10.0.1.1 80", "10.0.1.1 81"))
}

func virtualOf(text string) string { return text[strings.Index(text, "virtual_server"):] }

func TestASchedulerThatIsMissingIsNamedAndAwaited(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	load := s.without("ip_vs_nq")
	other := []string{strings.Replace(service, ":80", ":81", 1), strings.Replace(first, ":80", ":81", 1)}
	d := s.Start(n, more("nq"))
	s.becomes(n, 5*time.Second, other...)
	const named = "IPVS: add service [10.0.1.1]:tcp:80 with scheduler nq: the kernel has no scheduler nq: it is the module ip_vs_nq"
	d.Tells(5*time.Second, named)
	time.Sleep(6 * time.Second) // three looks
	if n := strings.Count(d.Log(), "IPVS: "); n != 1 {
		t.Errorf("%d lines of one trouble:\n%s", n, d.Log())
	}
	load()
	s.becomes(n, 5*time.Second, append(other, strings.Replace(service, "rr", "nq", 1), first)...)
}

func TestAReloadToAMissingSchedulerKeepsTheService(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	load := s.without("ip_vs_nq")
	d := s.Start(n, simple(""))
	s.becomes(n, 5*time.Second, service, first)
	d.Reload(strings.Replace(simple(""), "lvs_sched rr", "lvs_sched nq", 1))
	d.Tells(5*time.Second, "IPVS: change service [10.0.1.1]:tcp:80: the kernel has no scheduler nq")
	s.becomes(n, time.Second, service, first)
	load()
	s.becomes(n, 5*time.Second, strings.Replace(service, "rr", "nq", 1), first)
}

func TestWithoutPermissionTheTableStaysAndTheReasonIsSaidOnce(t *testing.T) {
	s := newStage(t, "lan")
	n := s.alone()
	d := s.Start(n, simple(""))
	s.becomes(n, 5*time.Second, service, first)
	d.Stop(syscall.SIGKILL)
	var many strings.Builder
	for i := range 300 {
		many.WriteString(virtualOf(strings.ReplaceAll(simple(""), "10.0.1.1 80", fmt.Sprintf("10.0.3.%d 80", 1+i%250))))
	}
	s.Must(n.WriteFile(confPath, many.String(), 0o644))
	d = s.Launch(n, "setpriv", "--bounding-set", "-net_admin", "--inh-caps", "-net_admin", stand.Program(), "run", "-D", "-f", confPath)
	d.Tells(10*time.Second, "needs CAP_NET_ADMIN")
	time.Sleep(5 * time.Second)
	if n := strings.Count(d.Log(), "CAP_NET_ADMIN"); n > 3 { // what is left, what changes, and what is to change
		t.Errorf("%d lines of one trouble:\n%s", n, d.Log())
	}
	s.becomes(n, time.Second, service, first)
	d.Stop(syscall.SIGTERM)
	s.becomes(n, time.Second, service, first)
	s.Must(n.WriteFile(confPath, simple(""), 0o644))
	d = s.Again(n)
	d.Tells(5*time.Second, "Startup complete")
	d.Stop(syscall.SIGTERM)
	s.becomes(n, 5*time.Second)
}
