package dump

import (
	"fmt"
	"io"
	"net/netip"
	"slices"
	"strings"
	"time"

	"holdfast/internal/balancer"
	"holdfast/internal/config"
	"holdfast/internal/ipvs"
	"holdfast/internal/notify"
)

// Servers is what the dump of keepalived's checker process is made of.
type Servers struct {
	Global  *config.Global
	SSL     *config.SSL // nil: there is none
	Groups  []config.ServerGroup
	Virtual []balancer.Picture
	Files   []config.File
	// Owner says as whom a command runs, "uid:gid 0:0".
	Owner func(*notify.Command) string
}

// servers is their dump in the making.
type servers struct {
	page
	*Servers
}

// Data writes the settings for all, the virtual servers and the checks, a section for
// each kind of thing.
func (s *Servers) Data(out io.Writer) {
	p := &servers{page{out, &Source{Global: s.Global, Owner: s.Owner}}, s}
	p.global()
	p.ssl()
	p.head("LVS Topology")
	for i := range s.Groups {
		p.group(&s.Groups[i])
	}
	for i := range s.Virtual {
		p.virtual(&s.Virtual[i])
	}
	p.checks()
	p.trackedFiles()
	p.trackedSessions()
}

func (p *servers) below(title string)             { p.line(" ------< %s >------", title) }
func (p *servers) owner(c *notify.Command) string { return quoted(c) + ", " + p.Servers.Owner(c) }

// ssl leaves the password out.
func (p *servers) ssl() {
	if p.SSL == nil {
		return
	}
	p.head("SSL definitions")
	for _, f := range []struct{ what, is string }{{"CA", p.SSL.CA}, {"Certificate", p.SSL.Certificate}, {"Key", p.SSL.Key}} {
		if f.is != "" {
			p.line(" %s file : %s", f.what, f.is)
		}
	}
}

func (p *servers) group(g *config.ServerGroup) {
	has := func(v6 bool) string {
		return yes(slices.ContainsFunc(g.Entries, func(e config.GroupEntry) bool {
			return e.From.IsValid() && e.From.Is6() == v6 || e.Family == map[bool]uint8{false: 4, true: 6}[v6]
		}))
	}
	p.below("Virtual server group")
	p.line(" Virtual Server Group = %s, IPv4 = %s, IPv6 = %s", g.Name, has(false), has(true))
	marks, alive := p.of(g.Name)
	if len(marks) > 0 {
		p.line("  Fwmark TCP: %d UDP: %d SCTP: %d", marks[ipvs.TCP], marks[ipvs.UDP], marks[ipvs.SCTP])
	}
	for _, e := range g.Entries {
		p.entry(e)
		p.alive(e, alive)
	}
}

// alive counts those that live behind an entry: by family if it is a mark.
func (p *servers) alive(e config.GroupEntry, by map[ipvs.Protocol]int) {
	if e.From.IsValid() {
		p.line("     Alive: %d tcp, %d udp, %d sctp", by[ipvs.TCP], by[ipvs.UDP], by[ipvs.SCTP])
		return
	}
	var of [2]int
	for _, n := range by {
		of[digit(e.Family == 6)] += n
	}
	p.line("     Alive: %d IPv4, %d IPv6", of[0], of[1])
}

// of are the marks that stand for a group, and how many real servers live in its virtual
// servers, by protocol.
func (p *servers) of(group string) (marks map[ipvs.Protocol]uint32, alive map[ipvs.Protocol]int) {
	marks, alive = map[ipvs.Protocol]uint32{}, map[ipvs.Protocol]int{}
	for i := range p.Virtual {
		v := &p.Virtual[i]
		if v.Config.Group != group {
			continue
		}
		if v.Mark != 0 {
			marks[v.Protocol()] = v.Mark
		}
		for j := range v.Reals {
			if v.Reals[j].Alive {
				alive[v.Protocol()]++
			}
		}
	}
	return marks, alive
}

func (p *servers) entry(e config.GroupEntry) {
	switch {
	case !e.From.IsValid():
		p.line("   FWMARK = %d", e.Mark)
	case e.From == e.To:
		p.line("   VIP = %s, VPORT = %d", e.From, e.Port)
	default:
		p.line("   VIP Range = %s-%s, VPORT = %d", e.From, e.To, e.Port)
	}
}

