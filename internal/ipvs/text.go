package ipvs

import (
	"fmt"
	"net/netip"
	"strings"
)

// Rules prints the table as `ipvsadm -Sn` does, for `ipvsadm -R` to read. The
// order is that of Keys; the kernel lists by its hash. Like ipvsadm's own output
// it leaves out thresholds.
func (t Table) Rules() string {
	var b strings.Builder
	for _, k := range t.Keys() {
		p := t[k]
		fmt.Fprintf(&b, "-A %s -s %s%s\n", k.rule(), p.Scheduler, p.Service.Normal(k.Is6()).rule(k.Is6()))
		for _, s := range p.Servers {
			fmt.Fprintf(&b, "-a %s -r %s %s\n", k.rule(), s.At, s.Destination.Normal().rule())
		}
	}
	return b.String()
}

// Listed names a service as `ipvsadm -Ln` does: TCP and an address, or FWM and a mark.
func (k Key) Listed() (protocol, address string) {
	switch {
	case k.Protocol != 0:
		return strings.ToUpper(k.Protocol.String()), k.At.String()
	case k.V6:
		return "FWM", fmt.Sprintf("%d IPv6", k.Mark)
	}
	return "FWM", fmt.Sprint(k.Mark)
}

// Listed are the flags behind the scheduler, as `ipvsadm -Ln` lists them.
func (s Service) Listed(v6 bool) string {
	var b strings.Builder
	if names := s.schedFlags(); names != "" {
		fmt.Fprintf(&b, " (%s)", names)
	}
	s.persistence(&b, v6, " persistent %d", " mask %s", " pe %s")
	if s.Flags&OnePacket != 0 {
		b.WriteString(" ops")
	}
	return strings.TrimPrefix(b.String(), " ")
}

// persistence prints its timeout, its granularity unless every client is for
// itself, and its engine if there is one.
func (s Service) persistence(b *strings.Builder, v6 bool, timeout, granularity, engine string) {
	if s.Flags&Persistent == 0 {
		return
	}
	fmt.Fprintf(b, timeout, s.Timeout)
	if s.Granularity != WholeAddress(v6) {
		fmt.Fprintf(b, granularity, s.granularity(v6))
	}
	if s.Engine != "" {
		fmt.Fprintf(b, engine, s.Engine)
	}
}

// String names the way as ipvsadm lists it.
func (f Forward) String() string {
	switch f {
	case Local:
		return "Local"
	case Tunnel:
		return "Tunnel"
	case Direct:
		return "Route"
	}
	return "Masq"
}

// rule names a service as ipvsadm's options do.
func (k Key) rule() string {
	switch {
	case k.Protocol != 0:
		return fmt.Sprintf("%s %s", k.Protocol.option(), k.At)
	case k.V6:
		return fmt.Sprintf("-f %d -6", k.Mark)
	}
	return fmt.Sprintf("-f %d", k.Mark)
}

// option is that of ipvsadm, which has no letter for SCTP.
func (p Protocol) option() string {
	switch p {
	case UDP:
		return "-u"
	case SCTP:
		return "--sctp-service"
	}
	return "-t"
}

func (s Service) rule(v6 bool) string {
	var b strings.Builder
	s.persistence(&b, v6, " -p %d", " -M %s", " --pe %s")
	if s.Flags&OnePacket != 0 {
		b.WriteString(" -o")
	}
	if names := s.schedFlags(); names != "" {
		fmt.Fprintf(&b, " -b %s", names)
	}
	return b.String()
}

func (s Service) granularity(v6 bool) string {
	if v6 {
		return fmt.Sprint(s.Granularity)
	}
	g := s.Granularity
	return netip.AddrFrom4([4]byte{byte(g >> 24), byte(g >> 16), byte(g >> 8), byte(g)}).String()
}

// schedFlags names the flags as the scheduler does, or by number.
func (s Service) schedFlags() string {
	names := []string{"flag-1", "flag-2", "flag-3"}
	switch s.Scheduler {
	case "sh":
		names[0], names[1] = "sh-fallback", "sh-port"
	case "mh":
		names[0], names[1] = "mh-fallback", "mh-port"
	}
	var set []string
	for i, name := range names {
		if s.Flags&(Sched1<<i) != 0 {
			set = append(set, name)
		}
	}
	return strings.Join(set, ",")
}

// rule is how a destination is reached, as ipvsadm's options say it.
func (d Destination) rule() string {
	return fmt.Sprintf("%s -w %d%s", d.Forward.option(), d.Weight, d.tunnel())
}

func (f Forward) option() string {
	switch f {
	case Tunnel:
		return "-i"
	case Direct, Local:
		return "-g"
	}
	return "-m"
}

func (d Destination) tunnel() string {
	if d.Forward != Tunnel {
		return ""
	}
	var b strings.Builder
	switch d.Wrap {
	case GUE:
		fmt.Fprintf(&b, " --tun-type gue --tun-port %d", d.Port)
	case GRE:
		b.WriteString(" --tun-type gre")
	default:
		return " --tun-type ipip"
	}
	return b.String() + d.Sum.option()
}

func (s Sum) option() string {
	switch s {
	case Checksum:
		return " --tun-csum"
	case RemoteSum:
		return " --tun-remcsum"
	}
	return " --tun-nocsum"
}
