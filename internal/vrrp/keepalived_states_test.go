package vrrp_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/internal/vrrp"
)

// Sections 2, 3, 8, 10 and 11 of keepalived's behaviour: roles, priorities, groups.

var linkDown = vrrp.LinkState{Exists: true, Source4: linkUp.Source4, Source6: linkUp.Source6, MTU: 1500}

func TestKeepalived_2_AFaultAtTheStartIsTold(t *testing.T) {
	c := config("X", 1, 100)
	c.Link = "eth7"
	r := newRig(t)
	r.s.Link(r.now, "eth7", linkDown, &r.out)
	r.drain()
	r.setup.Routers = []vrrp.Config{c}
	r.apply()
	r.take("(X) Entering FAULT STATE (init) (interface eth7 is down)")
}

func TestKeepalived_2_AnOwnerHeldUpByAFaultWaits(t *testing.T) {
	c := with(config("X", 1, 255), func(c *vrrp.Config) { c.StartMaster, c.Link = true, "eth7" })
	r := newRig(t, c)
	r.to(time.Second)
	r.s.Link(r.now, "eth7", linkUp, &r.out)
	r.deadline(c, us(4003906))
}

// Only what takes the role away by itself says good-bye, and how often depends on why.
func TestKeepalived_2_HowManyAdvertsOfPriorityZero(t *testing.T) {
	for _, test := range []struct {
		name string
		do   func(r *rig, a, b vrrp.Config)
		a, b int // of the two members of a group
	}{
		{"a fault of its own, and the group is pulled", func(r *rig, _, _ vrrp.Config) { r.s.Link(r.now, "eth0", linkDown, &r.out) }, 2, 1},
		{"a tracker", func(r *rig, a, _ vrrp.Config) {
			r.s.Weigh(r.now, r.id(a), vrrp.Standing{Faults: 1, Reason: "x"}, &r.out)
		}, 2, 1},
		{"a shutdown", func(r *rig, _, _ vrrp.Config) { r.s.Stop(r.now, &r.out) }, 1, 1},
		{"removed by a reload", func(r *rig, _, _ vrrp.Config) { r.setup = vrrp.Setup{}; r.apply() }, 1, 1},
		{"a higher priority is heard", func(r *rig, a, _ vrrp.Config) { r.hear(a, "192.0.2.9", 200) }, 0, 0},
		{"overslept", func(r *rig, _, _ vrrp.Config) { r.sleep(time.Minute); r.s.Expire(r.now, &r.out) }, 0, 0},
	} {
		t.Run(test.name, func(t *testing.T) {
			a, b, setup := twins()
			for i := range setup.Routers {
				setup.Routers[i].LateBackup = 254
			}
			r := newRigWith(t, setup)
			r.to(4 * time.Second)
			ids := [2]vrrp.ID{r.id(a), r.id(b)}
			r.drain()
			test.do(r, a, b)
			var got [2]int
			for _, s := range r.out.Sends {
				if s.Priority == 0 {
					got[slices.Index(ids[:], s.ID)]++
				}
			}
			if want := [2]int{test.a, test.b}; got != want {
				t.Errorf("%d good-byes of the two members, want %d", got, want)
			}
		})
	}
}

func TestKeepalived_3_TheOwnIntervalIsBackWithTheRole(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	r.hear(with(c, func(c *vrrp.Config) { c.Interval = 2 * time.Second }), "192.0.2.9", 150)
	r.drain()
	r.to(time.Duration(r.view(c).Deadline))
	if lines, want := r.drain(), "(X) changing advert interval from 2000ms to locally configured 1000ms"; !slices.Contains(lines, want) {
		t.Errorf("said %q, want %q", lines, want)
	}
	if got := r.view(c).Interval; got != time.Second {
		t.Errorf("the interval is %v", got)
	}
}

func TestKeepalived_8_AnOwnerIsNeverWeighed(t *testing.T) {
	c := config("X", 1, 255)
	r := newRig(t, c)
	r.drain()
	r.s.Weigh(r.now, r.id(c), vrrp.Standing{Sum: -200}, &r.out)
	r.take()
}