func (p *servers) virtual(v *balancer.Picture) {
	c := v.Config
	p.below("Virtual server")
	switch {
	case c.Group != "":
		p.line(" VS GROUP = %s", v.Name)
	case c.Mark != 0:
		p.line(" VS FWMARK = %d", c.Mark)
	default:
		p.line(" VS VIP = %s, VPORT = %d", c.Addr, c.Port)
	}
	if c.VirtualHost != "" {
		p.line("   VirtualHost = %s", c.VirtualHost)
	}
	p.line("   Address family = %s", p.family(c))
	p.line("   delay_loop = %f", c.DelayLoop.Seconds())
	p.scheduling(c)
	p.line("   protocol = %s", or(c.Protocol, "none"))
	p.line("   alpha is %s", on(c.Alpha))
	p.line("   omega is %s", on(c.Omega))
	p.line("   quorum = %d, hysteresis = %d", c.Quorum, c.Hysteresis)
	p.script("   Quorum up notify script", c.QuorumUp)
	p.script("   Quorum down notify script", c.QuorumDown)
	if c.HASuspend {
		p.line("   Using HA suspend")
	}
	p.line("   Using smtp notification = %s", yes(c.Mail))
	p.line("   default forwarding method = %s", forwarding(c.Forwarding))
	p.sorry(v)
	p.line("   alive = 1")
	p.line("   quorum_state_up = %d", digit(v.Up))
	for i := range v.Reals {
		p.real(v, &v.Reals[i])
	}
}

// family is that of the addresses.
func (p *servers) family(c *config.VirtualServer) string {
	var has [2]bool
	for i := range p.Groups {
		for _, e := range p.Groups[i].Entries {
			if p.Groups[i].Name == c.Group && e.From.IsValid() {
				has[digit(e.From.Is6())] = true
			}
		}
	}
	switch {
	case has[0] && has[1]:
		return "IPv4 & IPv6"
	case c.V6 || has[1]:
		return "inet6"
	}
	return "inet"
}

// scheduling names the flags as their scheduler does.
func (p *servers) scheduling(c *config.VirtualServer) {
	p.line("   lvs_sched = %s", c.Scheduler)
	p.line("   Hashed = disabled")
	flags := []struct {
		name string
		is   config.ServiceFlags
	}{{"flag-1", config.Sched1}, {"flag-2", config.Sched2}, {"flag-3", config.Sched3}}
	if c.Scheduler == "sh" || c.Scheduler == "mh" {
		flags = flags[:2]
		flags[0].name, flags[0].is = c.Scheduler+"-port", config.Sched2
		flags[1].name, flags[1].is = c.Scheduler+"-fallback", config.Sched1
	}
	for _, f := range flags {
		p.line("   %s = %s", f.name, enabled(c.Flags&f.is != 0))
	}
	idle := choose(c.Flags&config.OnePacket != 0 && c.Protocol != "UDP", " (inactive due to not UDP)", "")
	p.line("   One packet scheduling = %s%s", enabled(c.Flags&config.OnePacket != 0), idle)
	if c.Persistence == 0 {
		return
	}
	p.line("   persistence timeout = %d", int(c.Persistence.Seconds()))
	switch {
	case c.Netmask == ipvs.WholeAddress(c.V6):
	case c.V6:
		p.line("   persistence granularity = %d", c.Netmask)
	default:
		n := c.Netmask
		p.line("   persistence granularity = %s", netip.AddrFrom4([4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)}))
	}
}

func (p *servers) script(title string, c *notify.Command) {
	if c != nil {
		p.line("%s = %s", title, p.owner(c))
	}
}

func (p *servers) sorry(v *balancer.Picture) {
	s := v.Config.Sorry
	if s == nil {
		return
	}
	p.line("   sorry server = [%s]:%s:%d", s.Addr, or(strings.ToLower(v.Config.Protocol), "none"), s.Port)
	p.line("     forwarding method = %s", forwarding(s.Forwarding))
	p.line("     Inhibit on failure is %s", on(s.Inhibit))
}

func (p *servers) real(v *balancer.Picture, r *balancer.PicturedReal) {
	c := r.Config
	p.line("   ------< Real server >------")
	p.line("   RIP = %s, RPORT = %d, WEIGHT = %d EFF WEIGHT = %d", c.Addr, c.Port, max(r.Weight, 0), r.Weight)
	p.line("   forwarding method = %s", forwarding(c.Forwarding))
	p.line("   connection limit range = %d -> %d", c.LowerThreshold, c.UpperThreshold)
	p.line("   Delay loop = %f", v.Config.DelayLoop.Seconds())
	p.line("   Inhibit on failure is %s", on(c.Inhibit))
	p.script("     RS up notify script", c.NotifyUp)
	p.script("     RS down notify script", c.NotifyDown)
	if c.VirtualHost != "" {
		p.line("    VirtualHost = '%s'", c.VirtualHost)
	}
	p.line("   Using smtp notification = %s", yes(c.Mail))
	p.line("   initial weight = %d", c.Weight)
	p.line("   effective weight = %d", r.Weight)
	p.line("   alive = %d", digit(r.Alive))
	p.line("   num failed checkers = %d", r.Failed)
	p.line("   RS set = %d", digit(r.Held))
	p.follows(r, "Tracked Files", config.CheckFile, func(k *config.Check) string { return k.File.Name + ", " + weight(k.File.Weight, k.File.Reverse) })
	p.follows(r, "Tracked BFDs", config.CheckBFD, func(k *config.Check) string { return k.BFD })
}

