// Package nemesis harms real nodes in namespaces by a schedule that is drawn
// from a seed, records what the wire and the kernels saw, and judges the record
// by what the simulator promises. Drawing and judging are pure; the tests do the
// harm, for holdfast and for keepalived alike. It needs root.
package nemesis

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"
)

// Kind is a way to harm a node.
type Kind uint8

// The ways to harm a node.
const (
	Kill     Kind = iota // SIGKILL to all processes, and a new start
	Stop                 // SIGTERM, and a new start
	Freeze               // SIGSTOP and SIGCONT
	Cut                  // the cable is pulled
	Recreate             // the interface is deleted and made again
	Deaf                 // the firewall eats protocol 112 that comes in
	Mute                 // the firewall eats protocol 112 that goes out
	Split                // the switch separates the node from all others
	Theft                // somebody removes the addresses, routes and rules
	Drift                // somebody removes addresses and takes devices down all the time
	Reload               // another valid file
	Weak                 // a tracker lowers the priority
	Broken               // a tracker asks for FAULT
	Starve               // other programs want the processors
	kinds
)

// String is the name of a kind.
func (k Kind) String() string {
	return [kinds]string{"kill -9", "stop", "freeze", "cut", "recreate", "deaf", "mute", "split", "theft", "drift", "reload", "weak", "broken", "starve"}[k]
}

// resource is what a fault takes hold of: faults of one resource of one node
// do not overlap, all others may.
func (k Kind) resource() string {
	switch k {
	case Kill, Stop, Freeze:
		return "process"
	case Cut, Recreate:
		return "cable"
	case Deaf, Mute:
		return "firewall"
	case Theft, Drift:
		return "kernel"
	}
	return k.String()
}

// Fault is one harm, from an instant of its round on.
type Fault struct {
	Kind    Kind
	Node    int
	At, For time.Duration
}

// Plan is a cluster and what happens to it.
type Plan struct {
	Seed                     uint64
	Nodes, Routers           int
	V2, V6, Unicast, Grouped bool
	NoPreempt, VMAC, Routed  bool
	Interval                 time.Duration
	rand                     *rand.Rand
}

// Draw makes the plan of a seed.
func Draw(seed uint64) *Plan {
	r := rand.New(rand.NewPCG(seed, 2))
	once := func(in int) bool { return r.IntN(in) == 0 }
	p := &Plan{Seed: seed, rand: r, Nodes: 2 + r.IntN(2), Routers: 1 + r.IntN(3), Interval: time.Duration(10+r.IntN(21)) * 10 * time.Millisecond}
	p.V2 = once(5)
	p.V6 = !p.V2 && once(3)
	p.Unicast = once(4)
	p.Grouped = p.Routers > 1 && once(2)
	p.NoPreempt = once(4)
	p.VMAC = !p.Unicast && once(3)
	p.Routed = once(2)
	if p.V2 {
		p.Interval = time.Second
	}
	return p
}

// String tells what kind of cluster it is.
func (p *Plan) String() string {
	s := fmt.Sprintf("seed %d: %d nodes, %d routers, interval %v", p.Seed, p.Nodes, p.Routers, p.Interval)
	for _, word := range []struct {
		is   bool
		name string
	}{{p.V2, "v2"}, {p.V6, "IPv6"}, {p.Unicast, "unicast"}, {p.Grouped, "grouped"}, {p.NoPreempt, "nopreempt"}, {p.VMAC, "use_vmac"}, {p.Routed, "routes and rules"}} {
		if word.is {
			s += ", " + word.name
		}
	}
	return s
}

// Round draws the faults of the next round, in the order in which they begin.
func (p *Plan) Round() []Fault {
	var faults []Fault
	for range 4 + p.rand.IntN(8) {
		f := Fault{Kind: Kind(p.rand.IntN(int(kinds))), Node: p.rand.IntN(p.Nodes)}
		f.At = time.Duration(p.rand.Int64N(int64(12 * p.Interval)))
		f.For = 20*time.Millisecond + time.Duration(p.rand.Int64N(int64(8*p.Interval)))
		if !p.clashes(f, faults) {
			faults = append(faults, f)
		}
	}
	slices.SortFunc(faults, func(a, b Fault) int { return int(a.At - b.At) })
	return faults
}

// between is what the end of a fault may take on a busy machine before the
// next fault of the same resource begins.
const between = 100 * time.Millisecond

