package cli

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// Status prints nodes for one screen: at most height lines if that is not 0, those that ask for
// attention first.
func Status(nodes []status.Node, height int) string {
	var b strings.Builder
	for i := range nodes {
		b.WriteString(headline(&nodes[i]) + "\n")
	}
	tables(&b, height, instanceRows(nodes), trackerRows(nodes), sessionRows(nodes), virtualRows(nodes))
	return b.String()
}

// Watched is how nodes are at a moment, on a screen of that size; 0, 0: there is none.
func Watched(at time.Time, nodes []status.Node, width, height int) string {
	text := at.Format(time.DateTime) + "\n" + Status(nodes, max(height-2, 0))
	if height == 0 {
		return text
	}
	return cut(text, width, height-1)
}

// cut leaves out what does not fit on the screen.
func cut(text string, width, height int) string {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if height--; height < 0 {
			break
		}
		if r := []rune(strings.TrimSuffix(line, "\n")); len(r) > width && width > 0 {
			line = string(r[:width]) + "\n"
		}
		b.WriteString(line)
	}
	return b.String()
}

// headline is what concerns a node as a whole. What is not the present is marked.
func headline(n *status.Node) string {
	s := n.Snapshot
	if s == nil {
		return n.Name + ": UNREACHABLE: " + n.Trouble
	}
	line := fmt.Sprintf("%s: holdfast %s, %s, late by %s at most, configuration taken %s", cmp.Or(n.Name, s.Node), s.Build.Version, cmp.Or(s.Router.RealTime, "?"),
		short(s.Router.Lateness), s.Worker.Loaded.Format(time.DateTime))
	if s.Worker.Reloads.Refused > 0 {
		line += fmt.Sprintf(", %d REFUSED", s.Worker.Reloads.Refused)
	}
	if s.Worker.Trial != nil {
		line += ", ON TRIAL until " + s.Worker.Trial.Format(time.TimeOnly)
	}
	if slices.ContainsFunc(s.Router.Instances, func(v status.Instance) bool { return v.Modest }) {
		line += ", UNDER MAINTENANCE"
	}
	if n.Trouble != "" {
		line += fmt.Sprintf("\n%s: STALE: seen %s ago: %s", cmp.Or(n.Name, s.Node), short(n.Age), n.Trouble)
	}
	return line
}

// row is one line of a table; who asks for attention comes first where not all fit.
type row struct {
	cells  []string
	urgent bool
}

// rows is a table with its head.
type rows struct {
	what string // what its rows are, in the plural
	head []string
	list []row
}

// frame is an empty line, the head, and the line that says what is left out.
const frame = 3

// tables shares a screen among tables: one takes what the later ones leave it, and leaves them
// what they need, or a few rows.
func tables(out *strings.Builder, height int, all ...rows) {
	left := height - strings.Count(out.String(), "\n")
	for i, r := range all {
		if len(r.list) == 0 {
			continue
		}
		room := len(r.list) + frame
		if height > 0 {
			room = min(room, max(left-needed(all[i+1:]), 0))
		}
		left -= room
		r.print(out, room)
	}
}

// needed is what tables need at least.
func needed(all []rows) (lines int) {
	const few = 3
	for _, r := range all {
		if len(r.list) > 0 {
			lines += min(len(r.list), few) + frame
		}
	}
	return lines
}

// print prints what there is, or what fits into so many lines.
func (r *rows) print(out *strings.Builder, room int) {
	list := r.list
	if room <= frame {
		return
	}
	if len(list)+frame > room {
		slices.SortStableFunc(list, func(a, b row) int { return cmp.Compare(order(a.urgent), order(b.urgent)) })
		list = list[:room-frame]
	}
	out.WriteString("\n")
	w := tabwriter.NewWriter(out, 0, 8, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(r.head, "\t"))
	for _, one := range list {
		fmt.Fprintln(w, strings.Join(one.cells, "\t"))
	}
	_ = w.Flush() // into memory
	if hidden := len(r.list) - len(list); hidden > 0 {
		fmt.Fprintf(out, "and %d more %s\n", hidden, r.what)
	}
}

func order(urgent bool) int {
	if urgent {
		return 0
	}
	return 1
}

// each calls f for every node that was seen; several have their name in front.
func each(nodes []status.Node, head []string, f func(s *status.Snapshot, name []string)) []string {
	several := len(nodes) > 1
	for i := range nodes {
		if nodes[i].Snapshot == nil {
			continue
		}
		var name []string
		if several {
			name = []string{nodes[i].Name + mark(&nodes[i])}
		}
		f(nodes[i].Snapshot, name)
	}
	if several {
		return append([]string{"NODE"}, head...)
	}
	return head
}

// mark is behind the name of a node whose state may be another by now.
func mark(n *status.Node) string {
	if n.Trouble != "" {
		return " (stale)"
	}
	return ""
}

func instanceRows(nodes []status.Node) rows {
	r := rows{what: "instances"}
	r.head = each(nodes, []string{"INSTANCE", "ROLE", "FOR", "PRIORITY", "ON", "VRID", "MASTER", "ADDRESSES", "BECAUSE"}, func(s *status.Snapshot, name []string) {
		for i := range s.Router.Instances {
			v := &s.Router.Instances[i]
			cells := append(slices.Clone(name), v.Name, v.Role, ago(s.Router.At, v.Since), priority(v), cmp.Or(v.Link, "-"), fmt.Sprint(v.VRID), master(v), addresses(v), v.Reason)
			r.list = append(r.list, row{cells, v.Role != "MASTER" && v.Role != "BACKUP" || v.Effective != v.Priority})
		}
	})
	return r
}

