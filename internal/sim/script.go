package sim

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/mono"
	"holdfast/internal/vrrp"
)

// Play runs a script and returns its timeline. A script is lines of words:
//
//	lan eth0 delay=1ms                   a LAN; the first one is every router's default
//	router a priority=150 vip=192.0.2.10 a router on node a; more make more
//	group a G VI_1 VI_2                  a sync group of node a
//	tracker a chk weight=-30             watches all routers of node a
//	show adverts announcements addresses notes  what the timeline has beside transitions
//	set a VI_1 priority=90               changes what the next "reload a" brings
//	run until=10s                        lets time pass; the nodes start with the first
//	kill a                               a fault, in the words of type Kind
//
// The words of a router are name, lan, vrid, version, priority, interval, vip,
// address (the node's own), peers, pass, down-adverts, preempt-delay, and bare
// master, nopreempt, resumes.
func Play(script string) (string, error) {
	p := player{w: New(1), specs: map[string]*Spec{}}
	for i, line := range strings.Split(script, "\n") {
		line, _, _ = strings.Cut(line, "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := p.do(words); err != nil {
			return "", fmt.Errorf("line %d: %s: %w", i+1, strings.TrimSpace(line), err)
		}
	}
	return p.w.String(), nil
}

// player is a script being run.
type player struct {
	w       *World
	lan     string // the first one
	specs   map[string]*Spec
	order   []string
	started bool
}

func (p *player) do(words []string) error {
	verb, rest := words[0], words[1:]
	switch verb {
	case "lan":
		return p.addLAN(rest)
	case "router":
		return p.addRouter(rest)
	case "group":
		return p.addGroup(rest)
	case "tracker":
		return p.addTracker(rest)
	case "show":
		return p.show(rest)
	case "set":
		return p.set(rest)
	case "run":
		return p.run(rest)
	}
	return p.fault(words)
}

