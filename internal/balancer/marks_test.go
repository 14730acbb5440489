package balancer

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/ipvs"
)

const marksOn = "global_defs {\nnftables_ipvs\nnftables_ipvs_start_fwmark 2000\n}\n"

// shared is a group of some entries with a virtual server for each protocol; words are of those.
func shared(name, entries, words string, protocols ...string) string {
	text := "virtual_server_group " + name + " {\n" + entries + "\n}\n"
	for _, p := range protocols {
		text += "virtual_server group " + name + " {\nlvs_sched rr\nlvs_method TUN\nprotocol " + p + "\n" + words + "\nreal_server 10.1.0.1 80 {\nTCP_CHECK {\n}\n}\n}\n"
	}
	return text
}

// marks checks what packets are marked with.
func (r *rig) marks(want ...string) {
	r.Helper()
	var got []string
	for _, m := range r.marked {
		got = append(got, m.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		r.Errorf("marks (-want +got):\n%s", diff)
	}
}

func TestAGroupHasAMarkForEachProtocol(t *testing.T) {
	r := newRig(t, marksOn+shared("G", "10.0.0.1-3 80\nfd00::1 80", "", "TCP", "UDP")+shared("H", "10.0.3.1 0", "persistence_timeout 60", "TCP"))
	r.holds("-A -f 2000 -s rr", "-a -f 2000 -r 10.1.0.1:0 -i -w 1 --tun-type ipip", "-A -f 2000 -6 -s rr", "-a -f 2000 -6 -r 10.1.0.1:0 -i -w 1 --tun-type ipip",
		"-A -f 2001 -s rr", "-a -f 2001 -r 10.1.0.1:0 -i -w 1 --tun-type ipip", "-A -f 2001 -6 -s rr", "-a -f 2001 -6 -r 10.1.0.1:0 -i -w 1 --tun-type ipip",
		"-A -f 2002 -s rr -p 60", "-a -f 2002 -r 10.1.0.1:0 -i -w 1 --tun-type ipip")
	r.marks("6 10.0.0.1-10.0.0.3 . 80 : 2000", "6 fd00::1 . 80 : 2000", "17 10.0.0.1-10.0.0.3 . 80 : 2001", "17 fd00::1 . 80 : 2001",
		"6 10.0.3.1 . 0-65535 : 2002")
	r.stop()
	r.marks()
}

func TestVirtualServersOfAProtocolShareAMark(t *testing.T) {
	r := newRig(t, marksOn+shared("G", "10.0.0.1 80", "", "TCP", "TCP"))
	r.marks("6 10.0.0.1 . 80 : 2000")
	r.holds("-A -f 2000 -s rr", "-a -f 2000 -r 10.1.0.1:0 -i -w 1 --tun-type ipip")
}

func TestMarksAreForGroupsWithoutMarksOnly(t *testing.T) {
	for _, c := range []struct{ name, text, want string }{
		{"without the word", group, "-A -t 10.0.0.1:80 -s rr"},
		{"a group with a mark", marksOn + group, "-A -t 10.0.0.1:80 -s rr"},
		{"an address", marksOn + web(""), head},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newRig(t, c.text)
			r.marks()
			if got := r.kernel.Rules(); !strings.Contains(got, c.want+"\n") {
				t.Errorf("%q is not in\n%s", c.want, got)
			}
		})
	}
}

func TestMarksStayWhenTheFileChanges(t *testing.T) {
	g, h, i := shared("G", "10.0.0.1 80", "", "TCP"), shared("H", "10.0.0.2 80", "", "TCP"), shared("I", "10.0.0.3 80", "", "TCP")
	r := newRig(t, marksOn+g+h)
	for _, c := range []struct {
		name, text string
		want       []string
	}{
		{"another order", h + g, []string{"6 10.0.0.2 . 80 : 2001", "6 10.0.0.1 . 80 : 2000"}},
		{"another group in front", i + g + h, []string{"6 10.0.0.3 . 80 : 2002", "6 10.0.0.1 . 80 : 2000", "6 10.0.0.2 . 80 : 2001"}},
		{"one less", i + h, []string{"6 10.0.0.3 . 80 : 2002", "6 10.0.0.2 . 80 : 2001"}},
		{"the mark is somebody's now", i + h + "virtual_server fwmark 2001 {\nlvs_sched rr\nlvs_method NAT\nreal_server 10.1.0.5 80 {\n}\n}\n",
			[]string{"6 10.0.0.3 . 80 : 2002", "6 10.0.0.2 . 80 : 2003"}},
	} {
		r.load(marksOn + c.text)
		t.Log(c.name)
		r.marks(c.want...)
	}
	next := &rig{T: t, b: New(), kernel: ipvs.Table{}} // after a crash
	next.b.Remark(ipvs.ReadLegacy(ipvs.Legacy{Shares: r.shares}.String()).Shares)
	next.load(marksOn + h + i)
	next.marks("6 10.0.0.2 . 80 : 2003", "6 10.0.0.3 . 80 : 2002")
}

func TestMarksOfTheFileArePassedOver(t *testing.T) {
	own := "virtual_server_group O {\nfwmark 2001\n}\n"
	r := newRig(t, marksOn+own+shared("G", "10.0.0.1 80", "", "TCP", "UDP"))
	r.marks("6 10.0.0.1 . 80 : 2000", "17 10.0.0.1 . 80 : 2002")
}

func TestEntriesOfAMarkedGroupComeAndGo(t *testing.T) {
	file := func(entries string) string { return marksOn + shared("G", entries, "", "TCP") }
	r := newRig(t, file("10.0.0.1 80\n10.0.0.2 80"))
	r.quiet()
	r.load(file("10.0.0.2 80\n10.0.0.3 443"))
	r.marks("6 10.0.0.2 . 80 : 2000", "6 10.0.0.3 . 443 : 2000")
	for _, want := range []string{"VS [[10.0.0.3]:tcp:443] added into group G", "VS [[10.0.0.1]:tcp:80] in group G no longer exists"} {
		if !strings.Contains(fmt.Sprint(r.lines), want) {
			t.Errorf("%q is not among %q", want, r.lines)
		}
	}
}
