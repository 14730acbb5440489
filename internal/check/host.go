package check

import (
	"fmt"
	"maps"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"holdfast/internal/command"
	"holdfast/internal/conf"
	"holdfast/internal/config"
	"holdfast/internal/lint"
	"holdfast/internal/load"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// link is an interface of this machine.
type link struct {
	up, multicast bool
	ipv6Disabled  bool
	addrs         []netip.Prefix
}

// links asks the kernel.
func links() (map[string]link, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("list the interfaces: %w", err)
	}
	all := map[string]link{}
	for _, i := range list {
		l := link{up: i.Flags&net.FlagUp != 0, multicast: i.Flags&net.FlagMulticast != 0}
		addrs, _ := i.Addrs() // none, if the interface has just gone
		for _, a := range addrs {
			if p, err := netip.ParsePrefix(a.String()); err == nil {
				l.addrs = append(l.addrs, netip.PrefixFrom(p.Addr().Unmap(), p.Bits()))
			}
		}
		off, _ := os.ReadFile("/proc/sys/net/ipv6/conf/" + i.Name + "/disable_ipv6")
		l.ipv6Disabled = strings.TrimSpace(string(off)) == "1"
		all[i.Name] = l
	}
	return all, nil
}

// machine compares a configuration with this machine. The reading is not used by
// anybody else: judging scripts takes those out that cannot run.
func machine(r *load.Reading) []conf.Diag {
	if r.Config == nil {
		return nil
	}
	var out []conf.Diag
	if all, err := links(); err != nil {
		out = append(out, conf.Diag{Severity: conf.Complaint, Text: err.Error()})
	} else {
		out = compare(r.Tree, r.Config, all)
	}
	r.Judge()
	return append(out, problems(r)...)
}

// comparer gathers what differs between a configuration and the interfaces.
type comparer struct {
	links map[string]link
	node  *conf.Node
	diags []conf.Diag
}

func compare(tree *conf.Tree, cfg *config.Config, all map[string]link) []conf.Diag {
	nodes := map[string]*conf.Node{}
	for _, n := range tree.Nodes {
		if n.Keyword.Text == "vrrp_instance" && len(n.Args) == 1 && nodes[n.Args[0].Text] == nil {
			nodes[n.Args[0].Text] = n
		}
	}
	c := &comparer{links: all}
	for i := range cfg.Instances {
		in := &cfg.Instances[i]
		if c.node = nodes[in.VRRP.Name]; c.node != nil {
			c.instance(in)
		}
	}
	return c.diags
}

func (c *comparer) report(s conf.Severity, rule string, at conf.Span, text, fix string) {
	c.diags = append(c.diags, conf.Diag{Severity: s, Rule: rule, Span: at, Text: text, Fix: fix, Block: c.node.Title()})
}

// instance compares one instance. Of an interface that is missing nothing more
// is said.
func (c *comparer) instance(in *config.Instance) {
	for _, t := range in.Tracks {
		if t.Kind == tracker.Interface {
			c.there(t.Name, c.entry(t.Name, "track_interface"), "it counts as down until it appears")
		}
	}
	for i := range in.Addrs {
		if a := &in.Addrs[i]; a.Link != in.VRRP.Link && a.Link != "" {
			c.there(a.Link, c.address(a.Prefix.Addr()), "the address cannot be added until it appears")
		}
	}
	const consequence = "the instance is in FAULT until it appears"
	if in.VRF {
		c.there(in.VRRP.Link, c.at("vrf"), consequence)
		return
	}
	if in.VRRP.Link == "" || !c.there(in.VRRP.Link, c.at("interface"), consequence) {
		return
	}
	l := c.links[in.VRRP.Link]
	c.family(&in.VRRP, l)
	c.source(&in.VRRP, l)
	c.networks(&in.VRRP, l)
}

// there reports whether an interface exists.
func (c *comparer) there(name string, at conf.Span, what string) bool {
	_, found := c.links[name]
	if !found {
		c.report(conf.Complaint, "no-interface", at, fmt.Sprintf("there is no interface %s on this machine: %s", name, what), "it has "+c.names())
	}
	return found
}

// namesShown bounds the list of interfaces.
const namesShown = 10

func (c *comparer) names() string {
	names := slices.Sorted(maps.Keys(c.links))
	if n := len(names); n > namesShown {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:namesShown], ", "), n-namesShown)
	}
	return strings.Join(names, ", ")
}

