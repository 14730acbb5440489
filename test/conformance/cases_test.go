package conformance

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"
)

// sample is one demand of the RFC and how to see whether it is met.
type sample struct {
	clause string // of RFC 9568; empty: not asked of version 3
	old    string // of RFC 3768, for version 2; empty: not asked there
	demand string
	// differs says what keepalived, and holdfast with it, do instead on purpose;
	// then the procedure looks for that, too, and answers errOnPurpose.
	differs string
	only    string // the only family asked, if not both
	play    func(*stage) error
}

// expected reports whether an answer is right for a daemon: holdfast has to differ
// where it is said to, others may, and who has no word for a demand is not asked.
func (c sample) expected(err error, daemon string) bool {
	if daemon == "holdfast" {
		return (err == nil) == (c.differs == "") && (err == nil || errors.Is(err, errOnPurpose))
	}
	return err == nil || errors.Is(err, errOnPurpose) || errors.Is(err, errNoWord)
}

func (c sample) asked(d dialect) bool {
	return c.section(d) != "" && (c.only == "" || strings.HasSuffix(d.name, c.only))
}

// section is the clause for a dialect.
func (c sample) section(d dialect) string {
	if d.version == 2 {
		return c.old
	}
	return c.clause
}

func samples() []sample {
	return slices.Concat(transmission(), reception(), initialise(), backup(), master(), timers(), addresses(), acceptance())
}

// field judges the first advert of a master, and one that comes later.
func field(wrong func(*stage, heard) string) func(*stage) error {
	return func(s *stage) error {
		if err := s.master(); err != nil {
			return err
		}
		time.Sleep(s.interval + margin)
		all := s.adverts(s.daemon.Started)
		if len(all) < 2 {
			return fmt.Errorf("%d adverts, too few", len(all))
		}
		for _, h := range all {
			if what := wrong(s, h); what != "" {
				return errors.New(what)
			}
		}
		return nil
	}
}

// equal is empty for a field that is as it should be.
func equal[T comparable](got, want T) string {
	if got == want {
		return ""
	}
	return fmt.Sprintf("%v instead of %v", got, want)
}

func transmission() []sample {
	return []sample{
		{clause: "5.1.1.1, 5.1.2.1", old: "5.2.1", demand: "The source is the primary address of the interface, over IPv6 its link-local one",
			play: field(func(s *stage, h heard) string {
				if s.own.Addr().Is6() && h.from.IsLinkLocalUnicast() && !slices.Contains(s.vips, h.from) {
					return ""
				}
				return equal(h.from, s.own.Addr())
			})},
		{clause: "5.1.1.2, 5.1.2.2", old: "5.2.2", demand: "The destination is the group of VRRP",
			play: field(func(s *stage, h heard) string { return equal(h.to, s.group) + equal(h.toMAC, s.groupMAC) })},
		{clause: "5.1.1.3, 5.1.2.3", old: "5.2.3", demand: "TTL or hop limit is 255",
			play: field(func(s *stage, h heard) string { return equal(h.hops, 255) })},
		{clause: "5.2.1", old: "5.3.1", demand: "The version is that of the configuration",
			play: field(func(s *stage, h heard) string { return equal(h.version, s.version) })},
		{clause: "5.2.2", old: "5.3.2", demand: "The type is 1, ADVERTISEMENT",
			play: field(func(s *stage, h heard) string { return equal(h.kind, 1) })},
		{clause: "5.2.3", old: "5.3.3", demand: "The VRID is that of the virtual router",
			play: field(func(s *stage, h heard) string { return equal(h.vrid, vrid) })},
		{clause: "5.2.4", old: "5.3.4", demand: "The priority is the configured one",
			play: field(func(s *stage, h heard) string { return equal(h.priority, ours) })},
		{clause: "5.2.5", old: "5.3.5", demand: "The count is the number of addresses",
			play: field(func(s *stage, h heard) string { return equal(int(h.count), len(s.vips)) })},
		{clause: "5.2.6", old: "5.3.6", demand: "The reserved bits are zero, in version 2 the type of authentication",
			play: field(func(s *stage, h heard) string { return equal(h.reserved, 0) })},
		{clause: "5.2.7", old: "5.3.7", demand: "The interval is that of the configuration",
			play: field(func(s *stage, h heard) string { return equal(h.interval, s.stronger().interval) })},
		{clause: "5.2.8", old: "5.3.8", demand: "The checksum is right, since version 3 with a pseudo-header",
			play: field(func(s *stage, h heard) string { return equal(h.summed, right) })},
		{clause: "5.2.9", old: "5.3.9", demand: "All addresses are carried; over IPv6 the first is link-local",
			play: field(func(s *stage, h heard) string {
				if slices.Equal(h.addrs, s.vips) {
					return ""
				}
				return fmt.Sprintf("%v instead of %v", h.addrs, s.vips)
			})},
		{clause: "7.2", old: "7.2", demand: "The source of the frame is the virtual MAC address",
			differs: "the address of the interface, unless `use_vmac` is given",
			play: func(s *stage) error {
				err := s.master()
				if err == nil && s.adverts(s.daemon.Started)[0].mac != s.virtual {
					err = errOnPurpose
				}
				return err
			}},
		{clause: "7.2, 7.3", old: "7.2, 7.3", demand: "The source of the frame is the virtual MAC address, with `use_vmac`",
			play: func(s *stage) error {
				if err := s.master("use_vmac"); err != nil {
					return err
				}
				if got := s.adverts(s.daemon.Started)[0].mac; got != s.virtual {
					return fmt.Errorf("%x instead of %x", got, s.virtual)
				}
				return nil
			}},
	}
}

