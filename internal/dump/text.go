package dump

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/notify"
)

// words is a line in the making.
type words []string

func (w *words) when(holds bool, word ...string) {
	if holds {
		*w = append(*w, word...)
	}
}

func (w words) String() string { return strings.Join(w, " ") }

// bare leaves out the length of a host address.
func bare(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// address writes one as `ip address` does, with what keepalived adds to that; parent is
// the interface below that of the address, if that is a macvlan of ours.
func address(a *config.Address, parent string, held bool) string {
	link := a.Link
	if parent != "" {
		link += "@" + parent
	}
	line := words{bare(a.Prefix)}
	line.when(a.Broadcast.IsValid(), "brd", a.Broadcast.String())
	line = append(line, "dev", link, "scope", scope(a.Scope))
	line.when(a.Label != "", "label", a.Label)
	line.when(a.Peer.IsValid(), "peer", a.Peer.String())
	line.when(a.Home, "home")
	line.when(a.ManageTemp, "mngtmpaddr")
	line.when(a.NoPrefixRoute, "noprefixroute")
	line.when(a.AutoJoin, "autojoin")
	line = append(line, lifetime(a)...)
	line.when(a.NoTrack, "no_track")
	line.when(held, "set")
	line.when(held && a.Shield != host.Unshielded, "nftable_set")
	return line.String()
}

// lifetime is told of IPv6 only.
func lifetime(a *config.Address) words {
	switch {
	case !a.V6():
		return nil
	case a.Preferred == 0:
		return words{"deprecated"}
	case a.Preferred == host.Forever:
		return words{"preferred_lft", "forever"}
	}
	return words{"preferred_lft", fmt.Sprint(a.Preferred)}
}

func scope(n uint8) string {
	switch n {
	case 0:
		return "global"
	case 200:
		return "site"
	case 253:
		return "link"
	case 254:
		return "host"
	}
	return fmt.Sprint(n)
}

func (s *Source) routes(of []host.Route) (list []string) {
	for i := range of {
		list = append(list, s.followed(&of[i], route(&of[i]), of[i].Hop.Link != ""))
	}
	return list
}

func (s *Source) rules(of []host.Rule) (list []string) {
	for i := range of {
		list = append(list, s.followed(&of[i], rule(&of[i]), true))
	}
	return list
}

// followed says at the end of a line that the thing is not tracked.
func (s *Source) followed(t host.Thing, line string, trackable bool) string {
	if !trackable || slices.Contains(s.Untracked, t.String()) {
		line += " no_track"
	}
	return line
}

func realms(r host.Realms) words {
	switch {
	case r == host.Realms{}:
		return nil
	case r.From == 0:
		return words{"realm", r.String()}
	}
	return words{"realms", r.String()}
}

func route(r *host.Route) string {
	line := words{[]string{"prepend", "append", "add"}[r.Placement]}
	line.when(r.Type != host.Unicast, r.Type.String())
	line = append(line, bare(r.Dst))
	line.when(r.Src.IsValid(), "from", bare(r.Src))
	line.when(r.PrefSrc.IsValid(), "src", r.PrefSrc.String())
	line.when(r.TOS != 0, "tos", fmt.Sprint(r.TOS))
	line = append(line, way(&r.Hop, "")...)
	line.when(r.Table != host.TableMain && r.Table != 0, "table", fmt.Sprint(r.Table))
	line.when(r.Protocol != 0, "proto", fmt.Sprint(r.Protocol))
	line.when(r.Scope != 0, "scope", fmt.Sprint(r.Scope))
	line.when(r.Metric != 0, "metric", fmt.Sprint(r.Metric))
	line.when(r.Hop.OnLink, "onlink")
	line = append(line, realms(r.Hop.Realms)...)
	line = append(line, metrics(r)...)
	line.when(r.Expires.Given, "expires", fmt.Sprintf("%dsec", r.Expires.Value))
	line.when(r.Preference.Given, "pref", map[uint32]string{0: "medium", 1: "high", 3: "low"}[r.Preference.Value])
	line.when(r.TTLPropagate.Given, "ttl-propagate", map[uint32]string{0: "disabled", 1: "enabled"}[r.TTLPropagate.Value])
	for i := range r.Hops {
		line = append(line, way(&r.Hops[i], "nexthop")...)
	}
	return line.String()
}

// way is one of several after the word nexthop, or the only one.
func way(h *host.NextHop, begin string) words {
	var line words
	line.when(begin != "", begin)
	if h.Encap.Kind != host.NoEncap {
		line = append(line, h.Encap.String())
	}
	line.when(h.Via.Is4(), "via", "inet", h.Via.String())
	line.when(h.Via.Is6(), "via", "inet6", h.Via.String())
	line.when(h.Link != "", "dev", h.Link)
	line.when(h.Weight > 0, "weight", fmt.Sprint(h.Weight))
	line.when(begin != "" && h.OnLink, "onlink")
	if begin != "" {
		line = append(line, realms(h.Realms)...)
	}
	return line
}

// metrics are in the order of keepalived's dump.
func metrics(r *host.Route) (line words) {
	if r.Congestion != "" {
		line = append(line, "congctl")
		line.when(r.CongestionLocked, "lock")
		line = append(line, r.Congestion)
	}
	for _, kind := range []host.MetricKind{host.RTT, host.RTTVar, host.RTOMin, host.Features, host.MTU, host.Window, host.SlowStart, host.CongestionWindow,
		host.AdvMSS, host.Reordering, host.HopLimit, host.InitCwnd, host.InitRwnd, host.QuickACK, host.FastOpenNoCookie} {
		for _, m := range r.Metrics {
			if m.Kind == kind {
				line = append(line, kind.String())
				line.when(m.Locked, "lock")
				line = append(line, value(m))
			}
		}
	}
	return line
}

// value writes times in milliseconds, whatever the unit of the kernel.
func value(m host.Metric) string {
	switch m.Kind {
	case host.RTT:
		return fmt.Sprintf("%dms", m.Value/8)
	case host.RTTVar:
		return fmt.Sprintf("%dms", m.Value/4)
	case host.RTOMin:
		return fmt.Sprintf("%dms", m.Value)
	case host.Features:
		if m.Value == host.FeatureECN {
			return "ecn"
		}
	}
	return fmt.Sprint(m.Value)
}

func rule(r *host.Rule) string {
	var line words
	line.when(r.Invert, "not")
	line = append(line, "from", everything(r.From))
	line.when(r.To.IsValid(), "to", bare(r.To))
	line = append(line, "priority", fmt.Sprint(r.Preference), "tos", fmt.Sprintf("0x%x", r.TOS))
	line.when(r.HasMark, "fwmark", mark(r))
	line.when(r.In != "", "iif", r.In)
	line.when(r.Out != "", "oif", r.Out)
	line.when(r.SuppressPrefix.Given, "suppress_prefixlen", fmt.Sprint(r.SuppressPrefix.Value))
	line.when(r.SuppressGroup.Given, "suppress_ifgroup", fmt.Sprint(r.SuppressGroup.Value))
	line.when(r.TunnelID != 0, "tunnel-id", fmt.Sprint(r.TunnelID))
	line.when(r.HasUIDs, "uidrange", r.UIDs.String())
	line.when(r.IPProto != 0, "ipproto", fmt.Sprint(r.IPProto))
	line.when(r.SPort != host.Range{}, "sport", ports(r.SPort))
	line.when(r.DPort != host.Range{}, "dport", ports(r.DPort))
	line.when(r.L3MDev, "l3mdev")
	line.when(r.Protocol != 0, "protocol", fmt.Sprint(r.Protocol))
	line = append(line, realms(r.Realms)...)
	line = append(line, action(r)...)
	return line.String()
}

func everything(p netip.Prefix) string {
	if !p.IsValid() {
		return "all"
	}
	return bare(p)
}

func mark(r *host.Rule) string {
	if r.MarkMask.Given {
		return fmt.Sprintf("0x%x/0x%x", r.Mark, r.MarkMask.Value)
	}
	return fmt.Sprintf("0x%x", r.Mark)
}

func ports(r host.Range) string {
	if r.From == r.To {
		return fmt.Sprint(r.From)
	}
	return r.String()
}

func action(r *host.Rule) words {
	switch r.Action {
	case host.ToTable:
		return words{"lookup", fmt.Sprint(r.Table)}
	case host.Goto:
		return words{"goto", fmt.Sprint(r.Goto)}
	case host.Nop:
		return words{"nop"}
	case host.RuleBlackhole:
		return words{"type", "blackhole"}
	case host.RuleUnreachable:
		return words{"type", "unreachable"}
	}
	return words{"type", "prohibit"}
}

// quoted writes a command, each word in quotation marks.
func quoted(c *notify.Command) string {
	line := make([]string, len(c.Argv))
	for i, word := range c.Argv {
		line[i] = "'" + word + "'"
	}
	return strings.Join(line, " ")
}