// family demands an address of the instance's family to send from, and multicast.
func (c *comparer) family(r *vrrp.Config, l link) {
	if r.V6 && l.ipv6Disabled {
		c.report(conf.Complaint, "ipv6-disabled", c.at("interface"), "IPv6 is turned off on "+r.Link+": the instance has no address to send from and none can be added",
			"sysctl net.ipv6.conf."+r.Link+".disable_ipv6=0")
		return
	}
	if len(r.Peers) == 0 && !l.multicast {
		c.report(conf.Complaint, "no-multicast", c.at("interface"), r.Link+" does not do multicast: no advert leaves it", "ip link set "+r.Link+" multicast on; or write unicast_peer")
	}
	if r.Source.IsValid() || slices.ContainsFunc(l.addrs, func(p netip.Prefix) bool { return sends(r, p.Addr()) }) {
		return
	}
	what := "IPv4 address"
	if r.V6 {
		what = "link-local IPv6 address"
	}
	c.report(conf.Complaint, "no-source-address", c.at("interface"), fmt.Sprintf("%s has no %s to send from: the instance is in FAULT until it has one", r.Link, what), "add one, or write unicast_src_ip or mcast_src_ip")
}

// sends reports whether an instance can send adverts from an address.
func sends(r *vrrp.Config, a netip.Addr) bool {
	if r.V6 {
		return a.Is6() && a.IsLinkLocalUnicast() && !slices.Contains(r.VIPs, a)
	}
	return a.Is4() && !slices.Contains(r.VIPs, a)
}

// source demands that a source that is named is this machine's.
func (c *comparer) source(r *vrrp.Config, l link) {
	if !r.Source.IsValid() || slices.ContainsFunc(l.addrs, func(p netip.Prefix) bool { return p.Addr() == r.Source }) {
		return
	}
	c.report(conf.Complaint, "foreign-source", c.at("unicast_src_ip", "mcast_src_ip"), fmt.Sprintf("%s is no address of %s on this machine: adverts cannot be sent from it", r.Source, r.Link), "it has "+list(l.addrs))
}

// networks compares the virtual addresses with the networks of the interface.
func (c *comparer) networks(r *vrrp.Config, l link) {
	for _, vip := range r.VIPs {
		if vip.IsLinkLocalUnicast() || !slices.ContainsFunc(l.addrs, func(p netip.Prefix) bool { return p.Addr().Is4() == vip.Is4() }) {
			continue
		}
		if !slices.ContainsFunc(l.addrs, func(p netip.Prefix) bool {
			return p.Bits() < vip.BitLen() && p.Masked().Contains(vip) || p.Addr() == vip
		}) {
			c.report(conf.Advice, "foreign-network", c.address(vip), fmt.Sprintf("%s is in no network of %s: neighbours will not ask for it there", vip, r.Link), "it has "+list(l.addrs))
		}
	}
}

func list(addrs []netip.Prefix) string {
	var words []string
	for _, p := range addrs {
		words = append(words, p.String())
	}
	if len(words) == 0 {
		return "none"
	}
	return strings.Join(words, ", ")
}

// at is the place of a keyword in the instance, or that of the instance.
func (c *comparer) at(words ...string) conf.Span {
	for _, n := range c.node.Body {
		if slices.Contains(words, n.Keyword.Text) {
			return n.Span()
		}
	}
	return c.node.Span()
}

// address is the place of a virtual address.
func (c *comparer) address(a netip.Addr) conf.Span {
	for _, list := range []string{"virtual_ipaddress", "virtual_ipaddress_excluded"} {
		for _, n := range c.lines(list) {
			text, _, _ := strings.Cut(n.Keyword.Text, "/")
			if written, err := netip.ParseAddr(text); err == nil && written == a {
				return n.Span()
			}
		}
	}
	return c.node.Span()
}

// entry is the place of a line in a list of the instance.
func (c *comparer) entry(word, list string) conf.Span {
	for _, n := range c.lines(list) {
		if n.Keyword.Text == word {
			return n.Span()
		}
	}
	return c.node.Span()
}

func (c *comparer) lines(list string) []*conf.Node {
	var lines []*conf.Node
	for _, n := range c.node.Body {
		if n.Keyword.Text == list {
			lines = append(lines, n.Body...)
		}
	}
	return lines
}

// problems makes findings of what is wrong with scripts on this machine.
func problems(r *load.Reading) []conf.Diag {
	var out []conf.Diag
	for _, p := range r.Problems {
		if p.Severity == command.Notice && !strings.Contains(p.Script, "/") {
			continue // found along PATH: bare-command says what to do
		}
		text := strings.TrimPrefix(p.Text, "WARNING - ")
		d := conf.Diag{Severity: conf.Complaint, Rule: "script-path", Text: text, Fix: p.Fix, Span: commandPlace(r.Tree.Nodes, p.Script)}
		if p.Severity == command.Notice {
			d.Severity = conf.Advice
		}
		out = append(out, d)
	}
	return out
}

// commandPlace finds where a command stands.
func commandPlace(nodes []*conf.Node, line string) conf.Span {
	for _, n := range nodes {
		if lint.Runs(n.Keyword.Text) && config.CommandLine(n.Raw) == line {
			return n.Span()
		}
		if at := commandPlace(n.Body, line); at.Origin != nil {
			return at
		}
	}
	return conf.Span{}
}
