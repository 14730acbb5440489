package webhook

import (
	"context"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/notify"
)

// book is what a server was told, in order.
type book struct {
	mu   sync.Mutex
	list []string
}

func (b *book) add(s string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.list = append(b.list, s)
	return len(b.list)
}

func (b *book) all() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.list)
}

// lines are those of a log.
func lines() (*book, func(string)) {
	b := &book{}
	return b, func(s string) { b.add(s) }
}

// of is the change of an instance.
func of(name, state string) notify.Delivery {
	return notify.Delivery{Line: true, Message: notify.Message{At: time.Unix(1e9, 5e8), Name: name, State: state, Priority: 100, Reason: `it "was" so`}}
}

// spec calls a server for everything.
func spec(url string) Spec {
	return Spec{Name: "ops", URL: url, Method: "POST", Node: "lb1", Timeout: 2 * time.Second, Retries: 3, All: true}
}

// called is a Caller of one webhook. What waits at the end has two seconds.
func called(t *testing.T, s Spec, log func(string)) *Caller {
	t.Helper()
	c := New(log)
	if err := c.Apply([]Spec{s}); err != nil {
		t.Fatal(err)
	}
	return c
}

// ended waits until all is told.
func ended(t *testing.T, c *Caller) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	c.Close(ctx)
	if ctx.Err() != nil {
		t.Fatal("something still waits")
	}
}

func TestWhatIsSent(t *testing.T) {
	var got *http.Request
	var body []byte
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = r
		body, _ = io.ReadAll(r.Body)
	}))
	defer s.Close()
	log, say := lines()
	one := spec(s.URL + "/hook?x=1")
	one.Headers = []Header{{"Authorization", "Bearer secret"}, {"Host", "alerts"}}
	c := called(t, one, say)
	c.Deliver(of("V", notify.Master))
	ended(t, c)
	if got.Method != "POST" || got.RequestURI != "/hook?x=1" || got.Host != "alerts" || got.Header.Get("Authorization") != "Bearer secret" || got.Header.Get("Content-Type") != "application/json" || got.Header.Get("Idempotency-Key") == "" {
		t.Errorf("asked is %s %s of %s with %v", got.Method, got.RequestURI, got.Host, got.Header)
	}
	var fields map[string]any
	if err := json.Unmarshal(body, &fields); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"node": "lb1", "kind": "instance", "name": "V", "state": "MASTER", "priority": 100.0, "reason": `it "was" so`, "time": "2001-09-09T01:46:40.5Z"}
	if diff := cmp.Diff(want, fields); diff != "" {
		t.Errorf("(-want +got)\n%s", diff)
	}
	if said := log.all(); said != nil {
		t.Errorf("the log says %q", said)
	}
	if n := c.Tally()[0]; n.Sent != 1 || n.Tries != 1 || n.Failed+n.Lost != 0 || n.Waiting != 0 {
		t.Errorf("counted is %+v", n)
	}
}

func TestATemplateMakesTheBody(t *testing.T) {
	seen := make(chan string, 1)
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		seen <- r.Header.Get("Content-Type") + " " + string(body)
	}))
	defer s.Close()
	one := spec(s.URL)
	one.Template, one.Headers = `{"text": {{json .Reason}}, "of": "{{.Name}} on {{.Node}}"}`, []Header{{"Content-Type", "text/x"}}
	_, say := lines()
	c := called(t, one, say)
	c.Deliver(of("V", notify.Fault))
	ended(t, c)
	if got, want := <-seen, `text/x {"text": "it \"was\" so", "of": "V on lb1"}`; got != want {
		t.Errorf("sent is %s, want %s", got, want)
	}
}

