package api

import (
	"cmp"
	"fmt"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"time"

	"holdfast/internal/status"
)

// route is one path of the API. The list of them is what the server serves and what the
// document describes.
type route struct {
	method, path, about string
	// acts: it changes something. Who may only read may not ask for it.
	acts bool
	// ofNode: it concerns one node. Who shows several passes it on to that one.
	ofNode bool
	query  []parameter
	answer any    // a value of the type that is answered; nil: nothing
	form   string // the type of the answer, if it is not JSON
	do     func(*Server, http.ResponseWriter, *http.Request) error
}

// parameter is one of a request.
type parameter struct {
	name, kind, about string // kind: string, integer, boolean
	required          bool
}

// routes lists all paths.
func routes() []route {
	return []route{
		{method: http.MethodGet, path: "/v1/status", about: "All that there is to see of the daemon.", answer: status.Snapshot{},
			do: shown(func(s *status.Snapshot) any { return s })},
		{method: http.MethodGet, path: "/v1/nodes", about: "The nodes that are seen from here, as they were seen last. A daemon sees itself, holdfast lab and holdfast web all that they show.", answer: []status.Node{},
			do: shown(func(s *status.Snapshot) any { return []status.Node{{Name: s.Node, Snapshot: s}} })},
		{method: http.MethodGet, path: "/v1/asker", about: "Who asks, and whether he may act.", answer: Standing{},
			do: done(func(s *Server, r *http.Request) (any, error) { return s.standing(r), nil })},
		{method: http.MethodGet, path: "/v1/why", about: "Why an instance has its role, and what would change that, in words.", ofNode: true, answer: Explained{},
			query: []parameter{{name: "instance", kind: "string", about: "Which one.", required: true}}, do: done(explain)},
		{method: http.MethodGet, path: "/v1/ipvs", about: "The services of IPVS with the health of real servers.", answer: status.Balanced{},
			do: (*Server).balanced},
		{method: http.MethodGet, path: "/v1/events", about: "What happened, oldest first. Asked for text/event-stream, it goes on with what will.", answer: []status.Event{},
			query: []parameter{{name: "after", kind: "integer", about: "Only what came after the event with this number."}}, do: (*Server).events},
		{method: http.MethodGet, path: "/v1/openapi.json", about: "This document.", answer: map[string]any{}, do: (*Server).document},
		{method: http.MethodPost, path: "/v1/reload", about: "Reads the configuration and takes it over.", acts: true, answer: Reloaded{},
			query: []parameter{{name: "confirm", kind: "string", about: "The one before returns after this time (60s), unless it is confirmed."}},
			do:    done(func(s *Server, r *http.Request) (any, error) { return reload(s.Control, r) })},
		{method: http.MethodPost, path: "/v1/reload/confirm", about: "Confirms the configuration on trial.", acts: true, answer: struct{}{},
			do: done(func(s *Server, r *http.Request) (any, error) { return struct{}{}, s.Control.Keep(r.Context()) })},
		{method: http.MethodPost, path: "/v1/plan", about: "What a reload would do. Nothing is changed, but any file is read as root.", acts: true, answer: Plan{},
			query: []parameter{{name: "file", kind: "string", about: "The configuration; by default that of the daemon."}},
			do: done(func(s *Server, r *http.Request) (any, error) {
				return s.Control.Plan(r.Context(), r.URL.Query().Get("file"))
			})},
		{method: http.MethodPost, path: "/v1/handover", about: "Has instances hand over, and waits until somebody has taken over, or nobody has.", acts: true, ofNode: true, answer: []HandedOver{},
			query: []parameter{{name: "instance", kind: "string", about: "One of them, may be repeated; without it all that are MASTER."}},
			do: done(func(s *Server, r *http.Request) (any, error) {
				return s.Control.HandOver(r.Context(), r.URL.Query()["instance"])
			})},
		{method: http.MethodPost, path: "/v1/takeback", about: "Has instances that have handed over take part in elections as they are configured to.", acts: true, ofNode: true, answer: struct{}{},
			query: []parameter{{name: "instance", kind: "string", about: "One of them, may be repeated; without it all."}},
			do: done(func(s *Server, r *http.Request) (any, error) {
				return struct{}{}, s.Control.TakeBack(r.Context(), r.URL.Query()["instance"])
			})},
		{method: http.MethodPost, path: "/v1/maintenance", about: "Begins or ends the maintenance of the node: its instances hand over, and stand back for everybody.", acts: true, ofNode: true, answer: []HandedOver{},
			query: []parameter{{name: "on", kind: "boolean", about: "Whether it begins.", required: true}},
			do:    done(maintain)},
		{method: http.MethodPost, path: "/v1/servers/drain", about: "A real server gets no new connections; those that it has go on.", acts: true, ofNode: true, answer: struct{}{},
			query: serverQuery(), do: ordering(func(o *ServerOrder, _ *http.Request) error { o.Drain = true; return nil })},
		{method: http.MethodPost, path: "/v1/servers/enable", about: "A real server is used as it is configured.", acts: true, ofNode: true, answer: struct{}{},
			query: serverQuery(), do: ordering(func(*ServerOrder, *http.Request) error { return nil })},
		{method: http.MethodPost, path: "/v1/servers/weight", about: "A real server has another weight than it is configured to.", acts: true, ofNode: true, answer: struct{}{},
			query: append(serverQuery(), parameter{name: "weight", kind: "integer", about: "The weight.", required: true}), do: ordering(weighing)},
		{method: http.MethodPost, path: "/v1/servers/recheck", about: "Makes the checks of a real server now, or of all of a virtual server, and answers with what they found.", acts: true, ofNode: true, answer: []Rechecked{},
			query: []parameter{
				{name: "server", kind: "string", about: "ADDRESS:PORT; without it all of the virtual server."},
				{name: "of", kind: "string", about: "One virtual server: ADDRESS:PORT, mark or group; by default all that the server has."},
			}, do: done(recheck)},
		{method: http.MethodGet, path: "/metrics", about: "The metrics, as Prometheus reads them.", form: "text/plain", do: (*Server).metrics},
		{method: http.MethodGet, path: "/healthz", about: "Both processes of the daemon answer.", form: "text/plain", do: (*Server).healthy},
		{method: http.MethodGet, path: "/readyz", about: "A configuration is in force, and no instance still waits to begin.", form: "text/plain", do: (*Server).ready},
	}
}

