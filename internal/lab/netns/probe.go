package netns

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// answerWithin is how long an answer may take before the probe counts as lost.
const answerWithin = 200 * time.Millisecond

// Span is a run of probes to one address of which none was answered.
type Span struct {
	Target netip.Addr
	From   time.Time // when the first lost probe was sent
	To     time.Time // when the first answered one after it was sent; zero: still lost
	Lost   int       // probes
}

// Outage is how long the span lasted, or has lasted until now.
func (s Span) Outage(now time.Time) time.Duration {
	if s.To.IsZero() {
		return now.Sub(s.From)
	}
	return s.To.Sub(s.From)
}

// Prober sends one ICMP echo per interval to every target, at fixed instants,
// and keeps the spans without an answer. The probed nodes need nothing for it:
// their kernel answers for the addresses they hold.
type Prober struct {
	interval time.Duration
	start    time.Time
	first    unix.Timespec // the instant of slot 0 on CLOCK_MONOTONIC
	depth    int64         // slots until a probe counts as lost
	lines    []*probeLine
	stop     chan struct{}
	done     chan struct{}

	mu      sync.Mutex
	skipped int
	sent    int
}

// probeLine is one target and its socket.
type probeLine struct {
	target netip.Addr
	fd     int
	to     unix.Sockaddr
	packet [16]byte
	slots  []slot // by slot number modulo length
	spans  []Span
	open   bool // the last span has no end yet
	seen   bool // an answer has come at all
}

type slot uint8

const (
	unsent slot = iota
	waiting
	answered
)

// Probe starts probing from the node. Interval is the distance of two probes to
// one target.
func (n *Node) Probe(interval time.Duration, targets ...netip.Addr) (*Prober, error) {
	p := &Prober{interval: interval, depth: int64(answerWithin / interval), stop: make(chan struct{}), done: make(chan struct{})}
	for _, t := range targets {
		var l *probeLine
		err := n.Do(func() (err error) { l, err = openLine(t, p.depth); return err })
		if err != nil {
			p.closeLines()
			return nil, fmt.Errorf("probe %s from %s: %w", t, n.Name, err)
		}
		p.lines = append(p.lines, l)
	}
	ready := make(chan struct{})
	go p.run(ready)
	<-ready
	return p, nil
}

func openLine(target netip.Addr, depth int64) (*probeLine, error) {
	family, proto, kind := unix.AF_INET, unix.IPPROTO_ICMP, byte(8)
	if target.Is6() {
		family, proto, kind = unix.AF_INET6, unix.IPPROTO_ICMPV6, 128
	}
	fd, err := unix.Socket(family, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, proto)
	if err != nil {
		return nil, err
	}
	l := &probeLine{target: target, fd: fd, to: sockaddr(target), slots: make([]slot, 2*depth+2)}
	l.packet[0] = kind
	return l, nil
}

func sockaddr(a netip.Addr) unix.Sockaddr {
	if a.Is4() {
		return &unix.SockaddrInet4{Addr: a.As4()}
	}
	return &unix.SockaddrInet6{Addr: a.As16(), ZoneId: zone(a.Zone())}
}

// zone turns the name or the number of a link into its number.
func zone(name string) uint32 {
	if i, err := net.InterfaceByName(name); err == nil {
		return uint32(i.Index)
	}
	n, _ := strconv.ParseUint(name, 10, 32)
	return uint32(n)
}

// run sends until Close. Its thread gets real-time priority where that is
// permitted, so that a busy machine does not look like a lost address.
func (p *Prober) run(ready chan<- struct{}) {
	runtime.LockOSThread()
	defer close(p.done)
	realTime()
	p.start = time.Now()
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &p.first)
	close(ready)
	for slot := int64(0); !p.stopped(); {
		now := p.wait(slot)
		p.mu.Lock()
		p.skipped += int(now - slot)
		p.drain(slot - 1)
		for ; slot <= now; slot++ {
			p.turn(slot, slot == now)
		}
		p.mu.Unlock()
	}
}

// realTime is best effort: without the right the prober is merely less exact,
// and Skipped says how much.
func realTime() {
	unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 50}, 0)
}

func (p *Prober) stopped() bool {
	select {
	case <-p.stop:
		return true
	default:
		return false
	}
}

