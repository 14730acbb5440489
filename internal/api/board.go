package api

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/internal/status"
	"holdfast/web"
)

// Member is a daemon on a Board.
type Member struct {
	Name string
	// Client asks the daemon; another one may answer after it has been started again. An error says
	// why none does.
	Client func() (Client, error)
}

// Board shows several daemons as one: it answers what concerns one of them by asking that one, merges
// what they tell, and has the page that shows it. It is for who is at this machine; nobody else is let in.
type Board struct {
	// Token lets somebody in; empty: everybody at this machine. Acts: who is let in may act.
	Token string
	Acts  bool

	// Chronicle takes in events that no daemon tells, too.
	Chronicle

	members []*member
	page    *web.Page
	streams room
}

// NewBoard makes one. Nobody is asked before somebody looks; Follow hears the events.
func NewBoard(members []Member) *Board {
	b := &Board{page: web.New()}
	for _, m := range members {
		b.members = append(b.members, &member{Member: m})
	}
	return b
}

// again is how long after its end a daemon is asked for its events again.
const again = 300 * time.Millisecond

// Follow takes in the events of all members until ctx ends.
func (b *Board) Follow(ctx context.Context) {
	var all sync.WaitGroup
	defer all.Wait()
	for _, m := range b.members {
		all.Go(func() { b.follow(ctx, m) })
	}
}

func (b *Board) follow(ctx context.Context, m *member) {
	var last uint64
	for ctx.Err() == nil {
		if client, err := m.Client(); err == nil {
			_ = client.Follow(ctx, last, func(e status.Event) {
				last, e.Node = e.Seq, m.Name
				b.Add(e)
			})
		}
		select {
		case <-ctx.Done():
		case <-time.After(again):
		}
	}
}

// Serve answers on this machine until the listener is closed.
func (b *Board) Serve(l net.Listener) error {
	s := &http.Server{
		Handler: http.MaxBytesHandler(b.handler(l.Addr().String()), bodyLimit), MaxHeaderBytes: headerLimit,
		ReadTimeout: readLimit, IdleTimeout: readLimit,
	}
	return s.Serve(&limited{Listener: l, most: gated})
}

// handler answers requests for the address that it listens at, by that name: those of a page
// that another site has made come under another name, or from it.
func (b *Board) handler(at string) http.Handler {
	m := http.NewServeMux()
	m.HandleFunc("GET /v1/nodes", func(w http.ResponseWriter, r *http.Request) { write(w, http.StatusOK, b.nodes(r.Context())) })
	m.HandleFunc("GET /v1/asker", func(w http.ResponseWriter, _ *http.Request) {
		write(w, http.StatusOK, Standing{"somebody at this machine", b.Acts})
	})
	m.HandleFunc("GET /v1/events", func(w http.ResponseWriter, r *http.Request) {
		allot(w, streaming(r))
		if err := (teller{b, &b.streams}).events(w, r); err != nil {
			fail(w, err)
		}
	})
	for _, one := range routes() {
		if one.ofNode {
			m.HandleFunc(one.method+" "+one.path, b.pass)
		}
	}
	m.Handle("GET /", b.page)
	_, port, _ := net.SplitHostPort(at)
	known := []string{at, net.JoinHostPort("localhost", port)}
	same := http.NewCrossOriginProtection().Handler(m)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case !slices.Contains(known, r.Host):
			write(w, http.StatusForbidden, failure{"this is " + strings.Join(known, " or ")})
		case !b.page.Has(r.URL.Path) && !b.knows(r):
			write(w, http.StatusUnauthorized, failure{"show the token that was printed at the start"})
		case r.Method == http.MethodPost && !b.Acts:
			write(w, http.StatusForbidden, failure{"only looking is allowed here"})
		default:
			same.ServeHTTP(w, r)
		}
	})
}

// knows tells whether somebody is let in.
func (b *Board) knows(r *http.Request) bool {
	want, shown := sha256.Sum256([]byte("Bearer "+b.Token)), sha256.Sum256([]byte(r.Header.Get("Authorization")))
	return b.Token == "" || subtle.ConstantTimeCompare(want[:], shown[:]) == 1
}

