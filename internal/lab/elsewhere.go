package lab

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"holdfast/internal/ipvs/netlink"
	"holdfast/internal/lab/guest"
	"holdfast/internal/lab/netns"
)

// lacking are the parts of the kernel that the plan needs and this one does not have.
func (p *Plan) lacking() (parts []string) {
	if len(p.Asked) > 0 && !hasIPVS() {
		parts = append(parts, "IPVS, which virtual servers need")
	}
	if slices.ContainsFunc(p.Nodes, func(n *NodePlan) bool { return len(n.VRFs) > 0 }) && !netns.HasVRF() {
		parts = append(parts, "VRFs")
	}
	return parts
}

func hasIPVS() bool {
	k, err := netlink.Open(context.Background(), "")
	if err != nil {
		return false
	}
	_ = k.Close()
	return true
}

// elsewhere plays in a kernel of its own.
func elsewhere(ctx context.Context, args []string, plan *Plan, lacking []string, s seat) (status int, err error) {
	why := "this kernel lacks " + strings.Join(lacking, " and ")
	if _, err := exec.LookPath(guest.Kernel); err != nil {
		return notRun, fmt.Errorf("%s: User-Mode Linux has it: `apt-get install %s`, then try again", why, guest.Package)
	}
	signals, ignore := guest.Relayed()
	defer ignore()
	io := guest.Stdio{Out: s.out, Errs: s.errs, Signals: signals}
	if s.live {
		restore, err := rawTerminal(s.in)
		if err != nil {
			return notRun, err
		}
		defer restore()
		io.In = s.in
	} else {
		args = append([]string{"--plain"}, args...)
	}
	fmt.Fprintf(s.errs, "holdfast lab: %s: booting User-Mode Linux\n", why)
	status, err = guest.Boot(ctx, guest.Errand{Args: append([]string{"lab"}, args...), Modules: modules(), Memory: memory(plan)}, io)
	if err != nil {
		return notRun, errors.Join(errors.New("User-Mode Linux"), err)
	}
	return status, nil
}

// modules are those that a lab may need; there is nobody inside who loads them when
// they are asked for.
func modules() []string {
	list := []string{"ipv6", "veth", "bridge", "vrf", "dummy", "macvlan", "ipvlan", "ipip", "ip6_tunnel", "nf_tables", "iptable_filter", "ip6table_filter", "ip_vs", "ip_vs_pe_sip"}
	for _, scheduler := range []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"} {
		list = append(list, "ip_vs_"+scheduler)
	}
	return list
}

// memory is how much a guest needs: the kernel, and some for every node's programs.
func memory(p *Plan) string { return fmt.Sprintf("%dM", 512+64*len(p.Nodes)) }
