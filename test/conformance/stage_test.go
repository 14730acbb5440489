package conformance

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"testing"
	"time"

	"holdfast/bench/subject"
	"holdfast/internal/lab/netns"
)

// dialect is a version of the protocol over a family.
type dialect struct {
	name     string
	version  uint8
	interval time.Duration
	own      netip.Prefix
	tester   netip.Prefix
	vips     []netip.Addr
	// lower is the source of the tester, below that of the daemon.
	lower    netip.Addr
	group    netip.Addr
	groupMAC [6]byte
	virtual  [6]byte // the virtual MAC address
}

func dialects() []dialect {
	four := dialect{
		name: "v3 IPv4", version: 3, interval: 100 * time.Millisecond,
		own: netip.MustParsePrefix("192.0.2.50/24"), tester: netip.MustParsePrefix("192.0.2.9/24"),
		vips:  []netip.Addr{netip.MustParseAddr("192.0.2.100"), netip.MustParseAddr("192.0.2.101")},
		lower: netip.MustParseAddr("192.0.2.9"),
		group: netip.MustParseAddr("224.0.0.18"), groupMAC: [6]byte{1, 0, 0x5e, 0, 0, 0x12}, virtual: [6]byte{0, 0, 0x5e, 0, 1, vrid},
	}
	two := four
	two.name, two.version, two.interval = "v2 IPv4", 2, time.Second
	six := dialect{
		name: "v3 IPv6", version: 3, interval: four.interval,
		own: netip.MustParsePrefix("2001:db8::50/64"), tester: netip.MustParsePrefix("2001:db8::9/64"),
		vips:  []netip.Addr{netip.MustParseAddr("fe80::100"), netip.MustParseAddr("2001:db8::100")},
		lower: netip.MustParseAddr("fe80::9"),
		group: netip.MustParseAddr("ff02::12"), groupMAC: [6]byte{0x33, 0x33, 0, 0, 0, 0x12}, virtual: [6]byte{0, 0, 0x5e, 0, 2, vrid},
	}
	return []dialect{two, four, six}
}

const (
	link = "lan"
	vrid = 51
	// ours is the priority of the daemon, unless it is the owner.
	ours = 100
	// margin is what a busy machine may add to a deadline of the protocol.
	margin = 200 * time.Millisecond
	// startUp is what a daemon may need before it listens, beside nine others.
	startUp = 10 * time.Second
)

// stage is one daemon on one cable with the tester at its other end.
type stage struct {
	dialect
	world     *netns.World
	node      *netns.Node
	candidate candidate
	priority  int // of the daemon
	daemon    *subject.Daemon
	tap       *tap
}

// newStage lays the cable; nothing runs yet.
func newStage(d dialect, c candidate) (s *stage, err error) {
	s = &stage{dialect: d, candidate: c, priority: ours}
	if s.world, err = netns.New(); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.world.Close())
		}
	}()
	if err = s.world.Bridge(link); err != nil {
		return nil, err
	}
	tester, err := s.join("tester", d.tester)
	if err != nil {
		return nil, err
	}
	if s.node, err = s.join("router", d.own); err != nil {
		return nil, err
	}
	// A virtual router routes: the R flag of its neighbour advertisements says so.
	if err = s.node.Sysctl("ipv6/conf/all/forwarding", "1"); err != nil {
		return nil, err
	}
	return s, tester.Do(func() (err error) { s.tap, err = openTap(link); return err })
}

func (s *stage) join(name string, addr netip.Prefix) (*netns.Node, error) {
	n, err := s.world.Node(name)
	if err != nil {
		return nil, err
	}
	return n, n.Attach(link, link, addr)
}

func (s *stage) close() error {
	if s.daemon != nil {
		s.daemon.Kill()
	}
	s.tap.close()
	return s.world.Close()
}

func (s *stage) start(more ...string) (err error) {
	config, err := s.candidate.prepare(s, more)
	if err != nil {
		return err
	}
	s.daemon, err = subject.Start(s.node, s.candidate.Program, config)
	return err
}

// skew and down are the timers of RFC 9568, section 6.1, for an interval of the master.
func (s *stage) skew(interval time.Duration) time.Duration {
	if s.version == 2 {
		return time.Duration(256-s.priority) * time.Second / 256
	}
	return time.Duration(256-s.priority) * interval / 256
}

