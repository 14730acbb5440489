package dump

import (
	"cmp"
	"fmt"
	"net/netip"
	"strings"
	"time"

	"holdfast/internal/host"
	"holdfast/internal/mono"
	"holdfast/internal/tracker"
	"holdfast/internal/vrrp"
)

// instance writes what keepalived has of one, and then what only holdfast has.
func (p *page) instance(i *instance) {
	p.line(" VRRP Instance = %s", i.now.Name)
	p.line("   VRRP Version = %d", i.now.Version)
	if i.now.Group != "" {
		p.line("   Sync group = %s", i.now.Group)
	}
	if i.now.V6 {
		p.line("   Using Native IPv6")
	}
	p.standing(i)
	p.where(i)
	p.announcing(&i.config.Announce)
	p.election(i)
	p.authentication(i.config)
	addrs, excluded := i.split()
	p.addresses(fmt.Sprintf("Virtual IP (%d):", len(addrs)), i.addresses(addrs))
	p.addresses("Virtual IP Excluded :", i.addresses(excluded))
	p.peers(i.config)
	p.routing(i.Routing)
	p.tracked(i)
	p.told(&i.told)
	p.line("   Notify deleted = %s", choose(i.told.ReportDeleted, "Deleted", "Fault"))
	p.line("   Notify priority changes = %v", i.told.PriorityChanges)
	p.more(i)
}

func (p *page) standing(i *instance) {
	n := i.now
	p.line("   State = %s", n.Role)
	p.line("   Flags:%s", choose(len(i.config.Peers) > 0, "\n     Using unicast", " none"))
	p.line("   Wantstate = %s", n.Want)
	p.line("   Number of interface and track script faults = %d", n.Faults)
	p.line("   Number of track scripts init = %s", choose(n.Pending, "1", "0"))
	p.line("   Last transition = %s", p.moment(n.Since))
	if n.Deadline == mono.Never {
		p.line("   Read timeout = DISABLED")
	} else {
		p.line("   Read timeout = %s", p.moment(n.Deadline))
	}
	p.line("   Master down timer = %d usecs", n.Down.Microseconds())
}

func (p *page) where(i *instance) {
	v := i.config
	if d := i.device(); d != nil {
		p.line("   Use %s, i/f name %s, is_up = %v, xmit_base = %v", choose(d.IPVLAN == host.NoIPVLAN, "VMAC", "IPVLAN"), d.Name, p.runs(d.Name), !d.Sends)
		p.line("   Interface = %s, vmac on %s%s", d.Name, d.Parent, choose(d.Sends, "", ", xmit base i/f"))
	} else {
		p.line("   Interface = %s", v.Link)
	}
	if v.DontTrackPrimary {
		p.line("   VRRP interface tracking disabled")
	}
	if v.SkipCheckAdvAddr {
		p.line("   Skip checking advert IP addresses")
	}
	p.line("   Using src_ip = %s%s", known(i.now.Source), choose(v.Source.IsValid(), " (from configuration)", ""))
	if len(v.Peers) == 0 {
		p.line("   Multicast address %s", v.Group)
	}
}

// runs reports whether a link is up.
func (p *page) runs(name string) bool {
	for i := range p.Links {
		if p.Links[i].Name == name {
			return p.Links[i].Up && p.Links[i].Carrier
		}
	}
	return false
}

func (p *page) announcing(a *vrrp.Announcing) {
	p.line("   Gratuitous ARP delay = %d", whole(a.Delay))
	p.line("   Gratuitous ARP repeat = %d", a.Repeat)
	p.line("   Gratuitous ARP refresh = %d", whole(a.Refresh))
	p.line("   Gratuitous ARP refresh repeat = %d", a.RefreshRepeat)
	p.line("   Gratuitous ARP lower priority delay = %d", whole(a.LowerDelay))
	p.line("   Gratuitous ARP lower priority repeat = %d", a.LowerRepeat)
}