// follows lists the checks of a kind that have no time of their own.
func (p *servers) follows(r *balancer.PicturedReal, title string, kind config.CheckKind, name func(*config.Check) string) {
	for i := range r.Checks {
		if k := r.Checks[i].Config; k.Kind == kind {
			if title != "" {
				p.line("   %s", title)
				title = ""
			}
			p.line("     %s", name(k))
		}
	}
}

// each yields all checks.
func (p *servers) each(do func(v *balancer.Picture, r *balancer.PicturedReal, c *balancer.PicturedCheck)) {
	for i := range p.Virtual {
		for j := range p.Virtual[i].Reals {
			r := &p.Virtual[i].Reals[j]
			for n := range r.Checks {
				do(&p.Virtual[i], r, &r.Checks[n])
			}
		}
	}
}

func (p *servers) checks() {
	title := "Health checkers"
	p.each(func(v *balancer.Picture, r *balancer.PicturedReal, c *balancer.PicturedCheck) {
		if title != "" {
			p.head(title)
			title = ""
		}
		p.line(" %s -> %s", v.Name, r.Name)
		p.line("   Enabled = %s", yes(!v.Suspended))
		p.line("   Up = %s", yes(c.Up))
		p.line("   Has run = %s", yes(c.Ran))
		p.line("   Current weight = %d", c.Weight)
		p.patience(c.Config)
		p.connection(r, c.Config)
		p.check(c.Config)
	})
}

// patience is for the checks that ask at times of their own.
func (p *servers) patience(c *config.Check) {
	if c.Kind != config.CheckFile && c.Kind != config.CheckBFD {
		p.line("   Alpha = %s", yes(c.Alpha))
		p.line("   Delay loop = %d us", c.DelayLoop.Microseconds())
		p.line("   Warmup = %d us", c.Warmup.Microseconds())
		p.line("   Retries = %d", c.Retry)
		if c.Retry > 0 {
			p.line("   Delay before retry = %d us", c.DelayBeforeRetry.Microseconds())
		}
	}
	p.line("   Log all failures = %s", yes(c.LogAllFailures))
}

// connection is for the checks that send something.
func (p *servers) connection(r *balancer.PicturedReal, c *config.Check) {
	if c.Kind >= config.CheckMisc {
		return
	}
	to := &c.Probe
	at := netip.AddrPortFrom(to.Addr, to.Port)
	if !to.Addr.IsValid() {
		at = netip.AddrPortFrom(r.Config.Addr, at.Port())
	}
	if to.Port == 0 {
		at = netip.AddrPortFrom(at.Addr(), r.Config.Port)
	}
	p.line("   Connection")
	p.line("     Dest = [%s]:%d", at.Addr(), at.Port())
	if to.Source.IsValid() || to.SourcePort != 0 {
		p.line("     Bind to = [%s]:%d", to.Source, to.SourcePort)
	}
	if to.Link != "" {
		p.line("     Bind i/f = %s", to.Link)
	}
	if to.Mark != 0 {
		p.line("     Mark = %d", to.Mark)
	}
	p.line("     Timeout = %f", to.Timeout.Seconds())
}

func (p *servers) check(c *config.Check) {
	switch c.Kind {
	case config.CheckHTTP, config.CheckSSL:
		p.pages(c)
		return
	}
	p.line("   Keepalive method = %s", c.Kind)
	switch c.Kind {
	case config.CheckSMTP:
		p.line("   helo = %s", c.SMTP.HELO)
	case config.CheckDNS:
		p.line("   Type = %s", dnsType(c.DNS.Type))
		p.line("   Name = %s", c.DNS.Name)
	case config.CheckUDP:
		p.datagram(c.UDP)
	case config.CheckMisc:
		p.line("   script = %s", quoted(c.Misc.Command))
		p.line("   timeout = %d", c.Misc.Timeout/time.Second)
		p.line("   dynamic = %s", choose(c.Misc.Dynamic, "YES", "NO"))
		p.line("   %s", strings.Replace(p.Servers.Owner(c.Misc.Command), "gid ", "gid = ", 1))
	case config.CheckFile:
		p.line("     Tracked file = %s", c.File.Name)
	case config.CheckBFD:
		p.line("   Name = %s", c.BFD)
		p.line("   Alpha is %s", on(c.Alpha))
	}
}

