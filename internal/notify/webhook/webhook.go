// Package webhook tells programs by HTTP what happened: a request for each message, in order for
// each instance, group or server, and again for as long as it may when it was not taken. Who is
// told what is decided by package notify.
package webhook

import (
	"bytes"
	"cmp"
	"context"

	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"reflect"
	"slices"
	"strings"
	"sync"
	"time"

	"holdfast/internal/notify"
	"holdfast/internal/status"
)

// The bounds of what waits for one webhook, beside those of notify.Queue for each name, and how
// many requests are under way at a time.
const (
	most     = 4096
	parallel = 16
)

// The pauses before a request is made again: the first, doubled each time, up to the longest; each
// is shortened by up to a half by chance, so that many nodes do not come back together.
const (
	firstPause   = time.Second
	longestPause = time.Minute
)

// Spec is a webhook as it is configured.
type Spec struct {
	Name    string
	URL     string // a secret: it is in no line of the log
	Method  string
	Headers []Header
	Node    string // what the machine is called in messages
	// Template of the body; empty: JSON of all there is.
	Template string
	// CA signs the certificate of the server, as PEM; empty: whom the machine trusts.
	CA []byte
	// Timeout is that of each request, Retries how often one is made again.
	Timeout time.Duration
	Retries int
	// All: it is told of everything, and not only of what names it.
	All bool
}

// Header is a header of the requests. The value may be a secret.
type Header struct{ Name, Value string }

// Caller calls webhooks. It has goroutines only while there is something to tell.
type Caller struct {
	log func(string)
	ctx context.Context // ends when the last requests have had their time
	end context.CancelFunc

	mu    sync.Mutex
	hooks []*hook // in the order of their names
}

// New returns a Caller that calls nobody until Apply.
func New(log func(string)) *Caller {
	c := &Caller{log: log}
	c.ctx, c.end = context.WithCancel(context.Background())
	return c
}

// Apply takes a configuration over. What waits for a webhook that stays is told as that is now;
// what waits for one that is gone is told as that was.
func (c *Caller) Apply(specs []Spec) error {
	var bad error
	var hooks []*hook
	c.mu.Lock()
	defer c.mu.Unlock()
	for i := range specs {
		h, err := c.ready(&specs[i])
		if err != nil {
			bad = errors.Join(bad, fmt.Errorf("webhook %s: %w; it is not called", specs[i].Name, err))
			continue
		}
		hooks = append(hooks, h)
	}
	slices.SortFunc(hooks, func(a, b *hook) int { return cmp.Compare(a.spec.Name, b.spec.Name) })
	c.hooks = hooks
	return bad
}

// ready is the webhook of a name, as it is to be.
func (c *Caller) ready(s *Spec) (*hook, error) {
	i := slices.IndexFunc(c.hooks, func(h *hook) bool { return h.spec.Name == s.Name })
	if i >= 0 && reflect.DeepEqual(c.hooks[i].spec, *s) {
		return c.hooks[i], nil
	}
	body, err := notify.ParseBody(s.Template)
	if err != nil {
		return nil, err
	}
	client, err := clientOf(s)
	if err != nil {
		return nil, err
	}
	if i < 0 {
		return &hook{caller: c, spec: *s, body: body, client: client, queue: notify.Queue{Parallel: parallel}, key: token(), tally: status.Hook{Name: s.Name}}, nil
	}
	h := c.hooks[i]
	h.mu.Lock()
	defer h.mu.Unlock()
	h.spec, h.body, h.client = *s, body, client
	return h, nil
}

// clientOf follows no redirection: it would take the secrets along.
func clientOf(s *Spec) (*http.Client, error) {
	own := &tls.Config{MinVersion: tls.VersionTLS12}
	if len(s.CA) > 0 {
		if own.RootCAs = x509.NewCertPool(); !own.RootCAs.AppendCertsFromPEM(s.CA) {
			return nil, errors.New("there is no certificate in its ca")
		}
	}
	return &http.Client{Timeout: s.Timeout,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Transport:     &http.Transport{Proxy: http.ProxyFromEnvironment, TLSClientConfig: own, MaxConnsPerHost: parallel, IdleConnTimeout: 30 * time.Second, ForceAttemptHTTP2: true}}, nil
}

// Deliver calls those that are to be told. It takes no time.
func (c *Caller) Deliver(d notify.Delivery) {
	if !d.Line || !transition(d.State) {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hooks {
		if h.spec.All || d.Hooks != nil && slices.Contains(d.Hooks.Names, h.spec.Name) {
			h.push(d)
		}
	}
}

// transition tells those from signals beside them.
func transition(state string) bool {
	return state != notify.LowerHeard && state != notify.MasterPriority && state != notify.BackupPriority
}

// Close waits until what waits is told, or until ctx ends; the rest is lost.
func (c *Caller) Close(ctx context.Context) {
	c.mu.Lock()
	hooks := c.hooks
	c.mu.Unlock()
	for _, h := range hooks {
		select {
		case <-h.idle():
		case <-ctx.Done():
		}
	}
	c.end()
}

// Tally is what came of the calls of each.
func (c *Caller) Tally() (all []status.Hook) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, h := range c.hooks {
		all = append(all, h.count())
	}
	return all
}