// What one name is told comes in order, whatever is tried again; others do not wait for it.
func TestTheOrderOfOneNameIsKept(t *testing.T) {
	var told book
	fails := map[string]int{"V MASTER": 2}
	var mu sync.Mutex
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		if fails[string(body)]--; fails[string(body)] >= 0 {
			http.Error(w, "not now", http.StatusServiceUnavailable)
			return
		}
		told.add(string(body))
	}))
	defer s.Close()
	one := spec(s.URL)
	one.Template = "{{.Name}} {{.State}}"
	log, say := lines()
	c := called(t, one, say)
	for _, state := range []string{notify.Backup, notify.Master, notify.Fault} {
		c.Deliver(of("V", state))
	}
	c.Deliver(of("W", notify.Master))
	ended(t, c)
	all := told.all()
	var v []string
	for _, line := range all {
		if strings.HasPrefix(line, "V") {
			v = append(v, line)
		}
	}
	if !slices.Equal(v, []string{"V BACKUP", "V MASTER", "V FAULT"}) || slices.Index(all, "W MASTER") > slices.Index(all, "V MASTER") {
		t.Errorf("told is %q", all)
	}
	if n := c.Tally()[0]; n.Sent != 4 || n.Tries != 6 {
		t.Errorf("counted is %+v", n)
	}
	if said := log.all(); len(said) != 1 || said[0] != "webhook ops: (V) MASTER cannot be told now: the answer is 503 Service Unavailable; it is tried again" {
		t.Errorf("the log says %q", said)
	}
}

func TestWhatAServerMayDo(t *testing.T) {
	for _, tt := range []struct {
		name   string
		server http.HandlerFunc
		tries  uint64
		why    string
	}{
		{"it refuses", func(w http.ResponseWriter, _ *http.Request) { http.Error(w, "no", http.StatusForbidden) }, 1, "the answer is 403 Forbidden"},
		{"it sends elsewhere", func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/elsewhere", http.StatusFound) }, 1, "the answer is 302 Found, and redirections are not followed"},
		{"it has too much to do", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) }, 2, "the answer is 429 Too Many Requests"},
		{"it is broken", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, 2, "the answer is 500 Internal Server Error"},
		{"it hangs", func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // who has not read all is not told that nobody waits
			<-r.Context().Done()
		}, 2, "Client.Timeout exceeded"},
		{"it hangs up", func(w http.ResponseWriter, _ *http.Request) { reset(w) }, 2, "connection reset by peer"},
		{"it drips", func(w http.ResponseWriter, r *http.Request) { drip(w, r) }, 1, ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(tt.server)
			defer s.Close()
			one := spec(s.URL + "/secret-path")
			one.Retries, one.Timeout = 1, 300*time.Millisecond
			log, say := lines()
			c := called(t, one, say)
			c.Deliver(of("V", notify.Master))
			ended(t, c)
			n, said := c.Tally()[0], strings.Join(log.all(), "\n")
			if n.Tries != tt.tries {
				t.Errorf("it was tried %d times, not %d", n.Tries, tt.tries)
			}
			if tt.why == "" {
				if n.Sent != 1 || said != "" {
					t.Errorf("counted is %+v, and the log says %s", n, said)
				}
				return
			}
			if n.Failed != 1 || !strings.Contains(said, "webhook ops: (V) MASTER is not told: ") || !strings.Contains(said, tt.why) {
				t.Errorf("counted is %+v, and the log says %s", n, said)
			}
			if strings.Contains(said, "secret-path") {
				t.Errorf("the log tells the URL: %s", said)
			}
		})
	}
}

// reset ends a connection without a goodbye.
func reset(w http.ResponseWriter) {
	c, _, err := w.(http.Hijacker).Hijack()
	if err != nil {
		return
	}
	_ = c.(*net.TCPConn).SetLinger(0)
	_ = c.Close()
}

// drip answers well, and then sends a byte now and then for ever.
func drip(w http.ResponseWriter, r *http.Request) {
	_, _ = io.Copy(io.Discard, r.Body)
	w.WriteHeader(http.StatusOK)
	for r.Context().Err() == nil {
		_, _ = io.WriteString(w, ".")
		_ = http.NewResponseController(w).Flush()
		time.Sleep(50 * time.Millisecond)
	}
}

