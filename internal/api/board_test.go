package api

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"holdfast/internal/status"
)

// boarded is the answer of a board with a node a that answers, and a node b that is gone.
func boarded(t *testing.T, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	return boardedAs(t, "", true, method, path, header...)
}

func boardedAs(t *testing.T, token string, acts bool, method, path string, header ...string) *httptest.ResponseRecorder {
	t.Helper()
	here := serving(t)
	b := NewBoard([]Member{{"a", func() (Client, error) { return here, nil }}, {"b", func() (Client, error) { return Client{Socket: "/nowhere"}, nil }}})
	b.Token, b.Acts = token, acts
	r := httptest.NewRequest(method, "http://127.0.0.1:80"+path, nil)
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if host := r.Header.Get("Host"); host != "" {
		r.Host = host
	}
	w := httptest.NewRecorder()
	b.handler("127.0.0.1:80").ServeHTTP(w, r)
	return w
}

func TestABoardShowsAllNodesAndMarksTheOneThatIsGone(t *testing.T) {
	w := boarded(t, http.MethodGet, "/v1/nodes")
	var list []status.Node
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list) != 2 {
		t.Fatalf("%v: %s", err, w.Body)
	}
	if a := list[0]; a.Name != "a" || a.Trouble != "" || a.Snapshot.Router.Instances[0].Name != "V" {
		t.Errorf("a is %+v", a)
	}
	if b := list[1]; b.Name != "b" || b.Snapshot != nil || !strings.Contains(b.Trouble, "/nowhere") {
		t.Errorf("b is %+v", b)
	}
}

func TestABoardAsksTheNodeThatIsMeant(t *testing.T) {
	for _, tt := range []struct {
		name, method, path, want string
		code                     int
	}{
		{"an act", http.MethodPost, "/v1/handover?node=a&instance=V", `"instance":"V"`, 200},
		{"an act that is refused", http.MethodPost, "/v1/takeback?node=a&instance=V", "back: V", 409},
		{"a node that is gone", http.MethodPost, "/v1/handover?node=b&instance=V", "does not answer", 503},
		{"a node that there is not", http.MethodPost, "/v1/handover?node=c&instance=V", "say which node", 400},
		{"no node", http.MethodPost, "/v1/maintenance?on=true", "say which node", 400},
		{"an explanation", http.MethodGet, "/v1/why?node=a&instance=V", `"text":["because"]`, 200},
		{"who may act", http.MethodGet, "/v1/asker", `"acts":true`, 200},
		// Any file is read as root for a plan: that is not for everybody at this machine.
		{"a plan", http.MethodPost, "/v1/plan?node=a&file=/etc/shadow", "", 405},
		{"a reload", http.MethodPost, "/v1/reload?node=a", "", 405},
		{"the page", http.MethodGet, "/", "<html", 200},
	} {
		if w := boarded(t, tt.method, tt.path); w.Code != tt.code || !strings.Contains(w.Body.String(), tt.want) {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// A page of another site may have a name of its own lead here, or ask across.
func TestABoardAnswersNoOtherSite(t *testing.T) {
	for _, tt := range []struct {
		name   string
		header []string
		code   int
	}{
		{"by its address", nil, 200},
		{"as localhost", []string{"Host", "localhost:80"}, 200},
		{"by another name", []string{"Host", "evil.example"}, 403},
		{"by another port", []string{"Host", "127.0.0.1:81"}, 403},
		{"from another site", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"from another port of this machine", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"from an old browser elsewhere", []string{"Origin", "http://evil.example"}, 403},
	} {
		if w := boarded(t, http.MethodPost, "/v1/handover?node=a&instance=V", tt.header...); w.Code != tt.code {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

func TestABoardLetsInWhoKnowsItsToken(t *testing.T) {
	const act = "/v1/handover?node=a&instance=V"
	for _, tt := range []struct {
		name         string
		acts         bool
		method, path string
		shown        string
		code         int
	}{
		{"the page, for everybody", false, http.MethodGet, "/", "", 200},
		{"nobody looks", false, http.MethodGet, "/v1/nodes", "", 401},
		{"a wrong token looks", false, http.MethodGet, "/v1/events", "Bearer wrong", 401},
		{"the token looks", false, http.MethodGet, "/v1/nodes", "Bearer right", 200},
		{"the token acts where nobody may", false, http.MethodPost, act, "Bearer right", 403},
		{"the token acts where it may", true, http.MethodPost, act, "Bearer right", 200},
		{"nobody acts where the token may", true, http.MethodPost, act, "", 401},
	} {
		if w := boardedAs(t, "right", tt.acts, tt.method, tt.path, "Authorization", tt.shown); w.Code != tt.code {
			t.Errorf("%s: %d %s", tt.name, w.Code, w.Body)
		}
	}
}

// The events of all nodes are one row, with the name of the node; they go on after a node was gone.
func TestABoardMergesEvents(t *testing.T) {
	here := serving(t)
	ctx, cancel := context.WithCancel(t.Context())
	b := NewBoard([]Member{{"a", func() (Client, error) { return here, nil }}, {"b", func() (Client, error) { return here, nil }}})
	done := make(chan struct{})
	go func() { defer close(done); b.Follow(ctx) }()
	defer func() { cancel(); <-done }()
	b.Add(status.Event{Time: time.Now(), Kind: status.FaultEvent, Name: "kill a", Node: "a"})
	heard, last := map[string]int{}, uint64(0)
	for len(heard) < 3 || heard["a V"] < 3 {
		wait, end := context.WithTimeout(ctx, 10*time.Second)
		list, err := b.Events(wait, last, true)
		end()
		if err != nil {
			t.Fatalf("%v: %v", err, heard)
		}
		for _, e := range list {
			if e.Seq <= last {
				t.Errorf("%d follows %d", e.Seq, last)
			}
			last = e.Seq
			heard[e.Node+" "+e.Name]++
		}
	}
}

// A node that is frozen is shown at once, as it was, and does not hold up the others.
func TestANodeThatHangsIsShownAsItWas(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		now := time.Now()
		m := &member{seen: &status.Snapshot{Node: "a"}, at: now, asked: now, asking: make(chan struct{})}
		began := time.Now()
		ctx, cancel := withTimeout(t.Context(), soon)
		defer cancel()
		if n := m.look(ctx); n.Trouble != "" || time.Since(began) != soon {
			t.Errorf("after %s it is %+v", time.Since(began), n)
		}
		time.Sleep(2 * time.Second)
		if n := m.present(time.Now()); n.Trouble != "it does not answer" || n.Age != 2*time.Second+soon || n.Snapshot == nil {
			t.Errorf("then it is %+v", n)
		}
	})
}