// hook is one webhook.
type hook struct {
	caller *Caller

	mu     sync.Mutex
	spec   Spec
	body   notify.Body
	client *http.Client
	queue  notify.Queue
	done   []chan struct{} // of those who wait for the end
	tally  status.Hook
	key    string // begins the Idempotency-Key of this run
	last   uint64
}

// push adds a message, and begins with it if it can.
func (h *hook) push(d notify.Delivery) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.queue.Waiting() >= most {
		h.tally.Lost++
		return
	}
	p := h.queue.Push(d)
	if p.Lost {
		h.tally.Lost++
	}
	if p.First {
		h.say(d, "is too slow: the oldest of what waits is left out")
	}
	h.pump()
}

// pump begins what may be told now.
func (h *hook) pump() {
	for d, ok := h.queue.Next(); ok; d, ok = h.queue.Next() {
		h.last++
		go h.tell(d, fmt.Sprintf("%s-%d", h.key, h.last))
	}
	if h.queue.Idle() {
		for _, c := range h.done {
			close(c)
		}
		h.done = nil
	}
}

// idle is closed when nothing waits.
func (h *hook) idle() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := make(chan struct{})
	h.done = append(h.done, c)
	h.pump()
	return c
}

// count is the tally, with what waits.
func (h *hook) count() status.Hook {
	h.mu.Lock()
	defer h.mu.Unlock()
	t := h.tally
	t.Waiting = h.queue.Waiting()
	return t
}

// tell makes the request until it is taken, may not be made again, or there is no more time.
func (h *hook) tell(d notify.Delivery, key string) {
	for try := 0; ; try++ {
		s, again, err := h.attempt(&d, key)
		switch {
		case err == nil:
			h.end(&d, func(t *status.Hook) { t.Sent++ })
			return
		case !again || try >= s.Retries || h.caller.ctx.Err() != nil:
			h.say(d, fmt.Sprintf("is not told: %v", err))
			h.end(&d, func(t *status.Hook) { t.Failed++ })
			return
		case try == 0:
			h.say(d, fmt.Sprintf("cannot be told now: %v; it is tried again", err))
		}
		h.sleep(pause(try))
	}
}

// end counts what became of a message, and goes on with the next.
func (h *hook) end(d *notify.Delivery, count func(*status.Hook)) {
	h.mu.Lock()
	defer h.mu.Unlock()
	count(&h.tally)
	h.queue.Done(d.Key())
	h.pump()
}

// attempt makes the request once. again: another may be taken.
func (h *hook) attempt(d *notify.Delivery, key string) (s Spec, again bool, err error) {
	h.mu.Lock()
	s, body, client := h.spec, h.body, h.client
	h.tally.Tries++
	h.mu.Unlock()
	text, err := body.Text(d.Message, s.Node)
	if err != nil {
		return s, false, err
	}
	begun := time.Now()
	again, err = ask(h.caller.ctx, client, &s, text, key)
	h.mu.Lock()
	h.tally.Count(time.Since(begun))
	h.mu.Unlock()
	return s, again, err
}

// ask makes a request. Errors do not tell the URL, which may be a secret.
func ask(ctx context.Context, client *http.Client, s *Spec, body, key string) (again bool, err error) {
	r, err := http.NewRequestWithContext(ctx, s.Method, s.URL, bytes.NewReader([]byte(body)))
	if err != nil {
		return false, errors.New("its URL cannot be understood")
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("User-Agent", "holdfast")
	r.Header.Set("Idempotency-Key", key)
	for _, h := range s.Headers {
		r.Header.Set(h.Name, h.Value)
		if strings.EqualFold(h.Name, "Host") {
			r.Host = h.Value
		}
	}
	answer, err := client.Do(r)
	if err != nil {
		return true, bare(err)
	}
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 64<<10)) // so that the connection can be used again
	_ = answer.Body.Close()
	switch code := answer.StatusCode; {
	case code/100 == 2:
		return false, nil
	case code/100 == 3:
		return false, fmt.Errorf("the answer is %s, and redirections are not followed", answer.Status)
	default:
		return code/100 == 5 || code == http.StatusTooManyRequests || code == http.StatusRequestTimeout, fmt.Errorf("the answer is %s", answer.Status)
	}
}

// bare is an error without the URL.
func bare(err error) error {
	if with, is := errors.AsType[*url.Error](err); is {
		return with.Err
	}
	return err
}

// say has a line about a message logged.
func (h *hook) say(d notify.Delivery, what string) {
	h.caller.log(fmt.Sprintf("webhook %s: %s %s %s", h.tally.Name, d.Key(), d.State, what))
}

func (h *hook) sleep(d time.Duration) {
	select {
	case <-time.After(d):
	case <-h.caller.ctx.Done():
	}
}

// pause is how long to wait after so many tries.
func pause(try int) time.Duration {
	d := min(firstPause<<min(try, 10), longestPause)
	return d - rand.N(d/2)
}

// token is something that no other run has.
func token() string { return fmt.Sprintf("%016x", rand.Uint64()) }