func dnsType(code uint16) string {
	names := map[uint16]string{1: "A", 2: "NS", 5: "CNAME", 6: "SOA", 15: "MX", 16: "TXT", 28: "AAAA", 46: "RRSIG", 48: "DNSKEY"}
	return or(names[code], fmt.Sprint(code))
}

func (p *servers) datagram(c *config.UDPCheck) {
	if c.Payload != "" {
		p.line("   Payload len = %d", len(c.Payload))
	}
	p.line("   Require reply = %s", yes(c.RequireReply))
	if c.RequireReply && c.Reply != "" {
		p.line("     Min reply length = %d", c.MinLength)
		p.line("     Max reply length = %d", c.MaxLength)
		p.line("     Reply data len = %d", len(c.Reply))
		p.line("     Reply data mask = %s", yes(c.Mask != ""))
	}
}

func (p *servers) pages(c *config.Check) {
	p.line("   Keepalive method = %s, http protocol %s", c.Kind, c.HTTP.Protocol)
	p.line("   Enable SNI %s", choose(c.HTTP.SNI, "set", "unset"))
	p.line("   Fast recovery %s", choose(c.HTTP.FastRecovery, "set", "unset"))
	for i := range c.HTTP.URLs {
		p.url(&c.HTTP.URLs[i])
	}
}

func (p *servers) url(u *config.URL) {
	p.line("   Checked url = %s", u.Path)
	if u.Digest != "" {
		p.line("     digest = %s", u.Digest)
	}
	p.line("     HTTP Status Code(s)")
	for _, r := range u.Status {
		p.line("       %s", choose(r.From == r.To, fmt.Sprint(r.From), fmt.Sprintf("%d-%d", r.From, r.To)))
	}
	if len(u.Status) == 0 {
		p.line("       200-299")
	}
	if u.Host != "" {
		p.line("     Virtual host = %s", u.Host)
	}
	if r := u.Regex; r != nil {
		p.regex(r)
	}
}

func (p *servers) regex(r *config.Regex) {
	p.line("     Regex = \"%s\"", r.Pattern)
	if r.NoMatch {
		p.line("     Regex no match")
	}
	if r.MinOffset > 0 || r.MaxOffset > 0 {
		p.line("     Regex min offset = %d, max_offset = %d", r.MinOffset, r.MaxOffset)
	}
}

// trackedFiles are those that a check follows.
func (p *servers) trackedFiles() {
	title := "Checker track files"
	for i := range p.Servers.Files {
		f := &p.Servers.Files[i]
		var users []string
		p.each(func(v *balancer.Picture, r *balancer.PicturedReal, c *balancer.PicturedCheck) {
			if c.Config.Kind == config.CheckFile && c.Config.File.Name == f.Name {
				users = append(users, v.Name+" -> "+r.Name+", "+weight(c.Config.File.Weight, c.Config.File.Reverse))
			}
		})
		if len(users) == 0 {
			continue
		}
		if title != "" {
			p.head(title)
			title = ""
		}
		p.line(" Track file = %s", f.Name)
		p.line("   File = %s", f.Path)
		p.line("   Weight = %s", bareWeight(f.Weight, f.Reverse))
		p.list("Tracking instances", users)
	}
}

// trackedSessions are those of BFD that a check follows.
func (p *servers) trackedSessions() {
	var names []string
	users := map[string][]string{}
	p.each(func(_ *balancer.Picture, r *balancer.PicturedReal, c *balancer.PicturedCheck) {
		if name := c.Config.BFD; c.Config.Kind == config.CheckBFD {
			if users[name] == nil {
				names = append(names, name)
			}
			users[name] = append(users[name], r.Name)
		}
	})
	if len(names) > 0 {
		p.head("Checker track BFDs")
	}
	for _, name := range names {
		p.line(" Checker Track BFD = %s", name)
		p.line("   Tracking RS :")
		for _, r := range users[name] {
			p.line("   %s", r)
		}
	}
}

// forwarding is a way, and how a tunnel wraps.
func forwarding(f config.Forwarding) string {
	if f.Method != config.TUN {
		return f.Method.String()
	}
	text := "TUN, type = " + [...]string{"IPIP", "GUE", "GRE"}[f.Tunnel]
	if f.Tunnel == config.GUE {
		text += fmt.Sprintf(", port = %d", f.Port)
	}
	if f.Tunnel != config.IPIP {
		text += ", " + [...]string{"no checksum", "checksum", "remote checksum"}[f.Checksum]
	}
	return text
}

func on(b bool) string { return choose(b, "ON", "OFF") }

func digit(b bool) int {
	if b {
		return 1
	}
	return 0
}