// discarded plays an advert that would relieve the master if it were taken.
func discarded(change func(*advert)) func(*stage) error { return challenged(change, (*stage).remains) }

// taken plays an advert that relieves the master although something is odd.
func taken(change func(*advert)) func(*stage) error { return challenged(change, (*stage).yields) }

// challenged plays an advert of a stronger router, with a change, to a master.
func challenged(change func(*advert), then func(*stage, time.Time) error) func(*stage) error {
	return func(s *stage) error {
		if err := s.master(); err != nil {
			return err
		}
		a := s.stronger()
		change(&a)
		at, err := s.say(a)
		if err != nil {
			return err
		}
		return then(s, at)
	}
}

// orOnPurpose plays an advert that relieves the master, unless the daemon discards it on purpose.
func orOnPurpose(change func(*advert)) func(*stage) error {
	return func(s *stage) error {
		err := taken(change)(s)
		if err != nil && s.daemon != nil && s.remains(time.Now()) == nil {
			return errOnPurpose
		}
		return err
	}
}

func reception() []sample {
	return []sample{
		{clause: "7.1", old: "7.1", demand: "A valid advert is taken", play: taken(func(*advert) {})},
		{clause: "7.1", old: "7.1", demand: "TTL or hop limit other than 255: discarded", play: discarded(func(a *advert) { a.hops = 254 })},
		{clause: "7.1", old: "7.1", demand: "TTL or hop limit 1, as other multicast has: discarded", play: discarded(func(a *advert) { a.hops = 1 })},
		{clause: "7.1", old: "7.1", demand: "Another version: discarded", play: discarded(func(a *advert) { a.version = 5 - a.version })},
		{clause: "7.1", old: "7.1", demand: "An unknown version: discarded", play: discarded(func(a *advert) { a.version += 4 })},
		{clause: "5.2.2", old: "5.3.2", demand: "Another type: discarded", play: discarded(func(a *advert) { a.kind = 2 })},
		{clause: "7.1", old: "7.1", demand: "A wrong checksum: discarded", play: discarded(func(a *advert) { a.summed = wrong })},
		{clause: "5.2.8", old: "5.3.8", demand: "A checksum of the other version (with or without pseudo-header): discarded",
			play: discarded(func(a *advert) { a.summed = other })},
		{clause: "5.2.8", old: "5.3.8", demand: "A checksum of zero is a wrong one: discarded", play: discarded(func(a *advert) { a.summed = forgotten })},
		{clause: "7.1", old: "7.1", demand: "Another VRID: discarded", play: discarded(func(a *advert) { a.vrid++ })},
		{clause: "7.1", old: "7.1", demand: "Shorter than its count says: discarded", play: discarded(func(a *advert) { a.count++ })},
		{clause: "7.1", old: "7.1", demand: "Cut within the header: discarded",
			play: discarded(func(a *advert) { a.cut = len(a.body()) - 7 })},
		{clause: "7.1", old: "7.1", demand: "Longer than its count says, but complete: taken", differs: "discarded, unless it is the padding of Ethernet",
			play: orOnPurpose(func(a *advert) { a.surplus = 64 })},
		{clause: "5.2.5", demand: "A count of 0: discarded", differs: "taken, for `no_virtual_ipaddress`", play: func(s *stage) error {
			err := taken(func(a *advert) { a.count, a.addrs = 0, nil })(s)
			if err == nil {
				return errOnPurpose
			}
			return s.remains(time.Now())
		}},
		{old: "7.1", demand: "Another type of authentication: discarded", play: discarded(func(a *advert) { a.reserved = 1 })},
		{old: "7.1", demand: "Another interval: discarded", play: discarded(func(a *advert) { a.interval++ })},
		{clause: "5.2.6", demand: "The reserved bits are not looked at", play: taken(func(a *advert) { a.reserved = 15 })},
		{clause: "7.1", demand: "Another interval: taken", play: taken(func(a *advert) { a.interval *= 2 })},
		{clause: "7.1", old: "7.1", demand: "Other addresses: logged, and taken from whoever sends them", play: taken(func(a *advert) {
			a.addrs = []netip.Addr{a.from, a.from}
		})},
	}
}