// priority is the one in use and, if it is another, the configured one.
func priority(v *status.Instance) string {
	if v.Effective == v.Priority {
		return fmt.Sprint(v.Priority)
	}
	return fmt.Sprintf("%d of %d", v.Effective, v.Priority)
}

// master is who has the addresses.
func master(v *status.Instance) string {
	switch {
	case v.Role == "MASTER":
		return "this node"
	case v.MasterHeard.IsValid():
		return fmt.Sprintf("%s (%d)", v.MasterHeard, v.MasterPriority)
	}
	return "nobody heard"
}

// addresses is the first, and how many others there are.
func addresses(v *status.Instance) string {
	all := append(slices.Clone(v.Addrs), v.Excluded...)
	if len(all) == 0 {
		return "none"
	}
	if len(all) == 1 {
		return plain(all[0])
	}
	return fmt.Sprintf("%s +%d", plain(all[0]), len(all)-1)
}

// plain is a prefix, without the length if it is a single address.
func plain(p netip.Prefix) string {
	if p.IsSingleIP() {
		return p.Addr().String()
	}
	return p.String()
}

// trackerRows are the trackers that are not good; interfaces only if somebody tracks one.
func trackerRows(nodes []status.Node) rows {
	r := rows{what: "trackers that are not good"}
	r.head = each(nodes, []string{"TRACKER", "KIND", "SAYS", "BECAUSE"}, func(s *status.Snapshot, name []string) {
		for i := range s.Router.Trackers {
			t := &s.Router.Trackers[i]
			if t.State == "bad" || t.State == "unknown" || t.Value != 0 {
				r.list = append(r.list, row{append(slices.Clone(name), t.Name, t.Kind, says(t), t.Why), true})
			}
		}
	})
	return r
}

// says is the number in a file, else the state.
func says(t *status.Tracker) string {
	if t.Kind == "file" && t.State != "unknown" {
		return fmt.Sprint(t.Value)
	}
	return t.State
}

func sessionRows(nodes []status.Node) rows {
	r := rows{what: "sessions"}
	r.head = each(nodes, []string{"BFD SESSION", "STATE", "NEIGHBOUR", "ENDS AFTER", "BECAUSE"}, func(s *status.Snapshot, name []string) {
		for i := range s.Router.Sessions {
			b := &s.Router.Sessions[i]
			r.list = append(r.list, row{append(slices.Clone(name), b.Name, b.State, b.Neighbour.String(), short(b.Detection), b.Diagnostic), b.State != "Up"})
		}
	})
	return r
}

// virtualRows are the virtual servers, each with those of its real servers that do not serve.
func virtualRows(nodes []status.Node) rows {
	r := rows{what: "virtual and real servers"}
	r.head = each(nodes, []string{"SERVICE", "STATE", "SERVERS", "WEIGHT", "CONNECTIONS", "A SECOND"}, func(s *status.Snapshot, name []string) {
		if s.Balanced == nil {
			return
		}
		for i := range s.Balanced.Services {
			v := &s.Balanced.Services[i]
			cells, urgent := serviceCells(v)
			r.list = append(r.list, row{append(slices.Clone(name), cells...), urgent})
			for j := range v.Destinations {
				if d := &v.Destinations[j]; noted(d) {
					r.list = append(r.list, row{append(slices.Clone(name), "  -> "+d.Address, health(d, s.Balanced), "", fmt.Sprint(d.Weight), fmt.Sprint(d.Active), fmt.Sprint(d.Counters.ConnRate)), true})
				}
			}
		}
	})
	return r
}

// noted tells a destination that is worth a line of its own.
func noted(d *status.Destination) bool {
	return d.Health == "down" || d.Health == "unknown" || d.Order != "" || d.Health == "sorry" && d.Weight > 0
}

func serviceCells(s *status.Service) (cells []string, urgent bool) {
	up, all, active := 0, 0, uint32(0)
	for i := range s.Destinations {
		d := &s.Destinations[i]
		active += d.Active
		if d.Health == "sorry" {
			continue
		}
		all++
		if d.Held && d.Weight > 0 {
			up++
		}
	}
	state, weight := "not ours", "-"
	for i := range s.Virtual {
		state, weight = "up", fmt.Sprintf("%d of %d", s.Virtual[i].Weight, s.Virtual[i].Quorum)
		if !s.Virtual[i].Up {
			state, urgent = "NO QUORUM", true
			break
		}
	}
	if !s.Held && len(s.Virtual) > 0 {
		state, urgent = "NOT IN THE KERNEL", true
	}
	return []string{s.Protocol + " " + s.Address, state, fmt.Sprintf("%d of %d", up, all), weight, fmt.Sprint(active), fmt.Sprint(s.Counters.ConnRate)}, urgent
}

// ago is how long ago an instant was.
func ago(now, at mono.Instant) string { return short(now.Sub(at)) }

// short is a duration in its two largest units.
func short(d time.Duration) string {
	switch {
	case d < 0:
		return "0s"
	case d < time.Second:
		return d.Round(100 * time.Microsecond).String()
	case d < 10*time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d < time.Hour:
		return d.Round(time.Second).String()
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d.Hours()), int(d.Minutes())%60)
	}
	return fmt.Sprintf("%dd%02dh", int(d.Hours())/24, int(d.Hours())%24)
}
