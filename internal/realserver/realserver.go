// Package realserver decides what a real server of a load balancer needs so that it
// takes what is sent to a virtual address which it must not claim: the address
// itself, silence about it, and for tunnels the device that unwraps packets. What was
// changed is remembered, and undone when no address needs it any more.
package realserver

import (
	"cmp"
	"errors"
	"fmt"
	"net/netip"
	"slices"
)

// Service is a virtual address that this machine serves.
type Service struct {
	Address netip.Addr `json:"address"`
	// Tunnel says that packets come wrapped in IP (lvs_method TUN); otherwise they
	// come as they are, to the MAC address of this machine (DR).
	Tunnel bool `json:"tunnel"`
}

// Kind tells needs apart.
type Kind string

// The kinds of needs.
const (
	Switch  Kind = "switch"  // of the kernel, below /proc/sys/net
	Device  Kind = "device"  // there is one of a kind
	Up      Kind = "up"      // a link is up
	Address Kind = "address" // a link has an address
)

// Need is one thing that has to hold.
type Need struct {
	Kind  Kind   `json:"kind"`
	Where string `json:"where"`          // a switch, or a link
	What  string `json:"what,omitempty"` // its value, its kind, an address
}

// String says the need as an operator would.
func (n Need) String() string {
	switch n.Kind {
	case Switch:
		return fmt.Sprintf("net/%s is %s", n.Where, n.What)
	case Device:
		return fmt.Sprintf("there is %s, of kind %s", n.Where, n.What)
	case Up:
		return n.Where + " is up"
	}
	return fmt.Sprintf("%s has %s", n.Where, n.What)
}

// Held reports whether a value that was read meets the need. A machine that is
// stricter already is left so.
func (n Need) Held(value string) bool {
	if n.Where == ignore {
		return value == "1" || value == "2"
	}
	return value == n.What
}

// Absent is the value of what is not there. What is there has the value that is wanted.
const Absent = ""

const isUp = "up"

const (
	ignore   = "ipv4/conf/all/arp_ignore"
	announce = "ipv4/conf/all/arp_announce"
)

// Needs lists what services need, in the order in which it is done: this machine
// has to be silent about an address before it has it.
func Needs(services []Service) (all []Need) {
	for _, s := range services {
		for _, n := range s.needs() {
			if !slices.Contains(all, n) {
				all = append(all, n)
			}
		}
	}
	slices.SortStableFunc(all, func(a, b Need) int { return cmp.Compare(a.order(), b.order()) })
	return all
}

func (n Need) order() int { return slices.Index([]Kind{Device, Switch, Up, Address}, n.Kind) }

func (s Service) needs() []Need {
	address := netip.PrefixFrom(s.Address, s.Address.BitLen()).String()
	switch {
	case s.Tunnel && s.Address.Is6():
		return []Need{{Device, "ip6tnl0", "ip6tnl"}, {Up, "ip6tnl0", isUp}, {Address, "ip6tnl0", address}}
	case s.Address.Is6(): // who is asked for a neighbour looks at the link alone
		return []Need{{Up, "lo", isUp}, {Address, "lo", address}}
	case s.Tunnel:
		// What is unwrapped has a source that is reached another way.
		return []Need{{Switch, ignore, "1"}, {Switch, announce, "2"}, {Device, "tunl0", "ipip"}, {Switch, "ipv4/conf/tunl0/rp_filter", "2"},
			{Up, "tunl0", isUp}, {Address, "tunl0", address}}
	}
	return []Need{{Switch, ignore, "1"}, {Switch, announce, "2"}, {Up, "lo", isUp}, {Address, "lo", address}}
}

// Home is the link that has the address of a service.
func (s Service) Home() string {
	needs := s.needs()
	return needs[len(needs)-1].Where
}

// Done is a need that was met by a change, and what was there before.
type Done struct {
	Need
	Was string `json:"was"`
}

// Memory is what outlives the program.
type Memory struct {
	Services []Service `json:"services"`
	Done     []Done    `json:"done"`
}

// Add makes a service wanted; a service of the same address is replaced.
func (m *Memory) Add(s Service) {
	m.Drop(s.Address)
	m.Services = append(m.Services, s)
}

// Drop makes an address unwanted, and reports whether it was wanted.
func (m *Memory) Drop(address netip.Addr) bool {
	before := len(m.Services)
	m.Services = slices.DeleteFunc(m.Services, func(s Service) bool { return s.Address == address })
	return len(m.Services) < before
}

// Did reports whether something of a kind was changed on a link.
func (m *Memory) Did(kind Kind, link string) bool {
	return slices.ContainsFunc(m.Done, func(d Done) bool { return d.Kind == kind && d.Where == link })
}

// Machine is what is looked at and changed.
type Machine interface {
	// Read returns the value where a need looks: Absent for what is not there.
	Read(Need) (string, error)
	// Set makes the value what a need, or an earlier one, wants.
	Set(n Need, value string) error
}

// Job brings a machine to what is remembered as wanted. Keep is called before every
// change, so that one which is cut short is known; Say is told each change.
type Job struct {
	Machine Machine
	Keep    func(Memory) error
	Say     func(format string, args ...any)
}

// Apply undoes what is not needed any more, in the opposite order, and then meets
// what is needed. It goes on after an error.
func (j Job) Apply(m *Memory) error {
	needs := Needs(m.Services)
	errs := []error{j.Keep(*m)}
	for _, d := range slices.Backward(slices.Clone(m.Done)) {
		if !slices.Contains(needs, d.Need) {
			errs = append(errs, j.undo(m, d))
		}
	}
	for _, n := range needs {
		errs = append(errs, j.meet(m, n))
	}
	return errors.Join(errs...)
}

// undo leaves alone what somebody else has changed since.
func (j Job) undo(m *Memory, d Done) error {
	now, err := j.Machine.Read(d.Need)
	switch {
	case err != nil:
		return fmt.Errorf("look whether %s: %w", d.Need, err)
	case now == Absent:
	case now != d.What:
		j.Say("%s no longer: it is %s by now, and stays so", d.Need, now)
	default:
		if err := j.Machine.Set(d.Need, d.Was); err != nil {
			return fmt.Errorf("undo that %s: %w", d.Need, err)
		}
		j.Say("undone: %s%s", d.Need, d.before())
	}
	m.Done = slices.DeleteFunc(m.Done, func(o Done) bool { return o == d })
	return j.Keep(*m)
}

func (j Job) meet(m *Memory, n Need) error {
	now, err := j.Machine.Read(n)
	if err != nil {
		return fmt.Errorf("look whether %s: %w", n, err)
	}
	if n.Held(now) {
		return nil
	}
	d := Done{n, now}
	if !slices.ContainsFunc(m.Done, func(o Done) bool { return o.Need == n }) {
		m.Done = append(m.Done, d)
	}
	if err := j.Keep(*m); err != nil {
		return err
	}
	if err := j.Machine.Set(n, n.What); err != nil {
		return fmt.Errorf("see to it that %s: %w", n, err)
	}
	j.Say("done: %s%s", n, d.before())
	return nil
}

func (d Done) before() string {
	if d.Kind != Switch {
		return ""
	}
	return fmt.Sprintf(" (before: %s)", d.Was)
}