// done is a route that answers with JSON when it is done.
func done(do func(*Server, *http.Request) (any, error)) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		v, err := do(s, r)
		if err == nil {
			write(w, http.StatusOK, v)
		}
		return err
	}
}

// shown is a route that shows a part of the snapshot.
func shown(part func(*status.Snapshot) any) func(*Server, http.ResponseWriter, *http.Request) error {
	return func(s *Server, w http.ResponseWriter, r *http.Request) error {
		snapshot, err := s.Control.Snapshot(r.Context())
		if err != nil {
			return err
		}
		return s.drawn.json(w, r.URL.Path, snapshot, part(snapshot))
	}
}

func (s *Server) balanced(w http.ResponseWriter, r *http.Request) error {
	b, err := s.Control.Balanced(r.Context())
	if err != nil {
		return err
	}
	return s.drawn.json(w, r.URL.Path, b, b)
}

// scraped is how old metrics may be: who counts them asks every few seconds, and many who do are
// not to have the daemon looked at more often than one.
const scraped = time.Second

func (s *Server) metrics(w http.ResponseWriter, r *http.Request) (err error) {
	snapshot := s.drawn.lately("/metrics", scraped)
	if snapshot == nil {
		snapshot, err = s.Control.Snapshot(r.Context())
	}
	if err != nil {
		return err
	}
	return s.drawn.write(w, "/metrics", s.MetricsType, snapshot, s.Metrics)
}

func (s *Server) healthy(w http.ResponseWriter, r *http.Request) error {
	if _, err := s.Control.Snapshot(r.Context()); err != nil {
		return unavailable(err.Error())
	}
	return plain(w, "ok\n")
}