func (p *Plan) clashes(f Fault, others []Fault) bool {
	if f.Kind == Weak && p.Grouped {
		return true // members of a group do not follow weights
	}
	return slices.ContainsFunc(others, func(o Fault) bool {
		same := o.Node == f.Node || f.Kind == Split
		return same && o.Kind.resource() == f.Kind.resource() && f.At < o.At+o.For+between && o.At < f.At+f.For+between
	})
}

// Address is where a node sends from.
func (p *Plan) Address(node int) string {
	if p.V6 {
		return fmt.Sprintf("fe80::%d", node+1)
	}
	return fmt.Sprintf("10.0.0.%d", node+1)
}

// VIP is the first shared address of a router.
func (p *Plan) VIP(vrid int) string {
	if p.V6 {
		return fmt.Sprintf("fe80::%d:100", vrid)
	}
	return fmt.Sprintf("10.0.%d.100", vrid)
}

// Config writes a version of the configuration of a node; the versions differ
// in priority and in what else the routers hold.
func (p *Plan) Config(node, version int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "global_defs {\n\tvrrp_version %d\n}\n", p.version())
	for _, file := range []string{"weak", "hard"} {
		fmt.Fprintf(&b, "track_file %s {\n\tfile /run/%s\n\tweight 0\n}\n", file, file)
	}
	for vrid := 1; vrid <= p.Routers; vrid++ {
		p.instance(&b, node, vrid, version)
	}
	if p.Grouped {
		b.WriteString("vrrp_sync_group G {\n\tgroup {\n")
		for vrid := 1; vrid <= p.Routers; vrid++ {
			fmt.Fprintf(&b, "\t\tV%d\n", vrid)
		}
		b.WriteString("\t}\n}\n")
	}
	return b.String()
}

func (p *Plan) version() int {
	if p.V2 {
		return 2
	}
	return 3
}

func (p *Plan) instance(b *strings.Builder, node, vrid, version int) {
	fmt.Fprintf(b, "vrrp_instance V%d {\n\tinterface eth0\n\tvirtual_router_id %d\n\tpriority %d\n\tadvert_int %v\n",
		vrid, vrid, 60+40*p.rank(node, vrid)+5*version, p.Interval.Seconds())
	if p.NoPreempt {
		b.WriteString("\tnopreempt\n")
	}
	if p.VMAC {
		fmt.Fprintf(b, "\tuse_vmac %s\n", p.Device(vrid))
	}
	if p.Unicast {
		b.WriteString("\tunicast_peer {\n")
		for other := range p.Nodes {
			if other != node {
				fmt.Fprintf(b, "\t\t%s\n", p.Address(other))
			}
		}
		b.WriteString("\t}\n")
	}
	b.WriteString("\ttrack_file {\n\t\thard weight 0\n")
	if !p.Grouped {
		b.WriteString("\t\tweak weight -1\n")
	}
	fmt.Fprintf(b, "\t}\n\tvirtual_ipaddress {\n\t\t%s\n", p.VIP(vrid))
	b.WriteString("\t}\n")
	if p.Routed {
		fmt.Fprintf(b, "\tvirtual_routes {\n\t\t%s dev eth0 table %d\n\t}\n", p.network(vrid), p.Table(vrid))
		fmt.Fprintf(b, "\tvirtual_rules {\n\t\tto %s table %d preference %[2]d\n\t}\n", p.network(vrid), p.Table(vrid))
	}
	if version > 0 {
		// Adverts do not carry it: nodes with different versions still agree.
		fmt.Fprintf(b, "\tvirtual_ipaddress_excluded {\n\t\t%s\n\t}\n", p.extra(vrid))
	}
	b.WriteString("}\n")
}

// extra is an address that only the second version has.
func (p *Plan) extra(vrid int) string {
	if p.V6 {
		return fmt.Sprintf("2001:db8::%d:101", vrid)
	}
	return fmt.Sprintf("10.0.%d.101", vrid)
}

// Device is where a router has its addresses.
func (p *Plan) Device(vrid int) string {
	if !p.VMAC {
		return "eth0"
	}
	return fmt.Sprintf("vm%d", vrid)
}

// Table is the routing table of a router, and the preference of its rule.
func (p *Plan) Table(vrid int) int { return 200 + vrid }

// network is what a router has a route for.
func (p *Plan) network(vrid int) string {
	if p.V6 {
		return fmt.Sprintf("2001:db8:%d::/64", vrid)
	}
	return fmt.Sprintf("10.9.%d.0/24", vrid)
}

// rank spreads the masters over the nodes, but for the members of a group.
func (p *Plan) rank(node, vrid int) int {
	if p.Grouped {
		return node
	}
	return (node + vrid) % p.Nodes
}
