package lab

import (
	"cmp"
	"fmt"
	"net/netip"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"holdfast/internal/fault"
	"holdfast/internal/lab/service"
)

// NodePlan is what one configuration file asks of the network around it.
type NodePlan struct {
	Name string
	File string
	// Text is the configuration when File exists on the node only.
	Text string
	// Links are the interfaces that the file names, sorted.
	Links     []string
	Instances []InstancePlan
	Scripts   []ScriptPlan
	// Programs are the files that notifications and checks run.
	Programs []string
	Services []ServicePlan
	// VRFs are the links of each VRF.
	VRFs map[string][]string
	// Server is what a real server is to be; nil for nodes that have a file.
	Server *ServerPlan
	// Notes say what the lab leaves out.
	Notes []string
	// Addrs are the node's own addresses by link.
	Addrs map[string][]netip.Prefix
}

// InstancePlan is one virtual router of a node.
type InstancePlan struct {
	Name     string
	Link     string
	V6       bool
	VIPs     []VIP
	Source   netip.Addr   // mcast_src_ip or unicast_src_ip
	Peers    []netip.Addr // unicast_peer
	Interval time.Duration
	Priority uint8
}

// VIP is a virtual address and the link it is held on.
type VIP struct {
	Link   string
	Prefix netip.Prefix
}

// ScriptPlan is one tracked script.
type ScriptPlan struct {
	Name string
	Argv []string
}

// Plan is the whole network: a bridge per link name, the nodes, and what the
// client has and probes. Nodes that have a file come first, then real servers.
type Plan struct {
	Nodes     []*NodePlan
	directors int // nodes that have a file
	Links     []string
	Client    map[string][]netip.Prefix
	VIPs      []VIP            // of all nodes, each once, sorted
	Asked     []service.Target // by the client
	// Slowest is the longest advert interval.
	Slowest time.Duration
}

// MakePlan invents what the files leave open: node addresses in the networks of
// the virtual ones (/24 around a /32, /64 around a /128), the lowest that nobody
// uses, unless given says otherwise. given is node → link → addresses.
func MakePlan(nodes []*NodePlan, given map[string]map[string][]netip.Prefix) (*Plan, error) {
	p := &Plan{Nodes: nodes, Client: map[string][]netip.Prefix{}}
	p.collectAddresses()
	p.addServers()
	if err := p.checkNames(given); err != nil {
		return nil, err
	}
	for _, n := range p.Nodes {
		n.Addrs = map[string][]netip.Prefix{}
		for link, addrs := range given[n.Name] {
			n.attach(link)
			n.Addrs[link] = slices.Clone(addrs)
		}
	}
	p.collectLinks()
	p.connect()
	used := p.used()
	for i := range p.Nodes {
		p.place(i, used)
	}
	for i, link := range p.Links {
		for _, network := range p.networks(i, link) {
			p.Client[link] = append(p.Client[link], lastFree(network, used))
		}
	}
	p.findGateways()
	p.chooseTargets()
	return p, nil
}

func (p *Plan) checkNames(given map[string]map[string][]netip.Prefix) error {
	seen := map[string]bool{clientName: true, "lan": true}
	for _, n := range p.Nodes {
		if seen[n.Name] || strings.ContainsAny(n.Name, " |/") {
			return fmt.Errorf("%s cannot be node %q: name it otherwise with NAME=%s", n.File, n.Name, n.File)
		}
		seen[n.Name] = true
	}
	for name := range given {
		if !seen[name] {
			return fmt.Errorf("the lab file gives addresses to %q, which no file is for", name)
		}
	}
	return nil
}

// collectAddresses gathers virtual addresses and intervals from all nodes.
func (p *Plan) collectAddresses() {
	for _, n := range p.Nodes {
		for _, in := range n.Instances {
			p.VIPs = append(p.VIPs, in.VIPs...)
			p.Slowest = max(p.Slowest, in.Interval)
		}
	}
	slices.SortFunc(p.VIPs, func(a, b VIP) int {
		return cmp.Or(strings.Compare(a.Link, b.Link), a.Prefix.Addr().Compare(b.Prefix.Addr()))
	})
	p.VIPs = slices.CompactFunc(p.VIPs, func(a, b VIP) bool { return a.Link == b.Link && a.Prefix.Addr() == b.Prefix.Addr() })
}

func (p *Plan) collectLinks() {
	for _, n := range p.Nodes {
		p.Links = append(p.Links, n.Links...)
	}
	slices.Sort(p.Links)
	p.Links = slices.Compact(p.Links)
}

// used are all addresses that must not be invented for somebody else.
func (p *Plan) used() map[netip.Addr]bool {
	used := map[netip.Addr]bool{}
	for _, v := range p.VIPs {
		used[v.Prefix.Addr()] = true
	}
	for _, n := range p.Nodes {
		for _, in := range n.Instances {
			used[in.Source] = true
			for _, peer := range in.Peers {
				used[peer] = true
			}
		}
		for _, addrs := range n.Addrs {
			for _, a := range addrs {
				used[a.Addr()] = true
			}
		}
	}
	return used
}