func initialise() []sample {
	return []sample{
		{clause: "6.4.1", old: "6.4.1", demand: "The owner becomes master at once", play: func(s *stage) error {
			s.interval, s.priority = time.Second, 255
			if err := s.start(); err != nil {
				return err
			}
			_, err := s.await(s.daemon.Started, 2*time.Second, anyAdvert)
			return err
		}},
		{clause: "7.1", old: "7.1", demand: "The owner discards every advert", differs: "of two owners that with the lower address yields, unless `owner_ignore_adverts` is given",
			play: func(s *stage) error {
				at, err := s.challengeOwner()
				if err == nil && s.yields(at) == nil {
					return errOnPurpose
				}
				return err
			}},
		{clause: "7.1", old: "7.1", demand: "The owner discards every advert, with `owner_ignore_adverts`", play: func(s *stage) error {
			at, err := s.challengeOwner("owner_ignore_adverts")
			if err != nil {
				return err
			}
			return s.remains(at)
		}},
		{clause: "6.4.1", old: "6.4.1", demand: "Whoever is not the owner waits for Master_Down_Interval", play: func(s *stage) error {
			if err := s.master(); err != nil {
				return err
			}
			if took := s.adverts(s.daemon.Started)[0].at.Sub(s.daemon.Started); took < s.down(s.interval) {
				return fmt.Errorf("after %v", took)
			}
			return nil
		}},
	}
}

// challengeOwner is another owner, with a higher address.
func (s *stage) challengeOwner(more ...string) (time.Time, error) {
	s.priority = 255
	if err := s.master(more...); err != nil {
		return time.Time{}, err
	}
	a := s.stronger()
	a.priority, a.from = 255, higher(a)
	return s.say(a)
}

// relieved makes the daemon a backup and says another advert to it.
func relieved(change func(*advert), judge func(*stage, time.Time) error, more ...string) func(*stage) error {
	return func(s *stage) error {
		at, err := s.backup(more...)
		if err != nil {
			return err
		}
		if err := s.silent(at, s.interval); err != nil {
			return err
		}
		a := s.stronger()
		change(&a)
		if at, err = s.repeat(a, 1); err != nil {
			return err
		}
		return judge(s, at)
	}
}

// kept says an advert for six intervals, longer than the down timer, and expects silence.
func kept(change func(*advert), more ...string) func(*stage) error {
	return func(s *stage) error {
		at, err := s.backup(more...)
		if err != nil {
			return err
		}
		a := s.stronger()
		change(&a)
		if _, err := s.repeat(a, 6); err != nil {
			return err
		}
		return s.silent(at, 0)
	}
}

