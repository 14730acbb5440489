package balancer

import (
	"strings"
	"testing"
)

const group = `virtual_server_group G {
	10.0.0.1-2 80
	fwmark 7
}
virtual_server group G {
	lvs_sched rr
	lvs_method NAT
	protocol TCP
	real_server 10.1.0.1 8080 {
		TCP_CHECK {
		}
	}
	real_server 10.1.0.2 8080 {
		lvs_method DR
		TCP_CHECK {
		}
	}
}
`

func TestEveryEntryOfAGroupIsAService(t *testing.T) {
	r := newRig(t, group)
	r.holds("-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.1.0.1:8080 -m -w 1", "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 1",
		"-A -t 10.0.0.2:80 -s rr", "-a -t 10.0.0.2:80 -r 10.1.0.1:8080 -m -w 1", "-a -t 10.0.0.2:80 -r 10.1.0.2:80 -g -w 1",
		"-A -f 7 -s rr", "-a -f 7 -r 10.1.0.1:8080 -m -w 1", "-a -f 7 -r 10.1.0.2:0 -g -w 1")
	r.down("10.1.0.1:8080")
	r.holds("-A -t 10.0.0.1:80 -s rr", "-a -t 10.0.0.1:80 -r 10.1.0.2:80 -g -w 1",
		"-A -t 10.0.0.2:80 -s rr", "-a -t 10.0.0.2:80 -r 10.1.0.2:80 -g -w 1",
		"-A -f 7 -s rr", "-a -f 7 -r 10.1.0.2:0 -g -w 1")
}

func TestEntriesOfAGroupComeAndGo(t *testing.T) {
	with := func(entries string) string {
		return "virtual_server_group G {\n" + entries + "\n}\nvirtual_server group G {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.1.0.1 80 {\n}\n}\n"
	}
	r := newRig(t, with("10.0.0.1 80\n10.0.0.2 80"))
	r.quiet()
	r.load(with("10.0.0.1 80\nfwmark 9"))
	r.says("VS [FWM 9] added into group G", "VS [[10.0.0.2]:tcp:80] in group G no longer exists")
	r.holds(head, one, "-A -f 9 -s rr", "-a -f 9 -r 10.1.0.1:80 -m -w 1")
	r.quiet()
	r.load("")
	if !r.said("Removing Virtual Server Group [G]") {
		t.Error("nothing is said of the group")
	}
}

func TestVirtualServersOfOneGroupShareItsServices(t *testing.T) {
	virtual := func(n string) string {
		return "virtual_server group G {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.1.0." + n + " 80 {\nTCP_CHECK {\n}\n}\n}\n"
	}
	text := "virtual_server_group G {\n10.0.0.1 80\n}\n" + virtual("1")
	r := newRig(t, text+virtual("2"))
	r.holds(head, one, two)
	r.down("10.1.0.1:80")
	r.holds(head, two)
	r.load(text)
	r.holds(head)
	r.load("")
	r.holds("")
}

func TestOfARealServerThatSeveralHaveTheOneThatIsUsedCounts(t *testing.T) {
	for _, c := range []struct {
		name, first, second, want string
	}{
		{"the first", "2", "3", "2"},
		{"the second, if the first is not used", "0", "3", "3"},
		{"the first, if the second is not used", "3", "0", "3"},
		{"none", "0", "0", "0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			virtual := func(weight string) string {
				return "virtual_server group G {\nlvs_sched rr\nlvs_method NAT\nprotocol TCP\nreal_server 10.1.0.1 80 {\nweight " + weight + "\n}\nreal_server 10.1.0.2 80 {\n}\n}\n"
			}
			r := newRig(t, "virtual_server_group G {\n10.0.0.1 80\n}\n"+virtual(c.first)+virtual(c.second))
			r.holds(head, strings.Replace(one, "-w 1", "-w "+c.want, 1), two)
		})
	}
}

func TestAMarkOfAGroupHasTheFamilyOfItsVirtualServer(t *testing.T) {
	r := newRig(t, "virtual_server_group G {\nfwmark 7\n}\nvirtual_server group G {\nlvs_sched rr\nlvs_method NAT\nreal_server 2001:db8::1 80 {\n}\n}\n")
	r.holds("-A -f 7 -6 -s rr", "-a -f 7 -6 -r [2001:db8::1]:80 -m -w 1")
}
