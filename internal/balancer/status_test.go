package balancer

import (
	"fmt"
	"strings"
	"testing"

	"holdfast/internal/ipvs"
)

func TestTheStatusPutsHealthBesideWhatTheKernelHolds(t *testing.T) {
	r := newRig(t, web("sorry_server 10.1.0.9 80;PING_CHECK {\n}"))
	r.down("10.1.0.1:80")
	foreign := ipvs.Key{Mark: 9}
	r.kernel[foreign] = ipvs.Pool{Service: ipvs.Service{Scheduler: "rr"}}
	var lines []string
	for _, s := range r.b.Status(0, Held{Table: r.kernel}).Services {
		lines = append(lines, fmt.Sprint(s.Protocol, " ", s.Address, " ", s.Held, " ", len(s.Virtual)))
		for _, d := range s.Destinations {
			lines = append(lines, fmt.Sprintf("%s %d %t %s %s", d.Address, d.Weight, d.Held, d.Health, d.Reason))
		}
	}
	want := `TCP 10.0.0.1:80 true 1
10.1.0.1:80 0 false down refused
10.1.0.2:80 1 true unknown 
10.1.0.9:80 0 false sorry 
FWM 9 true 0`
	if got := strings.Join(lines, "\n"); got != want {
		t.Errorf("got\n%s\nnot\n%s", got, want)
	}
	if s := r.b.Status(0, Held{}).Services; len(s) != 1 || s[0].Held {
		t.Errorf("without a kernel: %+v", s)
	}
}
