package api

import (
	"context"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// The limits of requests. What takes longest is to read and judge a large configuration.
const (
	bodyLimit   = 64 << 10
	headerLimit = 16 << 10
	answerLimit = 60 * time.Second
	writeLimit  = 30 * time.Second
	readLimit   = 10 * time.Second
	// connections at a time, and those of them that follow events.
	connections = 512
	followers   = 64
	// requests a second of one user, and how many at once; the same of acts.
	rate, burst       = 500, 1000
	actRate, actBurst = 10, 20
)

// withTimeout is that of package context.
func withTimeout(ctx context.Context, d time.Duration) (context.Context, context.CancelFunc) {
	return context.WithTimeout(ctx, d)
}

// room is how many may do something at a time.
type room struct {
	taken atomic.Int32
}

func (r *room) enter(most int32) bool {
	if r.taken.Add(1) > most {
		r.taken.Add(-1)
		return false
	}
	return true
}

func (r *room) leave() { r.taken.Add(-1) }

// bucket lets so many pass in a second, and some at once.
type bucket struct {
	full time.Time // when it is full again
}

// take reports whether one more may pass.
func (b *bucket) take(now time.Time, rate, burst int) bool {
	each := time.Second / time.Duration(rate)
	if b.full.Before(now) {
		b.full = now
	}
	if b.full.Sub(now) > each*time.Duration(burst-1) {
		return false
	}
	b.full = b.full.Add(each)
	return true
}

// buckets are those of the users.
type buckets struct {
	mu  sync.Mutex
	all map[bucketID]*bucket
}

// bucketID is whose bucket it is, and for what.
type bucketID struct {
	who  string
	acts bool
}

// take reports whether somebody may ask once more.
func (b *buckets) take(now time.Time, id bucketID) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.all == nil || len(b.all) > 1000 {
		b.all = map[bucketID]*bucket{}
	}
	one := b.all[id]
	if one == nil {
		one = &bucket{}
		b.all[id] = one
	}
	if id.acts {
		return one.take(now, actRate, actBurst)
	}
	return one.take(now, rate, burst)
}

// limited is a listener with so many connections at a time. One more is closed at once: who
// waits would not know why.
type limited struct {
	net.Listener
	most int32
	room room
}

// Accept implements net.Listener.
func (l *limited) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil || l.room.enter(l.most) {
			return &counted{Conn: c, leave: sync.OnceFunc(l.room.leave)}, err
		}
		_ = c.Close()
	}
}

// counted is a connection that makes room when it is closed.
type counted struct {
	net.Conn
	leave func()
}

// Close implements net.Conn.
func (c *counted) Close() error {
	c.leave()
	return c.Conn.Close()
}
