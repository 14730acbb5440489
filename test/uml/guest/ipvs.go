package guest

import (
	"slices"
	"strings"

	"holdfast/internal/lab/netns"
	"holdfast/test/stand"
)

// Schedulers are those of IPVS that the kernel has.
func Schedulers() []string {
	return []string{"rr", "wrr", "lc", "wlc", "lblc", "lblcr", "dh", "sh", "sed", "nq", "fo", "ovf", "mh"}
}

// Balancing are the modules of a director.
func Balancing() []string {
	modules := []string{"ipv6", "veth", "bridge", "ipip", "ip6_tunnel", "ip_vs", "ip_vs_pe_sip"}
	for _, s := range Schedulers() {
		modules = append(modules, "ip_vs_"+s)
	}
	return modules
}

// Rules is what ipvsadm -Sn says on a node, a line each, in order.
func Rules(s *stand.Stage, n *netns.Node) []string {
	s.Helper()
	var lines []string
	out, err := n.Output(s.Context(), "ipvsadm", "-Sn")
	s.Must(err)
	for line := range strings.Lines(out) {
		lines = append(lines, strings.TrimSpace(line))
	}
	slices.Sort(lines)
	return lines
}
