package sim

import (
	"fmt"
	"strconv"
	"time"

	"holdfast/internal/router"
	"holdfast/internal/vrrp"
)

// Fault is something done to the world. Faults are data: they can be generated,
// printed and repeated.
type Fault struct {
	Kind  Kind
	Node  string
	Link  string
	Name  string        // of a tracker
	For   time.Duration // Pause
	Sides [][]string    // Partition
	Setup *vrrp.Setup   // Reload
	// Config is what a Reload brings where Setup does not say it.
	Config *router.Config
	Loss   float64 // Noise
	Twice  float64 // Noise
}

// Kind is a closed set.
type Kind string

// The kinds, in the words of the command line where it has one.
const (
	Kill      Kind = "kill"  // loss of power: the machine and its memory are gone
	Crash     Kind = "crash" // kill -9 of the daemon alone; the kernel keeps the addresses
	Stop      Kind = "stop"
	Start     Kind = "start"
	Pause     Kind = "pause" // the daemon stands still for a while
	LinkDown  Kind = "link-down"
	LinkUp    Kind = "link-up"
	Unplug    Kind = "unplug" // the interface is deleted
	Drop      Kind = "drop-vrrp"
	Allow     Kind = "allow-vrrp"
	Partition Kind = "partition" // on all LANs
	Heal      Kind = "heal"
	Fail      Kind = "fail"
	Recover   Kind = "recover"
	Reload    Kind = "reload"
	Noise     Kind = "noise" // loss and duplication on a LAN
)

// String prints the fault as a command.
func (f Fault) String() string {
	switch f.Kind {
	case Partition:
		return fmt.Sprintf("%s %v", f.Kind, f.Sides)
	case Noise:
		return fmt.Sprintf("%s %s loss=%.2f twice=%.2f", f.Kind, f.Link, f.Loss, f.Twice)
	case Heal:
		return string(f.Kind)
	}
	text := string(f.Kind) + " " + f.Node
	for _, word := range []string{f.Link, f.Name} {
		if word != "" {
			text += " " + word
		}
	}
	if f.For != 0 {
		text += " " + f.For.String()
	}
	return text
}

// ParseFault reads a fault from its words: "kill a", "pause a 8s", "link-down a
// eth0", "partition a b | c", "noise eth0 0.3". The Setup of a reload is for the
// caller to supply.
func ParseFault(words []string) (f Fault, err error) {
	if len(words) == 0 {
		return f, fmt.Errorf("no fault named")
	}
	f.Kind, words = Kind(words[0]), words[1:]
	switch f.Kind {
	case Heal:
		return f, arguments(words, 0)
	case Partition:
		f.Sides = sides(words)
		return f, nil
	}
	if len(words) > 0 {
		f.Node = words[0]
	}
	switch f.Kind {
	case Kill, Crash, Stop, Start, Drop, Allow, Reload:
		return f, arguments(words, 1)
	case Pause, LinkDown, LinkUp, Unplug, Fail, Recover, Noise:
		if err := arguments(words, 2); err != nil {
			return f, err
		}
		return f, f.second(words[1])
	}
	return f, fmt.Errorf("unknown word %q", f.Kind)
}

// second reads the word after the node, or after the LAN.
func (f *Fault) second(word string) (err error) {
	switch f.Kind {
	case Pause:
		f.For, err = time.ParseDuration(word)
	case LinkDown, LinkUp, Unplug:
		f.Link = word
	case Fail, Recover:
		f.Name = word
	case Noise:
		f.Node, f.Link = "", f.Node
		f.Loss, err = strconv.ParseFloat(word, 64)
	}
	return err
}

func arguments(words []string, want int) error {
	if len(words) != want {
		return fmt.Errorf("wants %d arguments, not %d", want, len(words))
	}
	return nil
}

// sides reads "a b | c".
func sides(words []string) [][]string {
	all := [][]string{nil}
	for _, word := range words {
		if word == "|" {
			all = append(all, nil)
			continue
		}
		all[len(all)-1] = append(all[len(all)-1], word)
	}
	return all
}

// Do does the fault now. It fails if there is no node of that name.
func (w *World) Do(f Fault) error {
	switch f.Kind {
	case Partition:
		return w.partition(f.Sides)
	case Heal:
		return w.partition(nil)
	case Noise:
		l := w.LAN(f.Link)
		l.Loss, l.Twice = f.Loss, f.Twice
		return nil
	}
	n := w.Node(f.Node)
	if n == nil {
		return fmt.Errorf("no node %q", f.Node)
	}
	n.do(f)
	return nil
}

// partition gives every node its side on all LANs; nil makes them whole. Nodes
// that are not named are on the first side.
func (w *World) partition(sides [][]string) error {
	of := map[*Node]int{}
	for i, side := range sides {
		for _, name := range side {
			n := w.Node(name)
			if n == nil {
				return fmt.Errorf("no node %q", name)
			}
			of[n] = i
		}
	}
	for _, l := range w.lans {
		l.sides = of
	}
	return nil
}

func (n *Node) do(f Fault) {
	switch f.Kind {
	case Crash:
		n.die()
		n.kernel.crash()
	case Kill:
		n.die()
		n.kernel.powerOff()
		clear(n.memory)
	case Start:
		n.start()
	case Stop:
		n.stop()
	case Pause:
		n.pause(f.For)
	case LinkDown:
		n.link(f.Link, func(p *port) { p.Up = false })
	case LinkUp:
		n.link(f.Link, func(p *port) { p.Exists, p.Up = true, true })
	case Unplug:
		n.link(f.Link, func(p *port) { p.Exists, p.Up = false, false })
	case Drop, Allow:
		for _, p := range n.ports {
			p.deaf = f.Kind == Drop
		}
	case Fail, Recover:
		n.track(f.Name, f.Kind == Fail)
	case Reload:
		n.reload(&f)
	}
}

// die ends the daemon at once and without a word.
func (n *Node) die() { n.router, n.frozen, n.inbox = nil, false, nil }

func (n *Node) stop() {
	if n.router != nil && !n.frozen {
		n.step(router.Stop{})
	}
}

func (n *Node) pause(d time.Duration) {
	if n.router == nil || n.frozen {
		return
	}
	n.frozen = true
	life := n.life
	n.w.after(d, func() {
		if n.life == life && n.frozen {
			n.thaw()
		}
	})
}

// thaw goes on where the daemon stood still: what happened meanwhile comes before
// what has expired.
func (n *Node) thaw() {
	n.frozen = false
	inbox := n.inbox
	n.inbox = nil
	for _, ev := range inbox {
		n.happens(ev)
	}
	n.happens(router.Expired{})
	if n.stale && n.router != nil {
		n.apply()
	}
}

// link changes an interface and tells the daemon. One that goes takes its
// addresses with it.
func (n *Node) link(name string, change func(*port)) {
	p := n.ports[name]
	if p == nil {
		return
	}
	change(p)
	if !p.Exists {
		for _, a := range n.kernel.lose(name) {
			n.showAddress(a, false)
		}
	}
	n.see(name)
}

// track gives a tracker a result.
func (n *Node) track(name string, failed bool) {
	n.failed[name] = failed
	for i := range n.trackers {
		if t := &n.trackers[i]; t.Name == name {
			t.Pending = false
			n.happens(router.Sampled{Sample: n.look(t)})
		}
	}
}

// reload gives the daemon, or its next run, a new configuration.
func (n *Node) reload(f *Fault) {
	n.config = f.Config
	if n.config == nil {
		n.config = configured(f.Setup, n.trackers)
	}
	n.stale = n.frozen
	if n.router != nil && !n.frozen {
		n.apply()
	}
}
