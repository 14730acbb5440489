package dump

import (
	"fmt"
	"io"
	"net/netip"
	"strings"
	"time"

	"holdfast/internal/config"
	"holdfast/internal/mono"
	"holdfast/internal/notify"
	"holdfast/internal/router"
	"holdfast/internal/status"
	"holdfast/internal/tracker"
)

// page is a dump in the making.
type page struct {
	io.Writer
	*Source
}

func (p *page) head(title string)                 { p.line("------< %s >------", title) }
func (p *page) line(format string, values ...any) { fmt.Fprintf(p, format+"\n", values...) }

// list writes lines below a title, if there are any.
func (p *page) list(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("   %s :", title)
	for _, l := range lines {
		p.line("     %s", l)
	}
}

// Data writes the configuration and the state, a section for each kind of thing.
func (s *Source) Data(out io.Writer) {
	p := &page{out, s}
	p.global()
	p.scheduling()
	p.scripts()
	p.files()
	p.processes()
	p.trackedBFDs()
	p.static()
	p.head("VRRP Topology")
	s.each(p.instance)
	p.ports()
	p.groups()
	p.paces()
	p.links()
}

// Parent writes the settings for all, as keepalived's parent process does.
func (s *Source) Parent(out io.Writer) { (&page{out, s}).global() }

// BFD writes the settings for all and the sessions, as keepalived's BFD process does.
func (s *Source) BFD(out io.Writer) {
	p := &page{out, s}
	p.global()
	p.sessions()
}

func (p *page) global() {
	g := p.Global
	p.head("Global definitions")
	p.line(" Network namespace = %s", or(g.Copy.NetNS, "(default)"))
	if g.Copy.Instance != "" {
		p.line(" Instance = %s", g.Copy.Instance)
	}
	if g.Paths.ConfigSave != "" {
		p.line(" Config save dir = %s", g.Paths.ConfigSave)
	}
	p.line(" Router ID = %s", g.RouterID)
	p.line(" Dynamic interfaces = %v", g.DynamicInterfaces)
	p.lvs(&g.LVS)
	p.line(" Disable local IGMP = %s", yes(g.NoLocalIGMP))
	p.fifo(" Notify fifo", &g.NotifyFIFO)
	p.fifo(" VRRP notify fifo", &g.VRRPNotifyFIFO)
	p.fifo(" LVS notify fifo", &g.LVSNotifyFIFO)
	p.line(" FIFO write vrrp states on reload = %v", g.FIFOStatesOnReload)
	p.line(" Gratuitous ARP interval = %f", g.GARPInterval.Seconds())
	p.line(" Gratuitous NA interval = %f", g.GNAInterval.Seconds())
	p.line(" nftables table name = %s", or(g.Filter.Table, "keepalived"))
	p.line(" nftables base chain priority = %d", g.Filter.Priority)
	p.line(" nftables with%s counters", choose(g.Filter.Counters, "", "out"))
	if g.Filter.IPVSTable != "" {
		p.line(" ipvs nftables table name = %s", g.Filter.IPVSTable)
		p.line(" ipvs nftables base chain priority = %d", g.Filter.IPVSPriority)
		p.line(" ipvs nftables start fwmark = %d", g.Filter.IPVSMark)
	}
	p.line(" Max auto priority = %d", g.AutoPriority.Most)
	p.line(" Min auto priority delay = %d usecs", g.AutoPriority.Delay.Microseconds())
	p.process("VRRP", &g.VRRP)
	p.process("Checker", &g.Checker)
	p.line(" Script security %s", choose(g.ScriptSecurity, "enabled", "disabled"))
	if g.ScriptUser != "" {
		p.line(" Default script user = %s", g.ScriptUser)
	}
	p.line(" umask = 0%03o", g.Umask.Mask)
}

// lvs are the settings of IPVS.
func (p *page) lvs(l *config.LVS) {
	for _, t := range []struct {
		name string
		is   time.Duration
	}{{"TCP", l.TCPTimeout}, {"TCP FIN", l.TCPFinTimeout}, {"UDP", l.UDPTimeout}} {
		if t.is > 0 {
			p.line(" LVS %s timeout = %d", t.name, t.is/time.Second)
		}
	}
	if l.SyncDaemon != nil {
		p.line(" LVS syncd = %s", l.SyncDaemon)
	}
	p.line(" LVS flush = %v", l.Flush)
	p.line(" LVS flush on stop = %s", [...]string{"disabled", "VS", "full"}[l.FlushOnStop])
}

func (p *page) fifo(title string, f *config.FIFO) {
	if f.Path != "" {
		p.line("%s = %s", title, f.Path)
	}
}

func (p *page) process(name string, s *config.ProcessSettings) {
	p.line(" %s process priority = %d", name, s.Nice)
	p.line(" %s don't swap = %v", name, s.NoSwap)
	p.line(" %s realtime priority = %d", name, s.RealTime)
	p.line(" %s realtime limit = %d", name, s.RealTimeLimit.Microseconds())
}

