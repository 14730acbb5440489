package config

import (
	"cmp"
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"holdfast/internal/host"
	"holdfast/internal/notify"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// Equal reports whether two configurations say the same.
func (c *Config) Equal(o *Config) bool { return reflect.DeepEqual(c, o) }

// ChangeKind says what became of a part of the configuration.
type ChangeKind uint8

// The kinds.
const (
	Added ChangeKind = iota
	Removed
	Altered
)

// Change is one difference between two configurations, for people and logs.
type Change struct {
	Kind ChangeKind
	// What names the part: "vrrp_instance VI_1 (eth0 vrid 51)", "global_defs".
	What string
	// Key is the identity of an instance; the zero Key for other parts.
	Key vrrp.Key
	// Details says what was altered: "priority 100 -> 90", "+ 10.0.0.5/32 dev eth0".
	Details []string
}

// String is a line as `plan` prints it.
func (c Change) String() string {
	line := string("+-~"[c.Kind]) + " " + c.What
	if len(c.Details) > 0 {
		line += ": " + strings.Join(c.Details, "; ")
	}
	return line
}

// Diff lists what changes from one configuration to another. Instances are the
// same when the wire cannot tell them apart, whatever their names; everything
// else goes by name.
func Diff(from, to *Config) []Change {
	var out []Change
	out = append(out, alterations("global_defs", vrrp.Key{}, from.Global, to.Global)...)
	out = append(out, compareParts(from.Scripts, to.Scripts, func(s *Script) string { return s.Name },
		func(s *Script) (string, vrrp.Key) { return "vrrp_script " + s.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.Files, to.Files, func(f *File) string { return f.Name },
		func(f *File) (string, vrrp.Key) { return "track_file " + f.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.Processes, to.Processes, func(p *Process) string { return p.Name },
		func(p *Process) (string, vrrp.Key) { return "vrrp_track_process " + p.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.Checks, to.Checks, func(c *VRRPCheck) string { return c.Name },
		func(c *VRRPCheck) (string, vrrp.Key) { return "vrrp_check " + c.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.Webhooks, to.Webhooks, func(w *Webhook) string { return w.Name },
		func(w *Webhook) (string, vrrp.Key) { return "webhook " + w.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.BFDs, to.BFDs, func(s *BFD) string { return s.Name },
		func(s *BFD) (string, vrrp.Key) { return "bfd_instance " + s.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.TrackGroups, to.TrackGroups, func(g *TrackGroup) string { return g.Name },
		func(g *TrackGroup) (string, vrrp.Key) { return "track_group " + g.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.GARPGroups, to.GARPGroups, (*GARPGroup).identity,
		func(g *GARPGroup) (string, vrrp.Key) { return "garp_group " + g.identity(), vrrp.Key{} })...)
	out = append(out, compareParts(from.Linkbeats, to.Linkbeats, func(l *Linkbeat) string { return l.Link },
		func(l *Linkbeat) (string, vrrp.Key) { return "linkbeat_interfaces " + l.Link, vrrp.Key{} })...)
	out = append(out, compareParts(from.LinkDelays, to.LinkDelays, func(d *LinkDelay) string { return d.Link },
		func(d *LinkDelay) (string, vrrp.Key) { return "interface_up_down_delays " + d.Link, vrrp.Key{} })...)
	out = append(out, compareParts(from.Groups, to.Groups, func(g *Group) string { return g.Name },
		func(g *Group) (string, vrrp.Key) { return "vrrp_sync_group " + g.Name, vrrp.Key{} })...)
	out = append(out, compareParts(from.Instances, to.Instances, func(i *Instance) vrrp.Key { return i.VRRP.Key }, describeInstance)...)
	out = append(out, alterations("static_ipaddress", vrrp.Key{}, from.StaticAddresses, to.StaticAddresses)...)
	out = append(out, alterations("static_routes", vrrp.Key{}, from.StaticRoutes, to.StaticRoutes)...)
	out = append(out, alterations("static_rules", vrrp.Key{}, from.StaticRules, to.StaticRules)...)
	out = append(out, compareParts(from.ServerGroups, to.ServerGroups, func(g *ServerGroup) string { return g.Name },
		func(g *ServerGroup) (string, vrrp.Key) { return "virtual_server_group " + g.Name, vrrp.Key{} })...)
	out = append(out, diffSSL(from.SSL, to.SSL)...)
	return append(out, compareParts(from.VirtualServers, to.VirtualServers, (*VirtualServer).identity,
		func(v *VirtualServer) (string, vrrp.Key) { return "virtual_server " + v.identity(), vrrp.Key{} })...)
}

func describeInstance(i *Instance) (string, vrrp.Key) {
	family := ""
	if i.VRRP.V6 {
		family = " IPv6"
	}
	return fmt.Sprintf("vrrp_instance %s (%s%s vrid %d)", i.VRRP.Name, cmp.Or(i.VRRP.Link, i.VRRP.From.String()), family, i.VRRP.VRID), i.VRRP.Key
}

// identity names a group by its interfaces.
func (g *GARPGroup) identity() string { return strings.Join(g.Links, " ") }

// identity names a service as its block does.
func (v *VirtualServer) identity() string {
	switch {
	case v.Group != "":
		return strings.TrimSpace("group " + v.Group + " " + v.Protocol)
	case v.Addr.IsValid():
		return fmt.Sprintf("%s %d %s", v.Addr, v.Port, v.Protocol)
	}
	return fmt.Sprintf("fwmark %d %s", v.Mark, familyName(v.V6))
}

// compareParts pairs the parts of two lists by identity. What goes is told before what
// comes.
func compareParts[T any, K comparable](from, to []T, id func(*T) K, describe func(*T) (string, vrrp.Key)) []Change {
	old := make(map[K]*T, len(from))
	for i := range from {
		old[id(&from[i])] = &from[i]
	}
	kept := make(map[K]bool, len(to))
	var out []Change
	for i := range to {
		kept[id(&to[i])] = true
	}
	for i := range from {
		if !kept[id(&from[i])] {
			what, key := describe(&from[i])
			out = append(out, Change{Removed, what, key, nil})
		}
	}
	for i := range to {
		what, key := describe(&to[i])
		was := old[id(&to[i])]
		if was == nil {
			out = append(out, Change{Added, what, key, nil})
			continue
		}
		out = append(out, alterations(what, key, *was, to[i])...)
	}
	return out
}

// alterations is one Change, or none when nothing is altered.
func alterations(what string, key vrrp.Key, from, to any) []Change {
	if reflect.DeepEqual(from, to) {
		return nil
	}
	var details []string
	walk(&details, nil, reflect.ValueOf(from), reflect.ValueOf(to))
	return []Change{{Altered, what, key, details}}
}

// walk tells the differing fields of two values of one type.
func walk(out *[]string, path []string, from, to reflect.Value) {
	if reflect.DeepEqual(from.Interface(), to.Interface()) {
		return
	}
	name := strings.Join(path, " ")
	switch {
	case name == "has pass", name == "header":
		// The password tells it.
	case name == "password":
		*out = append(*out, "auth_pass changed")
	case from.Type() == reflect.TypeFor[Secret](), from.Type() == reflect.TypeFor[[]Header]():
		*out = append(*out, name+" changed")
	case name == "hmac":
		*out = append(*out, "auth_hmac changed")
	case name == "real servers":
		realServers(out, from.Interface().([]RealServer), to.Interface().([]RealServer))
	case name == "vips":
		members(out, "advertised ", from, to)
	case printed(from):
		*out = append(*out, strings.TrimSpace(fmt.Sprintf("%s %s -> %s", name, show(from), show(to))))
	case from.Kind() == reflect.Slice:
		members(out, "", from, to)
	case from.Kind() == reflect.Struct:
		for i := range from.NumField() {
			walk(out, below(path, from.Type().Field(i)), from.Field(i), to.Field(i))
		}
	default:
		*out = append(*out, fmt.Sprintf("%s %s -> %s", name, show(from), show(to)))
	}
}

// below is the path of a field; embedded structs and the machine's own part
// leave no trace.
func below(path []string, f reflect.StructField) []string {
	if f.Anonymous || f.Name == "VRRP" {
		return path
	}
	return append(slices.Clone(path), uncamel(f.Name))
}

// members tells what a list lost and gained, or that its order changed.
func members(out *[]string, kind string, from, to reflect.Value) {
	old, now := texts(from), texts(to)
	before := len(*out)
	*out = missing(*out, "- "+kind, old, now)
	*out = missing(*out, "+ "+kind, now, old)
	if len(*out) == before {
		*out = append(*out, kind+"order "+strings.Join(now, ", "))
	}
}

// missing appends what is in one list and not in another.
func missing(out []string, mark string, in, notIn []string) []string {
	there := make(map[string]bool, len(notIn))
	for _, s := range notIn {
		there[s] = true
	}
	for _, s := range in {
		if !there[s] {
			out = append(out, mark+s)
		}
	}
	return out
}

func texts(list reflect.Value) []string {
	out := make([]string, list.Len())
	for i := range out {
		out[i] = show(list.Index(i))
	}
	return out
}

// printed reports whether a value is shown whole.
func printed(v reflect.Value) bool {
	switch v.Interface().(type) {
	case netip.Addr, netip.Prefix, *notify.Command, notify.Command, ExtraGARP, Forwarding:
		return true
	}
	return v.Kind() != reflect.Slice && v.Kind() != reflect.Struct
}

// show writes a value as people read it.
func show(v reflect.Value) string {
	switch x := v.Interface().(type) {
	case netip.Addr:
		if !x.IsValid() {
			return "none"
		}
		return x.String()
	case *notify.Command:
		if x == nil {
			return "none"
		}
		return fmt.Sprintf("%q", x.Line)
	case notify.Command:
		return fmt.Sprintf("%q", x.Line)
	case Address:
		return x.String()
	case tracker.Track:
		return fmt.Sprintf("track %s weight %d", x.Name, x.Weight)
	case vrrp.Peer:
		return "peer " + x.Addr.String()
	case string:
		if x == "" {
			return "none"
		}
		return x
	case fmt.Stringer:
		return x.String()
	default:
		return fmt.Sprint(x)
	}
}

// String writes an address as a file does, with the options that differ from
// the usual.
func (a Address) String() string {
	var b strings.Builder
	b.WriteString(a.Prefix.String())
	word := func(set bool, text string) {
		if set {
			b.WriteString(" " + text)
		}
	}
	word(a.Peer.IsValid(), "peer "+a.Peer.String())
	word(a.Link != "", "dev "+a.Link)
	word(a.Broadcast.IsValid(), "brd "+a.Broadcast.String())
	word(a.Scope != 0, fmt.Sprintf("scope %d", a.Scope))
	word(a.Label != "", "label "+a.Label)
	word(a.Preferred != host.Forever, fmt.Sprintf("preferred_lft %d", a.Preferred))
	word(a.Home, "home")
	word(a.Prefix.Addr().Is6() && !a.NoDAD, "-nodad")
	word(a.ManageTemp, "mngtmpaddr")
	word(a.NoPrefixRoute, "noprefixroute")
	word(a.AutoJoin, "autojoin")
	word(a.NoTrack, "no_track")
	return b.String()
}

// uncamel makes words of the name of a field: "LowerRepeat" is "lower repeat".
func uncamel(name string) string {
	var b strings.Builder
	runes := []rune(name)
	for i, r := range runes {
		if i > 0 && unicode.IsUpper(r) && (unicode.IsLower(runes[i-1]) || i+2 < len(runes) && unicode.IsLower(runes[i+1])) {
			b.WriteByte(' ')
		}
		b.WriteRune(unicode.ToLower(r))
	}
	return b.String()
}
