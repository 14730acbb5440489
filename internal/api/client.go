package api

import (
	"bufio"
	"cmp"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"os"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/status"
)

// Client asks a daemon. It is a Control.
type Client struct {
	Socket string
	Remote *Remote // in place of Socket; nil: it is on this machine
}

// Remote is a daemon that is asked at its api_listen.
type Remote struct {
	URL   url.URL     // http or https
	Token string      // that is shown; empty: none
	TLS   *tls.Config // whom to trust, and the certificate that is shown
}

// String is how messages call it.
func (c Client) String() string {
	if c.Remote != nil {
		return c.Remote.URL.Redacted()
	}
	return c.Socket
}

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

// HandOver implements Control.
func (c Client) HandOver(ctx context.Context, instances []string) ([]HandedOver, error) {
	return ask[[]HandedOver](ctx, c, http.MethodPost, "handover", url.Values{"instance": instances})
}

// TakeBack implements Control.
func (c Client) TakeBack(ctx context.Context, instances []string) error {
	_, err := ask[struct{}](ctx, c, http.MethodPost, "takeback", url.Values{"instance": instances})
	return err
}

// Maintain implements Control.
func (c Client) Maintain(ctx context.Context, on bool) ([]HandedOver, error) {
	return ask[[]HandedOver](ctx, c, http.MethodPost, "maintenance", url.Values{"on": {strconv.FormatBool(on)}})
}

// Serve implements Control.
func (c Client) Serve(ctx context.Context, o ServerOrder) error {
	act, q := "enable", url.Values{"server": {o.Server.String()}, "of": {o.Of}, "force": {strconv.FormatBool(o.Force)}}
	switch {
	case o.Drain:
		act = "drain"
	case o.Weight != nil:
		act = "weight"
		q.Set("weight", strconv.Itoa(*o.Weight))
	}
	_, err := ask[struct{}](ctx, c, http.MethodPost, "servers/"+act, q)
	return err
}

// Recheck implements Control.
func (c Client) Recheck(ctx context.Context, server netip.AddrPort, of string) ([]Rechecked, error) {
	q := url.Values{"of": {of}}
	if server.IsValid() {
		q.Set("server", server.String())
	}
	return ask[[]Rechecked](ctx, c, http.MethodPost, "servers/recheck", q)
}

// Events implements Control. With wait it answers with what comes first.
func (c Client) Events(ctx context.Context, after uint64, wait bool) (list []status.Event, err error) {
	if !wait {
		return ask[[]status.Event](ctx, c, http.MethodGet, "events", url.Values{"after": {strconv.FormatUint(after, 10)}})
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	err = c.Follow(ctx, after, func(e status.Event) { list = append(list, e); cancel() })
	if len(list) > 0 {
		err = nil
	}
	return list, err
}

// Follow calls each with every event that comes after one, until ctx ends or the daemon does.
func (c Client) Follow(ctx context.Context, after uint64, each func(status.Event)) error {
	got, err := c.request(ctx, http.MethodGet, "events", url.Values{"after": {strconv.FormatUint(after, 10)}}, "text/event-stream")
	if err != nil {
		return err
	}
	defer func() { _ = got.Body.Close() }()
	lines := bufio.NewScanner(got.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		if !ok {
			continue
		}
		var e status.Event
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			return fmt.Errorf("understand the daemon: %w", err)
		}
		each(e)
	}
	return lines.Err()
}

// ask puts one question.
func ask[T any](ctx context.Context, c Client, method, path string, q url.Values) (answer T, err error) {
	got, err := c.request(ctx, method, path, q, "application/json")
	if err != nil {
		return answer, err
	}
	defer func() { _ = got.Body.Close() }()
	if err := json.NewDecoder(got.Body).Decode(&answer); err != nil {
		return answer, fmt.Errorf("understand the daemon: %w", err)
	}
	return answer, nil
}

// request sends one question and returns the beginning of an answer.
func (c Client) request(ctx context.Context, method, path string, q url.Values, form string) (*http.Response, error) {
	to := c.base()
	to.Path, to.RawQuery = strings.TrimSuffix(to.Path, "/")+"/v1/"+path, q.Encode()
	r, err := http.NewRequestWithContext(ctx, method, to.String(), nil)
	if err != nil {
		return nil, fmt.Errorf("ask the daemon: %w", err)
	}
	r.Header.Set("Accept", form)
	c.introduce(r)
	got, err := c.transport().RoundTrip(r)
	if err != nil {
		return nil, c.silence(err)
	}
	if got.StatusCode != http.StatusOK {
		defer func() { _ = got.Body.Close() }()
		var f failure
		_ = json.NewDecoder(got.Body).Decode(&f)
		return nil, errors.New(cmp.Or(f.Error, got.Status))
	}
	return got, nil
}

// base is where the paths of the API begin.
func (c Client) base() url.URL {
	if c.Remote != nil {
		return c.Remote.URL
	}
	return url.URL{Scheme: "http", Host: "holdfast"}
}

// introduce says in a request who asks.
func (c Client) introduce(r *http.Request) {
	if c.Remote != nil && c.Remote.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Remote.Token)
	}
}

// transport is a way to the daemon for one question.
func (c Client) transport() *http.Transport {
	if c.Remote != nil {
		return &http.Transport{DisableKeepAlives: true, TLSClientConfig: c.Remote.TLS, Proxy: http.ProxyFromEnvironment}
	}
	return &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "unix", c.Socket)
	}}
}

// silence is why there is no answer, and what may be done about it.
func (c Client) silence(err error) error {
	hint := "is it running? --api-socket names another"
	switch _, unknown := errors.AsType[*tls.CertificateVerificationError](err); {
	case unknown:
		hint = "is it the right one? HOLDFAST_CA names who has signed its certificate"
	case c.Remote != nil:
		hint = "is it running, and has its configuration api_listen?"
	case errors.Is(err, os.ErrPermission):
		hint = "ask as root, or as a member of the group that api_group or api_read_group names"
	}
	return fmt.Errorf("ask the daemon at %s (%s): %w", c, hint, err)
}