// scheduling is not in keepalived's dump: how late the loop was, and what was refused.
func (p *page) scheduling() {
	p.head("Scheduling")
	p.line(" Router process = %s", p.RealTime)
	p.line(" Latest deadline = %v", p.Lateness)
	for i, n := range p.Late {
		if n > 0 {
			p.line(" Deadlines late by less than %v = %d", time.Microsecond<<i, n)
		}
	}
	for _, c := range p.Refused {
		p.line(" Datagrams refused, %s = %d", c.What, c.N)
	}
	if p.Unknown > 0 {
		p.line(" Adverts for unknown routers = %d", p.Unknown)
	}
}

func (p *page) static() {
	if len(p.TrackGroups) > 0 {
		p.head("Static Track groups")
	}
	for _, g := range p.TrackGroups {
		p.line(" Static Track Group = %s", g.Name)
		p.list("VRRP member instances", g.Members)
	}
	if p.Wanted.Static == nil {
		return
	}
	var addrs []string
	for i := range p.Wanted.Static.Addrs {
		addrs = append(addrs, address(&p.Wanted.Static.Addrs[i], "", true))
	}
	p.held("Static Addresses", addrs)
	p.held("Static Routes", p.routes(p.Wanted.Static.Routes))
	p.held("Static Rules", p.rules(p.Wanted.Static.Rules))
}

func (p *page) held(title string, lines []string) {
	if len(lines) > 0 {
		p.head(title)
	}
	for _, l := range lines {
		p.line("     %s", l)
	}
}

func (p *page) groups() {
	if len(p.Source.Router.Groups) > 0 {
		p.head("VRRP Sync groups")
	}
	for i := range p.Source.Router.Groups {
		g := &p.Source.Router.Groups[i]
		told := p.Source.Groups[g.Name]
		p.line(" VRRP Sync Group = %s, %s", g.Name, g.Role)
		p.list("VRRP member instances", g.Members)
		p.told(&told)
	}
}

// paces are the groups of interfaces that share the gaps between announcements.
func (p *page) paces() {
	if len(p.Wanted.GARPGroups) > 0 {
		p.head("GARP delay group")
	}
	for i, g := range p.Wanted.GARPGroups {
		p.line(" GARP delay group %d", i+1)
		p.line("   Gratuitous ARP interval = %f", g.GARP.Seconds())
		p.line("   Gratuitous NA interval = %f", g.NA.Seconds())
		p.list("Interfaces", g.Links)
	}
}

// ports are the sockets that adverts come in by, without the numbers of descriptors.
func (p *page) ports() {
	p.head("VRRP Sockpool")
	for i := range p.Ports {
		port := &p.Ports[i]
		p.line(" Interface = %s", port.Link)
		p.line("   Family = %s", choose(port.V6, "IPv6", "IPv4"))
		p.line("   Protocol = %s", choose(port.Header, "AH", "VRRP"))
		p.line("   Rx buf size = %d", port.Buffer)
		p.list("VRRP instances", p.heard(port))
	}
}

func (p *page) heard(port *status.Port) (names []string) {
	p.each(func(i *instance) {
		if i.hears() == port.Link && i.now.V6 == port.V6 && i.config.Header == port.Header {
			names = append(names, fmt.Sprintf("%s vrid %d", i.now.Name, i.now.VRID))
		}
	})
	return names
}

func (p *page) links() {
	p.head("Interfaces")
	for i := range p.Links {
		l := &p.Links[i]
		p.line(" Name = %s", l.Name)
		p.line("   index = %d", l.Index)
		p.line("   IPv4 address = %s", known(first(l.Addrs, netip.Addr.Is4)))
		p.line("   IPv6 address = %s", known(first(l.Addrs, netip.Addr.IsLinkLocalUnicast)))
		p.line("   MAC = %s", colons(l.MAC))
		p.line("   State = %s, %s", choose(l.Up, "UP", "DOWN"), choose(l.Carrier, "RUNNING", "not RUNNING"))
		p.line("   MTU = %d", l.MTU)
		p.line("   %s", choose(l.Polled, "NIC support linkbeat polling", "NIC netlink status update"))
		p.list("Tracking VRRP instances", p.trackers(tracker.Interface, l.Name))
	}
}

// first is the first address of a kind; zero: there is none.
func first(list []netip.Prefix, kind func(netip.Addr) bool) netip.Addr {
	for _, p := range list {
		if kind(p.Addr()) {
			return p.Addr()
		}
	}
	return netip.Addr{}
}

// trackers are the instances that track a thing.
func (p *page) trackers(k tracker.Kind, name string) (list []string) {
	p.each(func(i *instance) {
		if k == tracker.Interface && i.config.Link == name {
			list = append(list, i.now.Name+", weight 0")
		}
		for _, t := range i.tracks(k) {
			if t.Name == name {
				list = append(list, i.now.Name+", "+weight(t.Weight, t.Reverse))
			}
		}
	})
	return list
}