// networks are those of a link: of its virtual addresses, of the configured
// sources, and one invented for an IPv4 link without any.
func (p *Plan) networks(number int, link string) []netip.Prefix {
	var nets []netip.Prefix
	add := func(n netip.Prefix) {
		if n = around(n); n.IsValid() && !slices.ContainsFunc(nets, n.Overlaps) {
			nets = append(nets, n)
		}
	}
	v4 := false
	for _, n := range p.Nodes {
		for _, a := range n.Addrs[link] {
			add(a)
		}
		for _, in := range n.Instances {
			v4 = v4 || (in.Link == link && !in.V6)
			p.networksOf(in, link, add)
		}
	}
	if v4 && !slices.ContainsFunc(nets, func(n netip.Prefix) bool { return n.Addr().Is4() }) {
		add(netip.PrefixFrom(netip.AddrFrom4([4]byte{198, 18, byte(number), 0}), 24))
	}
	return nets
}

func (p *Plan) networksOf(in InstancePlan, link string, add func(netip.Prefix)) {
	if in.Link == link {
		for _, a := range append([]netip.Addr{in.Source}, in.Peers...) {
			if a.IsValid() {
				add(netip.PrefixFrom(a, a.BitLen()))
			}
		}
	}
	for _, v := range in.VIPs {
		if v.Link == link {
			add(v.Prefix)
		}
	}
}

// around is the network of an address; none for link-local ones, which every
// link has by itself.
func around(p netip.Prefix) netip.Prefix {
	switch {
	case p.Addr().IsLinkLocalUnicast() && p.Addr().Is6():
		return netip.Prefix{}
	case p.Addr().Is4() && p.Bits() > 30:
		return netip.PrefixFrom(p.Addr(), 24).Masked()
	case p.Addr().Is6() && p.Bits() > 64:
		return netip.PrefixFrom(p.Addr(), 64).Masked()
	}
	return p.Masked()
}

// place gives a node an address in every network of its links.
func (p *Plan) place(i int, used map[netip.Addr]bool) {
	n := p.Nodes[i]
	for _, link := range n.Links {
		for _, network := range p.networks(slices.Index(p.Links, link), link) {
			if slices.ContainsFunc(n.Addrs[link], func(a netip.Prefix) bool { return network.Contains(a.Addr()) }) {
				continue
			}
			n.Addrs[link] = append(n.Addrs[link], p.choose(i, link, network, used))
		}
	}
}

func (p *Plan) choose(i int, link string, network netip.Prefix, used map[netip.Addr]bool) netip.Prefix {
	for _, a := range p.named(i, link) {
		if network.Contains(a) {
			return netip.PrefixFrom(a, network.Bits())
		}
	}
	a := network.Addr().Next()
	for used[a] {
		a = a.Next()
	}
	used[a] = true
	return netip.PrefixFrom(a, network.Bits())
}

// named are the addresses that the files say a node has on a link: its sources,
// else what others call their peer and nobody calls its own.
func (p *Plan) named(i int, link string) []netip.Addr {
	var own, theirs, others []netip.Addr
	for j, n := range p.Nodes {
		for _, in := range n.Instances {
			switch {
			case in.Link != link:
			case j == i:
				own = append(own, in.Source)
				others = append(others, in.Peers...)
			default:
				theirs = append(theirs, in.Peers...)
				others = append(others, in.Source)
			}
		}
		for _, a := range n.Addrs[link] {
			others = append(others, a.Addr())
		}
	}
	theirs = slices.DeleteFunc(theirs, func(a netip.Addr) bool { return slices.Contains(others, a) })
	return slices.DeleteFunc(append(own, theirs...), func(a netip.Addr) bool { return !a.IsValid() })
}

// lastFree is the highest host address of a network that nobody uses, counted
// down from the last but one of the first 65536.
func lastFree(network netip.Prefix, used map[netip.Addr]bool) netip.Prefix {
	a := network.Addr()
	for range 1<<min(network.Addr().BitLen()-network.Bits(), 16) - 2 {
		a = a.Next()
	}
	for used[a] {
		a = a.Prev()
	}
	used[a] = true
	return netip.PrefixFrom(a, network.Bits())
}

// nodeName splits NAME=FILE, or makes the name from the file's.
func nodeName(arg string) (name, file string) {
	if name, file, ok := strings.Cut(arg, "="); ok && !strings.Contains(name, "/") {
		return name, file
	}
	return strings.TrimSuffix(filepath.Base(arg), ".conf"), arg
}

// Node finds a node by name; nil if there is none.
func (p *Plan) Node(name string) *NodePlan {
	i := slices.IndexFunc(p.Nodes, func(n *NodePlan) bool { return n.Name == name })
	if i < 0 {
		return nil
	}
	return p.Nodes[i]
}

// Check says what is wrong with a fault before the network is built.
func (p *Plan) Check(f fault.Fault) error {
	for _, side := range append(f.Sides, []string{f.Node}) {
		for _, name := range side {
			if name != "" && p.Node(name) == nil {
				return fmt.Errorf("%s: there is no node %q", f, name)
			}
		}
	}
	n := p.Node(f.Node)
	if n != nil && n.Server != nil && (f.Verb == fault.Reload || f.Verb == fault.DropVRRP || f.Verb == fault.AllowVRRP) {
		return fmt.Errorf("%s: %s is a real server: it has no file and speaks no VRRP", f, f.Node)
	}
	switch f.Verb {
	case fault.LinkDown, fault.LinkUp:
		if !slices.Contains(n.Links, f.Arg) {
			return fmt.Errorf("%s: %s has no link %q, only %s", f, f.Node, f.Arg, strings.Join(n.Links, " "))
		}
	case fault.Fail, fault.Recover:
		if !slices.ContainsFunc(n.Scripts, func(s ScriptPlan) bool { return s.Name == f.Arg }) {
			return fmt.Errorf("%s: %s tracks no script %q", f, f.Node, f.Arg)
		}
	}
	return nil
}