// ListenHere listens at an address that this machine alone reaches.
func ListenHere(at string) (net.Listener, error) {
	where, err := netip.ParseAddrPort(at)
	if err != nil || !where.Addr().IsLoopback() {
		return nil, fmt.Errorf("listen at %s: write ADDRESS:PORT with an address that this machine alone reaches, as 127.0.0.1:9180", at)
	}
	l, err := net.Listen("tcp", at)
	if err != nil {
		return nil, fmt.Errorf("listen for a browser: %w", err)
	}
	return l, nil
}

// pass has the node answer that is asked for.
func (b *Board) pass(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	i := slices.IndexFunc(b.members, func(m *member) bool { return m.Name == q.Get("node") })
	if i < 0 {
		fail(w, badRequest("say which node: one of /v1/nodes"))
		return
	}
	client, err := b.members[i].Client()
	if err != nil {
		fail(w, unavailable("the node does not answer: "+err.Error()))
		return
	}
	allot(w, false)
	q.Del("node")
	to := client.base()
	(&httputil.ReverseProxy{
		Transport: client.transport(),
		Rewrite: func(p *httputil.ProxyRequest) {
			p.SetURL(&to)
			p.Out.URL.RawQuery = q.Encode()
			p.Out.Header.Del("Authorization") // it is for the board
			client.introduce(p.Out)
		},
		ErrorHandler: func(w http.ResponseWriter, _ *http.Request, err error) {
			fail(w, unavailable("the node does not answer: "+err.Error()))
		},
	}).ServeHTTP(w, r)
}

// nodes are all members as they are now, or were seen last.
func (b *Board) nodes(ctx context.Context) []status.Node {
	ctx, cancel := withTimeout(ctx, soon)
	defer cancel()
	list := make([]status.Node, len(b.members))
	var all sync.WaitGroup
	for i, m := range b.members {
		all.Go(func() { list[i] = m.look(ctx) })
	}
	all.Wait()
	return list
}

// A member that has not answered soon is shown as it was seen before; one that has not for overdue
// is in trouble.
const (
	soon    = 300 * time.Millisecond
	overdue = time.Second
	giveUp  = 5 * time.Second
)

// member is one of those on a board, as it was seen last.
type member struct {
	Member

	mu      sync.Mutex
	seen    *status.Snapshot
	at      time.Time     // when it was seen; zero: never
	asking  chan struct{} // closed when the answer is there; nil: nobody asks
	asked   time.Time
	trouble string
}

// look is how it is, or was.
func (m *member) look(ctx context.Context) status.Node {
	select {
	case <-m.ask():
	case <-ctx.Done():
	}
	return m.present(time.Now())
}

// ask has it asked, once for all who want to know.
func (m *member) ask() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.asking == nil {
		m.asking, m.asked = make(chan struct{}), time.Now()
		go m.refresh(m.asking)
	}
	return m.asking
}

// refresh outlives who asked: an answer that comes late is for the next one.
func (m *member) refresh(done chan struct{}) {
	ctx, cancel := withTimeout(context.Background(), giveUp)
	defer cancel()
	var seen *status.Snapshot
	client, err := m.Client()
	if err == nil {
		seen, err = client.Snapshot(ctx)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asking, m.trouble = nil, ""
	if err != nil {
		m.trouble = err.Error()
	} else {
		m.seen, m.at = seen, time.Now()
	}
	close(done)
}

// present is what is known of it.
func (m *member) present(now time.Time) status.Node {
	m.mu.Lock()
	defer m.mu.Unlock()
	n := status.Node{Name: m.Name, Snapshot: m.seen, Trouble: m.trouble}
	if waited := now.Sub(m.asked); n.Trouble == "" && m.asking != nil && waited > overdue {
		n.Trouble = "it does not answer"
	}
	if n.Trouble != "" && m.seen != nil {
		n.Age = now.Sub(m.at)
	}
	return n
}
