package balancer

import (
	"maps"
	"net/netip"
	"slices"

	"holdfast/internal/ipvs"
	"holdfast/internal/mono"
	"holdfast/internal/status"
)

// Held is what the kernel holds, and how much that is used.
type Held struct {
	Table   ipvs.Table
	Usage   []ipvs.Usage
	Repairs uint64
}

// Status puts what is known of real servers beside what the kernel holds.
func (b *Balancer) Status(now mono.Instant, h Held) *status.Balanced {
	all := ipvs.Table{}
	for k, p := range h.Table {
		all[k] = p
	}
	for k := range b.users {
		if _, held := all[k]; !held {
			all[k] = ipvs.Pool{Service: b.users[k][0].service}
		}
	}
	used := make(map[ipvs.Key]*ipvs.Usage, len(h.Usage))
	for i := range h.Usage {
		used[h.Usage[i].Key] = &h.Usage[i]
	}
	s := &status.Balanced{At: now, Repairs: h.Repairs}
	for _, k := range all.Keys() {
		_, held := h.Table[k]
		s.Services = append(s.Services, b.serviceStatus(k, all[k], held, used[k]))
	}
	return s
}

func (b *Balancer) serviceStatus(k ipvs.Key, p ipvs.Pool, held bool, used *ipvs.Usage) status.Service {
	if used == nil {
		used = &ipvs.Usage{}
	}
	protocol, address := k.Listed()
	s := status.Service{Protocol: protocol, Address: address, Scheduler: p.Scheduler, Flags: p.Service.Normal(k.Is6()).Listed(k.Is6()), Held: held, Counters: status.Counters(used.Counters)}
	list := destinations{}
	for _, d := range p.Servers {
		list[d.At] = &status.Destination{Address: d.At.String(), Forward: d.Forward.String(), Weight: d.Weight, Held: true}
	}
	for _, u := range used.Servers {
		d := list.at(u.At)
		d.Active, d.Inactive, d.Persistent, d.Counters = u.Active, u.Inactive, u.Persists, status.Counters(u.Counters)
	}
	for _, v := range b.users[k] {
		s.Virtual = append(s.Virtual, status.Virtual{Name: v.name, Up: v.Up, Quorum: v.Quorum, Hysteresis: v.Hysteresis, Weight: v.Sum(), Suspended: v.suspended})
		list.judge(v, k)
	}
	s.Destinations = list.sorted()
	return s
}

// destinations are those of a service.
type destinations map[netip.AddrPort]*status.Destination

func (l destinations) at(at netip.AddrPort) *status.Destination {
	if l[at] == nil {
		l[at] = &status.Destination{Address: at.String()}
	}
	return l[at]
}

// judge notes what is known of the servers of a virtual server.
func (l destinations) judge(v *virtual, k ipvs.Key) {
	if v.Sorry != nil {
		d := l.at(v.Sorry.Reached(k))
		d.Health, d.Forward = "sorry", v.Sorry.Way.Forward.String()
	}
	for _, r := range v.reals {
		d := l.at(r.Reached(k))
		d.Forward = r.Way.Forward.String()
		d.Health, d.Reason, d.Since = r.health()
	}
}

func (l destinations) sorted() (all []status.Destination) {
	for _, at := range slices.SortedFunc(maps.Keys(l), netip.AddrPort.Compare) {
		all = append(all, *l[at])
	}
	return all
}

// health is how a real server stands, why and since when: by the check that went down
// first, or by the one that came up last.
func (r *real) health() (word, why string, since mono.Instant) {
	if len(r.checks) == 0 {
		return "", "", 0
	}
	word = "up"
	for _, c := range r.checks {
		switch {
		case !c.up && (word != "down" || c.since.Before(since)):
			word, why, since = "down", c.found.Reason, c.since
		case word == "down":
		case !c.ran:
			word, since = "unknown", c.since
		case word == "up":
			since = max(since, c.since)
		}
	}
	return word, why, since
}
