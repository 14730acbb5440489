package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"time"

	"holdfast/internal/status"
)

// Client asks a daemon. It is a Control.
type Client struct{ Socket string }

var _ Control = Client{}

// Snapshot implements Control.
func (c Client) Snapshot(ctx context.Context) (*status.Snapshot, error) {
	return ask[*status.Snapshot](ctx, c, http.MethodGet, "status", nil)
}

// Balanced implements Control.
func (c Client) Balanced(ctx context.Context) (*status.Balanced, error) {
	return ask[*status.Balanced](ctx, c, http.MethodGet, "ipvs", nil)
}

// Reload implements Control.
func (c Client) Reload(ctx context.Context, confirm time.Duration) (*Reloaded, error) {
	q := url.Values{}
	if confirm > 0 {
		q.Set("confirm", confirm.String())
	}
	return ask[*Reloaded](ctx, c, http.MethodPost, "reload", q)
}

// Keep implements Control.
func (c Client) Keep(ctx context.Context) error {
	_, err := ask[struct{}](ctx, c, http.MethodPost, "reload/confirm", nil)
	return err
}

// Plan implements Control.
func (c Client) Plan(ctx context.Context, file string) (*Plan, error) {
	return ask[*Plan](ctx, c, http.MethodPost, "plan", url.Values{"file": {file}})
}

// ask puts one question.
func ask[T any](ctx context.Context, c Client, method, path string, q url.Values) (answer T, err error) {
	to := url.URL{Scheme: "http", Host: "holdfast", Path: "/v1/" + path, RawQuery: q.Encode()}
	r, err := http.NewRequestWithContext(ctx, method, to.String(), nil)
	if err != nil {
		return answer, fmt.Errorf("ask the daemon: %w", err)
	}
	one := &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
	}}
	got, err := one.RoundTrip(r)
	if err != nil {
		return answer, fmt.Errorf("ask the daemon at %s (is it running? --api-socket names another): %w", c.Socket, err)
	}
	defer func() { _ = got.Body.Close() }()
	if got.StatusCode != http.StatusOK {
		var f failure
		_ = json.NewDecoder(got.Body).Decode(&f)
		return answer, errors.New(f.Error)
	}
	if err := json.NewDecoder(got.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("understand the daemon: %w", err)
	}
	return answer, nil
}