// wait sleeps to the instant of a slot and returns the slot it woke up in: a
// later one if the machine was busy.
func (p *Prober) wait(slot int64) int64 {
	at := unix.NsecToTimespec(unix.TimespecToNsec(p.first) + slot*int64(p.interval))
	for errors.Is(unix.ClockNanosleep(unix.CLOCK_MONOTONIC, unix.TIMER_ABSTIME, &at, nil), unix.EINTR) {
	}
	var now unix.Timespec
	unix.ClockGettime(unix.CLOCK_MONOTONIC, &now)
	passed := unix.TimespecToNsec(now) - unix.TimespecToNsec(p.first)
	return max(slot, passed/int64(p.interval))
}

// drain takes in what was answered, before anything is judged: the answers may
// have waited longer than allowed because this process did not run.
func (p *Prober) drain(newest int64) {
	for _, l := range p.lines {
		l.drain(newest)
	}
}

// turn is one slot: judge the one that is due, send. A slot that was slept
// through is not sent late but left out.
func (p *Prober) turn(k int64, send bool) {
	for _, l := range p.lines {
		l.judge(k-p.depth, p.instant(k-p.depth))
		l.slots[k%int64(len(l.slots))] = unsent
		if send {
			l.send(k)
			p.sent++
		}
	}
}

func (p *Prober) instant(k int64) time.Time { return p.start.Add(time.Duration(k) * p.interval) }

func (l *probeLine) send(k int64) {
	binary.BigEndian.PutUint16(l.packet[6:], uint16(k))
	binary.BigEndian.PutUint64(l.packet[8:], uint64(k))
	l.slots[k%int64(len(l.slots))] = waiting
	// The first error may be the one that an earlier probe earned.
	if err := unix.Sendto(l.fd, l.packet[:], unix.MSG_DONTWAIT, l.to); err != nil {
		unix.Sendto(l.fd, l.packet[:], unix.MSG_DONTWAIT, l.to)
	}
}

func (l *probeLine) drain(newest int64) {
	var buf [64]byte
	for {
		n, _, err := unix.Recvfrom(l.fd, buf[:], unix.MSG_DONTWAIT)
		if errors.Is(err, unix.EAGAIN) {
			return
		}
		if err != nil || n != len(l.packet) {
			continue
		}
		l.answer(int64(binary.BigEndian.Uint64(buf[8:])), newest)
	}
}

// answer takes answers to the probes that still have their slot; others come
// too late.
func (l *probeLine) answer(which, newest int64) {
	if which < 0 || which > newest || newest-which >= int64(len(l.slots)) {
		return
	}
	if s := &l.slots[which%int64(len(l.slots))]; *s == waiting {
		*s = answered
	}
}

func (l *probeLine) judge(k int64, at time.Time) {
	if k < 0 {
		return
	}
	switch l.slots[k%int64(len(l.slots))] {
	case answered:
		l.close(at)
	case waiting:
		l.lose(at)
	}
}

func (l *probeLine) close(at time.Time) {
	l.seen = true
	if l.open {
		l.open = false
		l.spans[len(l.spans)-1].To = at
	}
}

func (l *probeLine) lose(at time.Time) {
	if !l.open {
		l.open = true
		l.spans = append(l.spans, Span{Target: l.target, From: at})
	}
	l.spans[len(l.spans)-1].Lost++
}

// Spans lists all spans so far, those of one target in order. A probe is
// judged 200 ms after it was sent.
func (p *Prober) Spans() []Span {
	p.mu.Lock()
	defer p.mu.Unlock()
	var all []Span
	for _, l := range p.lines {
		all = append(all, l.spans...)
	}
	return all
}

// Since lists the spans of one target that lasted beyond an instant.
func (p *Prober) Since(t time.Time, target netip.Addr) []Span {
	return slices.DeleteFunc(p.Spans(), func(s Span) bool {
		return s.Target != target || (!s.To.IsZero() && s.To.Before(t))
	})
}

// Counts are the probes sent so far, and those left out because this process
// did not run in time.
func (p *Prober) Counts() (sent, skipped int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.sent, p.skipped * len(p.lines)
}

// Answered reports whether the target has ever answered.
func (p *Prober) Answered(target netip.Addr) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	i := slices.IndexFunc(p.lines, func(l *probeLine) bool { return l.target == target })
	return i >= 0 && p.lines[i].seen
}

// Settle waits until every probe sent before it has been judged.
func (p *Prober) Settle() { time.Sleep(answerWithin + 2*p.interval) }

// Close stops probing. The spans stay readable.
func (p *Prober) Close() error {
	close(p.stop)
	<-p.done
	return p.closeLines()
}

func (p *Prober) closeLines() error {
	var err error
	for _, l := range p.lines {
		err = errors.Join(err, os.NewSyscallError("close", unix.Close(l.fd)))
	}
	return err
}