// ready fails while there is something that will change by itself.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) error {
	snapshot, err := s.Control.Snapshot(r.Context())
	switch {
	case err != nil:
		return unavailable(err.Error())
	case snapshot.Worker.Loaded.IsZero():
		return unavailable("no configuration is in force yet")
	}
	for i := range snapshot.Router.Instances {
		if v := &snapshot.Router.Instances[i]; v.Role == "INIT" {
			return unavailable("instance " + v.Name + " has not begun yet")
		}
	}
	return plain(w, "ok\n")
}

func plain(w http.ResponseWriter, text string) error {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	_, _ = fmt.Fprint(w, text) // who asked may be gone
	return nil
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

// Explained is the role of an instance, in words.
type Explained struct {
	Instance string   `json:"instance"`
	Text     []string `json:"text"` // a line each
}

func explain(s *Server, r *http.Request) (any, error) {
	name := r.URL.Query().Get("instance")
	seen, err := s.Control.Snapshot(r.Context())
	if err != nil {
		return nil, err
	}
	events, err := s.Control.Events(r.Context(), 0, false)
	if err != nil {
		return nil, err
	}
	text, ok := s.Why(seen, events, name)
	if !ok {
		return nil, badRequest(fmt.Sprintf("there is no instance %q", name))
	}
	return Explained{name, strings.Split(strings.TrimSuffix(text, "\n"), "\n")}, nil
}

func serverQuery() []parameter {
	return []parameter{
		{name: "server", kind: "string", about: "ADDRESS:PORT", required: true},
		{name: "of", kind: "string", about: "One of its virtual servers: ADDRESS:PORT, mark or group; by default all."},
		{name: "force", kind: "boolean", about: "Also if a virtual server loses its quorum."},
	}
}

// ordering is a route that changes what a real server is used for.
func ordering(order func(*ServerOrder, *http.Request) error) func(*Server, http.ResponseWriter, *http.Request) error {
	return done(func(s *Server, r *http.Request) (any, error) {
		q := r.URL.Query()
		o := ServerOrder{Of: q.Get("of")}
		var err error
		if o.Server, err = netip.ParseAddrPort(q.Get("server")); err != nil {
			return nil, badRequest(fmt.Sprintf("server=%s is not ADDRESS:PORT", q.Get("server")))
		}
		if o.Force, err = strconv.ParseBool(cmp.Or(q.Get("force"), "false")); err != nil {
			return nil, badRequest("force is true or false")
		}
		if err := order(&o, r); err != nil {
			return nil, err
		}
		return struct{}{}, s.Control.Serve(r.Context(), o)
	})
}

func recheck(s *Server, r *http.Request) (any, error) {
	q := r.URL.Query()
	server, err := netip.ParseAddrPort(q.Get("server"))
	switch {
	case err != nil && q.Get("server") != "":
		return nil, badRequest(fmt.Sprintf("server=%s is not ADDRESS:PORT", q.Get("server")))
	case err != nil && q.Get("of") == "":
		return nil, badRequest("say server=ADDRESS:PORT, of=VIRTUAL, or both")
	}
	list, err := s.Control.Recheck(r.Context(), server, q.Get("of"))
	return append([]Rechecked{}, list...), err
}

// mostWeight is the kernel's.
const mostWeight = 65535

func weighing(o *ServerOrder, r *http.Request) error {
	n, err := number(r, "weight")
	if err != nil || n > mostWeight || r.URL.Query().Get("weight") == "" {
		return badRequest(fmt.Sprintf("weight is a number from 0 to %d", mostWeight))
	}
	weight := int(n)
	o.Weight = &weight
	return nil
}

func maintain(s *Server, r *http.Request) (any, error) {
	on, err := strconv.ParseBool(r.URL.Query().Get("on"))
	if err != nil {
		return nil, badRequest("say on=true or on=false")
	}
	return s.Control.Maintain(r.Context(), on)
}

// number is a parameter that is one.
func number(r *http.Request, name string) (uint64, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.ParseUint(text, 10, 64)
	if err != nil {
		return 0, badRequest(fmt.Sprintf("%s=%s is not a number", name, text))
	}
	return n, nil
}
