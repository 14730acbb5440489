package cli

import (
	"fmt"
	"strings"
	"time"

	"holdfast/internal/status"
)

// Column is what a listing of services tells of each.
type Column uint8

// The columns: connections, statistics, rates.
const (
	Connections Column = iota
	Statistics
	Rates
)

// Balanced prints services as ipvsadm -Ln does, below the line that names its version, and
// --stats and --rate. Behind each destination stands how it does.
func Balanced(b *status.Balanced, what Column) string {
	var out strings.Builder
	switch what {
	case Connections:
		out.WriteString("Prot LocalAddress:Port Scheduler Flags\n  -> RemoteAddress:Port           Forward Weight ActiveConn InActConn  Health\n")
	case Statistics:
		fmt.Fprintf(&out, "%-33s %8s %8s %8s %8s %8s\n  -> RemoteAddress:Port\n", "Prot LocalAddress:Port", "Conns", "InPkts", "OutPkts", "InBytes", "OutBytes")
	case Rates:
		fmt.Fprintf(&out, "%-33s %8s %8s %8s %8s %8s\n  -> RemoteAddress:Port\n", "Prot LocalAddress:Port", "CPS", "InPPS", "OutPPS", "InBPS", "OutBPS")
	}
	for i := range b.Services {
		s := &b.Services[i]
		out.WriteString(strings.TrimRight(serviceLine(s, what), " ") + "\n")
		for j := range s.Destinations {
			out.WriteString(strings.TrimRight(destinationLine(&s.Destinations[j], b, what), " ") + "\n")
		}
	}
	return out.String()
}

func serviceLine(s *status.Service, what Column) string {
	name := fmt.Sprintf("%-4s %s", s.Protocol, s.Address)
	if what != Connections {
		return fmt.Sprintf("%-33s", name) + figures(s.Counters, what)
	}
	line := fmt.Sprintf("%s %s %s", name, s.Scheduler, s.Flags)
	for _, v := range s.Virtual {
		if !v.Up {
			line = strings.TrimRight(line, " ") + fmt.Sprintf("  # %s has no quorum: %d of %d", v.Name, v.Weight, v.Quorum)
		}
	}
	if !s.Held {
		line = strings.TrimRight(line, " ") + "  # not in the kernel"
	}
	return line
}

func destinationLine(d *status.Destination, b *status.Balanced, what Column) string {
	if what != Connections {
		return fmt.Sprintf("  -> %-28s", d.Address) + figures(d.Counters, what)
	}
	weight := fmt.Sprint(d.Weight)
	if !d.Held {
		weight = "-"
	}
	return fmt.Sprintf("  -> %-28s %-7s %-6s %-10d %-10d %s", d.Address, d.Forward, weight, d.Active, d.Inactive, health(d, b))
}

// health is how a destination does, for how long, and why.
func health(d *status.Destination, b *status.Balanced) string {
	word := d.Health
	if d.Since != 0 {
		word += " " + b.At.Sub(d.Since).Round(time.Second).String()
	}
	if d.Reason != "" {
		word += ": " + d.Reason
	}
	if d.Order != "" {
		word = strings.TrimPrefix(word+", "+d.Order+" by order", ", ")
	}
	return word
}

func figures(c status.Counters, what Column) string {
	list := []uint64{c.Conns, c.InPackets, c.OutPackets, c.InBytes, c.OutBytes}
	if what == Rates {
		list = []uint64{c.ConnRate, c.InPacketRate, c.OutPacketRate, c.InByteRate, c.OutByteRate}
	}
	var b strings.Builder
	for _, n := range list {
		b.WriteString(figure(n))
	}
	return b.String()
}

// figure is a number in nine columns, as ipvsadm shortens it.
func figure(n uint64) string {
	switch {
	case n < 1e8:
		return fmt.Sprintf("%9d", n)
	case n < 1e9:
		return fmt.Sprintf("%8dK", n/1e3)
	case n < 1e11:
		return fmt.Sprintf("%8dM", n/1e6)
	case n < 1e14:
		return fmt.Sprintf("%8dG", n/1e9)
	}
	return fmt.Sprintf("%8dT", n/1e12)
}
