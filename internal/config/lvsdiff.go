package config

import (
	"fmt"
	"net/netip"
	"reflect"
	"strings"

	"holdfast/internal/vrrp"
)

// String writes an entry as a file does.
func (e GroupEntry) String() string {
	var b strings.Builder
	switch {
	case !e.From.IsValid():
		fmt.Fprintf(&b, "fwmark %d", e.Mark)
		if e.Family != 0 {
			b.WriteString(map[uint8]string{4: " inet", 6: " inet6"}[e.Family])
		}
		return b.String()
	case e.From == e.To:
		b.WriteString(e.From.String())
	default:
		fmt.Fprintf(&b, "%s-%s", e.From, e.To)
	}
	if e.Port != 0 {
		fmt.Fprintf(&b, " %d", e.Port)
	}
	return b.String()
}

// String names a sorry server; there may be none.
func (s *SorryServer) String() string {
	if s == nil {
		return "none"
	}
	text := fmt.Sprintf("%s %d %s", s.Addr, s.Port, s.Forwarding)
	if s.Inhibit {
		text += " inhibit"
	}
	return text
}

// String writes a way of forwarding as a file does.
func (f Forwarding) String() string {
	text := f.Method.String()
	if f.Tunnel != IPIP {
		text += " type " + [...]string{"ipip", "gue", "gre"}[min(f.Tunnel, GRE)]
	}
	if f.Port != 0 {
		text += fmt.Sprintf(" port %d", f.Port)
	}
	if f.Checksum != NoChecksum {
		text += " " + [...]string{"nocsum", "csum", "remcsum"}[min(f.Checksum, RemoteChecksum)]
	}
	return text
}

// diffSSL is what changes in the block SSL. The password is told of and not told.
func diffSSL(from, to *SSL) []Change {
	switch {
	case from == nil && to == nil:
		return nil
	case from == nil:
		return []Change{{Kind: Added, What: "SSL"}}
	case to == nil:
		return []Change{{Kind: Removed, What: "SSL"}}
	}
	changes := alterations("SSL", vrrp.Key{}, withoutPassword(from), withoutPassword(to))
	if from.Password == to.Password {
		return changes
	}
	if changes == nil {
		changes = []Change{{Kind: Altered, What: "SSL"}}
	}
	changes[0].Details = append(changes[0].Details, "password changed")
	return changes
}

func withoutPassword(s *SSL) SSL {
	o := *s
	o.Password = ""
	return o
}

// realServers lists what changes among the real servers of a virtual server.
func realServers(out *[]string, from, to []RealServer) {
	old := make(map[netip.AddrPort]*RealServer, len(from))
	for i := range from {
		old[from[i].at()] = &from[i]
	}
	for i := range to {
		was := old[to[i].at()]
		delete(old, to[i].at())
		if was == nil {
			*out = append(*out, "+ "+to[i].name())
			continue
		}
		realServer(out, was, &to[i])
	}
	for i := range from {
		if old[from[i].at()] != nil {
			*out = append(*out, "- "+from[i].name())
		}
	}
}

// realServer lists what changes in one real server; of its checks, only that
// they do.
func realServer(out *[]string, from, to *RealServer) {
	a, b := *from, *to
	a.Checks, b.Checks = nil, nil
	walk(out, []string{from.name()}, reflect.ValueOf(a), reflect.ValueOf(b))
	if !reflect.DeepEqual(from.Checks, to.Checks) {
		*out = append(*out, from.name()+" checks changed")
	}
}

func (r *RealServer) at() netip.AddrPort { return netip.AddrPortFrom(r.Addr, r.Port) }

func (r *RealServer) name() string { return fmt.Sprintf("real_server %s %d", r.Addr, r.Port) }
