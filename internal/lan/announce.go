package lan

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"holdfast/internal/mmsg"
	"holdfast/internal/mono"
)

// announceBatch is how many frames go in one system call, and announceLimit how
// many addresses may be queued: more than a machine can hold on its links.
const (
	announceBatch = 64
	announceLimit = 1 << 16
)

// A link that takes no more frames is given a millisecond at a time to catch
// up, a tenth of a second in all.
const (
	stallWait  = time.Millisecond
	stallLimit = 100
)

// forwardingAge is how long an answer to "does the link forward?" holds.
const forwardingAge = 5 * time.Second

// Announcer sends gratuitous ARP and neighbour advertisements, off the path of
// the adverts: Announce only queues, Run sends.
type Announcer struct {
	failed func(Announcement, error)
	began  time.Time
	wake   chan struct{}

	mu    sync.Mutex // guards queue, held for the time of a look
	queue *queue

	sending sync.Mutex // held while a batch leaves; guards all below
	fd      int
	slots   *mmsg.Slots
	frames  [announceBatch][naLength]byte
	due     [announceBatch]Announcement
	from    int // due[from:to] have yet to be sent
	to      int
	stalls  int
	routers map[string]forwarding

	sent, refused atomic.Uint64
}

// forwarding is what was last seen of a link's sysctl.
type forwarding struct {
	on    bool
	until mono.Instant
}

// OpenAnnouncer opens the socket. failed is told of each announcement that the
// kernel refused, in the goroutine of Run, and must not call back; nil ignores them.
func OpenAnnouncer(failed func(Announcement, error)) (*Announcer, error) {
	// Protocol 0 receives nothing.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return nil, explain("open the packet socket that announces addresses", err)
	}
	if failed == nil {
		failed = func(Announcement, error) {}
	}
	return &Announcer{
		failed:  failed,
		began:   time.Now(),
		wake:    make(chan struct{}, 1),
		queue:   newQueue(announceLimit),
		fd:      fd,
		slots:   mmsg.NewSlots(announceBatch),
		routers: map[string]forwarding{},
	}, nil
}

// Close closes the socket, after Run has returned.
func (a *Announcer) Close() error { return unix.Close(a.fd) }

// Announce queues. It never waits for the network; an address that is queued
// already stays queued once.
func (a *Announcer) Announce(list []Announcement) {
	a.mu.Lock()
	for _, one := range list {
		a.queue.add(one)
	}
	a.mu.Unlock()
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// Cancel drops what the routers have queued. When it returns nothing of theirs
// is sent any more: a late announcement would undo that of the new MASTER. It
// waits at most for the system call that is under way.
func (a *Announcer) Cancel(ids ...int32) {
	a.sending.Lock()
	defer a.sending.Unlock()
	a.mu.Lock()
	a.queue.cancel(ids)
	a.mu.Unlock()
	left := slices.DeleteFunc(a.due[a.from:a.to], func(one Announcement) bool { return slices.Contains(ids, one.ID) })
	a.fill(a.from, a.from+len(left), a.now())
}

// Counts returns how many announcements were sent, refused by the kernel, and
// not queued because the queue was full.
func (a *Announcer) Counts() (sent, refused, lost uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.sent.Load(), a.refused.Load(), a.queue.lost
}

// Run sends what is queued until ctx ends.
func (a *Announcer) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for ctx.Err() == nil {
		wait, more := a.batch()
		switch {
		case more && wait <= 0:
			continue
		case more:
			timer.Reset(wait)
		default:
			timer.Stop()
		}
		select {
		case <-ctx.Done():
		case <-a.wake:
		case <-timer.C:
		}
	}
}

// batch sends what is due, and says how long to wait for the next, if any.
func (a *Announcer) batch() (wait time.Duration, more bool) {
	a.sending.Lock()
	defer a.sending.Unlock()
	now, next := a.now(), mono.Instant(0)
	if a.from == a.to {
		a.mu.Lock()
		var n int
		n, next = a.queue.due(now, a.due[:])
		a.mu.Unlock()
		a.fill(0, n, now)
	}
	if !a.flush() {
		return stallWait, true
	}
	return next.Sub(now), next != mono.Never
}

func (a *Announcer) now() mono.Instant { return mono.Instant(time.Since(a.began)) }

// fill builds the frames of due[from:to].
func (a *Announcer) fill(from, to int, now mono.Instant) {
	a.from, a.to = from, to
	for i := from; i < to; i++ {
		a.put(i, &a.due[i], now)
	}
}

func (a *Announcer) put(i int, one *Announcement, now mono.Instant) {
	frame, proto := a.frames[i][:0], uint16(unix.ETH_P_ARP)
	if one.VIP.Is6() {
		frame, proto = appendNA(frame, one.MAC, one.VIP, a.forwards(one.Link, now)), unix.ETH_P_IPV6
	} else {
		frame = appendGARP(frame, one.MAC, one.VIP, one.Reply)
	}
	a.slots.Put(i, frame)
	m := &a.slots.Msgs[i]
	m.Namelen = putLinkName(&a.slots.Names[i], one.IfIndex, proto)
	m.SetControllen(0)
}

// putLinkName fills in struct sockaddr_ll; the frame carries the addresses.
func putLinkName(to *mmsg.Name, index int, proto uint16) uint32 {
	*to = mmsg.Name{}
	binary.NativeEndian.PutUint16(to[:], unix.AF_PACKET)
	binary.BigEndian.PutUint16(to[2:], proto)
	binary.NativeEndian.PutUint32(to[4:], uint32(index))
	return unix.SizeofSockaddrLinklayer
}

// flush sends what is left of the batch. It reports false when the link takes no
// more for now: each burst of thousands fills the queue of some device.
func (a *Announcer) flush() bool {
	for a.from < a.to {
		sent, errno := mmsg.Send(a.fd, a.slots.Msgs[a.from:a.to])
		full := errno == unix.EAGAIN || errno == unix.ENOBUFS
		switch {
		case errno == 0:
			a.sent.Add(uint64(sent))
			a.from, a.stalls = a.from+sent, 0
		case full && a.stalls < stallLimit:
			a.stalls++
			return false
		default:
			a.refuse(a.due[a.from], errno)
			a.from++
		}
	}
	return true
}

func (a *Announcer) refuse(one Announcement, errno unix.Errno) {
	a.refused.Add(1)
	a.failed(one, explain(fmt.Sprintf("announce %s on %s", one.VIP, one.Link), errno))
}

// forwards says whether the link forwards IPv6, which makes this machine a
// router in its advertisements. It is looked at anew after five seconds.
func (a *Announcer) forwards(link string, now mono.Instant) bool {
	f, known := a.routers[link]
	if known && now.Before(f.until) {
		return f.on
	}
	b, _ := os.ReadFile("/proc/sys/net/ipv6/conf/" + link + "/forwarding")
	on := strings.TrimSpace(string(b)) != "" && strings.TrimSpace(string(b)) != "0"
	a.routers[link] = forwarding{on, now.Add(forwardingAge)}
	return on
}
