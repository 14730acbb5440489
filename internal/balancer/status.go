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
	used := byKey(h.Usage)
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
		list.judge(b, v, k)
	}
	s.Destinations = list.sorted()
	return s
}

func byKey(list []ipvs.Usage) map[ipvs.Key]*ipvs.Usage {
	used := make(map[ipvs.Key]*ipvs.Usage, len(list))
	for i := range list {
		used[list[i].Key] = &list[i]
	}
	return used
}

// Virtual is what is known of the virtual servers, in the order of the configuration.
func (b *Balancer) Virtual(h Held) (list []status.VirtualServer) {
	used := byKey(h.Usage)
	for _, v := range b.virtual {
		list = append(list, v.status(used))
	}
	return list
}

// status is what is known of a virtual server, with what is counted in all of its services.
func (v *virtual) status(used map[ipvs.Key]*ipvs.Usage) status.VirtualServer {
	s := status.VirtualServer{Name: v.name, Up: v.Up}
	if v.Sorry != nil {
		s.Servers = append(s.Servers, status.Server{Alive: v.Apologises(), Weight: 1})
	}
	for _, r := range v.reals {
		s.Servers = append(s.Servers, status.Server{Alive: r.Alive, Weight: r.Effective(), Failed: r.failed()})
	}
	for k := range v.keys() {
		if u := used[k]; u != nil {
			s.Counters.Add(status.Counters(u.Counters))
			v.count(k, u, s.Servers)
		}
	}
	return s
}

// count adds what a service says of the servers, the sorry server first.
func (v *virtual) count(k ipvs.Key, u *ipvs.Usage, servers []status.Server) {
	at := make(map[netip.AddrPort]*status.Server, len(servers))
	if v.Sorry != nil {
		at[v.Sorry.Reached(k)], servers = &servers[0], servers[1:]
	}
	for i, r := range v.reals {
		at[r.Reached(k)] = &servers[i]
	}
	for _, d := range u.Servers {
		if s := at[d.At]; s != nil {
			s.Active, s.Inactive, s.Persistent = s.Active+d.Active, s.Inactive+d.Inactive, s.Persistent+d.Persists
			s.Counters.Add(status.Counters(d.Counters))
		}
	}
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
func (l destinations) judge(b *Balancer, v *virtual, k ipvs.Key) {
	if v.Sorry != nil {
		d := l.at(v.Sorry.Reached(k))
		d.Health, d.Forward = "sorry", v.Sorry.Way.Forward.String()
	}
	for _, r := range v.reals {
		d := l.at(r.Reached(k))
		d.Forward = r.Way.Forward.String()
		d.Health, d.Reason, d.Since = r.health()
		d.Order = b.orderWords(r)
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
