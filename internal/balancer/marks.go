package balancer

import (
	"iter"
	"slices"

	"holdfast/internal/config"
	"holdfast/internal/host"
	"holdfast/internal/ipvs"
)

// marks are those that stand for the addresses of groups (nftables_ipvs): one for each
// protocol that is balanced for a group. One that is given stays for as long as it is used.
type marks map[ipvs.Share]uint32

// markedAs is who shares the mark of a virtual server; none has one without a group, or
// with a group that has marks of its own.
func (b *Balancer) markedAs(c *config.VirtualServer) (ipvs.Share, bool) {
	if b.config.FirstMark == 0 || c.Group == "" {
		return ipvs.Share{}, false
	}
	own := slices.ContainsFunc(b.entries(c.Group), func(e config.GroupEntry) bool { return !e.From.IsValid() })
	return ipvs.Share{Group: c.Group, Protocol: protocol(c.Protocol)}, !own
}

// share gives out marks for a configuration: those that are known stay, others come above
// all that are in use.
func (b *Balancer) share() {
	before, taken := b.marks, b.written()
	b.marks = marks{}
	next := b.config.FirstMark
	var fresh []ipvs.Share
	for i := range b.config.Virtual {
		s, ok := b.markedAs(&b.config.Virtual[i])
		switch n := before[s]; {
		case !ok:
		case n != 0 && !taken[n]:
			b.marks[s], next = n, max(next, n+1)
		default:
			fresh = append(fresh, s)
		}
	}
	for _, n := range b.marks {
		taken[n] = true
	}
	for _, s := range fresh {
		for b.marks[s] == 0 {
			if !taken[next] {
				b.marks[s] = next
			}
			next++
		}
	}
}

// written are the marks that stand in the file, and 0, which is none.
func (b *Balancer) written() map[uint32]bool {
	all := map[uint32]bool{0: true}
	for i := range b.config.Virtual {
		all[b.config.Virtual[i].Mark] = true
	}
	for i := range b.config.Groups {
		for _, e := range b.config.Groups[i].Entries {
			all[e.Mark] = true
		}
	}
	return all
}

// marked are the packets that are to be marked, in the order of the file.
func (b *Balancer) marked() (all []host.Marked) {
	done := map[uint32]bool{}
	for _, v := range b.virtual {
		if v.mark == 0 || done[v.mark] {
			continue
		}
		done[v.mark] = true
		for _, e := range v.entries {
			all = append(all, markedBy(e, uint8(protocol(v.config.Protocol)), v.mark))
		}
	}
	return all
}

// markedBy is what an entry of a group marks. One without a port means all of them.
func markedBy(e config.GroupEntry, protocol uint8, mark uint32) host.Marked {
	m := host.Marked{Protocol: protocol, First: e.From, Last: e.To, FirstPort: e.Port, LastPort: e.Port, Mark: mark}
	if e.Port == 0 {
		m.LastPort = 65535
	}
	return m
}

// markKeys are the services by mark that take the place of those by address: one for each family.
func (v *virtual) markKeys() iter.Seq[ipvs.Key] {
	return func(yield func(ipvs.Key) bool) {
		for _, v6 := range []bool{false, true} {
			has := slices.ContainsFunc(v.entries, func(e config.GroupEntry) bool { return e.From.Is6() == v6 })
			if has && !yield(ipvs.Key{Mark: v.mark, V6: v6}) {
				return
			}
		}
	}
}
