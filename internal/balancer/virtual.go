package balancer

import (
	"fmt"
	"iter"
	"net/netip"
	"strconv"

	"holdfast/internal/config"
	"holdfast/internal/ipvs"
	"holdfast/internal/lvs"
)

// virtual is a virtual server.
type virtual struct {
	lvs.Virtual
	identity
	name      string
	config    *config.VirtualServer
	entries   []config.GroupEntry // of a service by group
	service   ipvs.Service
	reals     []*real
	mark      uint32 // that stands for the addresses of the group; 0: none
	suspended bool
	fresh     bool     // it was not there before the reload
	left      *remains // of it by an earlier run; nil: nothing
}

// real is a real server.
type real struct {
	lvs.Server
	of     *virtual
	config *config.RealServer
	checks []*check
}

// identity is by what a virtual server is known again after a reload.
type identity struct {
	key    ipvs.Key
	group  string
	number int // among those with the same key or group
}

// identify finds the identity. seen counts those that are alike.
func identify(c *config.VirtualServer, seen map[identity]int) identity {
	id := identity{group: c.Group}
	if c.Group == "" {
		id.key = key(c)
	}
	alike := id
	id.number = seen[alike]
	seen[alike]++
	return id
}

// name is how logs and messages call it.
func (id identity) name() string {
	switch {
	case id.group != "":
		return fmt.Sprintf("[%s]:%d", id.group, id.number)
	case id.key.Mark != 0:
		return fmt.Sprintf("FWM %d", id.key.Mark)
	}
	return id.key.String()
}

// key is the service of a virtual server without a group.
func key(c *config.VirtualServer) ipvs.Key {
	if c.Mark != 0 {
		return ipvs.Key{Mark: c.Mark, V6: c.V6}
	}
	return ipvs.Key{Protocol: protocol(c.Protocol), At: netip.AddrPortFrom(c.Addr, c.Port)}
}

func protocol(word string) ipvs.Protocol {
	switch word {
	case "TCP":
		return ipvs.TCP
	case "UDP":
		return ipvs.UDP
	case "SCTP":
		return ipvs.SCTP
	}
	return 0
}

// keys are the services of a virtual server: one, or those of its group.
func (v *virtual) keys() iter.Seq[ipvs.Key] {
	if v.mark != 0 {
		return v.markKeys()
	}
	return func(yield func(ipvs.Key) bool) {
		if v.config.Group == "" {
			yield(key(v.config))
			return
		}
		for _, e := range v.entries {
			for k := range v.keysOf(e) {
				if !yield(k) {
					return
				}
			}
		}
	}
}

func (v *virtual) keysOf(e config.GroupEntry) iter.Seq[ipvs.Key] {
	if e.From.IsValid() {
		return ipvs.Range(protocol(v.config.Protocol), e.From, e.To, e.Port)
	}
	k := ipvs.Key{Mark: e.Mark, V6: e.Family == 6 || e.Family == 0 && v.config.V6}
	return func(yield func(ipvs.Key) bool) { yield(k) }
}

// entryName is how logs call an entry of the group.
func (v *virtual) entryName(e config.GroupEntry) string {
	if e.From != e.To {
		return e.String()
	}
	for k := range v.keysOf(e) {
		return k.String()
	}
	return ""
}

// nameOf is how logs and messages call a real server. One of a service by mark has
// the protocol "none". At the start there may be a hundred thousand of them.
func nameOf(v *config.VirtualServer, r *config.RealServer) string {
	b := append(make([]byte, 0, 64), '[')
	b = append(r.Addr.AppendTo(b), "]:"...)
	b = append(append(b, protocol(v.Protocol).String()...), ':')
	return string(strconv.AppendUint(b, uint64(r.Port), 10))
}

// name is made when it is needed: most real servers never are spoken of.
func (r *real) name() string { return nameOf(r.of.config, r.config) }

// serviceOf is how the kernel is to balance.
func serviceOf(c *config.VirtualServer) ipvs.Service {
	s := ipvs.Service{Scheduler: c.Scheduler, Flags: ipvs.Flags(c.Flags)}
	if c.Persistence > 0 {
		s.Flags |= ipvs.Persistent
		s.Timeout, s.Granularity, s.Engine = uint32(c.Persistence.Seconds()), c.Netmask, c.PersistenceEngine
	}
	return s
}

// wayOf is how packets get to a server.
func wayOf(f config.Forwarding) ipvs.Destination {
	return ipvs.Destination{Forward: ipvs.Forward(f.Method), Wrap: ipvs.Wrap(f.Tunnel), Port: f.Port, Sum: ipvs.Sum(f.Checksum)}
}

// verb chooses a word by whether the server stays in the table while it is down.
func (r *real) verb(leaves, stays string) string {
	if r.Inhibit {
		return stays
	}
	return leaves
}

// activity is what happens to the checks: they go on, or something else.
func (v *virtual) activity(otherwise string) string {
	if v.suspended {
		return otherwise
	}
	return "Activating"
}

// failed counts the checks that stand against a server.
func (r *real) failed() (n int) {
	for _, c := range r.checks {
		if !c.up {
			n++
		}
	}
	return n
}