func TestKeepalived_8_AUnicastRouterTellsWhereItIsWhenItLeavesFault(t *testing.T) {
	four, _ := unicast()
	six := ipv6(config("X", 1, 100))
	six.Peers = []vrrp.Peer{{Addr: netip.MustParseAddr("fe80::9")}}
	multicast := config("X", 1, 100)
	for _, test := range []struct {
		name string
		c    vrrp.Config
		want []string
	}{
		{"IPv4", four, []string{"(X) Entering BACKUP STATE (interface eth0 is up)", "announce 1 of 192.0.2.1", "Netlink reports eth0 up"}},
		{"IPv6", six, []string{"(X) Entering BACKUP STATE (interface eth0 is up)", "announce 1 of fe80::1", "Netlink reports eth0 up"}},
		{"not by multicast", multicast, []string{"(X) Entering BACKUP STATE (interface eth0 is up)", "Netlink reports eth0 up"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := newRig(t, test.c)
			r.s.Link(r.now, "eth0", linkDown, &r.out)
			r.drain()
			r.s.Link(r.now, "eth0", linkUp, &r.out)
			r.take(test.want...)
		})
	}
}

func TestKeepalived_8_TheSourceIsReplacedAndWaitedFor(t *testing.T) {
	c := config("X", 1, 100)
	r := newRig(t, c)
	l := linkUp
	l.Source4 = netip.Addr{}
	r.s.Link(r.now, "eth0", l, &r.out)
	r.role(c, vrrp.Fault)
	r.to(time.Second)
	l.Source4 = netip.MustParseAddr("192.0.2.99")
	r.s.Link(r.now, "eth0", l, &r.out)
	r.role(c, vrrp.Backup)
	r.deadline(c, us(4609375))
}

func TestKeepalived_10_TheRefreshHasRoundsOfItsOwn(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) {
		c.Announce = vrrp.Announcing{Repeat: 3, Delay: 2 * time.Second, Refresh: 10 * time.Second, RefreshRepeat: 2}
	})
	r := master(t, c)
	from := time.Duration(r.now)
	for _, step := range []struct {
		after  time.Duration
		rounds int
	}{{2 * time.Second, 3}, {12 * time.Second, 2}, {22 * time.Second, 2}} {
		r.to(from + step.after - 1)
		r.out.Reset()
		r.to(from + step.after)
		if len(r.out.Announces) != 1 || r.out.Announces[0].Rounds != step.rounds {
			t.Errorf("%v later: %+v, want %d rounds", step.after, r.out.Announces, step.rounds)
		}
	}
}

func TestKeepalived_10_LowerPrioritiesAreAnsweredAsOftenAsTheyAreTo(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.Announce.LowerRepeat, c.Announce.LowerDelay = 2, 3*time.Second })
	r := master(t, c)
	r.hear(c, "192.0.2.9", 50)
	if len(r.out.Announces) != 1 || r.out.Announces[0].Rounds != 2 {
		t.Errorf("at once %+v, want 2 rounds", r.out.Announces)
	}
	from := time.Duration(r.now)
	r.to(from + 3*time.Second - 1)
	r.out.Reset()
	r.to(from + 3*time.Second)
	if len(r.out.Announces) != 1 || r.out.Announces[0].Rounds != 2 {
		t.Errorf("after garp_lower_prio_delay %+v, want 2 rounds", r.out.Announces)
	}
}

func TestKeepalived_10_NothingIsAnnouncedAfterTheRole(t *testing.T) {
	c := with(config("X", 1, 100), func(c *vrrp.Config) { c.Announce.Refresh = 5 * time.Second })
	r := master(t, c)
	r.hear(c, "192.0.2.9", 150)
	r.out.Reset()
	for at := time.Second; at < time.Minute; at += time.Second {
		r.to(us(3609375) + at)
		r.hear(c, "192.0.2.9", 150)
	}
	if len(r.out.Announces) != 0 {
		t.Errorf("%+v", r.out.Announces)
	}
}

func TestKeepalived_11_AGroupIsToldOnceForEachRole(t *testing.T) {
	a, b, setup := twins()
	r := newRigWith(t, setup)
	r.to(4 * time.Second)
	r.drain()
	r.s.Link(r.now, "eth0", linkDown, &r.out)
	r.s.Link(r.now, "eth1", linkDown, &r.out)
	groups := 0
	for i, c := range r.out.Changes {
		if c.Group {
			groups++
			if i == 0 || r.out.Changes[i-1].Group {
				t.Error("told before its members")
			}
		}
	}
	if groups != 1 {
		t.Errorf("%d changes of the group: %+v", groups, r.out.Changes)
	}
	r.role(a, vrrp.Fault)
	r.role(b, vrrp.Fault)
}