func TestWhoIsBelieved(t *testing.T) {
	s := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	s.Config.ErrorLog = log.New(io.Discard, "", 0) // who does not believe it is not its trouble
	s.StartTLS()
	defer s.Close()
	right := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
	for _, tt := range []struct {
		name string
		url  string
		ca   []byte
		why  string
	}{
		{"the right one", s.URL, right, ""},
		{"nobody has signed it", s.URL, nil, "certificate signed by unknown authority"},
		{"it is for another name", strings.Replace(s.URL, "127.0.0.1", "localhost", 1), right, "certificate is valid for"},
	} {
		one := spec(tt.url)
		one.CA, one.Retries = tt.ca, 0
		said, say := lines()
		c := called(t, one, say)
		c.Deliver(of("V", notify.Master))
		ended(t, c)
		if said := strings.Join(said.all(), "\n"); tt.why == "" && said != "" || !strings.Contains(said, tt.why) {
			t.Errorf("%s: the log says %q", tt.name, said)
		}
	}
}

// While a server is away messages wait within bounds, the newest stays, and nobody who tells waits.
func TestABoundedNumberWaits(t *testing.T) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }() // it takes connections and never answers
	one := spec("http://" + l.Addr().String())
	one.Timeout = time.Minute
	log, say := lines()
	c := called(t, one, say)
	begun := time.Now()
	for i := range 20_000 {
		c.Deliver(of(fmt.Sprint("V", i%200), notify.Master))
	}
	if took := time.Since(begun); took > 2*time.Second {
		t.Errorf("telling took %v", took)
	}
	n := c.Tally()[0]
	if n.Waiting > most || n.Lost < 20_000-most-200 {
		t.Errorf("counted is %+v", n)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	c.Close(ctx)
	_ = log
}

func TestAReloadTakesWaitingMessagesAlong(t *testing.T) {
	var first, second book
	old := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		first.add("")
		w.WriteHeader(http.StatusServiceUnavailable)
	}))
	defer old.Close()
	next := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		second.add(string(body))
	}))
	defer next.Close()
	_, say := lines()
	one := spec(old.URL)
	one.Template = "{{.State}}"
	c := called(t, one, say)
	c.Deliver(of("V", notify.Backup))
	c.Deliver(of("V", notify.Master))
	for end := time.Now().Add(5 * time.Second); len(first.all()) == 0 && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	one.URL = next.URL
	if err := c.Apply([]Spec{one}); err != nil {
		t.Fatal(err)
	}
	ended(t, c)
	if got := second.all(); !slices.Equal(got, []string{"BACKUP", "MASTER"}) {
		t.Errorf("the new one is told %q", got)
	}
	if n := c.Tally()[0]; n.Sent != 2 {
		t.Errorf("counted is %+v", n)
	}
}

func TestWhoIsTold(t *testing.T) {
	var told book
	s := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { told.add(r.URL.Path) }))
	defer s.Close()
	_, say := lines()
	c := New(say)
	all, named := spec(s.URL+"/all"), spec(s.URL+"/named")
	named.Name, named.All = "named", false
	if err := c.Apply([]Spec{all, named, {Name: "bad", Template: "{{.Nothing}}", URL: s.URL}}); err == nil || !strings.Contains(err.Error(), "webhook bad: ") {
		t.Errorf("a bad template is taken: %v", err)
	}
	with := of("V", notify.Master)
	with.Hooks = &notify.Hooks{Names: []string{"named", "nobody"}}
	signal, mail := of("V", notify.LowerHeard), of("V", notify.Up)
	mail.Line = false
	for _, d := range []notify.Delivery{with, of("W", notify.Master), signal, mail} {
		c.Deliver(d)
	}
	ended(t, c)
	got := told.all()
	slices.Sort(got)
	if !slices.Equal(got, []string{"/all", "/all", "/named"}) {
		t.Errorf("told are %q", got)
	}
}

func TestPausesGrowToABound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for try, want := range []time.Duration{time.Second, 2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, time.Minute, time.Minute} {
			for range 100 {
				if got := pause(try); got > want || got < want/2 {
					t.Fatalf("after try %d the pause is %v, of %v", try, got, want)
				}
			}
		}
	})
}
