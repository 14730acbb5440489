package api

import (
	"context"
	"errors"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"holdfast/internal/status"
)

// echo is a Control that answers with what it was asked.
type echo struct{}

func (echo) Snapshot(context.Context) (*status.Snapshot, error) {
	return &status.Snapshot{Node: "here", Router: &status.Router{RealTime: "so", Instances: []status.Instance{{Name: "V"}}}}, nil
}

func (echo) Balanced(context.Context) (*status.Balanced, error) {
	return &status.Balanced{Repairs: 7}, nil
}

func (echo) Reload(_ context.Context, confirm time.Duration) (*Reloaded, error) {
	return &Reloaded{Taken: confirm == 0, Why: []string{confirm.String()}}, nil
}

func (echo) Keep(context.Context) error { return errors.New("nothing to confirm") }

func (echo) Plan(_ context.Context, file string) (*Plan, error) { return &Plan{File: file}, nil }

// serving is a client of a server that answers until the test ends.
func serving(t *testing.T) Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = Serve(l, echo{}) }()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return Client{path}
}

func TestAClientGetsTheAnswersOfTheControl(t *testing.T) {
	c, ctx := serving(t), t.Context()
	s, err := c.Snapshot(ctx)
	if err != nil || s.Node != "here" || s.Router.RealTime != "so" || s.Router.Instances[0].Name != "V" {
		t.Errorf("status %+v, %v", s, err)
	}
	b, err := c.Balanced(ctx)
	if err != nil || b.Repairs != 7 {
		t.Errorf("balanced %+v, %v", b, err)
	}
	p, err := c.Plan(ctx, "/a b&c")
	if diff := cmp.Diff(&Plan{File: "/a b&c"}, p); diff != "" || err != nil {
		t.Errorf("plan (-want +got):\n%s%v", diff, err)
	}
	for _, confirm := range []time.Duration{0, 90 * time.Second} {
		r, err := c.Reload(ctx, confirm)
		if diff := cmp.Diff(&Reloaded{Taken: confirm == 0, Why: []string{confirm.String()}}, r); diff != "" || err != nil {
			t.Errorf("reload (-want +got):\n%s%v", diff, err)
		}
	}
	if err := c.Keep(ctx); err == nil || err.Error() != "nothing to confirm" {
		t.Errorf("keep: %v", err)
	}
}

func TestWhatCannotBeUnderstoodIsRefused(t *testing.T) {
	c := serving(t)
	for _, tt := range []struct {
		name, method, path string
		body               int
		want               int
	}{
		{"no such path", http.MethodGet, "/v1/nothing", 0, http.StatusNotFound},
		{"a change by GET", http.MethodGet, "/v1/reload", 0, http.StatusMethodNotAllowed},
		{"no time", http.MethodPost, "/v1/reload?confirm=soon", 0, http.StatusBadRequest},
		{"a negative time", http.MethodPost, "/v1/reload?confirm=-3s", 0, http.StatusBadRequest},
		{"a refusal", http.MethodPost, "/v1/reload/confirm", 0, http.StatusConflict},
		{"headers without end", http.MethodGet, "/v1/status?" + strings.Repeat("x", 100<<10), 0, http.StatusRequestHeaderFieldsTooLarge},
	} {
		t.Run(tt.name, func(t *testing.T) {
			one := &http.Transport{DisableKeepAlives: true, DialContext: func(context.Context, string, string) (net.Conn, error) { return net.Dial("unix", c.Socket) }}
			r, err := http.NewRequestWithContext(t.Context(), tt.method, "http://holdfast"+tt.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			got, err := one.RoundTrip(r)
			if err != nil {
				t.Fatal(err)
			}
			_ = got.Body.Close()
			if got.StatusCode != tt.want {
				t.Errorf("answered with %d, want %d", got.StatusCode, tt.want)
			}
		})
	}
}

func TestOnlyRootMayAsk(t *testing.T) {
	for _, tt := range []struct {
		name string
		who  any
		want bool
	}{
		{"root", uint32(0), true},
		{"who runs the daemon", uint32(os.Geteuid()), true},
		{"somebody else", uint32(os.Geteuid() + 12345), false},
		{"nobody knows", nil, false},
	} {
		if got := allowed(context.WithValue(t.Context(), peer{}, tt.who)); got != tt.want {
			t.Errorf("%s: allowed is %v", tt.name, got)
		}
	}
	info, err := os.Stat(serving(t).Socket)
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("the socket: %v, %v", info, err)
	}
}

func TestASocketThatNobodyAnswersAtIsReplaced(t *testing.T) {
	path := filepath.Join(t.TempDir(), "s")
	dead, err := net.ListenUnix("unix", &net.UnixAddr{Name: path})
	if err != nil {
		t.Fatal(err)
	}
	dead.SetUnlinkOnClose(false)
	_ = dead.Close()
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	if _, err := Listen(path); err == nil {
		t.Error("two listen at one socket")
	}
}
