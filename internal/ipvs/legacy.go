package ipvs

import (
	"cmp"
	"fmt"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"
)

// Legacy is what is in the kernel because of us. The kernel has no room for a mark,
// so it is written down, for a run after a crash.
type Legacy struct {
	Services []Key
	// Before are the timeouts of connections before they were set; zero: they were not.
	Before Timeouts
	Roles  []Role // of synchronisation daemons
	// Table is the one of nftables that marks packets; empty: there is none. Shares are the
	// marks in it.
	Table  string
	Shares map[Share]uint32
}

// Share is who has a mark together: the virtual servers of a protocol that use a group.
type Share struct {
	Group    string
	Protocol Protocol
}

// Equal reports whether both say the same.
func (l Legacy) Equal(o Legacy) bool {
	return slices.Equal(l.Services, o.Services) && l.Before == o.Before && slices.Equal(l.Roles, o.Roles) &&
		l.Table == o.Table && maps.Equal(l.Shares, o.Shares)
}

// Empty reports whether nothing is to be written down.
func (l Legacy) Empty() bool { return l.Equal(Legacy{}) }

// String is a line for each thing, for ReadLegacy.
func (l Legacy) String() string {
	var b strings.Builder
	if l.Before != (Timeouts{}) {
		fmt.Fprintf(&b, "timeouts %d %d %d\n", l.Before.TCP, l.Before.TCPFin, l.Before.UDP)
	}
	for _, r := range l.Roles {
		fmt.Fprintf(&b, "daemon %d\n", r)
	}
	if l.Table != "" {
		fmt.Fprintf(&b, "nftables %q\n", l.Table)
	}
	for _, s := range slices.SortedFunc(maps.Keys(l.Shares), func(a, b Share) int { return cmp.Compare(l.Shares[a], l.Shares[b]) }) {
		fmt.Fprintf(&b, "share %d %d %q\n", l.Shares[s], s.Protocol, s.Group)
	}
	for _, k := range l.Services {
		b.WriteString(k.noted() + "\n")
	}
	return b.String()
}

func (k Key) noted() string {
	switch {
	case k.Protocol != 0:
		return fmt.Sprintf("service %d %s", k.Protocol, k.At)
	case k.V6:
		return fmt.Sprintf("mark6 %d", k.Mark)
	}
	return fmt.Sprintf("mark %d", k.Mark)
}

// ReadLegacy reads what String wrote. A line that is none is left out.
func ReadLegacy(text string) (l Legacy) {
	for line := range strings.Lines(text) {
		if !l.readMarks(line) {
			l.read(strings.Fields(line))
		}
	}
	return l
}

// readMarks reads the lines in which there are names.
func (l *Legacy) readMarks(line string) bool {
	var s Share
	var n uint32
	if _, err := fmt.Sscanf(line, "nftables %q", &l.Table); err == nil {
		return true
	}
	if _, err := fmt.Sscanf(line, "share %d %d %q", &n, &s.Protocol, &s.Group); err != nil {
		return false
	}
	if l.Shares == nil {
		l.Shares = map[Share]uint32{}
	}
	l.Shares[s] = n
	return true
}

func (l *Legacy) read(words []string) {
	if len(words) < 2 {
		return
	}
	n, bad := strconv.ParseUint(words[1], 10, 32)
	switch {
	case bad != nil:
	case words[0] == "service" && len(words) == 3:
		if at, err := netip.ParseAddrPort(words[2]); err == nil {
			l.Services = append(l.Services, Key{Protocol: Protocol(n), At: at})
		}
	case words[0] == "mark", words[0] == "mark6":
		l.Services = append(l.Services, Key{Mark: uint32(n), V6: words[0] == "mark6"})
	case words[0] == "daemon":
		l.Roles = append(l.Roles, Role(n))
	case words[0] == "timeouts" && len(words) == 4:
		fin, _ := strconv.ParseUint(words[2], 10, 32)
		udp, _ := strconv.ParseUint(words[3], 10, 32)
		l.Before = Timeouts{uint32(n), uint32(fin), uint32(udp)}
	}
}

// Over are the timeouts of t, and those of before where t leaves them as they are.
func (t Timeouts) Over(before Timeouts) Timeouts {
	pick := func(a, b uint32) uint32 {
		if a != 0 {
			return a
		}
		return b
	}
	return Timeouts{pick(t.TCP, before.TCP), pick(t.TCPFin, before.TCPFin), pick(t.UDP, before.UDP)}
}

// PlanDaemons names the synchronisation daemons to be stopped and started. Those of
// roles that are not wanted are left alone unless they are ours.
func PlanDaemons(have, want []Daemon, ours []Role) (stop []Role, start []Daemon) {
	for _, h := range have {
		i := slices.IndexFunc(want, func(w Daemon) bool { return w.Role == h.Role })
		if i < 0 && slices.Contains(ours, h.Role) || i >= 0 && !want[i].is(h) {
			stop = append(stop, h.Role)
		}
	}
	for _, w := range want {
		if !slices.ContainsFunc(have, w.is) {
			start = append(start, w)
		}
	}
	return stop, start
}

// is reports whether a daemon of the kernel is the one that is wanted. What that
// leaves to the kernel may be anything.
func (d Daemon) is(found Daemon) bool {
	return d.Role == found.Role && d.Interface == found.Interface && d.ID == found.ID &&
		(d.MaxLen == 0 || d.MaxLen == found.MaxLen) && (d.Port == 0 || d.Port == found.Port) &&
		(d.TTL == 0 || d.TTL == found.TTL) && (!d.Group.IsValid() || d.Group == found.Group)
}

// RolesOf are the roles of daemons.
func RolesOf(list []Daemon) (roles []Role) {
	for _, d := range list {
		roles = append(roles, d.Role)
	}
	return roles
}
