package api

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/golden"
	"holdfast/internal/status"
)

// The committed document describes the routes that the server has.
func TestTheDocumentIsThatOfTheRoutes(t *testing.T) {
	golden.Check(t, "../../doc/openapi.json", string(OpenAPI()))
	var doc struct {
		Paths map[string]map[string]any `json:"paths"`
	}
	if err := json.Unmarshal(OpenAPI(), &doc); err != nil {
		t.Fatal(err)
	}
	described := 0
	for path, methods := range doc.Paths {
		for method := range methods {
			described++
			if !served(method, path) {
				t.Errorf("%s %s is described and not served", method, path)
			}
		}
	}
	if described != len(routes()) {
		t.Errorf("%d of %d routes are described", described, len(routes()))
	}
}

// served tells whether the server knows a path. Nobody is known to ask, so that nothing is done.
func served(method, path string) bool {
	w := httptest.NewRecorder()
	new(Server).handler().ServeHTTP(w, httptest.NewRequest(strings.ToUpper(method), path, nil))
	return w.Code == http.StatusForbidden
}

// asked is the answer to somebody.
func asked(s *Server, who Asker, method, path string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r.WithContext(contextOf(r, who)))
	return w
}

func TestEveryActIsForThoseWhoMayActOnly(t *testing.T) {
	reader := Asker{Known: true, UID: 12345, Groups: []uint32{8}}
	for _, one := range routes() {
		s := &Server{Control: echo{}}
		s.Admit(Access{Read: []uint32{8}})
		if one.acts {
			if w := asked(s, reader, one.method, one.path); w.Code != http.StatusForbidden {
				t.Errorf("%s answers %d to who may read", one.path, w.Code)
			}
		}
		if one.acts != (one.method == http.MethodPost) {
			t.Errorf("%s is asked for by %s", one.path, one.method)
		}
	}
	s := &Server{Control: echo{}}
	s.Admit(Access{Read: []uint32{8}})
	if w := asked(s, reader, http.MethodGet, "/v1/status"); w.Code != http.StatusOK {
		t.Errorf("the status answers %d to who may read", w.Code)
	}
}

// recorder keeps what it is told.
type recorder struct{ list []status.Event }

func (r *recorder) Record(e status.Event) { r.list = append(r.list, e) }

func TestEveryActLeavesAnEvent(t *testing.T) {
	var rec recorder
	s := &Server{Control: echo{}, Recorder: &rec}
	root := Asker{Known: true, PID: 9}
	asked(s, root, http.MethodPost, "/v1/reload?confirm=60s")
	asked(s, root, http.MethodPost, "/v1/reload/confirm")
	asked(s, root, http.MethodGet, "/v1/status")
	want := []status.Event{
		{Kind: "act", Name: "reload", To: "done", Reason: "confirm=60s", By: "uid 0 (pid 9)"},
		{Kind: "act", Name: "reload/confirm", To: "failed", Reason: "nothing to confirm", By: "uid 0 (pid 9)"},
	}
	if len(rec.list) != 2 || rec.list[0] != want[0] || rec.list[1] != want[1] {
		t.Errorf("recorded is %+v", rec.list)
	}
}

func TestWhoAsksTooOftenIsTurnedAway(t *testing.T) {
	s := &Server{Control: echo{}}
	codes := map[int]int{}
	for range actBurst + 10 {
		codes[asked(s, Asker{Known: true}, http.MethodPost, "/v1/plan").Code]++
	}
	if codes[http.StatusOK] < actBurst || codes[http.StatusTooManyRequests] < 5 {
		t.Errorf("answered with %v", codes)
	}
	if w := asked(s, Asker{Known: true}, http.MethodGet, "/v1/status"); w.Code != http.StatusOK {
		t.Errorf("reading is answered with %d", w.Code)
	}
}

func TestABucketFillsAgain(t *testing.T) {
	var b bucket
	now := time.Unix(1000, 0)
	passed := 0
	for range 50 {
		if b.take(now, 10, 20) {
			passed++
		}
	}
	for i := range 20 {
		if b.take(now.Add(time.Duration(i)*100*time.Millisecond), 10, 20) {
			passed++
		}
	}
	if passed != 20+19 {
		t.Errorf("%d passed at once and in two seconds", passed)
	}
}

func TestTheAnswersForMachines(t *testing.T) {
	s := &Server{Control: echo{}, MetricsType: "text/plain; version=0.0.4", Metrics: nothingMuch}
	for _, tt := range []struct {
		path string
		code int
		body string
	}{
		{"/metrics", http.StatusOK, "node here"},
		{"/healthz", http.StatusOK, "ok\n"},
		{"/readyz", http.StatusServiceUnavailable, "{\"error\":\"no configuration is in force yet\"}\n"},
	} {
		w := asked(s, Asker{Known: true}, http.MethodGet, tt.path)
		if w.Code != tt.code || w.Body.String() != tt.body {
			t.Errorf("%s answers %d %q", tt.path, w.Code, w.Body)
		}
	}
}

// looks is a Control that counts how often it is looked at.
type looks struct {
	echo
	n int
}

func (l *looks) Snapshot(ctx context.Context) (*status.Snapshot, error) {
	l.n++
	return l.echo.Snapshot(ctx)
}

// Metrics are made once a second at most, however many ask; health is looked at each time.
func TestManyWhoScrapeCostWhatOneDoes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := &looks{}
		s := &Server{Control: l, MetricsType: "text/plain; version=0.0.4", Metrics: nothingMuch}
		for range 200 {
			if w := asked(s, Asker{Known: true}, http.MethodGet, "/metrics"); w.Body.String() != "node here" {
				t.Fatalf("the metrics are %q", w.Body)
			}
		}
		if l.n != 1 {
			t.Errorf("200 who ask at once have it looked at %d times", l.n)
		}
		time.Sleep(scraped)
		asked(s, Asker{Known: true}, http.MethodGet, "/metrics")
		asked(s, Asker{Known: true}, http.MethodGet, "/healthz")
		asked(s, Asker{Known: true}, http.MethodGet, "/healthz")
		if l.n != 4 {
			t.Errorf("a second later it was looked at %d times", l.n)
		}
	})
}

func TestEventsAreStreamedAfterTheLastOneThatWasRead(t *testing.T) {
	c := serving(t)
	var seqs []uint64
	ctx, stop := withTimeout(t.Context(), 10*time.Second)
	defer stop()
	_ = c.Follow(ctx, 1, func(e status.Event) {
		if seqs = append(seqs, e.Seq); len(seqs) == 2 {
			stop()
		}
	})
	if len(seqs) != 2 || seqs[0] != 2 || seqs[1] != 3 {
		t.Errorf("streamed are %v", seqs)
	}
	list, err := c.Events(t.Context(), 7, false)
	if err != nil || len(list) != 1 || list[0].Seq != 8 {
		t.Errorf("listed are %+v, %v", list, err)
	}
}

func contextOf(r *http.Request, who Asker) context.Context {
	return context.WithValue(r.Context(), asker{}, who)
}

func nothingMuch(w io.Writer, s *status.Snapshot) error {
	_, err := io.WriteString(w, "node "+s.Node)
	return err
}
