package load

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/conf"
	"holdfast/internal/config"
)

// reading is that of a text, whose scripts are not looked for.
func reading(text string) *Reading {
	tree, found := conf.Parse(conf.MemoryFiles{"k": text}, "k", conf.Options{})
	cfg, more := config.Build(tree, config.Options{HostName: "node"})
	return &Reading{File: "k", Tree: tree, Config: cfg, Findings: conf.Sort(append(found, more...))}
}

const running = `vrrp_script chk {
    script /usr/bin/true
}
vrrp_sync_group G {
    group {
        A
        B
    }
}
vrrp_instance A {
    interface eth0
    virtual_router_id 1
    virtual_ipaddress {
        10.0.0.1/24
        10.0.0.2/24
    }
    track_script {
        chk
    }
    track_interface {
        eth1
    }
    notify_master "/usr/bin/true master"
}
vrrp_instance B {
    interface eth0
    virtual_router_id 2
    unicast_peer {
        10.0.9.1
    }
    virtual_ipaddress {
        10.0.1.1/24
    }
}
`

func TestLosses(t *testing.T) {
	for _, tt := range []struct {
		name     string
		old, new string // replaced in the text, in turns
		want     []string
	}{
		{"nothing is changed", "", "", nil},
		{"a script under a word that does not exist", "vrrp_script", "vvrp_script", []string{"vrrp_script chk", "track chk of vrrp_instance A"}},
		{"a tracked name that does not exist", "        chk\n", "        chek\n", []string{"vrrp_script chk", "track chk of vrrp_instance A"}},
		{"an address that is none", "10.0.0.2/24", "10.0.0.2.4/24", []string{"address 10.0.0.2 of vrrp_instance A"}},
		{"a command under another word", "notify_master", "notify_mastr", []string{"command /usr/bin/true master of vrrp_instance A"}},
		{"a peer that is none", "10.0.9.1", "10.0.9.1x", []string{"peer 10.0.9.1 of vrrp_instance B"}},
		{"a member that does not exist", "        B\n    }\n}", "        b\n    }\n}", []string{"member B of vrrp_sync_group G"}},
		{"the instance's own interface", "        eth1\n", "        eth0\n", []string{"track eth1 of vrrp_instance A"}},
		{"a complaint that takes nothing away", "virtual_router_id 1\n", "virtual_router_id 1\n    vrrp_garp_interval 0\n", nil},
		{"what is taken out is meant", "        chk\n", "", nil},
		{"an address that is taken out", "        10.0.0.2/24\n", "", nil},
		{"taken out, and a complaint elsewhere", "        10.0.0.2/24\n    }\n    track_script", "    }\n    advert_int 99999\n    track_script", nil},
	} {
		t.Run(tt.name, func(t *testing.T) {
			next := reading(strings.Replace(running, tt.old, tt.new, 1))
			var got []string
			for _, l := range next.Losses(reading(running).Standing()) {
				if l.Because == "" {
					t.Errorf("%s: no reason", l.Deed)
				}
				got = append(got, l.String())
			}
			if diff := cmp.Diff(tt.want, got); diff != "" {
				t.Errorf("losses (-want +got):\n%s\n%v", diff, next.Findings)
			}
		})
	}
}

func TestAComplaintThatRunsAlreadyTakesNothingAway(t *testing.T) {
	bad := strings.Replace(running, "        eth1\n", "        eth1\n        eth0\n", 1)
	if lost := reading(strings.Replace(bad, "        eth1\n", "", 1)).Losses(reading(bad).Standing()); lost != nil {
		t.Errorf("%v", lost)
	}
}

func TestAScriptThatHasGone(t *testing.T) {
	before := reading(running)
	before.Judge()
	after := reading(strings.Replace(running, "/usr/bin/true\n", "/usr/bin/no-such-program\n", 1))
	after.Judge()
	lost := after.Losses(before.Standing())
	if len(lost) != 2 || lost[0].String() != "vrrp_script chk" || !strings.Contains(lost[0].Because, "/usr/bin/no-such-program") {
		t.Errorf("%v", lost)
	}
}
