package api

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"sync/atomic"
	"syscall"
	"time"

	"holdfast/internal/status"
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

// Open lets members of groups connect to the socket. Who they are, and what they may do, is
// judged by request: the mode keeps out those who may not ask at all where it can.
func Open(path string, a Access) error {
	group, mode := -1, os.FileMode(0o600)
	switch all := slices.Compact(slices.Sorted(slices.Values(slices.Concat(a.Act, a.Read)))); len(all) {
	case 0:
	case 1:
		group, mode = int(all[0]), 0o660
	default:
		mode = 0o666
	}
	err := os.Chown(path, -1, group)
	if err == nil {
		err = os.Chmod(path, mode)
	}
	if err != nil {
		return fmt.Errorf("let groups in at %s: %w", path, err)
	}
	return nil
}

// Server answers requests.
type Server struct {
	Control  Control
	Recorder Recorder // nil: acts are not recorded
	// Metrics writes those of a snapshot, in the form that MetricsType says.
	Metrics     func(io.Writer, *status.Snapshot) error
	MetricsType string
	// Why explains the role of an instance by what is seen and what happened; false: there is none.
	Why func(s *status.Snapshot, events []status.Event, instance string) (string, bool)

	access  atomic.Pointer[Access]
	gate    atomic.Int64 // the process that lets other machines in; 0: there is none
	drawn   drawn
	buckets buckets
	streams room
}

// Admit says who may ask beside root. It may be changed at any time.
func (s *Server) Admit(a Access) { s.access.Store(&a) }

// Trust says which process lets other machines in and judges who of them may act.
func (s *Server) Trust(pid int) { s.gate.Store(int64(pid)) }

// Distrust says that a process does so no more.
func (s *Server) Distrust(pid int) { s.gate.CompareAndSwap(int64(pid), 0) }

// right is what somebody may do.
func (s *Server) right(who Asker) right {
	if s.isGate(who) {
		return acting
	}
	return s.access.Load().right(who)
}

func (s *Server) isGate(who Asker) bool {
	pid := s.gate.Load()
	return who.Known && pid != 0 && int64(who.PID) == pid
}

// Serve answers requests until the listener is closed.
func (s *Server) Serve(l net.Listener) error {
	web := &http.Server{
		Handler: http.MaxBytesHandler(s.handler(), bodyLimit), MaxHeaderBytes: headerLimit,
		ReadTimeout: readLimit, IdleTimeout: readLimit, ConnContext: withPeer,
	}
	return web.Serve(&limited{Listener: l, most: connections})
}

func (s *Server) handler() http.Handler {
	m := http.NewServeMux()
	for _, one := range routes() {
		m.HandleFunc(one.method+" "+one.path, func(w http.ResponseWriter, r *http.Request) { s.answer(&one, w, r) })
	}
	return m
}

// answer lets a route answer those who may ask, as often as they may.
func (s *Server) answer(one *route, w http.ResponseWriter, r *http.Request) {
	who := askerOf(r)
	switch right := s.right(who); {
	case right == nothing, one.acts && right != acting:
		write(w, http.StatusForbidden, failure{"only root, or a member of the group that api_group names, may do this"})
		return
	case !s.buckets.take(time.Now(), bucketID{who.key(), one.acts}):
		fail(w, busy("too many requests: ask again in a second"))
		return
	}
	ctx, cancel := withTimeout(r.Context(), answerLimit)
	defer cancel()
	if !streaming(r) {
		r = r.WithContext(ctx)
	}
	allot(w, streaming(r))
	err := s.meant(one, r)
	if err == nil {
		err = one.do(s, w, r)
	}
	if one.acts {
		s.record(one, r, err)
	}
	if err != nil {
		fail(w, err)
	}
}

// meant refuses what is asked of another node.
func (s *Server) meant(one *route, r *http.Request) error {
	node := ""
	if one.ofNode {
		node = r.URL.Query().Get("node")
	}
	if node == "" {
		return nil
	}
	seen, err := s.Control.Snapshot(r.Context())
	if err == nil && seen.Node != node {
		err = badRequest(fmt.Sprintf("this is the node %s, not %s", seen.Node, node))
	}
	return err
}

// allot gives a request that was read the time for its answer; one that has no end has what
// its handler says. Without that, the time for reading would end it.
func allot(w http.ResponseWriter, endless bool) {
	end := time.Now().Add(answerLimit + writeLimit)
	if endless {
		end = time.Time{}
	}
	c := http.NewResponseController(w)
	_, _ = c.SetReadDeadline(end), c.SetWriteDeadline(end)
}

// streaming tells a request that has no end.
func streaming(r *http.Request) bool { return r.Header.Get("Accept") == "text/event-stream" }

// Standing is who asks, and whether he may act.
type Standing struct {
	Name string `json:"name"`
	Acts bool   `json:"acts"`
}

// standing is that of who asks. Of other machines the gate tells it.
func (s *Server) standing(r *http.Request) Standing {
	who := askerOf(r)
	if s.isGate(who) {
		return Standing{r.Header.Get(askerHeader), r.Header.Get(actsHeader) == "true"}
	}
	return Standing{who.String(), s.right(who) == acting}
}

// record writes down who wanted what, and what came of it.
func (s *Server) record(one *route, r *http.Request, err error) {
	if s.Recorder == nil {
		return
	}
	e := status.Event{Kind: status.ActEvent, Name: one.path[len("/v1/"):], To: "done", Reason: r.URL.Query().Encode(), By: s.standing(r).Name}
	if err != nil {
		e.To, e.Reason = "failed", err.Error()
	}
	s.Recorder.Record(e)
}

// badRequest, unavailable and busy are errors with a status of HTTP of their own.
type (
	badRequest  string
	unavailable string
	busy        string
)

func (b badRequest) Error() string  { return string(b) }
func (u unavailable) Error() string { return string(u) }
func (b busy) Error() string        { return string(b) }

// failure is the answer when there is none.
type failure struct {
	Error string `json:"error"`
}

func fail(w http.ResponseWriter, err error) { write(w, code(err), failure{err.Error()}) }

func code(err error) int {
	if _, is := errors.AsType[badRequest](err); is {
		return http.StatusBadRequest
	}
	if _, is := errors.AsType[unavailable](err); is {
		return http.StatusServiceUnavailable
	}
	if _, is := errors.AsType[busy](err); is {
		return http.StatusTooManyRequests
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return http.StatusServiceUnavailable
	}
	return http.StatusConflict
}

func write(w http.ResponseWriter, code int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(code)
	_ = json.NewEncoder(w).Encode(v) // who asked may be gone
}