func (s *stage) down(interval time.Duration) time.Duration { return 3*interval + s.skew(interval) }

// master starts the daemon alone and waits until it is master.
func (s *stage) master(more ...string) error {
	if err := s.start(more...); err != nil {
		return err
	}
	_, err := s.await(s.daemon.Started, s.down(s.interval)+startUp, anyAdvert)
	return err
}

// backup makes the master a backup by an advert, whose instant it returns.
func (s *stage) backup(more ...string) (time.Time, error) {
	if err := s.master(more...); err != nil {
		return time.Time{}, err
	}
	return s.say(s.stronger())
}

// stronger is a valid advert of the tester that relieves the daemon.
func (s *stage) stronger() advert {
	hundredths := uint16(s.interval / (10 * time.Millisecond))
	if s.version == 2 {
		hundredths /= 100
	}
	return advert{mac: s.virtual, toMAC: s.groupMAC, from: s.lower, to: s.group, hops: 255, version: s.version, kind: 1,
		vrid: vrid, priority: uint8(max(200, min(255, s.priority+1))), count: uint8(len(s.vips)), interval: hundredths, addrs: s.vips}
}

func (s *stage) say(a advert) (time.Time, error) { return time.Now(), s.tap.send(a.frame()) }

// repeat says an advert every interval for a number of intervals.
func (s *stage) repeat(a advert, times int) (last time.Time, err error) {
	for range times {
		if last, err = s.say(a); err != nil {
			return last, err
		}
		time.Sleep(s.interval)
	}
	return last, nil
}

// reign goes on with the adverts of a stronger master until the end it returns.
func (s *stage) reign() (end func()) {
	ended, done := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		for s.say(s.stronger()); ; s.say(s.stronger()) {
			select {
			case <-time.After(s.interval):
			case <-ended:
				return
			}
		}
	}()
	return func() { close(ended); <-done }
}

// heard is an advert of the daemon and its instant.
type heard struct {
	advert
	at time.Time
}

func anyAdvert(heard) bool     { return true }
func goodbye(h heard) bool     { return h.priority == 0 }
func selfAssured(h heard) bool { return h.priority != 0 }

func (s *stage) adverts(since time.Time) (all []heard) {
	for _, f := range s.tap.since(since) {
		if a, ok := readAdvert(f.bytes); ok {
			all = append(all, heard{a, f.at})
		}
	}
	return all
}

func (s *stage) claims(since time.Time) (all []claim) {
	for _, f := range s.tap.since(since) {
		if c, ok := readClaim(f.bytes); ok && slices.Contains(s.vips, c.addr) {
			all = append(all, c)
		}
	}
	return all
}

// await is the first advert since an instant that fits.
func (s *stage) await(since time.Time, limit time.Duration, fits func(heard) bool) (h heard, err error) {
	for deadline := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		all := s.adverts(since)
		if i := slices.IndexFunc(all, fits); i >= 0 {
			return all[i], nil
		}
		if time.Now().After(deadline) {
			return h, fmt.Errorf("no such advert within %v", limit)
		}
	}
}

// silent says that the daemon, given a moment to turn, sends no adverts.
func (s *stage) silent(since time.Time, limit time.Duration) error {
	since = since.Add(min(s.interval/2, margin))
	time.Sleep(time.Until(since.Add(limit)))
	if all := s.adverts(since); len(all) > 0 {
		return fmt.Errorf("%d adverts, priority %d", len(all), all[0].priority)
	}
	return nil
}

// remains says that the daemon goes on as master.
func (s *stage) remains(since time.Time) error {
	since = since.Add(s.interval + s.interval/2)
	_, err := s.await(since, time.Until(since)+2*s.interval+margin, selfAssured)
	return err
}

// yields says that the daemon falls silent for as long as a backup has to.
func (s *stage) yields(since time.Time) error { return s.silent(since, 2*s.interval) }

// takes says that the daemon becomes master after a time, not earlier and hardly
// later. The RFC counts in hundredths of a second.
func (s *stage) takes(since time.Time, after time.Duration) error {
	h, err := s.await(since.Add(s.interval/20), after+time.Second+margin, selfAssured)
	if err != nil {
		return err
	}
	if took := h.at.Sub(since); took < after-10*time.Millisecond || took > after+margin {
		return fmt.Errorf("after %v, expected %v", took, after)
	}
	return nil
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}