func (p *page) election(i *instance) {
	v, n := i.config, i.now
	p.line("   Down timer adverts = %d", v.DownAdverts)
	p.line("   Send advert after receive lower priority advert = %v", !v.LowerPrioNoAdvert)
	p.line("   Send advert after receive higher priority advert = %v", v.HigherPrioSendAdvert)
	p.line("   Virtual Router ID = %d", v.VRID)
	p.line("   Priority = %d", v.Priority)
	p.line("   Effective priority = %d", n.Effective)
	p.line("   Total priority = %d", int(v.Priority)+n.Weights)
	p.line("   Advert interval = %s", choose(v.Version == 2, shown(v.Interval), fmt.Sprintf("%d milli-sec", v.Interval.Milliseconds())))
	p.line("   Accept = %s", enabled(!i.told.NoAccept))
	p.line("   Preempt = %s", enabled(!v.NoPreempt))
	if v.PreemptDelay > 0 {
		p.line("   Preempt delay = %s", shown(v.PreemptDelay))
	}
	p.line("   Promote_secondaries = %s", enabled(i.told.Promote))
}

// authentication does not tell passwords, as keepalived before 2.4 did.
func (p *page) authentication(v *vrrp.Config) {
	switch {
	case v.HMAC != nil:
		p.line("   Authentication type = HMAC, %d keys", len(v.HMAC.Keys))
	case v.Version != 2:
	case v.Header:
		p.line("   Authentication type = IPSEC_AH\n   Password = ********")
	case v.HasPass:
		p.line("   Authentication type = SIMPLE_PASSWORD\n   Password = ********")
	default:
		p.line("   Authentication type = none")
	}
}

func (p *page) addresses(title string, lines []string) {
	if len(lines) == 0 {
		return
	}
	p.line("   %s", title)
	for _, l := range lines {
		p.line("     %s", l)
	}
}

func (p *page) peers(v *vrrp.Config) {
	if len(v.Peers) == 0 {
		return
	}
	p.line("   Unicast TTL = %d", cmp.Or(v.UnicastTTL, 255))
	p.line("   Check unicast src : %s", yes(v.CheckUnicastSource))
	var lines []string
	for _, peer := range v.Peers {
		lines = append(lines, fmt.Sprintf("%s min_ttl %d max_ttl %d", peer.Addr, peer.MinTTL, cmp.Or(peer.MaxTTL, 255)))
	}
	p.list("Unicast Peer", lines)
}

func (p *page) tracked(i *instance) {
	for _, k := range []struct {
		kind  tracker.Kind
		title string
		comma string // between the name and the weight
	}{
		{tracker.Interface, "Tracked interfaces", ""}, {tracker.Script, "Tracked scripts", ""}, {tracker.File, "Tracked files", ","},
		{tracker.Process, "Tracked processes", ","}, {tracker.BFD, "Tracked BFDs", ","}, {tracker.Check, "Tracked checks", ","},
	} {
		var lines []string
		for _, t := range i.tracks(k.kind) {
			lines = append(lines, t.Name+k.comma+" "+weight(t.Weight, t.Reverse))
		}
		p.list(k.title, lines)
	}
}

// more is not in keepalived's dump.
func (p *page) more(i *instance) {
	n, s := i.now, &i.now.Stats
	p.line("   Reason = %s", n.Reason)
	if n.MasterHeard.IsValid() {
		p.line("   Master router = %s, priority %d", n.MasterHeard, n.MasterPriority)
	}
	for _, d := range n.Devices {
		p.line("   Device = %s", d)
	}
	p.line("   Addresses put back = %d", n.Repairs)
	p.line("   Version errors = %d", s.VersionErr)
	p.line("   Checksum errors = %d", s.ChecksumErr)
	p.line("   Times overslept = %d", s.Overslept)
}

// Words that several sections share.

func choose(first bool, a, b string) string {
	if first {
		return a
	}
	return b
}

func or(text, other string) string { return cmp.Or(text, other) }
func yes(b bool) string            { return choose(b, "yes", "no") }
func enabled(b bool) string        { return choose(b, "enabled", "disabled") }

func known(a netip.Addr) string {
	if !a.IsValid() {
		return "(none)"
	}
	return a.String()
}

func colons(mac [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5])
}

// shown writes a time in seconds.
func shown(d time.Duration) string { return fmt.Sprintf("%g sec", d.Seconds()) }

func weight(n int, reverse bool) string { return "weight " + bareWeight(n, reverse) }

func bareWeight(n int, reverse bool) string {
	return strings.TrimSpace(fmt.Sprintf("%d %s", n, choose(reverse, "reverse", "")))
}