func (p *page) scripts() {
	if len(p.Scripts) > 0 {
		p.head("VRRP Scripts")
	}
	for i := range p.Scripts {
		c := &p.Scripts[i]
		p.line(" VRRP Script = %s", c.Name)
		p.line("   Command = %s", quoted(&c.Command))
		p.line("   Interval = %s", shown(c.Interval))
		p.line("   Timeout = %s", shown(c.Timeout))
		p.line("   Weight = %s", bareWeight(c.Weight, c.Reverse))
		p.line("   Rise = %d", c.Rise)
		p.line("   Fall = %d", c.Fall)
		p.line("   Status = %s", strings.ToUpper(p.known(tracker.Script, c.Name).State))
		p.line("   Script %s", strings.Replace(p.Owner(&c.Command), "gid ", "gid = ", 1))
		p.list("Tracking instances", p.trackers(tracker.Script, c.Name))
		p.line("   State = %s", p.Phases[c.Name])
	}
}

// known is what a tracker said last.
func (p *page) known(k tracker.Kind, name string) status.Tracker {
	if t := find(p.Trackers, func(t *status.Tracker) bool { return t.Kind == k.String() && t.Name == name }); t != nil {
		return *t
	}
	return status.Tracker{State: tracker.Unknown.String()}
}

func (p *page) files() {
	if len(p.Files) > 0 {
		p.head("VRRP Track files")
	}
	for i := range p.Files {
		f := &p.Files[i]
		p.line(" Track file = %s", f.Name)
		p.line("   File = %s", f.Path)
		p.line("   Status = %d", p.known(tracker.File, f.Name).Value)
		p.line("   Weight = %s", bareWeight(f.Weight, f.Reverse))
		p.list("Tracking instances", p.trackers(tracker.File, f.Name))
	}
}

func (p *page) processes() {
	if len(p.Processes) > 0 {
		p.head("VRRP Track processes")
	}
	for i, t := range p.Source.processes() {
		c := &p.Processes[i]
		p.line(" VRRP Track process = %s", c.Name)
		p.line("   Process = %s", t.Program)
		if t.Parameters != "" {
			p.line("   Parameters = %s", t.Parameters)
			p.line("   Param match = %s", t.Match)
		}
		p.line("   Min processes = %d", t.Least)
		if t.Most != nil {
			p.line("   Max processes = %d", *t.Most)
		}
		p.line("   Current processes = %d", t.Count)
		p.line("   Have quorum = %v", t.Good)
		p.line("   Weight = %s", bareWeight(c.Weight, c.Reverse))
		p.line("   Terminate delay = %fs", c.TerminateDelay.Seconds())
		p.line("   Fork delay = %fs", c.ForkDelay.Seconds())
		p.line("   Fork delay timer %srunning", choose(t.Forking, "", "not "))
		p.line("   Terminate delay timer %srunning", choose(t.Ending, "", "not "))
		p.line("   Full command = %v", t.Full)
		p.list("Tracking instances", p.trackers(tracker.Process, c.Name))
	}
}

func (p *page) trackedBFDs() {
	if len(p.Sessions) > 0 {
		p.head("VRRP Track BFDs")
	}
	for i := range p.Sessions {
		p.line(" VRRP Track BFD = %s", p.Sessions[i].Name)
		p.line("   Bfd is %s", choose(p.Sessions[i].State == "Up", "up", "down"))
		p.list("Tracking VRRP instances", p.trackers(tracker.BFD, p.Sessions[i].Name))
	}
}

// told are the words for those who are told of changes.
func (p *page) told(t *Told) {
	p.line("   Using smtp notification = %s", yes(t.Mail))
	for _, c := range []struct {
		what string
		is   *notify.Command
	}{
		{"Backup state transition", t.Backup}, {"Master state transition", t.Master}, {"Fault state transition", t.Fault}, {"Stop state transition", t.Stop},
		{"Deleted state transition", t.Deleted}, {"Generic state transition", t.Any}, {"Master rx lower pri state transition", t.LowerPriority},
	} {
		if c.is != nil {
			p.line("   %s script = %s, %s", c.what, quoted(c.is), p.Owner(c.is))
		}
	}
}

// routing are the routes and rules of an instance.
func (p *page) routing(r *router.Routing) {
	if r != nil {
		p.list("Virtual Routes", p.routes(r.Routes))
		p.list("Virtual Rules", p.rules(r.Rules))
	}
}

// moment writes an instant as keepalived does, in seconds and in words.
func (p *page) moment(i mono.Instant) string {
	t := p.at(i)
	return fmt.Sprintf("%s (%s)", unixTime(t), t.Format("Mon Jan _2 15:04:05.000000 2006"))
}