func backup() []sample {
	return []sample{
		{clause: "6.4.2", old: "6.4.2", demand: "Silence of the master for Master_Down_Interval: becomes master",
			play: relieved(func(*advert) {}, func(s *stage, at time.Time) error { return s.takes(at, s.down(s.interval)) })},
		{clause: "6.4.2", old: "6.4.2", demand: "Priority 0: becomes master after Skew_Time", play: func(s *stage) error {
			at, err := s.backup()
			if err != nil {
				return err
			}
			if err := s.silent(at, s.interval); err != nil {
				return err
			}
			a := s.stronger()
			a.priority = 0
			if at, err = s.say(a); err != nil {
				return err
			}
			return s.takes(at, s.skew(s.interval))
		}},
		{clause: "6.4.2", old: "6.4.2", demand: "A higher priority: stays backup", play: kept(func(*advert) {})},
		{clause: "6.4.2", old: "6.4.2", demand: "The same priority: stays backup, whatever the address",
			play: kept(func(a *advert) { a.priority = ours })},
		{clause: "6.4.2", old: "6.4.2", demand: "A lower priority: discarded, the timer runs out", play: func(s *stage) error {
			at, err := s.backup()
			if err != nil {
				return err
			}
			a := s.stronger()
			a.priority = ours - 1
			if _, err := s.repeat(a, 3); err != nil {
				return err
			}
			return s.takes(at, s.down(s.interval))
		}},
		{clause: "6.4.2", old: "6.4.2", demand: "A lower priority with Preempt_Mode false: stays backup",
			play: kept(func(a *advert) { a.priority = ours - 1 }, "nopreempt", "state BACKUP")},
		{clause: "6.4.2", demand: "The interval of the master is learnt", play: relieved(func(a *advert) { a.interval *= 2 },
			func(s *stage, at time.Time) error { return s.takes(at, s.down(2*s.interval)) })},
		{clause: "6.4.2", old: "6.4.2", demand: "Questions for the addresses are not answered, and they are not held", play: func(s *stage) error {
			at, err := s.backup()
			if err != nil {
				return err
			}
			defer s.reign()()
			if err := s.silent(at, s.interval); err != nil {
				return err
			}
			answers, err := s.ask()
			if err == nil && len(answers) > 0 {
				err = fmt.Errorf("%d answers", len(answers))
			}
			return errors.Join(err, s.holdsNone())
		}},
		{clause: "6.4.2", old: "6.4.2", demand: "A shutdown is silent", play: func(s *stage) error {
			at, err := s.backup()
			if err != nil {
				return err
			}
			defer s.reign()()
			if err := s.silent(at, s.interval); err != nil {
				return err
			}
			at = time.Now()
			s.daemon.Stop()
			if n := len(s.adverts(at)); n > 0 {
				return fmt.Errorf("%d adverts", n)
			}
			return nil
		}},
	}
}

// answered says an advert to a master, in the middle of its interval, and
// expects another at once.
func answered(change func(*advert)) func(*stage) error {
	return func(s *stage) error {
		s.interval = time.Second
		if err := s.master(); err != nil {
			return err
		}
		time.Sleep(s.interval / 4)
		a := s.stronger()
		change(&a)
		at, err := s.say(a)
		if err != nil {
			return err
		}
		_, err = s.await(at, margin, selfAssured)
		return err
	}
}

func master() []sample {
	return []sample{
		{clause: "6.4.3", old: "6.4.3", demand: "An advert every Advertisement_Interval", play: func(s *stage) error {
			if err := s.master(); err != nil {
				return err
			}
			time.Sleep(6*s.interval + margin)
			all := s.adverts(s.daemon.Started)
			if n := len(all); n < 6 {
				return fmt.Errorf("%d adverts", n)
			}
			// From the fourth on: the first interval may be a shorter one.
			if mean := all[5].at.Sub(all[2].at) / 3; mean < s.interval*4/5 || mean > s.interval*6/5 {
				return fmt.Errorf("every %v", mean)
			}
			return nil
		}},
		{clause: "6.4.3", old: "6.4.3", demand: "Priority 0: an advert at once", play: answered(func(a *advert) { a.priority = 0 })},
		{clause: "6.4.3", old: "6.4.3", demand: "A higher priority: becomes backup", play: taken(func(*advert) {})},
		{clause: "6.4.3", old: "6.4.3", demand: "The same priority and a higher address: becomes backup",
			play: taken(func(a *advert) { a.priority, a.from = ours, higher(*a) })},
		{clause: "6.4.3", old: "6.4.3", demand: "The same priority and a lower address: stays master",
			play: discarded(func(a *advert) { a.priority = ours })},
		{clause: "6.4.3", demand: "A lower priority: an advert at once, stays master", play: answered(func(a *advert) { a.priority = ours - 1 })},
		{clause: "6.4.3", old: "6.4.3", demand: "A shutdown announces priority 0", play: func(s *stage) error {
			if err := s.master(); err != nil {
				return err
			}
			at := time.Now()
			s.daemon.Stop()
			_, err := s.await(at, margin, goodbye)
			return err
		}},
	}
}

