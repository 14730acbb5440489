package api

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"holdfast/web"
)

const (
	readToken = "read ops 0123456789abcdefghij"
	actToken  = "act deploy jihgfedcba9876543210"
)

// knock is the answer of a doorman to somebody with a token.
func knock(t *testing.T, acts bool, method, shown string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return knockAt(t, acts, method, "/v1/status", shown, header...)
}

func knockAt(t *testing.T, acts bool, method, path, shown string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	tokens, err := readTokens("# who may come in\n\n" + readToken + "\n" + actToken + "\n")
	if err != nil {
		t.Fatal(err)
	}
	d := doorman{gate: &Gate{Acts: acts}, tokens: tokens, page: web.New(), pass: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "" {
			t.Error("the token is passed on")
		}
		_, _ = w.Write([]byte(r.Header.Get(askerHeader) + " acts " + r.Header.Get(actsHeader)))
	})}
	r := httptest.NewRequest(method, path, nil)
	r.RemoteAddr = "192.0.2.1:5000"
	r.Header.Set(askerHeader, "root")
	r.Header.Set(actsHeader, "true")
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if shown != "" {
		r.Header.Set("Authorization", "Bearer "+shown)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, r)
	return w
}

func TestWhoIsLetInFromOtherMachines(t *testing.T) {
	reads, act := strings.Fields(readToken)[2], strings.Fields(actToken)[2]
	for _, tt := range []struct {
		name, method, shown string
		acts                bool
		code                int
		as                  string
	}{
		{"nobody looks", http.MethodGet, "", true, http.StatusUnauthorized, ""},
		{"a wrong token looks", http.MethodGet, "0123456789abcdefghiJ", true, http.StatusUnauthorized, ""},
		{"a token looks", http.MethodGet, reads, false, http.StatusOK, "token ops at 192.0.2.1 acts false"},
		{"a token to look acts", http.MethodPost, reads, true, http.StatusForbidden, ""},
		{"a token to act acts where nobody may", http.MethodPost, act, false, http.StatusForbidden, ""},
		{"a token to act acts where it may", http.MethodPost, act, true, http.StatusOK, "token deploy at 192.0.2.1 acts true"},
	} {
		w := knock(t, tt.acts, tt.method, tt.shown)
		if w.Code != tt.code || tt.as != "" && w.Body.String() != tt.as {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// The page has no secret, and asks for a token: everybody gets it. What it asks, it does not get
// without.
func TestThePageIsForEverybodyAndWhatItShowsIsNot(t *testing.T) {
	w := knockAt(t, false, http.MethodGet, "/", "")
	if w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<html") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "script-src 'self'") {
		t.Errorf("the page: %d %v", w.Code, w.Header())
	}
	for _, path := range []string{"/v1/nodes", "/v1/events", "/v1/asker", "/metrics"} {
		if w := knockAt(t, false, http.MethodGet, path, ""); w.Code != http.StatusUnauthorized {
			t.Errorf("%s without a token: %d", path, w.Code)
		}
	}
}

// A browser shows a certificate to every page that asks: those of other sites ask in vain.
func TestAPageOfAnotherSiteDoesNotAct(t *testing.T) {
	act := strings.Fields(actToken)[2]
	if w := knock(t, true, http.MethodPost, act, "Sec-Fetch-Site", "cross-site"); w.Code != http.StatusForbidden {
		t.Errorf("from another site: %d %s", w.Code, w.Body)
	}
	if w := knock(t, true, http.MethodPost, act, "Sec-Fetch-Site", "same-origin"); w.Code != http.StatusOK {
		t.Errorf("from our page: %d %s", w.Code, w.Body)
	}
}

func TestTokensThatAreRefused(t *testing.T) {
	for _, text := range []string{"read ops", "write ops 0123456789abcdefghij", "read ops short"} {
		if _, err := readTokens(text); err == nil || !strings.HasPrefix(err.Error(), "tokens, line 1: ") {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestTheGateIsOneProcess(t *testing.T) {
	var s Server
	s.Trust(77)
	if got := s.right(Asker{Known: true, UID: 65534, PID: 77}); got != acting {
		t.Errorf("the gate has the right %v", got)
	}
	if got := s.right(Asker{Known: true, UID: 65534, PID: 78}); got != nothing {
		t.Errorf("another process of its user has the right %v", got)
	}
	s.Distrust(76)
	if got := s.right(Asker{Known: true, UID: 65534, PID: 77}); got != acting {
		t.Errorf("after the end of another the gate has the right %v", got)
	}
	s.Distrust(77)
	if got := s.right(Asker{Known: true, UID: 65534}); got != nothing {
		t.Errorf("without a gate somebody has the right %v", got)
	}
}