func (p *player) addLAN(words []string) (err error) {
	if len(words) == 0 {
		return fmt.Errorf("needs a name")
	}
	l := p.w.LAN(words[0])
	if p.lan == "" {
		p.lan = words[0]
	}
	for key, value := range options(words[1:]) {
		switch key {
		case "delay":
			l.Delay, err = time.ParseDuration(value)
		case "jitter":
			l.Jitter, err = time.ParseDuration(value)
		case "loss":
			l.Loss, err = strconv.ParseFloat(value, 64)
		default:
			err = fmt.Errorf("unknown word %q", key)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// options splits key=value words; a bare word has an empty value.
func options(words []string) func(yield func(key, value string) bool) {
	return func(yield func(key, value string) bool) {
		for _, word := range words {
			key, value, _ := strings.Cut(word, "=")
			if !yield(key, value) {
				return
			}
		}
	}
}

func (p *player) spec(node string) *Spec {
	if s := p.specs[node]; s != nil {
		return s
	}
	s := &Spec{Name: node, Links: map[string]vrrp.LinkState{}, Hold: time.Millisecond}
	p.specs[node] = s
	p.order = append(p.order, node)
	return s
}

func (p *player) addRouter(words []string) error {
	if len(words) == 0 {
		return fmt.Errorf("needs a node")
	}
	s := p.spec(words[0])
	n := len(s.Setup.Routers) + 1
	c := vrrp.Config{
		Key: vrrp.Key{Link: p.lan, VRID: uint8(n)}, Name: fmt.Sprintf("VI_%d", n), Version: 3,
		Priority: 100, Interval: time.Second, DownAdverts: 3, Group: netip.AddrFrom4([4]byte{224, 0, 0, 18}),
		Announce: vrrp.Announcing{Repeat: 5, Delay: 5 * time.Second, RefreshRepeat: 1, LowerRepeat: 5, LowerDelay: 5 * time.Second},
	}
	if err := configure(&c, words[1:]); err != nil {
		return err
	}
	s.Setup.Routers = append(s.Setup.Routers, c)
	host := uint8(slices.Index(p.order, s.Name) + 1)
	l := vrrp.LinkState{Exists: true, Up: true, MTU: 1500, Source4: netip.AddrFrom4([4]byte{192, 0, 2, host}),
		Source6: netip.AddrFrom16([16]byte{0: 0xfe, 1: 0x80, 15: host})}
	s.Links[c.Link] = l
	return nil
}

// configure sets the words of one router.
func configure(c *vrrp.Config, words []string) error {
	for key, value := range options(words) {
		if err := configureOne(c, key, value); err != nil {
			return err
		}
	}
	return nil
}

func configureOne(c *vrrp.Config, key, value string) (err error) {
	switch key {
	case "name":
		c.Name = value
	case "lan":
		c.Link = value
	case "vrid":
		c.VRID, err = number(value)
	case "version":
		c.Version, err = number(value)
	case "priority":
		c.Priority, err = number(value)
	case "interval":
		c.Interval, err = time.ParseDuration(value)
	case "preempt-delay":
		c.PreemptDelay, err = time.ParseDuration(value)
	case "down-adverts":
		c.DownAdverts, err = strconv.Atoi(value)
	case "vip":
		err = addresses(c, value)
	case "peers":
		err = peers(c, value)
	case "source":
		c.Source, err = netip.ParseAddr(value)
	case "pass":
		c.HasPass = true
		copy(c.Password[:], value)
	case "master":
		c.StartMaster = true
	case "nopreempt":
		c.NoPreempt = true
	default:
		err = fmt.Errorf("unknown word %q", key)
	}
	return err
}

func number(value string) (uint8, error) {
	n, err := strconv.ParseUint(value, 10, 8)
	return uint8(n), err
}

func addresses(c *vrrp.Config, value string) error {
	c.VIPs = nil
	for word := range strings.SplitSeq(value, ",") {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return err
		}
		c.VIPs = append(c.VIPs, a)
	}
	c.V6 = c.VIPs[0].Is6()
	if c.V6 {
		c.Group = netip.MustParseAddr("ff02::12")
	}
	return nil
}

func peers(c *vrrp.Config, value string) error {
	c.Peers = nil
	for word := range strings.SplitSeq(value, ",") {
		a, err := netip.ParseAddr(word)
		if err != nil {
			return err
		}
		c.Peers = append(c.Peers, vrrp.Peer{Addr: a, MaxTTL: 255})
	}
	return nil
}

func (p *player) addGroup(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("needs a node, a name and members")
	}
	s := p.spec(words[0])
	g := vrrp.Group{Name: words[1]}
	for _, c := range s.Setup.Routers {
		if slices.Contains(words[2:], c.Name) {
			g.Members = append(g.Members, c.Key)
		}
	}
	s.Setup.Groups = append(s.Setup.Groups, g)
	return nil
}

func (p *player) addTracker(words []string) (err error) {
	if len(words) < 2 {
		return fmt.Errorf("needs a node and a name")
	}
	s := p.spec(words[0])
	t := Tracker{Name: words[1]}
	for _, c := range s.Setup.Routers {
		t.Routers = append(t.Routers, c.Name)
	}
	for key, value := range options(words[2:]) {
		switch key {
		case "weight":
			t.Weight, err = strconv.Atoi(value)
		case "routers":
			t.Routers = strings.Split(value, ",")
		case "pending":
			t.Pending = true
		default:
			err = fmt.Errorf("unknown word %q", key)
		}
		if err != nil {
			return err
		}
	}
	s.Trackers = append(s.Trackers, t)
	return nil
}

func (p *player) show(words []string) error {
	for _, word := range words {
		switch word {
		case "adverts":
			p.w.Show.Adverts = true
		case "announcements":
			p.w.Show.Announcements = true
		case "addresses":
			p.w.Show.Addresses = true
		case "notes":
			p.w.Show.Notes = true
		default:
			return fmt.Errorf("unknown word %q", word)
		}
	}
	return nil
}

// set makes another version of a node's configuration for its next reload.
func (p *player) set(words []string) error {
	if len(words) < 3 {
		return fmt.Errorf("needs a node, a router and words")
	}
	s := p.spec(words[0])
	s.Setup.Routers = slices.Clone(s.Setup.Routers)
	for i := range s.Setup.Routers {
		if c := &s.Setup.Routers[i]; c.Name == words[1] {
			return configure(c, words[2:])
		}
	}
	return fmt.Errorf("no router %q", words[1])
}

func (p *player) run(words []string) error {
	if !p.started {
		p.started = true
		for _, name := range p.order {
			p.w.Add(*p.specs[name])
		}
	}
	for key, value := range options(words) {
		d, err := time.ParseDuration(value)
		if err != nil || key != "until" {
			return fmt.Errorf("wants until=DURATION")
		}
		p.w.Run(mono.Instant(d))
	}
	return nil
}

// fault does one of the faults now.
func (p *player) fault(words []string) error {
	f, err := ParseFault(words)
	if err != nil {
		return err
	}
	if f.Kind == Reload {
		f.Setup = &p.spec(f.Node).Setup
	}
	return p.w.Do(f)
}

// String prints the timeline.
func (w *World) String() string {
	var b strings.Builder
	for _, e := range w.Timeline {
		b.WriteString(strings.TrimRight(e.format(w), " "))
		b.WriteByte('\n')
	}
	return b.String()
}

// format prints one line. The name of a router is left out where the node has
// only one, and so is a reason that says no more than that the node starts.
func (e *Entry) format(w *World) string {
	at := fmt.Sprintf("%6s ", e.At)
	if e.Text != "" {
		return at + e.Node + " " + e.Text
	}
	name, reason := e.Node, e.Change.Reason
	if n := w.Node(e.Node); e.Change.Group || len(n.config.Routers) > 1 {
		name += "/" + e.Change.Name
	}
	if e.Change.From == vrrp.Initial && reason == "init" {
		reason = ""
	}
	return fmt.Sprintf("%s%s %-8v %s", at, name, e.Change.To, reason)
}
