package api

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"holdfast/internal/status"
	"holdfast/web"
)

// Whatever is asked, by whomever: the answer is one that the document knows, nobody acts who may
// only look, and nothing of a stranger comes through the gate.
func FuzzRequests(f *testing.F) {
	for _, one := range routes() {
		for _, query := range []string{"", "?after=2", "?confirm=-1s", "?instance=V&instance=", "?on=true", "?service=10.0.0.1:80:tcp&server=[::1]:80&weight=99999999999", "?%zz&file=/etc/shadow"} {
			f.Add([]byte(one.method + " " + one.path + query + " HTTP/1.1\r\nHost: x\r\n\r\n"))
		}
	}
	f.Add([]byte("GET /v1/events HTTP/1.1\r\nHost: x\r\nAccept: text/event-stream\r\nLast-Event-ID: 18446744073709551615\r\n\r\n"))
	f.Add([]byte("POST /v1/reload HTTP/1.1\r\nHost: x\r\nHoldfast-Asker: token admin at 127.0.0.1\r\nAuthorization: Bearer \r\n\r\n"))
	f.Add([]byte("POST //v1/../v1/reload HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\nffffffffffffffff\r\n"))
	f.Fuzz(func(t *testing.T, raw []byte) {
		if w, _ := answerTo(t, raw, Asker{Known: true}); w != nil {
			checkAnswer(t, w)
		}
		for _, who := range []Asker{{}, {Known: true, UID: 12345}, {Known: true, UID: 12345, Groups: []uint32{8}}} {
			if _, acts := answerTo(t, raw, who); len(acts) > 0 {
				t.Errorf("%+v acts: %+v", who, acts)
			}
		}
		staysOutside(t, raw)
	})
}

// request is that of some bytes, if they are one. A stream ends at once.
func request(t *testing.T, raw []byte, who Asker) *http.Request {
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(raw)))
	if err != nil {
		return nil
	}
	ctx, end := context.WithCancel(contextOf(r, who))
	t.Cleanup(end)
	if streaming(r) {
		end()
	}
	r.RemoteAddr = "192.0.2.1:1000"
	return r.WithContext(ctx)
}

// answerTo is what somebody is answered, and what he brought about.
func answerTo(t *testing.T, raw []byte, who Asker) (*httptest.ResponseRecorder, []any) {
	r := request(t, raw, who)
	if r == nil {
		return nil, nil
	}
	var rec recorder
	s := &Server{Control: echo{}, Recorder: &rec, MetricsType: "text/plain", Metrics: nothingMuch, Why: no}
	s.Admit(Access{Read: []uint32{8}})
	w := httptest.NewRecorder()
	s.handler().ServeHTTP(w, r)
	var acts []any
	for _, e := range rec.list {
		acts = append(acts, e)
	}
	return w, acts
}

// no knows no instance.
func no(*status.Snapshot, []status.Event, string) (string, bool) { return "", false }

func checkAnswer(t *testing.T, w *httptest.ResponseRecorder) {
	t.Helper()
	codes := []int{200, 301, 307, 400, 404, 405, 409, 503}
	if !slices.Contains(codes, w.Code) {
		t.Errorf("answered with %d: %s", w.Code, w.Body)
	}
	if strings.HasPrefix(w.Header().Get("Content-Type"), "application/json") && !json.Valid(w.Body.Bytes()) {
		t.Errorf("answered with what is no JSON: %s", w.Body)
	}
}

// staysOutside asserts that the gate lets nobody in without a token.
func staysOutside(t *testing.T, raw []byte) {
	t.Helper()
	r := request(t, raw, Asker{})
	if r == nil {
		return
	}
	tokens, err := readTokens("act deploy 0123456789abcdefghij\n")
	if err != nil {
		t.Fatal(err)
	}
	inside := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a stranger came in") })
	w, page := httptest.NewRecorder(), web.New()
	(&doorman{gate: &Gate{Acts: true}, tokens: tokens, pass: inside, page: page}).ServeHTTP(w, r)
	if w.Code != http.StatusUnauthorized && w.Code != http.StatusForbidden && !page.Has(r.URL.Path) {
		t.Errorf("a stranger is answered with %d", w.Code)
	}
}
