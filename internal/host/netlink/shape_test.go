package netlink

import (
	"errors"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/host"
	"holdfast/test/need"
)

func vmac(name, parent string, vrid byte) host.LinkOp {
	return host.LinkOp{Verb: host.MakeLink, Device: host.Device{Name: name, Parent: parent, MAC: [6]byte{0, 0, 0x5e, 0, 1, vrid}}, InGroup: 5, Mark: host.DeviceAlias}
}

func as(verb host.LinkVerb, op host.LinkOp) host.LinkOp {
	op.Verb = verb
	return op
}

func TestADeviceIsMadeMendedAndDeleted(t *testing.T) {
	namespace(t)
	k := open(t)
	one := vmac("vrrp.1", "v0", 1)
	if err := errors.Join(k.Shape([]host.LinkOp{one, as(host.MendLink, one)})...); err != nil {
		t.Fatal(err)
	}
	shown := ip(t, "-d link show vrrp.1")
	for _, want := range []string{"vrrp.1@v0", "00:00:5e:00:01:01", "macvlan mode private", "group 5", "alias holdfast", ",UP"} {
		if !strings.Contains(shown, want) {
			t.Errorf("no %q in:\n%s", want, shown)
		}
	}
	s := observe(t, k)
	l := s.Links["vrrp.1"]
	if !one.Is(l, s.Links["v0"]) || l.Alias != host.DeviceAlias || l.Group != 5 || !l.Up {
		t.Errorf("seen as %+v", l)
	}
	if err := errors.Join(k.Shape([]host.LinkOp{as(host.DropLink, one)})...); err != nil {
		t.Fatal(err)
	}
	if _, there := observe(t, k).Links["vrrp.1"]; there {
		t.Error("still there")
	}
}

func TestTheKernelsRefusalOfALinkIsTold(t *testing.T) {
	namespace(t)
	k := open(t)
	one, orphan := vmac("vrrp.1", "v0", 1), vmac("vrrp.2", "nowhere", 2)
	errs := k.Shape([]host.LinkOp{one, one, orphan, as(host.MendLink, orphan)})
	for i, want := range []error{nil, host.ErrExists, host.ErrNoLink, host.ErrNoLink} {
		if !errors.Is(errs[i], want) {
			t.Errorf("operation %d: %v, want %v", i, errs[i], want)
		}
	}
	if got := fmt.Sprint(errs[2]); got != "make vrrp.2 on nowhere: no such device" {
		t.Errorf("told %q", got)
	}
	if err := k.Shape([]host.LinkOp{as(host.DropLink, orphan)})[0]; !errors.Is(err, host.ErrNoLink) {
		t.Errorf("delete what is not there: %v", err)
	}
}

// One by one their deletion takes 5 seconds.
func TestTwoHundredDevicesComeAndGoTogether(t *testing.T) {
	namespace(t)
	k := open(t)
	var list, drop []host.LinkOp
	for i := range 200 {
		op := vmac(fmt.Sprintf("vrrp.%d", i+1), "v0", byte(i+1))
		list, drop = append(list, op, as(host.MendLink, op)), append(drop, as(host.DropLink, op))
	}
	began := time.Now()
	if err := errors.Join(k.Shape(list)...); err != nil {
		t.Fatal(err)
	}
	made := time.Since(began)
	if err := errors.Join(k.Shape(drop)...); err != nil {
		t.Fatal(err)
	}
	took := time.Since(began)
	if n := len(observe(t, k).Links); n != 3 {
		t.Errorf("%d links are there", n)
	}
	t.Logf("made in %v, deleted in %v", made, took-made)
	if took > 3*time.Second {
		t.Errorf("took %v", took)
	}
}

func TestSysctlsAreReadAndSet(t *testing.T) {
	namespace(t)
	k := open(t)
	s := host.Sysctl{Link: "v0", Name: "arp_ignore"}
	if err := k.Set(s, "1"); err != nil {
		t.Fatal(err)
	}
	if v, err := k.Setting(s); v != "1" || err != nil {
		t.Errorf("reads %q, %v", v, err)
	}
	if _, err := k.Setting(host.Sysctl{Link: "nowhere", Name: "arp_ignore"}); err == nil {
		t.Error("a link that is not there has a sysctl")
	}
}

// Only what the kernel would ask again goes, and only on the link that is named.
func TestADeviceForgetsItsNeighbours(t *testing.T) {
	namespace(t)
	k := open(t)
	for _, line := range []string{
		"neigh add 10.0.0.1 lladdr 02:00:00:00:00:01 nud reachable dev v0", "neigh add 2001:db8::1 lladdr 02:00:00:00:00:01 nud stale dev v0",
		"neigh add 10.0.0.2 lladdr 02:00:00:00:00:02 nud permanent dev v0", "neigh add 10.0.0.3 lladdr 02:00:00:00:00:03 nud reachable dev v1",
	} {
		ip(t, line)
	}
	errs := k.Shape([]host.LinkOp{{Verb: host.HushLink, Device: host.Device{Name: "v0"}}, {Verb: host.HushLink, Device: host.Device{Name: "nowhere"}}})
	if errs[0] != nil || !errors.Is(errs[1], host.ErrNoLink) {
		t.Errorf("answers %v", errs)
	}
	left := ip(t, "neigh show nud all")
	for addr, want := range map[string]bool{"10.0.0.1 ": false, "2001:db8::1 ": false, "10.0.0.2 ": true, "10.0.0.3 ": true} {
		if strings.Contains(left, addr) != want {
			t.Errorf("%s is there: %t, want %t:\n%s", addr, !want, want, left)
		}
	}
}

func TestSysctlsAreReadAtOrdinaryPriority(t *testing.T) {
	need.Root(t, "real-time priority")
	runtime.LockOSThread() // never unlocked: the thread ends with its priority
	was := &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 5}
	if err := unix.SchedSetAttr(0, was, 0); err != nil {
		t.Fatal(err)
	}
	policy := func() uint32 {
		a, err := unix.SchedGetAttr(0, 0)
		if err != nil {
			t.Fatal(err)
		}
		return a.Policy
	}
	ordinarily(func() {
		if p := policy(); p != unix.SCHED_NORMAL {
			t.Errorf("policy %d meanwhile", p)
		}
	})
	if p := policy(); p != unix.SCHED_RR {
		t.Errorf("policy %d afterwards", p)
	}
}