// ask puts the question for every address and collects the answers.
func (s *stage) ask() ([]claim, error) {
	at := time.Now()
	for _, vip := range s.vips {
		if err := s.tap.send(question{mac: s.tap.mac, from: s.tester.Addr(), of: vip}.frame()); err != nil {
			return nil, err
		}
	}
	time.Sleep(margin)
	return slices.DeleteFunc(s.claims(at), func(c claim) bool { return !c.reply || c.toMAC != s.tap.mac }), nil
}

func (s *stage) holdsNone() error {
	// What a device without carrier has is out of reach.
	out, err := s.node.Output(context.Background(), "sh", "-c", "for l in $(ip -o link show | grep LOWER_UP | cut -d: -f2 | cut -d@ -f1); do ip -o addr show dev $l; done")
	for _, vip := range s.vips {
		if strings.Contains(out, " "+vip.String()+"/") {
			err = errors.Join(err, fmt.Errorf("holds %s", vip))
		}
	}
	return err
}

// limit starts an owner with an interval and judges what its first advert says of it.
func limit(intervals map[uint8]time.Duration, field func(version uint8) uint16) func(*stage) error {
	return func(s *stage) error {
		s.interval, s.priority = intervals[s.version], 255
		if err := s.start(); err != nil {
			return err
		}
		h, err := s.await(s.daemon.Started, startUp, anyAdvert)
		if err == nil && h.interval != field(s.version) {
			err = fmt.Errorf("%d instead of %d", h.interval, field(s.version))
		}
		return err
	}
}

// skewed measures the down timer at a priority.
func skewed(priority int) func(*stage) error {
	return func(s *stage) error {
		s.priority = priority
		a := s.stronger()
		at, err := s.backup()
		if err != nil {
			return err
		}
		if at, err = s.repeat(a, 2); err != nil {
			return err
		}
		return s.takes(at, s.down(s.interval))
	}
}

func timers() []sample {
	const shortest = 10 * time.Millisecond
	return []sample{
		{clause: "5.2.7", demand: "The shortest interval, 10 ms, is kept", play: func(s *stage) error {
			s.interval = shortest
			if err := s.master(); err != nil {
				return err
			}
			time.Sleep(120 * shortest)
			all := s.adverts(s.daemon.Started)
			if n := len(all); n < 100 {
				return fmt.Errorf("%d adverts in 120 intervals", n)
			}
			if mean := all[99].at.Sub(all[39].at) / 60; mean < shortest*9/10 || mean > shortest*11/10 {
				return fmt.Errorf("every %v", mean)
			}
			return nil
		}},
		{clause: "5.2.7", old: "5.3.7", demand: "The longest interval, 40.95 s and in version 2 255 s, is announced",
			play: limit(map[uint8]time.Duration{2: 255 * time.Second, 3: 40950 * time.Millisecond}, func(version uint8) uint16 {
				return map[uint8]uint16{2: 255, 3: 4095}[version]
			})},
		{clause: "6.1", old: "6.1", demand: "Skew_Time at priority 1: nearly a whole interval, in version 2 a second", play: skewed(1)},
		{clause: "6.1", old: "6.1", demand: "Skew_Time at priority 254: nearly nothing", play: skewed(254)},
		{clause: "6.4.2", demand: "The interval of the master is learnt anew when it changes", play: func(s *stage) error {
			at, err := s.backup()
			if err != nil {
				return err
			}
			slow := s.stronger()
			slow.interval *= 3
			for _, a := range []advert{slow, s.stronger()} {
				if at, err = s.repeat(a, 2); err != nil {
					return err
				}
			}
			return s.takes(at, s.down(s.interval))
		}},
		{clause: "6.4.2", demand: "The longest interval of a master is learnt", play: relieved(func(a *advert) { a.interval = 4095 },
			func(s *stage, at time.Time) error { return s.silent(at, 3*time.Second) })},
		{clause: "6.4.2, 6.4.3", demand: "A new master sends at its own interval, whatever it had learnt", play: func(s *stage) error {
			at, err := s.backup()
			if err != nil {
				return err
			}
			slow := s.stronger()
			slow.interval *= 3
			if at, err = s.repeat(slow, 1); err != nil {
				return err
			}
			first, err := s.await(at.Add(s.interval), s.down(3*s.interval)+time.Second, selfAssured)
			if err != nil {
				return err
			}
			time.Sleep(7*s.interval + margin)
			all := s.adverts(first.at)
			if len(all) < 6 {
				return fmt.Errorf("%d adverts in 7 intervals", len(all))
			}
			if what := equal(all[0].interval, s.stronger().interval); what != "" {
				return errors.New(what)
			}
			return nil
		}},
	}
}

