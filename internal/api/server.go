package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// The limits of a request. What takes longest is to read and judge a large configuration.
const (
	bodyLimit   = 64 << 10
	headerLimit = 16 << 10
	answerLimit = 60 * time.Second
	readLimit   = 10 * time.Second
)

// Listen makes the socket, for root alone. One that nobody answers at was left by a
// worker that died, and is replaced.
func Listen(path string) (net.Listener, error) {
	if c, err := net.DialTimeout("unix", path, time.Second); err == nil {
		_ = c.Close()
		return nil, fmt.Errorf("listen at %s: %w", path, syscall.EADDRINUSE)
	}
	_ = os.Remove(path)
	l, err := net.Listen("unix", path)
	if err != nil {
		return nil, fmt.Errorf("listen for requests: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		_ = l.Close()
		return nil, fmt.Errorf("listen for requests: %w", err)
	}
	return l, nil
}

// Serve answers requests until the listener is closed.
func Serve(l net.Listener, c Control) error {
	s := &http.Server{
		Handler: http.MaxBytesHandler(http.TimeoutHandler(handler(c), answerLimit, `{"error":"it took too long"}`), bodyLimit), MaxHeaderBytes: headerLimit,
		ReadTimeout: readLimit, IdleTimeout: readLimit, ConnContext: withPeer,
	}
	return s.Serve(l)
}

// handler knows the paths.
func handler(c Control) http.Handler {
	m := http.NewServeMux()
	answer(m, "GET /v1/status", func(r *http.Request) (any, error) { return c.Snapshot(r.Context()) })
	answer(m, "GET /v1/ipvs", func(r *http.Request) (any, error) { return c.Balanced(r.Context()) })
	answer(m, "POST /v1/reload", func(r *http.Request) (any, error) { return reload(c, r) })
	answer(m, "POST /v1/reload/confirm", func(r *http.Request) (any, error) { return struct{}{}, c.Keep(r.Context()) })
	answer(m, "POST /v1/plan", func(r *http.Request) (any, error) { return c.Plan(r.Context(), r.URL.Query().Get("file")) })
	return m
}

func reload(c Control, r *http.Request) (any, error) {
	var confirm time.Duration
	if text := r.URL.Query().Get("confirm"); text != "" {
		d, err := time.ParseDuration(text)
		if err != nil || d <= 0 {
			return nil, badRequest(fmt.Sprintf("confirm=%s is not a time such as 60s", text))
		}
		confirm = d
	}
	return c.Reload(r.Context(), confirm)
}

// badRequest is an error of who asks.
type badRequest string

func (b badRequest) Error() string { return string(b) }

// answer lets a path be answered with JSON, for those who may ask.
func answer(m *http.ServeMux, path string, do func(*http.Request) (any, error)) {
	m.HandleFunc(path, func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r.Context()) {
			write(w, http.StatusForbidden, failure{"only root may ask this"})
			return
		}
		v, err := do(r)
		if err != nil {
			write(w, code(err), failure{err.Error()})
			return
		}
		write(w, http.StatusOK, v)
	})
}

// failure is the answer when there is none.
type failure struct {
	Error string `json:"error"`
}

func code(err error) int {
	if _, bad := errors.AsType[badRequest](err); bad {
		return http.StatusBadRequest
	}
	return http.StatusConflict
}

func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // who asked may be gone
}

// peer is the key of the user on the other end.
type peer struct{}

// withPeer notes who is on the other end, as the kernel says.
func withPeer(ctx context.Context, c net.Conn) context.Context {
	u, ok := c.(*net.UnixConn)
	if !ok {
		return ctx
	}
	raw, err := u.SyscallConn()
	if err != nil {
		return ctx
	}
	_ = raw.Control(func(fd uintptr) {
		if cred, err := unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED); err == nil {
			ctx = context.WithValue(ctx, peer{}, cred.Uid)
		}
	})
	return ctx
}

// allowed reports whether it is root who asks, or whom the daemon runs as.
func allowed(ctx context.Context) bool {
	uid, known := ctx.Value(peer{}).(uint32)
	return known && (uid == 0 || int(uid) == os.Geteuid())
}
