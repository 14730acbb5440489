package api

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"path/filepath"
	"slices"
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

func (echo) Events(ctx context.Context, after uint64, wait bool) ([]status.Event, error) {
	if after >= 3 && wait {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	return []status.Event{{Seq: after + 1, Time: time.Unix(1, 0), Kind: status.RoleEvent, Name: "V"}}, nil
}

func (echo) HandOver(_ context.Context, instances []string) (all []HandedOver, err error) {
	for _, name := range instances {
		all = append(all, HandedOver{Instance: name, Role: "BACKUP"})
	}
	return all, nil
}

func (echo) TakeBack(_ context.Context, instances []string) error {
	return errors.New("back: " + strings.Join(instances, " "))
}

func (echo) Maintain(_ context.Context, on bool) ([]HandedOver, error) {
	return []HandedOver{{Role: map[bool]string{true: "on", false: "off"}[on]}}, nil
}

func (echo) Serve(_ context.Context, o ServerOrder) error {
	weight := "as configured"
	if o.Weight != nil {
		weight = fmt.Sprint(*o.Weight)
	}
	return fmt.Errorf("%s of %s: %t %s %t", o.Server, o.Of, o.Drain, weight, o.Force)
}

func (echo) Recheck(_ context.Context, server netip.AddrPort, of string) ([]Rechecked, error) {
	return []Rechecked{{Server: server.String(), Virtual: of, Result: "passed", Up: true}}, nil
}

func (echo) Plan(_ context.Context, file string) (*Plan, error) { return &Plan{File: file}, nil }

// serving is a client of a server that answers until the test ends.
func serving(t *testing.T) Client {
	t.Helper()
	path := filepath.Join(t.TempDir(), "s")
	l, err := Listen(path)
	if err != nil {
		t.Fatal(err)
	}
	s := &Server{Control: echo{}, MetricsType: "text/plain", Metrics: func(w io.Writer, s *status.Snapshot) error {
		_, err := io.WriteString(w, "node "+s.Node)
		return err
	}, Why: func(s *status.Snapshot, _ []status.Event, name string) (string, bool) {
		return "because\n", s.Instance(name) != nil
	}}
	ended := make(chan struct{})
	go func() { defer close(ended); _ = s.Serve(l) }()
	t.Cleanup(func() { _ = l.Close(); <-ended })
	return Client{Socket: path}
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
	h, err := c.HandOver(ctx, []string{"A", "B&C"})
	if len(h) != 2 || h[1].Instance != "B&C" || err != nil {
		t.Errorf("handed over %+v, %v", h, err)
	}
	if err := c.TakeBack(ctx, []string{"A", "B"}); err == nil || err.Error() != "back: A B" {
		t.Errorf("take back: %v", err)
	}
	for _, on := range []bool{true, false} {
		if m, err := c.Maintain(ctx, on); err != nil || m[0].Role != map[bool]string{true: "on", false: "off"}[on] {
			t.Errorf("maintenance: %+v, %v", m, err)
		}
	}
	at, five := netip.MustParseAddrPort("10.1.0.1:80"), 5
	for want, o := range map[string]ServerOrder{
		"10.1.0.1:80 of V: true as configured false": {Server: at, Of: "V", Drain: true},
		"10.1.0.1:80 of : false 5 true":              {Server: at, Weight: &five, Force: true},
		"10.1.0.1:80 of : false as configured false": {Server: at},
	} {
		if err := c.Serve(ctx, o); err == nil || err.Error() != want {
			t.Errorf("serve: %v, want %s", err, want)
		}
	}
	for _, server := range []netip.AddrPort{at, {}} {
		want := []Rechecked{{Server: server.String(), Virtual: "V", Result: "passed", Up: true}}
		if got, err := c.Recheck(ctx, server, "V"); err != nil || !slices.Equal(got, want) {
			t.Errorf("recheck: %+v, %v", got, err)
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
		{"a server without a port", http.MethodPost, "/v1/servers/drain?server=10.0.0.1", 0, http.StatusBadRequest},
		{"no weight", http.MethodPost, "/v1/servers/weight?server=10.0.0.1:80", 0, http.StatusBadRequest},
		{"too much weight", http.MethodPost, "/v1/servers/weight?server=10.0.0.1:80&weight=65536", 0, http.StatusBadRequest},
		{"a check of nothing", http.MethodPost, "/v1/servers/recheck", 0, http.StatusBadRequest},
		{"a check of no address", http.MethodPost, "/v1/servers/recheck?server=web1", 0, http.StatusBadRequest},
		{"maintenance of a kind", http.MethodPost, "/v1/maintenance?on=perhaps", 0, http.StatusBadRequest},
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

func TestWhoMayAsk(t *testing.T) {
	other := os.Geteuid() + 12345
	open := &Access{Act: []uint32{7}, Read: []uint32{8}}
	for _, tt := range []struct {
		name   string
		who    Asker
		access *Access
		want   right
	}{
		{"root", Asker{Known: true}, nil, acting},
		{"who runs the daemon", Asker{Known: true, UID: os.Geteuid()}, nil, acting},
		{"somebody else", Asker{Known: true, UID: other, Groups: []uint32{7, 8}}, nil, nothing},
		{"nobody knows", Asker{}, open, nothing},
		{"a member of the group that acts", Asker{Known: true, UID: other, Groups: []uint32{1, 7}}, open, acting},
		{"a member of the group that reads", Asker{Known: true, UID: other, Groups: []uint32{8}}, open, reading},
		{"a member of another group", Asker{Known: true, UID: other, Groups: []uint32{9}}, open, nothing},
	} {
		if got := tt.access.right(tt.who); got != tt.want {
			t.Errorf("%s: the right is %v, want %v", tt.name, got, tt.want)
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

// A stream begins at once, though nothing has happened yet.
func TestAStreamBeginsBeforeTheFirstEvent(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
	defer cancel()
	got, err := serving(t).request(ctx, http.MethodGet, "events", url.Values{"after": {"3"}}, "text/event-stream")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = got.Body.Close() }()
	if form := got.Header.Get("Content-Type"); form != "text/event-stream" {
		t.Errorf("it is %s", form)
	}
}