// reachable says whether the master accepts packets to its addresses.
func (s *stage) reachable() (bool, error) {
	time.Sleep(margin)
	all := s.adverts(s.daemon.Started)
	for _, vip := range s.vips {
		if vip.IsLinkLocalUnicast() {
			continue // the tester has no such address to ask from
		}
		at := time.Now()
		if err := s.tap.send(echo{mac: s.tap.mac, toMAC: all[0].mac, from: s.tester.Addr(), to: vip}.frame()); err != nil {
			return false, err
		}
		time.Sleep(margin)
		if !slices.ContainsFunc(s.tap.since(at), func(f frame) bool { return repliesTo(f.bytes, vip) }) {
			return false, nil
		}
	}
	return true, nil
}

// accepts judges whether packets to the addresses are accepted.
func accepts(want bool, otherwise error, priority int, more ...string) func(*stage) error {
	return func(s *stage) error {
		s.priority = priority
		if err := s.master(more...); err != nil {
			return err
		}
		got, err := s.reachable()
		if err == nil && got != want {
			err = otherwise
		}
		return err
	}
}

func acceptance() []sample {
	return []sample{
		{clause: "6.1", old: "6.4.3", demand: "Packets to the addresses are not accepted, unless Accept_Mode says so",
			differs: "accepted, unless `no_accept` or `vrrp_strict` is given", play: accepts(false, errOnPurpose, ours)},
		{clause: "6.4.3", old: "6.4.3", demand: "Accept_Mode false (`no_accept`): packets to the addresses are not accepted",
			play: accepts(false, errors.New("they are"), ours, "no_accept")},
		{clause: "6.4.3", demand: "Accept_Mode true (`accept`): packets to the addresses are accepted",
			play: accepts(true, errors.New("they are not"), ours, "accept")},
		{clause: "6.4.3", old: "6.4.3", demand: "The owner accepts packets to the addresses", play: accepts(true, errors.New("it does not"), 255)},
		{clause: "6.1, 6.4.3", old: "6.4.3", demand: "With Accept_Mode false questions for the addresses are answered", play: func(s *stage) error {
			if err := s.master("no_accept"); err != nil {
				return err
			}
			time.Sleep(margin)
			answers, err := s.ask()
			if err == nil && len(answers) != len(s.vips) {
				err = fmt.Errorf("%d answers for %d addresses", len(answers), len(s.vips))
			}
			return err
		}},
	}
}

func addresses() []sample {
	return []sample{
		{clause: "6.4.3, 8.1.2, 8.2.2", old: "6.4.3, 8.2", demand: "The master answers questions for every address", play: func(s *stage) error {
			if err := s.master(); err != nil {
				return err
			}
			time.Sleep(margin)
			answers, err := s.ask()
			if err == nil && len(answers) != len(s.vips) {
				err = fmt.Errorf("%d answers for %d addresses", len(answers), len(s.vips))
			}
			return err
		}},
		{clause: "8.1.2, 8.2.2", old: "8.2", demand: "With `use_vmac` it answers with the virtual MAC address", play: func(s *stage) error {
			if err := s.master("use_vmac"); err != nil {
				return err
			}
			time.Sleep(margin)
			answers, err := s.ask()
			if err == nil && len(answers) == 0 {
				err = errors.New("no answer")
			}
			for _, c := range answers {
				if c.owner != s.virtual {
					err = fmt.Errorf("%x instead of %x", c.owner, s.virtual)
				}
			}
			return err
		}},
		{clause: "6.4.2", old: "6.4.2", demand: "A new master announces every address to everybody, by ARP or by an unsolicited advertisement with R and O, without S",
			play: func(s *stage) error {
				if err := s.master(); err != nil {
					return err
				}
				time.Sleep(margin)
				all := s.claims(s.daemon.Started)
				for _, vip := range s.vips {
					if !slices.ContainsFunc(all, func(c claim) bool {
						return c.addr == vip && c.own && c.toMAC[0]&1 == 1 && c.override && c.router && c.hops == 255
					}) {
						return fmt.Errorf("no announcement of %s among %+v", vip, all)
					}
				}
				return nil
			}},
	}
}

// higher is a source above that of every daemon, in the family of an advert.
func higher(a advert) netip.Addr {
	if a.from.Is4() {
		return netip.MustParseAddr("192.0.2.200")
	}
	return netip.MustParseAddr("fe80::ffff:0:0:9")
}
